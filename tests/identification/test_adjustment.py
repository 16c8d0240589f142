"""The adjustment criterion against its definition, and the sets against enumeration."""

from __future__ import annotations

import os
from itertools import chain, combinations

import numpy as np
import pytest
from causal_oracle import Model, random_graph

from aitia.core import stream
from aitia.graphs import Graph, GraphKindError, UnknownNode
from aitia.identification import (
    Guarantee,
    Probability,
    Product,
    Sum,
    adjustment_sets,
    evaluate,
    is_adjustment_set,
    minimum_cost_adjustment,
    optimal_adjustment,
    symbols,
)

CASES = 150 if os.environ.get("AITIA_SLOW") else 40


def subsets(names):
    return chain.from_iterable(combinations(names, k) for k in range(len(names) + 1))


def problem(case: int, purpose: str, nodes: str = "abcde", bidirected: float = 0.25):
    rng = stream(case, purpose)
    graph = random_graph(rng, nodes, directed=0.55, bidirected=bidirected)
    t, y = rng.permutation(graph.nodes)[:2].tolist()
    return rng, graph, t, y


def holds(model: Model, x: tuple[str, ...], y: str, z: tuple[str, ...], selected: str | None) -> bool:
    """Whether sum_z P(y | x, z) P(z) is P(y | do(x)) in this model, by the definition."""
    conditional, weights = Probability((*symbols(y),), symbols((*x, *z))), Probability(symbols(z))
    formula = Sum(symbols(z), Product((conditional, weights))) if z else conditional
    joint = model.joint(("a", "b", "c", "d"), selected=selected)
    for setting in np.ndindex(*(2,) * len(x)):
        do = dict(zip(x, setting))
        truth = model.distribution(model.solve(do), (y,))
        if not np.allclose(evaluate(formula, joint, at=do).table, truth, atol=1e-9):
            return False
    return True


@pytest.mark.parametrize("selected", [None, "s"])
@pytest.mark.parametrize("case", range(CASES))
def test_the_criterion_is_sound_and_complete(case: int, selected: str | None):
    rng, graph, t, y = problem(case, f"criterion {selected}", "abcd")
    rest = [each for each in "abcd" if each not in (t, y)]
    x = (t,) if rng.random() < 0.7 else (t, rest.pop())
    if selected:
        causes = [each for each in "abcd" if rng.random() < 0.3]
        graph = graph.with_edges("; ".join(f"{each} -> s" for each in causes) or "s").with_flags(
            selected=["s"]
        )
    claims = {z: bool(is_adjustment_set(graph, x, y, z)) for z in subsets(rest)}
    # A set that is not valid may still give the right answer in some models, so several are tried.
    right = dict.fromkeys(claims, True)
    for repeat in range(4):
        model = Model(graph, stream(case, "model", repeat), levels=6)
        for z in claims:
            if right[z] and (repeat == 0 or not claims[z]):
                right[z] = holds(model, x, y, z, selected)
    assert right == claims, graph


@pytest.mark.parametrize("case", range(3 * CASES))
def test_sets_are_those_that_enumeration_finds(case: int):
    rng, graph, t, y = problem(case, "sets")
    rest = [each for each in "abcde" if each not in (t, y)]
    valid = {frozenset(z) for z in subsets(rest) if is_adjustment_set(graph, t, y, z)}
    minimal = {z for z in valid if not any(other < z for other in valid)}
    every = list(adjustment_sets(graph, t, y, minimal=False))
    smallest = list(adjustment_sets(graph, t, y))
    assert len(every) == len(set(every)) and {frozenset(z) for z in every} == valid
    assert len(smallest) == len(set(smallest)) and {frozenset(z) for z in smallest} == minimal
    costs = dict(zip("abcde", rng.integers(1, 9, 5).astype(float)))
    cheapest = minimum_cost_adjustment(graph, t, y, costs)
    assert (cheapest is None) == (not valid)
    if cheapest is not None:
        assert frozenset(cheapest) in valid
        assert sum(costs[each] for each in cheapest) == min(sum(costs[e] for e in z) for z in valid)
    must = rest[:1]
    kept = {z for z in valid if set(must) <= z}
    assert {frozenset(z) for z in adjustment_sets(graph, t, y, minimal=False, required=must)} == kept
    spared = {z for z in valid if not set(must) & z}
    assert {frozenset(z) for z in adjustment_sets(graph, t, y, minimal=False, forbidden=must)} == spared


