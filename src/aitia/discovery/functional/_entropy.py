"""Compiled entropies of standardised variables, and the search for the first variable of a causal order.

Numba loads with this module, so it is imported inside the functions that need it. The exponential and the logarithm
are polynomials (relative error below 1e-10) so that the loop over the rows runs in vector instructions.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

# H(u) for u of mean 0 and variance 1: Hyvarinen (1998), the constants of Hyvarinen and Smith (2013), equation 25.
GAUSSIAN = 0.5 * (1.0 + math.log(2.0 * math.pi))
K1 = 79.047
K2 = 7.4129
GAMMA = 0.37457
_LOG2 = math.log(2.0)


@njit(inline="always")
def _exp(x):
    """exp(x) for x <= 0; below -40 as at -40."""
    y = max(x, -40.0) * (1.0 / 256.0)
    p = 1.0 / 720.0 + y * (1.0 / 5040.0 + y * (1.0 / 40320.0))
    p = 1.0 + y * (1.0 + y * (0.5 + y * (1.0 / 6.0 + y * (1.0 / 24.0 + y * (1.0 / 120.0 + y * p)))))
    p *= p
    p *= p
    p *= p
    p *= p
    p *= p
    p *= p
    p *= p
    return p * p


@njit(inline="always")
def _log_cosh(u):
    """log cosh(u) = |u| + log(1 + exp(-2|u|)) - log 2, the logarithm by its series in the inverse tangent."""
    size = abs(u)
    t = _exp(-2.0 * size)
    z = t / (2.0 + t)
    w = z * z
    p = 1.0 / 13.0 + w * (1.0 / 15.0 + w * (1.0 / 17.0 + w * (1.0 / 19.0)))
    p = 1.0 + w * (1.0 / 3.0 + w * (1.0 / 5.0 + w * (1.0 / 7.0 + w * (1.0 / 9.0 + w * (1.0 / 11.0 + w * p)))))
    return size + 2.0 * z * p - _LOG2


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def residual_entropies(x, y, slope, scale):
    """Entropies of scale * (x - slope * y) and of scale * (y - slope * x), for x and y of mean 0."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    n = x.shape[0]
    for t in range(n):
        u = scale * (x[t] - slope * y[t])
        v = scale * (y[t] - slope * x[t])
        a += _log_cosh(u)
        b += _log_cosh(v)
        c += u * _exp(-0.5 * u * u)
        d += v * _exp(-0.5 * v * v)
    return (
        GAUSSIAN - K1 * (a / n - GAMMA) ** 2 - K2 * (c / n) ** 2,
        GAUSSIAN - K1 * (b / n - GAMMA) ** 2 - K2 * (d / n) ** 2,
    )


@njit(cache=True, nogil=True, error_model="numpy")
def first(values, correlation, live, candidate, reaches, alone, penalty):
    """The variable most like a root among those left, by the pairwise likelihood ratio.

    The penalty of i is the sum over j of min(0, R(i, j))^2, whose terms are never negative. So pairs are compared
    for the candidate with the least penalty so far, until the least one is complete: the others can only grow. The
    answer is that of comparing all pairs (Shahbazinia et al. 2023 prune by the same argument).

    Args:
        values: standardised, shape (p, n), C order.
        correlation: shape (p, p).
        live: int64 positions of the variables left.
        candidate: booleans, shape (p,): which may be first.
        reaches: booleans [cause, effect]: who may act on whom.
        alone: entropies, shape (p,); made here for the live ones.
        penalty: shape (p,); filled here for the live ones (lower bounds, but for the chosen).

    Returns:
        The position, and how many pairs were compared.
    """
    m = len(live)
    compared = np.zeros((m, m), np.bool_)
    left = np.zeros(m, np.int64)
    for a in range(m):
        alone[live[a]] = residual_entropies(values[live[a]], values[live[a]], 0.0, 1.0)[0]
        penalty[live[a]] = 0.0
        for b in range(m):
            if a == b or not reaches[live[b], live[a]]:
                compared[a, b] = True  # b cannot act on a: nothing to hold against a
            else:
                left[a] += 1
    pairs = 0
    while True:
        best = -1
        for a in range(m):
            if candidate[live[a]] and (best < 0 or penalty[live[a]] < penalty[live[best]]):
                best = a
        if left[best] == 0:
            return live[best], pairs
        i, other, strongest = live[best], -1, -1.0
        for b in range(m):
            if not compared[best, b] and abs(correlation[i, live[b]]) > strongest:
                other, strongest = b, abs(correlation[i, live[b]])
        j, rho = live[other], correlation[i, live[other]]
        pairs += 1
        of_i, of_j = residual_entropies(
            values[i], values[j], rho, 1.0 / math.sqrt(max(1.0 - rho * rho, 1e-12))
        )
        ratio = alone[j] + of_i - alone[i] - of_j  # positive: i -> j
        compared[best, other] = True
        left[best] -= 1
        if ratio < 0.0:
            penalty[i] += ratio * ratio
        if not compared[other, best]:
            compared[other, best] = True
            left[other] -= 1
            if ratio > 0.0:
                penalty[j] += ratio * ratio


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def remove(values, correlation, root, live, reaches):
    """Take what `root` explains out of the live variables it may act on, in place, and standardise them again."""
    n = values.shape[1]
    source = values[root]
    slope = np.zeros(len(values))
    for i in live:
        if i != root and reaches[root, i]:
            slope[i] = correlation[i, root]
    for i in live:
        if slope[i] != 0.0:
            target, s = values[i], slope[i]
            scale = 1.0 / math.sqrt(max(1.0 - s * s, 1e-12))
            for t in range(n):
                target[t] = scale * (target[t] - s * source[t])
    # Correlations of what is left: of x_i - s_i r and x_j - s_j r.
    old = correlation[root].copy()
    for i in live:
        for j in live:
            if i < j and i != root and j != root:
                cross = correlation[i, j] - slope[i] * old[j] - slope[j] * old[i] + slope[i] * slope[j]
                one = max(1.0 - slope[i] * slope[i], 1e-12)
                two = max(1.0 - slope[j] * slope[j], 1e-12)
                correlation[i, j] = correlation[j, i] = cross / math.sqrt(one * two)
