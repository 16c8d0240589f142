"""Location-scale families: v = location + scale * noise."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from aitia.programs._conditional import Conditional, Draw, Evidence
from aitia.programs._errors import NotInvertible
from aitia.programs._events import Between, Exactly


class LocationScale(Conditional):
    """v = location + scale * noise, the noise of the family's standard law.

    The form claims that a unit keeps its standardised residual in every world. Within the family that is the only
    increasing map, and so the same as keeping its rank.
    """

    def __init__(self, distribution: dist.Distribution) -> None:
        self.distribution = distribution
        self.location = distribution.loc
        self.scale = distribution.scale
        self.standard = dist.Normal(0.0, 1.0)

    @staticmethod
    def takes(distribution: dist.Distribution) -> bool:
        return type(distribution) is dist.Normal

    @property
    def assumption(self) -> str:
        return "a unit keeps its standardised residual, whatever is done to its parents"

    def noise(self, key: jax.Array) -> Draw:
        return self.standard.sample(key, jnp.shape(self.location))

    def push(self, noise: Draw) -> jax.Array:
        return self.location + self.scale * noise

    def log_prob(self, value: jax.Array) -> jax.Array:
        return jnp.sum(self.distribution.log_prob(value))

    def abduct(self, key: jax.Array, evidence: Evidence) -> tuple[Draw, jax.Array]:
        exact = [(at, event) for at, event in evidence if isinstance(event, Exactly)]
        if exact:
            at, event = exact[0]
            noise, log_weight = (event.value - at.location) / at.scale, at.log_prob(event.value)
            for at, event in evidence:
                if at is exact[0][0]:
                    continue
                log_weight += jnp.where(event.contains(at.push(noise)), 0.0, -jnp.inf)
            return noise, log_weight
        low, high = -jnp.inf, jnp.inf
        for at, event in evidence:
            if not isinstance(event, Between):
                raise NotInvertible(
                    "A continuous node is not in a finite set of values.", "Give an interval."
                )
            low = jnp.maximum(low, (event.low - at.location) / at.scale)
            high = jnp.minimum(high, (event.high - at.location) / at.scale)
        below, above = self.standard.cdf(low), self.standard.cdf(high)
        rank = below + (above - below) * jax.random.uniform(key)
        return self.standard.icdf(rank), jnp.log(jnp.maximum(above - below, 0.0))
