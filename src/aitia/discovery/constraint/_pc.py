"""PC: the class of DAGs that fits the conditional independences, where nothing common is unmeasured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

from aitia.core import Assumption, progress
from aitia.discovery._algorithm import Algorithm, confounding_warnings
from aitia.discovery._discovery import Discovery
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.constraint._colliders import Colliders, find_colliders
from aitia.discovery.constraint._evidence import PairEvidence
from aitia.discovery.constraint._options import check_options, chosen_test, common_assumptions
from aitia.discovery.constraint._orient import orient
from aitia.discovery.constraint._probe import Probe
from aitia.discovery.constraint._setting import Setting
from aitia.discovery.constraint._skeleton import knowledge_warnings, search_skeleton
from aitia.discovery.independence import IndependenceTest
from aitia.graphs import GraphKind


@dataclass(frozen=True)
class PC(Algorithm):
    """PC-stable: cut what a set of neighbours separates, orient the colliders, close under Meek's rules.

    At level l = 0, 1, ... every joined pair is tested given all sets of l neighbours of either, with the neighbours
    that stood when the level began; a pair is cut where a p-value exceeds `alpha`. Its separating set is the one of
    the largest p-value at that level, so nothing depends on the order of the columns (ties go by name).

    With Fisher's z all tests of a level run in one compiled loop over the correlation matrix, so rows cost one pass.

    The answer is always a valid CPDAG (an MPDAG with knowledge). Colliders that contradict each other, or that no
    acyclic graph can have together, are settled in favour of the better supported ones, and `warnings` names them.

    Args:
        test: the test; None takes the one that fits the kinds of columns.
        alpha: the level: a larger p-value counts as independence. Smaller levels give sparser graphs.
        colliders: how unshielded triples are decided; ambiguous ones are taken for non-colliders and reported.
        max_given: the largest conditioning set; None sets no limit. With a limit the graph may keep edges too many.

    Knowledge: a pair forbidden both ways is apart whatever the tests say, a required edge stays, arrows that follow
    from knowledge come before the colliders; nothing of a later tier than both ends is conditioned on.

    Assumptions: Markov property, faithfulness, no unmeasured common cause, no selection, no cycles.

    Source: Spirtes, Glymour & Scheines (2000), section 5.4.2; Colombo & Maathuis (2014), JMLR 15, Algorithm 4.1.

    Example:
        >>> from aitia.discovery import Observations
        >>> from aitia.discovery.independence import Oracle
        >>> from aitia.graphs import Graph
        >>> truth = Graph.parse("smoking -> tar; pollution -> tar; tar -> cough")
        >>> found = PC(Oracle(truth)).run(Observations.of_names(truth.nodes))
        >>> found.graph
        Graph.parse('[cpdag]; smoking -> tar; pollution -> tar; tar -> cough')
        >>> found.evidence.between("smoking", "cough").given
        ('tar',)
    """

    test: IndependenceTest | None = None
    alpha: float = 0.01
    colliders: Colliders = Colliders.SEPARATING_SET
    max_given: int | None = None

    name: ClassVar[str] = "pc"
    output: ClassVar[GraphKind] = GraphKind.CPDAG
    reference: ClassVar[str] = "Spirtes, Glymour & Scheines (2000); Colombo & Maathuis (2014), JMLR 15"
    cost: ClassVar[str] = (
        "pairs times sets of neighbours: low for sparse graphs, exponential in the largest degree"
    )

    def __post_init__(self) -> None:
        check_options(self.alpha, self.max_given, "PC")
        object.__setattr__(self, "colliders", Colliders(self.colliders))

    def _search(
        self, data: Observations, knowledge: Knowledge, seed: int, show_progress: bool | None
    ) -> Discovery:
        test = chosen_test(self.test, data)
        setting = Setting.of(data, test, knowledge)
        return self._on(Probe(setting), show_progress, replace(self, test=test))

    def _on(self, probe: Probe, show_progress: bool | None, algorithm: PC) -> Discovery:
        setting = probe.setting
        with progress("PC", setting.count, show_progress) as bar:
            skeleton = search_skeleton(probe, self.alpha, self.max_given, bar)
            found = find_colliders(self.colliders, probe, skeleton, self.alpha, self.max_given)
        oriented = orient(skeleton, found)
        # The form follows from how the marks were made; with knowledge the check also finds the narrower kind.
        kind = GraphKind.MPDAG if setting.knowledge else GraphKind.CPDAG
        return Discovery(
            setting.graph(oriented.marks, kind, trusted=not setting.knowledge),
            algorithm,
            PairEvidence(skeleton, oriented.reasons),
            tests=probe.tests,
            warnings=(
                *setting.tester.warnings,
                *confounding_warnings(setting.knowledge, algorithm),
                *knowledge_warnings(skeleton),
                *oriented.warnings,
            ),
            decisions=probe.decisions(self.max_given),
        )

    def assumes(self, data: Observations) -> Iterable[Assumption]:
        """Markov, faithfulness, sufficiency, acyclicity, and what the test asks for."""
        return common_assumptions(chosen_test(self.test, data), data, "PC", sufficient=True)
