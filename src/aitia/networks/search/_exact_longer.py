"""The stages of the exact search for a unit that look through formulas of four and of five mentions."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import combinations, product
from typing import TYPE_CHECKING

import numpy as np

from aitia.networks.search._exact_tables import Best, Ground, Tables
from aitia.networks.search._truth import formulas
from aitia.networks.search._workers import LONGEST_ROUND, TASKS, shares

if TYPE_CHECKING:
    from aitia.networks.search._exact_unit import Unit

Kernel = Callable[..., tuple[float, int]]
"""Looks through the formulas of some first concepts: the greatest value, and how many were counted."""


def quadruples(unit: Unit) -> bool:
    """All formulas of four mentions; whether the search came to its end."""
    from aitia.networks.search import _exact_four_kernel as four
    from aitia.networks.search import _exact_kernel as kernel

    if unit.best[-1].union == 0 or len(unit.literals) < 2:
        return True
    for start, end in shares(0, len(unit.literals), max(1, len(unit.literals) // LONGEST_ROUND)):
        improved = True
        while improved:
            if unit.late:
                return False
            improved = _choices(unit, start, end)
    begun = unit.begin_with(4)
    if begun is None:
        return True
    best, order, rows, _, values = begun
    gains, goal = _all_gains(unit, best, order)
    far = kernel.pair_bound(values.single, values.both, values.every, gains, 0, rows, 1, False)
    columns = max(rows, int(np.searchsorted(-gains[:-1], float(far) - goal)))
    tables = unit.fill_tables(order[:columns], columns)
    tables.rows = rows
    return _look_through(unit, 4, tables, four.quadruples, _cell_orders(), lanes=48)


def quintuples(unit: Unit) -> bool:
    """All formulas of five mentions; whether the search came to its end."""
    from aitia.networks.search import _exact_five_kernel as five
    from aitia.networks.search import _exact_kernel as kernel

    begun = unit.begin_with(5, least=3)
    if begun is None:
        return True
    best, order, rows, _, values = begun
    gains, goal = _all_gains(unit, best, order)
    of_pairs = values.single, values.both, values.every, gains, 0, rows
    far = max(kernel.pair_bound(*of_pairs, 2, False), kernel.pair_bound(*of_pairs, 0, True))
    columns = max(rows, int(np.searchsorted(-gains[:-1], float(far) - goal)))
    tables = unit.fill_tables(order[:columns], rows)
    given = (_packed(3), _packed(4), *_cell_orders(), *_orders_of_five())
    return _look_through(unit, 5, tables, five.quintuples, given, lanes=five.COLUMNS)


def _all_gains(unit: Unit, best: Best, order: np.ndarray) -> tuple[np.ndarray, float]:
    """What each literal of an order can add at most, also those that can't be second ones, then 0; and the goal."""
    _, _, most, goal = unit.values(best)
    return np.append(most[order], 0.0), goal


def _look_through(
    unit: Unit, length: int, tables: Tables, kernel: Kernel, given: tuple[np.ndarray, ...], lanes: int
) -> bool:
    """Rounds over the first concepts, each repeated until it holds nothing better; whether all were looked through.

    Args:
        unit: the search.
        length: how many mentions.
        tables: counts of the literals that can be in a formula.
        kernel: looks through the formulas of some first concepts.
        given: what this kernel reads beside the `Ground`.
        lanes: how many dense masks it writes.
    """

    def look(ground: Ground, start: int, end: int, dense: np.ndarray, masks: np.ndarray):
        places = np.full(length, -1, dtype=np.int64)
        value, counted = kernel(ground, start, end, *given, dense, masks, places)
        return value, counted, places

    ground = _ground(unit, tables)
    at, share = 0, TASKS
    with unit.in_time():
        while at < tables.rows:
            unit.reached = length, tables, at
            if unit.late:
                return False
            end = min(tables.rows, at + share)
            pieces = [(ground, *each) for each in shares(at, end, TASKS)]
            results = unit.in_threads(look, pieces, lanes, unit.stop)
            unit.tried += sum(int(counted) for _, counted, _ in results)
            value, _, places = max(results, key=lambda result: result[0])
            found = [int(tables.order[place]) for place in places if place >= 0]
            if value > ground.goal and unit.improve(found, length):
                ground = _ground(unit, tables)
            else:
                at, share = end, min(2 * share, LONGEST_ROUND)
            if unit.stop[0]:
                return False
    return True


def _ground(unit: Unit, tables: Tables) -> Ground:
    """What kernels read, for the threshold of the best so far."""
    best = unit.best[-1]
    values = tables.values(best.union, best.both)
    return Ground(
        unit.literals.sparse,
        tables.order,
        tables.rows,
        values.single,
        values.both,
        values.every,
        values.gains,
        values.goal,
        float(best.both),
        float(best.union),
        unit.words,
        unit.stop,
    )


def _choices(unit: Unit, start: int, end: int) -> bool:
    """Formulas (A AND Y) OR (NOT A AND Z), for some literals as A; whether a better one was found."""
    from aitia.networks.search import _exact_four_kernel as four

    best = unit.best[-1]
    single, every, _, goal = unit.values(best)

    def look(first, last, dense, masks):
        rows = np.full(4, -1, dtype=np.int64)
        value = four.choices(
            unit.literals.sparse,
            first,
            last,
            single,
            every,
            float(best.both),
            float(best.union),
            goal,
            unit.words,
            dense,
            rows,
        )
        return value, rows

    unit.tried += 4 * (end - start) * len(unit.literals)
    value, rows = max(unit.in_threads(look, shares(start, end, TASKS)), key=lambda result: result[0])
    return value > goal and unit.improve(sorted({int(row) for row in rows if row >= 0}), 4)


@cache
def _packed(concepts: int) -> np.ndarray:
    """The formulas of at most five mentions over so many concepts: a bit for each cell in which one holds."""
    tables, _ = formulas(concepts, 5)
    return np.packbits(tables, axis=1, bitorder="little")


@cache
def _cell_orders() -> tuple[np.ndarray, np.ndarray]:
    """The orders of the sixteen cells of four concepts that the kernels read."""
    chain = []
    for apex in (8, 4, 2, 1):
        cells = sorted(range(16), key=lambda cell, apex=apex: (not cell & apex, cell))
        chain.append(cells)
    parted = []
    for one, other in (((8, 4), (2, 1)), ((8, 2), (4, 1)), ((8, 1), (4, 2))):
        sums = [[sum(bits) for bits in ((), pair[1:], pair[:1], pair)] for pair in (one, other)]
        parted.append([row + column for row in sums[0] for column in sums[1]])
    return np.array(chain, dtype=np.int64), np.array(parted, dtype=np.int64)


@cache
def _orders_of_five() -> tuple[np.ndarray, np.ndarray]:
    """The orders of the thirty-two cells of five concepts that the kernel for them reads."""
    bits = (16, 8, 4, 2, 1)
    fours = [sorted(range(32), key=lambda cell, bit=bit: (not cell & bit, cell)) for bit in bits]
    threes = [
        [
            [cell for cell in range(32) if (bool(cell & one), bool(cell & other)) == row]
            for row in product((False, True), repeat=2)
        ]
        for one, other in combinations(bits, 2)
    ]
    return np.array(fours, dtype=np.int64), np.array(threes, dtype=np.int64)
