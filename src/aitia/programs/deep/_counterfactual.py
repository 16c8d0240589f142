"""Counterfactuals of many units at once, image beside image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from aitia.core import nearest
from aitia.programs._errors import QueryError
from aitia.programs._events import Exactly
from aitia.programs._fitted import Fitted
from aitia.programs._interventions import Intervention
from aitia.programs._precision import double
from aitia.programs._program import Program
from aitia.programs._random import named_key, seed_key
from aitia.programs._worlds import World, simulate

Columns = Mapping[str, np.ndarray]
"""Values by node, each of shape (rows, ...)."""


@double
def counterfactual(
    fitted: Fitted | Program,
    units: Mapping[str, Any],
    do: Mapping[str, Any],
    *,
    seed: int = 0,
    fresh: bool = False,
) -> dict[str, np.ndarray]:
    """What every node of every unit would have been, had something been done: one draw for each unit.

    All nodes of each unit are evidence: their noises are drawn given the evidence (abduction), the action is taken,
    and the nodes follow from the same noises (prediction). Effects of the action on other nodes (the intensity that
    follows the thickness) are part of it. Parameters are taken at their mean over the fit's draws.

    Args:
        fitted: a program, or a fitted one.
        units: the value of every node for each unit, shape (rows, ...); levels as their positions.
        do: what is done: one value for each unit, shape (rows, ...), or one value for all.
        seed: the seed.
        fresh: draw the noises of the effects of the action anew in place of keeping them: what rung 2 says of other
            units like these. For comparison only.

    Returns:
        The values by node, shape (rows, ...).

    Raises:
        QueryError: a node has no column, columns differ in length, or something is done to no node.
    """
    fitted = fitted.unfitted if isinstance(fitted, Program) else fitted
    program = fitted.program
    columns, length = _columns(program, units)
    for name in do:
        if name not in program.mechanisms:
            raise QueryError(f"The program has no node {name!r}.", nearest(name, program.nodes))
    actions, acted = {}, {}
    for name, column in columns.items():
        acted[name] = name in do
        array = np.asarray(do.get(name, column))
        if column.dtype.kind in "iu" and (array != np.floor(array)).any():
            if program.facts[name].discrete:
                raise QueryError(
                    f"{name!r} has whole values, and {array[array != np.floor(array)].flat[0]:g} is none.",
                    "Give levels by their positions 0, 1, ...",
                )
            column = columns[name] = column.astype(float)
        if array.shape != column.shape and array.shape != column.shape[1:]:
            raise QueryError(
                f"What is done to {name!r} has the shape {array.shape}; the units have {column.shape}.",
                "Give one value for every unit, or one for all of them.",
            )
        actions[name] = np.broadcast_to(array, column.shape).astype(column.dtype)
    affected = {each for name in do for each in program.graph.descendants(name)}
    anew = {name: fresh and name in affected for name in program.nodes}
    parameters = {
        node: {name: np.mean(draws, axis=0) for name, draws in own.items()}
        for node, own in fitted.parameters.items()
    }
    keys = jax.random.split(seed_key(seed, "counterfactual"), length)
    values = _imagine(program, parameters, columns, actions, acted, anew, keys)
    return {name: np.asarray(each) for name, each in values.items()}


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _SetIf(Intervention):
    """The node is set where `acted`, and left to its mechanism elsewhere: one compiled program for all actions."""

    to: Any
    acted: Any

    def reads(self, node: str, parents: tuple[str, ...]) -> tuple[str, ...]:
        return parents

    def needs_natural(self, node: str) -> bool:
        return True

    def value(self, key, here, elsewhere, natural):
        return jnp.where(self.acted, self.to, natural())

    def text(self, name: str) -> str:
        return f"{name} set or left"


@partial(jax.jit, static_argnums=0)
def _imagine(program: Program, parameters, columns, actions, acted, anew, keys):
    """Abduction, action, prediction for each unit; the noise of the nodes in `anew` is drawn from its law instead."""

    def one(key, seen, to):
        given = {name: Exactly(value) for name, value in seen.items()}
        _, found, _ = simulate(program, {"seen": World({}, given)}, key, parameters)
        _, drawn, _ = simulate(program, {"other": World({}, {})}, named_key(key, "anew"), parameters)
        noises = {
            node: jax.tree.map(
                lambda new, old, node=node: jnp.where(anew[node], new, old), drawn[node], found[node]
            )
            for node in found
        }
        do = {name: _SetIf(to[name], acted[name]) for name in to}
        values, _, _ = simulate(program, {"acted": World(do, {})}, key, parameters, noises=noises)
        return values["acted"]

    return jax.vmap(one)(keys, columns, actions)


def _columns(program: Program, units: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], int]:
    columns = {}
    for node in program.nodes:
        if node not in units:
            raise QueryError(f"The units have no column for the node {node!r}.", nearest(node, list(units)))
        array = np.asarray(units[node])
        columns[node] = array if array.dtype.kind in "iu" else array.astype(float)
    lengths = {name: len(each) if each.ndim else 0 for name, each in columns.items()}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        raise QueryError(
            f"The units' columns have the lengths {lengths}.", "Give one value of every node for each unit."
        )
    return columns, next(iter(lengths.values()))
