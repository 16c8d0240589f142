"""m-separation in linear time, with an open path as witness."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from aitia.graphs._adjacency import Adjacency
from aitia.graphs._edge import Edge
from aitia.graphs._errors import OverlappingSets
from aitia.graphs._graph import Graph, Nodes
from aitia.graphs._kinds import representative


def reached(
    graph: Adjacency,
    start: Iterable[int],
    given: set[int],
    within: set[int] | None = None,
    colliders: set[int] | None = None,
) -> set[int]:
    """The positions to which an m-connecting walk leads from `start` given `given`.

    The walk of Shachter's (1998) Bayes ball, with bidirected and undirected edges: a state is a node and
    whether it was entered at an arrowhead. Conditioned nodes that a walk runs into are part of the answer; so
    are the starting nodes.

    Args:
        graph: neighbour lists without circles.
        start: where walks begin.
        given: what is conditioned on.
        within: the subgraph that walks stay in; None is the whole graph.
        colliders: the nodes at which colliders are open; None takes the ancestors of `given`.
    """
    if colliders is None:
        colliders = graph.closure(given, graph.parents)
    parents, children = graph.parents, graph.children
    spouses, undirected = graph.spouses, graph.undirected
    by_tail: set[int] = set(start)
    by_arrow: set[int] = set()
    # A start is left by any edge, as a node entered at a tail is.
    stack = [(i, False) for i in by_tail]
    first = frozenset(by_tail)
    push = stack.append
    while stack:
        i, arrow = stack.pop()
        chain = i not in given or (not arrow and i in first)
        if chain:
            for j in children[i]:
                if j not in by_arrow and (within is None or j in within):
                    by_arrow.add(j)
                    push((j, True))
            for j in undirected[i]:
                if j not in by_tail and (within is None or j in within):
                    by_tail.add(j)
                    push((j, False))
        if (i in colliders) if arrow else chain:
            for j in parents[i]:
                if j not in by_tail and (within is None or j in within):
                    by_tail.add(j)
                    push((j, False))
            for j in spouses[i]:
                if j not in by_arrow and (within is None or j in within):
                    by_arrow.add(j)
                    push((j, True))
    return by_tail | by_arrow


@dataclass(frozen=True)
class Query:
    """Two sets and what is conditioned on, by position in a graph without circles."""

    graph: Graph
    x: frozenset[int]
    y: frozenset[int]
    given: frozenset[int]


def query(graph: Graph, x: Nodes, y: Nodes, given: Nodes, words: str = "The conditioning set") -> Query:
    """The sets of a question about separation, checked, selection nodes put under the condition.

    Raises:
        UnknownNode: a name is not in the graph.
        OverlappingSets: two of the sets share a node, or x or y holds a selection node.
    """
    solid = representative(graph)
    named = (
        ("The first set", frozenset(solid.indices(x))),
        ("the second set", frozenset(solid.indices(y))),
        (words, frozenset(solid.indices(given)) | frozenset(solid.indices(graph.selected))),
    )
    for i, (first, one) in enumerate(named):
        for second, other in named[i + 1 :]:
            if one & other:
                raise OverlappingSets(first, second, graph._set(one & other))
    return Query(solid, named[0][1], named[1][1], named[2][1])


def m_separated(graph: Graph, x: Nodes, y: Nodes, given: Nodes = ()) -> bool:
    """Whether `given`, with the selection nodes, blocks every path between `x` and `y`.

    A path is open if every collider on it is an ancestor of the conditioning set and no other inner node is in
    that set (Richardson & Spirtes 2002, Definition 3.2). In a DAG this is d-separation. A CPDAG, MPDAG or PAG is
    answered for the class. Time is linear in nodes and edges.

    Args:
        graph: the graph.
        x: one node or several.
        y: one node or several.
        given: what is conditioned on; may name latent nodes.

    Returns:
        True if separated; then x and y are independent given `given` in every distribution of the graph.

    Raises:
        UnknownNode: a name is not in the graph.
        OverlappingSets: the sets share a node, or x or y holds a selection node.

    Example:
        >>> graph = Graph.parse("x -> m -> y; x <-> y")
        >>> m_separated(graph, "x", "y", "m")
        False
        >>> m_separated(graph.without_edges("x <-> y"), "x", "y", "m")
        True
    """
    asked = query(graph, x, y, given)
    return not reached(asked.graph._adjacency, asked.x, set(asked.given)) & asked.y


def reachable(graph: Graph, start: Nodes, given: Nodes = ()) -> frozenset[str]:
    """All nodes that are m-connected to a node of `start` given `given` and the selection nodes.

    One linear walk answers for every node at once (Shachter's 1998 Bayes ball): y is m-separated from `start`
    given `given` if and only if it is not in the answer. Nodes of `start` that are in `given` still count as
    starts, so ``reachable(graph, x, {x} | z)`` asks what moves with x when it is known.

    Returns:
        Names, without those in `start`, in `given` and the selection nodes.

    Example:
        >>> sorted(reachable(Graph.parse("a -> c <- b; c -> d"), "a"))
        ['c', 'd']
    """
    solid = representative(graph)
    begin = solid.indices(start)
    known = set(solid.indices(given)) | set(solid.indices(graph.selected))
    return solid._set(reached(solid._adjacency, begin, known) - known - set(begin))


@dataclass(frozen=True)
class Path:
    """A path in a graph.

    Args:
        nodes: its nodes in order.
        edges: the edges between them, one fewer.
    """

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]

    def __str__(self) -> str:
        pieces = [self.nodes[0]]
        for node, edge in zip(self.nodes[1:], self.edges):
            symbol = edge.symbol if edge.b == node else _TURNED.get(edge.symbol, edge.symbol)
            pieces += [symbol, node]
        return " ".join(pieces)


_TURNED = {"->": "<-", "o->": "<-o", "--o": "o--"}


def m_connecting_path(graph: Graph, x: Nodes, y: Nodes, given: Nodes = ()) -> Path | None:
    """One open path between `x` and `y` given `given` and the selection nodes, or None if they are separated.

    The witness of an answer of `m_separated`. Colliders on it are ancestors of the conditioning set. For a
    CPDAG, MPDAG or PAG the path is in one member of the class.

    Args:
        graph: the graph.
        x: one node or several.
        y: one node or several.
        given: what is conditioned on.

    Raises:
        UnknownNode: a name is not in the graph.
        OverlappingSets: the sets share a node, or x or y holds a selection node.

    Example:
        >>> graph = Graph.parse("x <- a -> c <- b -> y")
        >>> print(m_connecting_path(graph, "x", "y", "c"))
        x <- a -> c <- b -> y
        >>> m_connecting_path(graph, "x", "y") is None
        True
    """
    asked = query(graph, x, y, given)
    adjacency, known = asked.graph._adjacency, asked.given
    colliders = adjacency.closure(known, adjacency.parents)
    # Breadth first over (node, entered at an arrowhead); the state before each is remembered. The shortest
    # open walk may pass a node twice only around a collider, and is cut short to a path below.
    came: dict[tuple[int, bool], tuple[tuple[int, bool], str] | None] = {
        (i, False): None for i in sorted(asked.x)
    }
    queue = deque(came)
    end: tuple[int, bool] | None = None
    while queue and end is None:
        state = queue.popleft()
        i, arrow = state
        steps: list[tuple[tuple[int, bool], str]] = []
        if i not in known:
            steps += [((j, True), "->") for j in adjacency.children[i]]
            steps += [((j, False), "--") for j in adjacency.undirected[i]]
        if (i in colliders) if arrow else (i not in known):
            steps += [((j, False), "<-") for j in adjacency.parents[i]]
            steps += [((j, True), "<->") for j in adjacency.spouses[i]]
        for step, symbol in steps:
            if step not in came:
                came[step] = (state, symbol)
                queue.append(step)
                if step[0] in asked.y:
                    end = step
                    break
    if end is None:
        return None
    walk: list[tuple[int, str]] = []
    state = end
    while (before := came[state]) is not None:
        walk.append((state[0], before[1]))
        state = before[0]
    walk.append((state[0], ""))
    walk.reverse()
    return _as_path(asked, _without_repeats(walk))


def _without_repeats(walk: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """The walk with every stretch between two visits of one node cut out.

    An open walk stays open: if the node is a collider after the cut, it was one or an ancestor of one before.
    """
    last = {node: position for position, (node, _) in enumerate(walk)}
    path: list[tuple[int, str]] = []
    position = 0
    while position < len(walk):
        node, symbol = walk[position]
        path.append((node, symbol))
        position = last[node] + 1
    return path


def _as_path(asked: Query, steps: list[tuple[int, str]]) -> Path:
    from aitia.graphs._edge import bidirected, directed, undirected

    names = [asked.graph.nodes[i] for i, _ in steps]
    edges = []
    for a, b, (_, symbol) in zip(names, names[1:], steps[1:]):
        if symbol == "<->":
            edges.append(bidirected(a, b))
        elif symbol == "--":
            edges.append(undirected(a, b))
        else:
            edges.append(directed(a, b) if symbol == "->" else directed(b, a))
    return Path(tuple(names), tuple(edges))
