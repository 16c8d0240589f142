"""The generalised covariance measure: do two regressions' residuals covary?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from aitia.core import stats


@dataclass(frozen=True)
class GeneralisedCovariance:
    """A test that no residual of one regression covaries with one of another.

    Args:
        statistic: Wald's statistic of the mean products.
        degrees_of_freedom: pairs of columns that vary; 0 where nothing is left to covary.
        p_value: by an F distribution (Hotelling's correction for few rows or clusters).
        effect: the largest absolute correlation of two residuals.
    """

    statistic: float
    degrees_of_freedom: int
    p_value: float
    effect: float


def generalised_covariance(
    left: np.ndarray, right: np.ndarray, clusters: np.ndarray | None = None
) -> GeneralisedCovariance:
    """Test residuals of x given z against residuals of y given z, whatever regressions made them.

    Args:
        left: residuals of the columns of x, shape (n, k); times the root of the weights where there are any.
        right: those of y, shape (n, l).
        clusters: rows of one cluster may depend on each other, shape (n,); None takes independent rows.

    Assumptions: the product of the two regressions' errors falls faster than 1 / sqrt(n).

    Source: Shah & Peters (2020), Annals of Statistics 48:1514, section 3; a Wald statistic over pairs of columns in
    place of their largest one.

    Example:
        >>> x, y = np.random.default_rng(0).normal(size=(2, 500, 1))
        >>> generalised_covariance(x, y).p_value > 0.01, generalised_covariance(x, x + y).p_value < 0.01
        (True, True)
    """
    n = len(left)
    spread_left, spread_right = (left**2).sum(0), (right**2).sum(0)
    a, b = left[:, spread_left > 1e-10 * n], right[:, spread_right > 1e-10 * n]
    if a.shape[1] == 0 or b.shape[1] == 0:
        return GeneralisedCovariance(0.0, 0, 1.0, 0.0)
    correlation = (a.T @ b) / np.sqrt(np.outer((a**2).sum(0), (b**2).sum(0)))
    products = (a[:, :, None] * b[:, None, :]).reshape(n, -1)
    if clusters is not None:
        codes = np.unique(clusters, return_inverse=True)[1]
        sums = np.zeros((int(codes.max()) + 1, products.shape[1]))
        np.add.at(sums, codes, products)
        products = sums
    total = products.sum(0)
    deviations = products - products.mean(0)
    values, vectors = linalg.eigh(deviations.T @ deviations)
    good = values > 1e-10 * max(values[-1], 1e-300)
    if values[-1] <= 0:
        return GeneralisedCovariance(0.0, 0, 1.0, 0.0)
    statistic = float((((vectors[:, good].T @ total) ** 2) / values[good]).sum())
    freedom = int(good.sum())
    units = len(products)
    if freedom >= units:
        return GeneralisedCovariance(statistic, freedom, 1.0, float(np.abs(correlation).max()))
    p = float(stats.f.sf(statistic * (units - freedom) / (freedom * units), freedom, units - freedom))
    return GeneralisedCovariance(statistic, freedom, p, float(min(np.abs(correlation).max(), 1.0)))
