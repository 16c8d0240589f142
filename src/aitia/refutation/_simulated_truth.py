"""Does the method find a known effect in worlds that look like these data?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.core import AssumptionKey, stats, stream
from aitia.refutation._affordable import Budget, Replicating, as_normal
from aitia.refutation._base import Case, Refutation, Verdict
from aitia.refutation._generator import Generator
from aitia.refutation._refits import refit
from aitia.refutation._verdicts import ALPHA, by_p_value, mean_and_spread


@dataclass(frozen=True)
class SimulatedTruth(Replicating):
    """Does the method find a known effect in worlds that look like these data?

    Attacks: the outcome model (and with it the honest interval). A generator is fitted to the data:
    covariates are resampled, treatment and outcome follow models with the curvature that the data show beyond
    doubt, and a known effect is planted. The same estimator is run on each world from start to end. Survivors
    are centred on the planted effect, scatter as their standard errors say, and their intervals cover it as
    often as they claim.

    p-value: the scores (estimate - truth) / standard error are standard normal in mean and in spread (both
    tests are independent; Sidak combines them).

    Notices: curvature in the data that the method ignores, intervals that are too short or too long, learners
    that overfit, weak overlap. Cannot notice: what the data do not show, unmeasured confounding above all
    (the worlds have none).

    Args:
        replicates: worlds wanted; every one is a full refit.
        effect: the effect planted; None takes the estimate's value.
        full: True refits in as many worlds as wanted whatever it costs; otherwise an estimator with nuisance models is
            tried in ten worlds of 1,000 rows.
        largest: rows of a world at most; the method is tried as well on so many as on more.
        alpha: level of the verdict.

    Details: ``values``, ``std_errors``, ``truth``, ``coverage``, ``level``, ``bias_in_std_errors``,
    ``spread_ratio``, ``curved``, ``p_mean``, ``p_spread``, ``p_coverage``.
    """

    replicates: int = 100
    effect: float | None = None
    full: bool = False
    largest: int = 20_000
    alpha: float = ALPHA

    name: ClassVar[str] = "simulated truth"
    attacks: ClassVar[AssumptionKey] = AssumptionKey.OUTCOME_MODEL
    reference: ClassVar[str] = (
        "Athey, Imbens, Metzger & Munro 2021 (J. Econometrics) and Parikh et al. 2022 "
        "(Credence, ICML) for generators fitted to data"
    )

    def applies(self, case: Case) -> str:
        """Effects identified by adjustment, one binary or continuous treatment."""
        if case.estimand.rule.value != "adjustment":
            return "The generator simulates effects identified by adjustment only."
        if case.sample.treatment_kind.value == "categorical":
            return "The generator simulates binary and continuous treatments only."
        return ""

    def _attempt(self, case: Case, seed: int, budget: Budget) -> Refutation:
        small = case.thinned(min(budget.rows(case), self.largest), seed)
        generator = Generator.fit(small, self.effect)
        truth, level = generator.truth, case.estimate.level
        fits = refit(
            small,
            lambda r: (generator.draw(stream(seed, self.name, r)), truth),
            budget.most(case),
            what=self.name,
        )
        count = len(fits.values)
        assert fits.covered is not None
        coverage = float(fits.covered.mean())
        p_coverage = float(stats.binomtest(int(fits.covered.sum()), count, level).pvalue)
        usable = np.isfinite(fits.std_errors).all() and (fits.std_errors > 0).all()
        scores = as_normal((fits.values - truth) / fits.std_errors, case.estimate) if usable else np.array([])
        p_mean, p_spread, p_value = mean_and_spread(scores)
        if not usable:
            p_value = p_coverage
        verdict = by_p_value(p_value, self.alpha)
        bias = float(scores.mean()) if usable else float("nan")
        spread = float(scores.std(ddof=1)) if usable else float("nan")
        said = (
            f"In {count} simulated worlds like this one, whose effect is {truth:.4g}, the method answers "
            f"{fits.values.mean():.4g} on average and its {level:.0%} intervals hold the truth "
            f"{coverage:.0%} of the time."
        )
        if verdict is Verdict.BROKEN:
            said += (
                f" It is off by {abs(bias):.2g} standard errors on average."
                if p_mean <= p_spread
                else f" Its answers scatter {spread:.2g} times as much as its standard errors say."
            )
        return Refutation(
            name=self.name,
            attacks=self.attacks,
            tried=f"Planted an effect of {truth:.4g} in {count} worlds drawn from a model of these data.",
            expected=(
                f"answers centred on {truth:.4g}, scattered as their standard errors say, "
                f"{level:.0%} of intervals covering it"
            ),
            observed=(
                f"mean {fits.values.mean():.4g}, off by {bias:.2f} standard errors, spread "
                f"{spread:.2f} times, coverage {coverage:.0%}"
            ),
            verdict=verdict,
            sentence=said,
            p_value=p_value,
            replicates=count,
            cost=fits.cost + ("" if small is case else f" on {small.sample.n:,} of {case.sample.n:,} rows"),
            details={
                "values": fits.values,
                "std_errors": fits.std_errors,
                "truth": truth,
                "coverage": coverage,
                "level": level,
                "bias_in_std_errors": bias,
                "spread_ratio": spread,
                "curved": generator.curved,
                "p_mean": p_mean,
                "p_spread": p_spread,
                "p_coverage": p_coverage,
            },
        )
