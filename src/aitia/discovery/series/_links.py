"""Tests between a variable in the past and one now, by variable and lag: fast where the test is Fisher's z."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from scipy import linalg

from aitia.discovery.independence import Tester
from aitia.discovery.series._lagged import lag_name

Node: TypeAlias = tuple[int, int]
"""A variable by position, and its lag."""

_potrf, _potri, _trtrs = linalg.get_lapack_funcs(("potrf", "potri", "trtrs"), (np.zeros((1, 1)),))


class LinkTest(NamedTuple):
    """One test of a link: the partial correlation (or statistic), its p-value, and its strength for sorting."""

    value: float
    p_value: float
    strength: float
    given: tuple[Node, ...] = ()


class LinkTester:
    """Tests over the columns of a lagged design, addressed as (variable, lag).

    Where the test is Fisher's z, each is one small solve in the correlation matrix of the lagged columns, and all
    candidates that share a condition set are tested at once; other tests go through their `Tester`.

    Args:
        tester: the test, bound to lagged columns.
        names: the p variables at the present.
        depth: the number of lags of the design.
    """

    def __init__(self, tester: Tester, names: Sequence[str], depth: int) -> None:
        self.tester = tester
        where = {name: at for at, name in enumerate(tester.names)}
        self.at = [[where[lag_name(name, lag)] for name in names] for lag in range(depth + 1)]
        self.correlation = tester.correlation
        self.calls = 0
        self._memory: dict[tuple[Node, int, frozenset[Node]], LinkTest] = {}

    @property
    def tests(self) -> int:
        """How many distinct tests were made."""
        return self.calls + self.tester.calls

    def column(self, node: Node) -> int:
        """The column of a variable at a lag."""
        return self.at[node[1]][node[0]]

    def test(self, cause: Node, effect: int, given: Collection[Node] = ()) -> LinkTest:
        """Test the variable at its lag against a variable now, given others."""
        wanted = tuple(sorted(set(given)))
        key = (cause, effect, frozenset(wanted))
        if cause[1] == 0 and cause[0] > effect:
            key = ((effect, 0), cause[0], key[2])
        found = self._memory.get(key)
        if found is None:
            found = self._memory[key] = self._test(cause, effect, wanted)
        return found

    def _test(self, cause: Node, effect: int, given: tuple[Node, ...]) -> LinkTest:
        x, y, rest = self.column(cause), self.at[0][effect], [self.column(node) for node in given]
        if self.correlation is not None:
            r = _partial(self.correlation, x, y, rest)
            if r is not None:
                self.calls += 1
                return self._judge(r, given)
        result = self.tester.result(x, y, rest)
        strength = result.effect if result.effect == result.effect else abs(result.statistic)
        value = result.statistic
        if self.correlation is not None:  # nearly collinear columns, which the tester solves with more care
            value = math.tanh(result.statistic / math.sqrt(max(self.tester.rows - len(rest) - 3, 1)))
        return LinkTest(value, result.p_value, strength, given)

    def _judge(self, r: float, given: tuple[Node, ...]) -> LinkTest:
        freedom = self.tester.rows - len(given) - 3
        if freedom <= 0:
            return LinkTest(0.0, 1.0, 0.0, given)
        z = math.sqrt(freedom) * math.atanh(min(max(r, -1 + 1e-15), 1 - 1e-15))
        return LinkTest(r, math.erfc(abs(z) / math.sqrt(2)), abs(r), given)

    def strongest_first(self, candidates: Sequence[Node], effect: int, size: int) -> list[LinkTest]:
        """Test each candidate given the `size` first others: what one round of the condition selection needs.

        Candidates outside the first `size` share their condition set, and those inside differ from it by one, so two
        small matrices answer all of them.
        """
        head = list(candidates[: size + 1])
        if self.correlation is not None and len(candidates) > size:
            columns = [self.column(node) for node in candidates]
            bulk = _round(self.correlation, columns, self.at[0][effect], size)
            if bulk is not None:
                self.calls += len(candidates)
                return [
                    self._judge(r, tuple(other for other in head if other != node)[:size])
                    for node, r in zip(candidates, bulk)
                ]
        return [
            self.test(node, effect, [other for other in head if other != node][:size]) for node in candidates
        ]


def _partial(correlation: np.ndarray, x: int, y: int, given: Sequence[int]) -> float | None:
    """The partial correlation of two columns; None where the columns are too nearly collinear for a plain solve."""
    r = float(correlation[x, y])
    if not given:
        return r if abs(r) < 1 - 1e-9 else None
    at = [*given, x, y]
    factor, info = _potrf(correlation[np.ix_(at, at)], lower=1)
    k = len(given)
    # The last rows of the Cholesky factor hold what x and y are given the columns before them.
    if info or min(factor[i, i] for i in range(k + 2)) < 1e-5:
        return None
    return float(factor[k + 1, k] / math.hypot(factor[k + 1, k], factor[k + 1, k + 1]))


def _round(correlation: np.ndarray, columns: Sequence[int], y: int, size: int) -> np.ndarray | None:
    """Partial correlations of y with each column given the first `size` others; None where nearly collinear."""
    answers = correlation[columns, y].copy()
    if not size:
        return answers if np.abs(answers).max() < 1 - 1e-9 else None
    head = [*columns[: size + 1], y]
    factor, info = _potrf(correlation[np.ix_(head, head)], lower=1)
    if info or np.diagonal(factor).min() < 1e-5:
        return None
    inverse, _ = _potri(factor, lower=1)
    # Each of the first size + 1 columns given the other `size`: the scaled inverse of their matrix with y.
    scale = np.sqrt(np.diagonal(inverse))
    answers[: size + 1] = -inverse[-1, :-1] / (scale[:-1] * scale[-1])
    tail = [*columns[size + 1 :], y]
    if len(tail) > 1:
        top = columns[:size]
        half, _ = _trtrs(factor[:size, :size], correlation[np.ix_(top, tail)], lower=1)
        left = 1.0 - np.einsum("ij,ij->j", half, half)
        if left.min() < 1e-9:
            return None
        across = correlation[tail[:-1], y] - half[:, :-1].T @ half[:, -1]
        answers[size + 1 :] = across / np.sqrt(left[:-1] * left[-1])
    return answers
