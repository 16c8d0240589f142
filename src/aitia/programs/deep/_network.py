"""The small fully connected network that flows and autoencoders are made of."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp


class Dense(eqx.Module):
    """A fully connected network; with depth 0 an affine map.

    Args:
        key: the random key of its weights.
        n_in: numbers in.
        n_out: numbers out.
        width: units of a hidden layer.
        depth: hidden layers.
        last: the factor on the last layer's first weights; 0 starts as the zero function.
    """

    layers: list[tuple[Any, Any]]

    def __init__(
        self, key: jax.Array, n_in: int, n_out: int, width: int, depth: int, last: float = 1.0
    ) -> None:
        sizes = [n_in, *[width] * depth, n_out]
        keys = jax.random.split(key, len(sizes))
        self.layers = []
        for at, (begin, end) in enumerate(pairwise(sizes)):
            factor = last if at == len(sizes) - 2 else 1.0
            weight = jax.random.normal(keys[at], (end, begin), jnp.float32) * (factor / max(begin, 1) ** 0.5)
            self.layers.append((weight, jnp.zeros(end, jnp.float32)))

    def __call__(self, x: jax.Array) -> jax.Array:
        for weight, offset in self.layers[:-1]:
            x = jax.nn.silu(weight @ x + offset)
        weight, offset = self.layers[-1]
        return weight @ x + offset
