"""Likelihood weighting: draw units with their evidence clamped, weigh them by its probability."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import numpy as np

from aitia.programs._program import Program
from aitia.programs._random import named_key, seed_key
from aitia.programs._relevance import requisite
from aitia.programs._worlds import Piece, Source, draw_unit, pieces_of
from aitia.programs.conditioning._base import Conditioned, Conditioning, Problem
from aitia.programs.conditioning._units import (
    UNITS_EACH,
    allot,
    asked_of,
    asked_pairs,
    impossible,
    log_shares,
    own_parameters,
)


@dataclass(frozen=True)
class Weighting(Conditioning):
    """Units drawn causes first with the evidence clamped, each with the probability of its evidence as weight.

    Likelihood weighting (Fung and Chang 1990). The probability of evidence that the answer does not depend on
    (Bayes-ball, Shachter 1998) is left out of the weights. Evidence on noise that cannot be inverted is checked: such
    units weigh nothing where they do not agree.

    Args:
        units_each: units for each draw of the parameters, at least; over fewer draws where the question's own number
            of draws does not reach.
        batch: the most units in memory at once.
    """

    units_each: int = UNITS_EACH
    batch: int = 500_000

    def refuses(self, problem: Problem) -> str | None:
        return None

    def run(self, problem: Problem) -> Conditioned:
        fitted, worlds = problem.fitted, problem.worlds
        asked = asked_pairs(problem)
        pairs = asked or tuple((world, node) for world in worlds for node in fitted.program.nodes)
        needed = requisite(fitted.program, worlds, pairs)
        allotment = allot(problem, self.units_each)
        shares = log_shares(fitted)
        key = seed_key(problem.seed, "units")
        parts = []
        rows = max(1, self.batch // allotment.units)
        columns = min(allotment.units, self.batch)
        for start in range(0, len(allotment.which), rows):
            own = jax.tree.map(lambda each, at=start: each[at : at + rows], allotment.parameters)
            for first in range(0, allotment.units, columns):
                units = np.arange(first, min(first + columns, allotment.units))
                which = allotment.which[start : start + rows]
                drawn = _draw(fitted.program, asked, key, worlds, own, shares, which, units)
                values, weights = jax.tree.map(np.asarray, drawn)
                parts.append((start, asked_of(problem, values), weights))
        draws = _joined([(at, each) for at, each, _ in parts])
        pieces = {
            piece: _joined([(at, weights[place]) for at, _, weights in parts])
            for place, piece in enumerate(pieces_of(fitted.program, worlds))
        }
        shape = (len(allotment.which), allotment.units)
        every = np.zeros(shape) + sum(pieces.values())
        log_weights = np.zeros(shape) + sum(each for piece, each in pieces.items() if piece in needed)
        if np.isnan(every).any():
            every = np.where(np.isnan(every), -np.inf, every)
            log_weights = np.where(np.isnan(log_weights), -np.inf, log_weights)
        alive = np.isfinite(log_weights).any(axis=1)
        if not alive.all() or any(not np.isfinite(each).any() for each in pieces.values()):
            raise impossible(worlds, _best(pieces), every.size)
        if not pieces:
            return Conditioned(draws, log_weights, "simulation", log_evidence=np.zeros(shape[0]))
        largest = every.max(axis=1, keepdims=True)
        largest = np.where(np.isfinite(largest), largest, 0.0)
        with np.errstate(divide="ignore"):
            log_evidence = largest[:, 0] + np.log(np.mean(np.exp(every - largest), axis=1))
        return Conditioned(draws, log_weights, "likelihood weighting", log_evidence=log_evidence)


def _joined(parts: list[tuple[int, np.ndarray]]) -> np.ndarray:
    """Blocks joined along units where they begin with the same draw of the parameters, then along draws."""
    rows: dict[int, list[np.ndarray]] = {}
    for start, each in parts:
        rows.setdefault(start, []).append(each)
    blocks = [row[0] if len(row) == 1 else np.concatenate(row, axis=1) for row in rows.values()]
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def _best(pieces: dict[Piece, np.ndarray]) -> dict[Piece, float]:
    """The largest log weight of each piece: alone first, then among units that agree with the pieces before it."""
    alone = {piece: float(each.max()) for piece, each in pieces.items()}
    if not all(np.isfinite(each) for each in alone.values()):
        return dict(sorted(alone.items(), key=lambda item: not np.isfinite(item[1])))
    agree = np.ones(next(iter(pieces.values())).shape, dtype=bool)
    best = {}
    for piece, each in pieces.items():
        agree &= np.isfinite(each)
        best[piece] = 0.0 if agree.any() else -np.inf
    return best


@partial(jax.jit, static_argnums=(0, 1))
def _draw(program: Program, asked, key, worlds, parameters, shares, which, units):
    """Units for some draws of the parameters.

    Returns:
        The values asked for, by world and node, and the log weights in the order of `pieces_of`; each of shape
        (draws, units, ...).
    """

    def one(unit_key, own):
        seen = own_parameters(program, own, shares, lambda name: named_key(unit_key, name))
        unit = draw_unit(program, worlds, Source(unit_key), seen)
        if asked is None:
            values = unit.values
        else:
            values = {}
            for world, node in asked:
                values.setdefault(world, {})[node] = unit.values[world][node]
        return values, tuple(unit.log_weight_of([piece]) for piece in pieces_of(program, worlds))

    def population(at, own):
        draw_key = jax.random.fold_in(key, at)
        return jax.vmap(lambda at_unit: one(jax.random.fold_in(draw_key, at_unit), own))(units)

    return jax.vmap(population)(which, parameters)
