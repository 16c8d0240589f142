"""Greedy steps between classes of DAGs: what GES, GIES and the last step of the order searches share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from aitia.discovery.search._setting import Setting

EVERY = (True, True, True)
"""All kinds of operators: deletions, turns, insertions."""


class ClassSearch:
    """A class of DAGs that operators improve. Graphs and operators are compiled; so are Gaussian scores.

    Args:
        setting: the search's variables, score and knowledge.
        settled: booleans (p, p), symmetric: interventions tell the direction of this edge; None: of none.
        most: the largest number of parents of a variable.
    """

    def __init__(self, setting: Setting, settled: np.ndarray | None = None, most: int | None = None) -> None:
        from aitia.discovery.search import _class_kernel as kernel

        p = setting.count
        gaussian = setting.gaussian
        self.kernel, self.setting = kernel, setting
        self.compiled = gaussian is not None
        self.rules = kernel.Rules(
            np.zeros((0, 0, 0)) if gaussian is None else gaussian.correlation,
            np.zeros(p, np.int64) if gaussian is None else gaussian.group,
            np.zeros(1) if gaussian is None else gaussian.half,
            0.0 if gaussian is None else gaussian.penalty,
            setting.tolerance,
            np.ascontiguousarray(setting.allowed),
            np.ascontiguousarray(setting.required),
            np.zeros((p, p), bool) if settled is None else settled,
            setting.before if setting.before.any() else np.zeros((0, 0), bool),
            p if most is None else most,
        )
        self.work = (
            np.empty((kernel.MOST_SETS, kernel.WIDEST), np.int64),
            np.empty(kernel.MOST_SETS, np.int64),
            np.empty(p, np.int64),
            np.empty(p, np.int64),
        )
        self.state = kernel.State(
            np.zeros((p, p), bool),
            np.zeros((p, p), bool),
            np.zeros((p, p), np.int64),
            np.zeros((p, p), np.int64),
            np.zeros((p, p), np.int64),
            np.zeros((3, p), np.int64),
            np.full((3, p, p), -np.inf),
            np.zeros(1),
            np.zeros(1, np.int64),
        )

    @property
    def tests(self) -> int:
        """The local scores looked at so far."""
        return int(self.state.tests[0]) if self.compiled else self.setting.scorer.calls

    def start(self, parents: Sequence[Sequence[int]]) -> None:
        """Start from the class of a DAG."""
        dag = np.zeros(self.state.arrows.shape, bool)
        for v, above in enumerate(parents):
            dag[v, list(above)] = True
        self.kernel.class_of(self.rules, dag, self.state.arrows, self.state.lines)
        self.kernel.listed(self.state)

    def run(self, kinds: Sequence[bool]) -> int:
        """Take operators of these kinds (deletions, turns, insertions) until none raises the score; how many."""
        flags = np.array(kinds, bool)
        self._refresh(self.state, flags, np.ones(self.state.arrows.shape, bool))
        return self._climb(self.state, flags)

    def parents(self) -> list[list[int]]:
        """The parents of each variable in a member of the class."""
        dag = np.zeros(self.state.arrows.shape, bool)
        found = self.kernel.extend(self.state.arrows.copy(), self.state.lines.copy(), dag)
        assert found, "a class of DAGs has a member"
        return [np.flatnonzero(row).tolist() for row in dag]

    def best_open(self, kind: int, x: int, y: int, clique: np.ndarray) -> tuple[float, int]:
        """The gain of the best operator of a kind on a pair that no path forbids, -inf where there is none; its clique
        is put into `clique`, and its size returned."""
        if not self.kernel.permitted(self.rules, self.state, kind, x, y):
            return -math.inf, 0
        return self._best_open(self.state, kind, x, y, clique)

    # Scores: compiled, or by `Scorer.local`.

    def _refresh(self, state: Any, flags: np.ndarray, marked: np.ndarray) -> None:
        if self.compiled:
            self.kernel.refresh(self.rules, state, flags, marked, self.work)
            return
        for x, y in np.argwhere(marked).tolist():
            if x != y:
                for kind in np.flatnonzero(flags).tolist():
                    state.bound[kind, x, y] = max(
                        (gain for gain, _ in self._operators(state, kind, x, y)), default=-math.inf
                    )

    def _best_open(self, state: Any, kind: int, x: int, y: int, clique: np.ndarray) -> tuple[float, int]:
        if self.compiled:
            return self.kernel.best_open(self.rules, state, kind, x, y, clique, self.work)
        best, size = -math.inf, 0
        for gain, found in self._operators(state, kind, x, y):
            if gain > best + self.rules.tolerance and self.kernel.is_open(
                state, kind, x, y, found, len(found)
            ):
                best, size = gain, len(found)
                clique[:size] = found
        return best, size

    def _operators(self, state: Any, kind: int, x: int, y: int) -> list[tuple[float, np.ndarray]]:
        """The gain and the clique of every operator of a kind on a pair."""
        kernel, local = self.kernel, self.setting.local
        if not kernel.permitted(self.rules, state, kind, x, y):
            return []
        sets, sizes, above, other = self.work
        found = []
        for k in range(kernel.list_operators(state, kind, x, y, sets, sizes)):
            clique = sets[k, : sizes[k]].copy()
            count, rest = kernel.sets_of(state, kind, x, y, clique, len(clique), above, other)
            if kind != kernel.DELETE and count >= self.rules.most:
                continue
            given = above[:count].tolist()
            gain = local(y, [*given, x]) - local(y, given)
            if kind == kernel.DELETE:
                gain = -gain
            elif kind == kernel.TURN:
                without = other[:rest].tolist()
                gain -= local(x, [*without, y]) - local(x, without)
            found.append((gain, clique))
        return found

    def _climb(self, state: Any, flags: np.ndarray) -> int:
        if self.compiled:
            return int(self.kernel.climb(self.rules, state, flags, self.work))
        steps = 0
        while steps <= 10 * len(state.arrows) + 1000 and self._step(state, flags):
            steps += 1
        return steps

    def _step(self, state: Any, flags: np.ndarray) -> bool:
        """One step of the compiled `climb`."""
        kernel, rules = self.kernel, self.rules
        p = len(state.arrows)
        now = state.bound.copy()
        closed = np.empty((p, p), bool)
        kernel.close(state, closed)
        clique = np.empty(kernel.WIDEST, np.int64)
        dag = np.empty((p, p), bool)
        for kind in np.flatnonzero(flags).tolist():
            while True:
                x, y = kernel.best_pair(
                    now[kind], closed if kind == kernel.INSERT else np.zeros_like(closed), rules.tolerance
                )
                if x < 0:
                    break
                gain, size = self._best_open(state, kind, x, y, clique)
                if gain < now[kind, x, y] - rules.tolerance:
                    now[kind, x, y] = gain
                    continue
                if not kernel.changed_dag(rules, state, kind, x, y, clique, size, dag):
                    now[kind, x, y] = -math.inf
                    continue
                marked = np.empty((p, p), bool)
                kernel.step_to(rules, state, dag, marked)
                state.score[0] += gain
                self._refresh(state, flags, marked)
                return True
        return False