def linear_covariance(graph: Graph, rng: np.random.Generator) -> dict[frozenset, np.ndarray]:
    """The covariance of a linear Gaussian model; bidirected edges are hidden common causes."""
    names = list(graph.nodes)
    k = len(names)
    coefficients = np.zeros((k, k))
    noise = np.diag(rng.uniform(0.5, 2.0, k))
    for edge in graph.edges:
        a, b = names.index(edge.a), names.index(edge.b)
        size = rng.uniform(0.4, 1.5) * rng.choice([-1, 1])
        if edge.directed:
            coefficients[b, a] = size
        else:
            loading = np.zeros(k)
            loading[a], loading[b] = size, rng.uniform(0.4, 1.5)
            noise += np.outer(loading, loading)
    inverse = np.linalg.inv(np.eye(k) - coefficients)
    return inverse @ noise @ inverse.T


def residual_variance(covariance: np.ndarray, i: int, given: list[int]) -> float:
    if not given:
        return covariance[i, i]
    block = covariance[np.ix_(given, given)]
    return covariance[i, i] - covariance[i, given] @ np.linalg.solve(block, covariance[given, i])


@pytest.mark.parametrize("bidirected", [0.0, 0.25])
@pytest.mark.parametrize("case", range(3 * CASES))
def test_no_set_beats_the_optimal_one_within_its_guarantee(case: int, bidirected: float):
    """In linear Gaussian models the variance of the adjusted coefficient is var(y | x, z) / var(x | z) / n."""
    _, graph, t, y = problem(case, f"optimal {bidirected}", bidirected=bidirected)
    if y not in graph.descendants(t):
        return
    best = optimal_adjustment(graph, t, y)
    sets = list(
        adjustment_sets(graph, t, y, minimal=best is not None and best.guarantee is Guarantee.MINIMAL)
    )
    assert (best is None) == (not sets)
    if best is None:
        return
    assert is_adjustment_set(graph, t, y, best.adjustment)
    names = list(graph.nodes)
    for repeat in range(3):
        covariance = linear_covariance(graph, stream(case, "linear", repeat))

        def variance(z: tuple[str, ...], covariance: np.ndarray = covariance) -> float:
            given = [names.index(each) for each in z]
            return residual_variance(
                covariance, names.index(y), [names.index(t), *given]
            ) / residual_variance(covariance, names.index(t), given)

        assert variance(best.adjustment) <= min(map(variance, sets)) * (1 + 1e-9)


def test_o_set_of_the_published_example():
    # Henckel, Perkovic & Maathuis 2022, example 3.2 in spirit: parents of causal nodes, not of the treatment.
    graph = Graph.parse("a -> x; b -> x; b -> y; x -> m -> y; c -> m; m -> w")
    assert optimal_adjustment(graph, "x", "y").adjustment == ("b", "c")
    assert optimal_adjustment(graph, "x", "y").guarantee is Guarantee.ALL


def test_the_check_says_why_not():
    graph = Graph.parse("x -> m -> y; m -> w; a -> x; a -> y; u -> x; u -> y; u [latent]")
    check = is_adjustment_set(graph, "x", "y", ["a", "w"])
    assert not check and check.forbidden == ("w",) and "w lies on a causal path" in check.sentence
    open_path = is_adjustment_set(graph, "x", "y", ["a"])
    assert str(open_path.open_path) == "x <- u -> y"
    assert "it is not measured" in is_adjustment_set(graph, "x", "y", ["u"]).sentence


def test_bad_input_is_named():
    graph = Graph.parse("x -> y")
    with pytest.raises(UnknownNode, match="'z'"):
        is_adjustment_set(graph, "x", "y", ["z"])
    with pytest.raises(GraphKindError, match="undirected"):
        is_adjustment_set(Graph.parse("x -- y", kind="undirected"), "x", "y", [])
    with pytest.raises(GraphKindError, match="not selected"):
        is_adjustment_set(Graph.parse("x -- y", kind="pag"), "x", "y", [])
