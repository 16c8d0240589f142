"""Does another estimator of the same estimand agree?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.core import AitiaError, AssumptionKey, stats
from aitia.estimation import Estimator, influence_error
from aitia.refutation._base import Case, Refutation, Refuter, Verdict
from aitia.refutation._verdicts import ALPHA, by_p_value


@dataclass(frozen=True)
class EstimatorDisagreement(Refuter):
    """Does another estimator of the same estimand agree? (a Hausman test from joint influence values)

    Attacks: the outcome model. Two consistent estimators differ by chance alone, and their influence values
    say by how much: Var(D) = sum (psi_1 - psi_2)^2 / n^2 (clusters and weights respected), without Hausman's
    assumption that one of them is efficient. Survivors differ by no more than chance
    explains.

    p-value: two-sided normal, of D over its standard error.

    Verdict: broken where p is below `alpha` and the difference is above `trifle` standard errors of the
    estimate under attack; inconclusive where only the former holds: with many rows two estimators that agree
    to first order still differ by terms that the influence values leave out.

    Notices: a misspecified model that only one of the two relies on. Cannot notice: errors that both share
    (unmeasured confounding, a wrong graph).

    Args:
        second: the other estimator; None takes the first in the table of estimators that is of another kind,
            can answer here and has influence values.
        alpha: level of the verdict.
        trifle: differences below this many standard errors count as agreement.

    Details: ``second`` (in words), ``value``, ``std_error``, ``difference``, ``difference_std_error``.
    """

    second: Estimator | None = None
    alpha: float = ALPHA
    trifle: float = 0.5

    name: ClassVar[str] = "estimator disagreement"
    attacks: ClassVar[AssumptionKey] = AssumptionKey.OUTCOME_MODEL
    reference: ClassVar[str] = "Hausman 1978, Econometrica 46:1251; joint influence values as in Newey 1985"

    def applies(self, case: Case) -> str:
        """The estimate needs influence values."""
        if case.estimate.influence is None:
            return "The estimate has no influence values, so its difference from another has no known error."
        return ""

    def _refute(self, case: Case, seed: int) -> Refutation:
        first, sample = case.estimate, case.sample
        other = None
        problem = ""
        for second in [self.second] if self.second is not None else _others(case):
            try:
                other = second.estimate(case.estimand, sample, level=first.level, seed=seed + 1)
            except AitiaError as error:
                problem = f" ({error.problem})"
                other = None
            if other is not None and other.influence is not None and len(other.influence) == sample.n:
                break
            other = None
        if other is None:
            return self._nothing(f"No second estimator with influence values can answer here{problem}.")
        assert first.influence is not None and other.influence is not None
        difference = other.value - first.value
        gap = np.asarray(other.influence) - np.asarray(first.influence)
        error = influence_error(gap, sample.weights, sample.clusters)
        resolved = error > 1e-6 * first.std_error
        p_value = float(2 * stats.norm.sf(abs(difference) / error)) if resolved else 1.0
        small = abs(difference) <= self.trifle * first.std_error
        verdict = by_p_value(p_value, self.alpha)
        if small:
            verdict = Verdict.SURVIVED if verdict is not Verdict.BROKEN else Verdict.INCONCLUSIVE
        said = f"{other.method} answers {other.value:.4g} where {first.method} answers {first.value:.4g}"
        said += (
            ": more than chance allows, so one of the two models is wrong."
            if verdict is Verdict.BROKEN
            else ": within chance of each other."
            if verdict is Verdict.SURVIVED
            else (
                f": more than chance alone, but only {abs(difference) / first.std_error:.2g} "
                "standard errors apart."
            )
        )
        return Refutation(
            name=self.name,
            attacks=self.attacks,
            tried=f"Estimated the same effect by {other.method}.",
            expected=f"a difference of zero, give or take {error:.3g}",
            observed=(
                f"a difference of {difference:.4g} ({abs(difference) / max(error, 1e-300):.2f} of "
                "its standard errors)"
            ),
            verdict=verdict,
            sentence=said,
            p_value=p_value,
            cost="one more estimate",
            details={
                "second": other.method,
                "value": other.value,
                "std_error": other.std_error,
                "difference": difference,
                "difference_std_error": error,
            },
        )


def _others(case: Case) -> list[Estimator]:
    """Estimators of another kind that can answer, quick ones first."""
    from aitia.estimation import estimators

    found = []
    for kind in estimators().values():
        if isinstance(case.estimate.estimator, kind):
            continue
        try:
            made = kind()
        except TypeError:  # an estimator that cannot be made without options
            continue
        if not made.refusal(case.estimand, case.sample):
            found.append(made)
    return found
