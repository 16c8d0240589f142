"""Test-wise deletion: each test reads the rows that have its variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.discovery._errors import DiscoveryError
from aitia.discovery._observations import Observations
from aitia.discovery.independence._base import Independence, IndependenceTest, Tester
from aitia.discovery.independence._g_squared import CountsTester, GSquared

FEWEST_TOGETHER = 10
"""Two variables need this many rows that have both."""


class NeverTogether(DiscoveryError):
    """Two variables are hardly ever seen in one row, so that nothing can be said of them together."""


@dataclass(frozen=True)
class TestWise(IndependenceTest):
    """Another test, on the rows in which x, y and the variables conditioned on all have a value.

    It uses more rows than complete cases. Where whether a value is missing depends on both x and y (or on their common
    effects), deleting rows makes them dependent: `MissingnessCorrected` is for that.

    Args:
        test: the test made on these rows.

    Assumptions: those of `test`, within the rows kept; missingness does not select on a common effect.

    Source: Strobl, Visweswaran & Spirtes (2018), International Journal of Data Science and Analytics 6:47.

    Example:
        >>> from aitia.discovery.independence import FisherZ
        >>> columns = {"a": [3.0, 2.2, None, 3.9, 5.3] * 8, "b": [1.0, None, 2.0, 4.0, 5.0] * 8}
        >>> data = Observations.of(columns, missing="keep")
        >>> tester = TestWise(FisherZ()).on(data)
        >>> round(tester.result(0, 1).effect, 3), tester.rows
        (0.919, 40)
    """

    __test__ = False  # not one of pytest's classes

    test: IndependenceTest
    name: ClassVar[str] = "test-wise deletion"
    reads_missing: ClassVar[bool] = True

    def on(self, data: Observations) -> Tester:
        """The test bound to data whose missing values were kept.

        Raises:
            NeverTogether: a pair has fewer than ten rows in common; names it.
            DiscoveryError: the inner test does not fit the columns.
        """
        refuse_pairs_never_seen(data)
        if data.is_complete:
            return self.test.on(data)
        if isinstance(self.test, GSquared):
            # Counting passes over missing values by itself.
            data.require_discrete(self.test.name)
            return CountsTester(self.test, data)
        return _TestWiseTester(self.test, data)


class _TestWiseTester(Tester):
    def __init__(self, test: IndependenceTest, data: Observations) -> None:
        super().__init__(data.names, data.rows)
        self._test = test
        self._data = data
        self._present = ~np.isnan(data.values)
        test.on(_part(data, list(range(min(len(data.names), 2))), self._present))  # its errors come now

    def _compute(self, x: int, y: int, given: tuple[int, ...]) -> Independence:
        at = [x, y, *given]
        part = _part(self._data, at, self._present)
        if part.rows < FEWEST_TOGETHER + len(given):
            return Independence(x, y, given, 0.0, 1.0, effect=0.0)
        found = self._test.on(part).result(0, 1, range(2, len(at)))
        return Independence(
            x, y, given, found.statistic, found.p_value, found.degrees_of_freedom, found.effect
        )


def refuse_pairs_never_seen(data: Observations) -> None:
    """Refuse pairs of variables with fewer than ten rows in common.

    Raises:
        NeverTogether: names the worst pair.
    """
    if data.is_complete:
        return
    present = (~np.isnan(data.values)).astype(float)
    together = present.T @ present
    i, j = np.unravel_index(int(np.argmin(together)), together.shape)
    if together[i, j] < FEWEST_TOGETHER:
        a, b = sorted((int(i), int(j)))
        count = int(together[i, j])
        raise NeverTogether(
            f"{data.names[a]!r} and {data.names[b]!r} "
            + (f"are seen together in {count} rows only." if count else "are never seen in the same row.")
            if a != b
            else f"{data.names[a]!r} has a value in {count} rows only.",
            "Leave one of them out: nothing can be told of their dependence.",
        )


def _part(data: Observations, at: list[int], present: np.ndarray) -> Observations:
    """These variables, in the rows that have them all."""
    rows = np.flatnonzero(present[:, at].all(axis=1))
    return Observations.of_values(
        [data.names[i] for i in at],
        np.asfortranarray(data.values[rows][:, at]),
        [data.discrete[i] for i in at],
        [data.levels[i] for i in at],
    )
