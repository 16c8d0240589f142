"""How often each answer of a class comes back in other graphs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.graphs import Edge, Graph, completed, members
from aitia.identification import Effect, possible_estimands, recurrence


@st.composite
def dags(draw: st.DrawFn, nodes: int = 5) -> Graph:
    names = [f"v{i}" for i in range(nodes)]
    order = draw(st.permutations(names))
    pairs = [(a, b) for i, a in enumerate(order) for b in order[i + 1 :]]
    kept = [pair for pair in pairs if draw(st.booleans())]
    return Graph.build(names, kept)


def has(graph: Graph, orientations: tuple[Edge, ...]) -> bool:
    return all(edge in graph.edges for edge in orientations)


@settings(max_examples=150, deadline=None)
@given(dags(), st.lists(dags(), min_size=1, max_size=4))
def test_shares_are_those_of_the_listed_members(truth: Graph, others: list[Graph]):
    possible = possible_estimands(completed(truth), Effect("v0", "v1"))
    classes = [completed(each) for each in others]
    listed = [list(members(each)) for each in classes]
    expected = [
        sum(sum(has(dag, each.orientations) for dag in dags) / len(dags) for dags in listed) / len(classes)
        for each in possible
    ]
    assert recurrence(possible, classes) == pytest.approx(expected)


@settings(max_examples=100, deadline=None)
@given(dags())
def test_the_class_itself_gives_its_own_shares(truth: Graph):
    graph = completed(truth)
    possible = possible_estimands(graph, Effect("v0", "v1"))
    shares = recurrence(possible, [graph])
    assert shares == pytest.approx([each.weight for each in possible])
    assert sum(shares) == pytest.approx(1)


def test_graphs_without_the_edge_have_none_of_the_answers():
    possible = possible_estimands(Graph.parse("x -- y"), Effect("x", "y"))
    assert recurrence(possible, [Graph.parse("x; y"), Graph.parse("x -> y")]) == (0.5, 0.0)


def test_no_graphs():
    possible = possible_estimands(Graph.parse("x -- y"), Effect("x", "y"))
    assert recurrence(possible, []) == (0.0, 0.0)
