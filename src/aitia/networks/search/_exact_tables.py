"""Counts and values that the exact search for a unit compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from aitia.networks.formulas._formula import Formula
from aitia.networks.search._sparse import Sparse


@dataclass
class Best:
    """The best formula so far of at most some length."""

    formula: Formula
    both: int
    size: int
    fires: int

    @property
    def union(self) -> int:
        return self.size + self.fires - self.both

    @property
    def score(self) -> float:
        return self.both / self.union if self.union else 0.0

    def beaten_by(self, both: int, size: int) -> bool:
        """Whether another overlap has a higher score, in whole numbers."""
        return both * self.union > self.both * (size + self.fires - both)


@dataclass
class Tables:
    """Counts of literals in an order, and of their pairs: where both hold, and where both hold and the unit fires."""

    order: np.ndarray
    rows: int  # how many can be second ones
    single_held: np.ndarray
    single_shared: np.ndarray
    held: np.ndarray
    shared: np.ndarray
    total: int
    fires: int

    def values(self, gain: float, price: float) -> Values:
        """The values of all that was counted, for the threshold price / gain."""
        gain, price = float(gain), float(price)
        ups = gain * self.single_shared
        downs = price * (self.single_held - self.single_shared)
        gains = np.append(np.maximum.accumulate(np.maximum(ups, downs)[::-1])[::-1], 0.0)
        return Values(
            ups - downs,
            (gain + price) * self.shared - price * self.held,
            gain * self.fires - price * (self.total - self.fires),
            ups,
            downs,
            gains,
            price * self.fires,
        )


@dataclass(frozen=True)
class Values:
    """Values of literals, of the ANDs of two and of everything; what literals can add; what must be exceeded."""

    single: np.ndarray
    both: np.ndarray
    every: float
    ups: np.ndarray
    downs: np.ndarray
    gains: np.ndarray
    goal: float


class Ground(NamedTuple):
    """What the kernels of four and five mentions read.

    Args:
        sparse: the rows, of one block, each with an entry.
        order: int64 (columns,): the rows in the order of the tables.
        rows: how many rows can be second ones.
        single, both, total: values of rows, of ANDs of two, float64 (rows or more, columns), and of everything.
        gains: float64 (columns + 1,): what the rows from each place on can add to a formula at most; falling.
        goal: what a value must exceed.
        price, gain: p and q.
        unit: uint64 (words,): where the unit fires.
        stop: uint8 (1,): not 0 as soon as the search is to stop.
    """

    sparse: Sparse
    order: np.ndarray
    rows: int
    single: np.ndarray
    both: np.ndarray
    total: float
    gains: np.ndarray
    goal: float
    price: float
    gain: float
    unit: np.ndarray
    stop: np.ndarray
