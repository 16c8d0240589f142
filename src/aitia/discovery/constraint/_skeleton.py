"""The skeleton: which pairs no set separates, level by level with neighbours frozen within each (PC-stable)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from aitia.core import Progress
from aitia.discovery.constraint._probe import Closest, Lists, Probe, lists_of
from aitia.discovery.constraint._setting import Setting


@dataclass(eq=False)
class Skeleton:
    """Which pairs are joined, and the test that came closest to independence for each. It changes as a search goes on.

    Pairs are (a, b) with a < b, in rows of `pairs`; the arrays go along with them.

    Args:
        setting: the variables and the knowledge.
        pairs: positions, shape (k, 2).
        adjacent: booleans (p, p), symmetric.
        p_values: shape (k,); -1 where nothing was tested.
        statistics: absolute statistics, shape (k,).
        sizes: how many variables the set has, shape (k,).
        sets: the sets, shape (k, widest set); the first `sizes` entries count.
        separated: whether the set separates the pair.
        ruled_out: whether knowledge parts the pair, whatever the tests say.
    """

    setting: Setting
    pairs: np.ndarray
    adjacent: np.ndarray
    p_values: np.ndarray
    statistics: np.ndarray
    sizes: np.ndarray
    sets: np.ndarray
    separated: np.ndarray
    ruled_out: np.ndarray

    @classmethod
    def complete(cls, setting: Setting, apart: np.ndarray) -> Skeleton:
        """Every pair joined but those that are `apart` by knowledge, booleans (p, p)."""
        p = setting.count
        a, b = np.triu_indices(p, 1)
        ruled_out = apart[a, b]
        adjacent = ~np.eye(p, dtype=bool)
        adjacent[a[ruled_out], b[ruled_out]] = adjacent[b[ruled_out], a[ruled_out]] = False
        k = len(a)
        return cls(
            setting, np.stack([a, b], axis=1), adjacent, np.full(k, -1.0), np.zeros(k), np.zeros(k, np.int32),
            np.zeros((k, 0), np.int32), np.zeros(k, bool), ruled_out,
        )  # fmt: skip

    def row(self, a: int, b: int) -> int:
        """Where the pair stands."""
        a, b = (a, b) if a < b else (b, a)
        return a * (2 * self.setting.count - a - 1) // 2 + b - a - 1

    def separator(self, a: int, b: int) -> tuple[int, ...] | None:
        """The set that separates a pair; None where none was found."""
        row = self.row(a, b)
        return self.given(row) if self.separated[row] else None

    def given(self, row: int) -> tuple[int, ...]:
        """The set recorded for a pair."""
        return tuple(self.sets[row, : self.sizes[row]].tolist())

    @property
    def joined(self) -> np.ndarray:
        """Whether each pair is joined."""
        return self.adjacent[self.pairs[:, 0], self.pairs[:, 1]]

    def active(self) -> np.ndarray:
        """The rows of the pairs that are joined and that no set has separated."""
        return np.flatnonzero(self.joined & ~self.separated)

    def cut(self, a: int, b: int, given: Sequence[int], p_value: float, statistic: float) -> None:
        """Take one edge away for the set that separates it."""
        row = self.row(a, b)
        self._widen(len(given))
        self.p_values[row], self.statistics[row], self.sizes[row] = p_value, statistic, len(given)
        self.sets[row, : len(given)] = given
        self.separated[row] = True
        self.adjacent[a, b] = self.adjacent[b, a] = False

    def _widen(self, size: int) -> None:
        if size > self.sets.shape[1]:
            wider = np.zeros((len(self.pairs), size), np.int32)
            wider[:, : self.sets.shape[1]] = self.sets
            self.sets = wider

    def record(self, rows: np.ndarray, found: Closest, alpha: float, required: np.ndarray) -> np.ndarray:
        """Take the results for some pairs into account and cut those that are independent.

        Args:
            rows: the pairs.
            found: what was found for each.
            alpha: the level.
            required: whether each pair's edge may not be cut.

        Returns:
            The rows of the pairs that were cut.
        """
        size = found.sets.shape[1]
        self._widen(size)
        old_p, old = self.p_values[rows], self.statistics[rows]
        independent = found.p_values > alpha
        closer = (found.p_values > old_p) | ((found.p_values == old_p) & (found.statistics < old))
        # A set that separates is recorded as it is; sets that do not only if they come closer than all before.
        take = (found.p_values >= 0) & (independent | closer)
        at = rows[take]
        self.p_values[at], self.statistics[at] = found.p_values[take], found.statistics[take]
        self.sizes[at] = size
        self.sets[at, :size] = found.sets[take]
        self.separated[rows[independent]] = True
        cut = rows[independent & ~required]
        a, b = self.pairs[cut].T
        self.adjacent[a, b] = self.adjacent[b, a] = False
        return cut


def search_skeleton(
    probe: Probe,
    alpha: float,
    max_given: int | None,
    bar: Progress,
    *,
    apart: np.ndarray | None = None,
    kept: np.ndarray | None = None,
) -> Skeleton:
    """PC-stable (Colombo & Maathuis 2014, Algorithm 4.1).

    At level l every joined pair is tested given all sets of l neighbours of either (without the other), neighbours
    as they were when the level began. A pair is cut where a p-value exceeds `alpha`; its separating set is the one of
    the largest p-value at that level, so neither the edges nor the sets depend on an order.

    Args:
        probe: the tests.
        alpha: the level of a test.
        max_given: the largest set; None sets no limit.
        bar: moves as levels are done.
        apart: booleans (p, p): pairs that knowledge parts. None: those whose edge is forbidden both ways.
        kept: booleans (p, p): pairs that stay joined. None: those with a required edge.
    """
    setting = probe.setting
    if apart is None:
        apart = setting.forbidden & setting.forbidden.T
    if kept is None:
        kept = setting.required | setting.required.T
    skeleton = Skeleton.complete(setting, apart)
    for size in sizes(probe, max_given):
        lists = lists_of(skeleton.adjacent)
        rows = skeleton.active()
        if len(rows) == 0 or np.diff(lists[0]).max() - 1 < size:
            break
        level(probe, skeleton, rows, lists, size, alpha, kept)
        bar.advance()
    separate_ruled_out(probe, skeleton, alpha, max_given)
    return skeleton


def sizes(probe: Probe, max_given: int | None, smallest: int = 0) -> Iterator[int]:
    """The sizes of conditioning sets that are allowed, from the smallest."""
    limits = [each for each in (max_given, probe.largest_set, probe.setting.count - 2) if each is not None]
    yield from range(smallest, min(limits) + 1)


def separate_ruled_out(probe: Probe, skeleton: Skeleton, alpha: float, max_given: int | None) -> None:
    """Find what separates the pairs that knowledge parts: colliders between them are read off that set."""
    lists = lists_of(skeleton.adjacent)
    for size in sizes(probe, max_given):
        rows = np.flatnonzero(skeleton.ruled_out & ~skeleton.separated)
        if len(rows) == 0 or np.diff(lists[0]).max() < size:
            break
        level(probe, skeleton, rows, lists, size, alpha, ~skeleton.adjacent)


def level(
    probe: Probe,
    skeleton: Skeleton,
    rows: np.ndarray,
    lists: Lists,
    size: int,
    alpha: float,
    kept: np.ndarray,
    tested: Lists | None = None,
    allowed: np.ndarray | None = None,
) -> np.ndarray:
    """Test some pairs given sets of one size and cut the independent ones; returns their rows."""
    xs, ys = skeleton.pairs[rows].T
    found = probe.closest(xs, ys, lists, size, tested, allowed)
    return skeleton.record(rows, found, alpha, kept[xs, ys])


def knowledge_warnings(skeleton: Skeleton) -> tuple[str, ...]:
    """Where tests and knowledge about adjacency disagree: the knowledge stands, and the person is told."""
    setting, names = skeleton.setting, skeleton.setting.names
    if not setting.knowledge:
        return ()
    result = []
    for row in np.flatnonzero(skeleton.joined & skeleton.separated).tolist():
        a, b = skeleton.pairs[row]
        result.append(
            f"The knowledge keeps the edge between {names[a]} and {names[b]}, but the data find them independent given "
            f"{setting.words(skeleton.given(row))} (p = {skeleton.p_values[row]:.3g})."
        )
    for row in np.flatnonzero(skeleton.ruled_out & ~skeleton.separated).tolist():
        a, b = skeleton.pairs[row]
        result.append(
            f"The knowledge allows no edge between {names[a]} and {names[b]}, but no set of neighbours separates "
            f"them in the data (largest p = {max(skeleton.p_values[row], 0.0):.3g})."
        )
    return tuple(result)
