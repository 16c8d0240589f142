"""The BIC of linear Gaussian models, from the moments alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.discovery._observations import Observations
from aitia.discovery.scores._base import GaussianTerms, Score, Scorer, check_discount


@dataclass(frozen=True)
class GaussianBIC(Score):
    """BIC of linear Gaussian models:
    ``-n/2 log s2(v | pa) - c/2 |pa| log n``, s2 the variance of what parents leave, with c the discount.

    Args:
        discount: the penalty in units of BIC's own; 2 is Tetrad's usual choice for sparse answers.

    Assumptions: linear relations with Gaussian noise.

    Source: Schwarz (1978); Chickering (2002), section 2.3.
    """

    discount: float = 1.0
    name: ClassVar[str] = "Gaussian BIC"

    def on(self, data: Observations) -> Scorer:
        """The score over the moments of `data`."""
        check_discount(self.name, self.discount)
        data.require_numbers(self.name)
        data.require_complete(self.name)
        return GaussianScorer(data.names, data.rows, data.correlation, self.price(data.rows, len(data.names)))

    def price(self, rows: float, columns: int) -> float:
        """The price of one parent, in units of the log-likelihood; the number of columns does not move it."""
        return 0.5 * self.discount * math.log(max(rows, 2))


class GaussianScorer(Scorer):
    """A penalised Gaussian likelihood over a correlation matrix."""

    def __init__(self, names: tuple[str, ...], rows: int, correlation: np.ndarray, penalty: float) -> None:
        super().__init__(names, rows)
        self._terms = GaussianTerms(correlation, float(rows), penalty)

    @property
    def gaussian(self) -> GaussianTerms:
        """The correlation, rows and penalty."""
        return self._terms

    def _compute(self, node: int, parents: tuple[int, ...]) -> float:
        terms, above = self._terms, list(parents)
        variance = 1.0
        if above:
            inside = terms.correlation[np.ix_(above, above)]
            across = terms.correlation[above, node]
            variance -= float(across @ np.linalg.lstsq(inside, across, rcond=1e-11)[0])
        return -0.5 * terms.rows * math.log(max(variance, 1e-12)) - terms.penalty * len(above)
