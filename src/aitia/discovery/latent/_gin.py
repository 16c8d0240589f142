"""GIN: latent variables, what they stand behind and which causes which, from independent noise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np

from aitia.core import Assumption, AssumptionKey, Progress, listing, progress
from aitia.discovery._algorithm import Algorithm
from aitia.discovery._discovery import Discovery, EdgeEvidence, Latent
from aitia.discovery._errors import DiscoveryError
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.latent._factor_clusters import common_assumptions, grown, refuse_knowledge, unclustered
from aitia.discovery.latent._gin_test import GINTester, combined
from aitia.discovery.latent._rank import rank_test
from aitia.discovery.latent._structure import edges_between, measured_graph
from aitia.graphs import GraphKind


@dataclass(frozen=True)
class GIN(Algorithm):
    """GIN: clusters of measured variables, their latent causes, and the causal order of these.

    Two columns share one latent cause where some weighted sum of them is independent of all other columns; m + 1
    columns share m latents likewise. Sets that pass grow into clusters. Then a latent comes first where, for every
    other one, a weighted sum of an indicator of each is independent of the first one's other indicators (and of those
    of the latents placed before); and so on with the rest. Edges between latents come from PC with rank tests of the
    indicators, oriented by this order.

    Where no latent, or more than one that depend on each other, can come first, the tests do not tell (noise near
    Gaussian, few rows): the rest is left unordered, and edges in it stay undirected where PC leaves them so.

    Args:
        alpha: the level of all tests. A set is kept where its condition is not rejected.
        max_latents: how many latents one cluster may share. Sets of max_latents + 1 columns are all tested.

    ``latents`` names each latent and its indicators, ``order`` the causal order where it is complete,
    ``details["tiers"]`` as far as it is known; ``details["unclustered"]`` lists the columns without a cluster.

    Knowledge: refused, as in `FactorClusters`.

    Assumptions: linear, non-Gaussian noise, no cycles; measured variables have latent causes only, two or more of them
    for each latent (2 m for m latents). The order of the columns does not change the answer.

    Source: Xie, Cai, Huang, Glymour, Hao & Zhang (2020), NeurIPS 33, Algorithms 1 and 2.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> first = rng.uniform(-1, 1, 2000)
        >>> second = first + rng.uniform(-1, 1, 2000)
        >>> columns = {f"a{i}": first + 0.5 * rng.uniform(-1, 1, 2000) for i in range(2)}
        >>> columns |= {f"b{i}": second + 0.5 * rng.uniform(-1, 1, 2000) for i in range(2)}
        >>> found = GIN().run(columns)
        >>> found.graph
        Graph.parse('L1 [latent]; L2 [latent]; L1 -> L2; L1 -> a0; L1 -> a1; L2 -> b0; L2 -> b1')
        >>> found.order
        ('L1', 'L2')
    """

    alpha: float = 0.01
    max_latents: int = 1
    name: ClassVar[str] = "gin"
    output: ClassVar[GraphKind] = GraphKind.MPDAG
    reference: ClassVar[str] = "Xie et al. (2020), NeurIPS 33"
    cost: ClassVar[str] = (
        "all pairs of columns (with max_latents=m all sets of m + 1), each in time rows x columns"
    )

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise DiscoveryError(f"alpha must lie between 0 and 1, but came {self.alpha:g}.", "Use 0.01.")
        if self.max_latents < 1:
            raise DiscoveryError(
                f"max_latents must be 1 or more, but came {self.max_latents}.", "Give max_latents=1."
            )

    def _search(
        self, data: Observations, knowledge: Knowledge, seed: int, show_progress: bool | None
    ) -> Discovery:
        data.require_numbers(self.name)
        data.require_complete(self.name)
        refuse_knowledge(knowledge, self.name)
        p = len(data.names)
        if p < 4:
            raise DiscoveryError(
                f"Clusters need four columns, but there are {p}.",
                "Measure each latent variable by two or more.",
            )
        order = sorted(range(p), key=data.names.__getitem__)
        names = [data.names[i] for i in order]
        tester = GINTester(data.values[:, order])
        with progress("GIN", self.max_latents + 1, show_progress) as bar:
            clusters = self._clusters(tester, names, bar)
            clusters.sort(key=lambda each: [names[i] for i in each[0]])
            members: dict[str, tuple[str, ...]] = {}
            single: dict[str, tuple[int, ...]] = {}
            latents: list[Latent] = []
            for at, count, p_value in clusters:
                mine = [f"L{len(members) + k + 1}" for k in range(count)]
                inside = tuple(names[i] for i in at)
                beside = f" {listing(mine)} cannot be told apart." if count > 1 else ""
                for latent in mine:
                    members[latent] = inside
                    what = "any two" if count == 1 else f"any {count + 1}"
                    reason = (
                        f"a weighted sum of {what} of these is independent of all other columns (least p = "
                        f"{p_value:.2g}).{beside}"
                    )
                    latents.append(Latent(latent, inside, reason))
                if count == 1:
                    single[mine[0]] = at
            search = _Order(tester, single, self.alpha)
            tiers, said = search.tiers()
            edges = edges_between(single, tester.correlation, tester.rows, self.alpha, tiers)
            bar.advance()
        shared = [latent for latent in members if latent not in single]
        if shared and len(clusters) > 1:
            said.append(f"How {listing(shared)} hang together with the other latents was not looked at.")
        taken = {name for each in members.values() for name in each}
        left = tuple(name for name in data.names if name not in taken)
        complete = all(len(tier) == 1 for tier in tiers) and not shared
        return Discovery(
            measured_graph(data.names, members, edges.directed, edges.undirected),
            self,
            evidence=(
                *edges.evidence,
                *(
                    EdgeEvidence(latent, name, True, reason="independent noise")
                    for latent, each in members.items()
                    for name in each
                ),
            ),
            tests=tester.calls + search.tests + edges.tests,
            order=tuple(tier[0] for tier in tiers) if complete else (),
            latents=tuple(latents),
            warnings=(*said, *edges.warnings, *unclustered(left, "two")),
            details={"tiers": tuple(map(tuple, tiers)), "unclustered": left},
        )

    def _clusters(
        self, tester: GINTester, names: list[str], bar: Progress
    ) -> list[tuple[tuple[int, ...], int, float]]:
        """Clusters with their number of latents and their least p-value (Algorithm 1)."""
        found: list[tuple[tuple[int, ...], int, float]] = []
        left = list(range(tester.p))
        for count in range(1, self.max_latents + 1):
            pure: dict[tuple[int, ...], float] = {}
            for y in combinations(left, count + 1):
                z = [k for k in range(tester.p) if k not in y]
                if len(z) <= count:
                    continue
                # A column that depends on nothing meets the condition by itself, and so does a set whose part shares
                # fewer latents: every part of this size has to have the full rank.
                parts = combinations(y, count)
                if any(
                    rank_test(tester.correlation, tester.rows, part, z, count - 1).p_value > self.alpha
                    for part in parts
                ):
                    continue
                p_value = tester.test(y, z).p_value
                if p_value > self.alpha:
                    pure[y] = p_value
            for cluster in grown(pure, names, 2 * count):
                least = min(pure[each] for each in combinations(cluster, count + 1) if each in pure)
                found.append((cluster, count, least))
                left = [i for i in left if i not in cluster]
            bar.advance()
        return found

    def assumes(self, data: Observations) -> Iterable[Assumption]:
        """The assumptions, for the ledger."""
        yield from common_assumptions(self.name)
        source = f"discovery by {self.name}"
        yield Assumption(
            AssumptionKey.NON_GAUSSIAN_NOISE, "At most one noise term is Gaussian.", True, source=source
        )
        yield Assumption(
            AssumptionKey.ACYCLICITY,
            "Latent variables do not cause each other in a cycle.",
            False,
            source=source,
        )


class _Order:
    """The search for the causal order of latents with a cluster of their own (Algorithm 2).

    A weighted sum of indicators is an indicator too, with less noise; each latent is read through three of them: of
    every other one of its columns, of the rest, and of all.
    """

    def __init__(self, tester: GINTester, single: dict[str, tuple[int, ...]], alpha: float) -> None:
        self.single, self.alpha = single, alpha
        self.names = list(single)
        self.columns = tester
        made = []
        for at in single.values():
            weights = np.linalg.eigh(tester.correlation[np.ix_(at, at)])[1][:, -1]
            parts = (slice(0, None, 2), slice(1, None, 2), slice(None))
            made.extend(tester.values[:, at[part]] @ weights[part] for part in parts)
        self.composites = GINTester(np.column_stack(made)) if made else None

    @property
    def tests(self) -> int:
        """How many tests were made."""
        return self.composites.calls if self.composites else 0

    def tiers(self) -> tuple[list[list[str]], list[str]]:
        """Latents in tiers, causes first, as far as the tests tell; and what to say about it."""
        tiers: list[list[str]] = []
        placed: list[str] = []
        left = list(self.names)
        while len(left) > 1:
            able = [root for root in left if self._first(placed, root, left) > self.alpha]
            if not able:
                return [*tiers, left], [
                    f"No latent of {listing(left)} can be the first by the tests, so their order is open: an "
                    "assumption fails (linearity, one latent a cluster), or tests err."
                ]
            if not self._apart(able, placed):
                return [*tiers, left], [
                    f"The order of {listing(left)} is open: any of {listing(able)} could come first. Their noise may "
                    "be too near to Gaussian, or the rows too few."
                ]
            tiers.extend([root] for root in able)
            placed.extend(able)
            left = [each for each in left if each not in able]
        return ([*tiers, left] if left else tiers), []

    def _first(self, placed: list[str], root: str, left: list[str]) -> float:
        """The p-value of `root` being caused by none of the others left, once those placed are taken out."""
        assert self.composites is not None
        p_values = []
        for other in left:
            if other != root:
                each = []
                for turn in range(2):
                    before = [3 * self.names.index(latent) for latent in (*placed, root)]
                    y = [*(at + turn for at in before), 3 * self.names.index(other) + 2]
                    each.append(self.composites.test(y, [at + 1 - turn for at in before]).p_value)
                p_values.append(combined(each))
        return min(1.0, len(p_values) * min(p_values))

    def _apart(self, able: list[str], placed: list[str]) -> bool:
        """Whether latents that could all come first are independent given those placed."""
        for a, b in combinations(able, 2):
            x, y = list(self.single[a]), list(self.single[b])
            for latent in placed:
                x += self.single[latent][0::2]
                y += self.single[latent][1::2]
            columns = self.columns
            if rank_test(columns.correlation, columns.rows, x, y, len(placed)).p_value <= self.alpha:
                return False
        return True
