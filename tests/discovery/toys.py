"""Algorithms small enough to know what they must answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.core import Assumption, AssumptionKey
from aitia.discovery import Algorithm, Discovery, DiscoveryError, EdgeEvidence, Latent, Observations
from aitia.discovery._knowledge import Knowledge
from aitia.graphs import Edge, Graph, GraphKind, Mark


@dataclass(frozen=True)
class Threshold(Algorithm):
    """Joins pairs whose correlation is above a size; needs moments only."""

    least: float = 0.1
    rows_too: bool = False

    name: ClassVar[str] = "threshold"
    output: ClassVar[GraphKind] = GraphKind.UNDIRECTED
    reference: ClassVar[str] = "none"

    def _search(self, data: Observations, knowledge: Knowledge, seed: int, show_progress) -> Discovery:
        correlation = np.corrcoef(data.values, rowvar=False) if self.rows_too else data.correlation
        names, edges, evidence = data.names, [], []
        for i in range(len(names)):
            for j in range(i + 1, len(names)):
                joined = bool(abs(correlation[i, j]) > self.least)
                if knowledge.forbids(names[i], names[j]) and knowledge.forbids(names[j], names[i]):
                    joined = False
                if joined:
                    edges.append(Edge(names[i], names[j], Mark.TAIL, Mark.TAIL))
                evidence.append(
                    EdgeEvidence(names[i], names[j], joined, statistic=float(correlation[i, j]), p_value=0.5)
                )
        graph = Graph(tuple(names), tuple(edges), kind=GraphKind.UNDIRECTED)
        return Discovery(graph, self, tuple(evidence), tests=len(evidence))

    def assumes(self, data: Observations):
        yield Assumption(AssumptionKey.LINEARITY, "Relations are linear.", True)
        yield Assumption(AssumptionKey.FAITHFULNESS, "Nothing cancels.", False)


@dataclass(frozen=True)
class Fixed(Algorithm):
    """Answers one graph of several in turn, whatever the data."""

    graphs: tuple[Graph, ...]

    name: ClassVar[str] = "fixed"
    output: ClassVar[GraphKind] = GraphKind.DAG
    reference: ClassVar[str] = "none"

    def _search(self, data: Observations, knowledge: Knowledge, seed: int, show_progress) -> Discovery:
        at = int(abs(data.correlation[0, 1]) * 1e9) % len(self.graphs)
        return Discovery(self.graphs[at], self)


@dataclass(frozen=True)
class Picky(Threshold):
    """Fails where the first correlation is below a size."""

    refuses_below: float = 2.0
    name: ClassVar[str] = "picky"

    def _search(self, data: Observations, knowledge: Knowledge, seed: int, show_progress) -> Discovery:
        if data.correlation[0, 1] < self.refuses_below and not data.has_rows:
            raise DiscoveryError("The first pair is too weak.", "Nothing to do.")
        return super()._search(data, knowledge, seed, show_progress)


@dataclass(frozen=True)
class Hidden(Algorithm):
    """Infers one variable behind two pairs, under a name that depends on the draw."""

    name: ClassVar[str] = "hidden"
    output: ClassVar[GraphKind] = GraphKind.DAG
    reference: ClassVar[str] = "none"

    def _search(self, data: Observations, knowledge: Knowledge, seed: int, show_progress) -> Discovery:
        a, b, c, d = data.names
        one, other = ("L1", "L2") if int(data.correlation[0, 1] * 1e9) % 2 else ("L2", "L1")
        graph = Graph.build(
            [*data.names, "L1", "L2"], [(one, a), (one, b), (other, c), (other, d)], latent=["L1", "L2"]
        )
        return Discovery(graph, self, latents=(Latent(one, (a, b)), Latent(other, (c, d))))


def normal(rows: int, correlation: float, seed: int = 0, names=("a", "b", "c", "d")) -> Observations:
    """A chain of normal variables, each correlated with the one before."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(rows, len(names)))
    for j in range(1, len(names)):
        values[:, j] = correlation * values[:, j - 1] + np.sqrt(1 - correlation**2) * values[:, j]
    return Observations.of_values(names, np.asfortranarray(values))
