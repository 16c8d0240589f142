"""The form of each kind of graph, against brute force over all small graphs."""

from itertools import combinations, product

import pytest
from graph_oracles import colliders, mixed_graphs, separated, skeleton, subsets, union
from hypothesis import given, settings

from aitia.graphs import CyclicGraph, Edge, Graph, GraphKind, GraphKindError, representative
from aitia.graphs._edge import directed, undirected

NODES = ("a", "b", "c", "d")
PAIRS = tuple(combinations(NODES, 2))


def all_graphs(choices):
    for chosen in product(choices, repeat=len(PAIRS)):
        yield [
            {">": directed(a, b), "<": directed(b, a), "-": undirected(a, b)}[choice]
            for (a, b), choice in zip(PAIRS, chosen)
            if choice
        ]


def is_acyclic(edges):
    left, edges = set(NODES), list(edges)
    while True:
        free = left - {edge.b for edge in edges if edge.a in left}
        if not free:
            return not left
        left -= free
        edges = [edge for edge in edges if edge.a in left]


DAGS = [frozenset(edges) for edges in all_graphs(("", ">", "<")) if is_acyclic(edges)]


def essential_graphs():
    classes = {}
    for dag in DAGS:
        classes.setdefault((skeleton(dag), colliders(dag)), []).append(dag)
    return {union(dags) for dags in classes.values()}


def accepted(edges, kind):
    try:
        return Graph(NODES, tuple(edges), kind=kind).kind is kind
    except (GraphKindError, CyclicGraph):
        return False


def test_exactly_the_cpdags_over_four_nodes_are_accepted():
    assert len(DAGS) == 543  # Robinson (1973), labelled DAGs on four nodes; OEIS A003024
    essential = essential_graphs()
    assert len(essential) == 185  # Gillispie & Perlman (2002): 2, 11, 185, 8782, ...; OEIS A007984
    found = {
        frozenset(edges) for edges in all_graphs(("", ">", "<", "-")) if accepted(edges, GraphKind.CPDAG)
    }
    assert found == essential


def test_exactly_the_mpdags_over_four_nodes_are_accepted():
    members = {}
    for dag in DAGS:
        members.setdefault(skeleton(dag), []).append(dag)
    essential = essential_graphs()
    wrong = []
    for edges in all_graphs(("", ">", "<", "-")):
        mixed = frozenset(edges)
        arrows = {edge for edge in mixed if edge.directed}
        inside = [
            dag
            for dag in members.get(skeleton(mixed), ())
            if arrows <= dag and colliders(dag) == colliders(mixed)
        ]
        expected = bool(inside) and union(inside) == mixed
        kind = GraphKind.CPDAG if mixed in essential else GraphKind.MPDAG
        try:
            got = Graph(NODES, tuple(edges), kind=GraphKind.MPDAG).kind is kind
        except (GraphKindError, CyclicGraph):
            got = False
        if got != expected:
            wrong.append(edges)
    assert not wrong


@settings(max_examples=150, deadline=None)
@given(mixed_graphs(most=5))
def test_a_mixed_graph_is_ancestral_and_maximal_by_definition(graph):
    """Richardson & Spirtes (2002): no almost directed cycle; some set separates each two that are not joined."""
    ancestral = all(
        edge.directed or (edge.a not in graph.ancestors(edge.b) and edge.b not in graph.ancestors(edge.a))
        for edge in graph.edges
    )
    maximal = all(
        any(separated(graph, x, y, condition) for condition in subsets(set(graph.nodes) - {x, y}))
        for x, y in combinations(graph.nodes, 2)
        if y not in graph.neighbors(x)
    )
    try:
        Graph(graph.nodes, graph.edges, kind=GraphKind.PAG)
        got = True
    except GraphKindError:
        got = False
    assert got == (ancestral and maximal)


def test_messages_of_forms_that_fail():
    cases = {
        ("[cpdag]; a -> b", "nothing forces the direction of a -> b"),
        ("[cpdag]; a -> b -- c", "the line should be an arrow"),
        ("[cpdag]; a -- b; b -- c; c -- d; d -- a", "without a chord"),
        ("[cpdag]; a -> b; b -- c; c -- a", "lies on a cycle with undirected edges"),
        ("[mpdag]; a -> b -- c", "Meek's rule 1 turns b -- c into b -> c"),
        ("[mpdag]; a -> b -> c; a -- c", "Meek's rule 2 turns a -- c into a -> c"),
        ("[mpdag]; a -- b; b -- c; c -- d; d -- a", "without a cycle or a new unshielded collider"),
        ("[pag]; a -> b <-> a", "at most one edge between them"),
        ("[pag]; a -> b -> c; a <-> c", "a is an ancestor of c, and yet they are joined by <->"),
        ("[pag]; a o-o b; b o-o c; c o-o d; d o-o a", "without a chord"),
        ("[pag]; a -- b; b <-> c", "has an undirected edge and an arrowhead"),
        ("[pag]; a o-> b; b o-> c; c -> a", "directed and o-> edges make a cycle"),
        ("[undirected]; a -> b", "An undirected graph has no edge like a -> b"),
        ("[admg]; a o-> b", "An admg has no edge like a o-> b"),
    }
    for text, message in cases:
        with pytest.raises(GraphKindError) as caught:
            Graph.parse(text)
        assert message in str(caught.value), text


def test_a_graph_that_is_not_maximal_names_the_pair():
    # After Richardson & Spirtes (2002): ancestral, but the path c <-> a <-> b <-> d is inducing
    with pytest.raises(GraphKindError, match="no set separates c and d"):
        Graph.parse("[pag]; c <-> a <-> b <-> d; a -> d; b -> c")


def test_the_representative_of_a_pag():
    pag = Graph.parse("a o-> c; b o-> c; c -> d; e o-o f")
    member = representative(pag)
    assert Edge("a", "c") in member.edges and Edge("c", "d") in member.edges
    assert len(member.edges) == 4 and not any("circle" in (e.mark_a, e.mark_b) for e in member.edges)
