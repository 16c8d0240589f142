"""GES: greedy equivalence search, with deletions first and a way out of local optima."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.core import Assumption, progress, stream
from aitia.discovery._algorithm import Algorithm
from aitia.discovery._discovery import Discovery
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.scores import Score
from aitia.discovery.search._answer import answer
from aitia.discovery.search._classes import ClassSearch
from aitia.discovery.search._orders import order_of
from aitia.discovery.search._polish import alternate, from_random_order
from aitia.discovery.search._setting import (
    Setting,
    check_max_parents,
    chosen_score,
    common_assumptions,
    whole_number,
)
from aitia.graphs import GraphKind


@dataclass(frozen=True)
class GES(Algorithm):
    """Greedy equivalence search: insert, delete and turn edges of a class of DAGs while that raises the score.

    Chickering's search takes all insertions first. Many of them are right only until later ones explain them, and
    deletions afterwards no longer find the way back. Here every deletion that raises the score comes first, then
    every turn, then the best insertion (Nazaret & Blei 2024, XGES-0). The ways out of a local optimum are
    `restarts`: best moves of a causal order (as in `BOSS`), which change many edges at once, first of an order of the
    class found, then of random ones; operators climb on from each answer, and the best counts.

    The pure search of Chickering (2002) is ``GES(turning=False, deletions_first=False, restarts=0)``.

    After a step operators are found again only for pairs whose surroundings changed.

    Args:
        score: the score; None takes the one that fits the kinds of columns.
        turning: whether edges are turned (Hauser & Bühlmann 2012).
        deletions_first: False takes the phases one after another: insertions, deletions, turns, again while the score
            rises (Chickering 2002; Hauser & Bühlmann 2012, Algorithm 1).
        restarts: how many ways out of a local optimum are tried; 0: none.
        max_parents: the most parents of a variable; None sets no limit.

    Knowledge: forbidden arrows are never inserted nor turned to, required ones are there from the start, and each step
    ends in the part of the class that agrees with the knowledge.

    Assumptions: Markov property, faithfulness, no unmeasured common cause, no selection, no cycles.

    Source: Chickering (2002), JMLR 3, theorems 15 and 17; Hauser & Bühlmann (2012), JMLR 13, propositions 31 and 34;
    Nazaret & Blei (2024), UAI, Algorithm 1.

    Example:
        >>> import numpy as np
        >>> random = np.random.default_rng(0)
        >>> a, b = random.normal(size=(2, 500))
        >>> GES().run({"a": a, "b": b, "c": a + b + random.normal(size=500)}).graph
        Graph.parse('[cpdag]; a -> c; b -> c')
    """

    score: Score | None = None
    turning: bool = True
    deletions_first: bool = True
    restarts: int = 5
    max_parents: int | None = None

    name: ClassVar[str] = "ges"
    output: ClassVar[GraphKind] = GraphKind.CPDAG
    reference: ClassVar[str] = "Chickering (2002), JMLR 3; Nazaret & Blei (2024), UAI"
    cost: ClassVar[str] = "steps times pairs times cliques of neighbours: seconds for hundreds of variables"

    def __post_init__(self) -> None:
        whole_number(self.restarts, 0, "restarts", "5 is usual, 0 leaves the pure search.")
        check_max_parents(self.max_parents)

    def _search(
        self, data: Observations, knowledge: Knowledge, seed: int, show_progress: bool | None
    ) -> Discovery:
        setting = Setting.of(data, chosen_score(self.score, data), knowledge)
        classes = ClassSearch(setting, most=self.max_parents)
        orders = order_of(setting, self.max_parents)
        with progress("GES", 1 + self.restarts, show_progress) as bar:
            greedy(classes, self.turning, self.deletions_first)
            parents = classes.parents()
            bar.advance()
            if self.restarts:
                parents = alternate(setting, orders, classes, parents, stream(seed, "ges"))
            for restart in range(1, self.restarts):
                found = from_random_order(setting, orders, classes, stream(seed, "ges", restart))
                if setting.total(found) > setting.total(parents) + setting.tolerance:
                    parents = found
                bar.advance()
        return answer(self, setting, data, parents, tests=orders.tests + classes.tests)

    def assumes(self, data: Observations) -> Iterable[Assumption]:
        """Markov, faithfulness, sufficiency, acyclicity, and what the score asks for."""
        return common_assumptions(self.score, data, "GES")


def greedy(classes: ClassSearch, turning: bool, deletions_first: bool) -> None:
    """The search itself, from the required edges on."""
    classes.start([np.flatnonzero(row).tolist() for row in classes.setting.required])
    if deletions_first:
        classes.run((True, turning, True))
        return
    phases = [(False, False, True), (True, False, False), (False, True, False)][: 2 + turning]
    while sum([classes.run(phase) for phase in phases]) and turning:
        pass
