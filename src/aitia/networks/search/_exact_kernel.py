"""Compiled branch and bound over all formulas of up to three concepts.

Why the bounds hold is proven in `_exact_unit.py`; this file counts and compares. Every comparison is exact: for the
best intersection over union so far, p / q, a set S of positions has the value

    v(S) = q |S and U| - p |S and not U|,      so that  IoU(S) > p / q  if and only if  v(S) > p |U|,

whole numbers far below 2^53, which double precision adds and compares without rounding.

Numba loads with this module, so it is imported inside the functions that search.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from aitia.networks.search._popcount import popcounts_16

BATCH = 8  # second concepts that are counted beside each other


@njit(cache=True, nogil=True)
def _spread(sparse, entry, dense, column, by, masked):
    """Write a sparse row into a column of dense words, joined by AND with `by` where `masked`."""
    for p in range(sparse.first[entry], sparse.first[entry + 1]):
        place = sparse.place[p]
        dense[place, column] = sparse.word[p] & by[place] if masked else sparse.word[p]


@njit(cache=True, nogil=True)
def _clear(sparse, entry, dense, column):
    """Undo `_spread`."""
    for p in range(sparse.first[entry], sparse.first[entry + 1]):
        dense[sparse.place[p], column] = 0


@njit(cache=True, nogil=True)
def _spread_within(sparse, entry, dense, column, mask, unit):
    """Write where a sparse row and a mask hold into a column, and where the unit fires too BATCH columns further."""
    _spread(sparse, entry, dense, column, mask, True)
    for p in range(sparse.first[entry], sparse.first[entry + 1]):
        place = sparse.place[p]
        dense[place, BATCH + column] = dense[place, column] & unit[place]


@njit(cache=True, nogil=True)
def _write(sparse, entry, mask):
    """Write the words of a sparse row into a mask that is zero."""
    for p in range(sparse.first[entry], sparse.first[entry + 1]):
        mask[sparse.place[p]] = sparse.word[p]


@njit(cache=True, nogil=True)
def _erase(sparse, entry, mask):
    """Undo `_write`."""
    for p in range(sparse.first[entry], sparse.first[entry + 1]):
        mask[sparse.place[p]] = 0


@njit(cache=True, nogil=True)
def pair_counts(sparse, order, start, end, columns, unit, dense, held, shared):
    """Count for pairs of rows where both hold, and where both hold and the unit fires.

    Args:
        sparse: the rows, of one block, each with an entry.
        order: int64: the rows in the order of the tables.
        start, end: which rows of the tables to fill.
        columns: how many columns.
        unit: uint64 (words,): where the unit fires.
        dense: scratch, uint64 (words, 16), zero; left zero.
        held: int32 (rows, columns), filled: |A and B|.
        shared: int32 (rows, columns), filled: |A and B and U|.
    """
    counts = np.zeros((1, 2 * BATCH), dtype=np.int64)
    for batch in range(start, end, BATCH):
        many = min(BATCH, end - batch)
        for j in range(many):
            _spread(sparse, order[batch + j], dense, j, unit, False)
            _spread(sparse, order[batch + j], dense, BATCH + j, unit, True)
        for c in range(columns):
            counts[:] = 0
            entry = order[c]
            popcounts_16(
                sparse.word, sparse.place, sparse.first[entry], sparse.first[entry + 1], dense, counts, 0, 0
            )
            for j in range(many):
                held[batch + j, c] = counts[0, j]
                shared[batch + j, c] = counts[0, BATCH + j]
        for j in range(many):
            _clear(sparse, order[batch + j], dense, j)
            _clear(sparse, order[batch + j], dense, BATCH + j)


@njit(cache=True, nogil=True)
def _most(a, b):
    return a if a > b else b


@njit(cache=True, nogil=True)
def _least(a, b):
    return a if a < b else b


@njit(cache=True, nogil=True)
def _best_of_pair(a, b, ab, total):
    """The greatest value of a formula of at most these two concepts, from the values of A, B, A and B, and all.

    Of the four cells that two concepts cut everything into, AND of literals holds in one and OR in all but one.
    """
    one, two, neither = a - ab, b - ab, total - a - b + ab
    high = _most(_most(ab, neither), _most(one, two))
    low = _least(_least(ab, neither), _least(one, two))
    single = _most(_most(a, total - a), _most(b, total - b))
    return _most(_most(_most(high, total - low), single), _most(total, 0.0))


@njit(cache=True, nogil=True)
def best_pairs(single, both, total, start, end, most):
    """`_best_of_pair` for rows of the table and all columns after them; of each row, the greatest.

    Args:
        single: float64 (columns,): the value of each row.
        both: float64 (rows, columns): the value of each pair's AND.
        total: the value of everything.
        start, end: which rows.
        most: float64 (rows,), filled.
    """
    for a in range(start, end):
        found = 0.0
        for b in range(a + 1, both.shape[0]):
            found = _most(found, _best_of_pair(single[a], single[b], both[a, b], total))
        most[a] = found


@njit(cache=True, nogil=True)
def pair_bound(single, both, total, gains, start, rows, extra, repeats):
    """What the value of no formula exceeds whose first concept stands at start or after and whose second before rows.

    Args:
        single, both, total: values, as in `best_pairs`.
        gains: float64 (columns + 1,): what the rows from each place on can add to a formula at most; falling.
        start: from which first concept on.
        rows: how many rows can be second ones.
        extra: how many mentions a formula has beside the first two concepts.
        repeats: whether these may be the first two concepts again.
    """
    found = 0.0
    for a in range(start, rows):
        for b in range(a + 1, rows):
            ab = both[a, b]
            if repeats:
                one, two, neither = single[a] - ab, single[b] - ab, total - single[a] - single[b] + ab
                pair = _most(ab, 0.0) + _most(one, 0.0) + _most(two, 0.0) + _most(neither, 0.0)
            else:
                pair = _best_of_pair(single[a], single[b], ab, total)
            found = _most(found, pair + extra * gains[b if repeats else b + 1])
    return found


@njit(cache=True, nogil=True)
def _improve_pair(best, a, b, held, shared, fires):
    """Keep the best formula of two concepts, from the cells' counts, where it is better than the best so far."""
    all_held = held[0] + held[1] + held[2] + held[3]
    all_shared = shared[0] + shared[1] + shared[2] + shared[3]
    for cell in range(4):
        for joined in range(2):  # AND: the cell; OR: all but the cell
            size = all_held - held[cell] if joined else held[cell]
            both = all_shared - shared[cell] if joined else shared[cell]
            if both * (best[1] + fires - best[0]) > best[0] * (size + fires - both):
                best[0], best[1] = both, size
                best[2], best[3], best[4] = a, b, -1
                best[5] = cell + 4 * joined


