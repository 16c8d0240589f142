"""Small linear and logistic fits that refuters need beside the estimator under attack."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

# Relative size of a pivot below which a column counts as a combination of the others.
_TOLERANCE = 1e-10


@dataclass(frozen=True, eq=False)
class Projection:
    """Least squares on an intercept and the columns of a design, prepared once for many targets.

    Args:
        design: the columns, shape (n, k); the intercept is added.
        weights: row weights, shape (n,), or None.
    """

    basis: np.ndarray
    """An orthonormal basis of the weighted column space, shape (n, rank)."""
    root: np.ndarray | None
    """Square roots of the weights, or None."""

    @staticmethod
    def onto(design: np.ndarray, weights: np.ndarray | None = None, n: int | None = None) -> Projection:
        """Prepare the projection; columns that are combinations of others add nothing and are passed over."""
        rows = len(design) if design.size else int(n or len(design))
        root = None if weights is None else np.sqrt(weights)
        full = np.empty((rows, (design.shape[1] if design.size else 0) + 1), order="F")
        full[:, 0] = 1.0
        if design.size:
            full[:, 1:] = design - (np.average(design, axis=0, weights=weights))
        if root is not None:
            full *= root[:, None]
        scale = np.sqrt(np.einsum("ij,ij->j", full, full))
        keep = scale > 0
        full = full[:, keep] / scale[keep]
        # An orthonormal basis from the Gram matrix costs one pass; it is exact enough because the columns
        # were centred and scaled, and directions too weak to be resolved are dropped rather than amplified.
        values, vectors = linalg.eigh(full.T @ full)
        good = values > _TOLERANCE * values[-1]
        return Projection(full @ (vectors[:, good] / np.sqrt(values[good])), root)

    @property
    def rank(self) -> int:
        """Number of independent columns, intercept included."""
        return self.basis.shape[1]

    def residuals(self, targets: np.ndarray) -> np.ndarray:
        """The targets (n,) or (n, m) less their projection, times the root of the weights (where there are any)."""
        scaled = targets if self.root is None else (targets.T * self.root).T
        return scaled - self.basis @ (self.basis.T @ scaled)

    def fitted(self, target: np.ndarray) -> np.ndarray:
        """The projection of a target in its own units."""
        scaled = target if self.root is None else (target.T * self.root).T
        fit = self.basis @ (self.basis.T @ scaled)
        return fit if self.root is None else (fit.T / self.root).T


Term = tuple[int, ...]
"""Columns multiplied with each other: (0, 0) is the square of the first, (0, 2) the product of first and third."""


def curved_terms(covariates: np.ndarray, products: bool = True, most: int = 200) -> list[Term]:
    """Curvature beside the covariates: squares and cubes of continuous columns, products of pairs.

    Columns with two values have no powers of their own; terms that are constant are left out.

    Args:
        covariates: X, shape (n, p).
        products: add the products of pairs.
        most: the largest number of products added (the first ones, in column order).
    """
    if covariates.size == 0:
        return []
    varies = np.flatnonzero(covariates.std(axis=0) > 0).tolist()
    terms: list[Term] = []
    for j in varies:
        if len(np.unique(covariates[:1000, j])) > 2 or len(np.unique(covariates[:, j])) > 2:
            terms += [(j, j), (j, j, j)]
    if products:
        terms += [(i, j) for at, i in enumerate(varies) for j in varies[:at]][:most]
    z = _standard(covariates)
    return [term for term in terms if _product(z, term).std() > 1e-12]


def expand(covariates: np.ndarray, terms: list[Term] | None = None) -> np.ndarray:
    """Curved terms of the covariates as standardised columns.

    The covariates are standardised first, winsorised at four standard deviations so that a few far rows do not
    decide the fit.

    Args:
        covariates: X, shape (n, p).
        terms: which; None takes `curved_terms`.

    Returns:
        Shape (n, q).
    """
    terms = curved_terms(covariates) if terms is None else terms
    if not terms:
        return np.empty((len(covariates), 0))
    z = _standard(covariates)
    added = np.column_stack([_product(z, term) for term in terms])
    spread = added.std(axis=0)
    return (added - added.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def _standard(covariates: np.ndarray) -> np.ndarray:
    spread = covariates.std(axis=0)
    return np.clip((covariates - covariates.mean(axis=0)) / np.where(spread > 0, spread, 1.0), -4, 4)


def _product(z: np.ndarray, term: Term) -> np.ndarray:
    result = z[:, term[0]]
    for j in term[1:]:
        result = result * z[:, j]
    return result


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
