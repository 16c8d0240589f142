"""Moments: the additive statistic that most of the library is computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from aitia.statistics._errors import (
    BadBlock,
    DifferentVariables,
    TooFewRows,
    UnknownVariable,
    locate_non_finite,
)

_LARGE = 1 << 18  # numbers in a block beyond which it is worth cutting into pieces that fit the cache


def two_sum(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rounded sum of two arrays and its exact rounding error (Knuth 1969, section 4.2.2, theorem B)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


@dataclass(frozen=True, eq=False)
class Moments:
    """Weight, means and centred cross-products of k variables: a commutative monoid under ``+``.

    With rows x_i and weights w_i it holds W = sum w_i, m = sum w_i x_i / W and
    C = sum w_i (x_i - m)(x_i - m)'. Two shards merge by the pairwise update of Chan, Golub & LeVeque (1983),
    with d = m_b - m_a::

        m = m_a + d W_b / W        C = C_a + C_b + d d' W_a W_b / W

    The mean is kept as an unevaluated sum of two float64 numbers (`mean` + `mean_low`), because d is
    otherwise lost to rounding where the mean is large beside the standard deviation (mean 1e9, standard
    deviation 1e-3).

    Args:
        names: the k variables, all different.
        count: rows of positive weight.
        weight: W; equal to `count` where no weights were given.
        mean: m, shape (k,).
        cross: C, shape (k, k), symmetric.
        mean_low: what the rounding of `mean` left over, shape (k,).

    Example:
        >>> block = np.array([[1.0, 2.0], [3.0, 5.0], [5.0, 5.0]])
        >>> whole = Moments.of(block, ["x", "y"])
        >>> whole.mean.tolist(), whole.covariance.tolist()
        ([3.0, 4.0], [[4.0, 3.0], [3.0, 3.0]])
        >>> halves = Moments.of(block[:1], ["x", "y"]) + Moments.of(block[1:], ["x", "y"])
        >>> bool(np.allclose(halves.cross, whole.cross))
        True
    """

    names: tuple[str, ...]
    count: int
    weight: float
    mean: np.ndarray
    cross: np.ndarray
    mean_low: np.ndarray = field(default_factory=lambda: np.zeros(0), repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        if not len(self.mean_low):
            object.__setattr__(self, "mean_low", np.zeros(len(self.names)))

    # -- making --------------------------------------------------------------------------------------------

    @classmethod
    def of(
        cls, block: np.ndarray, names: Sequence[str] | None = None, weights: np.ndarray | None = None
    ) -> Moments:
        """The moments of one block of rows.

        Args:
            block: rows by variables, shape (rows, k).
            names: the k names; ``x0, x1, ...`` where None.
            weights: non-negative weights, shape (rows,), or None.

        Raises:
            BadBlock: the block is not two-dimensional, or names or weights do not fit it.
            NonFiniteRows: a value is not finite.
        """
        block, names = checked_block(block, names)
        if block.size > _LARGE:
            from aitia.statistics._accumulate import accumulate

            return accumulate([block], names, weights=weights).total()
        weights = checked_weights(weights, len(block))
        count, weight, mean, low, cross = centred(block, weights)
        if not np.isfinite(cross.trace()):
            raise locate_non_finite(block, names, 0)
        return cls(names, count, weight, mean, cross, low)

    @classmethod
    def zero(cls, names: Sequence[str]) -> Moments:
        """The moments of no rows: the neutral element of ``+``."""
        k = len(names)
        return cls(tuple(names), 0, 0.0, np.zeros(k), np.zeros((k, k)))

    # -- the monoid ----------------------------------------------------------------------------------------

    def __add__(self, other: Moments) -> Moments:
        if not isinstance(other, Moments):
            return NotImplemented
        if self.names != other.names:
            raise DifferentVariables(self.names, other.names)
        # An empty side has no mean to measure a distance from.
        if not other.weight:
            return self
        if not self.weight:
            return other
        weight = self.weight + other.weight
        delta = (other.mean - self.mean) + (other.mean_low - self.mean_low)
        mean, low = two_sum(self.mean, self.mean_low + delta * (other.weight / weight))
        cross = self.cross + other.cross + np.outer(delta, delta) * (self.weight * other.weight / weight)
        return Moments(self.names, self.count + other.count, weight, mean, cross, low)

    def __radd__(self, other: object) -> Moments:
        # sum(shards) starts from the integer 0.
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def __sub__(self, part: Moments) -> Moments:
        """The moments of the rows of this whole that are not in `part`.

        `part` must be of rows in the whole. Precision is relative to the whole: a rest that is a tiny
        share of the whole keeps correspondingly fewer digits.
        """
        if not isinstance(part, Moments):
            return NotImplemented
        if self.names != part.names:
            raise DifferentVariables(self.names, part.names)
        count, weight = self.count - part.count, self.weight - part.weight
        if count < 0 or weight < -1e-9 * self.weight:
            raise BadBlock(
                f"A part of {part.count:,} rows (weight {part.weight:g}) cannot be taken from a whole of "
                f"{self.count:,} rows (weight {self.weight:g}).",
                "Subtract only shards that were merged into the whole.",
            )
        if count == 0 or weight <= 0:
            return Moments.zero(self.names)
        delta = (part.mean - self.mean) + (part.mean_low - self.mean_low)
        mean, low = two_sum(self.mean, self.mean_low - delta * (part.weight / weight))
        cross = self.cross - part.cross - np.outer(delta, delta) * (part.weight * self.weight / weight)
        diagonal = np.einsum("ii->i", cross)
        np.maximum(diagonal, 0.0, out=diagonal)
        return Moments(self.names, count, weight, mean, cross, low)

    # -- other variables -----------------------------------------------------------------------------------

    def position(self, name: str) -> int:
        """Where a variable stands; `UnknownVariable` with the nearest name where it does not."""
        try:
            return self.names.index(name)
        except ValueError:
            raise UnknownVariable(name, self.names) from None

    def positions(self, names: Sequence[str]) -> list[int]:
        """Where several variables stand."""
        return [self.position(name) for name in names]

    def subset(self, names: Sequence[str]) -> Moments:
        """The moments of some of the variables, in the order given."""
        at = self.positions(names)
        return Moments(
            tuple(names),
            self.count,
            self.weight,
            self.mean[at],
            self.cross[np.ix_(at, at)],
            self.mean_low[at],
        )

    def transform(
        self, matrix: np.ndarray, names: Sequence[str], offset: np.ndarray | None = None
    ) -> Moments:
        """The moments of A x + b, with no pass over the rows.

        Args:
            matrix: A, shape (new k, k).
            names: the names of the new variables.
            offset: b, shape (new k,), or None for zero.
        """
        matrix = np.asarray(matrix, float)
        if matrix.shape != (len(names), len(self.names)):
            raise BadBlock(
                f"The matrix must have shape ({len(names)}, {len(self.names)}), but it has {matrix.shape}.",
                "One row for each new name and one column for each variable.",
            )
        low = matrix @ self.mean_low
        if offset is not None:
            low = low + offset
        mean, low = two_sum(matrix @ self.mean, low)
        cross = matrix @ self.cross @ matrix.T
        return Moments(tuple(names), self.count, self.weight, mean, (cross + cross.T) / 2, low)

    def renamed(self, names: Sequence[str]) -> Moments:
        """These moments under other names."""
        return Moments(tuple(names), self.count, self.weight, self.mean, self.cross, self.mean_low)

    # -- readings ------------------------------------------------------------------------------------------

    @property
    def covariance(self) -> np.ndarray:
        """C / W times n / (n - 1), shape (k, k): the sample covariance; weights count relative to their mean.

        Raises:
            TooFewRows: fewer than two rows of positive weight.
        """
        if self.count < 2:
            raise TooFewRows(f"A covariance needs two rows, but there are {self.count}.", "Read more rows.")
        return self.cross * (self.count / (self.count - 1) / self.weight)

    @property
    def variance(self) -> np.ndarray:
        """The diagonal of `covariance`, shape (k,)."""
        return np.diagonal(self.covariance).copy()

    @property
    def correlation(self) -> np.ndarray:
        """Pearson correlations, shape (k, k); a constant variable correlates 0 with every other."""
        spread = np.sqrt(np.diagonal(self.cross))
        scale = np.where(spread > 0, spread, 1.0)
        correlation = self.cross / scale / scale[:, None]
        np.fill_diagonal(correlation, 1.0)
        return np.clip(correlation, -1.0, 1.0)

    def raw(self) -> np.ndarray:
        """The uncentred products sum w (1, x)(1, x)', shape (1 + k, 1 + k); the constant comes first."""
        sums = self.weight * self.mean
        products = self.cross + self.weight * np.outer(self.mean, self.mean)
        return np.block([[np.array([[self.weight]]), sums[None, :]], [sums[:, None], products]])

    def is_constant(self) -> np.ndarray:
        """Which variables do not vary beyond the rounding of their values, shape (k,) of bool."""
        spread = np.sqrt(np.diagonal(self.cross) / max(self.weight, np.finfo(float).tiny))
        return spread <= 4 * np.finfo(float).eps * np.abs(self.mean)

    def __repr__(self) -> str:
        from aitia.core import listing

        return f"Moments({listing(self.names)}; {self.count:,} rows, weight {self.weight:g})"


