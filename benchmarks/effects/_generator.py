"""One generator with known truth for every row of the table."""

from __future__ import annotations

import numpy as np

COVARIATES = 10
TRUTH = 2.0
"""E[2 + 0.5 x0] with x0 standard normal."""


def generate(n: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Columns x0 .. x9, t and y of y = x'b + (2 + 0.5 x0) t + e, with a logistic treatment.

    The effect is heterogeneous on purpose: a method that weights rows by how uncertain their treatment was
    (partially linear models) does not estimate its average.
    """
    random = np.random.default_rng(seed)
    x = random.standard_normal((COVARIATES, n))
    slopes = np.linspace(1.0, 0.1, COVARIATES)
    t = (random.random(n) < 1 / (1 + np.exp(-(0.5 * x[0] + 0.25 * x[1])))).astype(float)
    y = slopes @ x + (2 + 0.5 * x[0]) * t + random.standard_normal(n)
    return {**{f"x{j}": x[j] for j in range(COVARIATES)}, "t": t, "y": y}


GRAPH = "; ".join(f"x{j} -> t; x{j} -> y" for j in range(COVARIATES)) + "; t -> y"
NAMES = tuple(f"x{j}" for j in range(COVARIATES))
