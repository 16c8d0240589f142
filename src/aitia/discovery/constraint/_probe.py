"""For many pairs at once: the set of one size that brings each pair closest to independence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

import numpy as np
from scipy import special

from aitia.core import Decision
from aitia.discovery.constraint._discrete import count_tests, threads
from aitia.discovery.constraint._kernel import closest_kernel
from aitia.discovery.constraint._setting import Setting
from aitia.discovery.independence._g_squared import CountsTester

Lists: TypeAlias = tuple[np.ndarray, np.ndarray]
"""A list of positions for every variable: where each starts, and all of them in turn."""

_COUNTED_AT_ONCE = 4096
_MANY = 3_000_000  # tests from which a second thread is worth its start


@dataclass(frozen=True, eq=False)
class Closest:
    """For each of m pairs the set of one size with the largest p-value (then the smallest statistic, then the first).

    Args:
        p_values: shape (m,); -1 where there is no set of this size.
        statistics: absolute statistics, shape (m,).
        sets: the sets, shape (m, size), increasing positions.
    """

    p_values: np.ndarray
    statistics: np.ndarray
    sets: np.ndarray


def lists_of(adjacent: np.ndarray) -> Lists:
    """The neighbours of every variable, from booleans (p, p)."""
    starts = np.concatenate([[0], np.cumsum(adjacent.sum(axis=1))]).astype(np.int32)
    return starts, np.nonzero(adjacent)[1].astype(np.int32)


def no_lists(count: int) -> Lists:
    """An empty list for every variable."""
    return np.zeros(count + 1, np.int32), np.zeros(0, np.int32)


class Probe:
    """Tests in bulk by compiled loops where the test is Fisher's z or over counts, one by one where it is any other.

    All ways give the same p-values, sets and counts.

    Args:
        setting: the variables, the test and the knowledge.
        compiled: False takes the plain way whatever the test.
    """

    def __init__(self, setting: Setting, *, compiled: bool = True) -> None:
        self.setting = setting
        self.tests = 0
        """How many tests were made."""
        correlation = setting.tester.correlation if compiled else None
        self._correlation = (
            None
            if correlation is None
            else np.ascontiguousarray(correlation[np.ix_(setting.at, setting.at)], float)
        )

        tester = setting.tester
        self._tables = tester if compiled and isinstance(tester, CountsTester) else None

    @property
    def largest_set(self) -> int | None:
        """The largest set that leaves a degree of freedom; None where the test sets no limit."""
        tester = self.setting.tester
        return None if tester.correlation is None else max(tester.rows - 4, 0)

    def decisions(self, max_given: int | None) -> tuple[Decision, ...]:
        """Whether the rows, not the person, set the largest set that was tested."""
        largest = self.largest_set
        if (
            largest is None
            or largest >= self.setting.count - 2
            or (max_given is not None and max_given <= largest)
        ):
            return ()
        rows = self.setting.tester.rows
        return (Decision(f"tested sets of at most {largest} variables", f"{rows:,} rows leave no more"),)

    def closest(
        self,
        xs: np.ndarray,
        ys: np.ndarray,
        lists: Lists,
        size: int,
        tested: Lists | None = None,
        allowed: np.ndarray | None = None,
    ) -> Closest:
        """For each pair (xs[k], ys[k]) the set of `size` variables that brings it closest to independence.

        Args:
            xs: positions, shape (m,).
            ys: positions, shape (m,).
            lists: the candidates of every variable; sets come from x's without y and from y's without x.
            size: how many variables a set has.
            tested: sets inside x's or y's list here are left out: they were tested before.
            allowed: booleans (m, p): which variables the sets of each pair may hold. None: all.
        """
        if self._correlation is None:
            if self._tables is None:
                return self._one_by_one(xs, ys, lists, size, tested, allowed)
            return self._counted(self._tables, xs, ys, lists, size, tested, allowed)
        found, sets, _ = self._bulk(xs, ys, lists, size, tested, allowed, 0.0, 0)
        p_values, statistics = self._fisher_z(found, size)
        return Closest(p_values, statistics, sets)

    def separating(self, xs: np.ndarray, ys: np.ndarray, lists: Lists, size: int, alpha: float) -> np.ndarray:
        """How many sets of `size` separate each pair, by member: shape (m, p + 1), the last column counts all."""
        p = self.setting.count
        if self._correlation is not None:
            return self._bulk(xs, ys, lists, size, None, None, self._cut(alpha, size), p + 1)[2]
        hits = np.zeros((len(xs), p + 1), np.int32)
        for k, (x, y) in enumerate(zip(xs.tolist(), ys.tolist())):
            for given in self._sets(x, y, lists, size):
                if self.test(x, y, given)[0] > alpha:
                    hits[k, list(given)] += 1
                    hits[k, p] += 1
        return hits

    # The compiled way.

    def _bulk(
        self,
        xs: np.ndarray,
        ys: np.ndarray,
        lists: Lists,
        size: int,
        tested: Lists | None,
        allowed: np.ndarray | None,
        cut: float,
        columns: int,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        m = len(xs)
        xs, ys = xs.astype(np.int32), ys.astype(np.int32)
        smallest, sets = np.empty(m), np.zeros((m, size), np.int32)
        hits, tests = np.zeros((m, columns), np.int32), np.zeros(m, np.int64)
        kernel = closest_kernel()
        setting = self.setting
        beside = no_lists(setting.count) if tested is None else tested
        mask = np.zeros((0, 0), bool) if allowed is None else np.ascontiguousarray(allowed)

        def work(first: int, last: int) -> None:
            kernel(
                self._correlation, xs, ys, first, last, *lists, *beside, setting.tiers, mask, size, cut,
                smallest, sets, hits, tests,
            )  # fmt: skip

        expected = 0.0
        for side in (xs, ys):
            width = np.diff(lists[0])[side] if allowed is None else allowed.sum(axis=1)
            expected += float(special.comb(width.astype(float), size).sum())
        workers = min(threads(), 8)
        if expected < _MANY or workers == 1:
            work(0, m)
        else:
            # Each pair's answer is its own, so how they are shared out cannot show.
            ends = np.linspace(0, m, min(m, 16 * workers) + 1).astype(int).tolist()
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(work, ends[:-1], ends[1:]))
        made = int(tests.sum())
        self.tests += made
        self.setting.tester.calls += made
        smallest[tests == 0] = np.nan
        return smallest, sets, hits

    def _fisher_z(self, r: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        freedom = self.setting.tester.rows - size - 3
        absent = np.isnan(r)
        bounded = np.minimum(np.where(absent, 0.0, r), 1 - 1e-15)
        z = math.sqrt(freedom) * np.arctanh(bounded) if freedom > 0 else np.zeros_like(bounded)
        return np.where(absent, -1.0, special.erfc(z / math.sqrt(2))), z

    def _cut(self, alpha: float, size: int) -> float:
        """The |partial correlation| below which a set of `size` separates."""
        freedom = self.setting.tester.rows - size - 3
        return (
            math.tanh(math.sqrt(2) * float(special.erfcinv(alpha)) / math.sqrt(freedom))
            if freedom > 0
            else 1.0
        )

    # The plain way.

    def test(self, x: int, y: int, given: Sequence[int]) -> tuple[float, float]:
        """The p-value and the absolute statistic of one test."""
        tester = self.setting.tester
        before = tester.calls
        found = self.setting.test(x, y, given)
        self.tests += tester.calls - before
        return found

    def _one_by_one(
        self,
        xs: np.ndarray,
        ys: np.ndarray,
        lists: Lists,
        size: int,
        tested: Lists | None,
        allowed: np.ndarray | None,
    ) -> Closest:
        m = len(xs)
        p_values, statistics = np.full(m, -1.0), np.zeros(m)
        sets = np.zeros((m, size), np.int32)
        for k, (x, y) in enumerate(zip(xs.tolist(), ys.tolist())):
            best = (-1.0, 0.0)
            for given in self._sets(x, y, lists, size, tested, None if allowed is None else allowed[k]):
                p_value, statistic = self.test(x, y, given)
                if (p_value, -statistic) > best or best[0] < 0:
                    best = (p_value, -statistic)
                    sets[k] = given
                    if p_value >= 1.0:
                        break  # nothing comes closer
            p_values[k], statistics[k] = best[0], -best[1]
        return Closest(p_values, statistics, sets)

    def _counted(
        self,
        tables: CountsTester,
        xs: np.ndarray,
        ys: np.ndarray,
        lists: Lists,
        size: int,
        tested: Lists | None,
        allowed: np.ndarray | None,
    ) -> Closest:
        """As `_one_by_one`, for tests over contingency tables, many at a time."""
        m = len(xs)
        p_values, statistics = np.full(m, -1.0), np.zeros(m)
        sets = np.zeros((m, size), np.int32)
        first = 0
        while first < m:
            asked: list[tuple[int, ...]] = []
            ends = []
            last = first
            while last < m and len(asked) < _COUNTED_AT_ONCE:
                limit = None if allowed is None else allowed[last]
                asked += self._sets(int(xs[last]), int(ys[last]), lists, size, tested, limit)
                ends.append(len(asked))
                last += 1
            start = 0
            if asked:
                lengths = np.diff([0, *ends])
                of = np.repeat(np.arange(first, last), lengths)
                given = np.array(asked, np.int64).reshape(len(asked), size)
                p_value, statistic, thin = count_tests(
                    tables, self.setting.at[xs[of]], self.setting.at[ys[of]], self.setting.at[given]
                )
                for k, end in zip(range(first, last), ends):
                    if end == start:
                        continue
                    sure = np.flatnonzero(p_value[start:end] >= 1.0)
                    stop = start + int(sure[0]) + 1 if len(sure) else end
                    best = start + int(np.lexsort((statistic[start:stop], -p_value[start:stop]))[0])
                    p_values[k], statistics[k], sets[k] = p_value[best], statistic[best], given[best]
                    self.tests += stop - start
                    self.setting.tester.calls += stop - start
                    tables.thin += int(thin[start:stop].sum())
                    start = end
            first = last
        return Closest(p_values, statistics, sets)

    def _sets(
        self,
        x: int,
        y: int,
        lists: Lists,
        size: int,
        tested: Lists | None = None,
        allowed: np.ndarray | None = None,
    ) -> Iterator[tuple[int, ...]]:
        """The sets of one pair in the order of the compiled loop."""
        if size == 0:
            yield ()
            return
        starts, entries = lists
        tiers = self.setting.tiers
        limit = max(tiers[x], tiers[y]) if min(tiers[x], tiers[y]) >= 0 else len(tiers) + 1
        beside = []
        if tested is not None:
            beside = [set(tested[1][tested[0][node] : tested[0][node + 1]].tolist()) for node in (x, y)]
        first: set[int] = set()
        for node, other in ((x, y), (y, x)):
            candidates = [
                v
                for v in entries[starts[node] : starts[node + 1]].tolist()
                if v != other and tiers[v] <= limit and (allowed is None or allowed[v])
            ]
            for given in combinations(candidates, size):
                if (node == y and first.issuperset(given)) or any(each.issuperset(given) for each in beside):
                    continue
                yield given
            first = set(candidates)
