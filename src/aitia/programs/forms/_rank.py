"""Any law of numbers with a cumulative distribution function: the noise is the unit's rank."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from aitia.programs._conditional import Draw
from aitia.programs._errors import MechanismError
from aitia.programs.forms._drawn import drawn
from aitia.programs.forms._monotone import Monotone
from aitia.programs.forms._ranks import ranks_of


class Rank(Monotone):
    """v = F^-1(u | parents), the noise the logit of the rank u.

    The form claims that a unit keeps its rank in every world: what is done to its parents changes the law of the
    values, not the order of the units.
    """

    def __init__(self, distribution: dist.Distribution, shape: tuple[int, ...] | None = None) -> None:
        ranks = ranks_of(distribution)
        if ranks is None:
            raise MechanismError(
                f"The ranks of {type(distribution).__name__} are not known.",
                "Take a distribution of numbers that has a cdf, or write the noise explicitly.",
            )
        super().__init__(distribution, ranks, distribution.shape() if shape is None else shape)

    @staticmethod
    def takes(distribution: dist.Distribution) -> bool:
        """Whether the distribution is one of numbers whose ranks are known."""
        return (
            not distribution.event_shape
            and distribution.support is not None
            and not distribution.support.is_discrete
            and ranks_of(distribution) is not None
        )

    @property
    def assumption(self) -> str:
        return "a unit keeps its rank, whatever is done to its parents"

    def to_noise(self, value: jax.Array) -> jax.Array:
        deepest = -2 * math.log(jnp.finfo(jnp.result_type(float)).tiny)
        return jnp.clip(self.ranks.of(value), -deepest, deepest)

    def from_rank(self, z: jax.Array) -> jax.Array:
        return z

    def push(self, noise: Draw) -> jax.Array:
        return jnp.broadcast_to(self.ranks.quantile(noise), self.shape)

    def sample(self, key: jax.Array) -> jax.Array:
        # Quantiles of many laws are found by iteration; the family's own sampler is faster.
        return drawn(self.distribution, key, self.shape)
