"""Double machine learning for the partially linear model, with and without instruments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from scipy import linalg

from aitia.core import AitiaError, Assumption, AssumptionKey, stats
from aitia.estimation._crossfit import arrange, one_thread_each
from aitia.estimation._estimate import Diagnostic
from aitia.estimation._estimator import Estimator, Fit
from aitia.estimation._learners import (
    CrossFitted,
    Series,
    Workshop,
    cross_fit_means,
    cross_fit_propensities,
    light,
)
from aitia.estimation._sample import Sample, TreatmentKind
from aitia.estimation._scores import combine_repeats, error_of, fit_diagnostic, tail_freedom
from aitia.identification import Effect, Estimand, PopulationKind, Rule


class NothingLeft(AitiaError):
    """The covariates explain the treatment (or the instrument) completely."""


def _weighted(sample: Sample) -> np.ndarray:
    weights = np.ones(sample.n) if sample.weights is None else sample.weights
    return weights if sample.population is None else weights * sample.population


def _residuals(shop: Workshop, learner: Any, targets: np.ndarray) -> tuple[np.ndarray, CrossFitted]:
    """Arranged targets minus their out-of-fold predictions; a 0/1 target by its propensity where there is one."""
    chosen = Series() if learner is None else learner
    binary = targets.shape[1] == 1 and bool(np.isin(targets, (0.0, 1.0)).all())
    if binary and (isinstance(chosen, Series) or hasattr(chosen, "predict_proba")):
        fitted = cross_fit_propensities(shop, chosen, targets[:, 0].astype(np.int64), 2)
        return targets - fitted.values[:, 1:], fitted
    fitted = cross_fit_means(shop, chosen, targets, by_arm=False)
    return targets - fitted.values, fitted


def _other_population(estimand: Estimand) -> bool:
    question = estimand.question
    return isinstance(question, Effect) and question.population.kind in (
        PopulationKind.TREATED,
        PopulationKind.UNTREATED,
    )


def _homogeneity(sample: Sample, what: str) -> Assumption:
    treatment, outcome = sample.names
    return Assumption(
        AssumptionKey.HOMOGENEITY,
        f"The effect of {treatment} on {outcome} is the same for everyone. Where it is not, this is an average that "
        f"weighs each kind of row by {what}, not the average effect.",
        testable=True,
        source="partially linear model",
    )


@dataclass(frozen=True)
class PartiallyLinear(Estimator):
    """Double machine learning in the partially linear model, for binary and continuous treatments.

    In Y = theta T + g(X) + e the effect is the slope of residual on residual,
        theta = sum v_i (y_i - l(X_i)) / sum v_i^2,    v_i = t_i - m(X_i),
    with l(X) = E[Y | X] and m(X) = E[T | X] fitted on the other folds. Where the effect differs between rows, theta is
    its average weighted by Var(T | X): rows whose treatment is hard to predict count most. `AIPW` has no such weights.

    Args:
        outcome: model of E[Y | X]; None takes `Series`.
        treatment: model of E[T | X]: a regressor, or a classifier for a binary treatment; None takes `Series`.
        folds: number of folds K, or a fold code for every row.
        repeats: repetitions with new folds; the median answer is reported.

    Returns (from `estimate`): the effect of the question's contrast; for a continuous treatment theta times the
    difference of the two values.

    Assumptions: identification by adjustment; the same effect for everyone; the product of the two models' errors is
    o(n^-1/2).

    Raises:
        NothingLeft: the covariates explain the treatment completely.

    Source: Robinson 1988; Chernozhukov et al. 2018, section 4.1 (partialling out).

    Example:
        >>> from aitia.estimation import PartiallyLinear
        >>> PartiallyLinear().describe()
        'partially linear double machine learning'
    """

    name: ClassVar[str] = "partially linear double machine learning"
    rules: ClassVar[frozenset[Rule]] = frozenset({Rule.ADJUSTMENT})
    learns: ClassVar[bool] = True
    treatments: ClassVar[frozenset[str]] = frozenset({"binary", "continuous"})
    reference: ClassVar[str] = "Robinson 1988; Chernozhukov et al. 2018, section 4.1"

    outcome: Any = None
    treatment: Any = None
    folds: Any = 5
    repeats: int = 1

    def light(self) -> PartiallyLinear:
        """The same without boosted trees in default nuisance models, cross-fitted once."""
        return replace(self, outcome=light(self.outcome), treatment=light(self.treatment), repeats=1)

    def refusal(self, estimand: Estimand, sample: Sample) -> str:
        """Why this estimator cannot answer here; empty where it can."""
        if _other_population(estimand):
            return f"{self.name} averages by its own weights, and cannot answer for the treated or the untreated."
        return super().refusal(estimand, sample)

    def _fit(self, estimand: Estimand, sample: Sample, seed: int) -> Fit:
        answers = []
        with one_thread_each():
            for repeat in range(max(self.repeats, 1)):
                balanced = sample.treatment_kind is TreatmentKind.BINARY
                arranged = arrange(
                    sample,
                    self.folds,
                    seed,
                    repeat,
                    by_arm=False,
                    extra=sample.treatment.astype(np.int64) if balanced else None,
                )
                shop = Workshop(arranged)
                r, outcome = _residuals(shop, self.outcome, arranged.y[:, None])
                v, treatment = _residuals(shop, self.treatment, arranged.treatment[:, None])
                r, v = arranged.restore(r[:, 0]), arranged.restore(v[:, 0])
                w = _weighted(sample)
                power = float(w @ v**2)
                if power <= 1e-12 * float(w @ (sample.treatment - sample.treatment.mean()) ** 2):
                    raise NothingLeft(
                        f"The covariates explain {sample.names[0]} completely: nothing of it is left to vary.",
                        "Leave out the covariate that is the treatment under another name.",
                    )
                theta = float(w @ (v * r)) / power
                mask = 1.0 if sample.population is None else sample.population
                total = sample.n if sample.weights is None else float(sample.weights.sum())
                influence = mask * v * (r - theta * v) * total / power
                answers.append((theta, influence, outcome, treatment, v))
        step = float(sample.contrast[0] - sample.contrast[1])
        errors = [error_of(sample, each[1]) for each in answers]
        theta, error, at = combine_repeats([each[0] for each in answers], errors)
        _, influence, outcome, treatment, v = answers[at]
        return Fit(
            value=theta * step,
            std_error=error * abs(step),
            influence=influence * step,
            degrees_of_freedom=tail_freedom(sample, influence),
            diagnostics=(
                fit_diagnostic(outcome.words, outcome.loss, "outcome"),
                fit_diagnostic(treatment.words, treatment.loss, "treatment"),
                _left_over(sample, v),
            ),
            assumptions=(_homogeneity(sample, f"how hard its {sample.names[0]} is to predict"),),
        )


def _left_over(sample: Sample, v: np.ndarray) -> Diagnostic:
    """How few rows carry the residual treatment: (sum v^2)^2 / sum v^4."""
    size = float((v @ v) ** 2 / max(float((v * v) @ (v * v)), 1e-300))
    share = size / sample.n
    return Diagnostic(
        "treatment left over",
        size,
        f"What the covariates leave of {sample.names[0]} is spread over the equivalent of {size:,.0f} of "
        f"{sample.n:,} rows.",
        share < 0.05,
        {"share": share},
    )


@dataclass(frozen=True)
class PartiallyLinearInstrument(Estimator):
    """Double machine learning in the partially linear model with instruments.

    In Y = theta T + g(X) + e with E[e | X, Z] = 0, every variable is replaced by what X leaves of it (cross-fitted) and
    theta is two-stage least squares of the residuals, without a constant. The interval is Anderson and Rubin's where
    the single instrument is not strong (first-stage F below 104.7, Lee et al. 2022), and may then be unbounded.

    Args:
        outcome: model of E[Y | X]; None takes `Series`.
        treatment: model of E[T | X]; None takes `Series`.
        instrument: model of E[Z | X]; None takes `Series`.
        folds: number of folds K, or a fold code for every row.
        repeats: repetitions with new folds; the median answer is reported.

    Assumptions: the instruments move the treatment, reach the outcome through it alone, and are as good as random
    given X; the same effect for everyone (else a weighted average over those the instrument moves).

    Raises:
        NothingLeft: the covariates explain the instruments completely.

    Source: Chernozhukov et al. 2018, section 4.2; Anderson & Rubin 1949.

    Example:
        >>> from aitia.estimation import PartiallyLinearInstrument
        >>> sorted(PartiallyLinearInstrument.treatments)
        ['binary', 'continuous']
    """

    name: ClassVar[str] = "partially linear instrumental double machine learning"
    rules: ClassVar[frozenset[Rule]] = frozenset({Rule.INSTRUMENT})
    learns: ClassVar[bool] = True
    treatments: ClassVar[frozenset[str]] = frozenset({"binary", "continuous"})
    reference: ClassVar[str] = "Chernozhukov et al. 2018, section 4.2"

    outcome: Any = None
    treatment: Any = None
    instrument: Any = None
    folds: Any = 5
    repeats: int = 1

    def refusal(self, estimand: Estimand, sample: Sample) -> str:
        """Why this estimator cannot answer here; empty where it can."""
        if estimand.rule in self.rules and _columns(sample.instruments) == 0:
            return f"{self.name} needs an instrument, and the sample has none."
        return super().refusal(estimand, sample)

    def _fit(self, estimand: Estimand, sample: Sample, seed: int) -> Fit:
        answers = []
        w = _weighted(sample)
        total = sample.n if sample.weights is None else float(sample.weights.sum())
        with one_thread_each():
            for repeat in range(max(self.repeats, 1)):
                arranged = arrange(sample, self.folds, seed, repeat, by_arm=False)
                shop = Workshop(arranged)
                r, outcome = _residuals(shop, self.outcome, arranged.y[:, None])
                v, treatment = _residuals(shop, self.treatment, arranged.treatment[:, None])
                z, instrument = zip(
                    *(
                        _residuals(shop, self.instrument, sample.instruments[arranged.order, j][:, None])
                        for j in range(_columns(sample.instruments))
                    )
                )
                r, v = arranged.restore(r[:, 0]), arranged.restore(v[:, 0])
                z = arranged.restore(np.column_stack(z))
                gram = (z * w[:, None]).T @ z
                if np.linalg.matrix_rank(gram, hermitian=True) < len(gram):
                    raise NothingLeft(
                        f"The covariates explain the instruments {', '.join(sample.instrument_names)} completely, or "
                        "one instrument the others.",
                        "Leave out the instrument or covariate that repeats another.",
                    )
                first = linalg.solve(gram, z.T @ (w * v), assume_a="pos")
                fitted = z @ first
                power = float(w @ (fitted * v))
                theta = float(w @ (fitted * r)) / power
                mask = 1.0 if sample.population is None else sample.population
                influence = mask * fitted * (r - theta * v) * total / power
                answers.append((theta, influence, outcome, treatment, instrument[0], r, v, z, first, gram))
        step = float(sample.contrast[0] - sample.contrast[1])
        theta, error, at = combine_repeats(
            [each[0] for each in answers], [error_of(sample, each[1]) for each in answers]
        )
        _, influence, outcome, treatment, instrument, r, v, z, first, gram = answers[at]
        strength = _first_stage_f(sample, w, z, v, first, gram, total)
        weak = strength < 104.7

        def anderson_rubin(level: float) -> tuple[float, float]:
            low, high = _anderson_rubin(sample, w, z[:, 0], r, v, level)
            return (min(low * step, high * step), max(low * step, high * step))

        interval = anderson_rubin if z.shape[1] == 1 and weak else None

        return Fit(
            value=theta * step,
            std_error=error * abs(step),
            interval=interval,
            influence=influence * step,
            degrees_of_freedom=tail_freedom(sample, influence),
            diagnostics=(
                Diagnostic(
                    "first-stage F",
                    strength,
                    f"What the covariates leave of the instrument moves what they leave of {sample.names[0]} with a "
                    f"robust F of {strength:.3g}"
                    + (
                        "; the interval is Anderson and Rubin's, which holds however weak it is."
                        if interval
                        else "."
                    ),
                    strength < 10,
                ),
                fit_diagnostic(outcome.words, outcome.loss, "outcome"),
                fit_diagnostic(treatment.words, treatment.loss, "treatment"),
                fit_diagnostic(instrument.words, instrument.loss, "instrument"),
            ),
            assumptions=(_homogeneity(sample, f"how strongly the instrument moves its {sample.names[0]}"),),
        )


def _columns(values: np.ndarray) -> int:
    return values.shape[1] if values.ndim == 2 else 0


def _clustered(sample: Sample, scores: np.ndarray) -> np.ndarray:
    """Scores summed within clusters, where there are clusters."""
    if sample.clusters is None:
        return scores
    _, codes = np.unique(sample.clusters, return_inverse=True)
    return np.column_stack([np.bincount(codes, weights=column) for column in scores.T])


def _first_stage_f(sample, w, z, v, first, gram, total) -> float:
    """Robust Wald F of the first stage on residuals."""
    scores = _clustered(sample, z * (w * (v - z @ first))[:, None])
    middle = scores.T @ scores
    bread = linalg.inv(gram)
    return float(first @ linalg.solve(bread @ middle @ bread, first)) / z.shape[1]


def _anderson_rubin(
    sample: Sample, w: np.ndarray, z: np.ndarray, r: np.ndarray, v: np.ndarray, level: float
) -> tuple[float, float]:
    """The values of theta at which the mean of z (r - theta v) is compatible with zero; their hull where split.

    The test inverts (b - theta a)^2 <= c Var(b - theta a), a quadratic in theta.
    """
    scores = _clustered(sample, np.column_stack([w * z * r, w * z * v]))
    b, a = scores.sum(axis=0)
    centred = scores - scores.mean(axis=0)
    s = centred.T @ centred
    c = float(stats.chi2.ppf(level, 1))
    square, linear, constant = a * a - c * s[1, 1], -2 * (a * b - c * s[0, 1]), b * b - c * s[0, 0]
    inside = linear**2 - 4 * square * constant
    if square <= 0 or inside < 0:
        return (-np.inf, np.inf)
    root = float(np.sqrt(inside))
    return (float((-linear - root) / (2 * square)), float((-linear + root) / (2 * square)))
