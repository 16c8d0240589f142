"""Compiled projections of orders to DAGs under Gaussian scores, kept up to date while the order changes.

The projection of an order gives each variable the parents that grow and shrink finds among what stands before it
(Andrews et al. 2023, section 3). Here a variable keeps its *path*: the parents in the order they grew, and the
Cholesky factor along them. Whether another variable would have entered the path, had it stood before too, takes one
forward substitution; where the answer is no, nothing about the projection changes. Only where it is yes does the path
grow anew, from that step on.

Numba loads with this module, so it is imported inside the functions that search.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

SINGULAR = 1e-10  # a variable that a set leaves less than this share of adds nothing to the set
START = np.int64(0)  # typed, so that `_grow` is compiled once and not for a literal too
FLOOR = 1e-12  # as the Gaussian scores: the least residual variance


class Problem(NamedTuple):
    """What does not change in a search.

    Args:
        correlation: shape (g, p, p): one matrix for each group of rows.
        group: int64 (p,): which matrix scores each variable.
        half: float64 (g,): half the rows behind each.
        penalty: the price of one parent.
        tolerance: differences of scores below this are none.
        allowed: booleans (p, p): [v, a] lets a be a parent of v.
        required: booleans (p, p): [v, a] keeps a among v's parents.
        most: the largest number of parents.
        least: float64 (g,): the share of the residual variance that a parent must explain to pay its price.
    """

    correlation: np.ndarray
    group: np.ndarray
    half: np.ndarray
    penalty: float
    tolerance: float
    allowed: np.ndarray
    required: np.ndarray
    most: int
    least: np.ndarray


class Paths(NamedTuple):
    """The path and the parents of each variable; room for `size` of both.

    Args:
        path: int64 (p, size): the parents as they grew.
        length: int64 (p,): how many.
        fixed: int64 (p,): how many of them are required.
        factor: float64 (p, size, size): the lower Cholesky factor of the path's correlation.
        loading: float64 (p, size): the variable's own row of that factor.
        left: float64 (p, size + 1): the residual variance before each step, and after the last.
        parents: int64 (p, size): what shrinking leaves.
        kept: int64 (p,): how many.
        score: float64 (p,): the local score.
    """

    path: np.ndarray
    length: np.ndarray
    fixed: np.ndarray
    factor: np.ndarray
    loading: np.ndarray
    left: np.ndarray
    parents: np.ndarray
    kept: np.ndarray
    score: np.ndarray


def empty_paths(p: int, size: int) -> Paths:
    """Room for the paths of p variables."""
    return Paths(
        np.zeros((p, size), np.int64),
        np.zeros(p, np.int64),
        np.zeros(p, np.int64),
        np.zeros((p, size, size)),
        np.zeros((p, size)),
        np.ones((p, size + 1)),
        np.zeros((p, size), np.int64),
        np.zeros(p, np.int64),
        np.zeros(p),
    )


@njit(cache=True, nogil=True)
def _copy(source, target, v):
    """Copy one variable's path and parents."""
    m = source.length[v]
    target.length[v] = m
    target.fixed[v] = source.fixed[v]
    target.left[v, 0] = source.left[v, 0]
    for j in range(m):
        target.path[v, j] = source.path[v, j]
        target.loading[v, j] = source.loading[v, j]
        target.left[v, j + 1] = source.left[v, j + 1]
        for i in range(j + 1):
            target.factor[v, j, i] = source.factor[v, j, i]
    target.kept[v] = source.kept[v]
    for j in range(source.kept[v]):
        target.parents[v, j] = source.parents[v, j]
    target.score[v] = source.score[v]


@njit(cache=True, nogil=True)
def _entry(problem, paths, v, new, scratch):
    """The step of v's path at which `new` would enter, were it a candidate too; -1 where it never would."""
    if not problem.allowed[v, new]:
        return -1
    r = problem.correlation[problem.group[v]]
    m = paths.length[v]
    fixed = paths.fixed[v]
    variance = r[new, new]
    shared = r[v, new]
    for j in range(m + 1):
        if variance < SINGULAR:
            return -1
        if j >= fixed and j < problem.most:
            gain = shared * shared / variance
            if j < m:
                best = paths.loading[v, j] ** 2
                slack = 1e-11 * paths.left[v, j]
                if gain > best + slack or (gain >= best - slack and new < paths.path[v, j]):
                    return j
            elif gain > paths.left[v, m] * problem.least[problem.group[v]]:
                return j
        if j < m:
            load = r[new, paths.path[v, j]]
            for i in range(j):
                load -= paths.factor[v, j, i] * scratch[i]
            load /= paths.factor[v, j, j]
            scratch[j] = load
            variance -= load * load
            shared -= load * paths.loading[v, j]
    return -1


