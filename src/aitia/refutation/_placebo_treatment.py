"""What does the method answer for a treatment that does nothing?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.core import AssumptionKey, stream
from aitia.estimation import ReplacedTreatment
from aitia.refutation._affordable import Budget, Replicating, as_normal
from aitia.refutation._base import Case, Refutation, Verdict
from aitia.refutation._negative_control import column_for
from aitia.refutation._verdicts import ALPHA, by_p_value, mean_and_spread


@dataclass(frozen=True)
class PlaceboTreatment(Replicating):
    """What does the method answer for a treatment that does nothing?

    Attacks: the honest interval. The treatment column is permuted at random over the rows, so that the true
    effect is zero; with clusters, over whole clusters, so that placebos are as alike within clusters as the
    treatment is. Survivors answer zero on average, and their answers scatter as their standard errors say.

    p-value: the scores (placebo estimate / its standard error) are independent standard normal given the
    data; mean (normal) and spread (chi-squared) are tested and combined by Sidak. Standard errors are the
    moment-based ones where the estimator is a function of moments (right for a treatment drawn at random);
    with clusters or survey weights every placebo is a full refit.

    Notices: an implementation or a standard error that is wrong even without confounding; with `clusters`,
    rows that depend on each other within clusters that the estimate ignores. Cannot notice: confounding,
    because no placebo is confounded.

    Args:
        replicates: placebos drawn.
        clusters: a column of the table within whose values rows may depend on each other; None takes the
            clusters of the estimate, if any.
        full: True refits on every replicate and all rows, whatever it costs; otherwise moments serve where they
            can, and an estimator with nuisance models is refitted ten times, on 1,000 rows.
        alpha: level of the verdict.

    Details: ``values``, ``std_errors``, ``mean``, ``spread``, ``expected_spread``, ``spread_ratio``,
    ``p_mean``, ``p_spread``, ``share_beyond`` (placebos whose score is at least as far from zero as the
    estimate's).
    """

    replicates: int = 100
    clusters: str | None = None
    full: bool = False
    alpha: float = ALPHA

    name: ClassVar[str] = "placebo treatment"
    attacks: ClassVar[AssumptionKey] = AssumptionKey.INTERVAL
    reference: ClassVar[str] = (
        "Fisher 1935, The Design of Experiments; Abadie, Athey, Imbens & Wooldridge 2023, QJE 138:1 (clusters)"
    )

    def applies(self, case: Case) -> str:
        """Rules whose formula reads the treatment as a cause of the outcome, with adjustment."""
        if case.estimand.rule.value != "adjustment":
            return "A permuted treatment is a placebo for effects identified by adjustment only."
        return ""

    def _attempt(self, case: Case, seed: int, budget: Budget) -> Refutation:
        sample, estimate = case.sample, case.estimate
        groups = sample.clusters if self.clusters is None else column_for(case, self.clusters)
        refits = budget.refits(case, exact_errors=True)
        # Rows are left out only where the person named no clusters: those would be torn apart.
        small = case.thinned(budget.rows(case, refits), seed) if self.clusters is None else case
        permute = _Permutation(
            small.sample.treatment, small.sample.clusters if self.clusters is None else groups
        )
        placebos = ReplacedTreatment(self.replicates, lambda r: permute(stream(seed, self.name, r)))
        found = budget.run(small, placebos, refits)
        values, errors = found.values, found.std_errors
        scores = as_normal(values / errors, estimate)
        p_mean, p_spread, p_value = mean_and_spread(scores)
        ratio = float(scores.std(ddof=1))
        expected = float(np.sqrt((errors**2).mean()))
        verdict = by_p_value(p_value, self.alpha)
        beyond = float((np.abs(scores) >= abs(estimate.value) / max(estimate.std_error, 1e-300)).mean())
        said = (
            f"{len(values)} treatments that do nothing get {values.mean():.3g} on average and "
            f"scatter by {values.std(ddof=1):.3g} "
            f"where their standard errors say {expected:.3g}"
        )
        if verdict is Verdict.SURVIVED:
            said += ": the method invents no effect where there is none."
        elif p_spread < p_mean:
            said += (
                f": intervals would have to be {ratio:.2g} times as long."
                if ratio > 1
                else ": intervals are too long."
            )
            if groups is not None and sample.clusters is None and ratio > 1:
                said += f" Rows depend on each other within {self.clusters}; give it as clusters."
        else:
            said += ": the method sees effects where there are none."
        return Refutation(
            name=self.name,
            attacks=self.attacks,
            tried=f"Replaced the treatment by {len(values)} random permutations of it"
            + (" over whole clusters." if groups is not None else "."),
            expected=f"mean 0 and a spread of {expected:.4g}, as the standard errors say",
            observed=f"mean {values.mean():.4g}, spread {values.std(ddof=1):.4g} ({ratio:.2f} times)",
            verdict=verdict,
            sentence=said,
            p_value=p_value,
            replicates=len(values),
            cost=budget.said(found, small, case),
            details={
                "values": values,
                "std_errors": errors,
                "mean": float(values.mean()),
                "spread": float(values.std(ddof=1)),
                "expected_spread": expected,
                "spread_ratio": ratio,
                "p_mean": p_mean,
                "p_spread": p_spread,
                "share_beyond": beyond,
            },
        )


class _Permutation:
    """Random permutations of a treatment, over rows or over whole clusters."""

    def __init__(self, treatment: np.ndarray, clusters: np.ndarray | None) -> None:
        self.treatment = treatment
        self.clusters = None
        self.ones = int(treatment.sum()) if np.isin(treatment, (0.0, 1.0)).all() else None
        if clusters is not None:
            codes = np.unique(clusters, return_inverse=True)[1]
            order = np.argsort(codes, kind="stable")
            counts = np.bincount(codes)
            starts = np.cumsum(counts) - counts
            # Place of each row within its cluster, to hand it the treatment at that place in another cluster.
            place = np.empty(len(codes), dtype=np.int64)
            place[order] = np.arange(len(codes)) - np.repeat(starts, counts)
            self.clusters = codes, order, counts, starts, place

    def __call__(self, random: np.random.Generator) -> np.ndarray:
        if self.clusters is None:
            if self.ones is None:
                return random.permutation(self.treatment)
            # Choosing who is treated is a permutation of zeros and ones, at a third of the time.
            placebo = np.zeros(len(self.treatment))
            placebo[random.choice(len(placebo), self.ones, replace=False, shuffle=False)] = 1.0
            return placebo
        codes, order, counts, starts, place = self.clusters
        donor = random.permutation(len(counts))[codes]
        # Clusters of another size lend their values round and round, from a random place on.
        shift = random.integers(0, counts.max(), len(counts))[codes]
        return self.treatment[order[starts[donor] + (place + shift) % counts[donor]]]
