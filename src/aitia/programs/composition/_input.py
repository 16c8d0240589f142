"""An input: a node that a program reads and does not explain."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from aitia.programs._conditional import Conditional, Draw, Evidence
from aitia.programs._errors import QueryError
from aitia.programs._events import Exactly
from aitia.programs._mechanism import Mechanism


class Input(Mechanism):
    """The mechanism of a node that an open program reads and does not explain.

    It says nothing of the node's law: it adds nothing to a likelihood, and its value must be given, set, or
    explained by a program that this one is joined with.

    Args:
        levels: the names of the values 0, 1, ... of a categorical input; None for numbers.
        example: one unit's value, where it is not a number (an array of the right shape) or a whole number.
    """

    def __init__(self, levels: tuple[Any, ...] | None = None, example: Any = None) -> None:
        self.levels = None if levels is None else tuple(levels)
        self.example = (0 if levels is not None else 0.5) if example is None else example
        self.description = "an input: its value comes from outside of the program"

    def at(self, parents, parameters) -> Conditional:
        support = None if self.levels is None else jnp.arange(len(self.levels))
        return _Outside(jnp.asarray(self.example), support)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Input)
            and self.levels == other.levels
            and jnp.shape(self.example) == jnp.shape(other.example)
        )

    def __hash__(self) -> int:
        return hash((Input, self.levels, jnp.shape(self.example)))

    def __repr__(self) -> str:
        return "Input()" if self.levels is None else f"Input({self.levels})"


class _Outside(Conditional):
    """A value that comes from outside: nothing is known of its law.

    Args:
        example: one unit's value.
        values: all values, where there are finitely many.
    """

    def __init__(self, example: jax.Array, values: jax.Array | None) -> None:
        self.example = example
        self.values = values

    @property
    def discrete(self) -> bool:
        return bool(jnp.issubdtype(self.example.dtype, jnp.integer))

    @property
    def from_outside(self) -> bool:
        return True

    @property
    def support(self) -> jax.Array | None:
        return self.values

    def noise(self, key: jax.Array) -> Draw:
        raise QueryError(
            "The program is open: nothing in it says where the value of an input comes from.",
            "Give the input a value (given=, evidence= or do=), or join the program with one that explains it: "
            "Program.of(this, other).",
        )

    def push(self, noise: Draw) -> jax.Array:
        return noise

    def log_prob(self, value: jax.Array) -> jax.Array:
        return jnp.zeros(())

    def abduct(self, key: jax.Array, evidence: Evidence) -> tuple[Draw, jax.Array]:
        exact = [event.value for _, event in evidence if isinstance(event, Exactly)]
        if not exact:
            return self.noise(key), jnp.zeros(())
        holds = jnp.stack([event.contains(jnp.asarray(exact[0])) for _, event in evidence])
        return jnp.asarray(exact[0]), jnp.where(jnp.all(holds), 0.0, -jnp.inf)
