"""How many rows and refits a refuter can afford, and the replicates made within that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from aitia.core import AitiaError
from aitia.estimation import Estimate, Replicates, Variation, replicate
from aitia.estimation._moment_estimator import MomentEstimator
from aitia.refutation._base import Case

ENOUGH = 20
"""Full refits that a test of mean and spread should have at least, if need be on fewer rows."""
_FEWEST_ROWS = 2_000
_NUMBERS = 10_000_000
"""Numbers drawn for all replicates together where moments do the rest: a hundred for each of 100,000 rows."""


@dataclass(frozen=True)
class Budget:
    """What replicates may cost.

    Args:
        replicates: how many are wanted.
        full: True refits on every replicate even where moments would do.
        seconds: about how long full refits may take in all.
    """

    replicates: int
    full: bool
    seconds: float

    def refits(self, case: Case, exact_errors: bool) -> bool:
        """Whether full refits are needed.

        Args:
            case: the study.
            exact_errors: whether the standard errors of replicates are used: moments alone give them for
                independent rows without weights only.
        """
        if self.full or not isinstance(case.estimate.estimator, MomentEstimator):
            return True
        return exact_errors and (case.sample.clustered or case.sample.weighted)

    def rows(self, case: Case, refits: bool = True) -> int:
        """How many rows replicates can have: refits so that `ENOUGH` of them fit into the time."""
        if not refits:
            return max(_NUMBERS // self.replicates, _FEWEST_ROWS)
        wanted = min(self.replicates, ENOUGH)
        cost = max(case.estimate.seconds, 1e-6) * wanted
        if cost <= self.seconds:
            return case.sample.n
        return min(case.sample.n, max(_FEWEST_ROWS, int(case.sample.n * self.seconds / cost)))

    def run(self, case: Case, variation: Variation, refits: bool, at_least: int = 10) -> Replicates:
        """The replicates; with full refits no more than fit into the time, and never fewer than `at_least` (or all)."""
        return replicate(
            case.estimate,
            case.sample,
            variation,
            full=refits,
            seconds=self.seconds,
            at_least=min(at_least, self.replicates),
        )

    def said(self, found: Replicates, case: Case, original: Case) -> str:
        """The cost in words, with the rows used where they were not all."""
        if case.sample.n == original.sample.n:
            return found.cost
        return f"{found.cost} on {case.sample.n:,} of {original.sample.n:,} rows"


def as_normal(scores: np.ndarray, estimate: Estimate) -> np.ndarray:
    """Scores of a t distribution as those of a normal with the same tail probabilities."""
    if not np.isfinite(scores).all():
        raise AitiaError(
            "The estimator gave no finite standard error on some replicates.",
            "See the estimate's own diagnostics; a larger sample or another estimator may help.",
        )
    if np.isinf(estimate.degrees_of_freedom):
        return scores
    tails = stats.t.sf(np.abs(scores), estimate.degrees_of_freedom)
    return np.sign(scores) * stats.norm.isf(np.maximum(tails, 1e-300))
