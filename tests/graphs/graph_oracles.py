"""Slow answers straight from definitions, and random graphs, for the tests of this room."""

from __future__ import annotations

from itertools import chain, combinations, pairwise, product

from hypothesis import reject
from hypothesis import strategies as st

from aitia.graphs import CyclicGraph, Edge, Graph, GraphKind, GraphKindError, Mark
from aitia.graphs._edge import bidirected, directed, undirected


def subsets(items):
    items = sorted(items)
    return (set(each) for each in chain.from_iterable(combinations(items, k) for k in range(len(items) + 1)))


def descendants(graph, node):
    found, stack = {node}, [node]
    while stack:
        at = stack.pop()
        for edge in graph.edges:
            if edge.directed and edge.a == at and edge.b not in found:
                found.add(edge.b)
                stack.append(edge.b)
    return found


def simple_paths(graph, x, y):
    """All paths from x to y: lists of (edge, node it leads to), no node twice."""

    def extend(path, visited):
        at = path[-1][1] if path else x
        if at == y:
            yield list(path)
            return
        for edge in graph.edges:
            if at in (edge.a, edge.b) and (other := edge.other(at)) not in visited:
                yield from extend([*path, (edge, other)], visited | {other})

    yield from extend([], {x})


def is_open(graph, x, path, given):
    """Richardson & Spirtes 2002, Definition 3.2, for one path."""
    for (before, node), (after, _) in pairwise(path):
        collider = before.mark_at(node) is Mark.ARROW and after.mark_at(node) is Mark.ARROW
        if collider and not descendants(graph, node) & given:
            return False
        if not collider and node in given:
            return False
    return True


def separated(graph, x, y, given):
    """m-separation of two nodes by trying every path."""
    given = set(given) | graph.selected
    return not any(is_open(graph, x, path, given) for path in simple_paths(graph, x, y))


def separated_sets(graph, xs, ys, given):
    return all(separated(graph, x, y, given) for x in xs for y in ys)


@st.composite
def mixed_graphs(draw, most=6, two_way=True, flags=False, least=2):
    """A random DAG or ADMG whose nodes are listed in a random order."""
    size = draw(st.integers(least, most))
    order = draw(st.permutations([f"v{i}" for i in range(size)]))
    pairs = list(combinations(order, 2))
    sorts = st.sampled_from(["", "", "d", "d", "b", "db"] if two_way else ["", "d"])
    edges: list[Edge] = []
    for (a, b), sort in zip(pairs, draw(st.lists(sorts, min_size=len(pairs), max_size=len(pairs)))):
        edges += [directed(a, b)] * ("d" in sort) + [bidirected(a, b)] * ("b" in sort)
    latent, selected = [], []
    if flags:
        marks = draw(st.lists(st.sampled_from(["", "", "", "l", "s"]), min_size=size, max_size=size))
        latent = [node for node, mark in zip(order, marks) if mark == "l"]
        selected = [node for node, mark in zip(order, marks) if mark == "s"]
    plain = Graph.build(sorted(order), latent=latent, selected=selected)
    return plain.with_edges(edges)


@st.composite
def questions(draw, **options):
    """A graph, two of its nodes that are not selected, and some of the others."""
    graph = draw(mixed_graphs(**options))
    free = [node for node in graph.nodes if node not in graph.selected]
    if len(free) < 2:
        graph = graph.with_flags(selected=())
        free = list(graph.nodes)
    x, y, *others = draw(st.permutations(free))
    count = draw(st.integers(0, len(others)))
    return graph, x, y, frozenset(others[:count])


@st.composite
def ancestral_graphs(draw):
    """A random maximal ancestral graph: undirected edges above, directed and bidirected ones below."""
    names = [f"v{i}" for i in range(draw(st.integers(3, 6)))]
    top = draw(st.integers(1, len(names)))
    edges = []
    for (i, a), (j, b) in combinations(enumerate(names), 2):
        if j < top:
            sort = draw(st.sampled_from(["", "u"]))
        elif i < top:
            sort = draw(st.sampled_from(["", "d"]))
        else:
            sort = draw(st.sampled_from(["", "d", "b"]))
        edges += (
            [undirected(a, b)] * (sort == "u")
            + [directed(a, b)] * (sort == "d")
            + [bidirected(a, b)] * (sort == "b")
        )
    try:
        return Graph(tuple(names), tuple(edges), kind=GraphKind.PAG)
    except GraphKindError:
        reject()


def colliders(edges):
    """Unshielded colliders of a set of edges, by the directed ones."""
    joined = {frozenset((edge.a, edge.b)) for edge in edges}
    into = [edge for edge in edges if edge.directed]
    return frozenset(
        (frozenset((one.a, other.a)), one.b)
        for one, other in combinations(into, 2)
        if one.b == other.b and frozenset((one.a, other.a)) not in joined
    )


def skeleton(edges):
    return frozenset(frozenset((edge.a, edge.b)) for edge in edges)


def union(dags):
    """The graph that has an arrow where all the given DAGs agree, and a line elsewhere."""
    dags = list(dags)
    edges = set()
    for edge in dags[0]:
        agreed = all(edge in dag for dag in dags)
        edges.add(edge if agreed else undirected(edge.a, edge.b))
    return frozenset(edges)


def cpdag_of(graph):
    """The CPDAG of a small DAG by orienting its skeleton in every way."""
    pairs = sorted(tuple(sorted(pair)) for pair in skeleton(graph.edges))
    alike = []
    for turns in product((True, False), repeat=len(pairs)):
        edges = [directed(a, b) if turn else directed(b, a) for (a, b), turn in zip(pairs, turns)]
        if colliders(edges) == colliders(graph.edges):
            try:
                alike.append(Graph(graph.nodes, tuple(edges)).edges)
            except CyclicGraph:
                continue
    return Graph(graph.nodes, tuple(union(alike) if pairs else ()), kind=GraphKind.CPDAG)
