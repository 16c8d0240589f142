"""Noise as a function of standard normals, for samplers that move through it in small steps."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from aitia.programs._conditional import Conditional, Draw

FromNormals = tuple[int, Callable[[jax.Array], Draw]]
"""How many standard normals there are, and the map from a vector of them to the noise."""


def from_normals(conditional: Conditional, key: jax.Array) -> FromNormals | None:
    """The node's noise as a function of standard normals; None where it is only known how to draw it.

    Args:
        conditional: the node's conditional in any world (the law of the noise does not depend on the parents).
        key: a random key, for the noise's shape.
    """
    laws = getattr(conditional, "laws", None)
    if isinstance(laws, dict):
        parts = {name: _of_law(law, law.batch_shape + law.event_shape) for name, law in laws.items()}
        if not parts or any(each is None for each in parts.values()):
            return None

        def together(normals: jax.Array) -> Draw:
            drawn, start = {}, 0
            for name, each in parts.items():
                size, make = each  # pyright: ignore[reportGeneralTypeIssues]
                drawn[name] = make(normals[start : start + size])
                start += size
            return drawn

        return sum(each[0] for each in parts.values() if each is not None), together
    law = getattr(conditional, "standard", None)
    shape = jax.eval_shape(conditional.noise, key)
    if isinstance(law, dist.Distribution) and isinstance(shape, jax.ShapeDtypeStruct):
        return _of_law(law, shape.shape)
    return None


def _of_law(law: dist.Distribution, shape: tuple[int, ...]) -> FromNormals | None:
    """Draws of a continuous law of one coordinate (or a normal one of several) from standard normals."""
    size = math.prod(shape)
    if isinstance(law, dist.Independent):
        return _of_law(law.base_dist, shape)
    if type(law) is dist.Normal:
        loc, scale = jnp.asarray(law.loc), jnp.asarray(law.scale)
        return size, lambda normals: loc + scale * normals.reshape(shape)
    if isinstance(law, dist.MultivariateNormal):
        loc, root = law.loc, law.scale_tril
        return size, lambda normals: loc + jnp.einsum("...ij,...j->...i", root, normals.reshape(shape))
    if law.event_shape or law.support is None or law.support.is_discrete:
        return None
    try:
        jax.eval_shape(law.icdf, jnp.full(shape, 0.5))
    except (NotImplementedError, AttributeError):
        return None

    def draw(normals: jax.Array) -> jax.Array:
        ranks = jax.scipy.special.ndtr(normals.reshape(shape))
        return law.icdf(jnp.clip(ranks, 1e-300, 1 - 1e-16))

    return size, draw
