"""Distributions made by an invertible transform: the noise is that of the base."""

from __future__ import annotations

from typing import cast

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from aitia.programs._conditional import Conditional, Draw, Evidence
from aitia.programs._events import Exactly
from aitia.programs.forms._evidence import agrees, log_agreement, log_density, log_indicator, shaped, split
from aitia.programs.forms._monotone import Monotone
from aitia.programs.forms._ranks import ranks_of
from aitia.programs.forms._transforms import backward, forward, increasing, ordered_chain


class TransformedNumber(Monotone):
    """v = T(base value), T a chain of elementwise monotone transforms (a log-normal, a logit-normal)."""

    def __init__(self, distribution: dist.Distribution, base: Monotone, shape: tuple[int, ...]) -> None:
        ranks = ranks_of(distribution)
        assert isinstance(distribution, dist.TransformedDistribution) and ranks is not None
        super().__init__(distribution, ranks, shape)
        self.base = base
        parts = ordered_chain(distribution.transforms)
        assert parts is not None
        self.parts = parts
        self.up = increasing(parts)

    @property
    def assumption(self) -> str | None:
        return self.base.assumption

    def noise(self, key: jax.Array) -> Draw:
        return self.base.noise(key)

    def to_noise(self, value: jax.Array) -> jax.Array:
        support = self.distribution.support
        assert support is not None
        value = jnp.where(jnp.asarray(support(value)), value, support.feasible_like(value))
        return self.base.to_noise(backward(self.parts, value))

    def from_rank(self, z: jax.Array) -> jax.Array:
        return self.base.from_rank(z)

    def rank_bounds(self, low: jax.Array, high: jax.Array) -> tuple[jax.Array, jax.Array]:
        below, above = super().rank_bounds(low, high)
        return jnp.where(self.up, below, -above), jnp.where(self.up, above, -below)

    def push(self, noise: Draw) -> jax.Array:
        return forward(self.parts, self.base.push(noise))


class Transformed(Conditional):
    """v = T(base value), T any invertible transform: a normalising flow over a vector.

    An exact value is inverted. Other evidence is met by draws from the law of the noise with weight 0 or 1: right,
    and wasteful where the evidence is rare.
    """

    def __init__(self, distribution: dist.TransformedDistribution, base: Conditional) -> None:
        self.distribution = distribution
        self.base = base
        self.shape = distribution.shape()

    @property
    def assumption(self) -> str:
        return (
            "a unit keeps the noise that the transform takes its value from; "
            "another transform with the same distribution could answer otherwise"
        )

    def noise(self, key: jax.Array) -> Draw:
        return self.base.noise(key)

    def push(self, noise: Draw) -> jax.Array:
        return forward(self.distribution.transforms, self.base.push(noise))

    def log_prob(self, value: jax.Array) -> jax.Array:
        return log_density(self.distribution, shaped(value, self.shape).astype(float))

    def abduct(self, key: jax.Array, evidence: Evidence) -> tuple[Draw, jax.Array]:
        exact, others = split(evidence)
        if exact is None:
            noise = self.noise(key)
            return noise, log_agreement(others, noise)
        at, event = cast("tuple[Transformed, Exactly]", exact)
        value = shaped(event.value, self.shape).astype(float)
        origin = backward(at.distribution.transforms, value)
        noise, _ = at.base.abduct(key, [(at.base, Exactly(origin))])
        # Not every transform that can be written has an inverse: the round trip is part of the evidence.
        met = log_indicator(agrees(event, at.push(noise)))
        return noise, at.log_prob(value) + met + log_agreement(others, noise)
