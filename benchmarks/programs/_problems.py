"""The problems of the table: rows with a known law, made from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NODES = 8


@dataclass(frozen=True)
class Linear:
    """A linear-Gaussian program of 8 nodes: x_j = a_j + sum of b_jk x_k + s_j e_j, and rows of it.

    Args:
        parents: the parents' positions, by node.
        coefficients: b, shape (8, 8); row j holds the weights of node j's parents.
        values: the rows, shape (n, 8).
    """

    parents: tuple[tuple[int, ...], ...]
    coefficients: np.ndarray
    values: np.ndarray

    @property
    def names(self) -> list[str]:
        return [f"x{j}" for j in range(NODES)]

    def least_squares(self) -> tuple[np.ndarray, np.ndarray]:
        """Intercepts and coefficients (8, 9) by least squares, and their standard errors: the flat-prior posterior."""
        estimate, error = np.zeros((NODES, NODES + 1)), np.full((NODES, NODES + 1), np.nan)
        for j, parents in enumerate(self.parents):
            design = np.column_stack([np.ones(len(self.values)), self.values[:, list(parents)]])
            gram = np.linalg.inv(design.T @ design)
            weights = gram @ design.T @ self.values[:, j]
            variance = np.mean((self.values[:, j] - design @ weights) ** 2)
            at = [0, *(k + 1 for k in parents)]
            estimate[j, at], error[j, at] = weights, np.sqrt(variance * np.diag(gram))
        return estimate, error


def linear(rows: int, seed: int = 0) -> Linear:
    """A chain with every second arrow across; unit noise."""
    random = np.random.default_rng(seed)
    parents = tuple(tuple(k for k in (j - 1, j - 2, j - 4) if k >= 0) for j in range(NODES))
    coefficients = np.zeros((NODES, NODES))
    for j, before in enumerate(parents):
        coefficients[j, list(before)] = random.uniform(0.3, 0.8, len(before)) * random.choice(
            [-1, 1], len(before)
        )
    noise = random.normal(size=(rows, NODES))
    values = np.zeros((rows, NODES))
    for j in range(NODES):
        values[:, j] = 0.5 + values @ coefficients[j] + noise[:, j]
    return Linear(parents, coefficients, values)


@dataclass(frozen=True)
class Hierarchical:
    """A binary outcome in groups: y ~ Bernoulli(logit = a_g + b_g t), a_g and b_g normal over groups."""

    group: np.ndarray
    treated: np.ndarray
    outcome: np.ndarray
    groups: int


def hierarchical(rows: int = 100_000, groups: int = 1_000, seed: int = 0) -> Hierarchical:
    """The effect of treatment, 0.7 on the logit on average, varies by 0.5 over groups."""
    random = np.random.default_rng(seed)
    group = random.integers(0, groups, rows)
    treated = random.integers(0, 2, rows)
    base, effect = random.normal(-0.5, 0.8, groups), random.normal(0.7, 0.5, groups)
    chance = 1 / (1 + np.exp(-(base[group] + effect[group] * treated)))
    return Hierarchical(group, treated, (random.random(rows) < chance).astype(int), groups)
