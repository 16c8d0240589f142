import numpy as np
import pytest
from worlds import GRAPH, linear, wrong_graph

import aitia
from aitia.graphs import Graph
from aitia.refutation import Case, GraphFalsification, ImpliedIndependences


def with_graph(case, text):
    return Case(case.estimate, case.sample, Graph.parse(text), case.table)


def test_a_missing_edge_is_named():
    case = linear(np.random.default_rng(0), n=2000, edge=0.6)
    found = ImpliedIndependences().refute(case)
    assert found.verdict.value == "broken"
    assert "c independent of t" in found.sentence or "t independent of c" in found.sentence
    right = with_graph(case, "a -> t; b -> t; c -> t; a -> y; b -> y; c -> y; t -> y")
    assert ImpliedIndependences().refute(right).verdict.value == "survived"


def test_with_very_many_rows_trifles_are_told_apart_from_breaks():
    case = linear(np.random.default_rng(1), n=200_000, edge=0.03)
    found = ImpliedIndependences().refute(case)
    assert found.p_value is not None and found.p_value < 0.01
    assert found.verdict.value == "inconclusive" and "trifles" in found.sentence


def test_the_table_is_read_where_there_is_one_and_nodes_without_a_column_promise_nothing():
    case = linear(np.random.default_rng(2))
    more = with_graph(case, GRAPH.to_text() + "\nunseen -> c; unseen -> y; a -> earlier")
    found = ImpliedIndependences().refute(more)
    named = {test[key] for test in found.details["tests"] for key in ("x", "y")}
    assert "earlier" in named and "unseen" not in named
    sample_only = Case(case.estimate, case.sample, case.graph, None)
    assert ImpliedIndependences().refute(sample_only).p_value == pytest.approx(
        ImpliedIndependences().refute(case).p_value, rel=1e-6
    )


def test_missing_values_leave_rows_out_and_say_so():
    case = linear(np.random.default_rng(3))
    c = case.sample.covariates[:, 2].copy()
    c[:40] = np.nan
    x = case.sample.covariates
    table = aitia.read(
        {"a": x[:, 0], "b": x[:, 1], "c": c, "t": case.sample.treatment, "y": case.sample.outcome}
    )
    found = ImpliedIndependences().refute(Case(case.estimate, case.sample, GRAPH, table))
    assert found.details["rows_left_out"] == 40 and found.details["rows"] == case.sample.n - 40


def test_no_graph_and_a_complete_graph_have_nothing_to_test():
    case = linear(np.random.default_rng(4))
    none = Case(case.estimate, case.sample)
    assert not ImpliedIndependences().refute(none).attempted
    assert not GraphFalsification().refute(none).attempted
    complete = with_graph(
        none, "a -> b; a -> c; b -> c; a -> t; b -> t; c -> t; a -> y; b -> y; c -> y; t -> y"
    )
    assert not ImpliedIndependences().refute(complete).attempted
    assert not GraphFalsification().refute(complete).attempted


def test_a_right_graph_beats_shuffled_names_and_a_shuffled_one_does_not():
    right = GraphFalsification().refute(linear(np.random.default_rng(5), n=2000))
    assert right.verdict.value == "survived" and right.details["share_as_good"] <= 0.05
    wrong = GraphFalsification().refute(wrong_graph(np.random.default_rng(5), n=2000))
    assert wrong.verdict.value != "survived"
    assert wrong.details["violations"] > right.details["violations"]


def test_a_graph_with_one_promise_that_all_shuffles_make_cannot_be_falsified():
    # x -> z <- y: shuffling x and y gives the same promise, so a third of all namings are equivalent.
    random = np.random.default_rng(6)
    case = linear(random)
    found = GraphFalsification().refute(with_graph(Case(case.estimate, case.sample), "a -> t; t -> y; b; c"))
    assert found.details["share_equivalent"] >= 0
    chain = with_graph(Case(case.estimate, case.sample), "t -> y; y -> c")
    found = GraphFalsification().refute(chain)
    # All six namings but the given one: of them one (c -> y -> t) promises the same.
    assert found.replicates == 5 and found.details["share_equivalent"] == pytest.approx(0.2)
    assert found.verdict.value == "inconclusive"


def test_permuted_violations_by_brute_force():
    # The relabelled promises must be those of the relabelled graph.
    from aitia.graphs import implied_independences

    naming = {"a": "y", "y": "t", "t": "c", "c": "b", "b": "a"}
    relabelled = {
        (frozenset((naming[each.x], naming[each.y])), frozenset(naming[z] for z in each.given))
        for each in implied_independences(GRAPH)
    }
    rebuilt = {
        (frozenset((each.x, each.y)), frozenset(each.given))
        for each in implied_independences(GRAPH.relabel(naming))
    }
    pairs = {pair for pair, _ in relabelled}
    assert pairs == {pair for pair, _ in rebuilt}
