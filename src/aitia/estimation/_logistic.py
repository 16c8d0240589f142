"""Logistic regression cross-fitted for all folds at once.

One fit on all rows is the common start. From there every fold takes Newton steps of its own: the gradients of
all folds are one matrix product a pass, because the folds' linear predictors stand side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, special

from aitia.estimation._boosting import boost_log_odds
from aitia.estimation._crossfit import Arranged, in_threads
from aitia.estimation._gram import Candidate, Features, candidate_fits, candidate_list, centre, fold_moments

_START_ROWS = 60_000
_REFINE_ROWS = 300_000


class _Rows:
    """Some of the rows, every `stride`-th of each block: where the common fit starts."""

    def __init__(self, arranged: Arranged, features: Features, stride: int) -> None:
        self.features, self.stride = features, stride
        self.blocks = arranged.blocks()

    def block(self, rows: slice) -> tuple[np.ndarray, slice]:
        picked = slice(rows.start, rows.stop, self.stride)
        return self.features.block(rows)[:: self.stride], picked


def newton(
    arranged: Arranged,
    features: Features,
    target: np.ndarray,
    penalty: np.ndarray,
    start: np.ndarray,
    *,
    stride: int = 1,
    steps: int = 25,
    tolerance: float = 1e-10,
    without: int | None = None,
) -> np.ndarray:
    """Penalised maximum likelihood by Newton steps over some rows: sum of losses + sum_j penalty_j b_j^2 / 2.

    The penalty is per row of the rows used: it is multiplied by their total weight.
    """
    some = _Rows(arranged, features, stride)
    blocks = [item for item in some.blocks if item[0] != without]
    weights = arranged.weights
    beta = start.copy()
    d = features.width

    def parts(item: tuple[int, int, slice]) -> tuple[np.ndarray, np.ndarray, float, float]:
        z, rows = some.block(item[2])
        eta = z @ beta.astype(z.dtype)
        y = target[rows]
        w = np.ones(len(y)) if weights is None else weights[rows]
        p = special.expit(eta.astype(np.float64))
        gradient = z.T @ (w * (p - y)).astype(z.dtype)
        curved = z * np.sqrt(w * p * (1 - p)).astype(z.dtype)[:, None]
        loss = float(w @ (np.logaddexp(0, eta) - y * eta))
        return gradient.astype(np.float64), (curved.T @ curved).astype(np.float64), loss, float(w.sum())

    best, step, damping = np.inf, np.zeros(d), 0
    for _ in range(steps):
        gradient, hessian, loss, total = np.zeros(d), np.zeros((d, d)), 0.0, 0.0
        for at in range(0, len(blocks), 64):
            for g, h, one, weight in in_threads(parts, blocks[at : at + 64]):
                gradient += g
                hessian += h
                loss += one
                total += weight
        loss = loss / total + 0.5 * float(penalty @ beta**2)
        if loss > best + 1e-12 * abs(best) and damping < 10:
            damping += 1  # the step overshot: halve it
            step = step / 2
            beta = beta - step
            continue
        best, damping = loss, 0
        gradient = gradient / total + penalty * beta
        hessian = hessian / total + np.diag(penalty + 1e-10)
        step = -linalg.solve(hessian, gradient, assume_a="pos", check_finite=False)
        size = float(np.abs(step).max())
        if size > 10:
            step *= 10 / size
        beta = beta + step
        if float(-step @ gradient) < tolerance:
            break
    return beta


def plain_logistic(arranged: Arranged, features, target: np.ndarray, strength: float) -> np.ndarray:
    """scikit-learn's `LogisticRegression` objective, each fold's optimum, out-of-fold probabilities.

    Minimises sum_i w_i loss_i + strength / 2 * |raw slopes|^2 on the rows outside each fold: the common optimum by
    Newton steps, then each fold's by steps with the fold's own Hessian at the common optimum (chord steps), which
    shrink the distance by a factor of the order of 1 / n each.

    Args:
        arranged: the rows.
        features: `LinearFeatures`.
        target: 0/1, arranged.
        strength: the penalty on the squared raw slopes (1 / C).
    """
    d, folds, n = features.width, arranged.folds, arranged.n
    weights = arranged.weights
    raw = np.concatenate([[0.0], strength / features.unit**2])
    total = float(n if weights is None else weights.sum())
    start = np.zeros(d)
    rate = np.clip(np.average(target, weights=weights), 1e-6, 1 - 1e-6)
    start[0] = np.log(rate / (1 - rate))
    if n > 4 * _START_ROWS:
        start = newton(
            arranged, features, target, raw / total, start, stride=n // _START_ROWS, tolerance=1e-8
        )
    beta = newton(arranged, features, target, raw / total, start)
    hessians = np.zeros((folds, d, d))

    def curvature(item: tuple[int, int, slice]) -> np.ndarray:
        z = features.block(item[2])
        p = special.expit(z @ beta)
        w = p * (1 - p) if weights is None else p * (1 - p) * weights[item[2]]
        curved = z * np.sqrt(w)[:, None]
        return curved.T @ curved

    blocks = arranged.blocks()
    for (fold, _, _), matrix in zip(blocks, in_threads(curvature, blocks)):
        hessians[fold] += matrix
    whole = hessians.sum(axis=0)
    factors = [linalg.cho_factor(whole - each + np.diag(raw + 1e-10 * total)) for each in hessians]
    betas = np.tile(beta[:, None], (1, folds))

    def gradients(item: tuple[int, int, slice]) -> np.ndarray:
        fold, _, rows = item
        z = features.block(rows)
        residual = special.expit(z @ betas) - target[rows, None]
        residual[:, fold] = 0.0
        if weights is not None:
            residual *= weights[rows, None]
        return z.T @ residual

    for _ in range(30):
        gradient = np.sum(in_threads(gradients, blocks), axis=0) + raw[:, None] * betas
        steps = np.column_stack([linalg.cho_solve(factor, g) for factor, g in zip(factors, gradient.T)])
        betas = betas - steps
        # Stop when the log-odds of a typical row move by less than a millionth of their standard error.
        if np.sqrt(np.einsum("ik,ik->k", steps, gradient).max()) < 1e-5:
            break
    result = np.empty(n)

    def fill(item: tuple[int, int, slice]) -> None:
        fold, _, rows = item
        result[rows] = special.expit(features.block(rows) @ betas[:, fold])

    in_threads(fill, blocks)
    return result


@dataclass(frozen=True, eq=False)
class LogisticSeries:
    """Out-of-fold probabilities, shape (n,), arranged; how they were made; the share of deviance explained."""

    probability: np.ndarray
    words: str
    explained: float


def _working(target: np.ndarray, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Working response and weights of iteratively reweighted least squares at log-odds eta."""
    p = special.expit(eta)
    curvature = np.maximum(p * (1 - p), 1e-4)
    return eta + (target - p) / curvature, curvature


