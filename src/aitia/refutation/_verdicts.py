"""From p-values to verdicts: the rules that all refuters share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aitia.core import stats
from aitia.refutation._base import Verdict

ALPHA = 0.01
"""Level below which a p-value breaks an assumption. A battery makes about fifteen tests, so 5% would cry wolf."""
DOUBT = 0.05
"""Between `ALPHA` and this a refuter is in doubt and says inconclusive."""


def by_p_value(p_value: float, alpha: float = ALPHA) -> Verdict:
    """Broken below `alpha`, inconclusive from there to five times `alpha`, else survived."""
    if not np.isfinite(p_value):
        return Verdict.INCONCLUSIVE
    if p_value < alpha:
        return Verdict.BROKEN
    return Verdict.INCONCLUSIVE if p_value < alpha * DOUBT / ALPHA else Verdict.SURVIVED


def sidak(p_values: Sequence[float] | np.ndarray) -> float:
    """The p-value of the smallest of k independent p-values, 1 - (1 - min p)^k (Sidak 1967).

    Uniform for independent p-values; never too small for positively dependent ones.

    Example:
        >>> round(sidak([0.01, 0.6]), 4)
        0.0199
    """
    values = np.asarray(p_values, dtype=float)
    if len(values) == 0:
        return 1.0
    smallest = float(np.clip(values.min(), 0.0, 1.0))
    return float(-np.expm1(len(values) * np.log1p(-smallest))) if smallest < 1 else 1.0


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Holm's (1979) adjusted p-values: the family-wise error is held whatever the dependence.

    Example:
        >>> holm([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.06, 0.06]
    """
    values = np.asarray(p_values, dtype=float)
    order = np.argsort(values)
    steps = values[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def mean_and_spread(scores: np.ndarray, expected_mean: float = 0.0) -> tuple[float, float, float]:
    """Tests that independent scores are standard normal: in their mean, in their spread, in both at once.

    For normal scores mean and spread are independent, so Sidak's combination of the two is exact.

    Args:
        scores: z_1..z_R, which have mean `expected_mean` and variance 1 where the assumption holds.
        expected_mean: the mean they should have.

    Returns:
        The p-value of the mean (normal), of the spread (chi-squared on R - 1, two-sided), and of both.
    """
    count = len(scores)
    if count < 3 or not np.all(np.isfinite(scores)):
        return float("nan"), float("nan"), float("nan")
    deviation = (scores.mean() - expected_mean) * np.sqrt(count)
    p_mean = float(2 * stats.norm.sf(abs(deviation)))
    total = float(((scores - scores.mean()) ** 2).sum())
    p_spread = two_sided(float(stats.chi2.cdf(total, count - 1)), float(stats.chi2.sf(total, count - 1)))
    return p_mean, p_spread, sidak([p_mean, p_spread])


def two_sided(lower: float, upper: float) -> float:
    """Twice the smaller tail, at most one."""
    return min(1.0, 2 * min(lower, upper))


def variance_ratio_p(ratio: float, freedom: float) -> float:
    """Two-sided p-value of a variance estimate on `freedom` degrees of freedom over its true value."""
    scaled = ratio * freedom
    return two_sided(float(stats.chi2.cdf(scaled, freedom)), float(stats.chi2.sf(scaled, freedom)))


def times(ratio: float) -> str:
    """A ratio in words: ``"1.03 times"``."""
    return f"{ratio:.3g} times"
