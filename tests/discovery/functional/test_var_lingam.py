"""VAR-LiNGAM on series with known effects."""

from __future__ import annotations

import numpy as np
import pytest
from linear_models import observed

from aitia.core import AssumptionKey, Status
from aitia.discovery import DiscoveryError, Knowledge, KnowledgeError, VARLiNGAM, Wald, lagged

NOW = np.array([[0, 0, 0], [0.5, 0, 0], [0, -0.7, 0]])  # [effect, cause]
PAST = np.array([[0.5, 0, 0], [0, 0.3, 0.2], [0, 0, 0.4]])


def series(n: int, rng: np.random.Generator, past: np.ndarray = PAST) -> np.ndarray:
    x, e = np.zeros((n, 3)), rng.exponential(size=(n, 3)) - 1
    mixed = np.linalg.inv(np.eye(3) - NOW)
    for t in range(1, n):
        x[t] = mixed @ (past @ x[t - 1] + e[t])
    return x


def test_large_samples_give_the_true_effects():
    found = VARLiNGAM().run(observed(series(20_000, np.random.default_rng(4)), "abc"))
    assert found.order[-3:] == ("a", "b", "c")
    expected = {"a -> b": 0.5, "b -> c": -0.7}
    expected |= {"a.lag1 -> a": 0.5, "b.lag1 -> b": 0.3, "c.lag1 -> b": 0.2, "c.lag1 -> c": 0.4}
    # Standard errors are at most 1 / sqrt(20,000) = 0.007; four of them.
    assert found.details["weights"] == pytest.approx(expected, abs=0.03)
    assert found.assumptions[AssumptionKey.STATIONARITY].status is Status.SURVIVED
    assert found.warnings == ()


def test_same_effects_as_lingam():
    # lingam 1.13.0: m = lingam.VARLiNGAM(lags=1, criterion=None, prune=False); m.fit(x); m.adjacency_matrices_[0], its
    # B0 by the adaptive lasso and B1 from it; ours by least squares, so that small terms differ in the second decimal.
    rng = np.random.default_rng(7)
    rng.exponential(size=(1000, 5))
    x = series(1000, rng)
    found = VARLiNGAM(pruning=Wald(1.0, correct=False)).run(observed(x, "abc"))
    assert found.order[-3:] == ("a", "b", "c")
    theirs = {"a -> b": 0.524158, "b -> c": -0.672582, "a.lag1 -> a": 0.473466, "b.lag1 -> b": 0.282625}
    theirs |= {"c.lag1 -> b": 0.194742, "c.lag1 -> c": 0.403429}
    for edge, weight in theirs.items():
        assert found.details["weights"][edge] == pytest.approx(weight, abs=0.012)
    assert found.details["weights"]["a -> b"] == pytest.approx(0.524158, abs=1e-3)


def test_lagged_columns_may_be_given():
    x = observed(series(2000, np.random.default_rng(1)), "abc")
    one, two = VARLiNGAM(lags=2).run(x), VARLiNGAM().run(lagged(x, 2))
    assert one.graph == two.graph
    assert "a.lag2" in one.graph.nodes


def test_knowledge_speaks_of_lags():
    x = observed(series(2000, np.random.default_rng(1)), "abc")
    known = Knowledge(
        tiers=[["c"], ["a", "b"]], required=[("b.lag1", "a")], forbidden=[("a", "b"), ("c.lag1", "b")]
    )
    found = VARLiNGAM().run(x, known)
    edges = set(found.details["weights"])
    assert "b.lag1 -> a" in edges
    assert not edges & {"a -> b", "c.lag1 -> b", "a -> c", "b -> c", "a.lag1 -> c", "b.lag1 -> c"}
    with pytest.raises(KnowledgeError, match="only the present"):
        VARLiNGAM().run(x, Knowledge(required=[("a.lag1", "b.lag1")]))


def test_too_few_lags_and_walks_are_said():
    rng = np.random.default_rng(3)
    e = rng.exponential(size=(3000, 2)) - 1
    x = np.zeros((3000, 2))
    for t in range(2, 3000):
        x[t] = 0.6 * x[t - 2] + e[t]
    short = VARLiNGAM(lags=1).run(observed(x, "ab"))
    assert any("may be too few" in each for each in short.warnings)
    assert not any("may be too few" in each for each in VARLiNGAM(lags=2).run(observed(x, "ab")).warnings)
    walk = VARLiNGAM().run(observed(np.cumsum(e, axis=0), "ab"))
    assert walk.details["largest_root"] > 0.98
    assert any("stationary" in each for each in walk.warnings)


def test_a_lag_is_needed():
    with pytest.raises(DiscoveryError, match="one lag or more"):
        VARLiNGAM(lags=0)