@njit(cache=True, nogil=True)
def pairs(
    start, end, single_held, single_shared, held, shared, single, both, total, goal, positions, fires, best
):
    """Look through all formulas of two concepts whose first stands at start <= a < end.

    Args:
        single_held, single_shared: int64 (columns,): counts of rows.
        held, shared: the tables of `pair_counts`.
        single, both, total: values, as in `best_pairs`.
        goal: p |U|, which a value must exceed.
        positions: how many positions there are.
        fires: at how many the unit fires.
        best: int64 (6,): |F and U|, |F|, rows a, b, c (-1 for none) and the form of the best formula; improved.

    Returns:
        How many formulas were looked at.
    """
    cell_held = np.zeros(4, dtype=np.int64)
    cell_shared = np.zeros(4, dtype=np.int64)
    tried = 0
    for a in range(start, end):
        for b in range(a + 1, both.shape[0]):
            tried += 8
            if _best_of_pair(single[a], single[b], both[a, b], total) > goal:
                cell_held[3], cell_shared[3] = held[a, b], shared[a, b]
                cell_held[2] = single_held[a] - held[a, b]
                cell_shared[2] = single_shared[a] - shared[a, b]
                cell_held[1] = single_held[b] - held[a, b]
                cell_shared[1] = single_shared[b] - shared[a, b]
                cell_held[0] = positions - cell_held[1] - cell_held[2] - cell_held[3]
                cell_shared[0] = fires - cell_shared[1] - cell_shared[2] - cell_shared[3]
                _improve_pair(best, a, b, cell_held, cell_shared, fires)
    return tried


