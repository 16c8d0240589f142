"""Compiled steps between classes of DAGs: which operators there are, what they make, and the greedy climb.

A class is two boolean matrices over positions: ``arrows[y, x]`` says x -> y, ``lines[x, y]`` (symmetric) x -- y. An
operator is a kind, a pair (x, y) and a clique C of y's neighbours. It stands for the member DAGs in which the
neighbours in C are parents of y and the others children, and does there what its kind says: inserts x -> y, deletes
it, or turns y -> x into x -> y. Chickering (2002), theorems 15 and 17; Hauser & Bühlmann (2012), propositions 26, 28,
31 and 34, which hold for the classes that interventions leave too.

Numba loads with this module, so it is imported inside the functions that search.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

DELETE, TURN, INSERT = 0, 1, 2
MOST_SETS = 2048  # cliques looked at for one pair and kind
WIDEST = 32  # the largest clique of neighbours
SINGULAR = 1e-10  # as the projections of orders: a variable that a set leaves less than this of adds nothing


class Rules(NamedTuple):
    """What does not change in a search.

    Args:
        correlation: float64 (g, p, p): one matrix for each group of rows; (0, 0, 0) where the score is another.
        group: int64 (p,): which matrix scores each variable.
        half: float64 (g,): half the rows behind each.
        penalty: the price of one parent.
        tolerance: differences of scores below this are none.
        allowed: booleans (p, p): [v, a] lets a be a parent of v.
        required: booleans (p, p): [v, a] keeps a among v's parents.
        settled: booleans (p, p), symmetric: interventions tell the direction of this edge.
        before: booleans (p, p): [a, b] puts a before b in every causal order; (0, 0) where nothing is known.
        most: the largest number of parents.
    """

    correlation: np.ndarray
    group: np.ndarray
    half: np.ndarray
    penalty: float
    tolerance: float
    allowed: np.ndarray
    required: np.ndarray
    settled: np.ndarray
    before: np.ndarray
    most: int


class State(NamedTuple):
    """A class, and the best operators from it.

    Args:
        arrows: booleans (p, p): [y, x] says x -> y.
        lines: booleans (p, p), symmetric.
        above: int64 (p, p): the parents of each variable, listed.
        below: int64 (p, p): its children.
        beside: int64 (p, p): what lines join it to.
        counts: int64 (3, p): how many of each there are.
        bound: float64 (3, p, p): for each kind and pair the gain of the best operator, paths apart.
        score: float64 (1,): gains so far.
        tests: int64 (1,): local scores looked at.
    """

    arrows: np.ndarray
    lines: np.ndarray
    above: np.ndarray
    below: np.ndarray
    beside: np.ndarray
    counts: np.ndarray
    bound: np.ndarray
    score: np.ndarray
    tests: np.ndarray


@njit(cache=True, nogil=True)
def _gain(rules, y, above, size, x):
    """The Gaussian score of y given `above` and x, less that given `above` alone."""
    r = rules.correlation[rules.group[y]]
    half = rules.half[rules.group[y]]
    factor = np.empty((size + 2, size + 1))
    left = 1.0
    for a in range(size + 2):
        row = above[a] if a < size else (x if a == size else y)
        variance = 1.0
        for b in range(min(a, size + 1)):
            column = above[b] if b < size else x
            load = r[row, column]
            for i in range(b):
                load -= factor[a, i] * factor[b, i]
            load = load / factor[b, b] if factor[b, b] > 0.0 else 0.0
            if a == size + 1 and b == size:
                left = max(variance, 1e-12)
            factor[a, b] = load
            variance -= load * load
        if a <= size:
            factor[a, a] = math.sqrt(variance) if variance > SINGULAR else 0.0
    share = factor[size + 1, size] ** 2 / left
    return -half * math.log(max(1.0 - share, 1e-12)) - rules.penalty


@njit(cache=True, nogil=True)
def list_operators(state, kind, x, y, sets, sizes):
    """The cliques C with which an operator of this kind on (x, y) exists, paths apart.

    Args:
        state: the class.
        kind: DELETE, TURN or INSERT.
        x: the cause of the edge meant.
        y: its effect.
        sets: int64 (MOST_SETS, WIDEST): filled with the cliques.
        sizes: int64 (MOST_SETS,): filled with their sizes.

    Returns:
        How many there are.
    """
    arrows, lines = state.arrows, state.lines
    line = lines[x, y]
    joined = line or arrows[y, x] or arrows[x, y]
    if kind == INSERT and joined:
        return 0
    if kind == DELETE and not (line or arrows[y, x]):
        return 0
    if kind == TURN and not (line or arrows[x, y]):
        return 0
    neighbours = state.counts[2, y]
    if neighbours == 0 or (line and neighbours == 1):
        # The usual case: nothing to choose. Turning this line alone stays in the class.
        sizes[0] = 0
        return 0 if kind == TURN and line else 1
    candidates = np.empty(neighbours, np.int64)
    clique = np.empty(WIDEST, np.int64)
    place = np.empty(WIDEST + 1, np.int64)
    base = count = 0
    for k in range(neighbours):
        c = state.beside[y, k]
        if c != x:
            near = lines[c, x] or arrows[c, x] or arrows[x, c]
            if near and (kind == INSERT or (kind == TURN and not line)):
                if base == WIDEST:
                    return 0
                for i in range(base):
                    d = clique[i]
                    if not (lines[c, d] or arrows[c, d] or arrows[d, c]):
                        return 0
                clique[base] = c
                base += 1
            elif kind != DELETE or near:
                candidates[count] = c
                count += 1
    found = 0
    size = base
    at = 0
    while True:
        # The clique as it stands.
        fits = True
        if kind == TURN and line:
            fits = _moves_out(state, x, y, clique, size)
        if fits:
            if found == MOST_SETS:
                return found
            for i in range(size):
                sets[found, i] = clique[i]
            sizes[found] = size
            found += 1
        # The next one: one more candidate, or the last one replaced.
        while True:
            if size < WIDEST:
                while at < count:
                    c = candidates[at]
                    fits = True
                    for i in range(size):
                        d = clique[i]
                        if not (lines[c, d] or arrows[c, d] or arrows[d, c]):
                            fits = False
                            break
                    if fits:
                        break
                    at += 1
                if at < count:
                    clique[size] = candidates[at]
                    place[size] = at
                    size += 1
                    at += 1
                    break
            if size == base:
                return found
            size -= 1
            at = place[size] + 1


@njit(cache=True, nogil=True)
def _moves_out(state, x, y, clique, size):
    """Whether turning a line with this clique leaves the class, and can be done: C holds neighbours of y apart from
    x, which C's other part separates from the remaining neighbours joined to x (Hauser & Bühlmann, proposition 31)."""
    arrows, lines = state.arrows, state.lines
    p = len(arrows)
    apart = False
    seen = np.zeros(p, np.bool_)
    seen[x] = True
    stack = np.empty(p, np.int64)
    top = 0
    for i in range(size):
        c = clique[i]
        seen[c] = True
        if not (lines[c, x] or arrows[c, x] or arrows[x, c]):
            apart = True
            stack[top] = c
            top += 1
    if not apart:
        return False
    while top:
        top -= 1
        a = stack[top]
        for k in range(state.counts[2, y]):
            b = state.beside[y, k]
            if not seen[b] and (lines[a, b] or arrows[a, b] or arrows[b, a]):
                if lines[b, x] or arrows[b, x] or arrows[x, b]:
                    return False
                seen[b] = True
                stack[top] = b
                top += 1
    return True


