"""A world whose every truth is known: discrete structural models on small graphs, solved by enumeration.

Nothing here uses the code under test: interventional and counterfactual answers come from solving the
equations in every world, and the observed distribution from counting the same worlds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from aitia.graphs import Graph
from aitia.identification import Joint


def random_graph(
    rng: np.random.Generator, names: str, directed: float = 0.5, bidirected: float = 0.3
) -> Graph:
    """A random acyclic mixed graph over one-letter names, in a random causal order."""
    order = [names[i] for i in rng.permutation(len(names))]
    pairs = [(a, b) for i, a in enumerate(order) for b in order[i + 1 :]]
    return Graph.build(
        nodes=list(names),
        directed=[pair for pair in pairs if rng.random() < directed],
        bidirected=[pair for pair in pairs if rng.random() < bidirected],
    )


@dataclass
class Model:
    """A structural model with binary variables: v = f_v(parents, confounders, own noise).

    Every bidirected edge is a hidden common cause with three levels, every node has a noise of its own with
    `levels` levels, the first two of which force it to 0 and to 1: every combination of values has positive
    probability.
    """

    graph: Graph
    rng: np.random.Generator
    levels: int = 4

    def __post_init__(self) -> None:
        graph, rng = self.graph, self.rng
        self.order = graph.topological_order()
        pairs = sorted({tuple(sorted((e.a, e.b))) for e in graph.edges if e.bidirected})
        self.hidden = pairs
        sizes = [2] * len(pairs) + [self.levels] * len(self.order)
        grid = np.array(list(product(*(range(k) for k in sizes))), dtype=np.int8).reshape(-1, len(sizes))
        self.confounder = {pair: grid[:, i] for i, pair in enumerate(pairs)}
        self.noise = {name: grid[:, len(pairs) + i] for i, name in enumerate(self.order)}
        self.weight = np.ones(len(grid))
        for column, k in zip(grid.T, sizes):
            mass = rng.dirichlet(np.full(k, 2.0)) * 0.7 + 0.3 / k
            self.weight *= mass[column]
        self.tables = {}
        for name in self.order:
            inputs = len(graph.parents(name)) + sum(name in pair for pair in pairs)
            table = rng.integers(0, 2, size=(2,) * inputs + (self.levels,))
            table[..., 0], table[..., 1] = 0, 1
            self.tables[name] = table

    def solve(
        self,
        do: Mapping[str, object] | None = None,
        edges: Mapping[tuple[str, str], object] | None = None,
    ) -> dict[str, np.ndarray]:
        """The value of every variable in every world.

        Args:
            do: variables set, to a value or to a value in each world.
            edges: for an edge (a, b), the value of a that b sees.
        """
        do, edges = dict(do or {}), dict(edges or {})
        values: dict[str, np.ndarray] = {}
        for name in self.order:
            if name in do:
                values[name] = np.broadcast_to(np.asarray(do[name]), self.weight.shape)
                continue
            inputs = [
                np.broadcast_to(np.asarray(edges.get((parent, name), values[parent])), self.weight.shape)
                for parent in sorted(self.graph.parents(name))
            ]
            inputs += [self.confounder[pair] for pair in self.hidden if name in pair]
            values[name] = self.tables[name][(*inputs, self.noise[name])]
        return values

    def joint(self, names: tuple[str, ...] | None = None, selected: str | None = None) -> Joint:
        """The observed distribution (of the selected rows)."""
        names = names or self.graph.observed
        values = self.solve()
        weight = self.weight * (values[selected] if selected else 1)
        return Joint(names, table(values, weight, names))

    def mean(self, values: np.ndarray, among: np.ndarray | None = None) -> float:
        """The mean of a value over the worlds, or over those in a mask."""
        weight = self.weight if among is None else self.weight * among
        return float(values @ weight / weight.sum())

    def distribution(self, values: Mapping[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray:
        """The joint distribution of some variables of a solved world, one axis each."""
        return table(values, self.weight, names)


def table(values: Mapping[str, np.ndarray], weight: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """The weighted contingency table of binary variables."""
    index = np.zeros(len(weight), dtype=int)
    for name in names:
        index = index * 2 + values[name]
    return np.bincount(index, weights=weight, minlength=2 ** len(names)).reshape((2,) * len(names))
