"""BOSS: best order score search."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from aitia.core import Assumption, progress, stream
from aitia.discovery._algorithm import Algorithm
from aitia.discovery._discovery import Discovery
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.scores import Score
from aitia.discovery.search._answer import answer
from aitia.discovery.search._classes import ClassSearch
from aitia.discovery.search._orders import order_of
from aitia.discovery.search._polish import from_random_order
from aitia.discovery.search._setting import (
    Setting,
    check_max_parents,
    chosen_score,
    common_assumptions,
    whole_number,
)
from aitia.graphs import GraphKind


@dataclass(frozen=True)
class BOSS(Algorithm):
    """Best order score search: move each variable to its best place in a causal order until none wants to move.

    An order projects to a DAG by giving every variable the parents that grow and shrink finds before it. Under a
    Gaussian score the projection is kept up to date by compiled loops over the correlation matrix, so rows cost one
    pass. When no variable moves, the operators of GES look at the class of the DAG (the paper runs backward
    equivalence search there; turns and insertions are tried too), and where they find better the moves go on.

    Args:
        score: the score; None takes the one that fits the kinds of columns.
        starts: how many random orders to start from; the best answer counts.
        max_parents: the most parents a variable can have; None sets no limit.

    Knowledge: forbidden parents are never tried, required ones stay, orders respect tiers.

    Assumptions: Markov property, faithfulness, no unmeasured common cause, no selection, no cycles.

    Source: Andrews, Ramsey, Sanchez-Romero, Camchong & Kummerfeld (2023), NeurIPS 36, Algorithm 1.

    Example:
        >>> import numpy as np
        >>> from aitia.discovery import Observations
        >>> rng = np.random.default_rng(0)
        >>> x, z = rng.normal(size=(2, 1000))
        >>> y = x + z + rng.normal(size=1000)
        >>> BOSS().run({"x": x, "y": y, "z": z}).graph
        Graph.parse('[cpdag]; x -> y; z -> y')
    """

    score: Score | None = None
    starts: int = 5
    max_parents: int | None = None

    name: ClassVar[str] = "boss"
    output: ClassVar[GraphKind] = GraphKind.CPDAG
    reference: ClassVar[str] = "Andrews, Ramsey, Sanchez-Romero, Camchong & Kummerfeld (2023), NeurIPS 36"
    cost: ClassVar[str] = (
        "sweeps times pairs, times the size of the parent sets: hundreds of variables in seconds"
    )

    def __post_init__(self) -> None:
        whole_number(self.starts, 1, "starts", "5 is usual, 1 fast, 20 thorough.")
        check_max_parents(self.max_parents)

    def _search(
        self, data: Observations, knowledge: Knowledge, seed: int, show_progress: bool | None
    ) -> Discovery:
        setting = Setting.of(data, chosen_score(self.score, data), knowledge)
        orders = order_of(setting, self.max_parents)
        classes = ClassSearch(setting, most=self.max_parents)
        best, most = None, -math.inf
        with progress("BOSS", self.starts, show_progress) as bar:
            for start in range(self.starts):
                parents = from_random_order(setting, orders, classes, stream(seed, "boss", start))
                total = setting.total(parents)
                if total > most + setting.tolerance:
                    best, most = parents, total
                bar.advance()
        assert best is not None
        return answer(self, setting, data, best, tests=orders.tests + classes.tests)

    def assumes(self, data: Observations) -> Iterable[Assumption]:
        """Markov, faithfulness, sufficiency, acyclicity, and what the score asks for."""
        return common_assumptions(self.score, data, "BOSS")
