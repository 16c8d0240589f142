"""Nuisance models: our default series, and anything with scikit-learn's estimator interface.

`cross_fit_means` and `cross_fit_propensities` take a learner and return out-of-fold predictions. Learners whose
fit is a function of moments (`Series`, scikit-learn's `LinearRegression` and `Ridge`) or of a smooth likelihood
(`LogisticRegression`) are recognised and cross-fitted without refits; all others are cloned and refitted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from aitia.core import AitiaError
from aitia.estimation._boosting import boost_means
from aitia.estimation._crossfit import Arranged, each_on_one_core, in_threads
from aitia.estimation._gram import (
    Candidate,
    candidate_fits,
    candidate_list,
    centre,
    fold_moments,
    fold_predictions,
    plain_ridge,
    quadratic_loss,
)
from aitia.estimation._logistic import logistic_series, plain_logistic
from aitia.estimation._series import LinearFeatures, SeriesFeatures, series_size


class BadLearner(AitiaError):
    """A nuisance model lacks scikit-learn's interface, or its predictions cannot be used."""


@dataclass(frozen=True)
class Series:
    """Our default nuisance model: penalised series regression, cross-fitted exactly from fold moments.

    Linear terms, curves of every covariate and products of pairs; least squares, ridge, lasso and relaxed lasso
    paths compete on the rows left out of each fit, and the one with the smallest loss is used. For a
    propensity the same competition runs on the logistic likelihood.

    Args:
        curves: the highest cosine of each covariate's rank; None chooses by the number of rows.
        pairs: whether products of pairs of covariates are in; None chooses by the number of rows.
        trees: whether boosted trees may be added where they lower the loss on rows left out.
    """

    curves: int | None = None
    pairs: bool | None = None
    trees: bool = True

    def features(self, arranged: Arranged) -> SeriesFeatures:
        """The features of these rows."""
        curves, pairs, _ = series_size(arranged)
        return SeriesFeatures(
            arranged,
            curves if self.curves is None else self.curves,
            pairs if self.pairs is None else self.pairs,
            np.float32 if arranged.n > 100_000 else np.float64,
        )


def light(learner: Any) -> Any:
    """A default nuisance model without its trees; any other learner as it is."""
    return (
        replace(Series() if learner is None else learner, trees=False)
        if learner is None or isinstance(learner, Series)
        else learner
    )


@dataclass(frozen=True, eq=False)
class CrossFitted:
    """Out-of-fold predictions.

    Args:
        values: shape (n, columns), in the order of the arranged rows.
        words: how they were made, one sentence.
        loss: out-of-fold R squared (means) or deviance explained (propensities), one for each column.
    """

    values: np.ndarray
    words: str
    loss: tuple[float, ...] = ()


class Workshop:
    """What the nuisance models of one arrangement of rows share: features are made once."""

    def __init__(self, arranged: Arranged) -> None:
        self.arranged = arranged
        self._made: dict[Any, Any] = {}

    def features(self, learner: Any) -> Any:
        """The features of a learner that works on features."""
        key = learner if isinstance(learner, Series) else "linear"
        if key not in self._made:
            made = (
                learner.features(self.arranged)
                if isinstance(learner, Series)
                else LinearFeatures(self.arranged)
            )
            self._made[key] = made
        return self._made[key]


def cross_fit_means(
    shop: Workshop, learner: Any, targets: np.ndarray, *, by_arm: bool = True, rows: np.ndarray | None = None
) -> CrossFitted:
    """Out-of-fold predictions of the mean of each target given the covariates (and the arm).

    Args:
        shop: the arranged rows.
        learner: a `Series` or a scikit-learn regressor (a classifier for 0/1 targets).
        targets: shape (n, m), arranged.
        by_arm: a model for each arm, predicting every row under that arm; False pools the arms.
        rows: mask of the rows that may be learned from, arranged; None for all.

    Returns:
        Values of shape (n, arms * m), arm-major (n, m where pooled).
    """
    arranged = shop.arranged
    if isinstance(learner, Series) or is_plain_linear(learner):
        return _means_from_moments(shop, learner, targets, by_arm, rows)
    return _means_by_refits(arranged, learner, targets, by_arm, rows)