@njit(cache=True, nogil=True)
def sets_of(state, kind, x, y, clique, size, above, other):
    """The parent sets that decide an operator's gain.

    Args:
        state: the class.
        kind: DELETE, TURN or INSERT.
        x: the cause.
        y: the effect.
        clique: C.
        size: its size.
        above: filled with the parents of y apart from x.
        other: filled with the parents of x apart from y (for TURN).

    Returns:
        How many of each; gains are those of x as one more parent of y, and, for TURN, of y as one parent less of x.
    """
    count = rest = 0
    for k in range(state.counts[0, y]):
        a = state.above[y, k]
        if a != x:
            above[count] = a
            count += 1
    for i in range(size):
        above[count] = clique[i]
        count += 1
    if kind == TURN:
        for k in range(state.counts[0, x]):
            a = state.above[x, k]
            if a != y:
                other[rest] = a
                rest += 1
        if state.lines[x, y]:
            for i in range(size):
                c = clique[i]
                if state.lines[c, x] or state.arrows[c, x] or state.arrows[x, c]:
                    other[rest] = c
                    rest += 1
    return count, rest


@njit(cache=True, nogil=True)
def permitted(rules, state, kind, x, y):
    """Whether knowledge leaves an operator of this kind on (x, y) open."""
    if kind == DELETE:
        return not (rules.required[y, x] or (state.lines[x, y] and rules.required[x, y]))
    return rules.allowed[y, x] and not rules.required[x, y]


