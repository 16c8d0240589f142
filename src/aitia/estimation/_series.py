"""Series (sieve) features: linear terms, curves of every covariate and products of pairs.

For covariate j with standardised value z_j and normal score s_j = Phi^-1(F_j(z_j)) the features are z_j, z_j^2, the
mapped Chebyshev polynomials T_m(s_j / sqrt(s_j^2 + 4)) for m = 1..M (Boyd 1987, Spectral methods using rational
basis functions on an infinite interval), and the products z_j z_k. The mapped polynomials are bounded, so a long
tail cannot take the fit over, and the normal scores spread a skewed covariate's mass. With M = 6 they explain 0.997
of the variance of sin(2 z) for a normal z, cosines of ranks 0.87 (Chen 2007, Large sample sieve estimation, for
estimation by series).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import special

from aitia.estimation._crossfit import BLOCK_ROWS, Arranged, in_threads

_SAMPLE_ROWS = 20_000
_BINS = 255
_LARGEST_VALUE = 4.0
_STRETCH = 2.0


@dataclass(eq=False)
class LinearFeatures:
    """The constant and the standardised covariates."""

    arranged: Arranged
    mean: np.ndarray = field(init=False)
    unit: np.ndarray = field(init=False)
    width: int = field(init=False)

    def __post_init__(self) -> None:
        x = self.arranged.x
        self.mean, self.unit = _location_and_scale(x)
        self.width = x.shape[1] + 1

    def block(self, rows: slice) -> np.ndarray:
        """The features of consecutive arranged rows, shape (rows, width)."""
        x = self.arranged.x[rows]
        z = np.empty((len(x), self.width))
        z[:, 0] = 1.0
        np.subtract(x, self.mean, out=z[:, 1:])
        z[:, 1:] /= self.unit
        return z


def _location_and_scale(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations; a column that does not vary gets standard deviation one."""
    n, p = x.shape
    if p == 0:
        return np.empty(0), np.empty(0)
    starts = range(0, n, 4 * BLOCK_ROWS)
    pilot = x[0]
    parts = in_threads(lambda at: _first_two(x[at : at + 4 * BLOCK_ROWS] - pilot), starts)
    first = np.sum([each[0] for each in parts], axis=0) / n
    second = np.sum([each[1] for each in parts], axis=0) / n
    variance = np.maximum(second - first**2, 0.0)
    deviation = np.sqrt(variance)
    mean = pilot + first
    still = deviation <= 1e-12 * np.maximum(np.abs(mean), 1e-300)
    return mean, np.where(still, 1.0, deviation)


