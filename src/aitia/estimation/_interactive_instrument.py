"""Double machine learning for the local average treatment effect with a binary instrument."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from aitia.core import Assumption, AssumptionKey, stats
from aitia.estimation._crossfit import arrange, one_thread_each
from aitia.estimation._estimate import Diagnostic
from aitia.estimation._estimator import Estimator, Fit
from aitia.estimation._learners import Series, Workshop, cross_fit_means, cross_fit_propensities
from aitia.estimation._overlap import overlap
from aitia.estimation._sample import Sample, TreatmentKind
from aitia.estimation._scores import (
    Target,
    combine_repeats,
    default_floor,
    efficient_means,
    error_of,
    fit_diagnostic,
    tail_freedom,
)
from aitia.identification import Estimand, PopulationKind, Rule


@dataclass(frozen=True)
class InteractiveInstrument(Estimator):
    """Double machine learning for the effect on those whom a binary instrument moves (LATE).

    The doubly robust effect of the instrument Z on the outcome divided by that on the treatment,
        theta = E[phi_1(Y) - phi_0(Y)] / E[phi_1(T) - phi_0(T)],
    with phi_z(V) = E[V | Z = z, X] + 1(Z = z) / P(Z = z | X) (V - E[V | Z = z, X]), all cross-fitted. The interval is
    Anderson and Rubin's (Fieller's) where the instrument is not strong.

    Args:
        outcome: model of E[Y | Z, X]; None takes `Series`.
        treatment: model of E[T | Z, X], a regressor or a classifier; None takes `Series`.
        instrument: model of P(Z | X); None takes `Series`.
        folds: number of folds K, or a fold code for every row.
        floor: propensities of Z that divide are held at or above it; None takes 5 / (sqrt(n) log n).
        repeats: repetitions with new folds; the median answer is reported.

    Assumptions: the instrument moves the treatment, never in the opposite direction (monotonicity), reaches the outcome
    through it alone, and is as good as random given X.

    Source: Frölich 2007, Theorem 1; Chernozhukov et al. 2018, section 5.2.

    Example:
        >>> from aitia.estimation import InteractiveInstrument
        >>> sorted(InteractiveInstrument.treatments)
        ['binary']
    """

    name: ClassVar[str] = "interactive instrumental double machine learning"
    rules: ClassVar[frozenset[Rule]] = frozenset({Rule.INSTRUMENT})
    learns: ClassVar[bool] = True
    treatments: ClassVar[frozenset[str]] = frozenset({"binary"})
    reference: ClassVar[str] = "Frölich 2007; Chernozhukov et al. 2018, section 5.2"

    outcome: Any = None
    treatment: Any = None
    instrument: Any = None
    folds: Any = 5
    floor: float | None = None
    repeats: int = 1

    def refusal(self, estimand: Estimand, sample: Sample) -> str:
        """Why this estimator cannot answer here; empty where it can."""
        said = super().refusal(estimand, sample)
        if said:
            return said
        z = sample.instruments
        if z.ndim != 2 or z.shape[1] != 1 or not np.isin(z, (0.0, 1.0)).all():
            return f"{self.name} needs exactly one instrument with the values 0 and 1."
        return ""

    def _fit(self, estimand: Estimand, sample: Sample, seed: int) -> Fit:
        z = sample.instruments[:, 0]
        encouraged = replace(
            sample,
            treatment=z,
            treatment_kind=TreatmentKind.BINARY,
            treatment_levels=(0, 1),
            names=(sample.instrument_names[0] if sample.instrument_names else "instrument", sample.names[1]),
        )
        floor = default_floor(sample.n) if self.floor is None else self.floor
        mask = np.ones(sample.n) if sample.population is None else sample.population.astype(np.float64)
        target = Target(mask, mask, None, PopulationKind.ALL)
        answers = []
        with one_thread_each():
            for repeat in range(max(self.repeats, 1)):
                arranged = arrange(encouraged, self.folds, seed, repeat)
                shop = Workshop(arranged)
                taken = sample.treatment[arranged.order]
                learners = [Series() if each is None else each for each in (self.outcome, self.treatment)]
                if learners[0] == learners[1]:  # one pass over the rows answers both
                    means = cross_fit_means(shop, learners[0], np.column_stack([arranged.y, taken]))
                    values = means.values.reshape(-1, 2, 2)
                else:
                    parts = [
                        cross_fit_means(shop, learner, each[:, None])
                        for learner, each in zip(learners, (arranged.y, taken))
                    ]
                    means, values = parts[0], np.stack([each.values for each in parts], axis=2)
                chances = cross_fit_propensities(
                    shop, Series() if self.instrument is None else self.instrument, arranged.arm, 2
                )
                predicted, propensity = arranged.restore(values), arranged.restore(chances.values)
                effects = []
                for at, responses in enumerate((sample.outcome, sample.treatment)):
                    found = efficient_means(
                        target,
                        responses,
                        z.astype(np.int64),
                        sample.weights,
                        predicted[:, :, at],
                        propensity,
                        floor,
                    )
                    effects.append(
                        (found.values[1] - found.values[0], found.influence[:, 1] - found.influence[:, 0])
                    )
                (on_y, psi_y), (on_t, psi_t) = effects
                theta = float(on_y / on_t)
                answers.append((theta, (psi_y - theta * psi_t) / on_t, effects, means, chances, propensity))
        theta, error, at = combine_repeats(
            [each[0] for each in answers], [error_of(sample, each[1]) for each in answers]
        )
        _, influence, ((on_y, psi_y), (on_t, psi_t)), means, chances, propensity = answers[at]
        error_t = error_of(sample, psi_t)
        strength = float((on_t / error_t) ** 2) if error_t > 0 else np.inf
        sign = float(sample.contrast[0] - sample.contrast[1])

        def interval(level: float) -> tuple[float, float]:
            low, high = _fieller(sample, on_y, psi_y, on_t, psi_t, level)
            return (low, high) if sign > 0 else (-high, -low)

        treatment, outcome = sample.names
        return Fit(
            value=theta * sign,
            std_error=error,
            interval=interval if strength < 104.7 else None,
            influence=influence * sign,
            degrees_of_freedom=tail_freedom(sample, influence),
            diagnostics=(
                Diagnostic(
                    "first-stage F",
                    strength,
                    f"The instrument changes the share with {treatment} by {on_t:.3g} (standard error {error_t:.2g}, "
                    f"F {strength:.3g}); that is the share of rows the answer is about.",
                    strength < 10,
                    {"compliers": float(on_t)},
                ),
                overlap(encouraged, propensity),
                fit_diagnostic(means.words, means.loss, "outcome and treatment"),
                fit_diagnostic(chances.words, chances.loss, "instrument"),
            ),
            assumptions=(
                Assumption(
                    AssumptionKey.MONOTONICITY,
                    f"The instrument moves nobody's {treatment} in the opposite direction. The answer is the average "
                    f"effect on {outcome} of those whom it moves, about {abs(on_t):.0%} of the rows, not of everyone.",
                    testable=False,
                    source="local average treatment effect",
                ),
            ),
        )


def _fieller(
    sample: Sample, on_y: float, psi_y: np.ndarray, on_t: float, psi_t: np.ndarray, level: float
) -> tuple[float, float]:
    """The ratios compatible with both effects (Fieller 1954); the hull of the set where it is split."""
    syy, stt = error_of(sample, psi_y) ** 2, error_of(sample, psi_t) ** 2
    syt = (error_of(sample, psi_y + psi_t) ** 2 - syy - stt) / 2
    c = float(stats.chi2.ppf(level, 1))
    square, linear, constant = on_t**2 - c * stt, -2 * (on_y * on_t - c * syt), on_y**2 - c * syy
    inside = linear**2 - 4 * square * constant
    if square <= 0 or inside < 0:
        return (-np.inf, np.inf)
    root = float(np.sqrt(inside))
    return (float((-linear - root) / (2 * square)), float((-linear + root) / (2 * square)))
