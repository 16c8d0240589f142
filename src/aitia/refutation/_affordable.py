"""How many rows and refits a refuter can afford, and the replicates made within that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aitia.core import AitiaError, stats
from aitia.estimation import Estimate, Replicates, Variation, replicate
from aitia.estimation._moment_estimator import MomentEstimator
from aitia.refutation._base import Case

_LEARNED_REFITS = 10
_LEARNED_ROWS = 1_000
"""Of an estimator with nuisance models: about a tenth of a second a refit, enough to see a method that is far off."""
_PLAIN_ROWS = 10_000
"""Of any other estimator: milliseconds a refit, as many as there are replicates."""
_NUMBERS = 10_000_000
"""Numbers drawn for all replicates together where moments do the rest: a hundred for each of 100,000 rows."""
_FEWEST_ROWS = 2_000


@dataclass(frozen=True)
class Budget:
    """What replicates may cost. It depends on the case alone, never on a clock: the same seed gives the same answer.

    Args:
        replicates: how many are wanted.
        full: True refits on every replicate and all rows, whatever it costs.
    """

    replicates: int
    full: bool

    def refits(self, case: Case, exact_errors: bool) -> bool:
        """Whether refits are needed.

        Args:
            case: the study.
            exact_errors: whether the standard errors of replicates are used: moments alone give them for
                independent rows without weights only.
        """
        if self.full or not isinstance(case.estimate.estimator, MomentEstimator):
            return True
        return exact_errors and (case.sample.clustered or case.sample.weighted)

    def rows(self, case: Case, refits: bool = True) -> int:
        """How many rows replicates have."""
        if not refits:
            return max(_NUMBERS // self.replicates, _FEWEST_ROWS)
        if self.full:
            return case.sample.n
        return min(case.sample.n, _LEARNED_ROWS if case.estimate.estimator.learns else _PLAIN_ROWS)

    def most(self, case: Case) -> int:
        """How many refits are made."""
        learns = case.estimate.estimator.learns and not self.full
        return min(self.replicates, _LEARNED_REFITS) if learns else self.replicates

    def run(self, case: Case, variation: Variation, refits: bool) -> Replicates:
        """The replicates."""
        return replicate(case.estimate, case.sample, variation, full=refits, most=self.most(case))

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
