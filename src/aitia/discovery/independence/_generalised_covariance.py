"""The generalised covariance measure with curved regressions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.discovery._features import Columns
from aitia.discovery._observations import Observations
from aitia.discovery.independence._base import Independence, IndependenceTest, Tester
from aitia.statistics import Projection, curved_columns, generalised_covariance


@dataclass(frozen=True)
class GeneralisedCovariance(IndependenceTest):
    """Do the residuals of x given S covary with those of y given S? Regressions by least squares with curved terms.

    Squares, cubes and products of the variables conditioned on enter beside them (as many as the rows allow), and the
    spread of the residuals may be uneven. It sees dependence in the means only: without S that is correlation. Any kind
    of column: categories enter as indicators.

    Args:
        curved: regress on curved terms too; False takes the columns alone.

    Assumptions: the conditional means of x and of y given S lie near the span of these terms.

    Source: Shah & Peters (2020), Annals of Statistics 48:1514, section 3.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> z = rng.normal(size=500)
        >>> x, y = z**2 + rng.normal(size=(2, 500))
        >>> tester = GeneralisedCovariance().on(Observations.of({"x": x, "y": y, "z": z}))
        >>> tester.p_value(0, 1) < 0.001, tester.p_value(0, 1, [2]) > 0.01
        (True, True)
    """

    curved: bool = True
    name: ClassVar[str] = "generalised covariance"

    def on(self, data: Observations) -> Tester:
        """The test over the rows of `data`."""
        data.require_complete(self.name)
        return _GeneralisedCovarianceTester(self, data)


class _GeneralisedCovarianceTester(Tester):
    def __init__(self, test: GeneralisedCovariance, data: Observations) -> None:
        super().__init__(data.names, data.rows)
        self._curved = test.curved
        self._columns = Columns.of(data)
        self._last: tuple[tuple[int, ...], Projection] | None = None

    def _projection(self, given: tuple[int, ...]) -> Projection:
        if self._last is None or self._last[0] != given:
            basis = self._columns.joined(given) if given else np.empty((self.rows, 0))
            if given and self._curved:
                room = max(self.rows // 20 - basis.shape[1], 0)
                basis = np.column_stack([basis, curved_columns(basis)[:, :room]])
            self._last = given, Projection.onto(basis, n=self.rows)
        return self._last[1]

    def _compute(self, x: int, y: int, given: tuple[int, ...]) -> Independence:
        onto = self._projection(given)
        blocks = self._columns.blocks
        found = generalised_covariance(onto.residuals(blocks[x]), onto.residuals(blocks[y]))
        return Independence(
            x, y, given, found.statistic, found.p_value, float(found.degrees_of_freedom), found.effect
        )
