"""Separators against brute force over subsets."""

from itertools import islice

import pytest
from graph_oracles import mixed_graphs, separated_sets, subsets
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.graphs import (
    Graph,
    GraphError,
    OverlappingSets,
    UnknownNode,
    m_separated,
    minimal_separator,
    minimal_separators,
    minimum_separator,
    separator,
)

LAWS = settings(max_examples=80, deadline=None)


@st.composite
def problems(draw):
    """A graph, two sets, a set to include, and a set to choose from or None."""
    graph = draw(mixed_graphs(flags=True, most=6, least=3))
    free = draw(st.permutations([node for node in graph.nodes if node not in graph.selected]))
    if len(free) < 2:
        graph = graph.with_flags(selected=())
        free = list(graph.nodes)
    wide = draw(st.booleans()) and len(free) > 3
    x, y, rest = set(free[: 1 + wide]), {free[1 + wide]}, free[2 + wide :]
    usable = [node for node in rest if node not in graph.latent]
    include = set(usable[: draw(st.integers(0, 1))])
    restrict = None
    if draw(st.booleans()):
        restrict = include | draw(st.sets(st.sampled_from(rest))) if rest else include
    return graph, x, y, include, restrict


def brute(problem):
    """All separators that hold `include` and lie within `restrict`."""
    graph, x, y, include, restrict = problem
    allowed = set(graph.observed) if restrict is None else restrict
    return [
        frozenset(include | some)
        for some in subsets(allowed - x - y - include - graph.selected)
        if separated_sets(graph, x, y, include | some)
    ]


def minimal(sets):
    return {each for each in sets if not any(other < each for other in sets)}


@LAWS
@given(problems())
def test_separators_agree_with_brute_force(problem):
    graph, x, y, include, restrict = problem
    options = {"include": include, "restrict": restrict}
    every = brute(problem)
    found = separator(graph, x, y, **options)
    thin = minimal_separator(graph, x, y, **options)
    assert (found is None) == (thin is None) == (not every)
    if every:
        assert found in every
        assert thin in minimal(every)
    listed = list(minimal_separators(graph, x, y, **options))
    assert len(listed) == len(set(listed))
    assert set(listed) == minimal(every)
    if every:
        assert listed[0] == thin


@LAWS
@given(problems(), st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.5, float("inf")]), min_size=6, max_size=6))
def test_the_cheapest_separator_agrees_with_brute_force(problem, prices):
    graph, x, y, include, restrict = problem
    cost = dict(zip(graph.nodes, prices))
    found = minimum_separator(graph, x, y, include=include, restrict=restrict, cost=cost)

    def price(nodes):
        return sum(cost[node] for node in nodes - include)

    cheapest = min(map(price, brute(problem)), default=float("inf"))
    if found is None:
        assert cheapest == float("inf")
    else:
        assert price(found) == cheapest
        assert found in minimal(brute(problem))
    least = minimum_separator(graph, x, y, include=include, restrict=restrict)
    assert (None if least is None else len(least)) == min(map(len, brute(problem)), default=None)


def test_known_answers():
    # van der Zander, Liskiewicz & Textor (2019): in a ladder each rung may be cut on either side
    ladder = Graph.parse("x -> a1 -> b1 -> y; x -> a2 -> b2 -> y; x -> a3 -> b3 -> y")
    listed = list(minimal_separators(ladder, "x", "y"))
    assert len(listed) == 2**3
    assert minimal_separator(ladder, "x", "y") == {"a1", "a2", "a3"}
    assert minimum_separator(ladder, "x", "y", cost={"a1": 5, "b2": 5}) in [
        {"b1", "a2", "a3"},
        {"b1", "a2", "b3"},
    ]
    # The M-graph needs nothing, and z needs a companion
    m_graph = Graph.parse("a -> z <- b; a -> x; b -> y")
    assert minimal_separator(m_graph, "x", "y") == frozenset()
    assert set(minimal_separators(m_graph, "x", "y", include="z")) == {
        frozenset("az"),
        frozenset("bz"),
    }


def test_a_bidirected_path_cannot_be_cut():
    assert separator(Graph.parse("x -> m -> y; x <-> y"), "x", "y") is None
    assert minimal_separator(Graph.parse("x -> y"), "x", "y") is None
    assert list(minimal_separators(Graph.parse("x -> y"), "x", "y")) == []
    assert minimum_separator(Graph.parse("x <- u -> y; u [latent]"), "x", "y") is None
    assert separator(Graph.parse("x <- u -> y; u [latent]"), "x", "y", restrict="u") == {"u"}


def test_the_list_comes_one_by_one():
    # 2**40 minimal separators; the first hundred must not wait for the rest
    ladder = Graph.parse("; ".join(f"x -> a{i} -> b{i} -> y" for i in range(40)))
    first = list(islice(minimal_separators(ladder, "x", "y"), 100))
    assert len(set(first)) == 100
    assert all(m_separated(ladder, "x", "y", each) for each in first)


def test_bad_questions_have_named_errors():
    graph = Graph.parse("x -> age -> y")
    with pytest.raises(UnknownNode, match="Did you mean 'age'"):
        separator(graph, "x", "agge")
    with pytest.raises(UnknownNode, match="the costs"):
        minimum_separator(graph, "x", "y", cost={"agge": 1.0})
    with pytest.raises(OverlappingSets, match="the set to include"):
        minimal_separator(graph, "x", "y", include="x")
    with pytest.raises(GraphError, match="has to be included but may not be chosen"):
        minimal_separator(graph, "x", "y", include="age", restrict=())
    for price in (-1.0, float("nan")):
        with pytest.raises(GraphError, match="cost of 'age'"):
            minimum_separator(graph, "x", "y", cost={"age": price})
    # The errors come at once, not when the first set is asked for.
    with pytest.raises(UnknownNode):
        minimal_separators(graph, "x", "z")
