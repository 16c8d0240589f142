"""Least squares of every kind from fold moments: exact cross-fitting without refits.

The Gram matrix of [features, targets] is accumulated once for every fold and arm. What a fold's model sees is
the whole minus the fold, and the loss on the fold left out is a quadratic form in the fold's own moments, so
penalties are chosen and folds are fitted without touching a row again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from scipy import linalg

from aitia.estimation._crossfit import Arranged, in_threads

_ROWS_A_TERM = 12


class Features(Protocol):
    """Columns made from covariates, block by block."""

    width: int

    def block(self, rows: slice) -> np.ndarray:
        """The features of consecutive arranged rows, shape (rows, width); the first column is one."""
        ...


def fold_moments(
    arranged: Arranged, features: Features, targets: np.ndarray, weights: np.ndarray | None
) -> np.ndarray:
    """Cross-products of [features, targets] in every fold and arm, from one pass over the rows.

    Args:
        arranged: the rows.
        features: makes the features, width d.
        targets: shape (n, m), arranged.
        weights: shape (n,), arranged, or None.

    Returns:
        Shape (folds, arms, d + m, d + m), float64.
    """
    d, m = features.width, targets.shape[1]

    def cross(item: tuple[int, int, slice]) -> np.ndarray:
        rows = item[2]
        z = features.block(rows)
        whole = np.empty((len(z), d + m), dtype=z.dtype)
        whole[:, :d] = z
        whole[:, d:] = targets[rows]
        if weights is not None:
            whole *= np.sqrt(weights[rows]).astype(z.dtype)[:, None]
        return whole.T @ whole

    blocks = arranged.blocks()
    result = np.zeros((arranged.folds, arranged.arms, d + m, d + m))
    step = 64  # so that the blocks' matrices never pile up
    for start in range(0, len(blocks), step):
        part = blocks[start : start + step]
        for (fold, arm, _), matrix in zip(part, in_threads(cross, part)):
            result[fold, arm] += matrix
    return result


def fold_predictions(arranged: Arranged, features: Features, coefficients: np.ndarray) -> np.ndarray:
    """Predictions of every fold by its own coefficients.

    Args:
        arranged: the rows.
        features: makes the features, width d.
        coefficients: shape (folds, d, m).

    Returns:
        Shape (n, m), arranged.
    """
    result = np.empty((arranged.n, coefficients.shape[2]))

    def fill(item: tuple[int, int, slice]) -> None:
        fold, _, rows = item
        z = features.block(rows)
        result[rows] = z @ coefficients[fold].astype(z.dtype)

    in_threads(fill, arranged.blocks())
    return result


@dataclass(frozen=True, eq=False)
class Centred:
    """Training moments in correlation form, the constant swept out.

    Args:
        matrix: correlations of the features other than the constant, shape (d - 1, d - 1).
        cross: their covariances with the target in units of their standard deviations, shape (d - 1,).
        scale: standard deviations, shape (d - 1,); one where the feature is constant in the training rows.
        mean: means, shape (d - 1,).
        target_mean: mean of the target.
        total: the total weight.
    """

    matrix: np.ndarray
    cross: np.ndarray
    scale: np.ndarray
    mean: np.ndarray
    target_mean: float
    total: float

    def expand(self, standardised: np.ndarray) -> np.ndarray:
        """Coefficients on the features with the constant first, from standardised ones."""
        slopes = standardised / self.scale
        return np.concatenate([[self.target_mean - slopes @ self.mean], slopes])


def centre(moments: np.ndarray, width: int, target: int) -> Centred:
    """Sweep the constant out of training moments and put them in correlation form."""
    total = moments[0, 0]
    mean = moments[0, 1:width] / total
    target_mean = moments[0, width + target] / total
    covariance = moments[1:width, 1:width] / total - np.outer(mean, mean)
    cross = moments[1:width, width + target] / total - mean * target_mean
    variance = np.diagonal(covariance)
    dead = variance <= 1e-9 * np.maximum(np.diagonal(moments)[1:width] / total, 1e-300)
    scale = np.where(dead, 1.0, np.sqrt(np.where(dead, 1.0, variance)))
    matrix = covariance / np.outer(scale, scale)
    cross = cross / scale
    matrix[dead] = 0.0
    matrix[:, dead] = 0.0
    matrix[dead, dead] = 1.0
    cross[dead] = 0.0
    return Centred(matrix, cross, scale, mean, float(target_mean), float(total))


def plain_ridge(moments: np.ndarray, width: int, target: int, alpha: float, unit: np.ndarray) -> np.ndarray:
    """scikit-learn's `Ridge` (`LinearRegression` where alpha is 0) from training moments.

    Args:
        moments: training cross-products of [features, targets].
        width: number of features.
        target: which target.
        alpha: the penalty on the squared coefficients of the raw covariates.
        unit: what one unit of each standardised feature is in the raw covariate, shape (width - 1,).
    """
    state = centre(moments, width, target)
    # sum of squares / total weight: alpha |raw slope|^2 with raw slope = standardised slope / (scale * unit)
    penalty = alpha / state.total / (state.scale * unit) ** 2
    return state.expand(_solve(state.matrix + np.diag(penalty), state.cross))


def _solve(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve a positive semi-definite system; the shortest solution where it is singular."""
    try:
        factor = linalg.cho_factor(matrix, lower=True, check_finite=False)
        pivots = np.abs(np.diagonal(factor[0]))
        if len(pivots) == 0 or pivots.min() > 1e-5 * pivots.max():
            return linalg.cho_solve(factor, right, check_finite=False)
    except linalg.LinAlgError:
        pass
    values, vectors = linalg.eigh(matrix, check_finite=False)
    keep = values > 1e-10 * max(values[-1], 1e-300)
    return vectors[:, keep] @ ((vectors[:, keep].T @ right) / values[keep])


