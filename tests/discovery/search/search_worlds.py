"""Random linear worlds with known truth, and brute force over all DAGs, for the tests of searches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, permutations
from typing import Any

import numpy as np

from aitia.discovery import GaussianBIC, Observations
from aitia.discovery.scores import Score, Scorer
from aitia.graphs import Graph, compare

Parents = tuple[tuple[int, ...], ...]
MANY = 10**8
"""Rows that a population is taken as if seen through."""


def names_of(p: int) -> list[str]:
    """Names whose alphabetic order is not the columns'."""
    return [f"{'qwertyuiopasdfghjklz'[i % 20]}{i // 20}" for i in range(p)]


def random_weights(p: int, degree: float, random: np.random.Generator) -> np.ndarray:
    """[child, parent]: coefficients uniform on +-[0.5, 1.5] of a random DAG."""
    order = random.permutation(p)
    weights = np.zeros((p, p))
    for i in range(p):
        for j in range(i):
            if random.random() < degree / max(p - 1, 1):
                weights[order[i], order[j]] = random.uniform(0.5, 1.5) * random.choice([-1, 1])
    return weights


def truth_of(weights: np.ndarray) -> Graph:
    """The DAG of these coefficients."""
    names = names_of(len(weights))
    return Graph.build(names, [(names[j], names[i]) for i, j in np.argwhere(weights).tolist()])


def parents_of(weights: np.ndarray) -> list[list[int]]:
    """The parents of each column."""
    return [np.flatnonzero(row).tolist() for row in weights]


def covariance_of(weights: np.ndarray, targets: Iterable[int] = ()) -> np.ndarray:
    """The covariance with independent noise of variance 1; targets are set to noise of variance 2."""
    weights = weights.copy()
    noise = np.ones(len(weights))
    for v in targets:
        weights[v] = 0
        noise[v] = 2
    mixing = np.linalg.inv(np.eye(len(weights)) - weights)
    return mixing * noise @ mixing.T


def population(weights: np.ndarray, rows: int = MANY, targets: Iterable[int] = ()) -> Observations:
    """The exact moments of a world."""
    return Observations.of_covariance(names_of(len(weights)), covariance_of(weights, targets), rows)


def sample(weights: np.ndarray, rows: int, random: np.random.Generator) -> Observations:
    """Normal rows from a world."""
    mixing = np.linalg.inv(np.eye(len(weights)) - weights)
    values = random.normal(size=(rows, len(weights))) @ mixing.T
    return Observations.of_values(names_of(len(weights)), np.asfortranarray(values))


def shd(found: Graph, truth: Graph) -> int:
    """In how many pairs two classes differ."""
    each = compare(found, truth)
    return len(each.extra) + len(each.missing) + len(each.marked)


class Hidden(Scorer):
    """A scorer that does not show how it could be compiled."""

    def __init__(self, inner: Scorer) -> None:
        super().__init__(inner.names, inner.rows)
        self._inner = inner

    def _compute(self, node: int, parents: tuple[int, ...]) -> float:
        return self._inner.local(node, parents)


class PlainBIC(Score):
    """The Gaussian BIC without a compiled form."""

    name = "Gaussian BIC"

    def __init__(self, discount: float = 1.0) -> None:
        self._inner = GaussianBIC(discount)

    def on(self, data: Observations) -> Scorer:
        return Hidden(self._inner.on(data))


def all_dags(p: int) -> list[Parents]:
    """The parents of each position in every DAG over p nodes."""
    found: set[Parents] = set()
    choices = [
        [tuple(each) for size in range(k + 1) for each in combinations(range(k), size)] for k in range(p)
    ]

    def extend(order: Sequence[int], above: list[tuple[int, ...]]) -> Iterator[list[tuple[int, ...]]]:
        if len(above) == p:
            yield above
            return
        for chosen in choices[len(above)]:
            yield from extend(order, [*above, chosen])

    for order in permutations(range(p)):
        for above in extend(order, []):
            parents: list[Any] = [()] * p
            for place, each in enumerate(above):
                parents[order[place]] = tuple(sorted(order[k] for k in each))
            found.add(tuple(parents))
    return sorted(found)
