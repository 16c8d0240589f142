"""What every score is: an object without data, and the same bound to data."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from aitia.discovery._errors import DiscoveryError

if TYPE_CHECKING:
    from aitia.discovery._observations import Distinct, Observations


class Score(ABC):
    """A decomposable score of DAGs, with its options and without data: a frozen dataclass. Higher is better."""

    name: ClassVar[str]
    reads_missing: ClassVar[bool] = False
    """Whether it can be bound to data whose missing values were kept."""

    @abstractmethod
    def on(self, data: Observations) -> Scorer:
        """The score bound to data.

        Raises:
            DiscoveryError: the score does not fit the kinds of these columns.
        """


@dataclass(frozen=True, eq=False)
class GaussianTerms:
    """What a compiled search needs to score linear Gaussian models itself.

    The local score is ``-rows / 2 * log(residual variance of the node given its parents) - penalty * |parents|``
    with the residual variance relative to the node's own.

    Args:
        correlation: shape (p, p).
        rows: n.
        penalty: the price of one parent.
    """

    correlation: np.ndarray
    rows: float
    penalty: float


@dataclass(frozen=True, eq=False)
class DiscreteTerms:
    """What a compiled search needs to score discrete models itself, by ``discovery._contingency.local_score``.

    Args:
        rows: the distinct rows.
        sample: the equivalent sample size of BDeu; 0: the penalised likelihood.
        strength: the price of one free parameter of the penalised likelihood.
    """

    rows: Distinct
    sample: float
    strength: float


class Scorer(ABC):
    """A score bound to data: local scores are remembered by node and parent set, and distinct ones counted.

    Args:
        names: the variables, in the order of their positions.
        rows: the number of rows.
    """

    def __init__(self, names: Sequence[str], rows: int) -> None:
        self.names = tuple(names)
        self.rows = rows
        self._memory: dict[tuple[int, tuple[int, ...]], float] = {}
        self.calls = 0
        """How many distinct local scores were computed; compiled searches add theirs."""

    @property
    def gaussian(self) -> GaussianTerms | None:
        """What a compiled search needs, where the score is a penalised Gaussian likelihood; else None."""
        return None

    @property
    def discrete(self) -> DiscreteTerms | None:
        """What a compiled search needs, where the score is made of counts; else None."""
        return None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the person should know about the local scores made so far, a sentence each."""
        return ()

    def local(self, node: int, parents: Iterable[int] = ()) -> float:
        """The score of one node given its parents, up to a constant of the data."""
        key = (node, tuple(sorted(parents)))
        found = self._memory.get(key)
        if found is None:
            self.calls += 1
            found = self._memory[key] = self._compute(*key)
        return found

    def total(self, parents: Sequence[Iterable[int]]) -> float:
        """The score of a DAG, given the parents of each node."""
        return sum(self.local(node, above) for node, above in enumerate(parents))

    @abstractmethod
    def _compute(self, node: int, parents: tuple[int, ...]) -> float:
        """The local score for sorted parents: the mathematics of one score."""


def check_discount(name: str, discount: float) -> None:
    """Refuse a price of a parameter that is no price: a search need not end with one.

    Raises:
        DiscoveryError: it is negative, infinite or no number.
    """
    if not (math.isfinite(discount) and discount >= 0):
        raise DiscoveryError(
            f"The {name}'s discount is the price of a parameter in BIC's units, 0 or more, but came {discount!r}.",
            "Take 1 for BIC, or 2 for sparser graphs.",
        )
