"""Evidence with gaps: a node that is seen at some steps only, in code that is the same for all steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from aitia.programs._conditional import Conditional, Draw
from aitia.programs._errors import QueryError
from aitia.programs._events import Event, Exactly
from aitia.programs._mechanism import Mechanism, Values


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class SeenOrNot(Event):
    """The node has this value, if it was seen.

    Args:
        value: the value; anything finite where it was not seen.
        seen: whether it was seen.
    """

    value: Any
    seen: Any

    def contains(self, value: jax.Array) -> jax.Array:
        return jnp.where(self.seen, jnp.all(jnp.isclose(value, self.value)), True)

    def text(self, name: str) -> str:
        return f"{name} where it was seen"


class Gappy(Mechanism):
    """A mechanism whose node may be unseen at some steps.

    Args:
        inner: the mechanism.
    """

    def __init__(self, inner: Mechanism) -> None:
        self.inner = inner
        self.parents, self.parameters, self.levels = inner.parents, inner.parameters, inner.levels
        self.description = inner.description

    def at(self, parents: Values, parameters: Values) -> Conditional:
        return _Gappy(self.inner.at(parents, parameters))


class _Gappy(Conditional):
    def __init__(self, inner: Conditional) -> None:
        self.inner = inner

    @property
    def support(self) -> jax.Array | None:
        return self.inner.support

    @property
    def discrete(self) -> bool:
        return self.inner.discrete

    @property
    def assumption(self) -> str | None:
        return self.inner.assumption

    def noise(self, key: jax.Array) -> Draw:
        return self.inner.noise(key)

    def push(self, noise: Draw) -> jax.Array:
        return self.inner.push(noise)

    def log_prob(self, value: jax.Array) -> jax.Array:
        return self.inner.log_prob(value)

    def abduct(self, key: jax.Array, evidence: Sequence[tuple[Any, Event]]) -> tuple[Draw, jax.Array]:
        at, event = evidence[0]
        if len(evidence) != 1 or not isinstance(event, SeenOrNot):
            raise QueryError(
                "One node is known in two worlds, with gaps.", "Give its values at every step in both worlds."
            )
        given, log_weight = at.inner.abduct(key, [(at.inner, Exactly(event.value))])
        free = self.inner.noise(key)
        noise = jax.tree.map(lambda a, b: jnp.where(event.seen, a, b), given, free)
        return noise, jnp.where(event.seen, log_weight, 0.0)
