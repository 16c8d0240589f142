"""The BIC of conditional Gaussian models, for mixed columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from aitia.discovery._conditional_gaussian import ConditionalGaussianModel
from aitia.discovery._observations import Observations
from aitia.discovery.scores._base import Score, Scorer, check_discount


@dataclass(frozen=True)
class MixedBIC(Score):
    """BIC of conditional Gaussian models: ``l(v, pa) - l(pa) - c/2 [k(v, pa) - k(pa)] log n`` with
    the maximised joint log-likelihood and its number of parameters, and c the discount.

    Equal for Markov equivalent DAGs. Discrete columns alone make it the discrete BIC, numbers alone the Gaussian one
    (up to a constant).

    Args:
        discount: the penalty in units of BIC's own.

    Assumptions: given the discrete variables of a family, its numbers are jointly normal.

    Source: Andrews, Ramsey & Cooper (2018), International Journal of Data Science and Analytics 6:3, section 3.

    Example:
        >>> import numpy as np
        >>> from aitia.discovery import Observations
        >>> rng = np.random.default_rng(0)
        >>> group = rng.integers(0, 3, 500)
        >>> data = Observations.of({"x": group + rng.normal(size=500), "group": group.astype(str)})
        >>> scorer = MixedBIC().on(data)
        >>> scorer.local(0, [1]) > scorer.local(0)
        True
    """

    discount: float = 1.0
    name: ClassVar[str] = "mixed BIC"

    def on(self, data: Observations) -> Scorer:
        """The score over the rows of `data`."""
        check_discount(self.name, self.discount)
        data.require_complete(self.name)
        return _MixedScorer(data, self.discount)


class _MixedScorer(Scorer):
    def __init__(self, data: Observations, discount: float) -> None:
        super().__init__(data.names, data.rows)
        self._model = ConditionalGaussianModel(data)
        self._price = 0.5 * discount * math.log(max(data.rows, 2))

    def _compute(self, node: int, parents: tuple[int, ...]) -> float:
        whole, above = self._model.of((node, *parents)), self._model.of(parents)
        parameters = whole.cells - above.cells + whole.gaussian - above.gaussian
        return whole.value - above.value - self._price * parameters