@njit(cache=True, nogil=True)
def _best_of_world(v0, v1, v2, v3):
    """The greatest value, in a world that two concepts cut into four cells, of AND or OR of two literals."""
    high = _most(_most(v0, v1), _most(v2, v3))
    low = _least(_least(v0, v1), _least(v2, v3))
    return _most(high, v0 + v1 + v2 + v3 - low)


@njit(cache=True, nogil=True)
def _best_of_triple(a, b, c, ab, ac, bc, abc, total):
    """The greatest value of a formula that joins one literal with AND or OR of two, from the values of the ANDs.

    Where the one literal holds (or where it does not) the formula is AND or OR of the two others; elsewhere it is
    false or true.
    """
    c7 = abc
    c6 = ab - abc
    c5 = ac - abc
    c3 = bc - abc
    c4 = a - ab - c5
    c2 = b - ab - c3
    c1 = c - ac - c3
    c0 = total - a - b + ab - c1
    found = _best_of_world(c4, c5, c6, c7) + _most(total - a, 0.0)
    found = _most(found, _best_of_world(c0, c1, c2, c3) + _most(a, 0.0))
    found = _most(found, _best_of_world(c2, c3, c6, c7) + _most(total - b, 0.0))
    found = _most(found, _best_of_world(c0, c1, c4, c5) + _most(b, 0.0))
    found = _most(found, _best_of_world(c1, c3, c5, c7) + _most(total - c, 0.0))
    return _most(found, _best_of_world(c0, c2, c4, c6) + _most(c, 0.0))


@njit(cache=True, nogil=True)
def _improve_triple(best, rows, held, shared, fires):
    """Keep the best formula of three concepts, from the counts of the eight cells, where it is better."""
    every_held = held.sum()
    every_shared = shared.sum()
    for apex in range(3):
        bit = 4 >> apex
        left = 4 if apex != 0 else 2
        right = 1 if apex != 2 else 2
        for side in range(2):  # in which world of the apex the two others are joined
            world_held = 0
            world_shared = 0
            for cell in range(8):
                if ((cell & bit) != 0) == (side == 1):
                    world_held += held[cell]
                    world_shared += shared[cell]
            for cell in range(4):
                at = (bit if side else 0) + (left if cell & 2 else 0) + (right if cell & 1 else 0)
                for joined in range(2):
                    for outside in range(2):
                        size = world_held - held[at] if joined else held[at]
                        both = world_shared - shared[at] if joined else shared[at]
                        if outside:
                            size += every_held - world_held
                            both += every_shared - world_shared
                        if both * (best[1] + fires - best[0]) > best[0] * (size + fires - both):
                            best[0], best[1] = both, size
                            best[2], best[3], best[4] = (
                                rows[apex],
                                rows[1 if apex == 0 else 0],
                                rows[1 if apex == 2 else 2],
                            )
                            best[5] = 8 + cell + 4 * joined + 8 * side + 16 * outside


@njit(cache=True, nogil=True)
def _need(need, base, cap, goal):
    """The least that a third concept must add to a base, to which at most `cap` can be added."""
    return _least(need, goal - base) if base + cap > goal else need


