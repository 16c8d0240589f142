"""Tests over contingency tables in bulk: many pairs and sets at once, the answers those of the test itself."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
from scipy import special

from aitia.discovery.independence._g_squared import CountsTester

_A_SHARE = 64  # tests that one thread takes at a time


@cache
def _loop():
    from numba import njit

    from aitia.discovery._contingency import g_squared

    @njit(cache=True, nogil=True)
    def many(codes, weights, sizes, xs, ys, sets, thin, first, last, statistics, freedoms, rows):
        for k in range(first, last):
            statistics[k], freedoms[k], rows[k] = g_squared(
                codes, weights, sizes, xs[k], ys[k], sets[k], thin
            )

    return many


def threads() -> int:
    """How many threads this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count_tests(
    tester: CountsTester, xs: np.ndarray, ys: np.ndarray, sets: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The answers of `tester` to many questions.

    Args:
        tester: the test bound to data.
        xs: positions in the data, shape (m,).
        ys: positions in the data, shape (m,).
        sets: positions in the data, shape (m, size).

    Returns:
        p-values, statistics, and whether the table was too thin to test; each of shape (m,).
    """
    terms, test = tester.terms, tester.test
    m = len(xs)
    statistics, freedoms, rows = np.zeros(m), np.zeros(m), np.zeros(m)
    low, high = np.minimum(xs, ys).astype(np.int64), np.maximum(xs, ys).astype(np.int64)
    given = np.sort(sets, axis=1).astype(np.int64)
    loop = _loop()

    def work(first: int) -> None:
        loop(
            terms.codes, terms.weights, terms.sizes, low, high, given, test.kernel_thin,
            first, min(first + _A_SHARE, m), statistics, freedoms, rows,
        )  # fmt: skip

    with ThreadPoolExecutor(min(threads(), 8)) as pool:
        list(pool.map(work, range(0, m, _A_SHARE)))
    if test.nominal_freedom:
        sizes = terms.sizes
        freedoms = (sizes[xs] - 1.0) * (sizes[ys] - 1.0) * np.prod(sizes[sets].astype(float), axis=1)
    p_values = special.chdtrc(np.maximum(freedoms, 1.0), statistics)
    tester.corrected += int((rows < test.thin * freedoms).sum())
    thin = (freedoms > 0) & (rows < test.rows_a_freedom * freedoms)
    p_values[(freedoms == 0) | thin] = 1.0
    statistics[freedoms == 0] = 0.0
    return p_values, statistics, thin
