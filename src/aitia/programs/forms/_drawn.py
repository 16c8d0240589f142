"""Draws of a value by the family's own sampler, which need not be told apart by their noise."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpyro.distributions as dist


def drawn(distribution: dist.Distribution, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """A draw of this shape; a distribution of a smaller shape is repeated, its elements independent.

    Args:
        distribution: the distribution.
        key: the random key.
        shape: the node's shape.
    """
    wide = distribution if distribution.shape() == shape else distribution.expand(shape)
    return jnp.asarray(wide.sample(key))
