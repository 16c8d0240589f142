"""Small linear and logistic fits that refuters need beside the estimator under attack."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from aitia.statistics import Projection as Projection
from aitia.statistics import Term as Term
from aitia.statistics import curved_columns as expand
from aitia.statistics import curved_terms as curved_terms

__all__ = ["Projection", "Term", "curvature_that_matters", "curved_terms", "expand", "logistic"]


def curvature_that_matters(
    target: np.ndarray, base: np.ndarray, candidates: np.ndarray, level: float = 0.001, most: int = 20
) -> np.ndarray:
    """The candidate columns that a linear fit misses, by forward selection with Bonferroni's threshold.

    Where the linear fit is right, nothing is added with probability about 1 - `level`: a generator built on
    the result is then the linear model, and an honest linear method must pass in it.

    Args:
        target: y, shape (n,).
        base: columns always in the fit, shape (n, p).
        candidates: columns that may be added, shape (n, q).
        level: family-wise level of the first addition.
        most: the largest number of columns added.

    Returns:
        Positions of the chosen candidates.
    """
    from aitia.core import stats

    n, q = candidates.shape
    chosen: list[int] = []
    if q == 0 or n < 50:
        return np.array(chosen, dtype=int)
    projection = Projection.onto(base, n=n)
    rest, y = projection.residuals(candidates), projection.residuals(target)
    start = np.einsum("ij,ij->j", candidates, candidates)
    threshold = float(stats.norm.isf(level / (2 * q)))
    for _ in range(min(most, q, n // 20)):
        norms = np.einsum("ij,ij->j", rest, rest)
        alive = norms > 1e-6 * start
        # Heteroskedasticity-robust score of each candidate.
        noise = np.sqrt(np.einsum("ij,i->j", rest**2, y**2))
        scores = np.where(alive, np.abs(rest.T @ y) / np.maximum(noise, 1e-300), 0.0)
        best = int(scores.argmax())
        if scores[best] < threshold:
            break
        chosen.append(best)
        direction = rest[:, best] / np.sqrt(norms[best])
        rest = rest - np.outer(direction, direction @ rest)
        y = y - direction * (direction @ y)
    return np.array(sorted(chosen), dtype=int)


def logistic(
    design: np.ndarray, target: np.ndarray, weights: np.ndarray | None = None, ridge: float = 1e-6
) -> np.ndarray:
    """Fitted probabilities of a logistic regression with intercept, by Newton's method with step halving.

    Args:
        design: the columns, shape (n, k).
        target: 0/1, shape (n,).
        weights: row weights, or None.
        ridge: penalty per row on standardised slopes, so that separated data still give finite answers.

    Returns:
        P(target = 1 | design), shape (n,).
    """
    n = len(target)
    spread = design.std(axis=0) if design.size else np.empty(0)
    keep = spread > 0
    columns = np.ones((n, int(keep.sum()) + 1))
    if design.size:
        columns[:, 1:] = (design[:, keep] - design[:, keep].mean(axis=0)) / spread[keep]
    w = np.ones(n) if weights is None else weights * (n / weights.sum())
    penalty = np.full(columns.shape[1], ridge * n)
    penalty[0] = 0.0

    def loss(beta: np.ndarray) -> float:
        index = columns @ beta
        return float(w @ (np.logaddexp(0, index) - target * index) + 0.5 * (penalty * beta) @ beta)

    share = np.clip(np.average(target, weights=w), 1e-12, 1 - 1e-12)
    beta = np.zeros(columns.shape[1])
    beta[0] = np.log(share / (1 - share))
    current = loss(beta)
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(columns @ beta, -700, 700)))
        gradient = columns.T @ (w * (target - p)) - penalty * beta
        hessian = columns.T @ (columns * (w * p * (1 - p))[:, None]) + np.diag(penalty + 1e-10 * n)
        step = linalg.solve(hessian, gradient, assume_a="pos")
        size = 1.0
        while (new := loss(beta + size * step)) > current + 1e-12 * abs(current) and size > 1e-6:
            size /= 2
        beta = beta + size * step
        if abs(current - new) <= 1e-12 * abs(current) or float(gradient @ step) < 1e-12 * n:
            current = new
            break
        current = new
    return 1 / (1 + np.exp(-np.clip(columns @ beta, -700, 700)))
