"""Online coding of numbers: linear regression on the units, whose predictions are Student's t."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from aitia.core import stats
from aitia.networks.probes._method import standardiser
from aitia.statistics import Moments

_FINE = 1e-3  # a cell of so small a share of the scale has its middle's density


@dataclass(frozen=True)
class Cells:
    """The values that a code tells apart: low, low + precision, low + 2 precision, ...

    Args:
        low: the lowest.
        precision: how far apart they are.
        count: how many there are.
    """

    low: float
    precision: float
    count: int

    @classmethod
    def of(cls, values: np.ndarray, precision: float) -> Cells:
        """The cells between the lowest and the highest of some values."""
        return cls(float(values.min()), precision, round(float(np.ptp(values)) / precision) + 1)

    def rounded(self, values: np.ndarray) -> np.ndarray:
        """The nearest of them."""
        return self.low + self.precision * np.rint((values - self.low) / self.precision)


@dataclass(frozen=True, eq=False)
class Predictions:
    """What linear regressions on the rows before say of rows to come, and how far each is to be trusted.

    Args:
        middle: the middle of Student's t, shape (priors, rows).
        scale: its scale, shape (priors, rows).
        freedom: its degrees of freedom.
        evidence: the logarithm of the probability density of the rows before, up to a constant, shape (priors,).
    """

    middle: np.ndarray
    scale: np.ndarray
    freedom: float
    evidence: np.ndarray

    def log_density(self, values: np.ndarray) -> np.ndarray:
        """The logarithm of the predicted density at each row's value, shape (priors, rows)."""
        return stats.t.logpdf(values, self.freedom, self.middle, self.scale)

    def chances(self, values: np.ndarray, precision: float) -> np.ndarray:
        """The probability of each row's cell, the priors mixed by their evidence, shape (rows,)."""
        away = np.abs(values - self.middle) / self.scale
        half = 0.5 * precision / self.scale
        # Both ends of the cell at the lower tail, where probabilities are small numbers and not near 1.
        mass = stats.t.cdf(half - away, self.freedom) - stats.t.cdf(-half - away, self.freedom)
        fine = precision * np.exp(self.log_density(values))
        weight = np.exp(self.evidence - self.evidence.max())
        return (weight / weight.sum()) @ np.where(half < _FINE, fine, mass)


def predictions(
    before: Moments, units: np.ndarray, priors: Sequence[float], errors: np.ndarray
) -> Iterator[Predictions]:
    """The predictions of each column from the moments of the rows before, column by column.

    y = a + b'z + e with e ~ N(0, s^2), a flat, b ~ N(0, s^2 / k) for each prior k (infinite: b = 0), and s^2 as if one
    row had been seen with its error. With t rows before, G and P their centred products and S the
    sum of squares of y,

        b = (G + k)^-1 P,   Q = S - P'b + error^2,   y | z ~ t_t(mean + b'(z - mean z), Q/t (1 + 1/t + r)),
        r = (z - mean z)'(G + k)^-1 (z - mean z),   p(before) ~ |1 + G/k|^(-1/2) Q^(-t/2)

    (the conjugate analysis of linear regression, e.g. Bishop 2006, section 3.3 and exercise 3.23).

    Args:
        before: the moments of the units z and, after them, of the columns.
        units: z at the rows to come, shape (rows, units).
        priors: k.
        errors: of that row, for each column.
    """
    many, rows = units.shape[1], before.weight
    values, vectors = np.linalg.eigh(before.cross[:many, :many])
    values = np.maximum(values, 0.0)
    finite = np.isfinite(priors)
    k = np.asarray(priors)[:, None]
    # (G + k)^-1 and log |1 + G/k| in the coordinates of the eigenvectors; an infinite k leaves neither.
    inverse = np.where(finite[:, None], 1.0 / (values + np.where(finite[:, None], k, 1.0)), 0.0)
    volume = np.log1p(values / np.where(finite[:, None], k, np.inf)).sum(axis=1)
    away = (units - before.mean[:many]) @ vectors
    spread = 1.0 + 1.0 / rows + inverse @ (away**2).T
    for column, error in enumerate(errors, start=many):
        products = vectors.T @ before.cross[:many, column]
        left = np.maximum(before.cross[column, column] - inverse @ products**2, 0.0) + error**2
        yield Predictions(
            before.mean[column] + (inverse * products) @ away.T,
            np.sqrt(left[:, None] / rows * spread),
            rows,
            -0.5 * volume - 0.5 * rows * np.log(left),
        )


def gaussian_bits(
    units: np.ndarray,
    targets: Sequence[np.ndarray],
    cells: Sequence[Cells],
    orders: Sequence[np.ndarray],
    ends: np.ndarray,
    penalties: Sequence[float],
    standardise: bool = True,
) -> np.ndarray:
    """The bits of each portion of targets of numbers, means over orders.

    Args:
        units: shape (rows, units).
        targets: each of shape (rows,).
        cells: what is told apart of each.
        orders: of the rows.
        ends: after how many rows each portion ends.
        penalties: the precision of slopes is the number of rows times each of these; no slopes stands beside.
        standardise: whether units are scaled to variance 1 (of all rows, which the receiver sees too).

    Returns:
        Shape (targets, portions).
    """
    many = units.shape[1]
    if many:
        mean, scale = standardiser(units)
        units = (units - mean) / (scale if standardise else np.where(np.isinf(scale), np.inf, 1.0))
    columns = np.column_stack([each.rounded(values) for each, values in zip(cells, targets, strict=True)])
    counts = np.array([each.count for each in cells])
    precisions = np.array([each.precision for each in cells])
    priors = [*(len(units) * each for each in penalties if many), np.inf]
    bits = np.zeros((len(orders), len(ends), len(cells)))
    names = [f"column {place}" for place in range(many + len(cells))]
    for order, into in zip(orders, bits, strict=True):
        into[0] = ends[0] * np.log2(counts)
        before, past = Moments.zero(names), 0
        for place, (start, end) in enumerate(pairwise(ends.tolist()), start=1):
            seen, coming = order[past:start], order[start:end]
            before = before + Moments.of(np.column_stack([units[seen], columns[seen]]), names)
            past = start
            for column, found in enumerate(predictions(before, units[coming], priors, precisions)):
                chances = found.chances(columns[coming, column], precisions[column])
                into[place, column] = -np.log2((start * chances + 1 / counts[column]) / (start + 1)).sum()
    return bits.mean(axis=0).T
