"""The extended BIC of linear Gaussian models, for many variables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from aitia.discovery._errors import DiscoveryError
from aitia.discovery._observations import Observations
from aitia.discovery.scores._base import Score, Scorer
from aitia.discovery.scores._gaussian import GaussianScorer


@dataclass(frozen=True)
class ExtendedBIC(Score):
    """BIC with a price for the number of graphs to choose among:
    ``-n/2 log s2(v | pa) - |pa| (1/2 log n + 2 gamma log p)``, s2 the variance of what parents leave.

    Args:
        gamma: between 0 (BIC) and 1; 0.5 is usual. It guards against false edges where p grows with n.

    Assumptions: linear relations with Gaussian noise.

    Source: Foygel & Drton (2010), NIPS, equation 2: an edge costs ``log n + 4 gamma log p`` on the scale of twice
    the log-likelihood.

    Example:
        >>> import numpy as np
        >>> from aitia.discovery import Observations
        >>> data = Observations.of_covariance(["a", "b"], np.array([[1.0, 0.5], [0.5, 1.0]]), 100)
        >>> scorer = ExtendedBIC(gamma=1.0).on(data)
        >>> round(scorer.local(1, [0]), 4)  # 50 log(4/3) - (log(100) / 2 + 2 log 2)
        10.6952
    """

    gamma: float = 0.5
    name: ClassVar[str] = "extended BIC"

    def on(self, data: Observations) -> Scorer:
        """The score over the moments of `data`.

        Raises:
            DiscoveryError: gamma is not between 0 and 1; categorical columns; missing values.
        """
        if not 0 <= self.gamma <= 1:
            raise DiscoveryError(
                f"The {self.name}'s gamma is between 0 and 1, but came {self.gamma!r}.", "0.5 is usual."
            )
        data.require_numbers(self.name)
        data.require_complete(self.name)
        price = self.price(data.rows, len(data.names))
        return GaussianScorer(data.names, data.rows, data.correlation, price)

    def price(self, rows: float, columns: int) -> float:
        """The price of one parent, in units of the log-likelihood."""
        return 0.5 * math.log(max(rows, 2)) + 2 * self.gamma * math.log(max(columns, 1))
