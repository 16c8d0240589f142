"""GRaSP: greedy relaxations of the sparsest permutation."""

from __future__ import annotations

import math
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
from aitia.discovery.search._orders import Order, order_of
from aitia.discovery.search._polish import allowed_order, causal_order, checked
from aitia.discovery.search._setting import (
    Setting,
    check_max_parents,
    chosen_score,
    common_assumptions,
    whole_number,
)
from aitia.graphs import GraphKind


@dataclass(frozen=True)
class GRaSP(Algorithm):
    """Greedy relaxations of the sparsest permutation: tuck edges of the DAG that a causal order projects to.

    A tuck of x -> y moves y, with those of its ancestors that stand between them, before x. A depth-first search goes
    through orders of equal score until one scores higher. Tier 0 tucks covered edges only (which turns them), tier 1
    also edges that are the only directed path between their ends, tier 2 any edge; each tier starts where the one
    before found nothing better. When none does, the operators of GES look at the class, as in `BOSS`.

    Args:
        score: the score; None takes the one that fits the kinds of columns.
        depth: how many tucks of covered edges deep the search goes.
        singular_depth: the same for singular edges; 0 leaves tier 1 out.
        other_depth: the same for any edge; 0 leaves tier 2 out.
        starts: how many random orders to start from; the best answer counts.
        max_parents: the most parents a variable can have; None sets no limit.

    Knowledge: forbidden parents are never tried, required ones stay, orders respect tiers.

    Assumptions: Markov property, faithfulness (tier 2 needs less), no unmeasured common cause, no selection, no cycles.

    Source: Lam, Andrews & Ramsey (2022), UAI, Algorithm 2 with definitions 4 to 7.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> x, z = rng.normal(size=(2, 1000))
        >>> GRaSP().run({"x": x, "y": x + z + rng.normal(size=1000), "z": z}).graph
        Graph.parse('[cpdag]; x -> y; z -> y')
    """

    score: Score | None = None
    depth: int = 3
    singular_depth: int = 1
    other_depth: int = 1
    starts: int = 5
    max_parents: int | None = None

    name: ClassVar[str] = "grasp"
    output: ClassVar[GraphKind] = GraphKind.CPDAG
    reference: ClassVar[str] = "Lam, Andrews & Ramsey (2022), UAI"
    cost: ClassVar[str] = "covered edges to the power of the depth, times a local change of the projection"

    def __post_init__(self) -> None:
        whole_number(self.depth, 1, "depth", "3 is usual.")
        whole_number(self.singular_depth, 0, "singular_depth", "1 is usual.")
        whole_number(self.other_depth, 0, "other_depth", "1 is usual.")
        whole_number(self.starts, 1, "starts", "5 is usual, 1 fast, 20 thorough.")
        check_max_parents(self.max_parents)

    def _search(
        self, data: Observations, knowledge: Knowledge, seed: int, show_progress: bool | None
    ) -> Discovery:
        setting = Setting.of(data, chosen_score(self.score, data), knowledge)
        orders = order_of(setting, self.max_parents)
        classes = ClassSearch(setting, most=self.max_parents)
        best, most = None, -math.inf
        with progress("GRaSP", self.starts, show_progress) as bar:
            for start in range(self.starts):
                random = stream(seed, "grasp", start)
                orders.put(allowed_order(setting, random.permutation(setting.count)))
                parents = self._relaxed(orders, random)
                while (better := checked(classes, parents)) is not parents:
                    parents = better
                    total = setting.total(parents)
                    orders.put(causal_order(parents, setting.before))
                    found = self._relaxed(orders, random)
                    if orders.total() <= total + setting.tolerance:
                        break
                    parents = found
                if setting.total(parents) > most + setting.tolerance:
                    best, most = parents, setting.total(parents)
                bar.advance()
        assert best is not None
        return answer(self, setting, data, best, tests=orders.tests + classes.tests)

    def _relaxed(self, orders: Order, random: np.random.Generator) -> list[list[int]]:
        """The parents after all tiers."""
        p = len(orders.order())
        for tier in range(3):
            depths = [self.depth, self.singular_depth, self.other_depth]
            depths[tier + 1 :] = [0] * (2 - tier)
            if tier and not depths[tier]:
                continue
            total = orders.total()
            while orders.explore(random.permutation(p), np.array(depths, np.int64)):
                before, total = total, orders.total()
                if total <= before:
                    break
        return orders.parents()

    def assumes(self, data: Observations) -> Iterable[Assumption]:
        """Markov, faithfulness, sufficiency, acyclicity, and what the score asks for."""
        return common_assumptions(self.score, data, "GRaSP")