# -- shared by whatever reads rows -------------------------------------------------------------------------


def checked_block(block: np.ndarray, names: Sequence[str] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """The block as a float64 matrix and its names, or `BadBlock`."""
    try:
        block = np.asarray(block, float)
    except (TypeError, ValueError) as error:
        raise BadBlock(f"A block must hold numbers: {error}.", "Encode text columns first.") from None
    if block.ndim != 2:
        raise BadBlock(
            f"A block must have shape (rows, variables), but it has {block.shape}.",
            "A single variable is block[:, None].",
        )
    if names is None:
        names = [f"x{j}" for j in range(block.shape[1])]
    if len(names) != block.shape[1]:
        raise BadBlock(
            f"The block has {block.shape[1]} columns for {len(names)} names.", "Give one name to each column."
        )
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if list(names).count(name) > 1})
        raise BadBlock(f"The names {twice} stand for more than one column.", "Give each column its own name.")
    return block, tuple(names)


def checked_weights(weights: np.ndarray | None, rows: int, start: int = 0) -> np.ndarray | None:
    """The weights as float64, or `BadBlock` where they are misshapen, negative or not finite.

    Args:
        weights: as given.
        rows: how many there must be.
        start: the position in the stream of the first row, for the message, which counts rows from 1.
    """
    if weights is None:
        return None
    weights = np.asarray(weights, float)
    if weights.shape != (rows,):
        raise BadBlock(
            f"Weights must have shape ({rows},), but they have {weights.shape}.", "One weight for each row."
        )
    if len(weights) and not (weights.min() >= 0 and np.isfinite(weights.max())):
        row = int(np.flatnonzero(~((weights >= 0) & np.isfinite(weights)))[0])
        raise BadBlock(
            f"Weights must be finite and not negative, but row {start + row + 1:,} has {float(weights[row])!r}.",
            "Correct the weights or leave the row out.",
        )
    return weights


