"""Location-scale families: v = location + scale * noise."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from aitia.programs._conditional import Draw
from aitia.programs.forms._monotone import Monotone
from aitia.programs.forms._ranks import Ranks, ranks_of, standard


class LocationScale(Monotone):
    """v = location + scale * noise, the noise of the family's standard law (normal, Laplace, Cauchy, ...).

    The form claims that a unit keeps its standardised residual in every world. Within such a family that is the
    only increasing map, and so the same as keeping its rank.

    Attributes:
        location: the location, of the node's shape.
        scale: the scale, of the node's shape.
        standard: the standard law.
    """

    def __init__(self, distribution: dist.Distribution, shape: tuple[int, ...] | None = None) -> None:
        ranks = ranks_of(distribution)
        plain = standard(type(distribution))
        assert ranks is not None and plain is not None
        super().__init__(distribution, ranks, distribution.shape() if shape is None else shape)
        family: Any = distribution  # every family with a standard law has a location and a scale
        self.location = jnp.broadcast_to(jnp.asarray(family.loc, float), self.shape)
        self.scale = jnp.broadcast_to(jnp.asarray(family.scale, float), self.shape)
        self.standard = type(distribution)(0.0, 1.0)
        self._plain: Ranks = plain

    @staticmethod
    def takes(distribution: dist.Distribution) -> bool:
        """Whether the distribution is of a location-scale family."""
        return standard(type(distribution)) is not None

    @property
    def assumption(self) -> str:
        return "a unit keeps its standardised residual, whatever is done to its parents"

    def noise(self, key: jax.Array) -> Draw:
        return self.standard.sample(key, self.shape)

    def to_noise(self, value: jax.Array) -> jax.Array:
        return (value - self.location) / self.scale

    def from_rank(self, z: jax.Array) -> jax.Array:
        return self._plain.quantile(z)

    def push(self, noise: Draw) -> jax.Array:
        return self.location + self.scale * noise
