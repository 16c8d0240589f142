"""What additive noise models share: residuals of a flexible regression on rows it has not seen, and their tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from aitia.core import stream
from aitia.discovery._errors import DiscoveryError
from aitia.discovery._observations import Observations
from aitia.discovery.independence import IndependenceTest


def default_regressor() -> Any:
    """Cubic splines with knots at quantiles in each column, and ridge regression that chooses its penalty."""
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import SplineTransformer, StandardScaler

    return make_pipeline(
        StandardScaler(),
        SplineTransformer(n_knots=8, knots="quantile", extrapolation="linear"),
        RidgeCV(np.logspace(-4, 3, 8)),
    )


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
        regressor: a scikit-learn estimator, cloned for every fit; None: splines.
        causes: shape (n, k).
        effect: shape (n,).
        folds: how many folds.
        seed: of the folds.
    """
    from sklearn.base import clone

    if causes.shape[1] == 0:
        return effect - effect.mean()
    model = default_regressor() if regressor is None else regressor
    n = len(effect)
    fold = stream(seed, "additive noise folds").permutation(n) % folds
    left = np.empty(n)
    for k in range(folds):
        out = fold == k
        fitted = clone(model).fit(causes[~out], effect[~out])
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
