"""Compiled tucks of orders, and the depth-first search over them that GRaSP repeats.

Numba loads with this module, so it is imported inside the functions that search.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from aitia.discovery.search._order_kernel import _entry, _grow

COVERED, SINGULAR, OTHER = 0, 1, 2
VISITED = 1 << 14  # how many DAGs one search remembers


@njit(cache=True, nogil=True)
def tucked(order, parents, kept, x, y, made):
    """Fill `made` with the order after a tuck of x -> y: y and those of its ancestors that stand between them move
    before x (Lam, Andrews & Ramsey 2022, definition 4).

    Args:
        order: int64 (p,).
        parents: int64 (p, size): the parents of each variable.
        kept: int64 (p,): how many.
        x: the cause.
        y: the effect.
        made: int64 (p,).

    Returns:
        Where x and y stand, and what the edge is: COVERED, SINGULAR (no other directed path from x to y) or OTHER.
    """
    p = len(order)
    low = high = 0
    for i in range(p):
        made[i] = order[i]
        if order[i] == x:
            low = i
        elif order[i] == y:
            high = i
    above = np.zeros(p, np.bool_)
    above[y] = True
    single = True
    for i in range(high, low, -1):
        v = order[i]
        if above[v]:
            for j in range(kept[v]):
                a = parents[v, j]
                above[a] = True
                if a == x and v != y:
                    single = False
    at = low
    for i in range(low + 1, high + 1):
        if above[order[i]]:
            made[at] = order[i]
            at += 1
    for i in range(low, high):
        if i == low or not above[order[i]]:
            made[at] = order[i]
            at += 1
    # x -> y is covered where y's other parents are x's parents; both lists are compared as sets.
    covered = kept[y] == kept[x] + 1
    if covered:
        for j in range(kept[y]):
            a = parents[y, j]
            if a != x:
                found = False
                for k in range(kept[x]):
                    found = found or parents[x, k] == a
                covered = covered and found
    return low, high, COVERED if covered else (SINGULAR if single else OTHER)


@njit(cache=True, nogil=True)
def reorder(problem, old, new, low, high, paths, scratch, tests):
    """Bring the projection from one order to another that differs in places low to high; False: more room is needed.

    A path changes from the first step on that a variable takes which no longer stands before, or that one would take
    which now does.
    """
    p = len(old)
    was = np.empty(p, np.int64)
    before = np.zeros(p, np.bool_)
    work = np.empty(paths.path.shape[1] + 1)
    for i in range(p):
        was[old[i]] = i
    for i in range(low):
        before[new[i]] = True
    for i in range(low, high + 1):
        w = new[i]
        first = -1
        for j in range(paths.length[w]):
            a = paths.path[w, j]
            if not before[a]:
                first = j
                break
        for k in range(low, i):
            u = new[k]
            if was[u] > was[w]:
                tests[0] += paths.length[w] + 1
                step = _entry(problem, paths, w, u, work)
                if step >= 0 and (first < 0 or step < first):
                    first = step
        if first >= 0 and not _grow(problem, paths, w, first, before, scratch, tests):
            return False
        before[w] = True
    return True


@njit(cache=True, nogil=True)
def _signature(parents, kept):
    """A number that tells DAGs apart: a sum of mixed bits over edges."""
    total = np.uint64(0)
    for v in range(len(kept)):
        for j in range(kept[v]):
            z = np.uint64(v * len(kept) + parents[v, j] + 1) * np.uint64(0x9E3779B97F4A7C15)
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            total += z ^ (z >> np.uint64(31))
    return total


@njit(cache=True, nogil=True)
def _seen(table, value):
    """Whether a number is in the table; it is put there, if there is room. A full table forgets nothing more."""
    mask = np.uint64(len(table) - 1)
    at = value & mask
    for _ in range(64):
        if table[at] == value:
            return True
        if table[at] == np.uint64(0):
            table[at] = value
            return False
        at = (at + np.uint64(1)) & mask
    return True


@njit(cache=True, nogil=True)
def _edges(paths, rank, xs, ys):
    """Fill xs and ys with the edges x -> y in the order of their ranks, y first; returns how many."""
    p = len(rank)
    named = np.empty(p, np.int64)
    for v in range(p):
        named[rank[v]] = v
    count = 0
    inside = np.zeros(p, np.bool_)
    for i in range(p):
        y = named[i]
        for j in range(paths.kept[y]):
            inside[paths.parents[y, j]] = True
        for k in range(p):
            x = named[k]
            if inside[x]:
                if count < len(xs):
                    xs[count], ys[count] = x, y
                    count += 1
                inside[x] = False
    return count


@njit(cache=True, nogil=True)
def explore(problem, order, rank, depths, before, paths, scratch, tests):
    """Search tucks depth first for an order of a higher score; the order and its projection become that one.

    Args:
        problem: what does not change.
        order: int64 (p,), changed in place.
        rank: int64 (p,): the order in which edges are tried.
        depths: int64 (3,): how deep covered, singular and other edges are tucked; 0: never.
        before: booleans (p, p): [a, b] puts a before b; (0, 0) where nothing is known.
        paths: the projection of the order.
        scratch: room.
        tests: int64 (1,): local scores looked at, added to.

    Returns:
        1 where a better order was found, 0 where not (order and projection are as they were), -1: more room is needed.
    """
    p = len(order)
    deepest = max(depths[0], depths[1], depths[2])
    if deepest == 0:
        return 0
    most = 0
    for v in range(p):
        most += paths.kept[v]
    # Equal scores have close to equal numbers of edges; what finds no place at a level is not tried.
    room = 2 * most + 2 * p
    xs, ys = np.empty((deepest, room), np.int64), np.empty((deepest, room), np.int64)
    counts, at = np.zeros(deepest, np.int64), np.zeros(deepest, np.int64)
    orders = np.empty((deepest, p), np.int64)
    lows, highs = np.zeros(deepest, np.int64), np.zeros(deepest, np.int64)
    made = np.empty(p, np.int64)
    table = np.zeros(VISITED, np.uint64)
    _seen(table, _signature(paths.parents, paths.kept))
    start = 0.0
    for v in range(p):
        start += paths.score[v]
    level = 0
    counts[0] = _edges(paths, rank, xs[0], ys[0])
    while level >= 0:
        if at[level] == counts[level]:
            level -= 1
            if level >= 0:
                # Back to the order before the tuck that led here.
                if not reorder(
                    problem, order, orders[level], lows[level], highs[level], paths, scratch, tests
                ):
                    return -1
                for i in range(p):
                    order[i] = orders[level, i]
            continue
        x, y = xs[level, at[level]], ys[level, at[level]]
        at[level] += 1
        low, high, kind = tucked(order, paths.parents, paths.kept, x, y, made)
        if level >= depths[kind]:
            continue
        if len(before) > 0 and not _agrees(made, before, low, high):
            continue
        if not reorder(problem, order, made, low, high, paths, scratch, tests):
            return -1
        total = 0.0
        for v in range(p):
            total += paths.score[v]
        if total > start + problem.tolerance:
            for i in range(p):
                order[i] = made[i]
            return 1
        deeper = (
            level + 1 < deepest
            and total >= start - problem.tolerance
            and not _seen(table, _signature(paths.parents, paths.kept))
        )
        if deeper:
            lows[level], highs[level] = low, high
            for i in range(p):
                orders[level, i] = order[i]
                order[i] = made[i]
            level += 1
            at[level] = 0
            counts[level] = _edges(paths, rank, xs[level], ys[level])
        elif not reorder(problem, made, order, low, high, paths, scratch, tests):
            return -1
    return 0


@njit(cache=True, nogil=True)
def _agrees(order, before, low, high):
    """Whether places low to high of an order agree with what must stand before what."""
    for i in range(low, high + 1):
        for j in range(i + 1, high + 1):
            if before[order[j], order[i]]:
                return False
    return True
