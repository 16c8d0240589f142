"""What may cause what in a graph only partly known: possible relatives and possibly directed paths."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import pairwise

from aitia.graphs._edge import Edge, GraphKind, Mark
from aitia.graphs._graph import Graph, Nodes
from aitia.graphs._separation import Path

_LINED = (GraphKind.CPDAG, GraphKind.MPDAG)


class Steps:
    """The steps along edges that may point forward, by position.

    Args:
        graph: a graph of any kind.
    """

    def __init__(self, graph: Graph) -> None:
        count = range(len(graph.nodes))
        near = graph._adjacency
        self.names = graph.nodes
        self.joined = [set(near.adjacent(i)) for i in count]
        self.ahead: list[list[int]] = [list(each) for each in near.children]
        self.back: list[list[int]] = [list(each) for each in near.parents]
        self.parents = near.parents
        if graph.kind in _LINED:
            for i in count:
                self.ahead[i] += near.undirected[i]
                self.back[i] += near.undirected[i]
        elif graph.kind is GraphKind.PAG:
            for edge in graph.edges:
                if Mark.CIRCLE in (edge.mark_a, edge.mark_b):
                    a, b = near.index[edge.a], near.index[edge.b]
                    for one, other, behind, before in (
                        (a, b, edge.mark_a, edge.mark_b),
                        (b, a, edge.mark_b, edge.mark_a),
                    ):
                        if behind is not Mark.ARROW and before is not Mark.TAIL:
                            self.ahead[one].append(other)
                            self.back[other].append(one)

    def reach(
        self, starts: Iterable[int], steps: list[list[int]], avoid: frozenset[int] = frozenset()
    ) -> dict[tuple[int, int], tuple[int, int] | None]:
        """The steps of uncovered walks from the starts, breadth first, each with the step before it.

        Uncovered walks suffice: some of the nodes of any possibly directed path make an uncovered one (Zhang 2008,
        Lemma B.1 of the orientation paper; Perkovic et al. 2017, Lemma 3.6 for an MPDAG). They are also needed: on a
        covered one of an MPDAG each edge may point forward and yet never all of them do.
        """
        came: dict[tuple[int, int], tuple[int, int] | None] = {}
        begin = sorted(set(starts) - avoid)
        queue: deque[tuple[int, int]] = deque()
        for a in begin:
            for b in steps[a]:
                if b not in avoid:
                    came[a, b] = None
                    queue.append((a, b))
        while queue:
            state = queue.popleft()
            before, at = state
            for after in steps[at]:
                step = (at, after)
                if (
                    after != before
                    and after not in self.joined[before]
                    and step not in came
                    and after not in avoid
                ):
                    came[step] = state
                    queue.append(step)
        return came


def possible_descendants(graph: Graph, nodes: Nodes) -> frozenset[str]:
    """The given nodes and all that one of them causes in some member of the class (inclusive).

    Those at the end of a possibly directed path: an uncovered one (no two nodes next but one to each other are
    joined) all of whose edges may point forward. In a DAG or ADMG these are the descendants.

    Args:
        graph: the graph, of any kind.
        nodes: one node or several.

    Example:
        >>> sorted(possible_descendants(Graph.parse("a -- b; b -> c <- d; c -> e"), "b"))
        ['a', 'b', 'c', 'e']
    """
    steps = Steps(graph)
    starts = graph.indices(nodes)
    return graph._set({*starts, *(b for _, b in steps.reach(starts, steps.ahead))})


def possible_ancestors(graph: Graph, nodes: Nodes) -> frozenset[str]:
    """The given nodes and all that cause one of them in some member of the class (inclusive).

    See `possible_descendants`, of which this is the converse.

    Example:
        >>> sorted(possible_ancestors(Graph.parse("a o-o b; b o-> c; d o-> c"), "c"))
        ['a', 'b', 'c', 'd']
    """
    steps = Steps(graph)
    ends = graph.indices(nodes)
    return graph._set({*ends, *(a for _, a in steps.reach(ends, steps.back))})


def possible_parents(graph: Graph, nodes: Nodes) -> frozenset[str]:
    """The nodes p whose edge with an x in `nodes` is ``p -> x`` in some member of the class.

    Example:
        >>> sorted(possible_parents(Graph.parse("a -> b; b <-o c; b <-> d"), "b"))
        ['a', 'c']
    """
    return graph._union(Steps(graph).back, nodes)


def possible_children(graph: Graph, nodes: Nodes) -> frozenset[str]:
    """The nodes c whose edge with an x in `nodes` is ``x -> c`` in some member of the class."""
    return graph._union(Steps(graph).ahead, nodes)


def possibly_directed_path(graph: Graph, x: Nodes, y: Nodes, *, avoid: Nodes = ()) -> Path | None:
    """A shortest uncovered possibly directed path from `x` to `y`, or None if there is none.

    The witness that some member of the class has a directed path from x to y outside `avoid`. It is proper: only
    its first node is in `x`. Found by breadth-first search over edges, in time at most the number of pairs of edges
    that meet.

    Args:
        graph: the graph, of any kind.
        x: one node or several.
        y: one node or several.
        avoid: nodes not to be passed.

    Example:
        >>> print(possibly_directed_path(Graph.parse("a -- b -- c"), "a", "c"))
        a -- b -- c
    """
    steps = Steps(graph)
    starts, ends = graph.indices(x), set(graph.indices(y))
    came = steps.reach(starts, steps.ahead, frozenset(graph.indices(avoid)))
    inside = set(starts)
    for step in came:
        if step[1] in ends and step[1] not in inside:
            walk = [step[1]]
            at: tuple[int, int] | None = step
            while at is not None:
                walk.append(at[0])
                if at[0] in inside:
                    break
                at = came[at]
            return path_along(graph, [graph.nodes[i] for i in reversed(walk)])
    return None


def possibly_directed_paths(graph: Graph, x: Nodes, y: Nodes) -> Iterator[Path]:
    """All proper possibly directed paths from `x` to `y`, covered ones too; there can be very many.

    Every edge of such a path may point forward (Zhang 2008); in an MPDAG, besides, no edge between any two of its
    nodes points from the later to the earlier (Perkovic, Kalisch & Maathuis 2017, Definition 3.1). Only its first
    node is in `x`, only its last in `y`.

    Args:
        graph: the graph, of any kind.
        x: one node or several.
        y: one node or several.

    Example:
        >>> for path in possibly_directed_paths(Graph.parse("a o-o b; a o-> c; b o-> c"), "a", "c"):
        ...     print(path)
        a o-o b o-> c
        a o-> c
    """
    steps = Steps(graph)
    starts, ends = frozenset(graph.indices(x)), frozenset(graph.indices(y))
    lined = graph.kind in _LINED
    stack = [(i,) for i in sorted(starts, reverse=True)]
    while stack:
        walk = stack.pop()
        if walk[-1] in ends and walk[-1] not in starts:
            yield path_along(graph, [graph.nodes[i] for i in walk])
            continue
        stack += [
            (*walk, after)
            for after in sorted(steps.ahead[walk[-1]], reverse=True)
            if after not in walk
            and after not in starts
            and not (lined and any(after in steps.parents[earlier] for earlier in walk))
        ]


def path_along(graph: Graph, nodes: list[str]) -> Path:
    """The path through the given nodes, by the first edge that joins each two."""
    edges: list[Edge] = [graph.edges_between(a, b)[0] for a, b in pairwise(nodes)]
    return Path(tuple(nodes), tuple(edges))