def centred(
    block: np.ndarray, weights: np.ndarray | None, shift: np.ndarray | None = None
) -> tuple[int, float, np.ndarray, np.ndarray, np.ndarray]:
    """Count, weight, mean (high and low part) and centred cross-products of one block that fits in cache.

    The rows are centred at `shift` (their own mean, where None) before they are squared, and what
    rounding left of the mean is corrected afterwards, so nothing cancels.
    """
    rows, k = block.shape
    if not rows:
        return 0, 0.0, np.zeros(k), np.zeros(k), np.zeros((k, k))
    if weights is None:
        count, weight = rows, float(rows)
        unit = np.ones(rows)
    else:
        count, weight = int(np.count_nonzero(weights)), float(weights.sum())
        unit = weights
    if not weight:
        return 0, 0.0, np.zeros(k), np.zeros(k), np.zeros((k, k))
    with np.errstate(over="ignore", invalid="ignore"):
        near = np.dot(unit, block) / weight if shift is None else np.asarray(shift, float)
        residual = block - near
        if weights is not None:
            residual *= np.sqrt(weights)[:, None]
            left = np.dot(np.sqrt(weights), residual) / weight
        else:
            left = np.dot(unit, residual) / weight
        cross = np.dot(residual.T, residual)
        cross -= np.outer(left, left) * weight
        # What is left of a column that does not vary is rounding, of either sign.
        np.maximum(cross.ravel()[:: k + 1], 0.0, out=cross.ravel()[:: k + 1])
        mean, low = two_sum(near, left)
    return count, weight, mean, low, cross
