"""Negative controls: an outcome that the treatment cannot touch, an exposure that cannot touch the outcome."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from aitia.core import AitiaError, AssumptionKey
from aitia.refutation._base import Case, Refutation, Refuter, Verdict
from aitia.refutation._independence import Variables
from aitia.refutation._linear import Projection
from aitia.refutation._verdicts import ALPHA, by_p_value


def column_for(case: Case, name: str) -> np.ndarray:
    """A numeric column of the table for the rows of the sample.

    Raises:
        AitiaError: there is no table, or the sample left rows out so that the two no longer line up.
    """
    from aitia.data import Design

    if case.table is None:
        raise AitiaError(
            f"The column {name!r} cannot be read: the case has no table.", "Give Case(table=...) the table."
        )
    case.table.column(name)
    if int(case.table.n_rows) != case.sample.n:
        raise AitiaError(
            f"The estimate uses {case.sample.n:,} of the table's {int(case.table.n_rows):,} "
            f"rows, so {name!r} cannot be lined up with them.",
            "Leave rows with missing values out of the table before the study.",
        )
    matrix = Design.build(case.table, [name], drop_constant=False).matrix()
    if matrix.shape[1] != 1:
        raise AitiaError(
            f"The column {name!r} has several levels; a negative control is a number or has two values.",
            "Code it as one column.",
        )
    return np.ascontiguousarray(matrix[:, 0])


@dataclass(frozen=True)
class NegativeControlOutcome(Refuter):
    """Is there an "effect" on an outcome that the treatment cannot have touched?

    Attacks: no unmeasured confounding. The same estimator, adjusting for the same covariates, is pointed at
    an outcome that shares the confounders of the real one but cannot be caused by the treatment (the outcome
    measured before treatment, say). Survivors show an effect of zero within its interval. Anything else is
    bias.

    p-value: the two-sided p-value of that estimate.

    Notices: confounding (or selection) that reaches this control too. Cannot notice: confounders that do not;
    and a control that the treatment does cause breaks it wrongly.

    Args:
        column: the negative control outcome, a column of the table.
        alpha: level of the verdict.

    Details: ``value``, ``std_error``, ``interval``, ``column``, ``in_outcome_sd`` (bias as a share of the
    control's standard deviation).
    """

    column: str = ""
    alpha: float = ALPHA

    name: ClassVar[str] = "negative control outcome"
    attacks: ClassVar[AssumptionKey] = AssumptionKey.NO_UNMEASURED_CONFOUNDING
    reference: ClassVar[str] = "Lipsitch, Tchetgen Tchetgen & Cohen 2010, Epidemiology 21:383"

    def applies(self, case: Case) -> str:
        """A column has to be named."""
        return "" if self.column else "Name the column of a negative control outcome to use this."

    def _refute(self, case: Case, seed: int) -> Refutation:
        values = column_for(case, self.column)
        treatment, outcome = case.sample.names
        sample = replace(case.sample, outcome=values, names=(treatment, self.column))
        estimate = case.estimate
        control = estimate.estimator.estimate(case.estimand, sample, level=estimate.level, seed=seed)
        p_value = control.p_value
        spread = float(values.std())
        verdict = by_p_value(p_value, self.alpha)
        low, high = control.interval
        said = (
            f"{treatment} seems to move {self.column} by {control.value:.3g} (interval {low:.3g} "
            f"to {high:.3g}), which it "
            + (
                f"cannot: the same bias may be in its effect on {outcome}."
                if verdict is Verdict.BROKEN
                else "cannot; that is within chance of zero."
                if verdict is Verdict.SURVIVED
                else "cannot; chance is a possible but not a good explanation."
            )
        )
        return Refutation(
            name=self.name,
            attacks=self.attacks,
            tried=f"Estimated the effect on {self.column}, which the treatment cannot cause.",
            expected="an effect of zero",
            observed=f"{control.value:.4g} with standard error {control.std_error:.3g}",
            verdict=verdict,
            sentence=said,
            p_value=p_value,
            cost="one more estimate",
            details={
                "column": self.column,
                "value": control.value,
                "std_error": control.std_error,
                "interval": control.interval,
                "in_outcome_sd": control.value / spread if spread > 0 else 0.0,
            },
        )


@dataclass(frozen=True)
class NegativeControlExposure(Refuter):
    """Does an exposure that cannot cause the outcome still predict it?

    Attacks: no unmeasured confounding. An exposure that shares confounders with the treatment but cannot
    cause the outcome must be independent of the outcome given treatment and covariates. Survivors show no
    association left.

    p-value: of the generalised covariance measure (products of the residuals of two curved regressions),
    robust to uneven variance, clusters and weights.

    Notices: confounders that leave traces in this exposure. Cannot notice: confounders that do not; an
    exposure that does cause the outcome breaks it wrongly.

    Args:
        column: the negative control exposure, a column of the table.
        alpha: level of the verdict.

    Details: ``slope`` (outcome per unit of the exposure, by linear regression), ``correlation`` (partial),
    ``column``.
    """

    column: str = ""
    alpha: float = ALPHA

    name: ClassVar[str] = "negative control exposure"
    attacks: ClassVar[AssumptionKey] = AssumptionKey.NO_UNMEASURED_CONFOUNDING
    reference: ClassVar[str] = (
        "Lipsitch, Tchetgen Tchetgen & Cohen 2010, Epidemiology 21:383; Shah & Peters 2020, "
        "Annals of Statistics 48:1514"
    )

    def applies(self, case: Case) -> str:
        """A column has to be named."""
        return "" if self.column else "Name the column of a negative control exposure to use this."

    def _refute(self, case: Case, seed: int) -> Refutation:
        values = column_for(case, self.column)
        of_sample = Variables.of_sample(case.sample)
        treatment, outcome = case.sample.names
        name = self.column if self.column not in of_sample.blocks else f"{self.column} (control)"
        variables = Variables(
            {**of_sample.blocks, name: values[:, None]},
            of_sample.codes,
            of_sample.weights,
            of_sample.clusters,
        )
        given = [each for each in of_sample.names if each != outcome]
        test = variables.test(name, outcome, given)
        design = np.column_stack([variables.blocks[each] for each in given])
        projection = Projection.onto(design, case.sample.weights, n=case.sample.n)
        rest, y = projection.residuals(values), projection.residuals(case.sample.outcome)
        slope = float(rest @ y / max(float(rest @ rest), 1e-300))
        verdict = by_p_value(test.p_value, self.alpha)
        said = (
            f"{self.column}, which cannot cause {outcome}, "
            + ("still predicts it" if verdict is Verdict.BROKEN else "does not clearly predict it")
            + f" once {treatment} and the covariates are known (partial correlation {test.effect:.3f})."
        )
        return Refutation(
            name=self.name,
            attacks=self.attacks,
            tried=f"Looked whether {self.column} predicts {outcome} given {treatment} and the covariates.",
            expected="no association left",
            observed=f"partial correlation {test.effect:.3g}, p = {test.p_value:.3g}",
            verdict=verdict,
            sentence=said,
            p_value=test.p_value,
            cost="two regressions",
            details={"column": self.column, "slope": slope, "correlation": test.effect, "test": test.test},
        )