@njit(cache=True, nogil=True)
def _grow(problem, paths, v, start, before, scratch, tests):
    """Grow v's path from step `start` on among the variables in `before`, shrink, and score.

    Returns:
        False where the path needs more room.
    """
    r = problem.correlation[problem.group[v]]
    p = len(problem.group)
    size = paths.path.shape[1]
    path, factor, loading, left = paths.path[v], paths.factor[v], paths.loading[v], paths.left[v]
    left[0] = 1.0
    m = start
    if start == 0:
        # Required parents come first and stay.
        for a in range(p):
            if problem.required[v, a]:
                if m == size:
                    return False
                variance, shared = r[a, a], r[v, a]
                for j in range(m):
                    load = r[a, path[j]]
                    for i in range(j):
                        load -= factor[j, i] * factor[m, i]
                    load /= factor[j, j]
                    factor[m, j] = load
                    variance -= load * load
                    shared -= load * loading[j]
                factor[m, m] = math.sqrt(max(variance, SINGULAR))
                loading[m] = shared / factor[m, m] if variance >= SINGULAR else 0.0
                path[m] = a
                left[m + 1] = left[m] - loading[m] ** 2
                m += 1
        paths.fixed[v] = m
    # Candidates with their loadings on the path so far.
    loads, variances, shares, candidates = scratch
    count = 0
    for c in range(p):
        if not before[c] or not problem.allowed[v, c]:
            continue
        inside = False
        for j in range(m):
            inside = inside or path[j] == c
        if inside:
            continue
        variance, shared = r[c, c], r[v, c]
        for j in range(m):
            load = r[c, path[j]]
            for i in range(j):
                load -= factor[j, i] * loads[c, i]
            load /= factor[j, j]
            loads[c, j] = load
            variance -= load * load
            shared -= load * loading[j]
        variances[c] = variance
        shares[c] = shared
        candidates[count] = c
        count += 1
    least = problem.least[problem.group[v]]
    while m < problem.most:
        best, chosen = left[m] * least, -1
        slack = 1e-11 * left[m]
        tests[0] += count
        for k in range(count):
            c = candidates[k]
            if variances[c] >= SINGULAR:
                gain = shares[c] * shares[c] / variances[c]
                # Candidates come in the order of their names: the first of equals stays.
                if gain > best + (slack if chosen >= 0 else 0.0):
                    best, chosen = gain, k
        if chosen < 0 or left[m] <= FLOOR:
            break
        if m == size:
            return False
        z = candidates[chosen]
        count -= 1
        for k in range(chosen, count):
            candidates[k] = candidates[k + 1]
        deviation = math.sqrt(variances[z])
        for j in range(m):
            factor[m, j] = loads[z, j]
        factor[m, m] = deviation
        loading[m] = shares[z] / deviation
        path[m] = z
        left[m + 1] = left[m] - loading[m] ** 2
        for k in range(count):
            c = candidates[k]
            load = r[z, c]
            for j in range(m):
                load -= factor[m, j] * loads[c, j]
            load /= deviation
            loads[c, m] = load
            variances[c] -= load * load
            shares[c] -= load * loading[m]
        m += 1
    paths.length[v] = m
    _shrink(problem, paths, v, tests)
    return True


@njit(cache=True, nogil=True)
def _shrink(problem, paths, v, tests):
    """Drop the parents of the grown path that do not pay their price, the least worth first; and score."""
    m = paths.length[v]
    path, factor, loading = paths.path[v], paths.factor[v], paths.loading[v]
    fixed = paths.fixed[v]
    half = problem.half[problem.group[v]]
    residual = max(paths.left[v, m], FLOOR)
    kept = np.ones(m, np.bool_)
    count = m
    if m > fixed:
        # The inverse of the path's correlation from its factor, and the coefficients.
        lower = np.zeros((m, m))
        for j in range(m):
            lower[j, j] = 1.0 / factor[j, j]
            for i in range(j):
                total = 0.0
                for k in range(i, j):
                    total -= factor[j, k] * lower[k, i]
                lower[j, i] = total / factor[j, j]
        inverse = np.zeros((m, m))
        slope = np.zeros(m)
        for k in range(m):
            for i in range(k + 1):
                slope[i] += lower[k, i] * loading[k]
                for j in range(k + 1):
                    inverse[i, j] += lower[k, i] * lower[k, j]
        threshold = problem.penalty - problem.tolerance
        while True:
            worst, least = -1, math.inf
            for i in range(fixed, m):
                if kept[i]:
                    tests[0] += 1
                    loss = slope[i] * slope[i] / inverse[i, i]
                    # The first by name of equals goes.
                    if (
                        worst < 0
                        or loss < least - 1e-11 * residual
                        or (loss <= least + 1e-11 * residual and path[i] < path[worst])
                    ):
                        worst, least = i, loss
            if worst < 0 or half * math.log1p(least / residual) >= threshold:
                break
            kept[worst] = False
            count -= 1
            residual += least
            row = np.empty(m)
            for i in range(m):
                row[i] = inverse[worst, i]
            pivot, own = row[worst], slope[worst]
            for i in range(m):
                slope[i] -= own * row[i] / pivot
                for j in range(m):
                    inverse[i, j] -= row[i] * row[j] / pivot
            slope[worst] = 0.0
    k = 0
    for j in range(m):
        if kept[j]:
            paths.parents[v, k] = path[j]
            k += 1
    paths.kept[v] = count
    paths.score[v] = -half * math.log(residual) - problem.penalty * count


