"""DAGMA: its optimum, an outside matrix, scale, knowledge and the logistic loss."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from linear_models import five, found_weights, observed, random_weights

from aitia.discovery import DAGMA, DiscoveryError, Knowledge, Observations, SortRegress
from aitia.discovery.functional._dagma import LogisticLoss, SquaredLoss, central_path, settled
from aitia.discovery.functional._order import OrderLimits

OPEN = ~np.eye(5, dtype=bool)

# dagma 1.1.1: DagmaLinear("l2").fit(X, lambda1=.03, w_threshold=0) with X = five(), entries below 0.0003 left out
RAW = {(0, 1): 1.173984, (0, 2): -0.666186, (1, 2): -0.052557, (1, 3): 0.876306, (1, 4): -0.026674}
RAW |= {(2, 3): 1.058012, (3, 4): -0.677281}
# the same with X standardised
STANDARD = {(0, 2): -0.538874, (1, 0): 0.728575, (1, 2): -0.041688, (1, 3): 0.738755, (1, 4): -0.014122}
STANDARD |= {(2, 3): 0.711567, (3, 4): -0.73622}


def path_of(covariance: np.ndarray, price: float = 0.03) -> np.ndarray:
    near = central_path(SquaredLoss(covariance), OPEN, np.full((5, 5), price)).weights
    ours = settled(covariance, near, OrderLimits.of(Knowledge(), "abcde"), price)
    assert np.abs(ours - near).max() < 0.02  # what Adam left to be done is small
    return ours


@pytest.mark.parametrize(
    ("of", "theirs"), [(np.cov, RAW), (np.corrcoef, STANDARD)], ids=["raw", "standardised"]
)
def test_same_matrix_as_dagma_or_a_better_one(of, theirs: dict):
    covariance = of(five().T)
    if of is np.cov:
        covariance = covariance * 999 / 1000
    ours, other = path_of(covariance), np.zeros((5, 5))
    for at, weight in theirs.items():
        other[at] = weight
    # Both stop when the objective hardly changes; dagma at a tolerance that leaves the second decimal open.
    assert np.abs(ours - other).max() < 0.02

    def price(weights: np.ndarray) -> float:
        return SquaredLoss(covariance)(weights)[0] + 0.03 * np.abs(weights).sum()

    assert price(ours) < price(other)


def test_the_end_of_the_path_is_a_lasso_optimum():
    # On the support of an acyclic W the log-determinant is flat, so the slope of the loss is lambda times the sign.
    covariance = np.corrcoef(five().T)
    weights = path_of(covariance)
    on = weights != 0
    slope = SquaredLoss(covariance)(weights)[1][on]
    assert slope == pytest.approx(-0.03 * np.sign(weights[on]), abs=1e-7)


@pytest.mark.parametrize("squared", [True, False])
def test_gradients_are_the_slopes_of_the_losses(squared: bool):
    rng = np.random.default_rng(0)
    if squared:
        loss = SquaredLoss(np.corrcoef(five().T))
    else:
        loss = LogisticLoss.of(Observations.of_values("abcde", (five() > 0).astype(float), [True] * 5))
    weights = 0.3 * rng.normal(size=(5, 5)) * OPEN
    for _ in range(50):
        loss(weights)  # the intercepts come to their optimum
    gradient = loss(weights)[1]
    for at in ((0, 1), (3, 2)):
        step = np.zeros((5, 5))
        step[at] = 1e-4
        ends = []
        for sign in (1, -1):
            for _ in range(50):
                value = loss(weights + sign * step)[0]
            ends.append(value)
        assert (ends[0] - ends[1]) / 2e-4 == pytest.approx(gradient[at], abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_equal_variances_on_raw_scale_give_the_true_graph(seed: int):
    # Peters and Buehlmann (2014): with equal noise variances the graph is identified; population covariance.
    rng = np.random.default_rng(seed)
    weights = random_weights(6, rng, 0.4)
    mixed = np.linalg.inv(np.eye(6) - weights)
    data = Observations.of_covariance([f"x{i}" for i in range(6)], mixed.T @ mixed, 10_000)
    found = DAGMA(standardise=False, sparsity=0.01, threshold=0.25).run(data)
    made = found_weights(found, data.names)
    assert np.abs(made - weights).max() < 1e-6
    assert any("were not standardised" in each for each in found.warnings)


def test_standardised_by_default_so_units_do_not_matter():
    values = five()
    one = DAGMA().run(observed(values, "abcde"))
    two = DAGMA().run(observed(values * [1000, 1, 0.01, 7, 30], "abcde"))
    assert one.graph == two.graph
    assert one.details["r2_sortability"] == pytest.approx(two.details["r2_sortability"])
    raw = DAGMA(standardise=False).run(observed(values * [1000, 1, 0.01, 7, 30], "abcde"))
    assert raw.graph != one.graph


def test_directions_that_rest_on_variances_are_named():
    found = DAGMA().run(observed(five(), "abcde"))
    assert any("rests on the sizes of noise alone" in each and "a - b" in each for each in found.warnings)


def test_moments_are_enough_and_column_order_does_not_matter():
    values = five()
    one = DAGMA().run(Observations.of_moments(observed(values, "abcde").moments))
    turned = [3, 1, 4, 0, 2]
    two = DAGMA().run(observed(values[:, turned], ["abcde"[i] for i in turned]))
    assert {str(e) for e in one.graph.edges} == {str(e) for e in two.graph.edges} or (
        one.details["weights"] == pytest.approx(two.details["weights"])
    )
    assert all(each.p_value is None for each in one.evidence)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6))
def test_knowledge_is_honoured(seed: int):
    rng = np.random.default_rng(seed)
    values, names = five(), "abcde"
    order = rng.permutation(5)
    pairs = [(names[order[i]], names[order[j]]) for i in range(5) for j in range(i + 1, 5)]
    chosen = rng.permutation(len(pairs))
    required, forbidden = [pairs[i] for i in chosen[:2]], [pairs[i][::-1] for i in chosen[2:5]]
    known = Knowledge(required=required, forbidden=forbidden, tiers=[[names[order[0]]], [names[order[4]]]])
    for algorithm in (DAGMA(stages=3), SortRegress()):
        found = algorithm.run(observed(values, names), known)
        edges = {tuple(edge.split(" -> ")) for edge in found.details["weights"]}
        assert set(required) <= edges
        assert not any(known.forbids(*edge) for edge in edges)
        place = {name: i for i, name in enumerate(found.order)}
        assert all(place[a] < place[b] for a, b in edges)


def test_logistic_loss_with_a_known_order_is_logistic_regression():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 2, size=(2, 4000))
    c = (rng.random(4000) < 1 / (1 + np.exp(3 - 3 * a - 2 * b))).astype(int)
    known = Knowledge(tiers=[["a", "b"], ["c"]])
    found = DAGMA(loss="logistic", sparsity=0.0, threshold=0.3).run({"a": a, "b": b, "c": c}, known)
    # statsmodels: the maximum likelihood without penalty
    fit = sm.Logit(c, sm.add_constant(np.column_stack([a, b]))).fit(disp=0)
    assert found.details["weights"] == pytest.approx(
        {"a -> c": fit.params[1], "b -> c": fit.params[2]}, abs=0.02
    )


def test_bad_options_are_named():
    with pytest.raises(DiscoveryError, match="categories"):
        DAGMA(loss="logistic").run(observed(five()))
    with pytest.raises(DiscoveryError, match="negative"):
        DAGMA(threshold=-1)
    with pytest.raises(DiscoveryError, match="stage"):
        DAGMA(stages=0)
