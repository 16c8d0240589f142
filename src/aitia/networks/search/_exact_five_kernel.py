"""Compiled branch and bound over formulas of five mentions: of five concepts, or of three or four with repeats.

As in `_exact_kernel`, sets of positions have values of which sums are exact. A set of concepts in the order of what
they can add grows by one concept after another, and is left where no formula of five mentions over it and later
ones can exceed the goal: proofs (2) and (5) in `_exact_unit.py`. The values of the ANDs of a concept with those that
are chosen are counted when they are first asked for.

As in `_exact_four_kernel`, the kernel returns the concepts of the formula of greatest value, and runs again until
nothing exceeds the goal.

Numba loads with this module, so it is imported inside the functions that search.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from aitia.networks.search._exact_four_kernel import _best_of_eight, _place
from aitia.networks.search._exact_kernel import _best_of_pair, _erase, _least, _most, _write
from aitia.networks.search._popcount import popcounts_8, popcounts_16

SECOND, THIRD, FOURTH = (
    0,
    8,
    16,
)  # where in a row of dense words the columns of each concept that is chosen begin
COLUMNS = 32


@njit(cache=True, nogil=True)
def _exactly(values, count):
    """From values of "at least these hold" to values of "these and no others hold", in place."""
    bit = 1
    while bit < count:
        for cell in range(count):
            if not cell & bit:
                values[cell] -= values[cell | bit]
        bit *= 2


@njit(cache=True, nogil=True)
def _parted(cells, inside, count, into):
    """The cells of some concepts and a further one, from their cells and what the further one holds of each."""
    for cell in range(count):
        into[2 * cell] = cells[cell] - inside[cell]
        into[2 * cell + 1] = inside[cell]


@njit(cache=True, nogil=True)
def _positive(cells, count):
    """The value of the best set of cells, which no formula of these concepts exceeds."""
    found = 0.0
    for cell in range(count):
        found += _most(cells[cell], 0.0)
    return found


@njit(cache=True, nogil=True)
def _one_way(inside, count):
    """What a leaf of a concept can add at most, from the values of what it holds of each cell: proof (5)."""
    up, down = 0.0, 0.0
    for cell in range(count):
        if inside[cell] > 0:
            up += inside[cell]
        else:
            down -= inside[cell]
    return _most(up, down)


@njit(cache=True, nogil=True)
def _best_of_three(v0, v1, v2, v3, v4, v5, v6, v7):
    """The greatest value of a formula that names each of three concepts at most once, from those of the eight cells."""
    a, b, c = v4 + v5 + v6 + v7, v2 + v3 + v6 + v7, v1 + v3 + v5 + v7
    every = a + v0 + v1 + v2 + v3
    found = _best_of_eight(v0, v1, v2, v3, v4, v5, v6, v7)
    found = _most(found, _best_of_pair(a, b, v6 + v7, every))
    return _most(found, _most(_best_of_pair(a, c, v5 + v7, every), _best_of_pair(b, c, v3 + v7, every)))


@njit(cache=True, nogil=True)
def _best_literal(v0, v1, v2, v3):
    """The greatest value of a literal of two concepts, or of a constant, from the values of their four cells."""
    found = _most(_most(v2 + v3, v0 + v1), _most(v1 + v3, v0 + v2))
    return _most(found, _most(v0 + v1 + v2 + v3, 0.0))


@njit(cache=True, nogil=True)
def _best_choice(v):
    """The greatest value of "Y where A, Z where not A" for three concepts, from the values of the eight cells."""
    found = _best_literal(v[4], v[5], v[6], v[7]) + _best_literal(v[0], v[1], v[2], v[3])
    found = _most(found, _best_literal(v[2], v[3], v[6], v[7]) + _best_literal(v[0], v[1], v[4], v[5]))
    return _most(found, _best_literal(v[1], v[3], v[5], v[7]) + _best_literal(v[0], v[2], v[4], v[6]))


@njit(cache=True, nogil=True)
def _best_of_sixteen(cells, chain, parted):
    """The greatest value of a formula that names each of four concepts at most once, from those of the sixteen cells.

    Args:
        cells: float64 (16,).
        chain: int64 (4, 16): for each of the four as one literal beside the others, its cells, then those without it.
        parted: int64 (3, 16): for each way to part four into two and two, the cells as a table of the four cells of the
            one pair by the four of the other.
    """
    found = 0.0
    for apex in range(4):
        o = chain[apex]
        v0, v1, v2, v3 = cells[o[0]], cells[o[1]], cells[o[2]], cells[o[3]]
        v4, v5, v6, v7 = cells[o[4]], cells[o[5]], cells[o[6]], cells[o[7]]
        w0, w1, w2, w3 = cells[o[8]], cells[o[9]], cells[o[10]], cells[o[11]]
        w4, w5, w6, w7 = cells[o[12]], cells[o[13]], cells[o[14]], cells[o[15]]
        on, off = v0 + v1 + v2 + v3 + v4 + v5 + v6 + v7, w0 + w1 + w2 + w3 + w4 + w5 + w6 + w7
        inside = _best_of_eight(v0, v1, v2, v3, v4, v5, v6, v7) + _most(off, 0.0)
        outside = _best_of_eight(w0, w1, w2, w3, w4, w5, w6, w7) + _most(on, 0.0)
        without = _best_of_three(v0 + w0, v1 + w1, v2 + w2, v3 + w3, v4 + w4, v5 + w5, v6 + w6, v7 + w7)
        found = _most(found, _most(without, _most(inside, outside)))
    every = 0.0
    for cell in range(16):
        every += cells[cell]
    for way in range(3):
        o = parted[way]
        for r in range(4):
            row = cells[o[4 * r]] + cells[o[4 * r + 1]] + cells[o[4 * r + 2]] + cells[o[4 * r + 3]]
            for c in range(4):
                column = cells[o[c]] + cells[o[4 + c]] + cells[o[8 + c]] + cells[o[12 + c]]
                value = row + column - cells[o[4 * r + c]]
                found = _most(found, _most(value, every - value))
    return found


@njit(cache=True, nogil=True)
def _best_of_thirty_two(cells, goal, chain, parted, fours, threes, ones, scratch):
    """The greatest value of a formula that names each of five concepts once, where it exceeds the goal.

    At its root such a formula parts the five: into one literal and a formula of four, or into AND (or OR) of two
    literals and a formula of three, joined by the other operator. Where not even the best set of the cells that the
    larger part decides exceeds the goal, no formula is tried.

    Args:
        cells: float64 (32,): the values of the cells.
        goal: what a value must exceed.
        chain, parted: the orders of cells that `_best_of_sixteen` needs.
        fours: int64 (5, 32): for each of the five as the one literal, its cells, then those without it.
        threes: int64 (10, 4, 8): for each two of the five, the cells as a table of the four cells of these two by the
            eight of the others.
        ones: scratch, float64 (2, 16).
        scratch: scratch, float64 (2, 8).

    Returns:
        The value, or the goal.
    """
    every = 0.0
    for cell in range(32):
        every += cells[cell]
    for apex in range(5):
        for side in range(2):
            on, positive = 0.0, 0.0
            for cell in range(16):
                value = cells[fours[apex, 16 * side + cell]]
                ones[side, cell] = value
                on += value
                positive += _most(value, 0.0)
            elsewhere = _most(every - on, 0.0)
            if positive + elsewhere > goal:
                goal = _most(goal, _best_of_sixteen(ones[side], chain, parted) + elsewhere)
    columns, rest = scratch[0], scratch[1]
    for pair in range(10):
        o = threes[pair]
        for c in range(8):
            columns[c] = cells[o[0, c]] + cells[o[1, c]] + cells[o[2, c]] + cells[o[3, c]]
        for r in range(4):
            row, positive, negative = 0.0, 0.0, 0.0
            for c in range(8):
                cell = cells[o[r, c]]
                row += cell
                rest[c] = columns[c] - cell
                if rest[c] > 0:
                    positive += rest[c]
                else:
                    negative -= rest[c]
            # The two literals hold in one cell of theirs, and the formula of three is joined by OR; or the opposite.
            if row + positive > goal:
                three = _best_of_eight(rest[0], rest[1], rest[2], rest[3], rest[4], rest[5], rest[6], rest[7])
                goal = _most(goal, row + three)
            if every - row + negative > goal:
                three = _best_of_eight(
                    -rest[0], -rest[1], -rest[2], -rest[3], -rest[4], -rest[5], -rest[6], -rest[7]
                )
                goal = _most(goal, every - row + three)
    return goal


@njit(cache=True, nogil=True)
def _best_of_tables(cells, tables, sums):
    """The greatest value of some formulas.

    Args:
        cells: float64 (cells,): the values of the cells.
        tables: uint8 (formulas, cells / 8): the cells in which each formula holds, the first in the lowest bit.
        sums: scratch, float64 (cells / 8, 256).
    """
    parts = tables.shape[1]
    for part in range(parts):
        sums[part, 0] = 0.0
        for bit in range(8):
            for rest in range(1 << bit):
                sums[part, (1 << bit) + rest] = sums[part, rest] + cells[8 * part + bit]
    found = 0.0
    for row in range(len(tables)):
        value = 0.0
        for part in range(parts):
            value += sums[part, tables[row, part]]
        found = _most(found, value)
    return found


@njit(cache=True, nogil=True)
def _keep(best, a, b, c, d, e):
    best[0], best[1], best[2], best[3], best[4] = a, b, c, d, e


@njit(cache=True, nogil=True)
def quintuples(ground, start, end, of_three, of_four, chain, parted, fours, threes, dense, masks, best):
    """Look through the formulas of five mentions of which the first concept stands at start <= a < end.

    Args:
        ground: a `Ground`.
        start, end: which first rows.
        of_three, of_four: uint8 (formulas, 1 or 2): the formulas of at most five mentions of so many concepts, by the
            cells in which they hold.
        chain, parted, fours, threes: the orders of cells that `_best_of_sixteen` and `_best_of_thirty_two` need.
        dense: scratch, uint64 (words, 32), zero; left zero.
        masks: scratch, uint64 (2, words), zero; left zero.
        best: int64 (5,): the places of the concepts in the tables, filled where the goal is exceeded.

    Returns:
        The greatest value found, or the goal; and how many sets of concepts were counted.
    """
    sparse, order, single, both, total = ground.sparse, ground.order, ground.single, ground.both, ground.total
    gains, goal, unit, rows, stop = ground.gains, ground.goal, ground.unit, ground.rows, ground.stop
    per_shared, price = ground.gain + ground.price, ground.price
    columns = len(single)
    counts = np.zeros((1, COLUMNS), dtype=np.int64)
    # What each later concept holds of the ANDs of those that are chosen, and for which choice that was counted.
    with_two, two = np.zeros((columns, 4)), np.full(columns, -1, dtype=np.int64)
    with_three, three = np.zeros((columns, 8)), np.full(columns, -1, dtype=np.int64)
    choice_of_two, choice_of_three = 0, 0
    cells_2, cells_3, cells_4, cells_5 = np.zeros(4), np.zeros(8), np.zeros(16), np.zeros(32)
    inside_2, inside_3, inside_4 = np.zeros(4), np.zeros(8), np.zeros(16)
    sums, ones, scratch = np.zeros((2, 256)), np.zeros((2, 16)), np.zeros((2, 8))
    counted = 0
    for a in range(start, end):
        _write(sparse, order[a], masks[0])
        for b in range(a + 1, rows):
            if stop[0]:
                break
            pair = _best_of_pair(single[a], single[b], both[a, b], total)
            cells_2[0], cells_2[1], cells_2[2], cells_2[3] = total, single[b], single[a], both[a, b]
            _exactly(cells_2, 4)
            any_2 = _positive(cells_2, 4)
            if _most(pair + 3 * gains[b + 1], any_2 + gains[b + 1]) <= goal:
                continue
            choice_of_two += 1
            entry_b = order[b]
            _write(sparse, entry_b, masks[1])
            for p in range(sparse.first[entry_b], sparse.first[entry_b + 1]):
                place, word = sparse.place[p], sparse.word[p]
                fires, with_a = unit[place], word & masks[0, place]
                dense[place, SECOND], dense[place, SECOND + 1] = word, with_a
                dense[place, SECOND + 2], dense[place, SECOND + 3] = word & fires, with_a & fires
            for c in range(b + 1, columns):
                if _most(pair + 3 * gains[c], any_2 + gains[c]) <= goal:
                    break
                _ask_two(
                    sparse, order, a, c, single, both, per_shared, price, dense, counts, with_two, two,
                    choice_of_two,
                )  # fmt: skip
                counted += 1
                inside_2[:] = with_two[c]
                _exactly(inside_2, 4)
                _parted(cells_2, inside_2, 4, cells_3)
                any_3 = _positive(cells_3, 8)
                if any_3 > goal:
                    value = _best_of_tables(cells_3, of_three, sums)
                    if value > goal:
                        goal = value
                        _keep(best, a, b, c, -1, -1)
                best_3 = _best_of_three(
                    cells_3[0], cells_3[1], cells_3[2], cells_3[3],
                    cells_3[4], cells_3[5], cells_3[6], cells_3[7],
                )  # fmt: skip
                once_more = _most(best_3, _best_choice(cells_3))
                if _most(best_3 + 2 * gains[c + 1], once_more + gains[c + 1]) <= goal:
                    continue
                choice_of_three += 1
                entry_c = order[c]
                for p in range(sparse.first[entry_c], sparse.first[entry_c + 1]):
                    place, word = sparse.place[p], sparse.word[p]
                    fires, with_a, with_b = unit[place], word & masks[0, place], word & masks[1, place]
                    dense[place, THIRD], dense[place, THIRD + 1] = word, with_b
                    dense[place, THIRD + 2], dense[place, THIRD + 3] = with_a, with_a & with_b
                    for subset in range(4):
                        dense[place, THIRD + 4 + subset] = dense[place, THIRD + subset] & fires
                for d in range(c + 1, columns):
                    if _most(best_3 + 2 * gains[d], once_more + gains[d]) <= goal:
                        break
                    _ask_three(
                        sparse, order, a, d, single, both, per_shared, price, dense, counts, with_two, two,
                        choice_of_two, with_three, three, choice_of_three,
                    )  # fmt: skip
                    counted += 1
                    inside_3[:] = with_three[d]
                    _exactly(inside_3, 8)
                    _parted(cells_3, inside_3, 8, cells_4)
                    any_4 = _positive(cells_4, 16)
                    if any_4 > goal:
                        value = _best_of_tables(cells_4, of_four, sums)
                        if value > goal:
                            goal = value
                            _keep(best, a, b, c, d, -1)
                    if _least(any_4, best_3 + _one_way(inside_3, 8)) + gains[d + 1] <= goal:
                        continue
                    best_4 = _best_of_sixteen(cells_4, chain, parted)
                    far = _place(gains, goal - best_4, d + 1)
                    if far <= d + 1:
                        continue
                    entry_d = order[d]
                    for p in range(sparse.first[entry_d], sparse.first[entry_d + 1]):
                        place, word = sparse.place[p], sparse.word[p]
                        fires = unit[place]
                        with_a, with_b = word & masks[0, place], word & masks[1, place]
                        dense[place, FOURTH], dense[place, FOURTH + 2] = word, with_b
                        dense[place, FOURTH + 4], dense[place, FOURTH + 6] = with_a, with_a & with_b
                        for subset in range(4):
                            dense[place, FOURTH + 2 * subset + 1] = word & dense[place, THIRD + subset]
                        for subset in range(8):
                            dense[place, FOURTH + 8 + subset] = dense[place, FOURTH + subset] & fires
                    for e in range(d + 1, far):
                        _ask_three(
                            sparse, order, a, e, single, both, per_shared, price, dense, counts, with_two, two,
                            choice_of_two, with_three, three, choice_of_three,
                        )  # fmt: skip
                        counted += 1
                        counts[:] = 0
                        entry = order[e]
                        popcounts_16(
                            sparse.word, sparse.place, sparse.first[entry], sparse.first[entry + 1], dense,
                            counts, 0, FOURTH,
                        )  # fmt: skip
                        for subset in range(8):
                            inside_4[2 * subset] = with_three[e, subset]
                            inside_4[2 * subset + 1] = (
                                per_shared * counts[0, FOURTH + 8 + subset]
                                - price * counts[0, FOURTH + subset]
                            )
                        _exactly(inside_4, 16)
                        if best_4 + _one_way(inside_4, 16) <= goal:
                            continue
                        _parted(cells_4, inside_4, 16, cells_5)
                        if _positive(cells_5, 32) <= goal:
                            continue
                        value = _best_of_thirty_two(
                            cells_5, goal, chain, parted, fours, threes, ones, scratch
                        )
                        if value > goal:
                            goal = value
                            _keep(best, a, b, c, d, e)
                    _zero(sparse, entry_d, dense, FOURTH, 16)
                _zero(sparse, entry_c, dense, THIRD, 8)
            _zero(sparse, entry_b, dense, SECOND, 4)
            _erase(sparse, entry_b, masks[1])
        _erase(sparse, order[a], masks[0])
    return goal, counted


@njit(cache=True, nogil=True)
def _zero(sparse, entry, dense, first, many):
    """Undo what was written into columns at the places of a sparse row."""
    for p in range(sparse.first[entry], sparse.first[entry + 1]):
        place = sparse.place[p]
        for column in range(first, first + many):
            dense[place, column] = 0


@njit(cache=True, nogil=True)
def _ask_two(
    sparse, order, a, x, single, both, per_shared, price, dense, counts, with_two, counted_for, choice
):
    """The values of X, of X AND B, of X AND A, and of all three, counted once for each choice of A and B."""
    if counted_for[x] == choice:
        return
    counted_for[x] = choice
    counts[:] = 0
    entry = order[x]
    popcounts_8(
        sparse.word, sparse.place, sparse.first[entry], sparse.first[entry + 1], dense, counts, 0, SECOND
    )
    with_two[x, 0], with_two[x, 2] = single[x], both[a, x]
    with_two[x, 1] = per_shared * counts[0, SECOND + 2] - price * counts[0, SECOND]
    with_two[x, 3] = per_shared * counts[0, SECOND + 3] - price * counts[0, SECOND + 1]


@njit(cache=True, nogil=True)
def _ask_three(
    sparse, order, a, x, single, both, per_shared, price, dense, counts, with_two, counted_two, choice_of_two,
    with_three, counted_for, choice,
):  # fmt: skip
    """The values of X joined by AND with each subset of A, B and C, counted once for each choice of them."""
    if counted_for[x] == choice:
        return
    counted_for[x] = choice
    _ask_two(
        sparse, order, a, x, single, both, per_shared, price, dense, counts, with_two, counted_two,
        choice_of_two,
    )  # fmt: skip
    counts[:] = 0
    entry = order[x]
    popcounts_8(
        sparse.word, sparse.place, sparse.first[entry], sparse.first[entry + 1], dense, counts, 0, THIRD
    )
    for subset in range(4):
        with_three[x, 2 * subset] = with_two[x, subset]
        with_three[x, 2 * subset + 1] = (
            per_shared * counts[0, THIRD + 4 + subset] - price * counts[0, THIRD + subset]
        )
