"""Augmented inverse probability weighting with cross-fitting."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from aitia.core import Assumption, AssumptionKey, Decision
from aitia.estimation._crossfit import Arranged, arrange, one_thread_each
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
from aitia.estimation._overlap import overlap
from aitia.estimation._sample import Sample
from aitia.estimation._scores import (
    Means,
    Target,
    combine_repeats,
    contrast_arms,
    default_floor,
    efficient_means,
    error_of,
    fit_diagnostic,
    floor_decision,
    profile_of,
    tail_freedom,
    target_of,
    trimmed,
)
from aitia.identification import Estimand, Rule


@dataclass(frozen=True, eq=False)
class Nuisances:
    """Cross-fitted outcome predictions and propensities, in the original order of the rows."""

    predicted: np.ndarray
    propensities: np.ndarray
    outcome: CrossFitted
    treatment: CrossFitted


def nuisances(
    sample: Sample, folds: int | np.ndarray, seed: int, repeat: int, outcome: Any, treatment: Any
) -> Nuisances:
    """The two nuisance models of the interactive model, cross-fitted on the same folds."""
    arranged: Arranged = arrange(sample, folds, seed, repeat)
    shop = Workshop(arranged)
    means = cross_fit_means(shop, Series() if outcome is None else outcome, arranged.y[:, None])
    chances = cross_fit_propensities(
        shop, Series() if treatment is None else treatment, arranged.arm, arranged.arms
    )
    return Nuisances(arranged.restore(means.values), arranged.restore(chances.values), means, chances)


@dataclass(frozen=True)
class DoublyRobust(Estimator):
    """What AIPW and TMLE share; each writes how potential means follow from the nuisances."""

    rules: ClassVar[frozenset[Rule]] = frozenset({Rule.ADJUSTMENT})
    treatments: ClassVar[frozenset[str]] = frozenset({"binary", "categorical"})
    row_scores: ClassVar[bool] = True
    learns: ClassVar[bool] = True

    outcome: Any = None
    treatment: Any = None
    folds: Any = 5
    floor: float | None = None
    trim: float = 0.0
    repeats: int = 1

    def _means(self, target: Target, sample: Sample, made: Nuisances, floor: float) -> Means:
        raise NotImplementedError

    def _fit(self, estimand: Estimand, sample: Sample, seed: int) -> Fit:
        arms = contrast_arms(sample)
        floor = default_floor(sample.n) if self.floor is None else self.floor
        values, errors, kept = [], [], []
        with one_thread_each():
            for repeat in range(max(self.repeats, 1)):
                made = nuisances(sample, self.folds, seed, repeat, self.outcome, self.treatment)
                target = target_of(estimand, sample)
                decisions: tuple[Decision, ...] = ()
                if self.trim > 0:
                    rows, decisions = trimmed(sample, made.propensities, self.trim, arms)
                    target = Target(target.member * rows, target.mask * rows, target.arm, target.kind)
                means = self._means(target, sample, made, floor)
                influence = means.influence[:, arms[0]] - means.influence[:, arms[1]]
                values.append(float(means.values[arms[0]] - means.values[arms[1]]))
                errors.append(error_of(sample, influence))
                kept.append((made, target, means, influence, decisions))
        value, error, at = combine_repeats(values, errors)
        made, target, means, influence, decisions = kept[at]
        diagnostics: list[Diagnostic] = [
            overlap(sample, made.propensities, rows=target.mask > 0, given=target.arm),
            fit_diagnostic(made.outcome.words, made.outcome.loss, "outcome"),
            fit_diagnostic(made.treatment.words, made.treatment.loss, "treatment"),
        ]
        if len(values) > 1:
            diagnostics.append(
                Diagnostic(
                    "repeated cross-fitting",
                    float(np.std(values)),
                    f"Over {len(values)} assignments to folds the answer ran from {min(values):.4g} to "
                    f"{max(values):.4g}; the median stands.",
                    float(np.std(values)) > error,
                    {"values": values, "std_errors": errors},
                )
            )
        arm = sample.treatment.astype(np.int64)
        return Fit(
            value=value,
            std_error=error,
            influence=influence,
            profile=profile_of(sample, means),
            degrees_of_freedom=tail_freedom(sample, influence),
            diagnostics=tuple(diagnostics),
            assumptions=_assumptions(sample),
            decisions=(*decisions, *floor_decision(sample, arm, made.propensities, floor)),
        )

    def light(self) -> DoublyRobust:
        """The same without boosted trees in default nuisance models, cross-fitted once."""
        return replace(self, outcome=light(self.outcome), treatment=light(self.treatment), repeats=1)

    def describe(self) -> str:
        """The estimator with its nuisance models."""
        parts = [
            f"outcome by {_named(self.outcome)}",
            f"treatment by {_named(self.treatment)}",
            f"{self.folds} folds" if isinstance(self.folds, int) else "given folds",
        ]
        if self.repeats > 1:
            parts.append(f"median of {self.repeats}")
        return f"{self.name} ({', '.join(parts)})"


def _named(learner: Any) -> str:
    return "series" if learner is None or learner == Series() else type(learner).__name__


def _assumptions(sample: Sample) -> tuple[Assumption, ...]:
    treatment, outcome = sample.names
    return (
        Assumption(
            AssumptionKey.SMOOTHNESS,
            f"The models of {outcome} and of {treatment} are good enough together: the product of their errors is "
            "small beside the standard error. Either one may be poor if the other is good.",
            testable=False,
            source="doubly robust estimation",
        ),
        Assumption(
            AssumptionKey.INDEPENDENT_ROWS,
            "Rows are independent of each other."
            if sample.clusters is None
            else "Clusters are independent of each other.",
            testable=False,
            source="doubly robust estimation",
        ),
    )


@dataclass(frozen=True)
class AIPW(DoublyRobust):
    """Augmented inverse probability weighting with cross-fitting, for treatments with two or more levels.

    The potential mean of level a is the average of the efficient score
        g_a(X) + 1(T = a) / e_a(X) (Y - g_a(X)),
    with outcome model g and propensity e fitted on the other folds; for the treated, the untreated and subgroups
    the score of their own population is used. The answer is right if either model is, and its interval if the
    product of their errors is small.

    Args:
        outcome: model of E[Y | T, X]: any regressor with scikit-learn's interface (a classifier for a 0/1 outcome);
            None takes `Series`, penalised series with boosted trees where they pay.
        treatment: model of P(T | X): any classifier with ``predict_proba``; None takes `Series`.
        folds: number of folds K (at least 2), or a fold code for every row.
        floor: propensities that divide are held at or above it; None takes 5 / (sqrt(n) log n) (Gruber et al. 2022).
        trim: leave out rows whose propensity of either treatment compared is below it, which changes the
            population; 0 leaves nobody out.
        repeats: repetitions with new folds; the median answer is reported.

    Assumptions: identification by adjustment; overlap; independent rows or clusters; the product of the two models'
    errors is o(n^-1/2).

    Raises:
        NoOverlap: the covariates tell the treatment without error.
        TooFewRows: an arm has fewer rows than there are folds.
        EmptyPopulation: no row is in the population asked about.

    Source: Robins, Rotnitzky & Zhao 1994; Hahn 1998, Theorems 1 and 2; Chernozhukov et al. 2018, section 5.1.

    Example:
        >>> from aitia.estimation import AIPW
        >>> AIPW(folds=10).describe()
        'AIPW (outcome by series, treatment by series, 10 folds)'
    """

    name: ClassVar[str] = "AIPW"
    reference: ClassVar[str] = "Robins, Rotnitzky & Zhao 1994; Chernozhukov et al. 2018, section 5.1"

    def _means(self, target: Target, sample: Sample, made: Nuisances, floor: float) -> Means:
        return efficient_means(
            target,
            sample.outcome,
            sample.treatment.astype(np.int64),
            sample.weights,
            made.predicted,
            made.propensities,
            floor,
        )
