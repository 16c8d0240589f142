"""Separators against brute force over subsets."""

from itertools import combinations, islice

import pytest
from graph_oracles import mixed_graphs, separated_sets, subsets
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.core import stream
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


def random_problems(count):
    """Problems denser and larger than Hypothesis likes to draw, for rare branches."""
    random = stream(0, "separators")
    for _ in range(count):
        size = int(random.integers(6, 11))
        order = [f"v{i}" for i in random.permutation(size)]
        pairs = list(combinations(order, 2))
        graph = Graph.build(
            [f"v{i}" for i in range(size)],
            [pair for pair in pairs if random.random() < 0.3],
            [pair for pair in pairs if random.random() < 0.04],
            latent=["v0"] if random.random() < 0.3 else (),
            selected=["v1"] if random.random() < 0.3 else (),
        )
        x, y, *rest = random.permutation([f"v{i}" for i in range(2, size)]).tolist()
        if y not in graph.neighbors(x):
            include = {node for node in rest[:1] if random.random() < 0.2}
            yield graph, {x}, {y}, include, None


def fast_brute(problem):
    """As `brute`, by `m_separated`, which other tests hold against the definition."""
    graph, x, y, include, _ = problem
    free = set(graph.observed) - x - y - include
    return [frozenset(include | some) for some in subsets(free) if m_separated(graph, x, y, include | some)]


def test_denser_graphs_agree_with_brute_force():
    random = stream(1, "costs")
    answered, many = 0, 0
    for problem in random_problems(400):
        graph, x, y, include, _ = problem
        every = fast_brute(problem)
        least = minimal(every)
        listed = list(minimal_separators(graph, x, y, include=include))
        assert len(listed) == len(set(listed)) and set(listed) == least
        assert minimal_separator(graph, x, y, include=include) == (listed[0] if listed else None)
        cost = {node: float(random.choice([0.0, 1.0, 2.0, 3.0, 5.0])) for node in graph.nodes}
        cheapest = minimum_separator(graph, x, y, include=include, cost=cost)
        if every:
            assert cheapest in least
            prices = [sum(cost[node] for node in each - include) for each in every]
            assert sum(cost[node] for node in cheapest - include) == min(prices)
        answered += bool(every)
        many += len(listed) > 1
    # Otherwise the comparison would be about little.
    assert answered > 100 and many > 10


def test_a_flow_that_has_to_be_turned_back():
    # The first augmenting path takes a shortcut that a maximum flow does not use, so that flow must be undone.
    graph = Graph.parse("x -> a -> d -> y; x -> b -> c -> y; a -> c; x -> e -> f -> d; c -> g -> y")
    costs = {"a": 1.0, "b": 2.0, "c": 2.0, "d": 1.0, "e": 3.0, "f": 3.0, "g": 1.0}
    least = min(
        (sum(costs[node] for node in each), sorted(each))
        for each in subsets("abcdefg")
        if m_separated(graph, "x", "y", each)
    )
    found = minimum_separator(graph, "x", "y", cost=costs)
    assert sum(costs[node] for node in found) == least[0]


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
