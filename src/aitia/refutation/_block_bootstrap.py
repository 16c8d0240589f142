"""Do rows that stand near each other answer alike?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.core import AssumptionKey, stream
from aitia.refutation._base import Case, Refutation, Refuter, Verdict
from aitia.refutation._negative_control import column_for
from aitia.refutation._refits import refit
from aitia.refutation._verdicts import ALPHA, by_p_value, variance_ratio_p


@dataclass(frozen=True)
class BlockBootstrap(Refuter):
    """Do rows that stand near each other in the file answer alike? (block bootstrap)

    Attacks: independent rows. The rows are cut into blocks that stand together in the file (of whole
    clusters, where there are any; by the values of a column, where one is named), and whole blocks are drawn
    with replacement. If rows are independent, blocks made of neighbours scatter as blocks made of strangers:
    the bootstrap's standard error equals the reported one. Survivors have both equal within chance.

    p-value: the ratio of the two variances against chi-squared on 1 / (1 / (B - 1) + 1 / R) degrees of
    freedom, for B blocks and R replicates; two-sided. The blocks are few, so that the sum over each is close
    to normal.

    Notices: time series, sites, families or batches that stand together in the file, or that a named column
    tells apart; copies of rows that stand together. A file sorted by a covariate along which the effect
    varies, or along which the model is wrong, is noticed too: the sentence says to look. Cannot notice:
    dependence between rows that stand far apart.

    Args:
        replicates: bootstrap replicates.
        blocks: how many blocks, where no column names them; at most a tenth of the rows.
        by: a column of the table whose values are the blocks.
        full: True refits on every replicate; otherwise influence values are summed where there are any.
        alpha: level of the verdict.

    Details: ``values``, ``bootstrap_std_error``, ``std_error``, ``ratio``, ``interval`` (percentiles),
    ``blocks``, ``intraclass_correlation`` (of influence values within blocks, where there are any).
    """

    replicates: int = 100
    blocks: int = 100
    by: str | None = None
    full: bool = False
    alpha: float = ALPHA

    name: ClassVar[str] = "block bootstrap"
    attacks: ClassVar[AssumptionKey] = AssumptionKey.INDEPENDENT_ROWS
    reference: ClassVar[str] = (
        "Kuensch 1989, Annals of Statistics 17:1217; Cameron, Gelbach & Miller 2008, REStat 90:414"
    )

    def applies(self, case: Case) -> str:
        """Enough rows for blocks."""
        return "" if case.sample.n >= 50 else "There are too few rows to cut into blocks."

    def _refute(self, case: Case, seed: int) -> Refutation:
        estimate, sample = case.estimate, case.sample
        blocks = self._assign(case)
        count = int(blocks.max()) + 1
        if count < 10:
            return self._nothing(f"There are only {count} blocks, too few to compare a standard error with.")
        influence = estimate.influence
        if influence is not None and not self.full:
            w = np.ones(sample.n) if sample.weights is None else sample.weights
            sums = np.bincount(blocks, np.asarray(influence) * w, minlength=count)
            weights = np.bincount(blocks, w, minlength=count)
            draws = stream(seed, self.name).multinomial(count, np.full(count, 1 / count), self.replicates)
            values = estimate.value + (draws @ sums) / np.maximum(draws @ weights, 1e-300)
            cost = f"no refit: influence values summed over {count} blocks"
        else:
            order = np.argsort(blocks, kind="stable")
            starts = np.searchsorted(blocks[order], np.arange(count + 1))

            def make(r: int):
                drawn = stream(seed, self.name, r).integers(0, count, count)
                rows = np.concatenate([order[starts[b] : starts[b + 1]] for b in drawn])
                again = sample.rows(rows)
                if again.clusters is not None:
                    # A cluster drawn twice counts as two.
                    copies = np.repeat(np.arange(count), [starts[b + 1] - starts[b] for b in drawn])
                    pairs = np.column_stack([copies, again.clusters])
                    codes = np.unique(pairs, axis=0, return_inverse=True)[1]
                    again = again.replace(clusters=codes.ravel())
                return again, None

            fits = refit(case, make, self.replicates, what=self.name)
            values, cost = fits.values, fits.cost
        # Resampling B blocks with replacement misses a factor (B - 1) / B of the variance.
        spread = float(values.std(ddof=1) * np.sqrt(count / (count - 1)))
        ratio = spread / estimate.std_error if estimate.std_error > 0 else float("nan")
        freedom = 1 / (1 / (count - 1) + 1 / (len(values) - 1))
        p_value = variance_ratio_p(ratio**2, freedom)
        verdict = by_p_value(p_value, self.alpha)
        low, high = np.quantile(values, [(1 - estimate.level) / 2, (1 + estimate.level) / 2])
        details = {
            "values": values,
            "bootstrap_std_error": spread,
            "std_error": estimate.std_error,
            "ratio": ratio,
            "interval": (float(low), float(high)),
            "blocks": count,
        }
        said = (
            f"Drawing whole blocks of neighbouring rows gives a standard error of {spread:.3g} where "
            f"{estimate.std_error:.3g} is reported"
        )
        if verdict is Verdict.SURVIVED:
            said += ": neighbours are no more alike than strangers."
        elif ratio > 1:
            where = (
                f"rows with the same {self.by}" if self.by else "rows that stand near each other in the file"
            )
            said += (
                f": {where} answer alike. If they belong together (in time, site or family), name "
                "the clusters; a file sorted by a covariate can do this too."
            )
        else:
            said += ": the reported standard error is too long, or rows were arranged to balance each other."
        return Refutation(
            name=self.name,
            attacks=self.attacks,
            tried=f"Drew {count} blocks of neighbouring rows with replacement, {len(values)} times.",
            expected=f"a standard error of {estimate.std_error:.3g}, as reported",
            observed=f"{spread:.3g} ({ratio:.2f} times)",
            verdict=verdict,
            sentence=said,
            p_value=p_value,
            replicates=len(values),
            cost=cost,
            details=details,
        )

    def _assign(self, case: Case) -> np.ndarray:
        sample = case.sample
        if self.by is not None:
            return np.unique(column_for(case, self.by), return_inverse=True)[1]
        n = sample.n
        if sample.clusters is None:
            wanted = min(self.blocks, n // 10)
            return np.arange(n) * wanted // n
        # Whole clusters, in the order in which they first appear.
        _, first, codes = np.unique(sample.clusters, return_index=True, return_inverse=True)
        rank = np.empty(len(first), dtype=np.int64)
        rank[np.argsort(first)] = np.arange(len(first))
        wanted = min(self.blocks, len(first))
        return (rank * wanted // len(first))[codes]
