"""The noise that gives a value: intervals and points, over all pieces on which a function is monotone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from aitia.programs._events import Between
from aitia.programs.forms._logit import log_mass

HALVINGS = 80
PIECES = 63
"""Cells of the grid of ranks on which an unknown function is searched for pieces; odd, so that no edge is at zero."""

Function = Callable[[jax.Array], jax.Array]


@dataclass(frozen=True)
class Preimage:
    """The noise at which a function is in an event, piece by piece; noise as the logit of its rank.

    Args:
        low: where each piece's interval begins.
        high: where it ends.
        met: whether the piece meets the event at all.
        at_edge: whether the piece ends in the event exactly at its edge (the next piece then begins there).
    """

    low: jax.Array
    high: jax.Array
    met: jax.Array
    at_edge: jax.Array

    @property
    def log_masses(self) -> jax.Array:
        """The log probability of each piece's interval."""
        return jnp.where(self.met, log_mass(self.low, self.high), -jnp.inf)

    @property
    def flat(self) -> jax.Array:
        """Whether the interval is more than rounding: the function stays at the value."""
        return self.met & (
            self.high - self.low > 1e-6 * (1 + jnp.minimum(jnp.abs(self.low), jnp.abs(self.high)))
        )


def preimage(function: Function, event: Between, monotone: bool) -> Preimage:
    """Where a function of one number is in an interval of values.

    Args:
        function: from the logit of the noise's rank to the value.
        event: the values; one value is the interval from it to itself.
        monotone: whether the function is known to be monotone. Where it is not, it is cut into pieces at the
            points where its slope changes sign, found on a grid of 63 cells from the first to the last rank that
            64 bits can tell; two turns within one cell go unseen.
    """
    reach = -math.log(jnp.finfo(jnp.result_type(float)).tiny) - 2
    many = jax.vmap(function)
    if monotone:
        edges = jnp.array([-reach, reach])
    else:
        grid = jnp.linspace(-1, 1, PIECES + 1)
        edges = reach * jnp.sinh(6 * grid) / math.sinh(6)
        slope = jax.vmap(lambda z: jax.jvp(lambda each: function(each) * 1.0, (z,), (jnp.ones(()),))[1])
        rising = slope(edges[:-1]) > 0
        turns = _boundary(lambda z: (slope(z) > 0) != rising, edges[:-1], edges[1:])
        turning = rising != (slope(edges[1:]) > 0)
        middle = (edges[:-1] + edges[1:]) / 2
        edges = jnp.sort(jnp.concatenate([edges, jnp.where(turning, turns, middle)]))
    start, end = edges[:-1], edges[1:]
    first, final = many(start), many(end)
    up = final >= first

    def over(value):
        return value >= event.low if event.with_low else value > event.low

    def under(value):
        return value <= event.high if event.with_high else value < event.high

    def entered(value):
        return jnp.where(up, over(value), under(value))

    def staying(value):
        return jnp.where(up, under(value), over(value))

    enters = _boundary(lambda z: entered(many(z)), start, end)
    leaves = _boundary(lambda z: ~staying(many(z)), start, end)
    low = jnp.where(entered(first), start, enters)
    high = jnp.where(staying(final), end, leaves)
    met = entered(final) & staying(first)
    # The outermost ranks stand for all beyond them.
    low, high = jnp.where(low <= -reach, -jnp.inf, low), jnp.where(high >= reach, jnp.inf, high)
    at_edge = over(final) & under(final) & (end < reach)
    stopped = jax.lax.stop_gradient
    return Preimage(stopped(low), stopped(high), met, at_edge)


def _boundary(holds: Callable[[jax.Array], jax.Array], start: jax.Array, end: jax.Array) -> jax.Array:
    """Where a condition begins to hold, for each cell in which it holds from some point on."""

    def halve(_, state):
        low, high = state
        middle = low + (high - low) / 2
        here = holds(middle)
        return jnp.where(here, low, middle), jnp.where(here, middle, high)

    return jax.lax.fori_loop(0, HALVINGS, halve, (start, end))[1]
