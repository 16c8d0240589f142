"""The likelihood-ratio test of conditional Gaussian models, for mixed columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from aitia.discovery._conditional_gaussian import ConditionalGaussianModel
from aitia.discovery._observations import Observations
from aitia.discovery.independence._base import Independence, IndependenceTest, Tester


@dataclass(frozen=True)
class ConditionalGaussian(IndependenceTest):
    """Twice the log-likelihood ratio ``2 [l(xyS) - l(xS) - l(yS) + l(S)]`` of conditional Gaussian models,
    chi-squared under independence.

    Discrete columns alone make it G2, numbers alone the likelihood ratio of the partial correlation.

    Assumptions: given the discrete variables, the numbers are jointly normal, with a mean and covariance for each
    cell. It is calibrated for a pair of numbers, and for a number and a category, wherever the number's regression on
    the others is linear with even normal noise. For two categories given numbers it needs the numbers to be normal
    within every cell, which fails where categories are effects of numbers: choose `LikelihoodRatio` there.

    Source: Andrews, Ramsey & Cooper (2018), International Journal of Data Science and Analytics 6:3, section 3.

    Example:
        >>> from aitia.discovery import Observations
        >>> rng = np.random.default_rng(0)
        >>> group = rng.integers(0, 3, 600)
        >>> x, y = group + rng.normal(size=(2, 600))
        >>> tester = ConditionalGaussian().on(Observations.of({"x": x, "y": y, "group": group.astype(str)}))
        >>> tester.p_value(0, 1) < 0.001, tester.p_value(0, 1, [2]) > 0.01
        (True, True)
    """

    name: ClassVar[str] = "conditional Gaussian"

    def on(self, data: Observations) -> Tester:
        """The test over the rows of `data`."""
        data.require_complete(self.name)
        return _ConditionalGaussianTester(data)


class _ConditionalGaussianTester(Tester):
    def __init__(self, data: Observations) -> None:
        super().__init__(data.names, data.rows)
        self._data = data
        self._model = ConditionalGaussianModel(data)

    def _compute(self, x: int, y: int, given: tuple[int, ...]) -> Independence:
        of = self._model.of
        both, first, second, none = of((x, y, *given)), of((x, *given)), of((y, *given)), of(given)
        statistic = 2 * (both.value - first.value - second.value + none.value)
        freedom = float(both.gaussian - first.gaussian - second.gaussian + none.gaussian)
        discrete = self._data.discrete
        if discrete[x] and discrete[y]:
            from aitia.discovery._contingency import g_squared

            rows = self._data.distinct
            strata = np.array([z for z in given if discrete[z]], np.int64)
            freedom += g_squared(rows.codes, rows.weights, rows.sizes, x, y, strata, 0.0)[1]
        if freedom <= 0:
            return Independence(x, y, given, 0.0, 1.0, 0.0, 0.0)
        p = float(special.chdtrc(freedom, max(statistic, 0.0)))
        # 1 - exp(-2 information) is the squared partial correlation of normal variables.
        effect = float(np.sqrt(-np.expm1(-max(statistic - freedom, 0.0) / self.rows)))
        return Independence(x, y, given, statistic, p, freedom, effect)
