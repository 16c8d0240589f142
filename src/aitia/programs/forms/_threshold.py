"""Ordered discrete values: v is the smallest value whose cumulative probability reaches the noise."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from aitia.programs._conditional import Conditional, Draw, Evidence


class Threshold(Conditional):
    """v = min{k : F(k) >= noise}, the noise uniform on (0, 1).

    The form claims that the unit with the higher noise has the higher value in every world (monotonicity). What
    other forms would answer is bounded apart from it.
    """

    def __init__(self, distribution: dist.Distribution) -> None:
        self.distribution = distribution
        self.values = distribution.enumerate_support(expand=False)
        self.cumulative = jnp.cumsum(jnp.exp(distribution.log_prob(self.values)))

    @staticmethod
    def takes(distribution: dist.Distribution) -> bool:
        return isinstance(distribution, dist.BernoulliProbs | dist.BernoulliLogits)

    @property
    def support(self) -> jax.Array:
        return self.values

    @property
    def assumption(self) -> str:
        return "a unit that ranks higher in one world ranks higher in every world"

    def noise(self, key: jax.Array) -> Draw:
        return jax.random.uniform(key)

    def push(self, noise: Draw) -> jax.Array:
        at = jnp.searchsorted(self.cumulative, noise)
        return self.values[jnp.minimum(at, len(self.values) - 1)]

    def log_prob(self, value: jax.Array) -> jax.Array:
        return self.distribution.log_prob(value)

    def abduct(self, key: jax.Array, evidence: Evidence) -> tuple[Draw, jax.Array]:
        # The noise that fits all worlds is a union of intervals between the worlds' cut points.
        cuts = jnp.sort(jnp.concatenate([jnp.zeros(1), *(at.cumulative for at, _ in evidence)]))
        low, high = cuts[:-1], jnp.minimum(cuts[1:], 1.0)
        middle = (low + high) / 2
        fits = jnp.ones(len(low), dtype=bool)
        for at, event in evidence:
            fits &= jax.vmap(lambda rank, at=at, event=event: event.contains(at.push(rank)))(middle)
        mass = jnp.where(fits, jnp.maximum(high - low, 0.0), 0.0)
        choose, within = jax.random.split(key)
        chosen = jax.random.categorical(choose, jnp.log(mass))
        return low[chosen] + (high - low)[chosen] * jax.random.uniform(within), jnp.log(mass.sum())
