"""RESIT and the direction of pairs."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.preprocessing import SplineTransformer

from aitia.discovery import (
    IGCI,
    RESIT,
    AdditiveNoise,
    DiscoveryError,
    Knowledge,
    LinearNonGaussian,
    RegressionError,
    pairwise_direction,
)
from aitia.discovery.functional._nonlinear import _PENALTIES, spline_residual


def diamond(seed: int, n: int = 500) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    a = rng.uniform(-2, 2, n)
    b = np.sin(2 * a) + 0.3 * rng.normal(size=n)
    c = a**2 + 0.5 * rng.normal(size=n)
    return {"d": np.tanh(2 * b) + c + 0.3 * rng.normal(size=n), "b": b, "c": c, "a": a}


@pytest.mark.parametrize("seed", [0, 1])
def test_resit_finds_a_nonlinear_graph(seed: int):
    found = RESIT().run(diamond(seed))
    assert {str(edge) for edge in found.graph.edges} <= {
        "a -> b",
        "a -> c",
        "b -> d",
        "c -> d",
        "d <- b",
        "d <- c",
    }
    assert found.graph.parents("d") == {"b", "c"} and found.graph.parents("b") == {"a"}
    absent = found.between("a", "d")
    assert absent is not None and not absent.adjacent and absent.p_value > 0.01
    assert found.between("b", "d").p_value < 0.01


def test_resit_honours_knowledge():
    known = Knowledge(tiers=[["d"], ["a", "b", "c"]], required=[("b", "c")], forbidden=[("d", "a")])
    found = RESIT().run(diamond(0, 150), known)
    assert found.order[0] == "d"
    assert "b" in found.graph.parents("c") and "d" not in found.graph.parents("a")
    assert not found.graph.parents("d")


def test_resit_takes_any_regressor_and_says_what_cannot_be_told():
    rng = np.random.default_rng(0)
    a = rng.normal(size=300)
    columns = {"a": a, "b": a + rng.normal(size=300)}
    found = RESIT(LinearRegression()).run(columns)
    assert any("straight line with Gaussian noise" in each for each in found.warnings)
    with pytest.raises(DiscoveryError, match="fit and predict"):
        RESIT(regressor="forest")
    with pytest.raises(DiscoveryError, match="two folds"):
        RESIT(folds=1)


def test_spline_residuals_are_those_of_leaving_rows_out():
    # The closed form against a refit without each row, on the same basis, for every penalty.
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 1))
    y = np.sin(x[:, 0]) + 0.3 * rng.normal(size=40)
    splines = SplineTransformer(n_knots=8, knots="quantile", extrapolation="linear")
    basis = np.hstack([x, splines.fit_transform(x)])
    tried = []
    for penalty in _PENALTIES:
        left = np.empty(40)
        for i in range(40):
            others = np.arange(40) != i
            left[i] = y[i] - Ridge(penalty).fit(basis[others], y[others]).predict(basis[[i]])[0]
        tried.append(left)
    best = min(tried, key=lambda left: left @ left)
    assert spline_residual(x, y) == pytest.approx(best, abs=1e-4)


def directions(method, make, runs: int = 20) -> tuple[int, int]:
    right = wrong = 0
    for seed in range(runs):
        x, y = make(np.random.default_rng(seed))
        found = pairwise_direction({"x": x, "y": y}, "y", "x", method, replicates=20)
        right += found.decision == "x -> y"
        wrong += found.decision == "y -> x"
    return right, wrong


def curved(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x = rng.uniform(-1, 1, 300)
    return x, np.exp(1.5 * x) + 0.1 * rng.normal(size=300)


def straight(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x = rng.exponential(size=300)
    return x, x + rng.exponential(size=300)


def gaussian(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x = rng.normal(size=300)
    return x, x + rng.normal(size=300)


@pytest.mark.parametrize(
    ("method", "make", "least"),
    [
        (AdditiveNoise(), curved, 9),
        (IGCI(), curved, 17),
        (RegressionError(), curved, 17),
        (LinearNonGaussian(), straight, 17),
    ],
    ids=["additive noise", "igci", "reci", "lingam"],
)
def test_methods_are_right_where_their_assumptions_hold(method, make, least: int):
    runs = 10 if isinstance(method, AdditiveNoise) else 20
    right, wrong = directions(method, make, runs)
    # Right answers are near certain here (more than 95%): two misses in twenty have probability above 0.07.
    assert right >= least - (1 if runs == 10 else 0)
    assert wrong <= 1


def test_gaussian_lines_are_left_undecided():
    right, wrong = directions(LinearNonGaussian(), gaussian)
    # Both variables pass a test of level 1%; the rest is decided wrongly by chance at most 5% of the time.
    assert right + wrong <= 2
    x, y = gaussian(np.random.default_rng(0))
    found = pairwise_direction({"x": x, "y": y}, "x", "y", LinearNonGaussian())
    assert not found.decided and "look Gaussian" in str(found)


def test_scores_change_places_with_the_variables():
    x, y = straight(np.random.default_rng(3))
    for method in (LinearNonGaussian(), IGCI(), RegressionError()):
        one = pairwise_direction({"x": x, "y": y}, "x", "y", method)
        two = pairwise_direction({"x": 3 * x + 1, "y": y}, "y", "x", method)
        assert one.decision == two.decision
        assert (one.forward, one.backward) == pytest.approx((two.backward, two.forward))


def test_igci_in_closed_form():
    # y = x^2 of uniform x: E log|dy/dx| = log 2 - 1 forwards, minus that backwards.
    x = (np.arange(4000) + 0.5) / 4000
    found = pairwise_direction({"x": x, "y": x**2}, "x", "y", IGCI())
    assert -found.forward == pytest.approx(np.log(2) - 1, abs=5e-3)
    assert -found.backward == pytest.approx(1 - np.log(2), abs=5e-3)
    assert found.decision == "x -> y"


def test_linear_likelihood_in_closed_form():
    # Gaussian pairs have the same likelihood both ways: -log(2 pi e) - log sqrt(1 - rho^2)
    rng = np.random.default_rng(0)
    x = rng.normal(size=200_000)
    y = x + rng.normal(size=200_000)
    found = pairwise_direction({"x": x, "y": y}, "x", "y", LinearNonGaussian(), replicates=4)
    expected = -np.log(2 * np.pi * np.e) - 0.5 * np.log(1 - np.corrcoef(x, y)[0, 1] ** 2)
    assert found.forward == pytest.approx(expected, abs=0.002)
    assert found.backward == pytest.approx(expected, abs=0.002)


def test_bad_pairs_are_named():
    x, y = straight(np.random.default_rng(0))
    with pytest.raises(DiscoveryError, match="Did you mean 'x'"):
        pairwise_direction({"x": x, "y": y}, "xx", "y")
    with pytest.raises(DiscoveryError, match="twice"):
        pairwise_direction({"x": x, "y": y}, "x", "x")
    with pytest.raises(DiscoveryError, match="tied"):
        pairwise_direction({"x": np.round(x), "y": y}, "x", "y", IGCI())
