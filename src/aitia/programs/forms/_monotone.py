"""Numbers that increase (or decrease) with one noise each: abduction by ranks, in one world or in several."""

from __future__ import annotations

from abc import abstractmethod

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from aitia.programs._conditional import Conditional, Draw, Evidence
from aitia.programs._events import Exactly
from aitia.programs.forms._evidence import interval, log_agreement, log_density, shaped, split
from aitia.programs.forms._logit import draw_between, log_mass, logistic
from aitia.programs.forms._ranks import Ranks


class Monotone(Conditional):
    """v = f(noise), elementwise and strictly monotone; the law of the noise is known by its ranks.

    An exact value pins the noise; every other thing known of the same noise then is a check (exact up to
    rounding). Intervals of several worlds are intersected on the scale of the noise, where a truncated draw and
    its probability are exact, thirty standard deviations out as in the middle.

    Args:
        distribution: the node's distribution, of numbers.
        ranks: the ranks of its values.
        shape: the shape of a value; its elements are independent.
    """

    def __init__(self, distribution: dist.Distribution, ranks: Ranks, shape: tuple[int, ...]) -> None:
        self.distribution = distribution
        self.ranks = ranks
        self.shape = shape

    @abstractmethod
    def to_noise(self, value: jax.Array) -> jax.Array:
        """The noise that gives this value: finite, also where the value is impossible."""

    @abstractmethod
    def from_rank(self, z: jax.Array) -> jax.Array:
        """The noise whose rank within its own law has the logit z."""

    def rank_bounds(self, low: jax.Array, high: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The logit ranks between which the noise lies where the value lies between `low` and `high`."""
        return self.ranks.of(shaped(low, self.shape)), self.ranks.of(shaped(high, self.shape))

    def noise(self, key: jax.Array) -> Draw:
        return self.from_rank(logistic(key, self.shape))

    def log_prob(self, value: jax.Array) -> jax.Array:
        return log_density(self.distribution, shaped(value, self.shape).astype(float))

    def abduct(self, key: jax.Array, evidence: Evidence) -> tuple[Draw, jax.Array]:
        exact, others = split(evidence)
        if exact is not None:
            at, event = exact
            assert isinstance(at, Monotone) and isinstance(event, Exactly)
            value = shaped(event.value, self.shape).astype(float)
            noise = at.to_noise(value)
            return noise, at.log_prob(value) + log_agreement(others, noise)
        low, high = jnp.full(self.shape, -jnp.inf), jnp.full(self.shape, jnp.inf)
        for at, event in others:
            assert isinstance(at, Monotone)
            known = interval(event)
            below, above = at.rank_bounds(known.low, known.high)
            low, high = jnp.maximum(low, below), jnp.minimum(high, above)
        return self.from_rank(draw_between(key, low, high)), jnp.sum(log_mass(low, high))
