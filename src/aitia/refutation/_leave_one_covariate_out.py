"""What if one of the measured covariates had not been measured?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.core import AssumptionKey
from aitia.estimation import DroppedCovariates, RegressionAdjustment, replicate
from aitia.refutation._base import Case, Refutation, Refuter, Verdict


@dataclass(frozen=True)
class LeaveOneCovariateOut(Refuter):
    """What if one of the measured covariates had not been measured?

    Attacks: no unmeasured confounding. No data can test it; this only bounds it. Each covariate is left out
    in turn and the effect estimated without it. Survivors keep their sign, and where the interval left out
    zero, keep that too, whichever covariate is left out: then an unmeasured confounder would have to matter
    more than any measured one.

    Cannot notice: an unmeasured confounder that is stronger than, or unlike, all measured covariates.

    Margin: the largest change over the distance it would take to reach zero, |change| / |estimate| (below
    one: no single covariate carries the conclusion).

    Verdict: survived where the conclusion stands in every case, inconclusive otherwise. Never broken: a real
    confounder that was measured may well carry the conclusion.

    Args:
        full: True refits an estimator with nuisance models without each covariate, whatever it costs; otherwise
            the changes are those of regression adjustment, exact from moments.

    Details: ``names``, ``values``, ``std_errors``, ``changes``, ``estimate``.
    """

    full: bool = False

    name: ClassVar[str] = "leave one covariate out"
    attacks: ClassVar[AssumptionKey] = AssumptionKey.NO_UNMEASURED_CONFOUNDING
    reference: ClassVar[str] = (
        "Oster 2019, J. Business & Economic Statistics 37:187, for the reasoning from measured covariates"
    )

    def applies(self, case: Case) -> str:
        """There have to be covariates."""
        return "" if case.sample.covariate_groups else "There are no covariates to leave out."

    def _refute(self, case: Case, seed: int) -> Refutation:
        estimate, sample = case.estimate, case.sample
        names = list(sample.covariate_groups)
        dropped = DroppedCovariates([sample.covariate_groups[name] for name in names])
        plain = RegressionAdjustment()
        stands_in = not self.full and estimate.estimator.learns and not plain.refusal(case.estimand, sample)
        base = plain.estimate(case.estimand, sample, level=estimate.level) if stands_in else estimate
        found = replicate(base, sample, dropped)
        changes = found.values - base.value
        values = estimate.value + changes
        errors = np.full(len(names), estimate.std_error) if stands_in else found.std_errors
        cost = f"{found.cost}, of regression adjustment" if stands_in else found.cost
        sign = 1.0 if estimate.value >= 0 else -1.0
        low, high = estimate.interval
        clear = low > 0 or high < 0
        reach = (high - low) / 2 / estimate.std_error if estimate.std_error > 0 else 1.96
        turned = sign * values <= 0
        lost = clear & ~turned & (sign * values - reach * errors <= 0)
        worst = int(np.abs(changes).argmax())
        margin = float(np.abs(changes[worst]) / max(abs(estimate.value), 1e-300))
        broken = [name for name, t, w in zip(names, turned, lost, strict=True) if t or w]
        said = (
            f"Without {names[worst]} the answer would be {values[worst]:.4g} instead of "
            f"{estimate.value:.4g}, the largest "
            f"change among {len(names)} covariates"
        )
        said += (
            "; the conclusion stands whichever is left out."
            if not broken
            else f"; the conclusion rests on having measured {', '.join(broken[:3])}."
        )
        return Refutation(
            name=self.name,
            attacks=self.attacks,
            tried=f"Left out each of {len(names)} covariates in turn.",
            expected="the same sign and conclusion whichever covariate is left out",
            observed=(
                f"answers from {values.min():.4g} to {values.max():.4g}; largest change "
                f"{changes[worst]:.3g} ({names[worst]})"
            ),
            verdict=Verdict.INCONCLUSIVE if broken else Verdict.SURVIVED,
            sentence=said,
            margin=margin,
            replicates=len(names),
            cost=cost,
            bounds=True,
            details={
                "names": tuple(names),
                "values": values,
                "std_errors": errors,
                "changes": changes,
                "estimate": estimate.value,
            },
        )
