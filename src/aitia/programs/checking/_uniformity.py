"""Are numbers uniform? The empirical distribution function inside a band that holds everywhere at once.

Säilynoja, Bürkner and Vehtari 2022, "Graphical test for discrete uniformity and its applications in goodness-of-fit
evaluation and multiple sample comparison", Statistics and Computing 32:32.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import stats

from aitia.core import stream

NULL_DRAWS = 10_000
"""Samples of the null distribution: the p-value's own standard error at 0.01 is 0.001."""

CUTS = 50
"""The most places at which the distribution function is looked at."""


@dataclass(frozen=True, eq=False)
class Uniformity:
    """How numbers that should be uniform on (0, 1) are spread.

    Args:
        values: the numbers.
        p_value: of the largest deviation of their distribution function, over all cuts at once.
        chi_squared: the p-value of Pearson's chi-squared over ten bins.
        cuts: where the distribution function was looked at.
        shares: the share of numbers at or below each cut.
        low: the lower end of the band of 95% (for all cuts at once).
        high: its upper end.
    """

    values: np.ndarray
    p_value: float
    chi_squared: float
    cuts: np.ndarray
    shares: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def shape(self) -> str:
        """How they deviate most, as one of ``"high"``, ``"low"``, ``"outer"``, ``"inner"``."""
        n = len(self.values)
        # Standard scores of the mean and of the second moment about 1/2 (1/12, with variance 1/180).
        shift = (self.values.mean() - 0.5) * np.sqrt(12 * n)
        spread = (((self.values - 0.5) ** 2).mean() - 1 / 12) * np.sqrt(180 * n)
        if abs(shift) >= abs(spread):
            return "high" if shift > 0 else "low"
        return "outer" if spread > 0 else "inner"


def uniformity(values: np.ndarray, ranks_of: int | None = None) -> Uniformity:
    """Test whether numbers are uniform.

    For cuts z_i the number R_i of values at or below z_i is binomial. The statistic is the smallest two-sided
    binomial tail over all cuts; its distribution is simulated (multinomial counts between cuts), so that the test
    has its level at any sample size. The band is the set of R_i whose tail is not smaller than the statistic's 5%
    quantile.

    Args:
        values: numbers in (0, 1); or, with `ranks_of`, ranks 0, 1, ..., L of a truth among L draws.
        ranks_of: L; None for numbers.

    Example:
        >>> round(uniformity(np.linspace(0.005, 0.995, 100)).p_value, 1)
        1.0
        >>> uniformity(np.linspace(0.005, 0.995, 100) ** 2).p_value < 0.001
        True
    """
    values = np.asarray(values, dtype=float)
    n = len(values)
    if ranks_of is None:
        levels = np.arange(1, CUTS) / CUTS
        counts = np.searchsorted(np.sort(values), levels, side="right")
        numbers = values
    else:
        steps = np.unique(np.linspace(0, ranks_of, min(CUTS, ranks_of + 1)).astype(int)[:-1])
        levels = (steps + 1) / (ranks_of + 1)
        counts = np.searchsorted(np.sort(values), steps, side="right")
        numbers = (values + 0.5) / (ranks_of + 1)
    null = _null(n, tuple(levels))
    statistic = _smallest_tail(counts[None], n, levels)[0]
    p_value = (1 + np.sum(null <= statistic * (1 + 1e-9))) / (len(null) + 1)
    gamma = np.quantile(null, 0.05)
    low = stats.binom.ppf(gamma / 2, n, levels) / n
    high = stats.binom.ppf(1 - gamma / 2, n, levels) / n
    return Uniformity(numbers, float(p_value), _chi_squared(numbers), levels, counts / n, low, high)


def _smallest_tail(counts: np.ndarray, n: int, levels: np.ndarray) -> np.ndarray:
    """The smallest two-sided binomial tail over cuts, for each row of counts."""
    below = np.stack([_table(n, level)[0][counts[:, i]] for i, level in enumerate(levels)])
    above = np.stack([_table(n, level)[1][counts[:, i]] for i, level in enumerate(levels)])
    return 2 * np.minimum(below, above).min(axis=0)


@lru_cache(maxsize=4096)
def _table(n: int, level: float) -> tuple[np.ndarray, np.ndarray]:
    """P(B <= k) and P(B >= k) for k = 0, ..., n."""
    k = np.arange(n + 1)
    return stats.binom.cdf(k, n, level), stats.binom.sf(k - 1, n, level)


@lru_cache(maxsize=64)
def _null(n: int, levels: tuple[float, ...]) -> np.ndarray:
    between = np.diff([0.0, *levels, 1.0])
    drawn = stream(0, "uniformity", n).multinomial(n, between, size=NULL_DRAWS)
    return _smallest_tail(np.cumsum(drawn, axis=1)[:, :-1], n, np.asarray(levels))


def _chi_squared(numbers: np.ndarray, bins: int = 10) -> float:
    if len(numbers) < 5 * bins:
        return float("nan")
    counts = np.histogram(numbers, bins=bins, range=(0, 1))[0]
    return float(stats.chisquare(counts).pvalue)
