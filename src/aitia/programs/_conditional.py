"""One node of one unit once its parents and parameters are known: where noise, value and evidence meet."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, TypeAlias

import jax

from aitia.programs._events import Event

Draw: TypeAlias = Any
"""A draw of a node's exogenous noise: any tree of arrays that its form of noise understands."""

Evidence: TypeAlias = "Sequence[tuple[Conditional, Event]]"
"""What is known of one node: its conditional in a world and the event there, for each world that knows something."""


class Conditional(ABC):
    """A node's value as a function of its noise, for one unit whose parents and parameters are known.

    This is the contract between mechanisms and everything that asks questions. A structural model says
    v = f(parents, noise); a `Conditional` is f with the parents filled in. The law of the noise does not depend on
    the parents, so that one draw can be pushed through the conditionals of several worlds.

    All methods see one unit and are traced by JAX (``vmap`` over units, ``jit``): no Python branches on values.
    Every mechanism returns one from `Mechanism.at`.
    """

    @abstractmethod
    def noise(self, key: jax.Array) -> Draw:
        """A draw of the exogenous noise."""

    @abstractmethod
    def push(self, noise: Draw) -> jax.Array:
        """The value that this noise gives."""

    @abstractmethod
    def log_prob(self, value: jax.Array) -> jax.Array:
        """The log density (or log probability) of a value; minus infinity where it is impossible."""

    @abstractmethod
    def abduct(self, key: jax.Array, evidence: Evidence) -> tuple[Draw, jax.Array]:
        """A draw of the noise given what is known of the value, in one world or in several.

        Args:
            key: the random key.
            evidence: at least one pair; the conditionals are of the same form as this one (the same mechanism
                under other parents).

        Returns:
            The noise, drawn from a proposal q(noise), and its log weight: log p(noise, evidence) - log q(noise).
            Where the form can draw from p(noise | evidence), the weight is log p(evidence): the density of an
            exact value, the probability of a set; minus infinity where the evidence is impossible.

        Raises:
            NotInvertible: the evidence is a value whose noise cannot be drawn.
        """

    def sample(self, key: jax.Array) -> jax.Array:
        """A draw of the value, where its noise is of no interest (predictive checks); some forms have a faster way."""
        return self.push(self.noise(key))

    @property
    def discrete(self) -> bool:
        """Whether the values are whole numbers (levels' positions, counts); such nodes are integer arrays."""
        return self.support is not None

    @property
    def support(self) -> jax.Array | None:
        """All values, in order, where there are finitely many (their number must not depend on the parents)."""
        return None

    @property
    def from_outside(self) -> bool:
        """Whether the value must be given: the node is an input of an open program, and has no noise to draw."""
        return False

    @property
    def assumption(self) -> str | None:
        """What this form of noise claims that no data can test, in words; None where the noise is explicit."""
        return None
