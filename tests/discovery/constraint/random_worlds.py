"""Random causal worlds with known truth, for the constraint-based algorithms."""

from __future__ import annotations

import numpy as np

from aitia.discovery import Observations
from aitia.discovery.constraint._kernel import closest_kernel  # noqa: F401  (compiled once for all tests)
from aitia.graphs import Graph, Mark


def random_dag(
    random: np.random.Generator, nodes: int, degree: float, latent: int = 0, selected: int = 0
) -> Graph:
    """A DAG with random names, in which every pair is joined with probability degree / (nodes - 1)."""
    names = [f"v{i}" for i in random.permutation(nodes)]
    hidden = [names[i] for i in random.permutation(nodes)[: latent + selected]]
    edges = [
        (names[i], names[j]) for j in range(nodes) for i in range(j) if random.random() < degree / (nodes - 1)
    ]
    return Graph.build(names, edges, latent=hidden[:latent], selected=hidden[latent:])


def random_admg(random: np.random.Generator, nodes: int, share: float = 0.3) -> Graph:
    """An ADMG in which a pair has a directed edge, and apart from that a bidirected one, with chance `share`."""
    names = [f"v{i}" for i in random.permutation(nodes)]
    pairs = [(names[i], names[j]) for j in range(nodes) for i in range(j)]
    return Graph.build(
        names,
        [pair for pair in pairs if random.random() < share],
        [pair for pair in pairs if random.random() < share],
    )


def linear_rows(
    random: np.random.Generator, graph: Graph, rows: int, weakest: float = 0.4
) -> tuple[tuple[str, ...], np.ndarray]:
    """Rows of a linear Gaussian model over a DAG; coefficients of absolute size weakest to 1."""
    names = graph.nodes
    place = {name: i for i, name in enumerate(names)}
    weights = np.zeros((len(names), len(names)))
    for edge in graph.edges:
        cause, effect = (edge.a, edge.b) if edge.mark_b is Mark.ARROW else (edge.b, edge.a)
        weights[place[cause], place[effect]] = random.uniform(weakest, 1) * random.choice([-1, 1])
    noise = random.standard_normal((rows, len(names)))
    return names, np.linalg.solve((np.eye(len(names)) - weights).T, noise.T).T


def linear_data(random: np.random.Generator, graph: Graph, rows: int) -> Observations:
    """The observed columns of `linear_rows`."""
    names, values = linear_rows(random, graph, rows)
    at = [names.index(name) for name in graph.observed]
    return Observations.of_values(graph.observed, np.asfortranarray(values[:, at]))


def skeleton_of(graph: Graph) -> set[frozenset[str]]:
    """The joined pairs."""
    return {frozenset((edge.a, edge.b)) for edge in graph.edges}


def structural_distance(found: Graph, truth: Graph) -> int:
    """How many pairs have another edge (or none) in one graph than in the other."""

    def marks(graph: Graph) -> dict[frozenset[str], dict[str, Mark]]:
        return {frozenset((e.a, e.b)): {e.a: e.mark_a, e.b: e.mark_b} for e in graph.edges}

    left, right = marks(found), marks(truth)
    return sum(left.get(pair) != right.get(pair) for pair in left.keys() | right.keys())