@njit(cache=True, nogil=True)
def _needs(a_up, a_down, b_up, b_down, ab_up, ab_down, all_up, all_down, goal):
    """What a third concept must have, above which a formula of three may exceed the goal: proof (3).

    Every argument is a pair of values: of the positions at which the unit fires (up), and of those at which it is
    silent, as a positive number (down).

    Returns:
        A third concept C matters only if q |C and U| is above the first, or p |C and not U| above the second.
    """
    need_up = np.inf
    need_down = _least(np.inf, goal - (all_up - all_down))  # G OR NOT C, from TRUE
    most_up = 0.0
    for cell in range(4):
        if cell == 3:
            up, down = ab_up, ab_down
        elif cell == 2:
            up, down = a_up - ab_up, a_down - ab_down
        elif cell == 1:
            up, down = b_up - ab_up, b_down - ab_down
        else:
            up, down = all_up - a_up - b_up + ab_up, all_down - a_down - b_down + ab_down
        value = up - down
        rest = (all_up - all_down) - value
        need_up = _need(need_up, value, all_up - up, goal)  # (cell) OR C
        need_up = _need(need_up, rest, up, goal)  # (all but the cell) OR C
        need_down = _need(need_down, value, down, goal)  # (cell) AND NOT C
        need_down = _need(need_down, rest, all_down - down, goal)  # (all but the cell) AND NOT C
        most_up = _most(most_up, _most(up, all_up - up))
        # Inside: X OR (Y AND C), from X, in the cell of Y without X; X AND (Y OR NOT C), from X, in X without Y.
        x_up, x_down = (a_up, a_down) if cell >= 2 else (all_up - a_up, all_down - a_down)
        y_up, y_down = (b_up, b_down) if cell & 1 else (all_up - b_up, all_down - b_down)
        need_down = _need(need_down, x_up - x_down, down, goal)
        need_down = _need(need_down, y_up - y_down, down, goal)
        need_up = _need(need_up, (all_up - x_up) - (all_down - x_down), up, goal)
        need_up = _need(need_up, (all_up - y_up) - (all_down - y_down), up, goal)
    return _need(need_up, 0.0, most_up, goal), need_down  # G AND C, from FALSE


