"""Partial correlations in bulk: for each pair of variables, the set given which they come closest to independence.

One compiled loop serves the levels of PC and the wider sets of FCI. The factor of a conditioning set is built along
the enumeration: sets that share their first variables share that part of the factor, so a test with m variables in
the set costs about m^2 / 2 multiplications.
"""

from __future__ import annotations

from functools import cache

import numpy as np

_REDUNDANT = 1e-11  # a variable of the set that the ones before it leave less than this of adds nothing
_NOTHING_LEFT = 1e-9  # as `FisherZ`: below this a variable is a linear function of the set


@cache
def closest_kernel():
    """The compiled loop; see `closest` inside for its arguments."""
    from numba import njit

    @njit(cache=True, nogil=True)
    def closest(
        correlation,
        xs,
        ys,
        first,
        last,
        starts,
        lists,
        tested_starts,
        tested_lists,
        tiers,
        allowed,
        size,
        cut,
        smallest,
        sets,
        hits,
        tests,
    ):
        """For pairs first to last: the smallest |partial correlation| over sets of `size`, and the set.

        The sets are the subsets of lists[starts[x]:starts[x+1]] without y, then those of y's list without x, each
        once; those inside x's or y's `tested` list are left out. No set holds a variable of a tier after both, nor,
        where `allowed` has rows, one that allowed[k] rules out for pair k.
        Where `hits` has columns, hits[k, v] counts the sets with v whose |partial correlation| is at most `cut`,
        and its last column all of them; then every set is looked at.
        """
        p = len(correlation)
        counting = hits.shape[1] > 0
        free = len(allowed) == 0
        candidates = np.empty(p, np.int64)
        own = np.zeros(p, np.int64)  # whether a variable is among the candidates of x
        beside_x = np.zeros(p, np.int64)
        beside_y = np.zeros(p, np.int64)
        among = np.empty((1, 1))
        to_x = np.empty(p)
        to_y = np.empty(p)
        at = np.zeros(size + 1, np.int64)
        factor = np.zeros((size + 1, size + 1))
        inverse = np.zeros(size + 1)
        load_x = np.zeros(size + 1)
        load_y = np.zeros(size + 1)
        left_x = np.ones(size + 1)
        left_y = np.ones(size + 1)
        left_xy = np.zeros(size + 1)
        new_own = np.zeros(size + 1, np.int64)
        new_x = np.zeros(size + 1, np.int64)
        new_y = np.zeros(size + 1, np.int64)
        square_cut = cut * cut
        for k in range(first, last):
            x = xs[k]
            y = ys[k]
            best = np.inf
            count = 0
            if size == 0:
                r = correlation[x, y]
                best = r * r
                count = 1
                if counting and best <= square_cut:
                    hits[k, p] += 1
                smallest[k] = np.sqrt(best)
                tests[k] = count
                continue
            limit = p + 1
            if tiers[x] >= 0 and tiers[y] >= 0:
                limit = max(tiers[x], tiers[y])
            for j in range(tested_starts[x], tested_starts[x + 1]):
                beside_x[tested_lists[j]] = 1
            for j in range(tested_starts[y], tested_starts[y + 1]):
                beside_y[tested_lists[j]] = 1
            filtered = tested_starts[p] > 0
            for side in range(2):
                node = x if side == 0 else y
                other = y if side == 0 else x
                m = 0
                outside = 0
                for j in range(starts[node], starts[node + 1]):
                    v = lists[j]
                    if v != other and tiers[v] <= limit and (free or allowed[k, v]):
                        candidates[m] = v
                        m += 1
                        if side == 0:
                            own[v] = 1
                        elif own[v] == 0:
                            outside += 1
                if m < size or (side == 1 and outside == 0):
                    continue
                if size > 1 and len(among) < m:
                    among = np.empty((m, m))
                for i in range(m):
                    v = candidates[i]
                    to_x[i] = correlation[x, v]
                    to_y[i] = correlation[y, v]
                    if size > 1:
                        for j in range(m):
                            among[i, j] = correlation[v, candidates[j]]
                left_xy[0] = correlation[x, y]
                at[0] = -1
                d = 0
                while d >= 0 and best > 0.0:
                    at[d] += 1
                    i = at[d]
                    if i > m - size + d:
                        d -= 1
                        continue
                    v = candidates[i]
                    new_own[d + 1] = new_own[d] + (1 - own[v])
                    if filtered:
                        new_x[d + 1] = new_x[d] + (1 - beside_x[v])
                        new_y[d + 1] = new_y[d] + (1 - beside_y[v])
                    if d == size - 1 and (
                        (side == 1 and new_own[size] == 0)
                        or (filtered and (new_x[size] == 0 or new_y[size] == 0))
                    ):
                        continue
                    pivot = 1.0
                    part_x = to_x[i]
                    part_y = to_y[i]
                    for j in range(d):
                        value = among[i, at[j]]
                        for h in range(j):
                            value -= factor[d, h] * factor[j, h]
                        value *= inverse[j]
                        factor[d, j] = value
                        pivot -= value * value
                        part_x -= value * load_x[j]
                        part_y -= value * load_y[j]
                    if pivot > _REDUNDANT:
                        inverse[d] = 1.0 / np.sqrt(pivot)
                    else:
                        inverse[d] = 0.0
                    load_x[d] = part_x * inverse[d]
                    load_y[d] = part_y * inverse[d]
                    left_x[d + 1] = left_x[d] - load_x[d] * load_x[d]
                    left_y[d + 1] = left_y[d] - load_y[d] * load_y[d]
                    left_xy[d + 1] = left_xy[d] - load_x[d] * load_y[d]
                    if d < size - 1:
                        at[d + 1] = i
                        d += 1
                        continue
                    count += 1
                    if left_x[size] < _NOTHING_LEFT or left_y[size] < _NOTHING_LEFT:
                        square = 0.0
                    else:
                        square = left_xy[size] * left_xy[size] / (left_x[size] * left_y[size])
                    if counting:
                        if square <= square_cut:
                            hits[k, p] += 1
                            for j in range(size):
                                hits[k, candidates[at[j]]] += 1
                        if square > 0.0:
                            best = min(best, square)
                    elif square < best:
                        best = square
                        for j in range(size):
                            sets[k, j] = candidates[at[j]]
                        if square < 1e-32:
                            best = 0.0
            for j in range(starts[x], starts[x + 1]):
                own[lists[j]] = 0
            for j in range(tested_starts[x], tested_starts[x + 1]):
                beside_x[tested_lists[j]] = 0
            for j in range(tested_starts[y], tested_starts[y + 1]):
                beside_y[tested_lists[j]] = 0
            smallest[k] = np.sqrt(best)
            tests[k] = count

    return closest
