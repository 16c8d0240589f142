"""Compiled dynamic programming over the subsets of variables.

Numba loads with this module, so it is imported inside the function that searches.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def squeezed(subset, v):
    """The bits of a subset of the other variables, with v's place taken out."""
    low = subset & ((1 << v) - 1)
    return low | ((subset >> (v + 1)) << v)


@njit(cache=True, nogil=True)
def spread(index, v):
    """The subset that `squeezed` made this index of."""
    low = index & ((1 << v) - 1)
    return low | ((index >> v) << (v + 1))


@njit(cache=True, nogil=True)
def log_determinants(correlation):
    """The logarithm of the determinant of every principal submatrix, by the bits of its rows.

    The Cholesky factor of a subset extends that of the subset without its last row, so each costs one row.
    """
    p = len(correlation)
    found = np.zeros(1 << p)
    rows = np.empty(p, np.int64)
    factor = np.zeros((p, p))
    depth, subset, following = 0, 0, 0
    while True:
        if following < p:
            i = following
            variance = correlation[i, i]
            for a in range(depth):
                load = correlation[i, rows[a]]
                for b in range(a):
                    load -= factor[depth, b] * factor[a, b]
                load /= factor[a, a]
                factor[depth, a] = load
                variance -= load * load
            variance = max(variance, 1e-12)
            factor[depth, depth] = math.sqrt(variance)
            found[subset | (1 << i)] = found[subset] + math.log(variance)
            rows[depth] = i
            subset |= 1 << i
            depth += 1
            following = i + 1
        else:
            if depth == 0:
                return found
            depth -= 1
            subset ^= 1 << rows[depth]
            following = rows[depth] + 1


@njit(cache=True, nogil=True)
def gaussian_table(determinants, half, penalty, table):
    """Fill [v, squeezed subset] with the local score of v given the subset."""
    p = len(table)
    for v in range(p):
        for index in range(table.shape[1]):
            above = spread(index, v)
            count = 0
            rest = index
            while rest:
                rest &= rest - 1
                count += 1
            left = determinants[above | (1 << v)] - determinants[above]
            table[v, index] = -half * left - penalty * count


@njit(cache=True, nogil=True)
def best_network(table, allowed, required, before, most):
    """The DAG of the highest total score.

    Args:
        table: float64 (p, 2^(p-1)): the local score of v given each subset of the others; used up: each becomes the
            best over the subset's own subsets.
        allowed: int64 (p,): bits of the possible parents.
        required: int64 (p,): bits of the parents that must be.
        before: int64 (p,): bits of what stands before v in every order.
        most: the largest number of parents.

    Returns:
        The total score, -inf where no DAG fits; and the bits of each variable's parents.
    """
    p = len(table)
    for v in range(p):
        for index in range(table.shape[1]):
            above = spread(index, v)
            count = 0
            rest = index
            while rest:
                rest &= rest - 1
                count += 1
            if count > most or above & ~allowed[v] or required[v] & ~above:
                table[v, index] = -math.inf
            best = table[v, index]
            rest = index
            while rest:
                bit = rest & -rest
                best = max(best, table[v, index ^ bit])
                rest ^= bit
            table[v, index] = best
    total = np.full(1 << p, -math.inf)
    last = np.zeros(1 << p, np.int8)
    total[0] = 0.0
    for subset in range(1, 1 << p):
        for v in range(p):
            if subset >> v & 1:
                rest = subset ^ (1 << v)
                if before[v] & ~rest:
                    continue
                value = total[rest] + table[v, squeezed(rest, v)]
                if value > total[subset]:
                    total[subset] = value
                    last[subset] = v
    parents = np.zeros(p, np.int64)
    subset = (1 << p) - 1
    if total[subset] == -math.inf:
        return total[subset], parents
    while subset:
        v = last[subset]
        subset ^= 1 << v
        index = squeezed(subset, v)
        # The best over subsets was copied from the one that has it.
        shrinking = True
        while shrinking:
            shrinking = False
            rest = index
            while rest:
                bit = rest & -rest
                if table[v, index ^ bit] == table[v, index]:
                    index ^= bit
                    shrinking = True
                    break
                rest ^= bit
        parents[v] = spread(index, v)
    return total[(1 << p) - 1], parents