@njit(cache=True, nogil=True)
def _bound(rules, state, kind, x, y, work):
    """The gain of the best operator of a kind on a pair, paths apart."""
    sets, sizes, above, other = work
    if not permitted(rules, state, kind, x, y):
        return -math.inf
    best = -math.inf
    for k in range(list_operators(state, kind, x, y, sets, sizes)):
        best = max(best, _operator_gain(rules, state, kind, x, y, sets[k], sizes[k], above, other))
    return best


@njit(cache=True, nogil=True)
def _operator_gain(rules, state, kind, x, y, clique, size, above, other):
    count, rest = sets_of(state, kind, x, y, clique, size, above, other)
    if kind != DELETE and count >= rules.most:
        return -math.inf
    gain = _gain(rules, y, above, count, x)
    state.tests[0] += 2
    if kind == DELETE:
        return -gain
    if kind == TURN:
        state.tests[0] += 2
        gain -= _gain(rules, x, other, rest, y)
    return gain


@njit(cache=True, nogil=True)
def is_open(state, kind, x, y, clique, size):
    """Whether no semi-directed path from y to x closes a cycle."""
    if kind == DELETE or (kind == TURN and state.lines[x, y]):
        return True
    p = len(state.arrows)
    seen = np.zeros(p, np.bool_)
    for i in range(size):
        seen[clique[i]] = True
    if kind == TURN:
        for k in range(state.counts[2, x]):
            seen[state.beside[x, k]] = True
    stack = np.empty(p, np.int64)
    stack[0] = y
    seen[y] = True
    top = 1
    while top:
        top -= 1
        a = stack[top]
        children = state.counts[1, a]
        for k in range(children + state.counts[2, a]):
            b = state.below[a, k] if k < children else state.beside[a, k - children]
            if b == x:
                if kind == TURN and a == y:
                    continue
                return False
            if not seen[b]:
                seen[b] = True
                stack[top] = b
                top += 1
    return True


@njit(cache=True, nogil=True)
def changed_dag(rules, state, kind, x, y, clique, size, dag):
    """Fill `dag` ([y, x]: x -> y) with a member that the operator has changed; False where there is none."""
    arrows, lines = state.arrows.copy(), state.lines.copy()
    p = len(arrows)
    inside = np.zeros(p, np.bool_)
    line = lines[x, y]
    for i in range(size):
        inside[clique[i]] = True
    for c in range(p):
        if kind == TURN and c != y and lines[c, x]:
            # x's other parents are what the gain says.
            keep = line and inside[c]
            lines[c, x] = lines[x, c] = False
            if keep:
                arrows[x, c] = True
            else:
                arrows[c, x] = True
        if lines[c, y]:
            lines[c, y] = lines[y, c] = False
            if inside[c] or (c == x and kind == DELETE):
                arrows[y, c] = True
            else:
                arrows[c, y] = True
    if not extend(arrows, lines, dag):
        return False
    if kind == INSERT:
        dag[y, x] = True
    elif kind == DELETE:
        dag[y, x] = False
    else:
        dag[x, y] = False
        dag[y, x] = True
    return acyclic(dag, rules.before)


