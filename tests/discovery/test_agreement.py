"""Several algorithms beside each other."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_stability import dags
from toys import Fixed, Picky, Threshold, normal

from aitia.discovery import DiscoveryError, Observations, compare_algorithms
from aitia.discovery._agreement import _distance
from aitia.discovery._knowledge import NOTHING
from aitia.graphs import Edge, Graph, GraphKind, Mark, completed, pag_of

QUIET = {"show_progress": False}


@settings(max_examples=60, deadline=None)
@given(dags(5), dags(5), dags(5))
def test_the_distance_is_a_metric_on_classes(one, other, third):
    a, b, c = (completed(each) for each in (one, other, third))
    assert _distance(a, a, NOTHING) == 0
    assert _distance(a, b, NOTHING) == _distance(b, a, NOTHING)
    assert (_distance(a, b, NOTHING) == 0) == (a == b)
    assert _distance(a, c, NOTHING) <= _distance(a, b, NOTHING) + _distance(b, c, NOTHING)


@settings(max_examples=40, deadline=None)
@given(dags(5))
def test_a_graph_does_not_differ_from_its_own_class(dag):
    assert _distance(dag, completed(dag), NOTHING) == 0
    assert _distance(dag, pag_of(dag), NOTHING) == 0
    assert _distance(completed(dag), pag_of(dag), NOTHING) == 0


def test_a_known_case():
    one = Graph.parse("a -> b -> c; d")
    other = Graph.parse("a -> b <- c; c -> d")
    found = compare_algorithms([Fixed((one,)), Fixed((other,))], normal(100, 0.3), **QUIET)
    # b -> c turned round, c -> d on one side only.
    assert found.distances.tolist() == [[0, 2], [2, 0]] and found.skeletons.tolist() == [[0, 1], [1, 0]]
    assert found.shared == (Edge("a", "b"),)
    assert found.disputed == ((("b", "c"), ("b -> c", "c -> b")), (("c", "d"), ("apart", "c -> d")))
    assert "agree wholly on 1 edge" in found.sentence and "2 pairs differ" in found.sentence
    held = json.loads(json.dumps(found.to_dict()))
    assert held["distances"] == [[0, 2], [2, 0]] and held["shared"] == [["a", "tail", "arrow", "b"]]
    assert found._repr_html_().count("<table>") == 2 and "b, c:" in repr(found)
    ticks = found.draw(title="t").axes[0].get_xticklabels()
    assert [each.get_text()[:20] for each in ticks] == [label[:20] for label in found.labels]


def test_a_dag_beside_its_class_agrees_wholly():
    dag = Graph.parse("a -> b -> c; d")
    found = compare_algorithms([Fixed((dag,)), Fixed((completed(dag),))], normal(100, 0.3), **QUIET)
    assert found.distances.sum() == 0 and found.disputed == ()
    assert set(found.shared) == {Edge("a", "b", Mark.TAIL, Mark.TAIL), Edge("b", "c", Mark.TAIL, Mark.TAIL)}


def test_labels_tell_options_apart():
    found = compare_algorithms([Threshold(0.1), Threshold(0.5), Threshold(0.5)], normal(200, 0.3), **QUIET)
    assert found.labels == ("Threshold(least=0.1)", "Threshold(least=0.5)", "Threshold(least=0.5) #2")
    assert found.discoveries[0].graph.kind is GraphKind.UNDIRECTED


def test_an_algorithm_that_does_not_fit_is_named():
    moments = Observations.of_moments(normal(200, 0.3).moments)
    found = compare_algorithms([Threshold(0.1), Picky(0.1)], moments, **QUIET)
    assert found.refused == (("Picky", "The first pair is too weak."),) and len(found.labels) == 1
    assert "Only Threshold fits" in repr(found)
    with pytest.raises(
        DiscoveryError, match="None of 1 algorithm fits these data; Picky said: The first pair"
    ):
        compare_algorithms([Picky(0.1)], moments, **QUIET)
    with pytest.raises(DiscoveryError, match="None of 0 algorithms"):
        compare_algorithms([], moments, **QUIET)


@given(st.integers(1, 40))
@settings(max_examples=8, deadline=None)
def test_the_figure_holds_long_labels(length):
    graph = Graph.parse("a -> b; c; d")
    found = compare_algorithms([Fixed((graph,)), Threshold(0.1)], normal(50, 0.3), **QUIET)
    named = type(found)(
        ("$" * length, "b" * length), found.discoveries, np.array([[0, 3], [3, 0]]), found.skeletons, (), ()
    )
    named.draw().canvas.draw()
