"""What every form asks of evidence: is it met by this noise, and has it the node's shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from aitia.programs._conditional import Conditional, Draw, Evidence
from aitia.programs._errors import NotInvertible, QueryError
from aitia.programs._events import Between, Event, Exactly

_Form = TypeVar("_Form", bound=Conditional)


def shaped(value: Any, shape: tuple[int, ...]) -> jax.Array:
    """A value as an array of the node's shape.

    Raises:
        QueryError: it cannot have that shape.
    """
    array = jnp.asarray(value)
    try:
        return jnp.broadcast_to(array, shape)
    except ValueError:
        raise QueryError(
            f"A value of shape {array.shape} was given for a node whose values have the shape {shape}.",
            "Give one number for a node that is a number, and an array of its shape for any other.",
        ) from None


def agrees(event: Event, value: jax.Array) -> jax.Array:
    """Whether a value is in the event; an exact number is met up to rounding (half the digits).

    Rounding must not turn a value that a unit's own noise gives back into impossible evidence: 0.1 + 0.2 is 0.3.
    """
    value = jnp.asarray(value)
    if isinstance(event, Exactly) and jnp.issubdtype(value.dtype, jnp.floating):
        wanted = shaped(event.value, value.shape)
        tolerance = jnp.sqrt(jnp.finfo(value.dtype).eps)
        near = jnp.abs(value - wanted) <= tolerance * jnp.maximum(1.0, jnp.abs(wanted))
        return jnp.all(near | (value == wanted))
    return event.contains(value)


def log_indicator(holds: jax.Array) -> jax.Array:
    """Zero where it holds, else minus infinity."""
    return jnp.where(holds, 0.0, -jnp.inf)


def log_agreement(evidence: Evidence, noise: Draw) -> jax.Array:
    """Zero where this noise meets all of the evidence, else minus infinity."""
    total = jnp.zeros(())
    for at, event in evidence:
        total += log_indicator(agrees(event, at.push(noise)))
    return total


def split(
    evidence: Sequence[tuple[_Form, Event]],
) -> tuple[tuple[_Form, Exactly] | None, list[tuple[_Form, Event]]]:
    """The first exact value, if there is one, and all other evidence."""
    for position, (at, event) in enumerate(evidence):
        if isinstance(event, Exactly):
            return (at, event), [*evidence[:position], *evidence[position + 1 :]]
    return None, list(evidence)


def interval(event: Event) -> Between:
    """The event as an interval.

    Raises:
        NotInvertible: it is a set of single values, which a continuous node is in with probability zero.
    """
    if isinstance(event, Between):
        return event
    raise NotInvertible(
        "A set of single values was given for a continuous node, which takes each with probability zero.",
        "Give one value, or an interval: between(low, high).",
    )


def log_density(distribution: dist.Distribution, value: jax.Array) -> jax.Array:
    """The distribution's own log density summed over its batch, minus infinity outside of its support.

    NumPyro leaves what a density is outside of the support open; and where the formula is not a number there,
    neither must its gradient be.
    """
    support = distribution.support
    if support is None:
        return jnp.sum(distribution.log_prob(value))
    inside = jnp.asarray(support(value))
    event_axes = tuple(range(inside.ndim, jnp.ndim(value)))
    feasible = jnp.broadcast_to(support.feasible_like(value), jnp.shape(value)).astype(jnp.result_type(value))
    safe = jnp.where(jnp.expand_dims(inside, event_axes), value, feasible)
    return jnp.sum(jnp.where(inside, distribution.log_prob(safe), -jnp.inf))
