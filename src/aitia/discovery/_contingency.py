"""Compiled counting of discrete columns: what tests and scores of categories are made of.

Numba loads with this module, so it is imported inside the functions that count. Every kernel takes the columns in
the same shape, made once by `Observations.distinct`:

* ``codes``: int32, shape (p, m), C order: the m distinct rows, one line a variable; -1 where a value is missing;
* ``weights``: float64, shape (m,): how often each distinct row occurs;
* ``sizes``: int64, shape (p,): the number of levels of each variable.

A row with a missing value among the variables of a question does not enter that question.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _renumber(index, count):
    """Number the strata that occur 0, 1, ... in place, and return how many there are."""
    new = np.full(count, -1, np.int64)
    seen = 0
    for i in range(len(index)):
        at = index[i]
        if at >= 0:
            if new[at] < 0:
                new[at] = seen
                seen += 1
            index[i] = new[at]
    return seen


@njit(cache=True, nogil=True)
def strata(codes, sizes, given):
    """Each distinct row's combination of the values of `given`.

    Returns:
        The combination of each row, shape (m,), -1 where a value is missing; and a bound on their number. Combinations
        are numbered anew whenever their possible number outgrows the rows, so memory stays proportional to these.
    """
    m = codes.shape[1]
    index = np.zeros(m, np.int64)
    count = 1
    for z in given:
        if count * sizes[z] > max(2 * m, 256):
            count = _renumber(index, count)
        size, column = sizes[z], codes[z]
        for i in range(m):
            if index[i] >= 0:
                index[i] = index[i] * size + column[i] if column[i] >= 0 else -1
        count *= size
    return index, count


@njit(cache=True, nogil=True)
def _chosen(ratio, pearson, corrected, freedom, entered, thin):
    """Which of the three statistics answers; see `g_squared`."""
    if entered < abs(thin) * freedom:
        return max(corrected, 0.0), freedom, entered
    return max(pearson if thin < 0.0 else ratio, 0.0), freedom, entered


@njit(cache=True, nogil=True)
def g_squared(codes, weights, sizes, x, y, given, thin):
    """G2 (or Pearson's chi-squared) of x independent of y within every stratum of `given`.

    Args:
        codes: distinct rows, see the module.
        weights: their counts.
        sizes: levels of each variable.
        x: the first variable's position.
        y: the second variable's position.
        given: int64 positions, shape (k,), in any order.
        thin: with fewer rows than this for each degree of freedom, Pearson's statistic takes the place of G2, each
            stratum's times (n - 1) / n, which gives it the mean of chi-squared whatever the counts expected. Negative:
            Pearson's statistic in place of G2 above that number too.

    Returns:
        The statistic; its degrees of freedom, ``sum_s (r_s - 1)(c_s - 1)`` with the rows and columns that occur
        in stratum s; and the number of rows that entered.
    """
    index, count = strata(codes, sizes, given)
    first, second = codes[x], codes[y]
    m, sx, sy = len(first), sizes[x], sizes[y]
    ratio, pearson, corrected, freedom, entered = 0.0, 0.0, 0.0, 0.0, 0.0
    if count * sx * sy > max(4 * m, 4096):
        count = _renumber(index, count)
    rows, columns = np.zeros(sx), np.zeros(sy)
    if count * sx * sy <= max(4 * m, 4096):
        tables = np.zeros((count, sx, sy))
        for i in range(m):
            if index[i] >= 0 and first[i] >= 0 and second[i] >= 0:
                tables[index[i], first[i], second[i]] += weights[i]
        for s in range(count):
            table = tables[s]
            total, squares, seen_rows, seen_columns = 0.0, 0.0, 0, 0
            columns[:] = 0.0
            for a in range(sx):
                rows[a] = 0.0
                for b in range(sy):
                    rows[a] += table[a, b]
                    columns[b] += table[a, b]
                total += rows[a]
                seen_rows += rows[a] > 0.0
            if total <= 0.0:
                continue
            for b in range(sy):
                seen_columns += columns[b] > 0.0
            free = (seen_rows - 1.0) * (seen_columns - 1.0)
            entered += total
            if free == 0.0:
                continue
            for a in range(sx):
                for b in range(sy):
                    cell = table[a, b]
                    if cell > 0.0:
                        over = cell * total / (rows[a] * columns[b])
                        ratio += 2.0 * cell * math.log(over)
                        squares += cell * over
            pearson += squares - total
            corrected += (squares - total) * (total - 1.0) / total
            freedom += free
        return _chosen(ratio, pearson, corrected, freedom, entered, thin)
    # Many thin strata: walk the rows stratum by stratum and touch only the cells that occur.
    start = np.zeros(count + 1, np.int64)
    for i in range(m):
        if index[i] >= 0 and first[i] >= 0 and second[i] >= 0:
            start[index[i] + 1] += 1
    for s in range(count):
        start[s + 1] += start[s]
    order = np.empty(start[count], np.int64)
    filled = start[:-1].copy()
    for i in range(m):
        if index[i] >= 0 and first[i] >= 0 and second[i] >= 0:
            order[filled[index[i]]] = i
            filled[index[i]] += 1
    table = np.zeros((sx, sy))
    for s in range(count):
        total, squares, seen_rows, seen_columns = 0.0, 0.0, 0, 0
        for at in range(start[s], start[s + 1]):
            i = order[at]
            a, b = first[i], second[i]
            seen_rows += rows[a] == 0.0
            seen_columns += columns[b] == 0.0
            table[a, b] += weights[i]
            rows[a] += weights[i]
            columns[b] += weights[i]
            total += weights[i]
        free = (seen_rows - 1.0) * (seen_columns - 1.0)
        for at in range(start[s], start[s + 1]):
            a, b = first[order[at]], second[order[at]]
            cell = table[a, b]
            if cell > 0.0 and free > 0.0:
                over = cell * total / (rows[a] * columns[b])
                ratio += 2.0 * cell * math.log(over)
                squares += cell * over
            table[a, b] = 0.0
        for at in range(start[s], start[s + 1]):
            rows[first[order[at]]] = 0.0
            columns[second[order[at]]] = 0.0
        entered += total
        if total > 0.0 and free > 0.0:
            pearson += squares - total
            corrected += (squares - total) * (total - 1.0) / total
            freedom += free
    return _chosen(ratio, pearson, corrected, freedom, entered, thin)


@njit(cache=True, nogil=True)
def local_score(codes, weights, sizes, node, parents, sample, strength):
    """The discrete local score of a node given its parents.

    Args:
        codes: distinct rows, see the module.
        weights: their counts.
        sizes: levels of each variable.
        node: the node's position.
        parents: int64 positions, shape (k,).
        sample: the equivalent sample size of BDeu; 0 computes the penalised likelihood instead.
        strength: the price of one free parameter, for the penalised likelihood.

    Returns:
        ``sum_jk N_jk log(N_jk / N_j) - strength (r - 1) q``, or BDeu's
        ``sum_j log[G(s/q) / G(s/q + N_j)] + sum_jk log[G(s/qr + N_jk) / G(s/qr)]``, G the gamma function.
    """
    index, count = strata(codes, sizes, parents)
    count = _renumber(index, count)
    column, size, m = codes[node], sizes[node], codes.shape[1]
    cells = np.zeros((count, size))
    for i in range(m):
        if index[i] >= 0 and column[i] >= 0:
            cells[index[i], column[i]] += weights[i]
    states = 1.0
    for z in parents:
        states *= sizes[z]
    score = 0.0
    if sample > 0.0:
        prior, prior_cell = sample / states, sample / (states * size)
        base, base_cell = math.lgamma(prior), math.lgamma(prior_cell)
    else:
        prior, prior_cell, base, base_cell = 0.0, 0.0, 0.0, 0.0
        score -= strength * (size - 1.0) * states
    for j in range(count):
        total = 0.0
        for k in range(size):
            cell = cells[j, k]
            total += cell
            if cell > 0.0:
                score += math.lgamma(prior_cell + cell) - base_cell if sample > 0.0 else cell * math.log(cell)
        if total > 0.0:
            score += base - math.lgamma(prior + total) if sample > 0.0 else -total * math.log(total)
    return score


@njit(cache=True, nogil=True)
def determines(codes, weights, sizes, target, given, support):
    """Whether the target has one value only within each combination of `given`, and rows enough to mean it.

    Args:
        codes: distinct rows, see the module.
        weights: their counts.
        sizes: levels of each variable.
        target: the position of the variable asked about.
        given: int64 positions, shape (k,).
        support: rows needed for each combination that occurs, on average.
    """
    index, count = strata(codes, sizes, given)
    count = _renumber(index, count)
    value = np.full(count, -1, np.int64)
    column, rows, seen = codes[target], 0.0, 0
    for i in range(codes.shape[1]):
        at = index[i]
        if at >= 0 and column[i] >= 0:
            rows += weights[i]
            if value[at] < 0:
                value[at] = column[i]
                seen += 1
            elif value[at] != column[i]:
                return False
    return rows >= support * seen