@dataclass(frozen=True)
class Candidate:
    """One way of penalising: its words, and how the standardised coefficients follow from training moments."""

    kind: str
    strength: float
    at: int = 0


def candidate_list(width: int, rows: int) -> list[Candidate]:
    """The penalised fits that compete: least squares on the linear terms, ridge, and where rows are few the lasso.

    A lasso that predicts best leaves out terms that matter a little to both nuisances, and what both leave out biases
    the answer: on a nonlinear design with n = 10,000 and 145 features AIPW and unpenalised standardisation lay 0.6
    standard errors apart with selection and 0.1 with ridge (means of eight draws). So terms are selected only where
    there are fewer than a dozen rows for each.

    Args:
        width: number of features.
        rows: rows of the smallest arm.
    """
    result = [Candidate("linear", 0.0), *(Candidate("ridge", float(each)) for each in np.logspace(0, -6, 13))]
    if width * _ROWS_A_TERM > rows:
        strengths = np.logspace(0, -2.6, 14)
        result += [Candidate("lasso", float(each), at) for at, each in enumerate(strengths)]
        result += [Candidate("relaxed lasso", float(each), at) for at, each in enumerate(strengths)]
    return result


@cache
def _descent():
    from numba import njit

    @njit(cache=True, nogil=True)
    def descend(matrix, cross, penalties, strengths, sweeps, tolerance):
        """Coordinate descent with covariance updates (Friedman, Hastie & Tibshirani 2010, section 2.2)."""
        d = len(cross)
        path = np.zeros((len(strengths), d))
        beta = np.zeros(d)
        gradient = cross.copy()
        for step in range(len(strengths)):
            for _ in range(sweeps):
                largest = 0.0
                for j in range(d):
                    old = beta[j]
                    raw = gradient[j] + matrix[j, j] * old
                    bar = strengths[step] * penalties[j]
                    if raw > bar:
                        new = (raw - bar) / matrix[j, j]
                    elif raw < -bar:
                        new = (raw + bar) / matrix[j, j]
                    else:
                        new = 0.0
                    change = new - old
                    if change != 0.0:
                        beta[j] = new
                        for i in range(d):
                            gradient[i] -= matrix[i, j] * change
                        largest = max(largest, abs(change))
                if largest < tolerance:
                    break
            path[step] = beta
        return path

    return descend


