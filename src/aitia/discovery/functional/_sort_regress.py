"""Sorting and regressing: the baseline that a method of discovery should beat."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

import numpy as np

from aitia.core import Assumption, stream
from aitia.discovery._algorithm import Algorithm
from aitia.discovery._discovery import Discovery
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.functional._finding import linear_assumptions, linear_discovery
from aitia.discovery.functional._order import OrderLimits
from aitia.discovery.functional._pruning import AdaptiveLasso, Pruning
from aitia.discovery.functional._sortability import explained_shares
from aitia.graphs import GraphKind


class SortBy(StrEnum):
    """What the columns are sorted by."""

    VARIANCE = "variance"
    R2 = "r2"
    RANDOM = "random"


@dataclass(frozen=True)
class SortRegress(Algorithm):
    """Sorts the columns, regresses each on those before it, and prunes: a baseline, no method of discovery.

    By variance it does as well as continuous optimisation on many simulated graphs, because in these variance grows
    along the causal order; the units of real columns say nothing of the kind. By the share of variance that the other
    columns explain it does not depend on units. By random numbers it shows what an order without information gives.

    Args:
        by: the criterion, small to large.
        pruning: which slopes are edges; the adaptive lasso, as in the paper.

    Raises:
        DiscoveryError: as `DirectLiNGAM`.

    Source: Reisach, Seiler and Weichwald (2021), NeurIPS (by variance); Reisach et al. (2023), NeurIPS (by R2).

    Example:
        >>> rng = np.random.default_rng(0)
        >>> a = rng.normal(size=1000)
        >>> b = a + rng.normal(size=1000)
        >>> print(SortRegress().run({"b": b, "a": a}).graph.to_text())
        a -> b
    """

    by: SortBy = SortBy.VARIANCE
    pruning: Pruning = field(default_factory=AdaptiveLasso)
    name: ClassVar[str] = "sortregress"
    output: ClassVar[GraphKind] = GraphKind.DAG
    reference: ClassVar[str] = "Reisach, Seiler and Weichwald (2021), NeurIPS 34"
    cost: ClassVar[str] = "one pass for the moments"

    def __post_init__(self) -> None:
        object.__setattr__(self, "by", SortBy(self.by))

    def _search(
        self, data: Observations, knowledge: Knowledge, seed: int, show_progress: bool | None
    ) -> Discovery:
        data.require_numbers("Sorting")
        data.require_complete("Sorting")
        limits = OrderLimits.of(knowledge, data.names)
        if self.by is SortBy.VARIANCE:
            criterion = np.diag(data.moments.cross)
        elif self.by is SortBy.R2:
            criterion = explained_shares(data.correlation)
        else:
            criterion = np.array([stream(seed, "sort", name).random() for name in data.names])
        order: list[int] = []
        remaining = np.ones(len(criterion), bool)
        while remaining.any():
            free = np.flatnonzero(limits.candidates(remaining))
            order.append(int(free[np.argmin(criterion[free])]))
            remaining[order[-1]] = False
        said = {
            SortBy.VARIANCE: "The order is that of the columns' variances, which change with their units",
            SortBy.R2: "The order is that of the shares of variance that the other columns explain",
            SortBy.RANDOM: "The order is random",
        }[self.by]
        return linear_discovery(
            self,
            data,
            knowledge,
            limits,
            order,
            self.pruning,
            needs_shape=False,
            warnings=[f"{said}: this is a baseline, and no evidence of what causes what."],
        )

    def assumes(self, data: Observations) -> Iterable[Assumption]:
        """Linear, sufficient, acyclic, independent rows; that the sorting is right is in the warning."""
        return linear_assumptions("sorting", noise=False)
