"""Fisher's z of the partial correlation, from the moments alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.discovery._observations import Observations
from aitia.discovery.independence._base import Independence, IndependenceTest, Tester


@dataclass(frozen=True)
class FisherZ(IndependenceTest):
    """Fisher's z: ``z = sqrt(n - |S| - 3) atanh(r)`` of the partial correlation r, standard normal
    under independence.

    It needs the moments only, so it costs one pass over the rows however many tests follow.

    Assumptions: the variables are jointly normal (or: linear in each other, and a zero partial correlation means
    independence).

    Source: Fisher (1924), Metron 3; Anderson (2003), section 4.3.3.

    Example:
        >>> from aitia.discovery import Observations
        >>> rng = np.random.default_rng(0)
        >>> z = rng.normal(size=500)
        >>> data = Observations.of({"x": z + rng.normal(size=500), "y": z + rng.normal(size=500), "z": z})
        >>> tester = FisherZ().on(data)
        >>> tester.p_value(0, 1) < 0.001, tester.p_value(0, 1, [2]) > 0.01
        (True, True)
    """

    name: ClassVar[str] = "Fisher z"

    def on(self, data: Observations) -> Tester:
        """The test over the moments of `data`."""
        data.require_numbers(self.name)
        data.require_complete(self.name)
        return FisherZTester(data.names, data.rows, data.correlation)


class FisherZTester(Tester):
    """Fisher's z over a correlation matrix."""

    def __init__(self, names: tuple[str, ...], rows: int, correlation: np.ndarray) -> None:
        super().__init__(names, rows)
        self._correlation = correlation

    @property
    def correlation(self) -> np.ndarray:
        """The correlation matrix, for searches that test in bulk."""
        return self._correlation

    def _compute(self, x: int, y: int, given: tuple[int, ...]) -> Independence:
        return fisher_z(self._correlation, self.rows, x, y, given)


def fisher_z(correlation: np.ndarray, rows: int, x: int, y: int, given: tuple[int, ...] = ()) -> Independence:
    """Fisher's z test over a correlation matrix.

    Args:
        correlation: shape (p, p).
        rows: n.
        x: a position.
        y: another.
        given: the positions conditioned on.
    """
    at = [x, y, *given]
    sub = correlation[np.ix_(at, at)]
    block = sub[:2, :2]
    if given:
        block = block - sub[:2, 2:] @ np.linalg.lstsq(sub[2:, 2:], sub[2:, :2], rcond=1e-11)[0]
    freedom = rows - len(given) - 3
    if min(block[0, 0], block[1, 1]) < 1e-9 or freedom <= 0:
        # One is a linear function of the others: nothing is left that could depend.
        return Independence(x, y, given, 0.0, 1.0, effect=0.0)
    r = float(np.clip(block[0, 1] / math.sqrt(block[0, 0] * block[1, 1]), -1 + 1e-15, 1 - 1e-15))
    z = math.sqrt(freedom) * math.atanh(r)
    return Independence(x, y, given, z, math.erfc(abs(z) / math.sqrt(2)), effect=abs(r))