@njit(cache=True, nogil=True)
def triples(
    sparse,
    order,
    start,
    end,
    single_held,
    single_shared,
    held,
    shared,
    single,
    both,
    total,
    ups,
    downs,
    gains,
    goal,
    price,
    gain,
    positions,
    unit,
    fires,
    dense,
    mask,
    best,
):
    """Look through all formulas of three concepts whose first stands at start <= a < end and that may exceed the goal.

    Args:
        sparse: the rows, of one block, each with an entry.
        order: int64: the rows in the order of the tables.
        start, end: which first rows.
        single_held, single_shared, held, shared: counts, as in `pairs`.
        single, both, total: values, as in `best_pairs`.
        ups: float64 (columns,): q |C and U| of each row: what it can add to a formula where the unit fires.
        downs: float64 (columns,): p |C and not U|: what it can take out of a formula where the unit is silent.
        gains: float64 (columns + 1,): the greatest of both from each row on; falling.
        goal: p |U|, which a value must exceed.
        price: p, what a position at which the unit is silent takes from a value.
        gain: q, what a position at which the unit fires adds.
        positions, fires, best: as in `pairs`.
        unit: uint64 (words,): where the unit fires.
        dense: scratch, uint64 (words, 16), zero; left zero.
        mask: scratch, uint64 (words,), zero; left zero.

    Returns:
        How many triples were counted.
    """
    rows = both.shape[0]
    counts = np.zeros((1, 2 * BATCH), dtype=np.int64)
    seconds = np.zeros(rows, dtype=np.int64)
    limits = np.zeros(rows, dtype=np.int64)
    needs_up, needs_down = np.zeros(rows), np.zeros(rows)
    b_value, ab_value, bc_value, found = np.zeros(BATCH), np.zeros(BATCH), np.zeros(BATCH), np.zeros(BATCH)
    counted = 0
    for a in range(start, end):
        many = 0
        for b in range(a + 1, rows):
            need_up, need_down = _needs(
                ups[a],
                downs[a],
                ups[b],
                downs[b],
                gain * shared[a, b],
                price * (held[a, b] - shared[a, b]),
                gain * fires,
                price * (positions - fires),
                goal,
            )
            # The first place from which on no row gains as much as is needed, by halving.
            needed = _least(need_up, need_down)
            low, high = b + 1, len(single)
            while low < high:
                middle = (low + high) // 2
                if gains[middle] > needed:
                    low = middle + 1
                else:
                    high = middle
            if low > b + 1:
                seconds[many] = b
                limits[many] = low
                needs_up[many] = need_up
                needs_down[many] = need_down
                many += 1
        if many == 0:
            continue
        by_limit = np.argsort(-limits[:many])
        _write(sparse, order[a], mask)
        for batch in range(0, many, BATCH):
            wide = min(BATCH, many - batch)
            least = rows
            need_up, need_down = np.inf, np.inf
            for j in range(wide):
                need_up = _least(need_up, needs_up[by_limit[batch + j]])
                need_down = _least(need_down, needs_down[by_limit[batch + j]])
            for j in range(BATCH):
                b = seconds[by_limit[min(batch + j, many - 1)]]
                least = min(least, b)
                b_value[j] = single[b]
                ab_value[j] = both[a, b]
                if j < wide:
                    _spread_within(sparse, order[b], dense, j, mask, unit)
            for c in range(least + 1, limits[by_limit[batch]]):
                if ups[c] <= need_up and downs[c] <= need_down:
                    continue
                counted += wide
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
                    bc_value[j] = both[seconds[by_limit[min(batch + j, many - 1)]], c]
                c_value = single[c]
                ac_value = both[a, c]
                a_value = single[a]
                for j in range(BATCH):
                    abc = (gain + price) * counts[0, BATCH + j] - price * counts[0, j]
                    found[j] = _best_of_triple(
                        a_value, b_value[j], c_value, ab_value[j], ac_value, bc_value[j], abc, total
                    )
                highest = found[0]
                for j in range(1, BATCH):
                    highest = _most(highest, found[j])
                if highest > goal:
                    for j in range(wide):
                        b = seconds[by_limit[batch + j]]
                        if found[j] > goal and b != c:
                            _look(
                                best,
                                a,
                                b,
                                c,
                                single_held,
                                single_shared,
                                held,
                                shared,
                                counts,
                                j,
                                positions,
                                fires,
                            )
            for j in range(wide):
                entry = order[seconds[by_limit[batch + j]]]
                _clear(sparse, entry, dense, j)
                _clear(sparse, entry, dense, BATCH + j)
        _erase(sparse, order[a], mask)
    return counted


@njit(cache=True, nogil=True)
def _look(best, a, b, c, single_held, single_shared, held, shared, counts, j, positions, fires):
    """Count the eight cells of a triple, and keep its best formula where it is better than the best so far."""
    cell_held = _cells(single_held, held, a, b, c, counts[0, j], positions)
    cell_shared = _cells(single_shared, shared, a, b, c, counts[0, BATCH + j], fires)
    _improve_triple(best, np.array([a, b, c]), cell_held, cell_shared, fires)


@njit(cache=True, nogil=True)
def _cells(single, pair, a, b, c, abc, every):
    """The counts of the eight cells of three rows; bit 4 says a, bit 2 b, bit 1 c."""
    cells = np.zeros(8, dtype=np.int64)
    cells[7] = abc
    cells[6] = pair[a, b] - abc
    cells[5] = pair[a, c] - abc
    cells[3] = pair[b, c] - abc
    cells[4] = single[a] - pair[a, b] - cells[5]
    cells[2] = single[b] - pair[a, b] - cells[3]
    cells[1] = single[c] - pair[a, c] - cells[3]
    cells[0] = every - cells[1] - cells[2] - cells[3] - cells[4] - cells[5] - cells[6] - cells[7]
    return cells