def logistic_series(arranged: Arranged, features, target: np.ndarray, trees: bool = True) -> LogisticSeries:
    """Penalised logistic series: the competition of `candidate_list` on the logistic likelihood.

    Around a common lightly penalised fit the likelihood is quadratic; its fold moments give every candidate's
    coefficients for every fold (one iteratively-reweighted step, Friedman, Hastie & Tibshirani 2010, section 3).
    The candidate with the smallest out-of-fold deviance is then iterated to its own optimum in each fold; with
    many rows the one step is as good as the optimum to first order and stands.

    Args:
        arranged: the rows.
        features: `SeriesFeatures`.
        target: 0/1, arranged.
        trees: whether boosted trees may be added where they pay.
    """
    d, n = features.width, arranged.n
    blocks = arranged.blocks()
    orders = features.orders
    rate = float(np.clip(np.average(target, weights=arranged.weights), 1e-6, 1 - 1e-6))
    start = np.zeros(d)
    start[0] = np.log(rate / (1 - rate))
    stride = max(n // _START_ROWS, 1)
    light = np.concatenate([[0.0], orders**2 * max(0.02 * d / min(n, _START_ROWS), 1e-5)])
    common = newton(arranged, features, target, light, start, stride=stride, tolerance=1e-7)
    eta = np.empty(n)

    def predict(item: tuple[int, int, slice]) -> None:
        z = features.block(item[2])
        eta[item[2]] = z @ common.astype(z.dtype)

    in_threads(predict, blocks)
    response, curvature = _working(target, eta)
    weights = curvature if arranged.weights is None else curvature * arranged.weights
    moments = fold_moments(arranged, features, response[:, None], weights).sum(axis=1)
    whole = moments.sum(axis=0)
    pooled = centre(whole, d, 0)
    top = float(np.max(np.abs(pooled.cross) / np.sqrt(orders), initial=0.0))
    candidates = (
        candidate_list(d, int(min(target.sum(), n - target.sum())))
        if top > 1e-12
        else [Candidate("linear", 0.0)]
    )
    fits = np.stack(
        in_threads(
            lambda fold: candidate_fits(centre(whole - fold, d, 0), candidates, orders, top), list(moments)
        )
    )

    def deviance(item: tuple[int, int, slice]) -> np.ndarray:
        fold, _, rows = item
        rows = slice(rows.start, rows.stop, stride)  # with many rows some of them tell the candidates apart
        z = features.block(item[2])[::stride]
        odds = (z @ fits[fold].T.astype(z.dtype)).astype(np.float64)
        loss = np.logaddexp(0, odds) - target[rows, None] * odds
        return (loss if arranged.weights is None else loss * arranged.weights[rows, None]).sum(axis=0)

    losses = np.sum(in_threads(deviance, blocks), axis=0)
    best = int(np.argmin(losses))
    chosen = candidates[best]
    betas = fits[:, best].copy()
    if n <= _REFINE_ROWS:
        betas = _refine(arranged, features, target, betas, chosen, orders, top)
    odds = np.empty(n)

    def fill(item: tuple[int, int, slice]) -> None:
        fold, _, rows = item
        z = features.block(rows)
        odds[rows] = z @ betas[fold].astype(z.dtype)

    in_threads(fill, blocks)
    words = f"logistic series by {chosen.kind}"
    if trees:
        odds, kept = boost_log_odds(arranged, features, betas, target, odds)
        words += " with boosted trees" * kept
    probability = special.expit(odds)
    weight = np.ones(n) if arranged.weights is None else arranged.weights
    spent = -float(weight @ np.log(np.where(target == 1, probability, 1 - probability).clip(1e-12)))
    null = -float(weight.sum()) * (rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    return LogisticSeries(probability, words, 1 - spent / null)


def _refine(
    arranged: Arranged,
    features,
    target: np.ndarray,
    betas: np.ndarray,
    chosen: Candidate,
    orders: np.ndarray,
    top: float,
    steps: int = 3,
) -> np.ndarray:
    """Iterate the chosen candidate in each fold by proximal Newton steps on the rows outside the fold."""
    d = features.width
    z = features.block(slice(0, arranged.n))
    weights = arranged.weights

    def refined(fold: int) -> np.ndarray:
        left_out = arranged.fold(fold)
        beta = betas[fold]
        for _ in range(steps):
            total = np.zeros((d + 1, d + 1))
            for rows in (slice(0, left_out.start), slice(left_out.stop, arranged.n)):
                if rows.start == rows.stop:
                    continue
                part = z[rows]
                response, curvature = _working(
                    target[rows], (part @ beta.astype(part.dtype)).astype(np.float64)
                )
                if weights is not None:
                    curvature = curvature * weights[rows]
                root = np.sqrt(curvature)[:, None]
                scaled = np.concatenate([part, response[:, None]], axis=1, dtype=part.dtype) * root.astype(
                    part.dtype
                )
                total += scaled.T @ scaled
            new = candidate_fits(centre(total, d, 0), [chosen], orders, top)[0]
            moved = float(np.abs(new - beta).max())
            beta = new
            if moved < 1e-5:
                break
        return beta

    return np.stack(in_threads(refined, range(arranged.folds)))
