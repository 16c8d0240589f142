"""What additive noise models share: residuals of a flexible regression on rows it has not seen, and their tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from aitia.core import stream
from aitia.discovery._errors import DiscoveryError
from aitia.discovery._observations import Observations
from aitia.discovery.independence import IndependenceTest

_KNOTS = 8
_PENALTIES = np.logspace(-4, 3, 15)


def spline_residual(causes: np.ndarray, effect: np.ndarray) -> np.ndarray:
    """What additive cubic splines leave of an effect, each row predicted by a fit to all other rows.

    Knots stand at quantiles of each cause, all columns share one ridge penalty, chosen by the same predictions: ridge
    regression gives them in closed form, as residuals over one minus the leverage.

    Args:
        causes: standardised, shape (n, k).
        effect: shape (n,).
    """
    from sklearn.preprocessing import SplineTransformer

    splines = SplineTransformer(n_knots=_KNOTS, knots="quantile", extrapolation="linear")
    basis = np.hstack([causes, splines.fit_transform(causes)])
    basis = basis - basis.mean(axis=0)
    n = len(effect)
    values, vectors = np.linalg.eigh(basis.T @ basis)
    kept = values > 1e-9 * values[-1]
    scores, values = basis @ (vectors[:, kept] / np.sqrt(values[kept])), values[kept]
    centred = effect - effect.mean()
    along, square = scores.T @ centred, scores**2
    best = None
    for penalty in _PENALTIES:
        shrunk = values / (values + penalty)
        left = (centred - scores @ (shrunk * along)) / (1 - 1 / n - square @ shrunk)
        error = float(left @ left)
        if best is None or error < best[0]:
            best = error, left
    assert best is not None
    return best[1]


def check_regressor(regressor: Any) -> None:
    """Refuse what is no regressor.

    Raises:
        DiscoveryError: it has no fit or predict.
    """
    if regressor is not None and not (hasattr(regressor, "fit") and hasattr(regressor, "predict")):
        raise DiscoveryError(
            f"A regressor has fit and predict, but came {regressor!r}.",
            "Give a scikit-learn estimator object such as HistGradientBoostingRegressor().",
        )


def residual(regressor: Any, causes: np.ndarray, effect: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """What a regression leaves of the effect, each row predicted by a fit to the other folds.

    Args:
        regressor: a scikit-learn estimator, cloned for every fit; None: splines, whose folds are single rows.
        causes: shape (n, k).
        effect: shape (n,).
        folds: how many folds.
        seed: of the folds.
    """
    from sklearn.base import clone

    if causes.shape[1] == 0:
        return effect - effect.mean()
    if regressor is None:
        return spline_residual(causes, effect)
    n = len(effect)
    fold = stream(seed, "additive noise folds").permutation(n) % folds
    left = np.empty(n)
    for k in range(folds):
        out = fold == k
        model: Any = clone(regressor)
        fitted = model.fit(causes[~out], effect[~out])
        left[out] = effect[out] - np.ravel(fitted.predict(causes[out]))
    return left


def independence(noise: np.ndarray, others: np.ndarray, test: IndependenceTest) -> tuple[float, float]:
    """How well a noise goes with being independent of every other variable.

    Args:
        noise: shape (n,).
        others: shape (n, k).
        test: of two variables.

    Returns:
        The p-value over all k tests (the smallest times k), and the sum of the logarithms of all p-values.
    """
    k = others.shape[1]
    if k == 0:
        return 1.0, 0.0
    names = ["noise", *(f"other {j}" for j in range(k))]
    tester = test.on(Observations.of_values(names, np.column_stack([noise, others])))
    p_values = np.array([tester.p_value(0, j) for j in range(1, k + 1)])
    return min(1.0, float(p_values.min()) * k), float(np.log(np.maximum(p_values, 1e-300)).sum())
