"""Compiled branch and bound over formulas that name four concepts, or three with one of them twice.

As in `_exact_kernel`, sets of positions have values of which sums are exact. Here the kernels return the formula's
concepts only, those of the greatest value; which formula it is, and whether one of another value has a higher score,
is found outside, and the kernels run again until nothing exceeds the goal.

Numba loads with this module, so it is imported inside the functions that search.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from aitia.networks.search._exact_kernel import (
    BATCH,
    _best_of_pair,
    _best_of_world,
    _clear,
    _erase,
    _most,
    _spread,
    _spread_within,
    _write,
)
from aitia.networks.search._popcount import popcounts_16, popcounts_32


@njit(cache=True, nogil=True)
def choices(sparse, start, end, single, total, price, gain, goal, unit, dense, best):
    """Look through the formulas "Y where A, Z where not A" of literals Y and Z, for the rows start <= a < end as A.

    For each A the best Y and the best Z are found apart.

    Args:
        sparse: the rows, of one block, each with an entry.
        start, end: which rows.
        single: float64 (rows,): the value of each row.
        total: the value of everything.
        price, gain: p and q.
        goal: what a value must exceed.
        unit: uint64 (words,): where the unit fires.
        dense: scratch, uint64 (words, at least 16), zero; left zero.
        best: int64 (4,): rows a, y, z, filled where the goal is exceeded.

    Returns:
        The greatest value found, or the goal.
    """
    rows = len(single)
    counts = np.zeros((1, 2 * BATCH), dtype=np.int64)
    inside, outside = np.zeros(BATCH), np.zeros(BATCH)
    first, second = np.zeros(BATCH, dtype=np.int64), np.zeros(BATCH, dtype=np.int64)
    for batch in range(start, end, BATCH):
        many = min(BATCH, end - batch)
        for j in range(many):
            _spread(sparse, batch + j, dense, j, unit, False)
            _spread(sparse, batch + j, dense, BATCH + j, unit, True)
        inside[:] = -np.inf
        outside[:] = -np.inf
        for y in range(rows):
            counts[:] = 0
            popcounts_16(sparse.word, sparse.place, sparse.first[y], sparse.first[y + 1], dense, counts, 0, 0)
            for j in range(many):
                both = (gain + price) * counts[0, BATCH + j] - price * counts[0, j]
                a = single[batch + j]
                value = _most(both, a - both)
                if value > inside[j]:
                    inside[j] = value
                    first[j] = y
                value = _most(single[y] - both, total - a - single[y] + both)
                if value > outside[j]:
                    outside[j] = value
                    second[j] = y
        for j in range(many):
            if inside[j] + outside[j] > goal:
                goal = inside[j] + outside[j]
                best[0], best[1], best[2] = batch + j, first[j], second[j]
            _clear(sparse, batch + j, dense, j)
            _clear(sparse, batch + j, dense, BATCH + j)
    return goal


@njit(cache=True, nogil=True)
def _best_of_eight(v0, v1, v2, v3, v4, v5, v6, v7):
    """The greatest value of a formula of three concepts, from the values of the eight cells they cut."""
    found = _best_of_world(v4, v5, v6, v7) + _most(v0 + v1 + v2 + v3, 0.0)
    found = _most(found, _best_of_world(v0, v1, v2, v3) + _most(v4 + v5 + v6 + v7, 0.0))
    found = _most(found, _best_of_world(v2, v3, v6, v7) + _most(v0 + v1 + v4 + v5, 0.0))
    found = _most(found, _best_of_world(v0, v1, v4, v5) + _most(v2 + v3 + v6 + v7, 0.0))
    found = _most(found, _best_of_world(v1, v3, v5, v7) + _most(v0 + v2 + v4 + v6, 0.0))
    return _most(found, _best_of_world(v0, v2, v4, v6) + _most(v1 + v3 + v5 + v7, 0.0))


@njit(cache=True, nogil=True)
def _chains(cells, order, found):
    """Raise `found` to the greatest value of one literal joined with a formula of the three others, lane by lane.

    Args:
        cells: float64 (16, lanes): the values of the cells.
        order: int64 (4, 16): for each of the four as the one literal, its cells where it holds, then the others.
        found: float64 (lanes,), raised.
    """
    for apex in range(4):
        o = order[apex]
        for j in range(BATCH):
            on0, on1, on2, on3 = cells[o[0], j], cells[o[1], j], cells[o[2], j], cells[o[3], j]
            on4, on5, on6, on7 = cells[o[4], j], cells[o[5], j], cells[o[6], j], cells[o[7], j]
            off0, off1, off2, off3 = cells[o[8], j], cells[o[9], j], cells[o[10], j], cells[o[11], j]
            off4, off5, off6, off7 = cells[o[12], j], cells[o[13], j], cells[o[14], j], cells[o[15], j]
            on = on0 + on1 + on2 + on3 + on4 + on5 + on6 + on7
            off = off0 + off1 + off2 + off3 + off4 + off5 + off6 + off7
            one = _best_of_eight(on0, on1, on2, on3, on4, on5, on6, on7) + _most(off, 0.0)
            other = _best_of_eight(off0, off1, off2, off3, off4, off5, off6, off7) + _most(on, 0.0)
            found[j] = _most(found[j], _most(one, other))


@njit(cache=True, nogil=True)
def _two_and_two(cells, order, rows, columns, found):
    """Raise `found` to the greatest value of (Y AND Z) OR (V AND W), or of its opposite, lane by lane.

    Args:
        cells: float64 (16, lanes): the values of the cells.
        order: int64 (3, 16): for each of the three ways to part four into two and two, the cells as a table of the
            four cells of the one pair by the four cells of the other.
        rows, columns: scratch, float64 (4, lanes).
        found: float64 (lanes,), raised.
    """
    for way in range(3):
        o = order[way]
        for r in range(4):
            for j in range(BATCH):
                rows[r, j] = (
                    cells[o[4 * r], j]
                    + cells[o[4 * r + 1], j]
                    + cells[o[4 * r + 2], j]
                    + cells[o[4 * r + 3], j]
                )
                columns[r, j] = cells[o[r], j] + cells[o[4 + r], j] + cells[o[8 + r], j] + cells[o[12 + r], j]
        for r in range(4):
            for c in range(4):
                for j in range(BATCH):
                    value = rows[r, j] + columns[c, j] - cells[o[4 * r + c], j]
                    opposite = rows[0, j] + rows[1, j] + rows[2, j] + rows[3, j] - value
                    found[j] = _most(found[j], _most(value, opposite))


@njit(cache=True, nogil=True)
def _place(gains, needed, low):
    """The first place from `low` on from which on no row gains more than what is needed."""
    high = len(gains) - 1
    while low < high:
        middle = (low + high) // 2
        if gains[middle] > needed:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def quadruples(ground, start, end, chain, parted, dense, masks, best):
    """Look through the formulas of four concepts whose first stands at start <= a < end and that may exceed the goal.

    Args:
        ground: a `Ground`, with the values of the ANDs of all columns.
        start, end: which first rows.
        chain, parted: the orders of cells that `_chains` and `_two_and_two` need.
        dense: scratch, uint64 (words, 48), zero; left zero.
        masks: scratch, uint64 (2, words), zero; left zero.
        best: int64 (4,): the places of the four in the tables, filled where the goal is exceeded.

    Returns:
        The greatest value found, or the goal; and how many quadruples were counted.
    """
    sparse, order, single, both, total = ground.sparse, ground.order, ground.single, ground.both, ground.total
    gains, goal, price, gain, unit = ground.gains, ground.goal, ground.price, ground.gain, ground.unit
    rows, stop = ground.rows, ground.stop
    columns = len(single)
    counts = np.zeros((1, 6 * BATCH), dtype=np.int64)
    triple = np.zeros((BATCH, columns))
    found, cells = np.zeros(BATCH), np.zeros((16, BATCH))
    by_row, by_column = np.zeros((4, BATCH)), np.zeros((4, BATCH))
    thirds, limits = np.zeros(columns, dtype=np.int64), np.zeros(columns, dtype=np.int64)
    lane = np.zeros(BATCH, dtype=np.int64)
    counted = 0
    for a in range(start, end):
        _write(sparse, order[a], masks[0])
        for batch in range(a + 1, rows, BATCH):
            if stop[0]:
                break
            wide = min(BATCH, rows - batch)
            # So far must triples be counted: the third and the fourth concept are before this place.
            far = batch
            for j in range(wide):
                b = batch + j
                needed = goal - _best_of_pair(single[a], single[b], both[a, b], total)
                if needed < 2 * gains[b + 1]:
                    far = max(far, _place(gains, needed - gains[b + 1], b + 1))
            if far < batch + 2:
                continue
            for j in range(wide):
                _spread_within(sparse, order[batch + j], dense, j, masks[0], unit)
            for c in range(batch + 1, far):
                counts[:] = 0
                entry = order[c]
                popcounts_16(
                    sparse.word,
                    sparse.place,
                    sparse.first[entry],
                    sparse.first[entry + 1],
                    dense,
                    counts,
                    0,
                    0,
                )
                for j in range(BATCH):
                    triple[j, c] = (gain + price) * counts[0, BATCH + j] - price * counts[0, j]
            for j in range(wide):
                _clear(sparse, order[batch + j], dense, j)
                _clear(sparse, order[batch + j], dense, BATCH + j)
            for j in range(wide):
                b = batch + j
                pair = _best_of_pair(single[a], single[b], both[a, b], total)
                many = 0
                for c in range(b + 1, far):
                    if pair + gains[c] + gains[c + 1] <= goal:
                        break
                    ab, ac, bc, abc = both[a, b], both[a, c], both[b, c], triple[j, c]
                    c1, c2, c4 = (
                        single[c] - ac - bc + abc,
                        single[b] - ab - bc + abc,
                        single[a] - ab - ac + abc,
                    )
                    c3, c5, c6 = bc - abc, ac - abc, ab - abc
                    three = _best_of_eight(
                        total - c1 - c2 - c3 - c4 - c5 - c6 - abc, c1, c2, c3, c4, c5, c6, abc
                    )
                    three = _most(three, _most(pair, _best_of_pair(single[a], single[c], ac, total)))
                    three = _most(three, _best_of_pair(single[b], single[c], bc, total))
                    limit = _place(gains, goal - three, c + 1)
                    if limit > c + 1:
                        thirds[many] = c
                        limits[many] = limit
                        many += 1
                if many == 0:
                    continue
                _write(sparse, order[b], masks[1])
                by_limit = np.argsort(-limits[:many])
                for some in range(0, many, BATCH):
                    taken = min(BATCH, many - some)
                    least = columns
                    for i in range(BATCH):
                        lane[i] = thirds[by_limit[min(some + i, many - 1)]]
                        least = min(least, lane[i])
                    for i in range(taken):
                        entry = order[lane[i]]
                        for p in range(sparse.first[entry], sparse.first[entry + 1]):
                            place = sparse.place[p]
                            with_a = sparse.word[p] & masks[0, place]
                            with_b = sparse.word[p] & masks[1, place]
                            dense[place, i] = with_a
                            dense[place, BATCH + i] = with_a & unit[place]
                            dense[place, 2 * BATCH + i] = with_b
                            dense[place, 3 * BATCH + i] = with_b & unit[place]
                            dense[place, 4 * BATCH + i] = with_a & with_b
                            dense[place, 5 * BATCH + i] = with_a & with_b & unit[place]
                    for d in range(least + 1, limits[by_limit[some]]):
                        counted += taken
                        counts[:] = 0
                        entry = order[d]
                        at, last = sparse.first[entry], sparse.first[entry + 1]
                        popcounts_32(sparse.word, sparse.place, at, last, dense, counts, 0, 0)
                        popcounts_16(sparse.word, sparse.place, at, last, dense, counts, 0, 4 * BATCH)
                        ab, ad, bd, abd = both[a, b], both[a, d], both[b, d], triple[j, d]
                        for i in range(BATCH):
                            c = lane[i]
                            ac, bc, cd, abc = both[a, c], both[b, c], both[c, d], triple[j, c]
                            acd = (gain + price) * counts[0, BATCH + i] - price * counts[0, i]
                            bcd = (gain + price) * counts[0, 3 * BATCH + i] - price * counts[0, 2 * BATCH + i]
                            c15 = (gain + price) * counts[0, 5 * BATCH + i] - price * counts[0, 4 * BATCH + i]
                            c14, c13, c11, c7 = abc - c15, abd - c15, acd - c15, bcd - c15
                            c12 = ab - c15 - c14 - c13
                            c10 = ac - c15 - c14 - c11
                            c9 = ad - c15 - c13 - c11
                            c6 = bc - c15 - c14 - c7
                            c5 = bd - c15 - c13 - c7
                            c3 = cd - c15 - c11 - c7
                            c8 = single[a] - c9 - c10 - c11 - c12 - c13 - c14 - c15
                            c4 = single[b] - c5 - c6 - c7 - c12 - c13 - c14 - c15
                            c2 = single[c] - c3 - c6 - c7 - c10 - c11 - c14 - c15
                            c1 = single[d] - c3 - c5 - c7 - c9 - c11 - c13 - c15
                            cells[0, i] = total - single[a] - c1 - c2 - c3 - c4 - c5 - c6 - c7
                            cells[1, i], cells[2, i], cells[3, i], cells[4, i] = c1, c2, c3, c4
                            cells[5, i], cells[6, i], cells[7, i], cells[8, i] = c5, c6, c7, c8
                            cells[9, i], cells[10, i], cells[11, i], cells[12, i] = c9, c10, c11, c12
                            cells[13, i], cells[14, i], cells[15, i] = c13, c14, c15
                            found[i] = goal
                        _chains(cells, chain, found)
                        _two_and_two(cells, parted, by_row, by_column, found)
                        for i in range(taken):
                            if found[i] > goal and lane[i] < d:
                                goal = found[i]
                                best[0], best[1], best[2], best[3] = a, b, lane[i], d
                    for i in range(taken):
                        for column in range(6):
                            _clear(sparse, order[lane[i]], dense, column * BATCH + i)
                _erase(sparse, order[b], masks[1])
        _erase(sparse, order[a], masks[0])
    return goal, counted
