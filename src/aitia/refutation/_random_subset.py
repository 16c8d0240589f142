"""Does half of the data give the same answer?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.core import AssumptionKey, stats, stream
from aitia.estimation import ReweightedBlocks, ReweightedRows, Variation
from aitia.refutation._affordable import Budget, Replicating
from aitia.refutation._base import Case, Refutation, Verdict
from aitia.refutation._verdicts import ALPHA, by_p_value, sidak, variance_ratio_p


@dataclass(frozen=True)
class RandomSubset(Replicating):
    """Does half of the data give the same answer, give or take what chance allows?

    Attacks: the honest interval. The effect is estimated on random subsets of the rows (of whole clusters,
    where there are any). Drawing a share f without replacement, the answers must scatter around the full one
    with variance se^2 (1 - f) / f. Survivors scatter as much as their standard error
    implies, and keep their mean.

    p-value: mean (t test) and spread combined by Sidak. The spread over subsets made of B random blocks of
    rows has itself the chance of the blocks, so its ratio is compared with chi-squared on 1 / (1 / (B - 1) +
    1 / R) degrees of freedom. The mean has none.

    Notices: standard errors that are too small or too large for independent rows; answers that drift with the
    number of rows (small-sample bias of the method). Cannot notice: confounding; rows that depend on each
    other, because every subset has such rows too.

    Args:
        replicates: subsets drawn.
        share: of the rows in each subset.
        largest: with more rows than this, subsets are made of 400 random blocks of rows.
        full: True refits on every replicate and all rows, whatever it costs; otherwise moments serve where they
            can, and an estimator with nuisance models is refitted ten times, on 1,000 rows.
        alpha: level of the verdict.

    Details: ``values``, ``mean``, ``spread``, ``expected_spread``, ``spread_ratio``, ``share``, ``blocks``,
    ``p_mean``, ``p_spread``.
    """

    replicates: int = 100
    share: float = 0.5
    largest: int = 50_000
    full: bool = False
    alpha: float = ALPHA

    name: ClassVar[str] = "random subset"
    attacks: ClassVar[AssumptionKey] = AssumptionKey.INTERVAL
    reference: ClassVar[str] = "Politis, Romano & Wolf 1999, Subsampling, section 2.2"

    def _attempt(self, case: Case, seed: int, budget: Budget) -> Refutation:
        estimate = case.estimate
        refits = budget.refits(case, exact_errors=False)
        # Where refits are slow the subsets are smaller: the spread expected of them is known for any share.
        share = min(self.share, budget.rows(case) / case.sample.n) if refits else self.share
        subsets, units, share = self._subsets(case, share, seed)
        found = budget.run(case, subsets, refits)
        values = found.values
        count = len(values)
        expected = estimate.std_error * np.sqrt((1 - share) / share)
        spread = float(np.sqrt(((values - estimate.value) ** 2).mean()))
        # The subsets' own mean is known (the full answer), so all R squares count.
        ratio = (spread / expected) ** 2 if expected > 0 else float("nan")
        freedom = 1 / (1 / count + (0.0 if units is None else 1 / (units - 1)))
        p_spread = variance_ratio_p(ratio, freedom)
        shift = float(values.mean() - estimate.value)
        own = float(values.std(ddof=1))
        p_mean = float(2 * stats.t.sf(abs(shift) * np.sqrt(count) / own, count - 1)) if own > 0 else 1.0
        p_value = sidak([p_mean, p_spread])
        verdict = by_p_value(p_value, self.alpha)
        if verdict is Verdict.BROKEN and p_spread >= p_mean and abs(shift) < 0.1 * estimate.std_error:
            verdict = Verdict.INCONCLUSIVE
        said = (
            f"{count} random subsets with {share:.0%} of the rows answer {values.mean():.4g} on "
            f"average where all rows answer {estimate.value:.4g}, "
            f"and scatter {np.sqrt(ratio):.2g} times as much as the standard error implies"
        )
        said += (
            "."
            if verdict is Verdict.SURVIVED
            else ": the standard error or the answer depends on how many rows there are."
        )
        return Refutation(
            name=self.name,
            attacks=self.attacks,
            tried=f"Estimated the effect on {count} random subsets with {share:.3g} of the rows.",
            expected=f"mean {estimate.value:.4g} and a spread of {expected:.3g}",
            observed=f"mean {values.mean():.4g} and a spread of {spread:.3g} ({np.sqrt(ratio):.2f} times)",
            verdict=verdict,
            sentence=said,
            p_value=p_value,
            replicates=count,
            cost=found.cost + (f" on {share:.2g} of the rows" if share < self.share else ""),
            details={
                "values": values,
                "mean": float(values.mean()),
                "spread": spread,
                "expected_spread": expected,
                "spread_ratio": float(np.sqrt(ratio)),
                "share": share,
                "blocks": units,
                "p_mean": p_mean,
                "p_spread": p_spread,
            },
        )

    def _subsets(self, case: Case, share: float, seed: int) -> tuple[Variation, int | None, float]:
        """Random subsets of rows; of clusters where there are any; of blocks where there are very many rows.

        Returns:
            The subsets, the number of blocks where they are made of blocks, and the share exactly.
        """
        sample = case.sample
        if sample.n > self.largest and not self.full:
            blocks = 400
            kept = max(round(share * blocks), 1)
            counts = np.zeros((self.replicates, blocks))
            for r in range(self.replicates):
                counts[r, stream(seed, self.name, r).choice(blocks, kept, replace=False)] = 1.0
            return ReweightedBlocks(counts), blocks, kept / blocks
        if sample.clusters is None:
            codes, units = None, sample.n
        else:
            codes = np.unique(sample.clusters, return_inverse=True)[1]
            units = int(codes.max()) + 1
        kept = max(round(share * units), 1)

        def draw(r: int) -> np.ndarray:
            mask = np.zeros(units)
            mask[stream(seed, self.name, r).choice(units, kept, replace=False, shuffle=False)] = 1.0
            return mask if codes is None else mask[codes]

        return ReweightedRows(self.replicates, draw), None, kept / units
