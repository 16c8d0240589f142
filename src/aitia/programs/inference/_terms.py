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
    """The sum over rows of log p(value | parents): what holds for any mechanism.

    A node with one value for each group counts once for each group.
    """

    def __init__(self, mechanism: Mechanism, node: str, data: Encoded) -> None:
        rows = data.rows_of(node)
        at = slice(None) if rows is None else rows
        self.mechanism = mechanism
        self.values = jnp.asarray(data.values[node][at])
        self.parents = {name: jnp.asarray(data.values[name][at]) for name in mechanism.parents}
        self.group = {
            name: jnp.asarray(data.group_of_row[each.per][at])
            for name, each in mechanism.parameters.items()
            if each.per is not None
        }
        self.cost = len(self.values)

    def log_likelihood(self, parameters: Mapping[str, jax.Array]) -> jax.Array:
        return jnp.sum(self.by_row(parameters))

    def by_row(self, parameters: Mapping[str, jax.Array]) -> jax.Array:
        """The log density of each row (or group), shape (rows,)."""
        shared = {name: each for name, each in parameters.items() if name not in self.group}
        by_row = {name: parameters[name][at] for name, at in self.group.items()}

        def one(value, parents, own):
            return self.mechanism.at(parents, {**shared, **own}).log_prob(value)

        return jax.vmap(one)(self.values, self.parents, by_row)


def term_for(program: Program, node: str, data: Encoded) -> Term:
    """The cheapest term that gives the likelihood of this node exactly; the node and its parents all have data."""
    mechanism = program.mechanisms[node]
    # A node with one value for each group counts once for each group, which moments of rows do not know.
    cheaper = sufficient_term(mechanism, node, data) if data.rows_of(node) is None else None
    return cheaper or Rows(mechanism, node, data)