@njit(cache=True, nogil=True)
def project(problem, order, paths, scratch, tests):
    """The projection of a whole order; False where the paths need more room."""
    before = np.zeros(len(order), np.bool_)
    for v in order:
        if not _grow(problem, paths, v, START, before, scratch, tests):
            return False
        before[v] = True
    return True


@njit(cache=True, nogil=True)
def sweep(problem, order, turns, lows, highs, paths, other, scratch, tests):
    """Move each variable of `turns` to its best place in `order`, which changes in place (best-move of BOSS).

    Args:
        problem: what does not change.
        order: int64 (p,): the causal order.
        turns: int64 (p,): the variables in the order of their turns.
        lows: booleans (p, p): [v, a] says that a stands before v whatever comes.
        highs: booleans (p, p): [v, a] says that a stands after v whatever comes.
        paths: the projection of the order, kept up to date.
        other: room for the paths a move would change.
        scratch: room for `_grow`.
        tests: int64 (1,): the local scores looked at, added to.

    Returns:
        How many variables moved; -1 where paths need more room.
    """
    p = len(order)
    moved = 0
    rest = np.empty(p - 1, np.int64)
    before = np.zeros(p, np.bool_)
    changes = np.zeros(p, np.bool_)
    with_v = np.empty(p)
    without = np.empty(p)
    own = np.empty(p)
    work = np.empty(paths.path.shape[1] + 1)
    for v in turns:
        place, k = 0, 0
        for i in range(p):
            if order[i] == v:
                place = i
            else:
                rest[k] = order[i]
                k += 1
        low, high = 0, p - 1
        for i in range(p - 1):
            if lows[v, rest[i]]:
                low = i + 1
            if highs[v, rest[i]]:
                high = min(high, i)
        if low >= high:
            continue
        for i in range(p):
            before[i] = False
        for i in range(low):
            before[rest[i]] = True
        # The variable itself at every place.
        _copy(paths, other, v)
        if not _grow(problem, other, v, START, before, scratch, tests):
            return -1
        own[low] = other.score[v]
        for i in range(low, high):
            w = rest[i]
            # The others, with it before them and without.
            without[i] = with_v[i] = paths.score[w]
            changes[w] = False
            if i < place:
                step = _entry(problem, paths, w, v, work)
                tests[0] += paths.length[w] + 1
                if step >= 0:
                    _copy(paths, other, w)
                    before[v] = True
                    room = _grow(problem, other, w, step, before, scratch, tests)
                    before[v] = False
                    if not room:
                        return -1
                    changes[w] = True
                    with_v[i] = other.score[w]
            else:
                step = np.int64(-1)
                for j in range(paths.length[w]):
                    if paths.path[w, j] == v:
                        step = j
                if step >= 0:
                    _copy(paths, other, w)
                    if not _grow(problem, other, w, step, before, scratch, tests):
                        return -1
                    changes[w] = True
                    without[i] = other.score[w]
            before[w] = True
            step = _entry(problem, other, v, w, work)
            tests[0] += other.length[v] + 1
            if step >= 0 and not _grow(problem, other, v, step, before, scratch, tests):
                return -1
            own[i + 1] = other.score[v]
        # total[i] - total[low] for every place i; the first of equals, and where it stands if that is one of them.
        total = own[low]
        for i in range(low, high):
            total += with_v[i]
        here, best = 0.0, -math.inf
        value = total
        for i in range(low, high + 1):
            if i > low:
                value += without[i - 1] - with_v[i - 1] + own[i] - own[i - 1]
            if i == place:
                here = value
            best = max(best, value)
        if best <= here + problem.tolerance:
            continue
        target = low
        value = total
        for i in range(low, high + 1):
            if i > low:
                value += without[i - 1] - with_v[i - 1] + own[i] - own[i - 1]
            if value >= best - problem.tolerance:
                target = i
                break
        for i in range(min(place, target), max(place, target)):
            if changes[rest[i]]:
                _copy(other, paths, rest[i])
        for i in range(p - 1):
            order[i if i < target else i + 1] = rest[i]
        order[target] = v
        for i in range(p):
            before[i] = False
        for i in range(target):
            before[rest[i]] = True
        if not _grow(problem, paths, v, START, before, scratch, tests):
            return -1
        moved += 1
    return moved


def scratch_for(p: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Room that `_grow` works in."""
    return np.empty((p, size)), np.empty(p), np.empty(p), np.empty(p, np.int64)
