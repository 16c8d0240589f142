"""The likelihood of one node given its parents: from the rows, or from less where less suffices."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from aitia.programs._mechanism import Mechanism
from aitia.programs._program import Program
from aitia.programs.inference._encode import Encoded
from aitia.programs.inference._sufficient import sufficient_term
from aitia.programs.inference._term import Term


class Rows(Term):
    """The sum over rows of log p(value | parents): what holds for any mechanism."""

    def __init__(self, mechanism: Mechanism, node: str, data: Encoded) -> None:
        self.mechanism = mechanism
        self.values = jnp.asarray(data.values[node])
        self.parents = {name: jnp.asarray(data.values[name]) for name in mechanism.parents}
        self.group = {
            name: jnp.asarray(data.group_of_row[each.per])
            for name, each in mechanism.parameters.items()
            if each.per is not None
        }

    def log_likelihood(self, parameters: Mapping[str, jax.Array]) -> jax.Array:
        shared = {name: each for name, each in parameters.items() if name not in self.group}
        by_row = {name: parameters[name][at] for name, at in self.group.items()}

        def one(value, parents, own):
            return self.mechanism.at(parents, {**shared, **own}).log_prob(value)

        return jnp.sum(jax.vmap(one)(self.values, self.parents, by_row))


def term_for(program: Program, node: str, data: Encoded) -> Term:
    """The cheapest term that gives the likelihood of this node exactly."""
    mechanism = program.mechanisms[node]
    return sufficient_term(mechanism, node, data) or Rows(mechanism, node, data)
