"""Fitting a program: data in, a posterior, an engine's draws, and what they are worth in words."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from aitia.programs._fitted import Fitted
from aitia.programs._precision import double
from aitia.programs._program import Program
from aitia.programs.inference._encode import encode
from aitia.programs.inference._engine import Engine
from aitia.programs.inference._nuts import NUTS
from aitia.programs.inference._posterior import posterior_of


@double
def fit(
    program: Program,
    data: Any,
    engine: Engine | None = None,
    *,
    seed: int = 0,
    show_progress: bool | None = None,
) -> Fitted:
    """The program with its parameters learned from data.

    Args:
        program: the program.
        data: a table with a column for each node that is measured.
        engine: how to draw from the posterior; None chooses.
        seed: the seed.
        show_progress: whether to show a bar; None shows it on a terminal.
    """
    encoded = encode(program, data)
    engine = engine or NUTS()
    posterior = posterior_of(program, encoded)
    drawn = engine.draw(posterior, seed=seed, show_progress=show_progress)
    parameters = jax.tree.map(np.asarray, jax.vmap(posterior.constrain)(drawn.draws))
    shares = {
        name: np.bincount(at, minlength=len(encoded.group_levels[name])) / encoded.n_rows
        for name, at in encoded.group_of_row.items()
    }
    return Fitted(
        program,
        parameters,
        engine.description,
        drawn.diagnostics,
        group_levels=encoded.group_levels,
        group_shares=shares,
        n_rows=encoded.n_rows,
        seconds=drawn.seconds,
        seed=seed,
    )
