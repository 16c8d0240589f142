"""Scores of discrete networks from counts: BIC and BDeu."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.discovery._observations import Observations
from aitia.discovery.scores._base import DiscreteTerms, Score, Scorer, check_discount


@dataclass(frozen=True)
class DiscreteBIC(Score):
    """BIC of discrete networks: ``sum_jk N_jk log(N_jk / N_j) - c/2 (r - 1) q log n``, with j over the
    q combinations of the parents' levels, k over the node's r levels, and c the discount.

    Args:
        discount: the penalty in units of BIC's own.

    Assumptions: independent rows; every combination of parents has a distribution of its own.

    Source: Schwarz (1978); Koller & Friedman (2009), section 18.3.5.

    Example:
        >>> from aitia.discovery import Observations
        >>> data = Observations.of({"a": [0, 0, 0, 1, 1, 1] * 9, "b": [0, 0, 1, 0, 1, 1] * 9})
        >>> scorer = DiscreteBIC().on(data)
        >>> round(scorer.local(1, [0]) - scorer.local(1), 4)
        1.0637
    """

    discount: float = 1.0
    name: ClassVar[str] = "discrete BIC"

    def on(self, data: Observations) -> Scorer:
        """The score over the distinct rows of `data`, which are counted once."""
        check_discount(self.name, self.discount)
        data.require_discrete(self.name)
        data.require_complete(self.name)
        penalty = 0.5 * self.discount * math.log(max(data.rows, 2))
        return DiscreteScorer(data, DiscreteTerms(data.distinct, 0.0, penalty))


@dataclass(frozen=True)
class BDeu(Score):
    """The Bayesian Dirichlet score with a uniform prior of `sample` equivalent rows:
    ``sum_j log[G(s/q) / G(s/q + N_j)] + sum_jk log[G(s/qr + N_jk) / G(s/qr)]``, G the gamma function.

    Equal for Markov equivalent DAGs. Few rows and a large `sample` favour more edges.

    Args:
        sample: the equivalent sample size s.

    Assumptions: independent rows; Dirichlet priors, independent over nodes and parent combinations.

    Source: Heckerman, Geiger & Chickering (1995), Machine Learning 20:197, equation 28 with Buntine's (1991) prior.

    Example:
        >>> from aitia.discovery import Observations
        >>> scorer = BDeu(sample=2).on(Observations.of({"a": [0, 0, 1], "b": [0, 1, 1]}))
        >>> round(float(np.exp(scorer.local(0))), 6)  # 1/2 * 2/3 * 1/4, the urn's own probability of 0, 0, 1
        0.083333
    """

    sample: float = 10.0
    name: ClassVar[str] = "BDeu"

    def on(self, data: Observations) -> Scorer:
        """The score over the distinct rows of `data`, which are counted once."""
        from aitia.discovery._errors import DiscoveryError

        if not 0 < self.sample < math.inf:
            raise DiscoveryError(
                f"BDeu needs a positive equivalent sample size, but it is {self.sample}.", "10 is usual."
            )
        data.require_discrete(self.name)
        data.require_complete(self.name)
        return DiscreteScorer(data, DiscreteTerms(data.distinct, float(self.sample), 0.0))


class DiscreteScorer(Scorer):
    """A discrete score over distinct rows."""

    def __init__(self, data: Observations, terms: DiscreteTerms) -> None:
        super().__init__(data.names, data.rows)
        self._terms = terms

    @property
    def discrete(self) -> DiscreteTerms:
        """The distinct rows, the prior and the penalty."""
        return self._terms

    def _compute(self, node: int, parents: tuple[int, ...]) -> float:
        from aitia.discovery._contingency import local_score

        rows, terms = self._terms.rows, self._terms
        return float(
            local_score(
                rows.codes,
                rows.weights,
                rows.sizes,
                node,
                np.array(parents, np.int64),
                terms.sample,
                terms.strength,
            )
        )
