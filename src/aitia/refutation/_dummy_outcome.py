"""Does the method find an effect that was put there?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.core import AssumptionKey, stats, stream
from aitia.estimation import ReplacedOutcome
from aitia.refutation._affordable import Budget, Replicating, as_normal
from aitia.refutation._base import Case, Refutation, Verdict
from aitia.refutation._linear import curvature_that_matters, curved_terms, expand
from aitia.refutation._verdicts import ALPHA, by_p_value, mean_and_spread


@dataclass(frozen=True)
class DummyOutcome(Replicating):
    """Does the method find an effect that was put there? (dummy outcome with known effect)

    Attacks: the outcome model. Treatment and covariates stay as they are, with all their confounding; the
    outcome is replaced by m(x) + effect * t + noise, where m is a regression of the real outcome on the
    covariates and on the curvature (squares, cubes, products) that the data show beyond doubt, and the noise
    is drawn from its residuals. The same effect for every row is planted, so every population has it.
    Survivors find it: centred, scattered as their standard errors say.

    p-value: the scores (answer - effect) / standard error are standard normal in mean and spread; the two
    tests are combined by Sidak.

    Notices: curved confounding that the method adjusts for by straight lines (where m is curved in a
    direction in which the arms differ), overfitted learners, wrong standard errors. Cannot notice: unmeasured
    confounding, effects that vary (simulated truth does), curvature too weak for the data to show.

    Args:
        replicates: outcomes drawn.
        effect: the effect planted, in units of the outcome for one contrast; None takes the estimate's value.
        full: True refits on every replicate and all rows, whatever it costs; otherwise moments serve where they
            can, and an estimator with nuisance models is refitted ten times, on 1,000 rows.
        alpha: level of the verdict.

    Details: ``values``, ``std_errors``, ``truth``, ``bias``, ``bias_in_std_errors``, ``spread_ratio``,
    ``coverage``, ``curved`` (terms of curvature), ``p_mean``, ``p_spread``.
    """

    replicates: int = 100
    effect: float | None = None
    full: bool = False
    alpha: float = ALPHA

    name: ClassVar[str] = "dummy outcome"
    attacks: ClassVar[AssumptionKey] = AssumptionKey.OUTCOME_MODEL
    reference: ClassVar[str] = (
        "Sharma & Kiciman 2020, arXiv:2011.04216 (DoWhy); the test of the scores derived here"
    )

    def applies(self, case: Case) -> str:
        """Effects identified by adjustment with one treatment column."""
        if case.estimand.rule.value != "adjustment":
            return "An outcome with a known effect is made for effects identified by adjustment only."
        if case.sample.treatment_kind.value == "categorical":
            return "A treatment with several levels has no single effect to plant."
        return ""

    def _attempt(self, case: Case, seed: int, budget: Budget) -> Refutation:
        estimate = case.estimate
        truth = estimate.value if self.effect is None else float(self.effect)
        refits = budget.refits(case, exact_errors=True)
        small = case.thinned(budget.rows(case, refits), seed)
        world = _World(small, truth)
        found = budget.run(
            small, ReplacedOutcome(self.replicates, lambda r: world(stream(seed, self.name, r))), refits
        )
        values, errors = found.values, found.std_errors
        scores = as_normal((values - truth) / errors, estimate)
        p_mean, p_spread, p_value = mean_and_spread(scores)
        bias, spread = float(values.mean() - truth), float(scores.std(ddof=1))
        coverage = float((np.abs(scores) <= stats.norm.ppf(0.5 + estimate.level / 2)).mean())
        relative = float(scores.mean())
        verdict = by_p_value(p_value, self.alpha)
        if verdict is Verdict.BROKEN and p_spread >= self.alpha and abs(relative) < 0.1:
            verdict = (
                Verdict.INCONCLUSIVE
            )  # with very many replicates a tenth of a standard error shows; it harms nobody
        said = (
            f"In {len(values)} outcomes made with an effect of {truth:.4g}, the method answers "
            f"{values.mean():.4g} on average "
            f"and {coverage:.0%} of its {estimate.level:.0%} intervals hold the truth"
        )
        if verdict is Verdict.SURVIVED:
            said += "."
        elif p_mean <= p_spread:
            said += f": it is off by {abs(relative):.2g} standard errors" + (
                ", because the data are curved where it draws straight lines." if world.curved else "."
            )
        else:
            said += f": answers scatter {spread:.2g} times as much as its standard errors say."
        return Refutation(
            name=self.name,
            attacks=self.attacks,
            tried=f"Replaced the outcome by {len(values)} made ones with an effect of {truth:.4g}.",
            expected=f"answers centred on {truth:.4g} and scattered as their standard errors say",
            observed=(
                f"off by {bias:.3g} ({relative:.2f} standard errors), spread {spread:.2f} times, "
                f"coverage {coverage:.0%}"
            ),
            verdict=verdict,
            sentence=said,
            p_value=p_value,
            replicates=len(values),
            cost=budget.said(found, small, case),
            details={
                "values": values,
                "std_errors": errors,
                "truth": truth,
                "bias": bias,
                "bias_in_std_errors": relative,
                "spread_ratio": spread,
                "coverage": coverage,
                "curved": world.curved,
                "p_mean": p_mean,
                "p_spread": p_spread,
            },
        )


class _World:
    """Outcomes with a known constant effect on the treatment and covariates of a sample."""

    def __init__(self, case: Case, effect: float, rows: int = 20_000) -> None:
        sample = case.sample
        t, y = sample.treatment, sample.outcome
        units = (t - sample.contrast[1]) / (sample.contrast[0] - sample.contrast[1])
        x = sample.covariates
        # The form of m is read off at most so many rows; more would show curvature too weak to matter.
        few = slice(None) if sample.n <= rows else np.linspace(0, sample.n - 1, rows).astype(np.int64)
        terms = curved_terms(x[few])
        base = np.column_stack([x[few], units[few]])
        chosen = [terms[at] for at in curvature_that_matters(y[few], base, expand(x[few], terms))]
        self.curved = len(chosen)
        extra = expand(x, chosen)
        design = np.column_stack([np.ones(sample.n), x, extra, units])
        scale = np.sqrt(np.einsum("ij,ij->j", design, design) / sample.n)
        scale[scale == 0] = 1.0
        gram = (design.T @ design) / np.outer(scale, scale)
        coefficients = np.linalg.lstsq(gram, (design.T @ y) / scale, rcond=1e-12)[0] / scale
        residuals = y - design @ coefficients
        residuals *= np.sqrt(sample.n / max(sample.n - design.shape[1], 1))
        self.mean = y - residuals - coefficients[-1] * units + effect * units
        # Noise as uneven between the arms as the residuals are.
        self.scale = np.full(sample.n, residuals.std())
        if sample.treatment_kind.value == "binary":
            for arm in np.unique(t):
                self.scale[t == arm] = residuals[t == arm].std()
        self.pool = residuals / np.where(self.scale > 0, self.scale, 1.0)
        self.clusters = None
        self.residuals = residuals
        if sample.clusters is not None:
            self.clusters = np.unique(sample.clusters, return_inverse=True)[1]

    def __call__(self, random: np.random.Generator) -> np.ndarray:
        n = len(self.mean)
        if self.clusters is not None:
            # With clusters whole clusters keep their residuals, with a random sign (wild cluster bootstrap).
            return (
                self.mean
                + random.choice((-1.0, 1.0), int(self.clusters.max()) + 1)[self.clusters] * self.residuals
            )
        return (
            self.mean
            + self.scale * self.pool[random.integers(0, n, n, dtype=np.int32 if n < 2**31 else np.int64)]
        )