@njit(cache=True, nogil=True)
def extend(arrows, lines, dag):
    """Fill `dag` with an extension of arrows and lines that has no new collider (Dor & Tarsi 1992); False: none.

    `arrows` and `lines` are used up.
    """
    p = len(arrows)
    for v in range(p):
        for a in range(p):
            dag[v, a] = arrows[v, a]
    gone = np.zeros(p, np.bool_)
    near = np.empty(p, np.int64)
    left = p
    while left:
        progress = False
        for v in range(p - 1, -1, -1):
            if gone[v]:
                continue
            count = 0
            sink = True
            for a in range(p):
                if arrows[a, v]:
                    sink = False
                    break
                if arrows[v, a] or lines[v, a]:
                    near[count] = a
                    count += 1
            if not sink:
                continue
            for i in range(count):
                a = near[i]
                if lines[v, a]:
                    for j in range(count):
                        b = near[j]
                        if a != b and not (lines[a, b] or arrows[a, b] or arrows[b, a]):
                            sink = False
                            break
                if not sink:
                    break
            if not sink:
                continue
            for i in range(count):
                a = near[i]
                if lines[v, a]:
                    dag[v, a] = True
                    lines[v, a] = lines[a, v] = False
                arrows[v, a] = False
            gone[v] = True
            left -= 1
            progress = True
        if not progress:
            return False
    return True


@njit(cache=True, nogil=True)
def acyclic(dag, before):
    """Whether a causal order of the DAG exists that agrees with `before`."""
    p = len(dag)
    known = len(before) > 0
    waiting = np.zeros(p, np.int64)
    ready = np.empty(p, np.int64)
    top = done = 0
    for v in range(p):
        for a in range(p):
            if dag[v, a] or (known and before[a, v]):
                waiting[v] += 1
        if waiting[v] == 0:
            ready[top] = v
            top += 1
    while top:
        top -= 1
        a = ready[top]
        done += 1
        for v in range(p):
            if dag[v, a] or (known and before[a, v]):
                waiting[v] -= 1
                if waiting[v] == 0:
                    ready[top] = v
                    top += 1
    return done == p


@njit(cache=True, nogil=True)
def class_of(rules, dag, arrows, lines):
    """Fill arrows and lines with the class of a DAG, given what knowledge and interventions settle.

    Arrows of unshielded colliders, and those that knowledge or interventions settle, closed under Meek's rules (1995).
    """
    p = len(dag)
    beside = np.empty((p, p), np.int64)
    degree = np.zeros(p, np.int64)
    above = np.zeros(p, np.int64)
    parents = np.empty((p, p), np.int64)
    joined = np.zeros((p, p), np.bool_)
    edges = 0
    for v in range(p):
        for a in range(p):
            arrows[v, a] = lines[v, a] = False
            if dag[v, a]:
                parents[v, above[v]] = a
                above[v] += 1
                edges += 1
            if dag[v, a] or dag[a, v]:
                beside[v, degree[v]] = a
                degree[v] += 1
                joined[v, a] = True
    xs, ys = np.empty(edges, np.int64), np.empty(edges, np.int64)
    open_edges = 0
    for v in range(p):
        for i in range(above[v]):
            a = parents[v, i]
            fixed = rules.settled[a, v] or rules.required[v, a] or not rules.allowed[a, v]
            for j in range(above[v]):
                b = parents[v, j]
                if b != a and not joined[a, b]:
                    fixed = True
                    break
            if fixed:
                arrows[v, a] = True
            else:
                lines[v, a] = lines[a, v] = True
                xs[open_edges], ys[open_edges] = a, v
                open_edges += 1
    # The direction of each arrow is the DAG's, so only that one needs a reason.
    changed = True
    while changed:
        changed = False
        k = 0
        while k < open_edges:
            x, y = xs[k], ys[k]
            if _compelled(arrows, lines, joined, beside, degree, x, y):
                lines[x, y] = lines[y, x] = False
                arrows[y, x] = True
                open_edges -= 1
                xs[k], ys[k] = xs[open_edges], ys[open_edges]
                changed = True
            else:
                k += 1


