"""A causal order with its projection to a DAG, that best moves improve: compiled or plain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from aitia.discovery.search._setting import Setting
from aitia.discovery.search._trees import Trees, bits


class Order(Protocol):
    """A causal order and the DAG it projects to."""

    @property
    def tests(self) -> int:
        """The local scores looked at so far."""
        ...

    def put(self, order: Sequence[int]) -> None:
        """Start anew from this order."""
        ...

    def sweep(self, turns: np.ndarray) -> int:
        """Move each variable, in these turns, to its best place; how many moved."""
        ...

    def explore(self, rank: np.ndarray, depths: np.ndarray) -> bool:
        """Search tucks depth first, edges by `rank`, for a better order and take it; whether there was one.

        `depths` says how deep covered, singular and other edges are tucked.
        """
        ...

    def parents(self) -> list[list[int]]:
        """The parents of each variable, sorted."""
        ...

    def order(self) -> list[int]:
        """The order as it stands."""
        ...

    def total(self) -> float:
        """The score of the DAG."""
        ...


def order_of(setting: Setting, most: int | None) -> Order:
    """The compiled form where the score has one, else the plain one."""
    limit = setting.count if most is None else most
    if setting.gaussian is not None:
        return CompiledOrder(setting, limit)
    return PlainOrder(setting, limit)


class PlainOrder:
    """The reference: grow-shrink trees over `Scorer.local`."""

    def __init__(self, setting: Setting, most: int) -> None:
        self._setting = setting
        self._trees = Trees(setting, most)
        self._order: list[int] = []

    @property
    def tests(self) -> int:
        """The distinct local scores so far."""
        return self._setting.scorer.calls

    def put(self, order: Sequence[int]) -> None:
        """Start anew from this order."""
        self._order = [int(v) for v in order]

    def order(self) -> list[int]:
        """The order as it stands."""
        return list(self._order)

    def _projected(self) -> list[tuple[float, int]]:
        found: list[tuple[float, int]] = [(0.0, 0)] * len(self._order)
        before = 0
        for v in self._order:
            found[v] = self._trees.project(v, before)
            before |= 1 << v
        return found

    def parents(self) -> list[list[int]]:
        """The parents of each variable, sorted."""
        return [list(bits(parents)) for _, parents in self._projected()]

    def total(self) -> float:
        """The score of the DAG."""
        return sum(score for score, _ in self._projected())

    def sweep(self, turns: np.ndarray) -> int:
        """Move each variable, in these turns, to its best place; how many moved."""
        return sum(self._best_move(int(v)) for v in turns)

    def _best_move(self, v: int) -> bool:
        project, tolerance = self._trees.project, self._setting.tolerance
        must = self._setting.before
        place = self._order.index(v)
        rest = self._order[:place] + self._order[place + 1 :]
        low = max((i + 1 for i, w in enumerate(rest) if must[w, v]), default=0)
        high = min((i for i, w in enumerate(rest) if must[v, w]), default=len(rest))
        before = sum(1 << w for w in rest[:low])
        # totals[i]: what v in place low + i scores, apart from what does not change.
        others = 0.0
        totals = [project(v, before)[0]]
        for i in range(low, high):
            w = rest[i]
            others += project(w, before)[0] - project(w, before | 1 << v)[0]
            before |= 1 << w
            totals.append(others + project(v, before)[0])
        best = max(totals)
        if best <= totals[place - low] + tolerance:
            return False
        target = low + next(i for i, total in enumerate(totals) if total >= best - tolerance)
        rest.insert(target, v)
        self._order = rest
        return True

    def explore(self, rank: np.ndarray, depths: np.ndarray) -> bool:
        """Search tucks depth first, edges by `rank`, for a better order and take it; whether there was one."""
        start = self.total()
        seen = {tuple(parents for _, parents in self._projected())}

        def search(order: list[int], level: int) -> bool:
            parents = [parents for _, parents in self._projected()]
            for y in np.argsort(rank).tolist():
                for x in sorted(bits(parents[y]), key=rank.__getitem__):
                    made, kind = _tucked(order, parents, x, y)
                    if level >= depths[kind] or not self._agrees(made):
                        continue
                    self._order = made
                    projected = self._projected()
                    total = sum(score for score, _ in projected)
                    if total > start + self._setting.tolerance:
                        return True
                    if level + 1 < max(depths) and total >= start - self._setting.tolerance:
                        signature = tuple(parents for _, parents in projected)
                        if signature not in seen:
                            seen.add(signature)
                            if search(made, level + 1):
                                return True
                    self._order = order
            return False

        return search(self._order, 0)

    def _agrees(self, order: list[int]) -> bool:
        must = self._setting.before
        return not must.any() or not np.tril(must[np.ix_(order, order)]).any()


def _tucked(order: list[int], parents: Sequence[int], x: int, y: int) -> tuple[list[int], int]:
    """The order after a tuck of x -> y, and whether the edge is covered (0), singular (1) or neither (2)."""
    low, high = order.index(x), order.index(y)
    window = order[low : high + 1]
    above = 1 << y
    single = True
    for v in reversed(window[1:]):
        if above >> v & 1:
            above |= parents[v]
            single = single and (v == y or not parents[v] >> x & 1)
    moved = [v for v in window[1:] if above >> v & 1]
    stay = [v for v in window if v not in moved]
    covered = parents[y] & ~(1 << x) == parents[x]
    return [*order[:low], *moved, *stay, *order[high + 1 :]], 0 if covered else 1 if single else 2


class CompiledOrder:
    """The compiled form for Gaussian scores."""

    def __init__(self, setting: Setting, most: int) -> None:
        from aitia.discovery.search import _order_kernel as kernel

        assert setting.gaussian is not None
        gaussian = setting.gaussian
        self._kernel = kernel
        self._problem = kernel.Problem(
            gaussian.correlation,
            gaussian.group,
            gaussian.half,
            gaussian.penalty,
            setting.tolerance,
            np.ascontiguousarray(setting.allowed),
            setting.required,
            most,
            -np.expm1(-(gaussian.penalty + setting.tolerance) / gaussian.half),
        )
        self._lows = np.ascontiguousarray(setting.before.T)
        self._highs = np.ascontiguousarray(setting.before)
        self._tests = np.zeros(1, np.int64)
        self._order = np.zeros(0, np.int64)
        self._room(min(setting.count, 32))

    def _room(self, size: int) -> None:
        kernel, p = self._kernel, len(self._lows)
        self._paths, self._other = kernel.empty_paths(p, size), kernel.empty_paths(p, size)
        self._scratch = kernel.scratch_for(p, size)

    def _more_room(self) -> None:
        self._room(min(2 * self._paths.path.shape[1], len(self._lows)))

    @property
    def tests(self) -> int:
        """The local scores looked at so far."""
        return int(self._tests[0])

    def put(self, order: Sequence[int]) -> None:
        """Start anew from this order."""
        self._order = np.array(order, np.int64)
        while not self._kernel.project(self._problem, self._order, self._paths, self._scratch, self._tests):
            self._more_room()

    def sweep(self, turns: np.ndarray) -> int:
        """Move each variable, in these turns, to its best place; how many moved."""
        start = self._order.copy()
        while True:
            moved = self._kernel.sweep(
                self._problem,
                self._order,
                turns,
                self._lows,
                self._highs,
                self._paths,
                self._other,
                self._scratch,
                self._tests,
            )
            if moved >= 0:
                return int(moved)
            self._more_room()
            self.put(start.tolist())

    def explore(self, rank: np.ndarray, depths: np.ndarray) -> bool:
        """Search tucks depth first, edges by `rank`, for a better order and take it; whether there was one."""
        from aitia.discovery.search._tuck_kernel import explore

        start = self._order.tolist()
        before = self._highs if self._highs.any() else np.zeros((0, 0), bool)
        while True:
            found = explore(
                self._problem, self._order, rank, depths, before, self._paths, self._scratch, self._tests
            )
            if found >= 0:
                return bool(found)
            self._more_room()
            self.put(start)

    def parents(self) -> list[list[int]]:
        """The parents of each variable, sorted."""
        paths = self._paths
        return [sorted(paths.parents[v, : paths.kept[v]].tolist()) for v in range(len(self._lows))]

    def order(self) -> list[int]:
        """The order as it stands."""
        return self._order.tolist()

    def total(self) -> float:
        """The score of the DAG."""
        return float(self._paths.score.sum())
