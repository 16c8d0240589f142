"""Vanishing tetrads: what a single latent variable behind four columns leaves in their covariances."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from aitia.core import stats
from aitia.discovery._errors import DiscoveryError

_CHUNK = 20_000
_PAIRS = ((0, 1), (2, 3), (0, 2), (1, 3), (0, 3), (1, 2))


@dataclass(frozen=True)
class TetradTest:
    """One tetrad difference and its test.

    Args:
        value: the difference, of correlations.
        std_error: its standard error where it vanishes.
        p_value: two-sided, normal.
    """

    value: float
    std_error: float
    p_value: float


def tetrad_test(covariance: np.ndarray, rows: float, i: int, j: int, k: int, m: int) -> TetradTest:
    """Test whether the tetrad ``s_ik s_jm - s_im s_jk`` of covariances vanishes.

    It is the determinant of the covariance between {i, j} and {k, m}, and vanishes where one variable, measured or
    not, separates these pairs in a linear model. With determinants D of the correlations of the columns named,

        Var = [(N + 1) / (N - 1) D_ij D_km - D_ijkm] / (N - 2),    N = n - 1.

    Args:
        covariance: shape (p, p), or correlations.
        rows: n.
        i: a column of the first pair.
        j: the other one.
        k: a column of the second pair.
        m: the other one.

    Raises:
        DiscoveryError: the columns are not four different ones, or there are fewer than five rows.

    Assumptions: normal variables, or one-factor models with independent noise; some dependence between the pairs (with
    none the test rejects too seldom).

    Source: Wishart (1928), British Journal of Psychology 19.

    Example:
        >>> loadings = np.array([0.9, 0.8, 0.7, 0.6])
        >>> one_factor = np.outer(loadings, loadings) + np.diag(1 - loadings**2)
        >>> abs(tetrad_test(one_factor, 1000, 0, 1, 2, 3).value) < 1e-12
        True
    """
    if len({i, j, k, m}) < 4 or rows < 5:
        raise DiscoveryError(
            f"A tetrad needs four different columns and five rows, but came {(i, j, k, m)} and {rows:g} rows.",
            "Name four columns.",
        )
    at = [i, j, k, m]
    part = np.asarray(covariance, float)[np.ix_(at, at)]
    spread = np.sqrt(np.diagonal(part))
    part = part / np.outer(spread, spread)
    value = float(np.linalg.det(part[:2, 2:]))
    n = rows - 1
    across = float(np.linalg.det(part[:2, :2]) * np.linalg.det(part[2:, 2:]))
    variance = ((n + 1) / (n - 1) * across - float(np.linalg.det(part))) / (n - 2)
    error = math.sqrt(max(variance, 1e-300))
    return TetradTest(value, error, math.erfc(abs(value) / error / math.sqrt(2)))


def one_factor_p_values(correlation: np.ndarray, rows: float, quads: np.ndarray) -> np.ndarray:
    """For each four columns, the p-value of the test that all their tetrads vanish together.

    Of the three tetrads any two say all; with their gradient G by the six covariances and the normal-theory covariance
    V of these (``V_ab,cd = s_ac s_bd + s_ad s_bc``),
    ``n t' (G V G')^-1 t`` of the tetrads t is chi-squared with two degrees of freedom, whichever two are taken.

    Args:
        correlation: shape (p, p).
        rows: n.
        quads: positions, shape (m, 4).

    Returns:
        Shape (m,).

    Source: Bollen & Ting (1993), Sociological Methodology 23.

    Example:
        >>> loadings = np.array([0.9, 0.8, 0.7, 0.6])
        >>> one_factor = np.outer(loadings, loadings) + np.diag(1 - loadings**2)
        >>> one_factor_p_values(one_factor, 1000, np.array([[0, 1, 2, 3]])).round(6).tolist()
        [1.0]
    """
    statistics = np.empty(len(quads))
    for start in range(0, len(quads), _CHUNK):
        part = quads[start : start + _CHUNK]
        r = correlation[part[:, :, None], part[:, None, :]]
        v = np.empty((len(part), 6, 6))
        for x, (a, b) in enumerate(_PAIRS):
            for y, (c, d) in enumerate(_PAIRS[x:], x):
                v[:, x, y] = v[:, y, x] = r[:, a, c] * r[:, b, d] + r[:, a, d] * r[:, b, c]
        s = np.stack([r[:, a, b] for a, b in _PAIRS], axis=1)
        products = s[:, 0::2] * s[:, 1::2]
        # The gradient of each product of two covariances is the other one.
        gradient = np.zeros((len(part), 2, 6))
        for line, other in enumerate((1, 2)):
            gradient[:, line, 0], gradient[:, line, 1] = s[:, 1], s[:, 0]
            gradient[:, line, 2 * other] = -s[:, 2 * other + 1]
            gradient[:, line, 2 * other + 1] = -s[:, 2 * other]
        tetrads = products[:, :1] - products[:, 1:]
        spread = gradient @ v @ gradient.transpose(0, 2, 1)
        determinant = spread[:, 0, 0] * spread[:, 1, 1] - spread[:, 0, 1] ** 2
        # tau' S^-1 tau of two numbers; no dependence at all leaves nothing to test.
        top = (
            spread[:, 1, 1] * tetrads[:, 0] ** 2
            - 2 * spread[:, 0, 1] * tetrads[:, 0] * tetrads[:, 1]
            + spread[:, 0, 0] * tetrads[:, 1] ** 2
        )
        statistics[start : start + _CHUNK] = rows * np.divide(
            top, determinant, out=np.zeros_like(top), where=determinant > 1e-300
        )
    return np.asarray(stats.chi2.sf(statistics, 2))
