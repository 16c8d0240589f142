"""Possible relatives, status on paths, visible edges and comparisons: against members and definitions."""

from itertools import combinations, product

import pytest
from class_oracles import ARROW, dag_classes, mag_classes, random_dag, random_mpdag
from graph_oracles import subsets

from aitia.graphs import (
    Edge,
    Graph,
    GraphError,
    GraphKind,
    GraphKindError,
    Mark,
    Status,
    UnknownNode,
    compare,
    completed,
    definite_status,
    definite_status_paths,
    is_visible,
    m_separated,
    mag_of,
    members,
    pag_of,
    possible_ancestors,
    possible_children,
    possible_descendants,
    possible_parents,
    possibly_directed_path,
    possibly_directed_paths,
    restrict,
    visible_edges,
)


def some_classes():
    """Graphs of classes, each with all its members."""
    for dags in dag_classes(4):
        yield completed(dags[0]), dags
    for seed in range(40):
        mpdag, _ = random_mpdag(seed, size=6, degree=3.5)
        yield mpdag, list(members(mpdag))
    for mags in mag_classes(4):
        yield pag_of(mags[0]), mags


def test_possible_relatives_are_those_in_some_member():
    for graph, every in some_classes():
        for node in graph.nodes:
            for possible, certain in (
                (possible_descendants, Graph.descendants),
                (possible_ancestors, Graph.ancestors),
                (possible_parents, Graph.parents),
                (possible_children, Graph.children),
            ):
                assert possible(graph, node) == frozenset().union(*(certain(m, node) for m in every)), graph


def test_possibly_directed_paths_lead_where_some_member_has_a_directed_path():
    for graph, every in some_classes():
        x, y, *others = graph.nodes
        for avoid in subsets(others):
            path = possibly_directed_path(graph, x, y, avoid=avoid)
            possible = any(y in m.without(avoid).descendants(x) for m in every)
            assert (path is not None) == possible
            if path:
                listed = list(possibly_directed_paths(graph, x, y))
                assert path in listed
                assert not avoid & set(path.nodes)
                assert len(set(map(str, listed))) == len(listed)


def test_a_covered_line_of_an_mpdag_is_no_way_round_its_arrow():
    """Perkovic, Kalisch & Maathuis (2017), Figure 2: each line may point forward, but never both."""
    graph = restrict(Graph.parse("a -- b; b -- c; a -- c; b -- d; c -- d"), required=[("c", "a")])
    assert all("a -- b -- c" not in str(path) for path in possibly_directed_paths(graph, "a", "d"))
    assert possibly_directed_path(graph, "a", "c") is None


def test_proper_paths_start_once():
    graph = Graph.parse("a -> b -> c; a -> c")
    assert [str(path) for path in possibly_directed_paths(graph, ["a", "b"], "c")] == ["a -> c", "b -> c"]
    assert str(possibly_directed_path(graph, ["a", "b"], "c")) in ("a -> c", "b -> c")
    assert possibly_directed_path(graph, "c", "a") is None


def open_by_status(graph, path, given):
    for node, status in zip(path.nodes[1:-1], definite_status(graph, path.nodes)):
        assert status is not Status.OPEN
        if status is Status.NON_COLLIDER and node in given:
            return False
        if status is Status.COLLIDER and not graph.descendants(node) & given:
            return False
    return True


def graphs_to_separate():
    for seed in range(25):
        yield random_mpdag(seed, size=6, degree=3)[0]
        yield completed(random_dag(6, 3, seed))
        yield pag_of(random_dag(8, 3, seed, latent=0.2, selected=0.1 * (seed % 2)))


def test_paths_of_definite_status_decide_separation():
    """Zhang (2008, Lemma 5.1): the answer through one member, which `m_separated` gives, is that of these paths."""
    for graph in graphs_to_separate():
        for x, y in combinations(graph.nodes, 2):
            paths = list(definite_status_paths(graph, x, y))
            for given in subsets(set(graph.nodes) - {x, y}):
                open_path = any(open_by_status(graph, path, given) for path in paths)
                assert m_separated(graph, x, y, given) != open_path


