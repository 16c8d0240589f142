"""Fourth-order moments: exact robust standard errors of any regression among the variables, in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aitia.statistics._accumulate import PerRow, in_order, per_row
from aitia.statistics._errors import DifferentVariables, UnknownVariable, locate_non_finite
from aitia.statistics._least_squares import LeastSquares
from aitia.statistics._moments import checked_block, checked_weights

_CHUNK = 1 << 19


@dataclass(frozen=True, eq=False)
class QuadraticMoments:
    """sum w^2 q q' with q all products of two of z = (1, x - shift): a commutative monoid under ``+``.

    A squared residual times two regressors is a product of four entries of z, so HC0 and HC1 covariances of
    every regression among the variables follow with no second pass. The price: q has (k + 1)(k + 2) / 2
    entries, so the pass costs about (k + 2)^2 / 4 times that of `Moments` (k = 4: 9 times; k = 12: 49
    times), and the answer loses as many digits as the squared ratio of the outcome's spread to the
    residual's. With rows that can be read again, `robust_meat` is cheaper beyond two or three regressors.

    Args:
        names: the k variables.
        shift: subtracted from the variables first, shape (k,).
        products: sum w^2 q q', shape (m, m) with m = (k + 1)(k + 2) / 2.

    Example:
        >>> from aitia.statistics import Moments, least_squares, robust_covariance
        >>> rows = np.array([[0.0, 1.0], [1.0, 3.0], [2.0, 4.0], [3.0, 9.0]])
        >>> fit = least_squares(Moments.of(rows, ["x", "y"]), "y", ["x"])
        >>> meat = QuadraticMoments.of(rows, ["x", "y"]).meat(fit)
        >>> robust_covariance(fit, meat).diagonal().round(4).tolist()
        [0.37, 0.27]
    """

    names: tuple[str, ...]
    shift: np.ndarray = field(repr=False)
    products: np.ndarray = field(repr=False)

    @classmethod
    def of(
        cls,
        block: np.ndarray,
        names: Sequence[str] | None = None,
        weights: np.ndarray | None = None,
        shift: np.ndarray | None = None,
    ) -> QuadraticMoments:
        """The fourth-order moments of one block, about its own mean where `shift` is None."""
        block, names = checked_block(block, names)
        weights = checked_weights(weights, len(block))
        return _of(block, names, weights, _near(block, shift), 0)

    def __add__(self, other: QuadraticMoments) -> QuadraticMoments:
        if not isinstance(other, QuadraticMoments):
            return NotImplemented
        if self.names != other.names:
            raise DifferentVariables(self.names, other.names)
        return QuadraticMoments(self.names, self.shift, self.products + other.shifted(self.shift).products)

    def shifted(self, shift: np.ndarray) -> QuadraticMoments:
        """The same rows about another shift, by a linear map of the products."""
        if (shift == self.shift).all():
            return self
        k = len(self.names)
        linear = np.eye(k + 1)
        linear[1:, 0] = self.shift - shift
        first, second = np.triu_indices(k + 1)
        # (Lz)_a (Lz)_b is a sum over pairs (c, d); each pair c < d stands for two equal products.
        one = linear[first][:, first] * linear[second][:, second]
        other = linear[first][:, second] * linear[second][:, first]
        pairs = one + np.where(first == second, 0.0, other)
        return QuadraticMoments(self.names, shift, pairs @ self.products @ pairs.T)

    def meat(self, fit: LeastSquares) -> np.ndarray:
        """sum w^2 e^2 x x' of a regression among these variables, shape (p, p)."""
        k = len(self.names)
        for name in (fit.outcome, *fit.names[fit.intercept :]):
            if name not in self.names:
                raise UnknownVariable(name, self.names)
        at = [1 + self.names.index(name) for name in fit.names[fit.intercept :]]
        slopes = fit.coefficients[fit.intercept :]
        # Each coefficient's column, and the residual, as combinations of z.
        columns = np.zeros((len(fit.names), k + 1))
        for row, position in enumerate(at, start=int(fit.intercept)):
            columns[row, position], columns[row, 0] = 1.0, self.shift[position - 1]
        if fit.intercept:
            columns[0, 0] = 1.0
        residual = np.zeros(k + 1)
        residual[1 + self.names.index(fit.outcome)] = 1.0
        residual[at] -= slopes
        near = self.shift[self.names.index(fit.outcome)] - self.shift[np.array(at, int) - 1] @ slopes
        residual[0] = near - (fit.coefficients[0] if fit.intercept else 0.0)
        first, second = np.triu_indices(k + 1)
        twice = np.where(first == second, 1.0, 2.0)
        squares = self.products @ (twice * residual[first] * residual[second])
        full = np.zeros((k + 1, k + 1))
        full[first, second] = full[second, first] = squares
        return columns @ full @ columns.T


def quadratic(
    blocks: Iterable[np.ndarray],
    names: Sequence[str],
    *,
    weights: PerRow | None = None,
    threads: int | None = None,
) -> QuadraticMoments:
    """The fourth-order moments of a stream of blocks, about the mean of the first.

    Args:
        blocks: float64 blocks of shape (rows, k).
        names: the k variables.
        weights: non-negative weights, one a row, or None.
        threads: how many chunks to work on at once; None takes the processors this process may use.
    """
    names = tuple(names)
    k = len(names)
    step = max(256, _CHUNK // ((k + 1) * (k + 2) // 2))

    def chunks() -> Iterator[Any]:
        start, shift = 0, None
        for given in blocks:
            block, _ = checked_block(given, names)
            weight = checked_weights(per_row(weights, block, start, "weights"), len(block), start)
            if shift is None and len(block):
                shift = _near(block, None)
            for low in range(0, len(block), step):
                at = slice(low, low + step)
                yield block[at], names, None if weight is None else weight[at], shift, start + low
            start += len(block)

    whole: QuadraticMoments | None = None
    for part in in_order(chunks(), lambda chunk: _of(*chunk), threads):
        if whole is None:
            whole = part
        else:
            whole.products[...] += part.products
    m = (k + 1) * (k + 2) // 2
    return QuadraticMoments(names, np.zeros(k), np.zeros((m, m))) if whole is None else whole


def _near(block: np.ndarray, shift: np.ndarray | None) -> np.ndarray:
    if shift is not None:
        return np.asarray(shift, float)
    with np.errstate(over="ignore", invalid="ignore"):
        return block.mean(axis=0) if len(block) else np.zeros(block.shape[1])


def _of(
    block: np.ndarray, names: tuple[str, ...], weights: np.ndarray | None, shift: np.ndarray, start: int
) -> QuadraticMoments:
    rows, k = block.shape
    with np.errstate(over="ignore", invalid="ignore"):
        z = np.empty((k + 1, rows))
        z[0] = 1.0
        np.subtract(block.T, shift[:, None], out=z[1:])
        first, second = np.triu_indices(k + 1)
        q = z[first]
        q *= z[second]
        if weights is not None:
            q *= weights
        products = q @ q.T
    if not np.isfinite(products.trace()):
        raise locate_non_finite(block, names, start)
    return QuadraticMoments(names, shift, products)
