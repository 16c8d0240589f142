"""CD-NOD: causes from data whose mechanisms differ between domains or change over time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from aitia.core import Assumption, AssumptionKey, Decision, listing, nearest, progress
from aitia.discovery._algorithm import Algorithm, confounding_warnings
from aitia.discovery._discovery import Discovery
from aitia.discovery._errors import DiscoveryError
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.constraint._change import independent_change
from aitia.discovery.constraint._colliders import Colliders, find_colliders
from aitia.discovery.constraint._evidence import PairEvidence
from aitia.discovery.constraint._options import check_options, chosen_test, common_assumptions
from aitia.discovery.constraint._orient import orient
from aitia.discovery.constraint._probe import Probe
from aitia.discovery.constraint._setting import Setting
from aitia.discovery.constraint._skeleton import Skeleton, knowledge_warnings, search_skeleton
from aitia.discovery.independence import IndependenceTest
from aitia.graphs import GraphKind, Mark, Marks, close_under_meek

TIME = "time"


@dataclass(frozen=True)
class CDNOD(Algorithm):
    """Constraint-based discovery from heterogeneous or nonstationary data.

    A variable that stands for the domain or for time joins the others. PC's skeleton over all of them shows the
    changing mechanisms: the variables joined to it. It is exogenous, so it points at each of these, and that orients
    further edges: where c -> v - w and c and w are apart, ``w -> v`` if the set that separates c and w lacks v, and
    ``v -> w`` otherwise. An edge between two changing variables that is still open is pointed so that the mechanisms
    of cause and of effect given cause change independently (linear mechanisms, HSIC over at least 8 domains), if one
    direction passes that test at the level `change` and the other fails it.

    Choose a test that sees the change: Fisher's z sees changes of means only; a test for mixed columns with the
    context as a categorical column also sees changes of strengths and variances.

    Args:
        test: the test; None takes the one that fits the kinds of columns with the context among them.
        context: the column that names the domain or the time of a row; None takes the row's number, as ``"time"``.
        alpha: the level: a larger p-value counts as independence.
        colliders: how unshielded triples are decided.
        max_given: the largest conditioning set; None sets no limit.
        change: the level of the test of independent change; 0 leaves these edges open.
        windows: into how many windows of equal length a context of numbers is cut for that test.

    `details` holds ``context`` and ``changing``, the variables whose mechanisms change.

    Assumptions: Markov property and faithfulness over the variables and the context; unmeasured common causes are
    functions of the context; no cycles; for the last step also linear mechanisms that change independently.

    Source: Huang, Zhang, Zhang, Ramsey, Sanchez-Romero, Glymour & Schoelkopf (2020), JMLR 21(89), Algorithms 1 and 2.

    Example:
        >>> from aitia.discovery import Observations
        >>> from aitia.discovery.independence import Oracle
        >>> from aitia.graphs import Graph
        >>> truth = Graph.parse("site -> dose; dose -> pain")
        >>> found = CDNOD(Oracle(truth), context="site").run(Observations.of_names(truth.nodes))
        >>> found.graph, found.details["changing"]
        (Graph.parse('[mpdag]; site -> dose; dose -> pain'), ('dose',))
    """

    test: IndependenceTest | None = None
    context: str | None = None
    alpha: float = 0.01
    colliders: Colliders = Colliders.SEPARATING_SET
    max_given: int | None = None
    change: float = 0.05
    windows: int = 20

    name: ClassVar[str] = "cdnod"
    output: ClassVar[GraphKind] = GraphKind.MPDAG
    reference: ClassVar[str] = "Huang, Zhang et al. (2020), JMLR 21(89)"
    cost: ClassVar[str] = "PC's, with one variable more"

    def __post_init__(self) -> None:
        check_options(self.alpha, self.max_given, "CD-NOD")
        object.__setattr__(self, "colliders", Colliders(self.colliders))
        if not 0.0 <= self.change < 1.0:
            raise DiscoveryError(
                f"CD-NOD's change is the level of a test, from 0 to 1, but came {self.change!r}.",
                "Take 0.05.",
            )
        if self.windows < 2:
            raise DiscoveryError(
                f"CD-NOD's windows is a number of time windows, but came {self.windows!r}.", "Take 20."
            )

    def _search(
        self, data: Observations, knowledge: Knowledge, seed: int, show_progress: bool | None
    ) -> Discovery:
        extended, context = self._with_context(data)
        known = replace(knowledge, exogenous=(*knowledge.exogenous, context))
        test = chosen_test(self.test, extended)
        setting = Setting.of(extended, test, known)
        probe = Probe(setting)
        with progress("CD-NOD", setting.count, show_progress) as bar:
            skeleton = search_skeleton(probe, self.alpha, self.max_given, bar)
            found = find_colliders(self.colliders, probe, skeleton, self.alpha, self.max_given)
        oriented = orient(skeleton, found)
        at = setting.names.index(context)
        reasons = dict(oriented.reasons)
        decisions = []
        if self.change and extended.has_rows:
            decisions = self._independent_changes(extended, skeleton, oriented.marks, at, reasons, seed)
        changing = [v for v in data.names if v != context and skeleton.adjacent[at, setting.names.index(v)]]
        warnings = [
            *setting.tester.warnings,
            *confounding_warnings(knowledge, self),
            *knowledge_warnings(skeleton),
            *oriented.warnings,
        ]
        if not changing:
            warnings.append(f"No mechanism was found to change with {context}: the answer is PC's.")
        return Discovery(
            setting.graph(oriented.marks, GraphKind.MPDAG),
            replace(self, test=test),
            PairEvidence(skeleton, reasons),
            tests=probe.tests,
            warnings=tuple(warnings),
            decisions=(*probe.decisions(self.max_given), *decisions),
            details={"context": context, "changing": tuple(changing)},
        )

    def _with_context(self, data: Observations) -> tuple[Observations, str]:
        """The data with the context among them, and its name."""
        if self.context is not None:
            if self.context not in data.names:
                raise DiscoveryError(
                    f"CD-NOD's context {self.context!r} is no variable of the data.",
                    nearest(self.context, data.names),
                )
            return data, self.context
        if TIME in data.names:
            raise DiscoveryError(
                f"The row's number would be called {TIME!r}, but a column has that name.",
                f"Say context={TIME!r} if it is the time, or rename it.",
            )
        clock = np.linspace(-1.0, 1.0, data.rows)
        return (
            Observations.of_values(
                (*data.names, TIME),
                np.asfortranarray(np.column_stack([data.values, clock])),
                (*data.discrete, False),
                (*data.levels, ()),
            ),
            TIME,
        )

    def _independent_changes(
        self,
        data: Observations,
        skeleton: Skeleton,
        marks: Marks,
        context: int,
        reasons: dict[tuple[int, int], str],
        seed: int,
    ) -> list[Decision]:
        """Point the open edges between changing variables, the clearest first; the marks change in place."""
        setting = skeleton.setting
        names, at = setting.names, setting.at
        domain = self._domains(data, int(at[context]))
        present = ~np.isnan(data.values[:, at[context]])
        skipped: set[str] = set()
        while True:
            best: tuple[float, int, int] | None = None
            for a, b in marks.pairs():
                if marks.at[a][b] is not Mark.TAIL or marks.at[b][a] is not Mark.TAIL:
                    continue
                if not (skeleton.adjacent[a, context] and skeleton.adjacent[b, context]):
                    continue
                above = sorted(
                    v for end in (a, b) for v in marks.at[end] if v != context and marks.is_arrow(v, end)
                )
                crowded = [names[v] for v in (a, b, *above) if len(data.levels[at[v]]) > 2]
                if crowded:
                    skipped.update(crowded)
                    continue
                read = data.values[:, at[[a, b, *sorted(set(above))]]]
                there = present & ~np.isnan(read).any(axis=1)
                x, y, given = read[there, 0], read[there, 1], read[there, 2:]
                found = independent_change(x, y, given, domain[there], seed, names[a], names[b])
                if found is None:
                    continue
                direction = found.direction(self.change)
                if direction:
                    gap = abs(found.forward - found.backward)
                    cause, effect = (a, b) if direction > 0 else (b, a)
                    if best is None or gap > best[0]:
                        best = (gap, cause, effect)
            if best is None:
                break
            _, cause, effect = best
            marks.orient(cause, effect)
            reasons[cause, effect] = "independent change"
            close_under_meek(marks)
        if skipped:
            return [
                Decision(
                    f"left edges of {listing(sorted(skipped))} open",
                    "the test of independent change reads numbers and two-valued columns",
                )
            ]
        return []

    def _domains(self, data: Observations, at: int) -> np.ndarray:
        values = data.values[:, at]
        if data.discrete[at] or len(np.unique(values)) <= self.windows:
            return np.unique(values, return_inverse=True)[1]
        ranks = np.empty(len(values))
        ranks[np.argsort(values, kind="stable")] = np.arange(len(values))
        return (ranks * self.windows / len(values)).astype(np.int64)

    def assumes(self, data: Observations) -> Iterable[Assumption]:
        """PC's assumptions, with unmeasured common causes allowed that are functions of the context."""
        source = "CD-NOD"
        context = self.context or TIME
        for each in common_assumptions(chosen_test(self.test, data), data, source, sufficient=False):
            if each.key is not AssumptionKey.INDEPENDENT_ROWS:
                yield each
        yield Assumption(
            AssumptionKey.CAUSAL_SUFFICIENCY,
            f"What two variables share without being measured is a function of {context}.",
            False,
            source=source,
        )
        if data.rows:
            yield Assumption(
                AssumptionKey.INDEPENDENT_ROWS,
                f"Given {context}, the rows are independent of each other.",
                False,
                source=source,
            )
        if self.change:
            yield Assumption(
                AssumptionKey.LINEARITY,
                "For edges told by independent change: mechanisms are linear, and their parameters change "
                "independently of each other.",
                False,
                source=source,
            )
