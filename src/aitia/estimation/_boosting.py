"""Boosted trees on what a series leaves over: steps and thresholds that no smooth curve follows.

A probe on some of the rows asks first whether trees find anything in the residuals. Only where they do are
they fitted, for each fold on the residuals of the rows outside it, and kept only where they lower the loss on
the rows left out. So a smooth problem pays for one probe, and a rough one gets its trees.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from aitia.estimation._crossfit import BLOCK_ROWS, Arranged, in_threads

_PROBE_ROWS = 12_000
_LARGEST_FIT = 200_000
_LARGEST_SHIFT = 4.0


def _trees(seed: int, columns: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        learning_rate=0.1,
        max_iter=150,
        max_leaf_nodes=15,
        min_samples_leaf=25,
        l2_regularization=1.0,
        max_features=1.0 if columns <= 30 else 0.3,
        early_stopping=True,  # pyright: ignore[reportArgumentType] (the stub knows only "auto")
        validation_fraction=0.15,
        n_iter_no_change=8,
        random_state=seed,
    )


def _fit(x: np.ndarray, residual: np.ndarray, weights: np.ndarray | None) -> Any:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="openmp"):
        return _trees(0, x.shape[1]).fit(x, residual, sample_weight=weights)


def _predict(model: Any, x: np.ndarray) -> np.ndarray:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="openmp"):
        return model.predict(x)


def _thin(rows: np.ndarray, most: int) -> np.ndarray:
    return rows if len(rows) <= most else rows[:: -(-len(rows) // most)]


def _pays(x: np.ndarray, rows: np.ndarray, residual: np.ndarray, curvature: np.ndarray | None) -> bool:
    """Whether trees fitted to the out-of-fold residuals of some rows lower the loss on others, beyond chance."""
    rows = _thin(rows, _PROBE_ROWS)
    if len(rows) < max(200, 40 * x.shape[1]) or x.shape[1] == 0:
        return False
    # Rows stand by fold, so alternate ones split every fold in two.
    learn, check = rows[::2], rows[1::2]
    model = _fit(x[learn], residual[learn], None if curvature is None else curvature[learn])
    found = _predict(model, x[check])
    product = residual[check] * found
    if curvature is not None:
        product = product * curvature[check]
    # Shrunk by the right amount the trees lower the loss if and only if they correlate with what is left over.
    return float(product.mean()) > 1.7 * float(product.std()) / np.sqrt(len(product))


def boost_means(
    arranged: Arranged,
    features: Any,
    coefficients: np.ndarray,
    targets: np.ndarray,
    predictions: np.ndarray,
    arms: int,
    weights: np.ndarray | None,
) -> tuple[np.ndarray, list[bool]]:
    """Predictions with trees added to the columns where trees pay.

    Args:
        arranged: the rows.
        features: the series' features.
        coefficients: the series' coefficients, shape (folds, d, arms * m).
        targets: shape (n, m).
        predictions: the series' out-of-fold predictions, shape (n, arms * m).
        arms: number of arms that have a model of their own; 1 where pooled.
        weights: survey weights and masks, shape (n,), or None.
    """
    m = targets.shape[1]
    x = features.binned()
    own = [
        np.flatnonzero(
            ((arranged.arm == arm) if arms > 1 else np.ones(arranged.n, bool))
            & (True if weights is None else weights > 0)
        )
        for arm in range(arms)
    ]
    columns = [(arm, target) for arm in range(arms) for target in range(m)]

    def probe(column: tuple[int, int]) -> bool:
        arm, target = column
        return _pays(x, own[arm], targets[:, target] - predictions[:, arm * m + target], None)

    worth = in_threads(probe, columns)
    result, found = predictions.copy(), np.zeros_like(predictions)

    def fit(item: tuple[int, int, int]) -> None:
        fold, arm, target = item
        at = arm * m + target
        left_out = arranged.fold(fold)
        train = own[arm][(own[arm] < left_out.start) | (own[arm] >= left_out.stop)]
        train = _thin(train, _LARGEST_FIT)
        fitted = _at_rows(features, train) @ coefficients[fold, :, at]
        model = _fit(x[train], targets[train, target] - fitted, None if weights is None else weights[train])
        found[left_out, at] = _predict(model, x[left_out])

    in_threads(
        fit,
        [(fold, *column) for column, pays in zip(columns, worth) if pays for fold in range(arranged.folds)],
    )
    kept = []
    for (arm, target), pays in zip(columns, worth):
        at, rows = arm * m + target, own[arm]
        w = 1.0 if weights is None else weights[rows]
        over, trees = targets[rows, target] - predictions[rows, at], found[rows, at]
        power = float(np.sum(w * trees**2))
        share = float(np.clip(np.sum(w * over * trees) / power, 0, 1)) if pays and power > 0 else 0.0
        result[:, at] += share * found[:, at]
        kept.append(share > 0)
    return result, kept


def boost_log_odds(
    arranged: Arranged, features: Any, coefficients: np.ndarray, target: np.ndarray, odds: np.ndarray
) -> tuple[np.ndarray, bool]:
    """Out-of-fold log-odds with trees added where trees pay.

    The trees are fitted to the working residual (t - p) / (p (1 - p)) with weights p (1 - p): one Newton step of
    boosting on the likelihood from the series' log-odds (Friedman, Hastie & Tibshirani 2000, LogitBoost).

    Args:
        arranged: the rows.
        features: the series' features.
        coefficients: shape (folds, d).
        target: 0/1, arranged.
        odds: the series' out-of-fold log-odds, arranged.
    """
    weights = arranged.weights
    x = features.binned()

    def working(eta: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p = special.expit(eta)
        curvature = np.maximum(p * (1 - p), 1e-3)
        residual = (target[rows] - p) / curvature
        return residual, curvature if weights is None else curvature * weights[rows]

    everyone = np.arange(arranged.n)
    residual, curvature = working(odds, everyone)
    if not _pays(x, everyone, residual, curvature):
        return odds, False
    found = np.zeros(arranged.n)

    def fit(fold: int) -> None:
        left_out = arranged.fold(fold)
        train = _thin(arranged.training(fold), _LARGEST_FIT)
        residual, curvature = working(_at_rows(features, train) @ coefficients[fold], train)
        model = _fit(x[train], residual, curvature)
        found[left_out] = np.clip(_predict(model, x[left_out]), -_LARGEST_SHIFT, _LARGEST_SHIFT)

    in_threads(fit, range(arranged.folds))

    def deviance(eta: np.ndarray) -> float:
        loss = np.logaddexp(0, eta) - target * eta
        return float(loss.sum() if weights is None else loss @ weights)

    options = [odds + share * found for share in (0.25, 0.5, 0.75, 1.0)]
    best = min(options, key=deviance)
    return (best, True) if deviance(best) < deviance(odds) else (odds, False)


def _at_rows(features: Any, rows: np.ndarray) -> np.ndarray:
    """The features of scattered rows, shape (len(rows), width), a block at a time."""
    result = np.empty((len(rows), features.width), dtype=np.float32)
    for start in range(0, len(rows), BLOCK_ROWS):
        part = rows[start : start + BLOCK_ROWS]
        result[start : start + BLOCK_ROWS] = features.block(part)
    return result