def test_status_of_the_nodes_of_a_path():
    triangle = Graph.parse("a o-o b; b o-o c; a o-o c")
    assert definite_status(triangle, ["a", "b", "c"]) == (Status.OPEN,)
    chain = Graph.parse("a -- b -- c")
    assert definite_status(chain, ["a", "b", "c"]) == (Status.NON_COLLIDER,)
    lines = Graph.parse("a -- b -- c; a -- c")
    assert definite_status(lines, ["a", "b", "c"]) == (Status.OPEN,)
    with pytest.raises(GraphError, match="'a' and 'c' are not joined"):
        definite_status(chain, ["a", "c"])
    with pytest.raises(GraphKindError):
        definite_status(Graph.parse("a -> b; a <-> b"), ["a", "b"])


def with_hidden_cause(mag, edge):
    """The MAG as an ADMG, with a hidden common cause behind one of its arrows."""
    return Graph(mag.nodes, (*mag.edges, Edge(edge.a, edge.b, ARROW, ARROW)), kind=GraphKind.ADMG)


def test_an_edge_is_visible_where_no_hidden_cause_can_lie_behind_it():
    """Zhang (2008b), Lemmas 9 and 10: a hidden cause behind an invisible edge leaves the MAG as it is."""
    for mags in mag_classes(4):
        mags = [mag for mag in mags if not any(edge.undirected for edge in mag.edges)]
        for mag in mags:
            for edge in mag.edges:
                if edge.directed:
                    confounded = mag_of(with_hidden_cause(mag, edge)) == mag
                    assert is_visible(mag, edge.a, edge.b) != confounded
        if mags:
            pag = pag_of(mags[0])
            everywhere = frozenset.intersection(*(visible_edges(mag) for mag in mags))
            assert visible_edges(pag) == everywhere
            assert visible_edges(pag) == {
                (a, b) for a, b in product(pag.nodes, repeat=2) if a != b and is_visible(pag, a, b)
            }


def test_all_arrows_of_a_class_of_dags_are_visible():
    graph = completed(Graph.parse("a -> c <- b; c -> d; e -> f"))
    assert visible_edges(graph) == {("a", "c"), ("b", "c"), ("c", "d")}
    assert not is_visible(graph, "e", "f") and not is_visible(graph, "a", "d")
    with pytest.raises(UnknownNode):
        is_visible(graph, "a", "x")


def test_a_comparison_by_hand():
    found = compare(Graph.parse("a -> b -> c; d -> e; f"), Graph.parse("b -> a; b -> c -> f; d -> e"))
    assert found.shared == (("b", "a"), ("b", "c"), ("d", "e"))
    assert (found.extra, found.missing, found.marked) == ((), (("c", "f"),), (("b", "a"),))
    assert found.shd == 2
    assert (found.adjacency_precision, found.adjacency_recall) == (1.0, 0.75)
    assert (found.arrowhead_precision, found.arrowhead_recall) == (2 / 3, 1 / 2)
    assert "structural Hamming distance 2 (0 extra, 1 missing, 1 with other marks)" in str(found)


@pytest.mark.parametrize("seed", range(20))
def test_laws_of_comparison(seed):
    one, other = (pag_of(random_dag(8, 3, 2 * seed + k, latent=0.0)) for k in (0, 1))
    there, back = compare(one, other), compare(other, one)
    assert there.shd == back.shd >= 0
    assert (there.shd == 0) == (one == other)
    assert there.adjacency_precision == back.adjacency_recall
    assert there.arrowhead_precision == back.arrowhead_recall
    assert compare(one, one).shd == 0
    heads = sum(edge.mark_at(n) is Mark.ARROW for edge in one.edges for n in (edge.a, edge.b))
    assert there.arrowheads_right + there.arrowheads_extra == heads
    assert len(there.shared) + len(there.extra) == len(one.edges)


def test_graphs_over_other_nodes_are_not_compared():
    with pytest.raises(GraphError, match="'c' is only in the true one"):
        compare(Graph.parse("a -> b"), Graph.parse("a -> b -> c"))
    empty = Graph.parse("a; b")
    assert compare(empty, empty).arrowhead_precision == 1.0
