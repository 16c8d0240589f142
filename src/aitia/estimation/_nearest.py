"""Nearest neighbours with ties, on distinct points: what matching estimators are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from aitia.core import spatial

# Two distances this close, relative to the larger, are a tie: they differ by rounding alone.
_TIE = 1e-9


@dataclass(frozen=True, eq=False)
class Points:
    """Rows gathered by their distinct coordinates, so that a thousand equal rows are one point of a tree.

    Args:
        coordinates: the distinct points, shape (c, d).
        cell: for each row, its point, shape (n,).
        counts: rows at each point, shape (c,).
    """

    coordinates: np.ndarray
    cell: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> Points:
        """The distinct points of rows, shape (n, d)."""
        coordinates, cell, counts = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
        return cls(coordinates, cell.reshape(-1), counts)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """The sum of `values`, shape (n,), over the rows at each point."""
        return np.bincount(self.cell, weights=values, minlength=len(self.counts))


@dataclass(frozen=True, eq=False)
class Neighbours:
    """For each query point, the set J(q) of target points that hold its nearest rows, ties included.

    Args:
        matches: 0/1 matrix, shape (queries, targets).
        sizes: rows in each set, #J(q), shape (queries,).
        nearest: distance to the nearest target, shape (queries,).
    """

    matches: sparse.csr_array
    sizes: np.ndarray
    nearest: np.ndarray

    def mean(self, target_sums: np.ndarray) -> np.ndarray:
        """The mean over each set of a quantity given as its sum at each target point."""
        return (self.matches @ target_sums) / self.sizes

    def spread(self, query_sums: np.ndarray) -> np.ndarray:
        """The transpose of `mean`: what each target row receives when each set shares out its query's sum."""
        return self.matches.T @ (query_sums / self.sizes)

    def spread_squares(self, query_sums: np.ndarray) -> np.ndarray:
        """As `spread`, with shares 1 / #J(q)^2."""
        return self.matches.T @ (query_sums / self.sizes**2)


def neighbours(query: np.ndarray, target: Points, rows: int) -> Neighbours:
    """The nearest `rows` rows of the target to each query point, with all ties at the last distance.

    J(q) = {j : |x_j - q| <= d(q)}, where d(q) is the distance of the `rows`-th nearest row (Abadie & Imbens
    2006, section 2.1). Where the target holds fewer rows, J(q) is all of it.

    Args:
        query: the query points, shape (q, d).
        target: the rows to choose from.
        rows: how many rows a set holds at least.
    """
    tree = spatial.KDTree(target.coordinates)
    points = len(target.coordinates)
    pending = np.arange(len(query))
    nearest = np.empty(len(query))
    row_parts: list[np.ndarray] = []
    column_parts: list[np.ndarray] = []
    look_at = min(rows + 1, points)
    # A query is done once a point farther than its last tie has been seen (or all points have); else look further.
    while len(pending):
        asked = tree.query(query[pending], look_at)
        # SciPy drops the last axis where one neighbour is asked for.
        distance, index = (np.asarray(each).reshape(len(pending), look_at) for each in asked)
        held = np.cumsum(target.counts[index], axis=1)
        enough = held >= rows
        last = np.where(enough.any(axis=1), enough.argmax(axis=1), look_at - 1)
        limit = np.take_along_axis(distance, last[:, None], axis=1)[:, 0]
        limit = limit * (1 + _TIE) + np.finfo(float).tiny
        done = (look_at == points) | (distance[:, -1] > limit)
        chosen = (distance <= limit[:, None]) & done[:, None]
        at, which = np.nonzero(chosen)
        row_parts.append(pending[at])
        column_parts.append(index[at, which])
        nearest[pending[done]] = distance[done, 0]
        pending = pending[~done]
        look_at = min(look_at * 2, points)
    row = np.concatenate(row_parts) if row_parts else np.empty(0, dtype=np.intp)
    column = np.concatenate(column_parts) if column_parts else np.empty(0, dtype=np.intp)
    matches = sparse.csr_array((np.ones(len(row)), (row, column)), shape=(len(query), points))
    return Neighbours(matches, matches @ target.counts.astype(float), nearest)


def noise(coordinates: np.ndarray, outcome: np.ndarray, among: int = 1) -> np.ndarray:
    """Each row's conditional outcome variance sigma^2(x_i), from its nearest rows of the same arm.

    sigma_i^2 = J / (J + 1) (y_i - mean of the J nearest other rows)^2, with ties (Abadie & Imbens 2006, eq. 14).

    Args:
        coordinates: one arm's rows, shape (n, d).
        outcome: their outcomes, shape (n,).
        among: J.
    """
    points = Points.of(coordinates)
    found = neighbours(points.coordinates, points, among + 1)
    sums, sizes = (found.matches @ points.sums(outcome))[points.cell], found.sizes[points.cell]
    others = np.maximum(sizes - 1, 1)
    return np.where(sizes > 1, (others / (others + 1)) * (outcome - (sums - outcome) / others) ** 2, 0.0)


def local_covariance(
    at: np.ndarray, score: np.ndarray, values: np.ndarray, outcome: np.ndarray, among: int = 2
) -> np.ndarray:
    """The covariance of each column of `values` with the outcome among the rows of one arm nearest in score.

    Args:
        at: scores at which it is wanted, shape (q,).
        score: the arm's scores, shape (n,).
        values: the arm's columns, shape (n, k).
        outcome: the arm's outcomes, shape (n,).
        among: how many rows a covariance is taken over, at least 2.

    Returns:
        Covariances with divisor rows - 1, shape (q, k).
    """
    points = Points.of(score[:, None])
    found = neighbours(at[:, None], points, among)
    sizes = found.sizes
    mean_y = found.mean(points.sums(outcome))
    result = np.empty((len(at), values.shape[1]))
    for k in range(values.shape[1]):
        products = found.matches @ points.sums(values[:, k] * outcome)
        mean_x = found.mean(points.sums(values[:, k]))
        result[:, k] = (products - sizes * mean_x * mean_y) / np.maximum(sizes - 1, 1)
    return result
