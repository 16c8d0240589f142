"""Which of NumPyro's transforms keep or reverse the order of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from numpyro.distributions import transforms
from numpyro.distributions.transforms import Transform

_ORDERED = (
    transforms.AffineTransform,
    transforms.ExpTransform,
    transforms.IdentityTransform,
    transforms.PowerTransform,
    transforms.SigmoidTransform,
    transforms.SoftplusTransform,
)


def ordered_chain(parts: Sequence[Transform]) -> list[Transform] | None:
    """The single steps of a chain of elementwise monotone transforms; None where one of them is not."""
    found: list[Transform] = []
    for part in parts:
        if isinstance(part, transforms.ComposeTransform):
            inner = ordered_chain(part.parts)
        elif isinstance(part, transforms.IndependentTransform):
            inner = ordered_chain([part.base_transform])
        elif isinstance(part, transforms._InverseTransform):
            inner = ordered_chain([part.inv])
            inner = None if inner is None else [each.inv for each in reversed(inner)]
        else:
            inner = [part] if isinstance(part, _ORDERED) else None
        if inner is None:
            return None
        found += inner
    return found


def forward(parts: Sequence[Transform], value: jax.Array) -> jax.Array:
    """The value that a chain of transforms takes a value of the base to."""
    for part in parts:
        value = jnp.asarray(part(value))
    return value


def backward(parts: Sequence[Transform], value: jax.Array) -> jax.Array:
    """The value of the base that a chain of transforms takes to a value."""
    for part in reversed(parts):
        value = jnp.asarray(part.inv(value))
    return value


def increasing(parts: Sequence[Transform]) -> jax.Array:
    """Whether a chain of monotone transforms increases."""
    sign = jnp.ones(())
    for part in parts:
        sign = sign * part.sign
    return sign > 0