def lasso_path(state: Centred, penalties: np.ndarray, strengths: np.ndarray, spread: float) -> np.ndarray:
    """Standardised lasso coefficients along a path of penalties, shape (len(strengths), d - 1).

    Minimises b'Cb/2 - c'b + strength * sum_j penalty_j |b_j|, by coordinate descent.
    """
    return _descent()(
        np.ascontiguousarray(state.matrix), state.cross, penalties, strengths, 60, 1e-3 * spread
    )


def ridge_path(state: Centred, penalties: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    """Standardised generalised ridge coefficients along a path, shape (len(strengths), d - 1).

    Minimises b'Cb/2 - c'b + strength/2 * sum_j penalty_j b_j^2, from one eigendecomposition.
    """
    root = np.sqrt(penalties)
    values, vectors = linalg.eigh(state.matrix / np.outer(root, root), check_finite=False)
    values = np.maximum(values, 0.0)
    turned = vectors.T @ (state.cross / root)
    return (vectors @ (turned[:, None] / (values[:, None] + strengths[None, :]))).T / root


def candidate_fits(state: Centred, candidates: list[Candidate], orders: np.ndarray, top: float) -> np.ndarray:
    """Coefficients of every candidate from one set of training moments, shape (candidates, d).

    Args:
        state: the training moments.
        candidates: what competes.
        orders: the order of each feature but the constant: 1 for linear terms, more for curved and mixed ones.
        top: the lasso penalty at strength 1, the same for every fold.
    """
    result = np.empty((len(candidates), len(state.scale) + 1))
    ridges = np.array([each.strength for each in candidates if each.kind == "ridge"])
    lassos = np.array([each.strength for each in candidates if each.kind == "lasso"])
    relaxed_at = {each.at for each in candidates if each.kind == "relaxed lasso"}
    ridge = lasso = np.empty((0, len(orders)))
    if len(ridges):
        ridge = ridge_path(state, orders**2.0, ridges)
    if len(lassos) or relaxed_at:
        strengths = (
            lassos
            if len(lassos)
            else np.array([each.strength for each in candidates if "lasso" in each.kind])
        )
        lasso = lasso_path(state, np.sqrt(orders), strengths * top, top)
    counts = {"ridge": 0, "lasso": 0, "relaxed lasso": 0}
    seen: dict[bytes, np.ndarray] = {}
    for at, each in enumerate(candidates):
        if each.kind == "linear":
            slopes = least_squares_on(state, orders == 1)
        elif each.kind == "ridge":
            slopes = ridge[counts["ridge"]]
            counts["ridge"] += 1
        else:
            slopes = lasso[counts[each.kind]]
            counts[each.kind] += 1
            if each.kind == "relaxed lasso":
                active = slopes != 0
                if active.sum() > 0.25 * state.total:
                    pass  # too many terms to drop the penalty: the lasso itself stands
                else:
                    key = active.tobytes()
                    if key not in seen:
                        seen[key] = least_squares_on(state, active)
                    slopes = seen[key]
        result[at] = state.expand(slopes)
    return result


def least_squares_on(state: Centred, active: np.ndarray) -> np.ndarray:
    """Least squares on the active features alone, a whisper of ridge against collinear ones."""
    slopes = np.zeros(len(active))
    at = np.flatnonzero(active)
    if len(at):
        slopes[at] = _solve(state.matrix[np.ix_(at, at)] + 1e-8 * np.eye(len(at)), state.cross[at])
    return slopes


def quadratic_loss(moments: np.ndarray, width: int, target: int, coefficients: np.ndarray) -> np.ndarray:
    """Sum of squared errors on a fold from its own moments, for many coefficient vectors (rows)."""
    extended = np.zeros((len(coefficients), moments.shape[0]))
    extended[:, :width] = coefficients
    extended[:, width + target] = -1.0
    return np.einsum("ci,ci->c", extended @ moments, extended)
