"""FOFC: measured variables grouped by the one latent variable behind each group, from vanishing tetrads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, islice
from typing import ClassVar

import numpy as np

from aitia.core import Assumption, AssumptionKey, listing, progress
from aitia.discovery._algorithm import Algorithm
from aitia.discovery._discovery import Discovery, EdgeEvidence, Latent
from aitia.discovery._errors import DiscoveryError
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.latent._structure import edges_between, loadings, measured_graph, normal_p_value
from aitia.discovery.latent._tetrads import one_factor_p_values
from aitia.graphs import GraphKind

_PIECE = 100_000


@dataclass(frozen=True)
class FactorClusters(Algorithm):
    """FOFC: groups of measured variables with one latent cause each, from vanishing tetrads.

    Three columns are a pure triple where, with every further column, all tetrads of the four vanish. Pure triples
    that overlap grow into clusters; the largest are kept first. Each cluster is given a latent (``L1``, ...). Edges
    between latents come from PC with rank tests of their indicators; they stay undirected where the class leaves them
    open. Columns in no cluster are named in the warnings, and stand alone in the graph.

    Args:
        alpha: the level at which a triple is refused (over all its tests together: the smallest p-value times their
            number), at which its columns count as dependent, and at which latents count as independent.

    ``latents`` names each latent and its indicators; ``evidence`` holds the standardised loadings as weights.
    ``details["unclustered"]`` lists the columns without a cluster.

    Knowledge: tiers, required and forbidden edges between measured variables do not fit a model in which measured
    variables have latent causes only; they are refused.

    Assumptions: linear; every measured variable has one latent cause (variables with several are left out if the
    others show it), and no measured variable causes another; clusters of three or more, with four columns at least in
    all. The tests are those of normal variables, and hold for independent noise of any form. The order of the columns
    does not change the answer.

    Source: Kummerfeld & Ramsey (2016), KDD, Algorithm 1; Bollen & Ting (1993), Sociological Methodology 23.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> hidden = rng.normal(size=(1000, 2))
        >>> columns = {
        ...     f"{letter}{i}": hidden[:, k] + rng.normal(size=1000)
        ...     for k, letter in enumerate("ab")
        ...     for i in range(3)
        ... }
        >>> [(each.name, each.measured) for each in FactorClusters().run(columns).latents]
        [('L1', ('a0', 'a1', 'a2')), ('L2', ('b0', 'b1', 'b2'))]
    """

    alpha: float = 0.01
    name: ClassVar[str] = "fofc"
    output: ClassVar[GraphKind] = GraphKind.MPDAG
    reference: ClassVar[str] = "Kummerfeld & Ramsey (2016), KDD"
    cost: ClassVar[str] = "one pass over the rows; then all sets of four columns, about p^4 / 24"

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise DiscoveryError(f"alpha must lie between 0 and 1, but came {self.alpha:g}.", "Use 0.01.")

    def _search(
        self, data: Observations, knowledge: Knowledge, seed: int, show_progress: bool | None
    ) -> Discovery:
        data.require_numbers(self.name)
        refuse_knowledge(knowledge, self.name)
        p = len(data.names)
        if p < 4:
            raise DiscoveryError(
                f"Tetrads need four columns, but there are {p}.",
                "Measure each latent variable by three or more.",
            )
        # By name, so that the order of the columns does not matter.
        order = sorted(range(p), key=data.names.__getitem__)
        names = [data.names[i] for i in order]
        correlation = data.correlation[np.ix_(order, order)]
        with progress("FOFC", 3, show_progress) as bar:
            pure, tests = pure_triples(correlation, data.rows, self.alpha)
            bar.advance()
            clusters = grown(pure, names, 3)
            bar.advance()
            members = {f"L{k + 1}": tuple(names[i] for i in each) for k, each in enumerate(clusters)}
            indicators = {f"L{k + 1}": each for k, each in enumerate(clusters)}
            edges = edges_between(indicators, correlation, data.rows, self.alpha)
            bar.advance()
        evidence, latents = list(edges.evidence), []
        for latent, at in indicators.items():
            least = min(pure[triple] for triple in combinations(at, 3) if triple in pure)
            latents.append(
                Latent(
                    latent,
                    members[latent],
                    f"the tetrads of any three of these with any other column vanish (least p = {least:.2g})",
                )
            )
            for name, weight in zip(members[latent], loadings(correlation, at)):
                evidence.append(
                    EdgeEvidence(latent, name, True, weight=float(weight), reason="vanishing tetrads")
                )
        inside = {name for each in members.values() for name in each}
        left = tuple(name for name in data.names if name not in inside)
        return Discovery(
            measured_graph(data.names, members, edges.directed, edges.undirected),
            self,
            evidence=tuple(evidence),
            tests=tests + edges.tests,
            latents=tuple(latents),
            warnings=(*edges.warnings, *unclustered(left, "three")),
            details={"unclustered": left},
        )

    def assumes(self, data: Observations) -> Iterable[Assumption]:
        """The assumptions, for the ledger."""
        return common_assumptions(self.name)


def common_assumptions(name: str) -> Iterable[Assumption]:
    """What every algorithm over linear measurement models assumes."""
    source = f"discovery by {name}"
    yield Assumption(
        AssumptionKey.LINEARITY, "Measured variables are linear in their latent causes.", True, source=source
    )
    yield Assumption(
        AssumptionKey.CAUSAL_SUFFICIENCY,
        "Every clustered measured variable has its cluster's latent causes and its own noise, nothing else in common "
        "with another; no measured variable causes another.",
        True,
        source=source,
    )
    yield Assumption(
        AssumptionKey.FAITHFULNESS,
        "Ranks of covariances are low because of the graph, not by cancelling numbers.",
        False,
        source=source,
    )
    yield Assumption(
        AssumptionKey.INDEPENDENT_ROWS,
        "Rows are independent draws of one distribution.",
        False,
        source=source,
    )


def refuse_knowledge(knowledge: Knowledge, name: str) -> None:
    """Refuse knowledge about measured variables, which has no meaning where only latents cause them."""
    from aitia.discovery._errors import KnowledgeError

    if knowledge:
        raise KnowledgeError(
            f"{name} looks for latent causes of measured variables, which cause nothing themselves, so knowledge about "
            "edges between measured variables does not fit it.",
            "Leave the knowledge out, or choose an algorithm over measured variables.",
        )


def unclustered(left: tuple[str, ...], size: str) -> tuple[str, ...]:
    """The warning about columns in no cluster."""
    if not left:
        return ()
    return (
        f"In no cluster: {listing(list(left))}. They have several latent causes, cause each other, or share a latent "
        f"with fewer than {size} columns.",
    )


def pure_triples(
    correlation: np.ndarray, rows: int, alpha: float
) -> tuple[dict[tuple[int, ...], float], int]:
    """The pure triples (positions, rising), each with its p-value; and how many sets of four were tested.

    The p-value is the smallest over the further columns, times their number.
    """
    p = len(correlation)
    least = np.ones((p, p, p))
    columns = chain.from_iterable(combinations(range(p), 4))
    tests = 0
    # In pieces: all sets of four of 200 columns would fill two gigabytes.
    while len(quads := np.fromiter(islice(columns, 4 * _PIECE), np.int64).reshape(-1, 4)):
        values = one_factor_p_values(correlation, rows, quads)
        tests += len(quads)
        for out in range(4):
            kept = np.delete(quads, out, axis=1)
            np.minimum.at(least, (kept[:, 0], kept[:, 1], kept[:, 2]), values)
    dependent = np.array([[normal_p_value(r, rows) <= alpha for r in line] for line in correlation])
    found: dict[tuple[int, ...], float] = {}
    for a, b, c in combinations(range(p), 3):
        together = min(1.0, (p - 3) * float(least[a, b, c]))
        if together > alpha and dependent[a, b] and dependent[a, c] and dependent[b, c]:
            found[a, b, c] = together
    return found, tests


def grown(pure: Mapping[tuple[int, ...], float], names: Sequence[str], least: int) -> list[tuple[int, ...]]:
    """Clusters without overlap, grown from pure sets of one size: the largest first, then the surest.

    A column joins a cluster where, with at least half of the cluster's subsets of fitting size, it makes a pure set.

    Args:
        pure: sets of s positions, rising, with their p-values.
        names: of the columns, in alphabetical order.
        least: the size of the smallest cluster kept.
    """
    if not pure:
        return []
    size = len(next(iter(pure)))
    columns = sorted({i for each in pure for i in each})

    def share(o: int, cluster: set[int]) -> float:
        parts = list(combinations(sorted(cluster), size - 1))
        return sum(tuple(sorted((*part, o))) in pure for part in parts) / len(parts)

    candidates: dict[tuple[int, ...], float] = {}
    for start, p_value in sorted(pure.items()):
        if any(set(start) <= set(each) for each in candidates):
            continue
        cluster = set(start)
        while outside := [o for o in columns if o not in cluster]:
            best = max(outside, key=lambda o: (share(o, cluster), -o))
            if share(best, cluster) < 0.5:
                break
            cluster.add(best)
        key = tuple(sorted(cluster))
        candidates[key] = max(candidates.get(key, 0.0), p_value)
    kept: list[tuple[int, ...]] = []
    while candidates:
        best = min(candidates, key=lambda each: (-len(each), -candidates[each], each))
        if len(best) < least:
            break
        kept.append(best)
        rest: dict[tuple[int, ...], float] = {}
        for each, p_value in candidates.items():
            left = tuple(i for i in each if i not in best)
            # What an overlap leaves has to hold a pure set still.
            if any(part in pure for part in combinations(left, size)):
                rest[left] = max(rest.get(left, 0.0), p_value)
        candidates = rest
    return sorted(kept, key=lambda each: [names[i] for i in each])