def cross_fit_propensities(shop: Workshop, learner: Any, codes: np.ndarray, levels: int) -> CrossFitted:
    """Out-of-fold probabilities of each level of a discrete variable given the covariates.

    Args:
        shop: the arranged rows.
        learner: a `Series` or a scikit-learn classifier.
        codes: level codes 0..levels-1, arranged.
        levels: number of levels.

    Returns:
        Values of shape (n, levels); rows sum to one.
    """
    arranged = shop.arranged
    if isinstance(learner, Series):
        features = shop.features(learner)
        wanted = [1] if levels == 2 else list(range(levels))
        columns, words, explained = [], [], []
        for level in wanted:
            fitted = logistic_series(arranged, features, (codes == level).astype(np.float64), learner.trees)
            columns.append(fitted.probability)
            words.append(fitted.words)
            explained.append(fitted.explained)
        if levels == 2:
            values = np.column_stack([1 - columns[0], columns[0]])
        else:
            values = np.column_stack(columns)
            values /= values.sum(axis=1, keepdims=True)
        return CrossFitted(values, "; ".join(dict.fromkeys(words)), tuple(explained))
    strength = plain_logistic_strength(learner) if levels == 2 else None
    if strength is not None:
        probability = plain_logistic(
            arranged, shop.features(learner), (codes == 1).astype(np.float64), strength
        )
        return CrossFitted(
            np.column_stack([1 - probability, probability]),
            f"{learner!r}, by Newton steps shared between folds",
        )
    return _probabilities_by_refits(arranged, learner, codes, levels)


def _means_from_moments(
    shop: Workshop, learner: Any, targets: np.ndarray, by_arm: bool, rows: np.ndarray | None
) -> CrossFitted:
    arranged = shop.arranged
    features = shop.features(learner)
    middle, unit = targets.mean(axis=0), targets.std(axis=0)
    unit = np.where(unit > 0, unit, 1.0)
    scaled = (targets - middle) / unit
    weights = arranged.weights
    if rows is not None:
        weights = rows.astype(np.float64) if weights is None else weights * rows
    moments = fold_moments(arranged, features, scaled, weights)
    if not by_arm:
        moments = moments.sum(axis=1, keepdims=True)
    arms, d, m = moments.shape[1], features.width, targets.shape[1]
    coefficients = np.empty((arranged.folds, d, arms * m))
    words: list[str] = []
    smallest = int(np.bincount(arranged.arm, minlength=arranged.arms).min()) if by_arm else arranged.n
    explained: list[float] = []

    def solve(item: tuple[int, int]) -> tuple[np.ndarray, str, float]:
        arm, target = item
        if isinstance(learner, Series):
            return choose_series(moments[:, arm], d, target, features.orders, smallest)
        whole = moments[:, arm].sum(axis=0)
        alpha = 0.0 if type(learner).__name__ == "LinearRegression" else float(learner.alpha)
        fits = np.stack(
            [plain_ridge(whole - fold, d, target, alpha, features.unit) for fold in moments[:, arm]]
        )
        loss = sum(quadratic_loss(fold, d, target, fit[None])[0] for fold, fit in zip(moments[:, arm], fits))
        return fits, repr(learner), _r_squared(whole, d, target, loss)

    items = [(arm, target) for arm in range(arms) for target in range(m)]
    for (arm, target), (fits, said, r2) in zip(items, in_threads(solve, items)):
        column = arm * m + target
        coefficients[:, :, column] = fits * unit[target]
        coefficients[:, 0, column] += middle[target]
        words.append(said)
        explained.append(r2)
    values = fold_predictions(arranged, features, coefficients)
    if isinstance(learner, Series) and learner.trees:
        values, kept = boost_means(arranged, features, coefficients, targets, values, arms, weights)
        words = [said + " with boosted trees" * better for said, better in zip(words, kept)]
    return CrossFitted(values, "; ".join(dict.fromkeys(words)), tuple(explained))


def choose_series(
    folds: np.ndarray, width: int, target: int, orders: np.ndarray, rows: int | None = None
) -> tuple[np.ndarray, str, float]:
    """The candidate with the smallest out-of-fold loss, and its coefficients for every fold.

    Args:
        folds: moments of every fold, shape (folds, q, q).
        width: number of features.
        target: which target.
        orders: the order of each feature but the constant.
        rows: how many rows there are; with None every way of penalising competes.
    """
    whole = folds.sum(axis=0)
    pooled = centre(whole, width, target)
    top = float(np.max(np.abs(pooled.cross) / np.sqrt(orders), initial=0.0))
    candidates = candidate_list(width, 0 if rows is None else rows)
    if top <= 1e-12:
        candidates = [Candidate("linear", 0.0)]
    fits = np.stack(
        [candidate_fits(centre(whole - fold, width, target), candidates, orders, top) for fold in folds]
    )
    losses = np.sum([quadratic_loss(fold, width, target, fit) for fold, fit in zip(folds, fits)], axis=0)
    best = int(np.argmin(losses))
    return fits[:, best], f"series by {candidates[best].kind}", _r_squared(whole, width, target, losses[best])


