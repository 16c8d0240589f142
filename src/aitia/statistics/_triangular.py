"""The triangular factor: an additive statistic that keeps twice the digits of a Gram matrix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import solve_triangular

from aitia.statistics._accumulate import PerRow, in_order, per_row
from aitia.statistics._errors import (
    CollinearColumns,
    DifferentVariables,
    TooFewRows,
    UnknownVariable,
    locate_non_finite,
)
from aitia.statistics._least_squares import LeastSquares, checked_regressors, with_intercept
from aitia.statistics._moments import checked_block, checked_weights
from aitia.statistics._solve import INTERCEPT, named

_CHUNK = 1 << 17  # numbers in a chunk: a factorisation passes over it many times


@dataclass(frozen=True, eq=False)
class Triangular:
    """R of the QR factorisation of the rows (1, x - shift), each times the root of its weight.

    R'R is the Gram matrix, but R is computed without forming it, so the condition number enters once and not
    squared. Two shards merge by factoring one R on top of the other (TSQR: Demmel, Grigori, Hoemmen & Langou
    2012, section 2), and a merge is as stable as one factorisation of all rows (their section 5).

    Args:
        names: the k variables.
        count: rows of positive weight.
        weight: sum of weights.
        shift: subtracted from the variables before anything else, shape (k,).
        factor: R, upper triangular, shape (1 + k, 1 + k); the constant comes first.
        largest: the largest absolute value of each variable, shape (k,): its rounding limits what rank
            can mean.
    """

    names: tuple[str, ...]
    count: int
    weight: float
    shift: np.ndarray = field(repr=False)
    factor: np.ndarray = field(repr=False)
    largest: np.ndarray = field(repr=False)

    @classmethod
    def of(
        cls,
        block: np.ndarray,
        names: Sequence[str] | None = None,
        weights: np.ndarray | None = None,
        shift: np.ndarray | None = None,
    ) -> Triangular:
        """The factor of one block, shifted by its own mean where `shift` is None.

        Raises:
            BadBlock: block, names or weights are misshapen.
            NonFiniteRows: a value is not finite.
        """
        block, names = checked_block(block, names)
        weights = checked_weights(weights, len(block))
        if shift is None:
            with np.errstate(over="ignore", invalid="ignore"):
                shift = np.mean(block, axis=0) if len(block) else np.zeros(len(names))
        return _factored(block, names, weights, np.asarray(shift, float), 0)

    def __add__(self, other: Triangular) -> Triangular:
        if not isinstance(other, Triangular):
            return NotImplemented
        if self.names != other.names:
            raise DifferentVariables(self.names, other.names)
        factor = _r(np.vstack([self.factor, other.shifted(self.shift).factor]))
        return Triangular(
            self.names,
            self.count + other.count,
            self.weight + other.weight,
            self.shift,
            factor,
            np.maximum(self.largest, other.largest),
        )

    def shifted(self, shift: np.ndarray) -> Triangular:
        """The same rows about another shift: a column operation that leaves R triangular."""
        if (shift == self.shift).all():
            return self
        factor = self.factor.copy()
        factor[0, 1:] += factor[0, 0] * (self.shift - shift)
        return Triangular(self.names, self.count, self.weight, shift, factor, self.largest)

    def sums_of_squares(self, names: Sequence[str], *, centred: bool = True) -> np.ndarray:
        """sum w (x - mean)^2 (or sum w x^2) of some variables; ``"Intercept"`` stands for the constant 1."""
        whole = self if centred else self.shifted(np.zeros(len(self.names)))
        columns = whole.factor[int(centred) :]
        sums = np.sum(columns**2, axis=0)
        at = [0 if name == INTERCEPT else 1 + self.names.index(name) for name in names]
        return sums[at]

    def least_squares(
        self,
        outcome: str,
        regressors: Sequence[str],
        *,
        intercept: bool = True,
        drop_collinear: bool = False,
        tolerance: float = 1e-12,
    ) -> LeastSquares:
        """Least squares of one variable on others, from the factor.

        Args:
            outcome: y.
            regressors: the columns of X.
            intercept: whether to fit one.
            drop_collinear: drop redundant columns and report them, instead of an error.
            tolerance: the least share of a column's length that the columns before it must leave unexplained.

        Raises:
            UnknownVariable: a name is not in the factor.
            CollinearColumns: a regressor is constant or a combination of earlier ones.
            TooFewRows: there is no row.
        """
        regressors = checked_regressors(outcome, regressors)
        for name in (outcome, *regressors):
            if name not in self.names:
                raise UnknownVariable(name, self.names)
        if not self.count:
            raise TooFewRows("There are no rows to fit.", "Check the filter or the missing-value policy.")
        at = np.array([self.names.index(name) for name in (*regressors, outcome)])
        source = self if intercept else self.shifted(np.zeros(len(self.names)))
        upper = _r(source.factor[:, [0, *(at + 1)]] if intercept else source.factor[:, at + 1])
        if intercept:
            constant, first, upper = upper[0, 0], upper[0, 1:], upper[1:, 1:]
            mean = first / constant
        else:
            constant, mean = 1.0, np.zeros(len(at))
        p = len(regressors)
        lengths = np.sqrt(np.sum(upper[:, :p] ** 2, axis=0))
        rounding = 8 * np.finfo(float).eps * self.largest[at[:p]] * np.sqrt(self.weight)
        kept, combinations, upper = _independent(upper, lengths, rounding, tolerance)
        told = named(combinations, regressors, intercept)
        if told and not drop_collinear:
            raise CollinearColumns(told)
        r = len(kept)
        square, target = upper[:r, :r], upper[:r, -1]
        scale = lengths[kept]
        slopes, half, condition = np.zeros(0), np.zeros((0, 0)), 1.0
        if r:
            slopes = solve_triangular(square / scale, target) / scale
            half = solve_triangular(square / scale, np.eye(r)) / scale[:, None]
            condition = float(np.linalg.cond(square / scale))
        inverse = half @ half.T
        names = tuple(regressors[j] for j in kept)
        residual = float(np.sum(upper[r:, -1] ** 2))
        total = float(np.sum(upper[:, -1] ** 2))
        if intercept:
            near = self.shift[at]
            level = (mean[-1] - mean[kept] @ slopes) + (near[-1] - near[kept] @ slopes)
            slopes, inverse = with_intercept(
                slopes, inverse, near[kept] + mean[kept], float(level), self.weight
            )
            names = (INTERCEPT, *names)
        return LeastSquares(
            outcome,
            names,
            slopes,
            inverse,
            residual,
            total,
            self.count,
            self.weight,
            intercept,
            condition,
            told,
        )


def qr_least_squares(
    blocks: Iterable[np.ndarray],
    names: Sequence[str],
    outcome: str,
    regressors: Sequence[str],
    *,
    intercept: bool = True,
    weights: PerRow | None = None,
    drop_collinear: bool = False,
    threads: int | None = None,
) -> LeastSquares:
    """Least squares by QR of the rows, in one streaming pass: for ill-conditioned regressors.

    About 16 - log10(condition) digits are right, where `least_squares` from moments has 16 - 2
    log10(condition).

    Args:
        blocks: float64 blocks of shape (rows, k).
        names: the k variables.
        outcome: y.
        regressors: the columns of X.
        intercept: whether to fit one.
        weights: non-negative weights, one a row, or None.
        drop_collinear: drop redundant columns and report them, instead of an error.
        threads: how many chunks to work on at once; None takes the processors this process may use.

    Raises:
        BadBlock, NonFiniteRows, UnknownVariable, CollinearColumns, TooFewRows: as `Triangular.least_squares`.

    Source: Demmel, Grigori, Hoemmen & Langou (2012), Communication-optimal parallel and sequential QR and LU
    factorizations, section 2.

    Example:
        >>> x = np.arange(8.0)
        >>> rows = np.column_stack([x, x**2, 1 + x**2])
        >>> fit = qr_least_squares([rows[:5], rows[5:]], ["x", "square", "y"], "y", ["x", "square"])
        >>> bool(np.allclose(fit.coefficients, [1.0, 0.0, 1.0]))
        True
    """
    return triangular(blocks, names, weights=weights, threads=threads).least_squares(
        outcome, regressors, intercept=intercept, drop_collinear=drop_collinear
    )


def triangular(
    blocks: Iterable[np.ndarray],
    names: Sequence[str],
    *,
    weights: PerRow | None = None,
    threads: int | None = None,
) -> Triangular:
    """The triangular factor of a stream of blocks; the answer does not depend on the number of threads.

    Args:
        blocks: float64 blocks of shape (rows, k).
        names: the k variables.
        weights: non-negative weights, one a row, or None.
        threads: how many chunks to work on at once; None takes the processors this process may use.
    """
    names = tuple(names)
    k = len(names)
    step = max(4 * (k + 1), _CHUNK // (k + 1))

    def chunks():
        start, shift = 0, None
        for given in blocks:
            block, _ = checked_block(given, names)
            weight = checked_weights(per_row(weights, block, start, "weights"), len(block), start)
            if shift is None and len(block):
                with np.errstate(over="ignore", invalid="ignore"):
                    shift = np.mean(block[: 16 * step], axis=0)
                if not np.isfinite(shift).all():
                    raise locate_non_finite(block, names, start)
            for low in range(0, len(block), step):
                at = slice(low, low + step)
                yield start + low, block[at], None if weight is None else weight[at], shift
            start += len(block)

    def work(chunk):
        start, block, weight, near = chunk
        return _factored(block, names, weight, near, start)

    whole: Triangular | None = None
    for part in in_order(chunks(), work, threads):
        whole = part if whole is None else whole + part
    if whole is None:
        return Triangular(names, 0, 0.0, np.zeros(k), np.zeros((k + 1, k + 1)), np.zeros(k))
    return whole


def _factored(
    block: np.ndarray, names: tuple[str, ...], weights: np.ndarray | None, shift: np.ndarray, start: int
) -> Triangular:
    rows, k = block.shape
    augmented = np.empty((rows, k + 1), order="F")
    augmented[:, 0] = 1.0
    np.subtract(block, shift, out=augmented[:, 1:])
    if weights is None:
        count, weight = rows, float(rows)
    else:
        count, weight = int(np.count_nonzero(weights)), float(weights.sum())
        augmented *= np.sqrt(weights)[:, None]
    with np.errstate(over="ignore", invalid="ignore"):
        factor = _r(augmented)
    if not np.isfinite(factor).all():
        raise locate_non_finite(block, names, start)
    largest = np.max(np.abs(block), axis=0, initial=0.0)
    return Triangular(names, count, weight, shift, factor, largest)


def _r(matrix: np.ndarray) -> np.ndarray:
    """R of a Householder QR, padded with zero rows to a square."""
    upper = np.asarray(np.linalg.qr(matrix, mode="r"))
    missing = matrix.shape[1] - upper.shape[0]
    return np.pad(upper, ((0, missing), (0, 0))) if missing > 0 else upper


def _independent(
    upper: np.ndarray, lengths: np.ndarray, rounding: np.ndarray, tolerance: float
) -> tuple[list[int], dict[int, tuple[int, ...]], np.ndarray]:
    """The columns with a share of their own, what the others combine, and R of (kept, last column)."""
    p = len(lengths)
    kept: list[int] = []
    combinations: dict[int, tuple[int, ...]] = {}
    current = upper[:, :0]
    for j in range(p):
        if lengths[j] <= rounding[j]:
            combinations[j] = ()
            continue
        trial = _r(np.column_stack([current, upper[:, j]])) if kept else upper[:, [j]]
        r = len(kept)
        own = np.linalg.norm(trial[r:, r]) if kept else lengths[j]
        if own <= max(tolerance * lengths[j], rounding[j]):
            scale = lengths[kept]
            weights = solve_triangular(trial[:r, :r] / scale, trial[:r, r]) / lengths[j]
            combinations[j] = tuple(at for at, weight in zip(kept, weights) if abs(weight) > 1e-5)
            continue
        kept.append(j)
        current = upper[:, kept]
    return kept, combinations, _r(upper[:, [*kept, p]])
