"""Inverse probability weighting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy import linalg, special

from aitia.core import Assumption, AssumptionKey, Decision
from aitia.estimation._crossfit import Arranged, arrange, one_thread_each
from aitia.estimation._estimate import Diagnostic
from aitia.estimation._estimator import Estimator, Fit
from aitia.estimation._gram import Features
from aitia.estimation._learners import Series, Workshop, cross_fit_propensities, plain_logistic_strength
from aitia.estimation._logistic import newton
from aitia.estimation._overlap import overlap
from aitia.estimation._sample import Sample
from aitia.estimation._scores import (
    Means,
    Target,
    contrast_arms,
    default_floor,
    floor_decision,
    profile_of,
    tail_freedom,
    target_of,
    trimmed,
)
from aitia.estimation._series import SeriesFeatures, series_size
from aitia.identification import Estimand, Rule


@dataclass(frozen=True, eq=False)
class _Likelihood:
    """A logistic propensity fitted to all rows, and what its estimation does to an influence value."""

    arranged: Arranged
    features: Features
    propensity: np.ndarray
    ridge: np.ndarray

    def corrected(self, influence: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Influence values with the estimation of the propensity in them.

        To psi_i add D' H^-1 s_i with the logistic scores s_i = (t_i - e_i) b_i, their information H, and the slope D of
        the estimate in the coefficients, from the slope in each row's log-odds (Newey & McFadden 1994, Theorem 6.1).

        Args:
            influence: shape (n,), arranged, of the estimate with the propensity held fixed.
            slope: derivative of the (weighted) mean's summand in the row's log-odds, shape (n,), arranged.
        """
        rows, d = self.arranged, self.features.width
        w = np.ones(rows.n) if rows.weights is None else rows.weights
        information, gradient = np.zeros((d, d)), np.zeros(d)
        curvature = w * self.propensity * (1 - self.propensity)
        for _, _, part in rows.blocks():
            z = self.features.block(part).astype(np.float64)
            information += (z * curvature[part, None]).T @ z
            gradient += z.T @ (w[part] * slope[part])
        direction = linalg.solve(information + np.diag(self.ridge), gradient, assume_a="pos")
        result = influence.copy()
        left = rows.treatment - self.propensity
        for _, _, part in rows.blocks():
            result[part] += (self.features.block(part) @ direction) * left[part]
        return result


