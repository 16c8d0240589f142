"""Latent variables once their indicators are known: how they hang together, and the graph that says so."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from aitia.discovery._discovery import EdgeEvidence
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.independence import Independence, IndependenceTest, Tester
from aitia.discovery.latent._rank import rank_test
from aitia.graphs import Graph, GraphKind


@dataclass(frozen=True, eq=False)
class LatentRanks(IndependenceTest):
    """Independence of latent variables given others, by the rank of covariances between their indicators.

    Latents x and y are independent given a set S of k others exactly where the covariance between {indicators of x,
    half of those of S} and {indicators of y, the other half} has rank k at most (faithful linear models).

    Args:
        indicators: for each latent its indicators, as positions in `covariance`.
        covariance: of the measured variables.
        rows: n.

    Source: Sullivant, Talaska & Draisma (2010), Annals of Statistics 38, Theorem 2.8.
    """

    indicators: Mapping[str, tuple[int, ...]]
    covariance: np.ndarray
    rows: int
    name: ClassVar[str] = "rank of indicators"

    def on(self, data: Observations) -> Tester:
        """The test over latents: of `data` only the names are used."""
        return _LatentTester(self, data.names)


class _LatentTester(Tester):
    def __init__(self, test: LatentRanks, names: Sequence[str]) -> None:
        super().__init__(names, test.rows)
        self._test = test

    def _compute(self, x: int, y: int, given: tuple[int, ...]) -> Independence:
        sets = [list(self._test.indicators[name]) for name in self.names]
        a, b = list(sets[x]), list(sets[y])
        for latent in given:
            a += sets[latent][0::2]
            b += sets[latent][1::2]
        found = rank_test(self._test.covariance, self.rows, a, b, len(given))
        left = found.correlations[len(given)] if len(found.correlations) > len(given) else 0.0
        return Independence(x, y, given, found.statistic, found.p_value, found.degrees_of_freedom, left)


@dataclass(frozen=True, eq=False)
class LatentEdges:
    """What was found between latents.

    Args:
        directed: pairs (cause, effect).
        undirected: pairs whose direction is open.
        evidence: what decided each pair.
        tests: how many tests were made.
        warnings: what to know about it.
    """

    directed: tuple[tuple[str, str], ...]
    undirected: tuple[tuple[str, str], ...]
    evidence: tuple[EdgeEvidence, ...]
    tests: int
    warnings: tuple[str, ...]


def edges_between(
    indicators: Mapping[str, tuple[int, ...]],
    covariance: np.ndarray,
    rows: int,
    alpha: float,
    order: Sequence[Sequence[str]] = (),
) -> LatentEdges:
    """The edges between latents, by PC with rank tests; a known order orients what it can.

    Args:
        indicators: for each latent its indicators, as positions.
        covariance: of the measured variables.
        rows: n.
        alpha: the level of the tests.
        order: groups of latents, causes first; within a group nothing is known.
    """
    from aitia.discovery.constraint import PC

    names = tuple(indicators)
    if len(names) < 2:
        return LatentEdges((), (), (), 0, ())
    knowledge = Knowledge(tiers=tuple(tuple(group) for group in order))
    found = PC(LatentRanks(indicators, covariance, rows), alpha).run(Observations.of_names(names), knowledge)
    directed = tuple((edge.a, edge.b) for edge in found.graph.edges if edge.directed)
    undirected = tuple((edge.a, edge.b) for edge in found.graph.edges if edge.undirected)
    evidence = tuple(
        # What PC takes for knowledge is the order that the caller's tests gave.
        replace(each, reason="oriented by the causal order of the latents")
        if each.adjacent and {(each.a, each.b), (each.b, each.a)} & set(directed) and order
        else each
        for each in found.evidence
    )
    return LatentEdges(directed, undirected, evidence, found.tests, found.warnings)


def measured_graph(
    names: Sequence[str],
    members: Mapping[str, Sequence[str]],
    directed: Sequence[tuple[str, str]],
    undirected: Sequence[tuple[str, str]],
    kind: GraphKind = GraphKind.MPDAG,
) -> Graph:
    """The graph of latents and the measured variables they stand behind."""
    below = [(latent, name) for latent, each in members.items() for name in each]
    if not undirected:
        kind = GraphKind.DAG
    return Graph.build(
        (*members, *names), (*directed, *below), (), undirected, latent=tuple(members), kind=kind
    )


def loadings(correlation: np.ndarray, at: Sequence[int]) -> np.ndarray:
    """The loadings of three or more standardised indicators on their one latent, of variance one.

    Spearman's (1927) estimate: the square of loading i is the sum over pairs of r_ij r_ik over that of r_jk. The
    signs are those that make the largest part of the loadings positive.
    """
    part = correlation[np.ix_(at, at)].copy()
    np.fill_diagonal(part, 0.0)
    m = len(at)
    squares = np.empty(m)
    for i in range(m):
        others = [j for j in range(m) if j != i]
        row = part[i, others]
        top = row.sum() ** 2 - (row**2).sum()
        below = part[np.ix_(others, others)].sum()
        squares[i] = top / below if abs(below) > 1e-12 else 0.0
    first = np.linalg.eigh(part + np.eye(m))[1][:, -1]
    if first.sum() < 0:
        first = -first
    # Mixed signs make the sums above cancel: turn all indicators the same way first.
    turned = np.sign(first) + (first == 0)
    if (turned < 0).any() and (turned > 0).any():
        flip = correlation[np.ix_(at, at)] * np.outer(turned, turned)
        return loadings(flip, range(m)) * turned
    return turned * np.sqrt(np.clip(squares, 0.0, 1.0))


def normal_p_value(r: float, rows: float) -> float:
    """Fisher's z p-value of a correlation."""
    z = math.sqrt(max(rows - 3, 1)) * math.atanh(min(max(r, -1 + 1e-15), 1 - 1e-15))
    return math.erfc(abs(z) / math.sqrt(2))