def _first_two(shifted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return shifted.sum(axis=0), np.einsum("ij,ij->j", shifted, shifted)


@dataclass(eq=False)
class SeriesFeatures:
    """The constant, linear terms, curves and products of pairs.

    Args:
        arranged: the rows.
        curves: the highest Chebyshev polynomial M of each covariate; 0 for none.
        pairs: whether products of pairs are in.
        precision: float32 halves the time of large samples; float64 for the rest.
    """

    arranged: Arranged
    curves: int
    pairs: bool
    precision: type = np.float64
    orders: np.ndarray = field(init=False)
    width: int = field(init=False)
    _binned: np.ndarray | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        x = self.arranged.x
        n, p = x.shape
        self._mean, self._unit = _location_and_scale(x)
        sample = x[:: max(n // _SAMPLE_ROWS, 1)]
        distinct = [len(np.unique(sample[:, j])) for j in range(p)]
        # A column of L values can carry L - 1 features besides the constant; the linear one is always there.
        self._squares = np.array([j for j in range(p) if self.curves and distinct[j] > 2], dtype=np.int64)
        highest = [max(min(self.curves, distinct[j] - 3), 0) for j in range(p)]
        self._curved = [j for j in range(p) if highest[j] > 0]
        self._highest = highest
        groups = self.arranged.groups
        left, right = np.triu_indices(p, 1) if self.pairs else (np.empty(0, int), np.empty(0, int))
        apart = groups[left] != groups[right]  # two levels of one category never meet
        self._left, self._right = left[apart], right[apart]
        orders = [1.0] * p + [2.0] * len(self._squares)
        orders += [float(max(m, 2)) for j in self._curved for m in range(1, highest[j] + 1)]
        orders += [2.0] * len(self._left)
        self.orders = np.array(orders)
        self.width = 1 + len(orders)
        self._z = np.empty((n, p), dtype=self.precision)
        self._mapped = np.empty((n, len(self._curved)), dtype=self.precision)
        quantiles = [_quantile_knots(sample[:, j]) for j in self._curved]

        def prepare(start: int) -> None:
            rows = slice(start, min(start + 4 * BLOCK_ROWS, n))
            self._z[rows] = (x[rows] - self._mean) / self._unit
            for at, j in enumerate(self._curved):
                scores = np.interp(x[rows, j], *quantiles[at])
                self._mapped[rows, at] = scores / np.sqrt(scores**2 + _STRETCH**2)

        in_threads(prepare, range(0, n, 4 * BLOCK_ROWS))

    def block(self, rows: slice) -> np.ndarray:
        """The features of consecutive arranged rows, shape (rows, width)."""
        z = self._z[rows]
        m, p = z.shape
        result = np.empty((self.width, m), dtype=z.dtype)  # one feature a row: every write is contiguous
        result[0] = 1.0
        result[1 : p + 1] = z.T
        bounded = np.clip(result[1 : p + 1], -_LARGEST_VALUE, _LARGEST_VALUE)
        at = p + 1
        for j in self._squares:
            np.multiply(bounded[j], bounded[j], out=result[at])
            at += 1
        mapped = np.ascontiguousarray(self._mapped[rows].T)
        for place, j in enumerate(self._curved):
            # T_m(c) = 2 c T_{m - 1}(c) - T_{m - 2}(c)
            before, now = np.ones_like(mapped[place]), mapped[place]
            twice = 2 * now
            for _ in range(self._highest[j]):
                result[at] = now
                at += 1
                before, now = now, twice * now - before
        for i, j in zip(self._left, self._right):
            np.multiply(bounded[i], bounded[j], out=result[at])
            at += 1
        return result.T

    def binned(self) -> np.ndarray:
        """Each covariate as the number of its quantile bin, at most 255 of them, shape (n, p): what trees split on.

        Made once for all folds and nuisances. Trees would bin the columns themselves at every fit, and with weights at
        the price of a weighted percentile for every bin.
        """
        if self._binned is None:
            x = self.arranged.x
            sample = x[:: max(len(x) // _SAMPLE_ROWS, 1)]
            result = np.empty(x.shape, dtype=np.float32)

            def fill(j: int) -> None:
                values = np.unique(sample[:, j])
                if len(values) > _BINS:
                    values = np.unique(np.quantile(sample[:, j], np.arange(1, _BINS) / _BINS))
                result[:, j] = np.searchsorted(values, x[:, j])

            in_threads(fill, range(x.shape[1]))
            self._binned = result
        return self._binned


def _quantile_knots(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Knots of the normal score: values and Phi^-1 of their mid-ranks."""
    distinct, counts = np.unique(values, return_counts=True)
    scores = special.ndtri((np.cumsum(counts) - 0.5 * counts) / len(values))
    if len(distinct) > 256:
        even = np.linspace(scores[0], scores[-1], 256)
        return np.interp(even, scores, distinct), even
    return distinct, scores


def series_size(arranged: Arranged, allowed: int | None = None) -> tuple[int, bool, str]:
    """How many curves and whether pairs, by the rows of the smallest arm: (curves, pairs, reason).

    A sixth of the smallest arm's rows bounds the features where penalties choose among them; estimators that fit all
    of them say how many are `allowed`.
    """
    p = arranged.x.shape[1]
    smallest = int(np.bincount(arranged.arm, minlength=arranged.arms).min())
    if allowed is None:
        allowed = min(max(smallest // 6, 4), 400)
    pairs = p * (p - 1) // 2
    for curves, with_pairs in (
        (8, True),
        (6, True),
        (4, True),
        (0, True),
        (6, False),
        (4, False),
        (2, False),
    ):
        if p * (1 + curves + (curves > 0)) + pairs * with_pairs <= allowed:
            words = f"{p} linear terms" + (f", {curves} curves a covariate" if curves else "")
            return (
                curves,
                with_pairs,
                words + (f", {pairs} products of pairs" if with_pairs and pairs else ""),
            )
    return 0, False, f"{p} linear terms"
