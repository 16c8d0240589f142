"""Random keys by name: the same seed and name give the same numbers, whatever else is asked."""

from __future__ import annotations

import hashlib

import jax


def named_key(key: jax.Array, name: str) -> jax.Array:
    """A key that depends on `key` and the name alone (not on the order of nodes, or on how many there are)."""
    return jax.random.fold_in(key, int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little"))


def seed_key(seed: int, *purpose: str | int) -> jax.Array:
    """The random key of a seed and a purpose, as `aitia.core.stream` is a generator of them."""
    return named_key(jax.random.key(seed), "\x1f".join(map(str, purpose)))
