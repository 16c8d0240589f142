"""What may be done to a node: set it, shift it, draw it, decide it by a policy, or take it from another world."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from aitia.programs._errors import QueryError


class Intervention(ABC):
    """What is done to one node in one world.

    Numbers in it are leaves of a JAX tree; functions in it are static. It sees one unit.
    """

    def reads(self, node: str, parents: tuple[str, ...]) -> tuple[str, ...]:
        """The nodes of this world that `node` now depends on, its mechanism's parents being `parents`."""
        return ()

    def reads_elsewhere(self, node: str) -> tuple[tuple[str, str], ...]:
        """The (world, node) pairs of other worlds that it depends on."""
        return ()

    def needs_natural(self, node: str) -> bool:
        """Whether it asks for what the node's own mechanism would give."""
        return False

    @abstractmethod
    def value(
        self,
        key: jax.Array,
        here: Mapping[str, jax.Array],
        elsewhere: Mapping[tuple[str, str], jax.Array],
        natural: Callable[[], jax.Array],
    ) -> jax.Array:
        """The node's value.

        Args:
            key: a key of this world's own (a stochastic intervention is drawn anew in each world).
            here: the values of the nodes it reads in this world.
            elsewhere: those it reads in other worlds.
            natural: what the mechanism would give here, with the unit's own noise.
        """

    @abstractmethod
    def text(self, name: str) -> str:
        """The intervention in words, with the node's name (``"plan = free"``)."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class SetTo(Intervention):
    """Hard intervention: the node is set to a value.

    Args:
        to: a number, an array of the node's shape, or a level's name.
    """

    to: Any

    def value(self, key, here, elsewhere, natural):
        return jnp.asarray(self.to)

    def text(self, name: str) -> str:
        if isinstance(self.to, str):
            return f"{name} = {self.to}"
        array = jnp.asarray(self.to)
        return f"{name} = {array.item():.6g}" if array.size == 1 else f"{name} = [array {array.shape}]"


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ShiftBy(Intervention):
    """Soft intervention: the node takes what it would have taken here, plus `by`.

    Args:
        by: the shift, in the node's units.
    """

    by: Any

    def reads(self, node: str, parents: tuple[str, ...]) -> tuple[str, ...]:
        return parents

    def needs_natural(self, node: str) -> bool:
        return True

    def value(self, key, here, elsewhere, natural):
        return natural() + self.by

    def text(self, name: str) -> str:
        return f"{name} + {jnp.asarray(self.by).item():.6g}"


@partial(jax.tree_util.register_dataclass, data_fields=[], meta_fields=["rule"])
@dataclass(frozen=True)
class Policy(Intervention):
    """A policy: the node is a function of other nodes of its world, named by the function's parameters.

    A parameter with the node's own name gets its natural value: ``Policy(lambda price: jnp.maximum(price, 3))``.

    Args:
        rule: the function of one unit.
    """

    rule: Callable[..., Any]

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of the rule's parameters."""
        return tuple(inspect.signature(self.rule).parameters)

    def reads(self, node: str, parents: tuple[str, ...]) -> tuple[str, ...]:
        own = parents if self.needs_natural(node) else ()
        return tuple(dict.fromkeys((*(name for name in self.arguments if name != node), *own)))

    def needs_natural(self, node: str) -> bool:
        return node in self.arguments

    def value(self, key, here, elsewhere, natural):
        return jnp.asarray(self.rule(*(here[name] if name in here else natural() for name in self.arguments)))

    def text(self, name: str) -> str:
        return f"{name} = policy({', '.join(self.arguments)})"


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DrawFrom(Intervention):
    """Stochastic intervention: the node is drawn from a distribution, independently in each world.

    Args:
        law: a NumPyro distribution.
    """

    law: dist.Distribution

    def value(self, key, here, elsewhere, natural):
        return jnp.asarray(self.law.sample(key))

    def text(self, name: str) -> str:
        return f"{name} ~ {type(self.law).__name__}"


@partial(jax.tree_util.register_dataclass, data_fields=[], meta_fields=["world"])
@dataclass(frozen=True)
class AsIn(Intervention):
    """Nested intervention: the node takes the value it has in another world (mediation, path-specific effects).

    Args:
        world: the name of that world.
    """

    world: str

    def reads_elsewhere(self, node: str) -> tuple[tuple[str, str], ...]:
        return ((self.world, node),)

    def value(self, key, here, elsewhere, natural):
        (value,) = elsewhere.values()
        return value

    def text(self, name: str) -> str:
        return f"{name} as in {self.world}"


def as_intervention(done: Any) -> Intervention:
    """An intervention, from one, from a policy (a function), from a distribution, or from a value.

    Raises:
        QueryError: nothing can be made of it.
    """
    if isinstance(done, Intervention):
        return done
    if isinstance(done, dist.Distribution):
        return DrawFrom(done)
    if callable(done):
        return Policy(done)
    if done is None:
        raise QueryError(
            "An intervention is None.", "Give a value, a function of other nodes, or a distribution."
        )
    return SetTo(done)
