"""The graph itself: construction, relatives, and the graphs made from it."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from graph_oracles import descendants, mixed_graphs, separated, simple_paths, subsets
from hypothesis import given, settings
from hypothesis import strategies as st

import aitia
from aitia.core import AitiaError
from aitia.graphs import (
    CyclicGraph,
    Edge,
    Graph,
    GraphError,
    GraphKind,
    GraphKindError,
    Mark,
    UnknownNode,
    m_separated,
)

LAWS = settings(max_examples=60, deadline=None)


def test_an_edge_has_no_reading_direction():
    assert Edge("b", "a", Mark.ARROW, Mark.TAIL) == Edge("a", "b", Mark.TAIL, Mark.ARROW)
    assert Edge("b", "a", Mark.ARROW, Mark.CIRCLE).a == "a"
    edge = Edge("b", "a", Mark.ARROW, Mark.CIRCLE)
    assert edge.mark_at("a") is Mark.CIRCLE and edge.mark_at("b") is Mark.ARROW and edge.other("b") == "a"


@LAWS
@given(mixed_graphs(flags=True), st.randoms(use_true_random=False))
def test_equality_does_not_depend_on_order(graph, random):
    nodes, edges = list(graph.nodes), list(graph.edges)
    random.shuffle(nodes)
    random.shuffle(edges)
    other = Graph(tuple(nodes), tuple(edges * 2), graph.latent, graph.selected, graph.kind)
    assert other == graph and hash(other) == hash(graph)
    assert pickle.loads(pickle.dumps(graph)) == graph


def test_a_graph_hashes_right_after_a_journey_to_another_process():
    # Texts hash differently in each process, so that a cached hash must not travel.
    program = (
        "import pickle, sys; from aitia.graphs import Graph; graph = Graph.parse('a -> b; u [latent]');"
        "hash(graph), graph.ancestors('b'); sys.stdout.buffer.write(pickle.dumps(graph))"
    )
    source = str(Path(aitia.__file__).parents[1])
    environment = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": source}
    sent = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=True
    ).stdout
    assert pickle.loads(sent) in {Graph.parse("a -> b; u [latent]")}


def test_graphs_that_differ_are_not_equal():
    graph = Graph.parse("a -> b; c")
    for text in (
        "a -> b",
        "b -> a; c",
        "a <-> b; c",
        "a -> b; c [latent]",
        "a -> b; c [selected]",
        "[cpdag]; a; b; c",
    ):
        assert Graph.parse(text) != graph
    assert graph != "a -> b; c"


def test_the_kind_is_found_and_narrowed():
    assert Graph.parse("a -> b").kind is GraphKind.DAG
    assert Graph.parse("a -> b; a <-> b").kind is GraphKind.ADMG
    assert Graph(("a", "b"), (Edge("a", "b"),), kind=GraphKind.ADMG).kind is GraphKind.DAG
    assert Graph.parse("a <-> b").without_edges("a <-> b").kind is GraphKind.DAG
    assert Graph.parse("a -- b; b -- c", kind="mpdag").kind is GraphKind.CPDAG


def test_a_cycle_is_named():
    with pytest.raises(CyclicGraph) as caught:
        Graph.parse("d -> a; a -> b -> c -> a; c -> e")
    assert caught.value.cycle == ("a", "b", "c", "a")
    assert "a -> b -> c -> a" in str(caught.value)
    with pytest.raises(CyclicGraph, match="a -> a"):
        Graph.parse("a -> a")
    with pytest.raises(CyclicGraph):
        Graph.parse("a -> b").with_edges("b -> a")


def test_bad_construction_has_named_errors():
    with pytest.raises(UnknownNode, match=r"no node 'z'.*the edge a -> z"):
        Graph(("a",), (Edge("a", "z"),))
    with pytest.raises(UnknownNode, match="list of latent nodes"):
        Graph(("a",), latent=frozenset("z"))
    with pytest.raises(GraphError, match="listed twice"):
        Graph(("a", "a"))
    with pytest.raises(GraphError, match="non-empty text"):
        Graph(("",))
    with pytest.raises(GraphError, match="both latent and selected"):
        Graph(("a",), latent=frozenset("a"), selected=frozenset("a"))
    with pytest.raises(GraphKindError, match="joins a node to itself"):
        Graph.parse("a <-> a")
    with pytest.raises(GraphKindError, match="A dag has no edge like a <-> b"):
        Graph.parse("a <-> b", kind="dag")


def test_unknown_nodes_are_answered_with_the_nearest():
    graph = Graph.parse("age -> income")
    for ask in (graph.parents, graph.ancestors, graph.subgraph, graph.without_incoming, graph.district):
        with pytest.raises(UnknownNode, match="Did you mean 'age'"):
            ask("agee")
    assert issubclass(UnknownNode, AitiaError)


def test_relatives_of_a_known_graph():
    graph = Graph.parse("a -> b -> c; a -> c; b <-> d; d <-> e; e -> c; f")
    assert graph.parents("c") == {"a", "b", "e"}
    assert graph.children({"a", "e"}) == {"b", "c"}
    assert graph.spouses("d") == {"b", "e"}
    assert graph.neighbors("b") == {"a", "c", "d"}
    assert graph.ancestors("c") == {"a", "b", "c", "e"}
    assert graph.descendants({"b", "f"}) == {"b", "c", "f"}
    assert graph.districts() == [{"a"}, {"b", "d", "e"}, {"c"}, {"f"}]
    assert graph.districts(["b", "e", "a"]) == [{"a"}, {"b"}, {"e"}]
    assert graph.district("e") == {"b", "d", "e"}
    assert graph.edges_between("b", "d") == (Edge("b", "d", Mark.ARROW, Mark.ARROW),)
    assert graph.edges_between("a", "d") == ()
    assert graph.topological_order() == ("a", "b", "d", "e", "c", "f")
    assert "a" in graph and "z" not in graph and len(graph) == 6


def test_observed_leaves_out_latent_and_selected():
    graph = Graph.parse("u [latent]; u -> x -> y -> s; s [selected]")
    assert graph.observed == ("x", "y")


@LAWS
@given(mixed_graphs())
def test_ancestors_and_descendants_agree_with_the_definition(graph):
    for node in graph.nodes:
        assert graph.descendants(node) == descendants(graph, node)
        assert graph.ancestors(node) == {other for other in graph.nodes if node in descendants(graph, other)}
    order = graph.topological_order()
    assert sorted(order) == sorted(graph.nodes)
    assert all(order.index(edge.a) < order.index(edge.b) for edge in graph.edges if edge.directed)


def test_mutilation():
    graph = Graph.parse("z -> x -> y; x <-> y; z <-> w; x <-> w")
    assert graph.without_incoming("x") == Graph.parse("x -> y; z <-> w")
    assert graph.without_outgoing("x") == Graph.parse("z -> x; x <-> y; z <-> w; x <-> w")
    assert graph.without_incoming({"x", "w"}) == Graph.parse("z; w; x -> y")
    assert graph.without("x") == Graph.parse("y; z <-> w")
    with pytest.raises(GraphKindError, match="needs a graph of kind dag or admg, but this one is a cpdag"):
        Graph.parse("a -- b").without_incoming("a")


@LAWS
@given(mixed_graphs(flags=True), st.data())
def test_graphs_made_without_checks_would_pass_them(graph, data):
    some = data.draw(st.sets(st.sampled_from(graph.nodes)))
    for made in (
        graph.without_incoming(some),
        graph.without_outgoing(some),
        graph.subgraph(some),
        graph.latent_projection(some),
    ):
        assert Graph(made.nodes, made.edges, made.latent, made.selected, made.kind) == made


def test_a_part_of_a_cpdag_is_an_mpdag():
    cpdag = Graph.parse("a -> c; b -> c; c -> d")
    cpdag = Graph(cpdag.nodes, cpdag.edges, kind=GraphKind.CPDAG)
    assert cpdag.subgraph(["a", "c", "d"]).kind is GraphKind.MPDAG


def test_adding_and_removing_edges():
    graph = Graph.parse("a -> b; c")
    assert graph.with_edges("b -> c; c -> d") == Graph.parse("a -> b -> c -> d")
    assert graph.with_edges([Edge("a", "c")]).without_edges([Edge("a", "c")]) == graph
    with pytest.raises(GraphError, match="no edge b -> c"):
        graph.without_edges("b -> c")
    with pytest.raises(UnknownNode):
        graph.without_edges("b -> cc")


def test_relabelling():
    graph = Graph.parse("a -> b; u [latent]; u <-> b")
    assert graph.relabel({"a": "b", "b": "a"}) == Graph.parse("b -> a; u [latent]; u <-> a")
    with pytest.raises(GraphError, match="listed twice"):
        graph.relabel({"a": "b"})
    with pytest.raises(UnknownNode, match="the new names"):
        graph.relabel({"z": "y"})


@LAWS
@given(mixed_graphs(most=5), st.data())
def test_the_latent_projection_keeps_separations_and_directed_paths(graph, data):
    keep = data.draw(st.sets(st.sampled_from(graph.nodes), min_size=2))
    projected = graph.latent_projection(keep)
    assert set(projected.nodes) == keep
    left_out = set(graph.nodes) - keep
    for x in keep:
        for y in keep - {x}:
            through = [
                path for path in simple_paths(graph, x, y) if all(node in left_out for _, node in path[:-1])
            ]
            one_way = any(all(edge.directed and edge.b == node for edge, node in path) for path in through)
            assert (y in projected.children(x)) == one_way
            for condition in subsets(keep - {x, y}):
                assert m_separated(projected, x, y, condition) == separated(graph, x, y, condition)


def test_the_latent_projection_keeps_selection_nodes():
    graph = Graph.parse("x -> y; x -> s; u -> s; u -> y; u [latent]; s [selected]")
    assert graph.latent_projection() == Graph.parse("x -> y; x -> s; s <-> y; s [selected]")
    assert graph.latent_projection({"x", "y"}) == graph.latent_projection()


def test_moral_graph():
    # Lauritzen et al. 1990: marry the parents, drop the directions
    assert Graph.parse("a -> c; b -> c; c -> d").moralised() == Graph.parse(
        "a -- b; a -- c; b -- c; c -- d", kind="undirected"
    )
    augmented = Graph.parse("a -> b; b <-> c; c <-> d").moralised()
    assert augmented.neighbors("a") == {"b", "c", "d"}


@LAWS
@given(mixed_graphs(most=5))
def test_the_moral_graph_of_ancestors_separates_as_the_graph_does(graph):
    for x in graph.nodes:
        for y in set(graph.nodes) - {x}:
            for condition in subsets(set(graph.nodes) - {x, y}):
                moral = graph.subgraph(graph.ancestors({x, y} | condition)).moralised()
                assert m_separated(moral, x, y, condition) == separated(graph, x, y, condition)


def test_representation():
    assert repr(Graph.parse("a -> b; u [latent]")) == "Graph.parse('u [latent]; a -> b')"
    big = Graph.build([f"v{i}" for i in range(100)])
    assert repr(big) == "<Graph: dag with 100 nodes and 0 edges>"
