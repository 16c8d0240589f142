"""RFCI: nearly FCI's answer without the possible-d-sep stage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import ClassVar

import numpy as np

from aitia.core import Assumption, progress
from aitia.discovery._algorithm import Algorithm
from aitia.discovery._discovery import Discovery
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.constraint._colliders import unshielded
from aitia.discovery.constraint._evidence import PairEvidence
from aitia.discovery.constraint._options import check_options, chosen_test, common_assumptions
from aitia.discovery.constraint._pag import (
    apart_by_knowledge,
    finish,
    kept_by_knowledge,
    knowledge_marks,
    rules_for,
    selection_decisions,
)
from aitia.discovery.constraint._probe import Probe
from aitia.discovery.constraint._setting import Setting
from aitia.discovery.constraint._skeleton import Skeleton, knowledge_warnings, search_skeleton
from aitia.discovery.independence import IndependenceTest
from aitia.graphs import Clash, GraphKind, Mark, Marks, orient_pag


@dataclass(frozen=True)
class RFCI(Algorithm):
    """Really Fast Causal Inference: PC's skeleton, with checks before each orientation in place of FCI's wide sets.

    An unshielded triple is oriented only if its edges are also found dependent given the set that separates its
    ends, and R4 only if every edge of its path is dependent given all subsets of the set that separates its ends. An
    edge that fails is cut. The answer may have edges that FCI would cut, but every arrowhead and tail
    means what it means in a PAG.

    The checks cut edges one after the other, in the order of the names, so where tests err the answer may depend on
    the names (never on the order of the columns).

    Args:
        test: the test; None takes the one that fits the kinds of columns.
        alpha: the level: a larger p-value counts as independence.
        max_given: the largest conditioning set; None sets no limit.

    Knowledge: as for `FCI`.

    Assumptions: as for `FCI`.

    Source: Colombo, Maathuis, Kalisch & Richardson (2012), Annals of Statistics 40, Algorithm 3.2, and Algorithms 4.4
    and 4.5 of its supplement.

    Example:
        >>> from aitia.discovery import Observations
        >>> from aitia.discovery.independence import Oracle
        >>> from aitia.graphs import Graph
        >>> truth = Graph.parse("u -> x; u -> y; i -> x; j -> y; u [latent]")
        >>> RFCI(Oracle(truth)).run(Observations.of_names(truth.observed)).graph
        Graph.parse('x <-> y; i o-> x; j o-> y')
    """

    test: IndependenceTest | None = None
    alpha: float = 0.01
    max_given: int | None = None

    name: ClassVar[str] = "rfci"
    output: ClassVar[GraphKind] = GraphKind.PAG
    reference: ClassVar[str] = "Colombo, Maathuis, Kalisch & Richardson (2012), Annals of Statistics 40"
    cost: ClassVar[str] = "little more than PC's"

    def __post_init__(self) -> None:
        check_options(self.alpha, self.max_given, "RFCI")

    def _search(
        self, data: Observations, knowledge: Knowledge, seed: int, show_progress: bool | None
    ) -> Discovery:
        test = chosen_test(self.test, data)
        setting = Setting.of(data, test, knowledge)
        probe = Probe(setting)
        kept = kept_by_knowledge(setting)
        with progress("RFCI", setting.count, show_progress) as bar:
            skeleton = search_skeleton(
                probe, self.alpha, self.max_given, bar, apart=apart_by_knowledge(setting), kept=kept
            )
        checks = _Checks(probe, skeleton, kept, self.alpha)
        sure = checks.triples()
        while True:
            marks, reasons, clashes = _collide(skeleton, sure)
            cut = checks.close(marks, clashes)
            if not cut:
                break
            sure = checks.triples(cut)
        contradicted = knowledge_warnings(skeleton)  # before a repair joins pairs on its own account
        oriented = finish(skeleton, marks, reasons, clashes)
        return Discovery(
            oriented.graph,
            replace(self, test=test),
            PairEvidence(skeleton, oriented.reasons, oriented.repaired),
            tests=probe.tests,
            warnings=(*setting.tester.warnings, *contradicted, *oriented.warnings),
            decisions=(*probe.decisions(self.max_given), *selection_decisions(setting)),
        )

    def assumes(self, data: Observations) -> Iterable[Assumption]:
        """Markov, faithfulness, acyclicity, and what the test asks for."""
        return common_assumptions(chosen_test(self.test, data), data, "RFCI", sufficient=False)


Triple = tuple[int, int, int]


def _collide(
    skeleton: Skeleton, sure: Iterable[Triple]
) -> tuple[Marks, dict[tuple[int, int], str], list[Clash]]:
    """The marks of knowledge and of the checked colliders."""
    marks, reasons = knowledge_marks(skeleton)
    clashes: list[Clash] = []
    for a, c, b in sure:
        given = skeleton.separator(a, b)
        if given is None or c in given:
            continue
        fixed = [end for end in (a, b) if marks.at[end][c] is Mark.TAIL]
        clashes += [Clash(end, c, Mark.TAIL, Mark.ARROW, 0) for end in fixed]
        if not fixed:
            for end in (a, b):
                if marks.at[end][c] is Mark.CIRCLE:
                    marks.at[end][c] = Mark.ARROW
                    reasons[end, c] = "collider"
    return marks, reasons, clashes


class _Checks:
    """The tests that RFCI makes before it orients, and the edges they cut."""

    def __init__(self, probe: Probe, skeleton: Skeleton, kept: np.ndarray, alpha: float) -> None:
        self.probe = probe
        self.skeleton = skeleton
        self.kept = kept
        self.alpha = alpha
        self.sound: set[Triple] = set()

    def triples(self, cut: Iterable[tuple[int, int]] = ()) -> list[Triple]:
        """The unshielded triples whose edges stand the check (Algorithm 4.4); edges that do not are cut.

        Args:
            cut: edges cut since the last call.
        """
        self._forget(cut)
        adjacent = self.skeleton.adjacent
        queue = [each for each in unshielded(adjacent) if each not in self.sound]
        while queue:
            a, c, b = triple = queue.pop(0)
            if not (adjacent[a, c] and adjacent[b, c]) or triple in self.sound:
                continue
            separator = self.skeleton.separator(a, b)
            if separator is None:
                continue
            given = [v for v in separator if v != c]
            gone = [
                end
                for end in (a, b)
                if not self.kept[end, c] and self.probe.test(end, c, given)[0] > self.alpha
            ]
            if not gone:
                self.sound.add(triple)
            for end in gone:
                self._cut_by_smallest(end, c, given)
                self._forget([(end, c)])
                # The triangles of the edge are unshielded now.
                low, high = min(end, c), max(end, c)
                queue += [(low, v, high) for v in np.flatnonzero(adjacent[low] & adjacent[high]).tolist()]
        return sorted(self.sound, key=lambda each: (each[1], each[0], each[2]))

    def close(self, marks: Marks, clashes: list[Clash]) -> list[tuple[int, int]]:
        """Run the rules, R4 with its check (Algorithm 4.5); the edges that a check cut, at the first that does."""
        separator = self.skeleton.separator
        rules = set(rules_for(self.skeleton.setting)) - {4}
        decided: set[tuple[int, int]] = set()
        arrowheads = {1, 2, 3}
        while True:
            clashes += [
                each for each in orient_pag(marks, separator, rules=arrowheads) if each not in clashes
            ]
            path = next((each for each in discriminating_paths(marks) if each[-2:] not in decided), None)
            if path is None:
                if arrowheads == rules:
                    return []
                arrowheads = rules
                continue
            t, c = path[0], path[-1]
            given = separator(t, c)
            if given is None:
                decided.add((path[-2], path[-1]))
                continue
            cut = self._cut_along(path, given)
            if cut:
                return cut
            decided.add((path[-2], path[-1]))
            a, b = path[-3:-1]
            wanted = {(c, b): Mark.TAIL, (b, c): Mark.ARROW}
            if b not in given:
                wanted = {(a, b): Mark.ARROW, (b, a): Mark.ARROW, (b, c): Mark.ARROW, (c, b): Mark.ARROW}
            for (u, v), mark in wanted.items():
                standing = marks.at[u][v]
                if standing is Mark.CIRCLE:
                    marks.at[u][v] = mark
                elif standing is not mark:
                    clashes.append(Clash(u, v, standing, mark, 4))

    def _cut_along(self, path: tuple[int, ...], separator: tuple[int, ...]) -> list[tuple[int, int]]:
        cut = []
        for u, v in pairwise(path):
            if self.kept[u, v]:
                continue
            inside = [w for w in separator if w not in (u, v)]
            if self._cut_by_smallest(u, v, inside):
                cut.append((u, v))
        return cut

    def _cut_by_smallest(self, u: int, v: int, inside: list[int]) -> bool:
        """Cut an edge by the smallest subset that separates it, of those the one of the largest p-value."""
        for size in range(len(inside) + 1):
            found = [(*self.probe.test(u, v, given), given) for given in combinations(inside, size)]
            p_value, statistic, given = max(found, key=lambda each: (each[0], -each[1]))
            if p_value > self.alpha:
                self.skeleton.cut(u, v, given, p_value, statistic)
                return True
        return False

    def _forget(self, cut: Iterable[tuple[int, int]]) -> None:
        for u, v in cut:
            self.sound = {
                each for each in self.sound if not (each[1] in (u, v) and (u in each and v in each))
            }


def discriminating_paths(marks: Marks) -> Iterator[tuple[int, ...]]:
    """Shortest discriminating paths (t, ..., a, b, c) for b with a circle at b on b *-* c.

    Every node between t and b is a collider on the path and a parent of c, and t and c are apart (Zhang 2008, section
    3.1).
    """
    at = marks.at
    for c in range(len(marks)):
        above = sorted(a for a in at[c] if marks.is_arrow(a, c))
        for b in sorted(at[c]):
            if at[c][b] is not Mark.CIRCLE:
                continue
            for a in above:
                if b not in at[a] or at[b][a] is not Mark.ARROW or a == b:
                    continue
                path = _discriminating(marks, a, b, c)
                if path:
                    yield path


def _discriminating(marks: Marks, a: int, b: int, c: int) -> tuple[int, ...]:
    at = marks.at
    came: dict[int, int] = {a: b}
    layer = [a]
    while layer:
        further = []
        for q in layer:
            for t in sorted(at[q]):
                if t in came or t in (b, c) or at[t][q] is not Mark.ARROW:
                    continue
                if t not in at[c]:
                    path = [t, q]
                    while path[-1] != b:
                        path.append(came[path[-1]])
                    return (*path, c)
                if marks.is_arrow(t, c) and at[q][t] is Mark.ARROW:
                    came[t] = q
                    further.append(t)
        layer = further
    return ()
