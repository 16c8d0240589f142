"""Multivariate normal vectors: v = location + L noise, L lower triangular."""

from __future__ import annotations

from typing import Any, cast

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.scipy.linalg import solve_triangular

from aitia.programs._conditional import Conditional, Draw, Evidence
from aitia.programs._events import Exactly
from aitia.programs.forms._evidence import interval, log_agreement, shaped, split
from aitia.programs.forms._logit import draw_between, log_mass, normal_logit, normal_quantile


class Triangular(Conditional):
    """v = location + L noise, the noise standard normal, L the Cholesky factor of the covariance.

    An exact vector pins the noise. Given an interval for each element, in one world or in several, the elements
    are drawn one after the other, each truncated given those before it; the product of their probabilities is the
    weight, which is right on average (the GHK simulator: Geweke 1991; Hajivassiliou and McFadden 1998).

    Args:
        distribution: a multivariate normal distribution.
    """

    def __init__(self, distribution: dist.Distribution) -> None:
        self.distribution = distribution
        self.shape = distribution.shape()
        plain: Any = distribution
        while isinstance(plain, dist.Independent | dist.ExpandedDistribution):
            plain = plain.base_dist
        whole = isinstance(plain, dist.MultivariateNormal)
        normal: Any = plain
        factor = normal.scale_tril if whole else jnp.linalg.cholesky(normal.covariance_matrix)
        self.location = jnp.broadcast_to(jnp.asarray(normal.loc), self.shape)
        self.factor = jnp.broadcast_to(factor, (*self.shape, self.shape[-1]))

    @staticmethod
    def takes(distribution: dist.Distribution) -> bool:
        """Whether the distribution is multivariate normal."""
        if isinstance(distribution, dist.ExpandedDistribution | dist.Independent):
            return Triangular.takes(distribution.base_dist)
        return isinstance(distribution, dist.MultivariateNormal | dist.LowRankMultivariateNormal)

    @property
    def assumption(self) -> str:
        return (
            "a unit keeps the noise of a triangular map: of the first element, then of each element given those "
            "before it; another order of the elements has other noise, and may answer otherwise"
        )

    def noise(self, key: jax.Array) -> Draw:
        return jax.random.normal(key, self.shape)

    def push(self, noise: Draw) -> jax.Array:
        return self.location + jnp.einsum("...ij,...j->...i", self.factor, noise)

    def log_prob(self, value: jax.Array) -> jax.Array:
        return jnp.sum(self.distribution.log_prob(shaped(value, self.shape)))

    def to_noise(self, value: jax.Array) -> jax.Array:
        """The noise that gives this vector."""
        residual = (shaped(value, self.shape) - self.location)[..., None]
        return solve_triangular(self.factor, residual, lower=True)[..., 0]

    def abduct(self, key: jax.Array, evidence: Evidence) -> tuple[Draw, jax.Array]:
        exact, others = split(evidence)
        if exact is not None:
            at, event = cast("tuple[Triangular, Exactly]", exact)
            noise = at.to_noise(event.value)
            return noise, at.log_prob(event.value) + log_agreement(others, noise)
        known = []
        for at, event in others:
            assert isinstance(at, Triangular)
            box = interval(event)
            known.append((at, shaped(box.low, self.shape), shaped(box.high, self.shape)))
        keys = jax.random.split(key, self.shape[-1])

        def element(i, state):
            noise, log_weight = state
            low, high = jnp.full(self.shape[:-1], -jnp.inf), jnp.full(self.shape[:-1], jnp.inf)
            for at, box_low, box_high in known:
                centre = at.location[..., i] + jnp.sum(at.factor[..., i, :] * noise, axis=-1)
                scale = at.factor[..., i, i]
                low = jnp.maximum(low, _rank_at(box_low[..., i], centre, scale))
                high = jnp.minimum(high, _rank_at(box_high[..., i], centre, scale))
            drawn = normal_quantile(draw_between(keys[i], low, high))
            return noise.at[..., i].set(drawn), log_weight + jnp.sum(log_mass(low, high))

        start = (jnp.zeros(self.shape), jnp.zeros(()))
        return jax.lax.fori_loop(0, self.shape[-1], element, start)


def _rank_at(bound: jax.Array, centre: jax.Array, scale: jax.Array) -> jax.Array:
    finite = jnp.isfinite(bound)
    return jnp.where(finite, normal_logit((jnp.where(finite, bound, 0.0) - centre) / scale), bound)
