"""Targeted maximum likelihood: the outcome model is nudged until the plug-in answer is doubly robust."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from aitia.estimation._aipw import DoublyRobust, Nuisances
from aitia.estimation._sample import Sample
from aitia.estimation._scores import Means, Target

_EDGE = 1e-4


@dataclass(frozen=True)
class TMLE(DoublyRobust):
    """Cross-validated targeted maximum likelihood with a logistic fluctuation.

    The outcome is mapped to [0, 1] by its range, and for every treatment level a the cross-fitted outcome model
    g_a is moved on the log-odds scale by one number,
        logit g*_a = logit g_a + epsilon_a,
    the maximum likelihood intercept of a logistic regression with weights h(X) / e_a(X) among the rows with T = a,
    pooled over folds. The potential mean is then the plain average of g*_a over the population; it solves the
    efficient score equation, so it is doubly robust as AIPW is, and it never leaves the range of the outcome, which
    matters for binary outcomes and weak overlap.

    Args:
        outcome: model of E[Y | T, X], as for `AIPW`.
        treatment: model of P(T | X), as for `AIPW`.
        folds: number of folds, or a fold code for every row.
        floor: propensities that divide are held at or above it; None takes 5 / (sqrt(n) log n).
        trim: leave out rows with a propensity below it; 0 leaves nobody out.
        repeats: repetitions with new folds; the median answer is reported.

    Assumptions: as for `AIPW`.

    Raises:
        NoOverlap, TooFewRows, EmptyPopulation: as for `AIPW`.

    Source: van der Laan & Rose 2011, chapters 5 and 27 (cross-validated); Gruber & van der Laan 2010 for the logistic
    fluctuation of bounded outcomes.

    Example:
        >>> from aitia.estimation import TMLE
        >>> TMLE().describe()
        'TMLE (outcome by series, treatment by series, 5 folds)'
    """

    name: ClassVar[str] = "TMLE"
    reference: ClassVar[str] = "van der Laan & Rose 2011, chapters 5 and 27"

    def _means(self, target: Target, sample: Sample, made: Nuisances, floor: float) -> Means:
        y, arm, weights = sample.outcome, sample.treatment.astype(np.int64), sample.weights
        n, arms = made.predicted.shape
        low, high = float(y.min()), float(y.max())
        span = high - low if high > low else 1.0
        scaled = (y - low) / span
        member, chance = target.member, target.chance(made.propensities)
        share = float(np.average(member, weights=weights))
        values, influence = np.empty(arms), np.empty((n, arms))
        for a in range(arms):
            here = arm == a
            initial = np.clip((made.predicted[:, a] - low) / span, _EDGE, 1 - _EDGE)
            ratio = chance[here] / np.maximum(made.propensities[here, a], floor)
            if a == target.arm:
                ratio = member[here]  # 1(T = a) h / e_a = D exactly
            fit_weights = ratio if weights is None else ratio * weights[here]
            epsilon = _fluctuation(scaled[here], special.logit(initial[here]), fit_weights)
            moved = low + span * special.expit(special.logit(initial) + epsilon)
            score = member * moved
            score[here] += ratio * (y[here] - moved[here])
            score /= share
            values[a] = np.average(moved, weights=member if weights is None else member * weights)
            influence[:, a] = score - values[a] * member / share
        return Means(values, influence)


def _fluctuation(y: np.ndarray, offset: np.ndarray, weights: np.ndarray) -> float:
    """The epsilon that solves sum_i w_i (y_i - expit(offset_i + epsilon)) = 0; the sum falls as epsilon grows."""
    total = float(weights.sum())
    if total <= 0:
        return 0.0
    low, high = -30.0, 30.0
    epsilon = 0.0
    for _ in range(100):
        p = special.expit(offset + epsilon)
        gap = float(weights @ (y - p))
        if abs(gap) <= 1e-13 * total:
            break
        low, high = (epsilon, high) if gap > 0 else (low, epsilon)
        slope = float(weights @ (p * (1 - p)))
        step = epsilon + gap / slope if slope > 0 else np.nan
        new = step if low < step < high else 0.5 * (low + high)  # Newton inside a bracket
        if abs(new - epsilon) < 1e-15 * max(abs(new), 1.0):
            break
        epsilon = new
    return epsilon
