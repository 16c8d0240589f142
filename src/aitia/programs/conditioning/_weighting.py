"""Likelihood weighting: draw units with their evidence clamped, weigh them by its probability."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from aitia.programs._errors import ImpossibleEvidence
from aitia.programs._fitted import Fitted
from aitia.programs._program import Program
from aitia.programs._random import named_key, seed_key
from aitia.programs._worlds import simulate
from aitia.programs.conditioning._base import Conditioned, Conditioning, Problem


@dataclass(frozen=True)
class Weighting(Conditioning):
    """Units drawn causes first with the evidence clamped, each with the probability of its evidence as weight."""

    def refuses(self, problem: Problem) -> str | None:
        return None

    def run(self, problem: Problem) -> Conditioned:
        values, log_weights = draw_units(problem)
        if not np.isfinite(log_weights.max(axis=1)).all():
            raise ImpossibleEvidence(
                f"None of {log_weights[0].size:,} draws agrees with the evidence.",
                "Check the evidence: under this program it is impossible, or rarer than the draws can find.",
            )
        if callable(problem.of):
            asked = np.asarray(problem.of(values))
        else:
            world, node = problem.of
            asked = np.asarray(values[world][node])
        some = any(each.given for each in problem.worlds.values())
        method = "likelihood weighting" if some else "simulation"
        log_evidence = np.log(np.mean(np.exp(log_weights), axis=1))
        return Conditioned(asked, log_weights, method, log_evidence=log_evidence)


def draw_units(problem: Problem) -> tuple[dict[str, dict[str, np.ndarray]], np.ndarray]:
    """Units in every world: values of shape (parameter draws, units, ...) by world and node, and log weights."""
    fitted = problem.fitted
    key = seed_key(problem.seed, "units")
    index = {name: np.arange(len(levels)) for name, levels in fitted.group_levels.items()}
    values, log_weights = _draw(
        fitted.program, problem.worlds, key, _as_arrays(fitted), problem.draws, tuple(index), fitted.n_draws
    )
    return jax.tree.map(np.asarray, values), np.asarray(log_weights)


def _as_arrays(fitted: Fitted):
    return jax.tree.map(jnp.asarray, {node: dict(own) for node, own in fitted.parameters.items()})


@partial(jax.jit, static_argnums=(0, 4, 5, 6))
def _draw(program: Program, worlds, key, parameters, units: int, groups: tuple[str, ...], n_draws: int):
    def one(unit_key, own):
        values, _, log_weight = simulate(program, worlds, unit_key, own)
        return values, log_weight

    def population(draw_key, own):
        return jax.vmap(lambda unit_key: one(unit_key, own))(jax.random.split(draw_key, units))

    keys = jax.random.split(named_key(key, "parameters"), n_draws)
    return jax.vmap(population)(keys, parameters)
