"""How many rows and refits a refuter can afford, and the replicates made within that."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace

import numpy as np

from aitia.core import AitiaError, stats
from aitia.estimation import Estimate, Replicates, Variation, replicate
from aitia.estimation._moment_estimator import MomentEstimator
from aitia.refutation._base import Case, Refutation, Refuter, Verdict

_LEARNED_REFITS = 10
_LEARNED_ROWS = 1_000
_SECOND_LOOK = 3
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
        effort: how many times the usual rows and refits an estimator with nuisance models is given.
    """

    replicates: int
    full: bool
    effort: int = 1

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
        learned = _LEARNED_ROWS * self.effort
        return min(case.sample.n, learned if case.estimate.estimator.learns else _PLAIN_ROWS)

    def most(self, case: Case) -> int:
        """How many refits are made."""
        return min(self.replicates, _LEARNED_REFITS * self.effort) if self.cheap(case) else self.replicates

    def cheap(self, case: Case) -> bool:
        """Whether refits are few and on few rows, because the estimator learns nuisance models."""
        return case.estimate.estimator.learns and not self.full

    def run(self, case: Case, variation: Variation, refits: bool) -> Replicates:
        """The replicates."""
        return replicate(case.estimate, case.sample, variation, full=refits, most=self.most(case))

    def said(self, found: Replicates, case: Case, original: Case) -> str:
        """The cost in words, with the rows used where they were not all."""
        if case.sample.n == original.sample.n:
            return found.cost
        return f"{found.cost} on {case.sample.n:,} of {original.sample.n:,} rows"


class Replicating(Refuter):
    """A refuter that draws replicates, and looks twice before it cries wolf.

    Ten refits on a thousand rows are cheap and rough: where they do not survive, the attempt is made again with three
    times the refits on three times the rows, and that one speaks.
    """

    replicates: int
    full: bool

    @abstractmethod
    def _attempt(self, case: Case, seed: int, budget: Budget) -> Refutation: ...

    def _refute(self, case: Case, seed: int) -> Refutation:
        budget = Budget(self.replicates, self.full)
        first = self._attempt(case, seed, budget)
        if first.verdict is Verdict.SURVIVED or not budget.cheap(case) or case.sample.n <= _LEARNED_ROWS:
            return first
        again = self._attempt(case, seed, replace(budget, effort=_SECOND_LOOK))
        return replace(again, cost=f"{again.cost}, after {first.replicates} that did not survive")


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
