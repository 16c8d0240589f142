"""The form that each kind of graph has to have, checked when a graph is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from aitia.graphs._adjacency import Adjacency
from aitia.graphs._edge import Edge, GraphKind, Mark, directed
from aitia.graphs._errors import CyclicGraph, GraphKindError

if TYPE_CHECKING:
    from aitia.graphs._graph import Graph

_HINT = {
    GraphKind.DAG: 'For edges like "a <-> b" make it an admg.',
    GraphKind.ADMG: "Undirected edges belong to a cpdag or an mpdag, circles to a pag.",
    GraphKind.CPDAG: "Bidirected edges belong to an admg or a pag, circles to a pag.",
    GraphKind.MPDAG: "Bidirected edges belong to an admg or a pag, circles to a pag.",
    GraphKind.UNDIRECTED: "Undirected graphs have no arrows.",
}


def inferred_kind(nodes: Sequence[str], edges: Iterable[Edge]) -> GraphKind:
    """The kind that the marks of the edges suggest, as `Graph.parse` describes it."""
    edges = tuple(edges)
    if any(Mark.CIRCLE in (edge.mark_a, edge.mark_b) for edge in edges):
        return GraphKind.PAG
    two_way = any(edge.bidirected for edge in edges)
    if not any(edge.undirected for edge in edges):
        return GraphKind.ADMG if two_way else GraphKind.DAG
    if two_way:
        return GraphKind.PAG
    # The weaker of the two: making the graph strengthens it to a CPDAG where the form allows.
    return GraphKind.CPDAG if not _cpdag_fault(nodes, edges) else GraphKind.MPDAG


def validate(nodes: Sequence[str], edges: Sequence[Edge], kind: GraphKind) -> GraphKind:
    """Check a graph's form and return its kind, narrowed where the form allows.

    Checked for each kind:

    - ``dag``, ``admg``: the sorts of edges; no directed cycle; at most one edge of a sort between two nodes.
    - ``cpdag``: Theorem 4.1 of Andersson, Madigan & Perlman (1997): a chain graph with chordal undirected
      components, no ``a -> b -- c`` with a and c not adjacent, every arrow strongly protected.
    - ``mpdag``: closed under Meek's (1995) four rules and extendable to a DAG without new unshielded colliders.
    - ``pag``: some way to turn its circles gives a graph that is ancestral and maximal, without new unshielded
      colliders; that of Zhang (2008, Theorem 2) is tried first. That every circle is needed is not checked, so
      that maximal ancestral graphs and PAGs with knowledge pass; `is_pag` checks it.
    - ``undirected``: only undirected edges.

    Raises:
        CyclicGraph: there is a directed cycle.
        GraphKindError: another condition fails; the message names the place.
    """
    for edge in edges:
        if edge.a == edge.b:
            if edge.directed:
                raise CyclicGraph((edge.a, edge.a))
            raise GraphKindError(f"The edge {edge} joins a node to itself.", "Remove it.")
        if not _allowed(edge, kind):
            word = {GraphKind.UNDIRECTED: "An undirected graph", GraphKind.ADMG: "An admg"}
            name = word.get(kind, f"A {kind.value}")
            raise GraphKindError(f"{name} has no edge like {edge}.", _HINT.get(kind, ""))
    adjacency = Adjacency.of(nodes, edges)
    if len(adjacency.topological_order) < len(nodes):
        raise CyclicGraph(find_cycle(nodes, adjacency))
    if kind is GraphKind.ADMG:
        return kind if any(edge.bidirected for edge in edges) else GraphKind.DAG
    if kind is GraphKind.DAG:
        return kind
    _one_edge_a_pair(edges, kind)
    if kind in (GraphKind.CPDAG, GraphKind.MPDAG):
        fault = _cpdag_fault(nodes, edges)
        if not fault:
            return GraphKind.CPDAG
        if kind is GraphKind.CPDAG:
            raise GraphKindError(
                f"This is not a cpdag: {fault}.",
                "With background knowledge it may be an mpdag; say kind='mpdag'.",
            )
        if fault := _mpdag_fault(nodes, edges):
            raise GraphKindError(
                f"This is not an mpdag: {fault}.",
                "An mpdag keeps undirected only what may point either way; orient the rest.",
            )
    if kind is GraphKind.PAG:
        from aitia.graphs._ancestral import pag_fault

        if fault := pag_fault(nodes, edges):
            raise GraphKindError(f"This is not a pag: {fault}.", "See Zhang (2008) for what a pag is.")
    return kind


def _allowed(edge: Edge, kind: GraphKind) -> bool:
    if kind is GraphKind.DAG:
        return edge.directed
    if kind is GraphKind.ADMG:
        return edge.directed or edge.bidirected
    if kind is GraphKind.UNDIRECTED:
        return edge.undirected
    return kind is GraphKind.PAG or edge.directed or edge.undirected


def _one_edge_a_pair(edges: Sequence[Edge], kind: GraphKind) -> None:
    seen: dict[frozenset[str], Edge] = {}
    for edge in edges:
        first = seen.setdefault(frozenset((edge.a, edge.b)), edge)
        if first is not edge:
            raise GraphKindError(
                f"Two nodes of a graph of kind {kind.value} have at most one edge between them, "
                f"but here are {first} and {edge}.",
                "Keep one of them.",
            )


def find_cycle(nodes: Sequence[str], adjacency: Adjacency) -> list[str]:
    """The names along one directed cycle, first and last the same. There must be one."""
    left = set(range(len(nodes))) - set(adjacency.topological_order)
    # What no topological order reaches may lie behind a cycle, but each of its nodes has a parent in it.
    at, step = min(left), {}
    path: list[int] = []
    while at not in step:
        step[at] = len(path)
        path.append(at)
        at = next(parent for parent in adjacency.parents[at] if parent in left)
    cycle = path[step[at] :][::-1]
    first = cycle.index(min(cycle))
    turned = cycle[first:] + cycle[:first]
    return [nodes[i] for i in (*turned, turned[0])]


class _Mixed:
    """Directed and undirected edges as sets of positions, for the checks of CPDAGs and MPDAGs."""

    def __init__(self, nodes: Sequence[str], edges: Iterable[Edge]) -> None:
        adjacency = Adjacency.of(nodes, edges)
        self.names = nodes
        self.parents = [set(each) for each in adjacency.parents]
        self.children = [set(each) for each in adjacency.children]
        self.lines = [set(each) for each in adjacency.undirected]

    def joined(self, a: int, b: int) -> bool:
        return b in self.parents[a] or b in self.children[a] or b in self.lines[a]

    def text(self, *pieces: int | str) -> str:
        return " ".join(each if isinstance(each, str) else self.names[each] for each in pieces)


def _chain_fault(graph: _Mixed) -> str:
    """A cycle with a directed edge on it once undirected edges may be walked either way; empty if none."""
    component = [-1] * len(graph.names)
    for start in range(len(graph.names)):
        stack = [start] if component[start] < 0 else []
        while stack:
            i = stack.pop()
            component[i] = start
            stack.extend(j for j in graph.lines[i] if component[j] < 0)
    arrows = set()
    for a, below in enumerate(graph.children):
        for b in below:
            if component[a] == component[b]:
                return f"the arrow {graph.text(a, '->', b)} lies on a cycle with undirected edges"
            arrows.add((component[a], component[b]))
    names = [str(i) for i in range(len(graph.names))]
    quotient = Adjacency.of(names, [directed(str(a), str(b)) for a, b in arrows])
    if len(quotient.topological_order) < len(names):
        through = [graph.names[int(i)] for i in find_cycle(names, quotient)]
        return f"a cycle with arrows leads through {' and '.join(dict.fromkeys(through))}"
    return ""


def chordal_order(lines: Sequence[set[int]]) -> list[int] | None:
    """The nodes of an undirected graph so that the earlier neighbours of each are joined to one another.

    Maximum cardinality search (Tarjan & Yannakakis 1984), in time linear in nodes and edges but for the check of
    the joins. Directing every edge from the earlier to the later node makes no unshielded collider.

    Returns:
        Positions in order, or None if the graph is not chordal.
    """
    weight = [0] * len(lines)
    # Nodes by how many of their neighbours are placed; stale entries are passed over.
    waiting: list[list[int]] = [list(range(len(lines)))[::-1]]
    place: dict[int, int] = {}
    while waiting:
        if not waiting[-1]:
            waiting.pop()
            continue
        i = waiting[-1].pop()
        if i in place or weight[i] != len(waiting) - 1:
            continue
        before = sorted((j for j in lines[i] if j in place), key=place.__getitem__)
        if before and not set(before[:-1]) <= lines[before[-1]]:
            return None
        place[i] = len(place)
        for j in lines[i]:
            if j not in place:
                weight[j] += 1
                if weight[j] == len(waiting):
                    waiting.append([])
                waiting[weight[j]].append(j)
    return list(place)


def _cpdag_fault(nodes: Sequence[str], edges: Iterable[Edge]) -> str:
    """Why a graph of directed and undirected edges is not a CPDAG; empty if it is one."""
    graph = _Mixed(nodes, edges)
    if fault := _chain_fault(graph):
        return fault
    if chordal_order(graph.lines) is None:
        return "its undirected edges have a cycle of four or more nodes without a chord"
    for b, before in enumerate(graph.parents):
        for a in before:
            for c in graph.lines[b]:
                if not graph.joined(a, c):
                    return f"in {graph.text(a, '->', b, '--', c)} the line should be an arrow"
            if not _protected(graph, a, b):
                return f"nothing forces the direction of {graph.text(a, '->', b)}"
    return ""


def _protected(graph: _Mixed, a: int, b: int) -> bool:
    """Whether a -> b is strongly protected (Andersson, Madigan & Perlman 1997, Definition 3.3)."""
    # (a) c -> a -> b with c and b apart; (b) a -> b <- c with a and c apart
    if any(not graph.joined(c, b) for c in graph.parents[a]):
        return True
    if any(c != a and not graph.joined(c, a) for c in graph.parents[b]):
        return True
    # (c) a -> c -> b
    if graph.children[a] & graph.parents[b]:
        return True
    # (d) a -- c1 -> b, a -- c2 -> b with c1 and c2 apart
    between = sorted(graph.lines[a] & graph.parents[b])
    return any(not graph.joined(c, d) for i, c in enumerate(between) for d in between[i + 1 :])


def _mpdag_fault(nodes: Sequence[str], edges: Sequence[Edge]) -> str:
    """Why a graph of directed and undirected edges is not an MPDAG; empty if it is one."""
    graph = _Mixed(nodes, edges)
    for a, beside in enumerate(graph.lines):
        for b in beside:
            if rule := _meek_rule(graph, a, b):
                return f"Meek's rule {rule} turns {graph.text(a, '--', b)} into {graph.text(a, '->', b)}"
    if consistent_extension(nodes, edges) is None:
        return "its lines cannot be directed without a cycle or a new unshielded collider"
    return ""


def _meek_rule(graph: _Mixed, a: int, b: int) -> int:
    """The number of the rule of Meek (1995) that orients a -- b as a -> b, or 0."""
    if any(not graph.joined(c, b) for c in graph.parents[a]):
        return 1
    if graph.children[a] & graph.parents[b]:
        return 2
    middle = sorted(graph.lines[a] & graph.parents[b])
    if any(not graph.joined(c, d) for i, c in enumerate(middle) for d in middle[i + 1 :]):
        return 3
    # a -- c -> d -> b with a and d adjacent, c and b apart
    for d in graph.parents[b]:
        if graph.joined(a, d):
            for c in graph.parents[d] & graph.lines[a]:
                if c != b and not graph.joined(c, b):
                    return 4
    return 0


def consistent_extension(nodes: Sequence[str], edges: Iterable[Edge]) -> list[Edge] | None:
    """Directed edges of a DAG with the same adjacencies, arrows and unshielded colliders (Dor & Tarsi 1992).

    Returns:
        The edges, or None where there is no such DAG.
    """
    graph = _Mixed(nodes, edges)
    found: list[Edge] = []
    left = set(range(len(nodes)))

    def is_sink(i: int) -> bool:
        if graph.children[i]:
            return False
        around = graph.parents[i] | graph.lines[i]
        return all(graph.joined(j, k) for j in graph.lines[i] for k in around if k != j)

    waiting = set(left)
    while waiting:
        i = waiting.pop()
        if i not in left or not is_sink(i):
            continue
        left.discard(i)
        around = graph.parents[i] | graph.lines[i]
        for j in around:
            found.append(directed(nodes[j], nodes[i]))
            graph.children[j].discard(i)
            graph.lines[j].discard(i)
        # Only the neighbours of what was taken out can have become sinks.
        waiting |= around
    return None if left else found


def representative(graph: Graph) -> Graph:
    """A graph of directed, bidirected and undirected edges with the same separations.

    A DAG of the class for a CPDAG or MPDAG, a maximal ancestral graph of the class for a PAG; a DAG, an ADMG
    and an undirected graph stand for themselves.

    Example:
        >>> from aitia.graphs import Graph
        >>> representative(Graph.parse("a -- b -- c")).kind
        <GraphKind.DAG: 'dag'>
    """
    return graph._representative


def member_of(graph: Graph) -> Graph:
    """What `representative` answers, found anew."""
    if graph.kind in (GraphKind.CPDAG, GraphKind.MPDAG):
        edges = consistent_extension(graph.nodes, graph.edges)
        if edges is None:
            raise GraphKindError("The graph cannot be extended to a DAG.", "Report this: it was checked.")
        return type(graph)._trusted(graph.nodes, tuple(edges), graph.latent, graph.selected, GraphKind.DAG)
    if graph.kind is GraphKind.PAG:
        from aitia.graphs._ancestral import pag_member

        edges = pag_member(graph.nodes, graph.edges)
        if edges is None:
            raise GraphKindError("The circles cannot be oriented.", "Report this: it was checked.")
        return type(graph)._trusted(graph.nodes, tuple(edges), graph.latent, graph.selected, graph.kind)
    return graph
