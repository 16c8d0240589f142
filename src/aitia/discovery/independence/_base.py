"""What every test of conditional independence is: an object without data, and the same bound to data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

if TYPE_CHECKING:
    from aitia.discovery._observations import Distinct, Observations


@dataclass(frozen=True, slots=True)
class Independence:
    """One test of x independent of y given z.

    Args:
        x: the first variable's position.
        y: the second variable's position.
        given: the positions conditioned on, increasing.
        statistic: the test's statistic.
        p_value: uniform where the independence holds and the test's assumptions do.
        degrees_of_freedom: of the statistic's reference distribution; NaN where it has none.
        effect: the size of the dependence between 0 and 1 (absolute partial correlation, Cramer's V); NaN where
            the test measures none.
    """

    x: int
    y: int
    given: tuple[int, ...]
    statistic: float
    p_value: float
    degrees_of_freedom: float = float("nan")
    effect: float = float("nan")


class IndependenceTest(ABC):
    """A test of conditional independence, with its options and without data: a frozen dataclass.

    A new test writes `on`, which returns a `Tester`; the tester writes ``_compute`` alone.
    """

    name: ClassVar[str]
    reads_missing: ClassVar[bool] = False
    """Whether it can be bound to data whose missing values were kept."""

    @abstractmethod
    def on(self, data: Observations) -> Tester:
        """The test bound to data.

        Raises:
            DiscoveryError: the test does not fit the kinds of these columns, or values are missing that it needs.
        """


class Tester(ABC):
    """A test bound to data: answers are remembered by variable sets, and distinct ones are counted.

    Args:
        names: the variables, in the order of their positions.
        rows: the number of rows the answers rest on; 0 for an oracle.
    """

    def __init__(self, names: Sequence[str], rows: int) -> None:
        self.names = tuple(names)
        self.rows = rows
        self._memory: dict[tuple[int, int, tuple[int, ...]], Independence] = {}
        self.calls = 0
        """How many distinct tests were made; fast paths that test in bulk add theirs."""

    @property
    def correlation(self) -> np.ndarray | None:
        """The correlation matrix (p, p) where the test is Fisher's z on complete rows: a search may then test in
        bulk, with the same answers. None for every other test."""
        return None

    @property
    def discrete(self) -> Distinct | None:
        """The distinct rows where the test is G2 or chi-squared on complete rows: a search may then test in bulk by
        ``discovery._contingency.g_squared``, with the same answers. None for every other test."""
        return None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the person should know about the tests made so far, a sentence each."""
        return ()

    def result(self, x: int, y: int, given: Sequence[int] = ()) -> Independence:
        """Test x independent of y given z, or remember."""
        a, b = (x, y) if x < y else (y, x)
        key = (a, b, tuple(sorted(given)))
        found = self._memory.get(key)
        if found is None:
            self.calls += 1
            found = self._memory[key] = self._compute(*key)
        return found

    def p_value(self, x: int, y: int, given: Sequence[int] = ()) -> float:
        """The p-value of x independent of y given z."""
        return self.result(x, y, given).p_value

    @abstractmethod
    def _compute(self, x: int, y: int, given: tuple[int, ...]) -> Independence:
        """The answer for x < y and sorted `given`: the mathematics of one test."""
