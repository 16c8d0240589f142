"""Linear models with known graphs, for the tests of this folder."""

from __future__ import annotations

import numpy as np

from aitia.discovery import Discovery, Observations

NOISES = {
    "exponential": lambda rng, shape: rng.exponential(size=shape) - 1,
    "uniform": lambda rng, shape: rng.uniform(-1, 1, size=shape),
    "laplace": lambda rng, shape: rng.laplace(size=shape),
}


def random_weights(p: int, rng: np.random.Generator, edges: float = 0.5) -> np.ndarray:
    """Weights [cause, effect] of a random acyclic graph in random order of the columns."""
    order = rng.permutation(p)
    weights = np.zeros((p, p))
    for a in range(p):
        for b in range(a + 1, p):
            if rng.random() < edges:
                weights[order[a], order[b]] = rng.choice([-1, 1]) * rng.uniform(0.5, 1.5)
    return weights


def rows_of(weights: np.ndarray, noise: np.ndarray) -> np.ndarray:
    return noise @ np.linalg.inv(np.eye(len(weights)) - weights)


def observed(values: np.ndarray, names: str | list[str] | None = None) -> Observations:
    labels = [f"x{i:02d}" for i in range(values.shape[1])] if names is None else list(names)
    return Observations.of_values(labels, np.asfortranarray(values))


def found_weights(found: Discovery, names: tuple[str, ...]) -> np.ndarray:
    """The weights [cause, effect] that a discovery reports."""
    made = np.zeros((len(names), len(names)))
    for edge, weight in found.details["weights"].items():
        cause, effect = edge.split(" -> ")
        made[names.index(cause), names.index(effect)] = weight
    return made


def five() -> np.ndarray:
    """The rows on which other packages were run; see where their numbers stand."""
    rng = np.random.default_rng(7)
    weights = np.zeros((5, 5))
    weights[0, 1], weights[0, 2], weights[1, 3], weights[2, 3], weights[3, 4] = 1.2, -0.8, 0.9, 1.1, -0.7
    return rows_of(weights, rng.exponential(size=(1000, 5)) - 1)