def _r_squared(whole: np.ndarray, width: int, target: int, loss: float) -> float:
    at = width + target
    spread = whole[at, at] - whole[0, at] ** 2 / whole[0, 0]
    return float(1 - loss / spread) if spread > 0 else 0.0


def is_plain_linear(learner: Any) -> bool:
    """Whether a learner is scikit-learn's own least squares or ridge with options that moments can answer."""
    module, name = type(learner).__module__, type(learner).__name__
    if not module.startswith("sklearn.linear_model"):
        return False
    if name == "LinearRegression":
        return learner.fit_intercept and not learner.positive
    return name == "Ridge" and learner.fit_intercept and not learner.positive and np.ndim(learner.alpha) == 0


def plain_logistic_strength(learner: Any) -> float | None:
    """The penalty on squared slopes of scikit-learn's own logistic regression; None where it is something else."""
    if type(learner).__name__ != "LogisticRegression" or not type(learner).__module__.startswith("sklearn."):
        return None
    if learner.solver == "liblinear" or learner.class_weight is not None or not learner.fit_intercept:
        return None
    if getattr(learner, "l1_ratio", None) or learner.penalty not in (None, "l2", "deprecated"):
        return None
    return 0.0 if learner.penalty is None else 1.0 / float(learner.C)


def fit_learner(learner: Any, x: np.ndarray, target: np.ndarray, weights: np.ndarray | None) -> Any:
    """A fresh copy of the learner, fitted."""
    from sklearn.base import clone

    try:
        fresh: Any = clone(learner)
    except TypeError as error:
        raise BadLearner(
            f"A nuisance model needs scikit-learn's estimator interface; {type(learner).__name__!r} came.",
            "Pass an estimator object such as sklearn.linear_model.Ridge(), or None for the default.",
        ) from error
    if weights is None:
        return fresh.fit(x, target)
    try:
        return fresh.fit(x, target, sample_weight=weights)
    except (TypeError, ValueError) as error:
        if "sample_weight" not in str(error):
            raise
        raise BadLearner(
            f"The sample has weights, and {type(learner).__name__} cannot take them in fit.",
            "Choose a learner whose fit takes sample_weight, or leave the weights out.",
        ) from error


def _means_by_refits(
    arranged: Arranged, learner: Any, targets: np.ndarray, by_arm: bool, rows: np.ndarray | None
) -> CrossFitted:
    arms, m = (arranged.arms if by_arm else 1), targets.shape[1]
    result = np.empty((arranged.n, arms * m))

    def fill(item: tuple[int, int, int]) -> None:
        fold, arm, target = item
        train = arranged.training(fold, arm if by_arm else None)
        if rows is not None:
            train = train[rows[train]]
        weights = None if arranged.weights is None else arranged.weights[train]
        left_out = arranged.fold(fold)
        values = targets[train, target]
        fitted = fit_learner(learner, arranged.x[train], values, weights)
        result[left_out, arm * m + target] = predicted_mean(fitted, arranged.x[left_out])

    each_on_one_core(
        fill,
        [(f, a, t) for f in range(arranged.folds) for a in range(arms) for t in range(m)],
    )
    if not np.isfinite(result).all():
        raise BadLearner(
            f"{learner!r} predicted values that are not finite.",
            "Scale the covariates or choose another learner.",
        )
    return CrossFitted(result, repr(learner))


def _probabilities_by_refits(arranged: Arranged, learner: Any, codes: np.ndarray, levels: int) -> CrossFitted:
    if not hasattr(learner, "predict_proba"):
        raise BadLearner(
            f"A model of the treatment needs predict_proba; {type(learner).__name__} has none.",
            "Pass a classifier such as sklearn.linear_model.LogisticRegression().",
        )
    result = np.zeros((arranged.n, levels))

    def fill(fold: int) -> None:
        train = arranged.training(fold)
        weights = None if arranged.weights is None else arranged.weights[train]
        fitted = fit_learner(learner, arranged.x[train], codes[train], weights)
        left_out = arranged.fold(fold)
        result[left_out, np.asarray(fitted.classes_, dtype=np.int64)] = fitted.predict_proba(
            arranged.x[left_out]
        )

    each_on_one_core(fill, range(arranged.folds))
    return CrossFitted(result, repr(learner))


def _is_classifier(learner: Any) -> bool:
    return hasattr(learner, "predict_proba")


def predicted_mean(fitted: Any, x: np.ndarray) -> np.ndarray:
    """Predictions of a fitted regressor, or a fitted classifier's probability of one."""
    if not _is_classifier(fitted):
        return fitted.predict(x)
    seen = list(fitted.classes_)
    return fitted.predict_proba(x)[:, seen.index(1.0)] if 1.0 in seen else np.zeros(len(x))
