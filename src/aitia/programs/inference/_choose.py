"""Which engine fits a posterior that nobody chose one for."""

from __future__ import annotations

from aitia.programs.inference._encode import Encoded
from aitia.programs.inference._engine import Engine
from aitia.programs.inference._nuts import NUTS
from aitia.programs.inference._posterior import Posterior

MOST_FOR_NUTS = 2_000_000
"""Log densities an evaluation beyond which some 60,000 evaluations take too long (ten minutes or so on one core)."""

MOST_NUMBERS = 20_000
"""Unknown numbers beyond which NUTS's own work per step is too much."""


def choose(posterior: Posterior, data: Encoded) -> tuple[Engine, str]:
    """An engine, and why.

    NUTS wherever it can be afforded, since it assumes nothing about the posterior's shape. Beyond that: a normal
    approximation where there are many rows to each of few parameters, a fitted guide where unknowns are many.
    """
    from aitia.programs.inference._laplace import Laplace
    from aitia.programs.inference._svi import SVI, MeanField

    size, cost = posterior.size, posterior.cost
    if cost <= MOST_FOR_NUTS and size <= MOST_NUMBERS:
        return NUTS(), f"{size:,} unknown numbers and {cost:,} densities a step are within reach of sampling"
    if size <= 500 and data.n_rows > 100 * size:
        return (
            Laplace(),
            f"{data.n_rows:,} rows for {size:,} unknown numbers: the posterior is close to normal, and sampling would "
            f"compute {cost:,} densities a step",
        )
    return SVI(MeanField()), f"{size:,} unknown numbers and {cost:,} densities a step are too many to sample"
