"""FCI: the class of ancestral graphs that fits the independences, with common causes that nobody measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from aitia.core import Assumption, Progress, progress
from aitia.discovery._algorithm import Algorithm
from aitia.discovery._discovery import Discovery
from aitia.discovery._errors import DiscoveryError
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.constraint._evidence import PairEvidence
from aitia.discovery.constraint._options import check_options, chosen_test, common_assumptions
from aitia.discovery.constraint._pag import (
    apart_by_knowledge,
    finish,
    kept_by_knowledge,
    rules_for,
    selection_decisions,
    with_colliders,
    with_sure_colliders,
)
from aitia.discovery.constraint._probe import Lists, Probe, lists_of
from aitia.discovery.constraint._setting import Setting
from aitia.discovery.constraint._skeleton import Skeleton, knowledge_warnings, level, search_skeleton, sizes
from aitia.discovery.independence import IndependenceTest
from aitia.graphs import GraphKind, Mark, Marks, orient_pag


@dataclass(frozen=True)
class FCI(Algorithm):
    """Fast Causal Inference: PC's skeleton, the possible-d-sep stage, and Zhang's ten orientation rules.

    After PC-stable's skeleton and the colliders, each pair that is still joined is tested given the subsets of the
    possible-d-sep set of either: the nodes that a path reaches on which every inner node is a collider or in a
    triangle with its neighbours (Spirtes et al. 2000, section 6.7). Of these only nodes count that may be anterior to
    one of the two by the arrowheads that are sure at that stage (Colombo et al. 2012, Lemma 3.1), because some set of
    anteriors separates what can be separated (Richardson & Spirtes 2002, section 3): without this the subsets are far
    too many. The sets are those of the graph when the stage begins, and a pair's separating set is the one of the
    largest p-value at its size, so nothing depends on the order of the columns (ties go by name). Then
    colliders are found anew and R1 to R10 run until none applies.

    The answer is a valid PAG; where tests contradict each other it is repaired, and `warnings` says how.

    Args:
        test: the test; None takes the one that fits the kinds of columns.
        alpha: the level: a larger p-value counts as independence.
        max_given: the largest conditioning set; None sets no limit.
        max_path: the longest path, in edges, in the search for possible-d-sep sets; None sets no limit.

    Knowledge: an edge ``a -> b`` of the answer says that a causes b, perhaps by way of unmeasured variables; where it
    is forbidden, an edge of the two has an arrowhead at a. A pair forbidden both ways may so still be ``a <-> b``;
    within tiers `apart_within` leaves no edge. Latent pairs stay joined. With knowledge, rows are taken to be
    unselected, and R5 to R7 rest. With knowledge every mark is right; that all are found is proved without it.

    Assumptions: Markov property, faithfulness, no cycles. Common causes may be unmeasured, rows may be selected.

    Source: Spirtes, Glymour & Scheines (2000), section 6.7; Zhang (2008), Artificial Intelligence 172.

    Example:
        >>> from aitia.discovery import Observations
        >>> from aitia.discovery.independence import Oracle
        >>> from aitia.graphs import Graph
        >>> truth = Graph.parse("u -> x; u -> y; i -> x; j -> y; u [latent]")
        >>> FCI(Oracle(truth)).run(Observations.of_names(truth.observed)).graph
        Graph.parse('x <-> y; i o-> x; j o-> y')
    """

    test: IndependenceTest | None = None
    alpha: float = 0.01
    max_given: int | None = None
    max_path: int | None = None

    name: ClassVar[str] = "fci"
    output: ClassVar[GraphKind] = GraphKind.PAG
    reference: ClassVar[str] = "Spirtes, Glymour & Scheines (2000); Zhang (2008), Artificial Intelligence 172"
    cost: ClassVar[str] = "PC's, and for each edge the subsets of its possible-d-sep sets, which may be large"

    def __post_init__(self) -> None:
        check_options(self.alpha, self.max_given, "FCI")
        if self.max_path is not None and self.max_path < 1:
            raise DiscoveryError(
                f"FCI's max_path is a number of edges, at least 1, but came {self.max_path!r}.",
                "Give None for no limit.",
            )

    def _search(
        self, data: Observations, knowledge: Knowledge, seed: int, show_progress: bool | None
    ) -> Discovery:
        test = chosen_test(self.test, data)
        setting = Setting.of(data, test, knowledge)
        return self._on(Probe(setting), show_progress, replace(self, test=test))

    def _on(self, probe: Probe, show_progress: bool | None, algorithm: FCI) -> Discovery:
        setting = probe.setting
        kept = kept_by_knowledge(setting)
        with progress("FCI", 2 * setting.count, show_progress) as bar:
            skeleton = search_skeleton(
                probe, self.alpha, self.max_given, bar, apart=apart_by_knowledge(setting), kept=kept
            )
            self._possible_d_sep_stage(probe, skeleton, kept, bar)
        marks, reasons, clashes = with_colliders(skeleton)
        clashes += orient_pag(marks, skeleton.separator, rules=rules_for(setting))
        contradicted = knowledge_warnings(skeleton)  # before a repair joins pairs on its own account
        oriented = finish(skeleton, marks, reasons, clashes)
        return Discovery(
            oriented.graph,
            algorithm,
            PairEvidence(skeleton, oriented.reasons, oriented.repaired),
            tests=probe.tests,
            warnings=(*setting.tester.warnings, *contradicted, *oriented.warnings),
            decisions=(*probe.decisions(self.max_given), *selection_decisions(setting)),
        )

    def _possible_d_sep_stage(
        self, probe: Probe, skeleton: Skeleton, kept: np.ndarray, bar: Progress
    ) -> None:
        """Test the pairs still joined given subsets of their possible-d-sep sets, smallest sets first."""
        marks, _, _ = with_colliders(skeleton)
        reach = possible_d_sep(marks, self.max_path)
        above = possible_anteriors(with_sure_colliders(skeleton, probe, self.alpha))
        tested = lists_of(skeleton.adjacent)
        within = np.zeros_like(skeleton.adjacent)
        within[np.repeat(np.arange(len(within)), np.diff(reach[0])), reach[1]] = True
        for size in sizes(probe, self.max_given, smallest=1):
            rows = skeleton.active()
            x, y = skeleton.pairs[rows].T
            allowed = above[x] | above[y]
            at = np.arange(len(rows))
            allowed[at, x] = allowed[at, y] = False
            room = np.maximum((allowed & within[x]).sum(axis=1), (allowed & within[y]).sum(axis=1)) >= size
            if not room.any():
                break
            level(probe, skeleton, rows[room], reach, size, self.alpha, kept, tested, allowed[room])
            bar.advance()

    def assumes(self, data: Observations) -> Iterable[Assumption]:
        """Markov, faithfulness, acyclicity, and what the test asks for."""
        return common_assumptions(chosen_test(self.test, data), data, "FCI", sufficient=False)


def possible_d_sep(marks: Marks, max_path: int | None) -> Lists:
    """For every node the nodes that a path reaches on which each inner node is a collider or in a triangle.

    Args:
        marks: the skeleton with its colliders.
        max_path: the longest path, in edges; None sets no limit.
    """
    at = marks.at
    count = len(at)
    onward: dict[tuple[int, int], list[int]] = {}
    for b, beside in enumerate(at):
        into = {a for a in beside if at[a][b] is Mark.ARROW}
        for a in beside:
            steps = set(beside) & set(at[a])
            if a in into:
                steps |= into
            steps.discard(a)
            onward[a, b] = sorted(steps)
    reached: list[list[int]] = []
    for x in range(count):
        found = set(at[x])
        seen = {(x, b) for b in at[x]}
        layer = list(seen)
        length = 1
        while layer and (max_path is None or length < max_path):
            further = []
            for a, b in layer:
                for c in onward[a, b]:
                    if c != x and (b, c) not in seen:
                        seen.add((b, c))
                        found.add(c)
                        further.append((b, c))
            layer = further
            length += 1
        reached.append(sorted(found))
    starts = np.concatenate([[0], np.cumsum([len(each) for each in reached])]).astype(np.int32)
    return starts, np.array([v for each in reached for v in each], np.int32)


def possible_anteriors(marks: Marks) -> np.ndarray:
    """Booleans (p, p): [x, v] says that a path may lead from v to x that no arrowhead points against."""
    count = len(marks)
    before = [[a for a in beside if beside[a] is not Mark.ARROW] for beside in marks.at]
    result = np.zeros((count, count), bool)
    for x in range(count):
        seen, stack = {x}, [x]
        while stack:
            for a in before[stack.pop()]:
                if a not in seen:
                    seen.add(a)
                    stack.append(a)
        result[x, list(seen)] = True
    return result
