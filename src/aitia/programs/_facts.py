"""What a program's nodes are, found by running it once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from aitia.programs._fitted import draw_prior
from aitia.programs._precision import double
from aitia.programs._random import named_key, seed_key
from aitia.programs.composition._input import Input

if TYPE_CHECKING:
    from aitia.programs._program import Program


@dataclass(frozen=True, eq=False)
class Facts:
    """What one node's values are.

    Args:
        shape: the shape of one unit's value; ``()`` for a number.
        discrete: whether they are whole numbers; such a node is an integer array.
        support: all values, where there are finitely many; else None.
        assumption: what the node's form of noise claims that no data can test; None where the noise is explicit.
    """

    shape: tuple[int, ...]
    discrete: bool
    support: np.ndarray | None
    assumption: str | None


@double
def facts(program: Program) -> dict[str, Facts]:
    """The facts of every node, from one unit drawn with parameters from their priors.

    What a mechanism learns outside of an engine must have been learned.
    """
    key = seed_key(0, "facts")
    parameters = draw_prior(program, key, {})
    values: dict[str, jax.Array] = {}
    found: dict[str, Facts] = {}
    for node in program.order:
        mechanism = program.mechanisms[node]
        own = {
            name: each[0] if mechanism.parameters[name].per else each
            for name, each in parameters.get(node, {}).items()
        }
        conditional = mechanism.at({name: values[name] for name in mechanism.parents}, own)
        if isinstance(mechanism, Input):
            values[node] = conditional.push(jnp.asarray(mechanism.example))
        else:
            values[node] = conditional.push(conditional.noise(named_key(key, node)))
        support = conditional.support
        found[node] = Facts(
            jnp.shape(values[node]),
            conditional.discrete,
            None if support is None else np.asarray(support),
            conditional.assumption,
        )
    return found