@njit(cache=True, nogil=True)
def listed(state):
    """List what the matrices of the class say."""
    p = len(state.arrows)
    for v in range(p):
        above = below = beside = 0
        for a in range(p):
            if state.arrows[v, a]:
                state.above[v, above] = a
                above += 1
            if state.arrows[a, v]:
                state.below[v, below] = a
                below += 1
            if state.lines[v, a]:
                state.beside[v, beside] = a
                beside += 1
        state.counts[0, v], state.counts[1, v], state.counts[2, v] = above, below, beside


@njit(cache=True, nogil=True)
def close(state, closed):
    """Mark the pairs [x, y] of which y is an ancestor of x: no x -> y can be inserted, whatever the clique.

    Without this most of a climb's time would go to insertions that would raise the score and close a cycle.
    """
    p = len(closed)
    stack = np.empty(p, np.int64)
    for y in range(p):
        for x in range(p):
            closed[x, y] = False
        stack[0] = y
        top = 1
        while top:
            top -= 1
            a = stack[top]
            for k in range(state.counts[1, a]):
                b = state.below[a, k]
                if not closed[b, y]:
                    closed[b, y] = True
                    stack[top] = b
                    top += 1


@njit(cache=True, nogil=True)
def _compelled(arrows, lines, joined, beside, degree, x, y):
    """Whether one of Meek's rules turns the line x -- y into x -> y."""
    for i in range(degree[x]):
        c = beside[x, i]
        if arrows[x, c] and not joined[c, y] and c != y:
            return True
        if arrows[c, x] and arrows[y, c]:
            return True
    for i in range(degree[y]):
        d = beside[y, i]
        if arrows[y, d] and joined[d, x]:
            if lines[x, d]:
                for j in range(i):
                    c = beside[y, j]
                    if arrows[y, c] and lines[x, c] and not joined[c, d]:
                        return True
            for j in range(degree[d]):
                c = beside[d, j]
                if arrows[d, c] and lines[x, c] and not joined[c, y]:
                    return True
    return False


@njit(cache=True, nogil=True)
def stale(old_arrows, old_lines, state, marked):
    """Mark the pairs [x, y] whose operators may differ from those before a step."""
    arrows, lines = state.arrows, state.lines
    p = len(arrows)
    for y in range(p):
        for a in range(p):
            marked[y, a] = False
    for y in range(p):
        changed = False
        for a in range(p):
            if arrows[y, a] != old_arrows[y, a] or lines[y, a] != old_lines[y, a]:
                changed = True
                break
        if changed:
            for a in range(p):
                marked[a, y] = True
                if lines[y, a] or arrows[y, a] or arrows[a, y]:
                    marked[y, a] = True
    for a in range(p):
        for b in range(a):
            now = lines[a, b] or arrows[a, b] or arrows[b, a]
            then = old_lines[a, b] or old_arrows[a, b] or old_arrows[b, a]
            if now == then:
                continue
            marked[a, b] = marked[b, a] = True
            for y in range(p):
                if lines[a, y]:
                    marked[b, y] = True
                    if lines[b, y]:
                        for x in range(p):
                            marked[x, y] = True
                if lines[b, y]:
                    marked[a, y] = True