def _likelihood(sample: Sample, learner: Any, seed: int) -> _Likelihood:
    arranged = arrange(sample, 2, seed)
    target = arranged.treatment
    total = float(arranged.n if arranged.weights is None else arranged.weights.sum())
    if isinstance(learner, Series):
        smallest = int(np.bincount(arranged.arm, minlength=2).min())
        curves, pairs, _ = series_size(arranged, allowed=max(smallest // 6, 4))
        features: Any = SeriesFeatures(
            arranged,
            curves if learner.curves is None else learner.curves,
            pairs if learner.pairs is None else learner.pairs,
        )
        ridge = np.concatenate([[0.0], 1e-4 * total * features.orders**2])
    else:
        features = Workshop(arranged).features(learner)
        strength = plain_logistic_strength(learner)
        ridge = np.concatenate([[0.0], (strength or 0.0) / features.unit**2])
    start = np.zeros(features.width)
    rate = float(np.average(target, weights=arranged.weights))
    start[0] = special.logit(rate)
    beta = newton(arranged, features, target, ridge / total, start)
    odds = np.empty(arranged.n)
    for _, _, part in arranged.blocks():
        odds[part] = features.block(part) @ beta
    return _Likelihood(arranged, features, special.expit(odds), ridge)


@dataclass(frozen=True)
class IPW(Estimator):
    """Inverse probability weighting, for treatments with two or more levels.

    The potential mean of level a is a weighted mean of the outcomes with T = a,
        sum w_i y_i / sum w_i,    w_i = h(X_i) / e_a(X_i)    (normalised, Hajek),
    with h = 1 for everyone, the propensity of the treated for the treated, and so on. Weights stabilised by the
    share of the arm, P(T = a) / e_a(X), give the same normalised mean, because the share cancels.

    The default propensity is a logistic series fitted to all rows: weighting by such an estimate is efficient where
    weighting by the true propensity is not (Hirano, Imbens & Ridder 2003, Theorem 1). Its estimation is in the standard
    error. With a classifier of your own the propensities are cross-fitted and taken as known in the standard error.

    Args:
        treatment: None or a `Series` for the logistic series; scikit-learn's `LogisticRegression` is fitted to all
            rows alike; any other classifier with ``predict_proba`` is cross-fitted.
        normalised: True divides by the sum of the weights (Hajek), False by the number of rows (Horvitz-Thompson).
        floor: propensities that divide are held at or above it; None takes 5 / (sqrt(n) log n).
        trim: leave out rows whose propensity of either treatment compared is below it, which changes the
            population and is reported; 0 leaves nobody out.
        folds: for a cross-fitted classifier.

    Assumptions: identification by adjustment; overlap; the model of the treatment is right.

    Raises:
        NoOverlap: the covariates tell the treatment without error.

    Source: Horvitz & Thompson 1952; Hirano, Imbens & Ridder 2003, Theorem 1; Lunceford & Davidian 2004, for the errors.

    Example:
        >>> from aitia.estimation import IPW
        >>> IPW(trim=0.05).describe()
        'IPW (normalised, treatment by series, trimmed at 0.05)'
    """

    name: ClassVar[str] = "IPW"
    rules: ClassVar[frozenset[Rule]] = frozenset({Rule.ADJUSTMENT})
    learns: ClassVar[bool] = True
    treatments: ClassVar[frozenset[str]] = frozenset({"binary", "categorical"})
    reference: ClassVar[str] = "Hirano, Imbens & Ridder 2003, Theorem 1"

    treatment: Any = None
    normalised: bool = True
    floor: float | None = None
    trim: float = 0.0
    folds: Any = 5

    def describe(self) -> str:
        """The estimator with its options."""
        learner = "series" if self.treatment is None else type(self.treatment).__name__
        parts = ["normalised" if self.normalised else "Horvitz-Thompson", f"treatment by {learner}"]
        if self.trim > 0:
            parts.append(f"trimmed at {self.trim:g}")
        return f"{self.name} ({', '.join(parts)})"

    def _fit(self, estimand: Estimand, sample: Sample, seed: int) -> Fit:
        treated, control = contrast_arms(sample)
        target = target_of(estimand, sample)
        floor = default_floor(sample.n) if self.floor is None else self.floor
        learner = Series() if self.treatment is None else self.treatment
        arm = sample.treatment.astype(np.int64)
        by_likelihood = sample.treatment_kind.value == "binary" and (
            isinstance(learner, Series) or plain_logistic_strength(learner) is not None
        )
        likelihood = None
        with one_thread_each():
            if by_likelihood:
                likelihood = _likelihood(sample, learner, seed)
                e = likelihood.arranged.restore(likelihood.propensity)
                propensities = np.column_stack([1 - e, e])
            else:
                arranged = arrange(sample, self.folds, seed)
                fitted = cross_fit_propensities(Workshop(arranged), learner, arranged.arm, arranged.arms)
                propensities = arranged.restore(fitted.values)
            decisions: tuple[Decision, ...] = ()
            if self.trim > 0:
                keep, decisions = trimmed(sample, propensities, self.trim, (treated, control))
                target = Target(target.member * keep, target.mask * keep, target.arm, target.kind)
            values, influence, weight = _weighted_means(
                target, sample, arm, propensities, floor, self.normalised
            )
            psi = influence[:, treated] - influence[:, control]
            if likelihood is not None:
                slope = _slope(
                    target,
                    sample,
                    arm,
                    propensities,
                    floor,
                    values,
                    weight,
                    (treated, control),
                    self.normalised,
                )
                order = likelihood.arranged.order
                psi = likelihood.arranged.restore(likelihood.corrected(psi[order], slope[order]))
                for a in range(2):
                    slope = _slope(
                        target, sample, arm, propensities, floor, values, weight, (a, None), self.normalised
                    )
                    influence[:, a] = likelihood.arranged.restore(
                        likelihood.corrected(influence[order, a], slope[order])
                    )
        means = Means(values, influence)
        return Fit(
            value=float(values[treated] - values[control]),
            influence=psi,
            profile=profile_of(sample, means),
            degrees_of_freedom=tail_freedom(sample, psi),
            diagnostics=(
                overlap(sample, propensities, rows=target.mask > 0, given=target.arm),
                _weight_diagnostic(sample, arm, weight, (treated, control)),
            ),
            assumptions=(
                Assumption(
                    AssumptionKey.PROPENSITY_MODEL,
                    f"The model of {sample.names[0]} given the covariates is right"
                    + (" (a smooth function of them)." if likelihood is not None else "."),
                    testable=True,
                    source="inverse probability weighting",
                ),
            ),
            decisions=(*decisions, *floor_decision(sample, arm, propensities, floor)),
        )


def _weighted_means(
    target: Target, sample: Sample, arm: np.ndarray, e: np.ndarray, floor: float, normalised: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means, influence values with the propensity held fixed, and the weights h / e of each row's own arm."""
    n, arms = e.shape
    chance, survey = target.chance(e), sample.weights
    own = e[np.arange(n), arm]
    weight = chance / np.maximum(own, floor)
    if target.arm is not None:
        weight = np.where(arm == target.arm, target.member, weight)
    values, influence = np.empty(arms), np.zeros((n, arms))
    share = float(np.average(target.member, weights=survey))
    for a in range(arms):
        w = weight * (arm == a)
        size = float(np.average(w, weights=survey)) if normalised else share
        values[a] = np.average(w * sample.outcome, weights=survey) / size
        if normalised:
            influence[:, a] = w * (sample.outcome - values[a]) / size
        else:
            influence[:, a] = (w * sample.outcome - target.member * values[a]) / share
    return values, influence, weight


def _slope(
    target: Target,
    sample: Sample,
    arm: np.ndarray,
    e: np.ndarray,
    floor: float,
    values: np.ndarray,
    weight: np.ndarray,
    arms: tuple[int, int | None],
    normalised: bool,
) -> np.ndarray:
    """Derivative of each row's part of the answer in its log-odds of treatment (binary treatments)."""
    n = sample.n
    p = e[:, 1]
    own = e[np.arange(n), arm]
    held = own < floor
    # Weights h / e_own: d(1/e)/d log-odds = -(1 - e)/e and d(1/(1 - e)) = e/(1 - e); the same for the odds of the
    # treated and untreated populations, whose own arm has a constant weight.
    by_arm = np.where(arm == 1, -(1 - p) / np.maximum(p, floor), p / np.maximum(1 - p, floor)) * target.mask
    if target.arm is not None:
        by_arm = np.where(arm == target.arm, 0.0, by_arm)
    by_arm = np.where(held, 0.0, by_arm)
    share = float(np.average(target.member, weights=sample.weights))
    result = np.zeros(n)
    for sign, a in zip((1.0, -1.0), arms):
        if a is None:
            continue
        here = arm == a
        size = float(np.average(weight * here, weights=sample.weights)) if normalised else share
        centre = values[a] if normalised else 0.0
        result += sign * here * by_arm * (sample.outcome - centre) / size
    return result


def _weight_diagnostic(
    sample: Sample, arm: np.ndarray, weight: np.ndarray, arms: tuple[int, int]
) -> Diagnostic:
    """How uneven the weights are, stabilised to mean one within each arm."""
    details: dict[str, float] = {}
    worst, largest = 1.0, 0.0
    for a in arms:
        w = weight[arm == a]
        if sample.weights is not None:
            w = w * sample.weights[arm == a]
        label = str(sample.treatment_levels[a] if a < len(sample.treatment_levels) else a)
        share = float(w.sum() ** 2 / max(float(w @ w) * len(w), 1e-300)) if len(w) else 0.0
        top = float(w.max() / max(w.mean(), 1e-300)) if len(w) else 0.0
        details[f"effective share {label}"], details[f"largest stabilised weight {label}"] = share, top
        worst, largest = min(worst, share), max(largest, top)
    return Diagnostic(
        "weights",
        worst,
        f"The weights leave an effective {worst:.0%} of the rows of the thinner arm; the largest weight is "
        f"{largest:.3g} times the mean of its arm.",
        worst < 0.1,
        details,
    )
