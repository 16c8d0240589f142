"""BOSS: best order score search."""

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
from aitia.discovery.search._orders import Order, order_of
from aitia.discovery.search._setting import Setting, chosen_score, common_assumptions, whole_number
from aitia.graphs import GraphKind


@dataclass(frozen=True)
class BOSS(Algorithm):
    """Best order score search: move each variable to its best place in a causal order until none wants to move.

    An order projects to a DAG by giving every variable the parents that grow and shrink finds before it. Under a
    Gaussian score the projection is kept up to date by compiled loops over the correlation matrix, so rows cost one
    pass.

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
        Graph.parse('x -> y; z -> y')
    """

    score: Score | None = None
    starts: int = 1
    max_parents: int | None = None

    name: ClassVar[str] = "boss"
    output: ClassVar[GraphKind] = GraphKind.CPDAG
    reference: ClassVar[str] = "Andrews, Ramsey, Sanchez-Romero, Camchong & Kummerfeld (2023), NeurIPS 36"
    cost: ClassVar[str] = (
        "sweeps times pairs, times the size of the parent sets: hundreds of variables in seconds"
    )

    def __post_init__(self) -> None:
        whole_number(self.starts, 1, "starts", "1 is usual, 10 thorough.")
        if self.max_parents is not None:
            whole_number(self.max_parents, 0, "max_parents", "None sets no limit.")

    def _search(
        self, data: Observations, knowledge: Knowledge, seed: int, show_progress: bool | None
    ) -> Discovery:
        setting = Setting.of(data, chosen_score(self.score, data), knowledge)
        search = order_of(setting, self.max_parents)
        best: tuple[float, list[list[int]]] | None = None
        with progress("BOSS", self.starts, show_progress) as bar:
            for start in range(self.starts):
                random = stream(seed, "boss", start)
                search.put(allowed_order(setting, random.permutation(setting.count)))
                settle(search, random)
                total = search.total()
                if best is None or total > best[0] + setting.tolerance:
                    best = total, search.parents()
                bar.advance()
        assert best is not None
        return answer(self, setting, data, best[1], tests=search.tests)

    def assumes(self, data: Observations) -> Iterable[Assumption]:
        """Markov, faithfulness, sufficiency, acyclicity, and what the score asks for."""
        return common_assumptions(self.score, data, "BOSS")


def allowed_order(setting: Setting, wish: Iterable[int]) -> list[int]:
    """The order nearest to a wished one that knowledge allows: always the first by wish whose predecessors stand."""
    left = [int(v) for v in wish]
    if not setting.before.any():
        return left
    order: list[int] = []
    while left:
        standing = np.zeros(setting.count, bool)
        standing[left] = True
        ready = next(v for v in left if not (setting.before[:, v] & standing).any())
        left.remove(ready)
        order.append(ready)
    return order


def settle(search: Order, random: np.random.Generator) -> None:
    """Sweep in random turns until no variable moves."""
    while True:
        if not search.sweep(random.permutation(len(search.order()))):
            return