@njit(cache=True, nogil=True)
def refresh(rules, state, kinds, marked, work):
    """Find the best operators of the marked pairs again."""
    p = len(marked)
    for x in range(p):
        for y in range(p):
            if marked[x, y] and x != y:
                for kind in range(3):
                    if kinds[kind]:
                        state.bound[kind, x, y] = _bound(rules, state, kind, x, y, work)


@njit(cache=True, nogil=True)
def best_pair(bound, closed, tolerance):
    """The pair of the highest gain above the tolerance, the first of equals, that is not closed; x = -1: none."""
    p = len(bound)
    best, at, to = tolerance, -1, -1
    for x in range(p):
        for y in range(p):
            if bound[x, y] > best and not closed[x, y]:
                best = bound[x, y] + tolerance
                at, to = x, y
    return at, to


@njit(cache=True, nogil=True)
def step_to(rules, state, dag, marked):
    """Make the class of `dag` the state, and mark the pairs whose operators must be found again."""
    old_arrows, old_lines = state.arrows.copy(), state.lines.copy()
    class_of(rules, dag, state.arrows, state.lines)
    listed(state)
    stale(old_arrows, old_lines, state, marked)


@njit(cache=True, nogil=True)
def best_open(rules, state, kind, x, y, clique, work):
    """The best operator of a kind on a pair that no path forbids: its gain and size; C in `clique`."""
    sets, sizes, above, other = work
    best, chosen = -math.inf, -1
    for k in range(list_operators(state, kind, x, y, sets, sizes)):
        gain = _operator_gain(rules, state, kind, x, y, sets[k], sizes[k], above, other)
        if gain > best + rules.tolerance and is_open(state, kind, x, y, sets[k], sizes[k]):
            best, chosen = gain, k
    if chosen < 0:
        return best, 0
    for i in range(sizes[chosen]):
        clique[i] = sets[chosen, i]
    return best, sizes[chosen]


@njit(cache=True, nogil=True)
def climb(rules, state, kinds, work):
    """Take operators until none raises the score: deletions first, then turns, then insertions.

    Args:
        rules: what does not change.
        state: the class with its bounds for these kinds, changed in place.
        kinds: booleans (3,): which kinds of operators are taken.
        work: room.

    Returns:
        How many steps.
    """
    p = len(state.arrows)
    steps = 0
    clique = np.empty(WIDEST, np.int64)
    dag = np.empty((p, p), np.bool_)
    marked = np.empty((p, p), np.bool_)
    now = np.empty((3, p, p))
    closed = np.empty((p, p), np.bool_)
    nowhere = np.zeros((p, p), np.bool_)
    while True:
        moved = False
        for kind in range(3):
            for x in range(p):
                for y in range(p):
                    now[kind, x, y] = state.bound[kind, x, y]
        close(state, closed)
        kind = np.int64(0)  # typed, so that what it is given to is compiled once
        while kind < 3:
            if not kinds[kind]:
                kind += 1
                continue
            x, y = best_pair(now[kind], closed if kind == INSERT else nowhere, rules.tolerance)
            if x < 0:
                kind += 1
                continue
            gain, size = best_open(rules, state, kind, x, y, clique, work)
            if gain < now[kind, x, y] - rules.tolerance:
                now[kind, x, y] = gain  # another pair may be better now
                continue
            if not changed_dag(rules, state, kind, x, y, clique, size, dag):
                now[kind, x, y] = -math.inf
                continue
            step_to(rules, state, dag, marked)
            state.score[0] += gain
            refresh(rules, state, kinds, marked, work)
            moved = True
            break
        # Each step raises the score, but where columns determine each other by rounding alone.
        if not moved or steps > 10 * p + 1000:
            return steps
        steps += 1
