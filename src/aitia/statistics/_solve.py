"""Solving normal equations with an explicit decision about rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

INTERCEPT = "Intercept"


@dataclass(frozen=True, eq=False)
class Factor:
    """The Cholesky factor of a scaled Gram matrix, restricted to the columns that are not redundant.

    Args:
        kept: positions of the independent columns, in their given order.
        scale: square root of the diagonal of the Gram matrix, of the kept columns.
        lower: L with L L' the Gram matrix of the kept columns after scaling to unit diagonal.
        combinations: for each redundant column (position), the kept columns (positions) it is a
            combination of.
        condition: ratio of largest to smallest singular value of the scaled kept columns.
    """

    kept: tuple[int, ...]
    scale: np.ndarray
    lower: np.ndarray
    combinations: dict[int, tuple[int, ...]]
    condition: float

    def solve(self, right: np.ndarray) -> np.ndarray:
        """G^-1 b for b of shape (kept,) or (kept, m)."""
        scale = self.scale if right.ndim == 1 else self.scale[:, None]
        half = solve_triangular(self.lower, right / scale, lower=True)
        return solve_triangular(self.lower.T, half, lower=False) / scale

    def inverse(self) -> np.ndarray:
        """G^-1 of the kept columns."""
        half = solve_triangular(self.lower, np.diag(1 / self.scale), lower=True)
        return half.T @ half


def factor(gram: np.ndarray, zero: np.ndarray | None = None, tolerance: float = 1e-11) -> Factor:
    """Cholesky in the given order, skipping each column that earlier ones explain to within `tolerance`.

    The columns are scaled to unit length first, so that the pivot of column j is 1 - R^2 of its
    regression on the columns before it: the share of it that is its own. The order is the person's: of
    two equal columns the later one is the redundant one.

    Args:
        gram: symmetric and positive semi-definite, shape (p, p).
        zero: mask of columns known to be zero (constant, once centred), shape (p,).
        tolerance: the least share of a column that must be its own. From moments, rounding alone gives
            about 1e-15 times the condition number of the columns before it.
    """
    p = len(gram)
    diagonal = np.diagonal(gram)
    empty = diagonal <= 0 if zero is None else (diagonal <= 0) | zero
    scale = np.sqrt(np.where(empty, 1.0, diagonal))
    scaled = gram / scale / scale[:, None]
    kept: list[int] = []
    combinations: dict[int, tuple[int, ...]] = {}
    lower = np.zeros((p, p))
    for j in range(p):
        if empty[j]:
            combinations[j] = ()
            continue
        r = len(kept)
        row = solve_triangular(lower[:r, :r], scaled[kept, j], lower=True) if r else np.zeros(0)
        own = scaled[j, j] - row @ row
        if own <= tolerance:
            weights = solve_triangular(lower[:r, :r].T, row, lower=False)
            combinations[j] = tuple(at for at, weight in zip(kept, weights) if abs(weight) > 1e-5)
            continue
        lower[r, :r], lower[r, r] = row, np.sqrt(own)
        kept.append(j)
    lower = lower[: len(kept), : len(kept)]
    condition = float(np.linalg.cond(lower)) if kept else 1.0
    return Factor(tuple(kept), scale[kept], lower, combinations, condition)


def named(
    combinations: dict[int, tuple[int, ...]], names: Sequence[str], intercept: bool
) -> dict[str, tuple[str, ...]]:
    """Combinations by name; a column that is zero once centred is a combination of the intercept."""
    constant = (INTERCEPT,) if intercept else ()
    return {names[j]: tuple(names[i] for i in of) or constant for j, of in combinations.items()}
