"""Does a covariate of pure noise change the answer?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.core import AssumptionKey, stats, stream
from aitia.estimation import AddedCovariate
from aitia.refutation._affordable import Budget, Replicating
from aitia.refutation._base import Case, Refutation, Verdict
from aitia.refutation._verdicts import ALPHA, by_p_value


@dataclass(frozen=True)
class RandomCommonCause(Replicating):
    """Does a covariate of pure noise change the answer?

    Attacks: the outcome model (its stability). A column of standard normal noise joins the covariates, again
    and again. It is a cause of nothing, so the answer may change by chance only: for least squares by a
    product of two coefficients that are both noise, with mean zero and standard deviation of about (standard
    error) / sqrt(n). Survivors change by zero on average and by much less than their standard error each
    time.

    p-value: of a t test that the mean change is zero (for learners with random draws the noise of those draws
    is part of the change).

    Verdict: survived where the typical change (root mean square) is below `harmless` standard errors; broken
    where it is above `fragile` of them, or in between where p is below `alpha` (estimators with nuisance models have
    no p-value here: they choose their penalties anew with every column).

    Notices: too many covariates for the rows, near collinearity, learners that follow noise. Cannot notice:
    any real confounder. It is the weakest of the refuters: nearly every sound method survives.

    Args:
        replicates: noise columns tried.
        harmless: the typical change, in standard errors, below which it survives whatever the p-value.
        fragile: the typical change, in standard errors, that breaks it.
        full: True refits on every replicate and all rows, whatever it costs; otherwise moments serve where they
            can, and an estimator with nuisance models is refitted ten times, on 1,000 rows.
        alpha: level of the verdict.

    Details: ``values``, ``changes``, ``typical_change``, ``expected_change``, ``in_std_errors``.
    """

    replicates: int = 100
    harmless: float = 0.2
    fragile: float = 0.5
    full: bool = False
    alpha: float = ALPHA

    name: ClassVar[str] = "random common cause"
    attacks: ClassVar[AssumptionKey] = AssumptionKey.OUTCOME_MODEL
    reference: ClassVar[str] = "Sharma & Kiciman 2020, arXiv:2011.04216 (DoWhy); expected change derived here"

    def applies(self, case: Case) -> str:
        """Estimators that adjust for covariates."""
        return (
            ""
            if case.estimand.rule.value == "adjustment"
            else "There is no adjustment that a random covariate could join."
        )

    def _attempt(self, case: Case, seed: int, budget: Budget) -> Refutation:
        refits = budget.refits(case, exact_errors=False)
        small = case.thinned(budget.rows(case, refits), seed)
        n, estimate = small.sample.n, small.estimate
        if (
            refits or small is not case
        ):  # changes are measured from the answer on the same rows and by the same fit
            estimate = estimate.estimator.light().estimate(
                case.estimand, small.sample, level=estimate.level, seed=estimate.seed
            )
        noise = AddedCovariate(self.replicates, lambda r: stream(seed, self.name, r).standard_normal(n))
        found = budget.run(small, noise, refits)
        changes = found.values - estimate.value
        count = len(changes)
        typical = float(np.sqrt((changes**2).mean()))
        expected = estimate.std_error / np.sqrt(n)
        scale = changes.std(ddof=1)
        if scale > 1e-12 * max(abs(estimate.value), estimate.std_error):
            p_value = float(2 * stats.t.sf(abs(changes.mean()) * np.sqrt(count) / scale, count - 1))
        else:
            p_value = 1.0
        relative = typical / max(estimate.std_error, 1e-300)
        if budget.cheap(case):
            # Learners choose penalties anew with every column: no p-value is exact, the size of the change speaks.
            p_value, verdict = None, Verdict.SURVIVED
        else:
            verdict = by_p_value(p_value, self.alpha)
        if relative < self.harmless:  # a shift that is real but far below the standard error harms nobody
            verdict = Verdict.SURVIVED
        if relative > self.fragile:
            verdict = Verdict.BROKEN
        return Refutation(
            name=self.name,
            attacks=self.attacks,
            tried=f"Added a covariate of pure noise, {count} times.",
            expected=f"changes of about {expected:.3g} (standard error over root n), zero on average",
            observed=f"typical change {typical:.3g} ({relative:.2g} standard errors), mean {changes.mean():.3g}",
            verdict=verdict,
            sentence=(
                f"A covariate of pure noise moves the answer by {typical:.2g} on average, "
                f"{relative:.2g} of its standard error"
                + (
                    ": it does not mind."
                    if verdict is Verdict.SURVIVED
                    else ": the answer depends on what cannot matter."
                )
            ),
            p_value=p_value,
            margin=relative,
            replicates=count,
            cost=budget.said(found, small, case),
            details={
                "values": found.values,
                "changes": changes,
                "typical_change": typical,
                "expected_change": expected,
                "in_std_errors": relative,
            },
        )
