"""Numeric inversion of increasing functions, elementwise, under jit, vmap and grad."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

STEPS = 100
"""Halvings at most; 64 find the nearest 64-bit number in any bracket, Newton's steps do with a handful."""

_Map = Callable[[jax.Array], jax.Array]


def increasing_root(
    function: Callable[[jax.Array], jax.Array],
    start: jax.Array,
    low: float | jax.Array,
    high: float | jax.Array,
    slope_at: Callable[[jax.Array, jax.Array], jax.Array],
) -> jax.Array:
    """Where an increasing elementwise function crosses zero between `low` and `high`.

    Newton's method kept inside a bracket that every step narrows, with a bisection wherever Newton leaves it or
    does not halve the step (Press et al. 2007, section 9.4). Differentiable in whatever `function` closes over, by
    the implicit function theorem.

    Args:
        function: increasing in each element, from an array of the shape of `start` to one of that shape.
        start: where to begin.
        low: below the root.
        high: above the root.
        slope_at: the function's derivative at a point, given the function's value there. (Given, not traced: the
            derivative of a cumulative distribution function is a density, which compiles in a tenth of the time.)
    """

    def solve(function, start):
        tolerance = 32 * jnp.finfo(start.dtype).eps

        def going(state):
            done, step = state[4:6]
            return jnp.logical_and(step < STEPS, jnp.logical_not(jnp.all(done)))

        def narrow(state):
            at, low, high, last, done, step, best, least = state
            gap = function(at)
            closer = jnp.abs(gap) < least
            best, least = jnp.where(closer, at, best), jnp.where(closer, jnp.abs(gap), least)
            slope = slope_at(at, gap)
            low, high = jnp.where(gap < 0, at, low), jnp.where(gap > 0, at, high)
            newton = at - gap / jnp.where(slope > 0, slope, jnp.nan)
            inside = (newton >= low) & (newton <= high)
            # A step as small as rounding ends the search: it need not halve, and a bisection would leave the root.
            there = inside & (jnp.abs(newton - at) <= tolerance * jnp.maximum(jnp.abs(at), 1.0))
            good = inside & (there | (2 * jnp.abs(newton - at) <= last))
            new = jnp.where(good, newton, low + (high - low) / 2)
            new = jnp.where(done | (gap == 0), at, new)
            moved = jnp.abs(new - at)
            done = done | (gap == 0) | there | (high - low <= tolerance * jnp.maximum(jnp.abs(new), 1.0))
            return new, low, high, moved, done, step + 1, best, least

        state = (
            jnp.clip(start, low, high),
            jnp.full_like(start, low),
            jnp.full_like(start, high),
            jnp.full_like(start, jnp.inf),
            jnp.zeros(start.shape, bool),
            0,
            jnp.clip(start, low, high),
            jnp.full_like(start, jnp.inf),
        )
        at, _, _, _, done, _, best, _ = jax.lax.while_loop(going, narrow, state)
        return jnp.where(done, at, best)  # out of steps: the nearest point seen, never the last one tried

    def tangent(linear, wanted):
        slope = linear(jnp.ones_like(wanted))
        steep = slope > 0
        return jnp.where(steep, wanted / jnp.where(steep, slope, 1.0), 0.0)

    return jax.lax.custom_root(function, start, solve, tangent)


def inverse_on(
    logit: Callable[[jax.Array], jax.Array],
    log_density: Callable[[jax.Array], jax.Array],
    z: jax.Array,
    low: jax.Array | float | None,
    high: jax.Array | float | None,
    guess: jax.Array | None = None,
) -> jax.Array:
    """The value whose logit rank is z, for values between `low` and `high` (None: infinite).

    The search runs on a scale on which both tails are within reach: log distances to a bound, or asinh.
    """
    z = jnp.asarray(z, float)
    reach = -math.log(jnp.finfo(z.dtype).tiny) - 4
    value: _Map
    log_speed: _Map
    code: _Map
    if low is None and high is None:
        value, log_speed, code = jnp.sinh, lambda w: jnp.log(jnp.cosh(w)), jnp.arcsinh
    elif low is not None and high is None:
        value, log_speed, code = (lambda w: low + jnp.exp(w)), (lambda w: w), (lambda v: jnp.log(v - low))
    elif low is None and high is not None:
        value, log_speed = (lambda w: high - jnp.exp(-w)), (lambda w: -w)
        code = lambda v: -jnp.log(high - v)  # noqa: E731
    else:
        assert low is not None and high is not None
        value = lambda w: low + (high - low) * jax.nn.sigmoid(w)  # noqa: E731
        log_speed = lambda w: jnp.log(high - low) - jax.nn.softplus(w) - jax.nn.softplus(-w)  # noqa: E731
        code = lambda v: jnp.log(v - low) - jnp.log(high - v)  # noqa: E731
    start = jnp.zeros_like(z)
    if guess is not None:
        start = jax.lax.stop_gradient(code(jnp.broadcast_to(guess, z.shape)))
        start = jnp.where(jnp.isfinite(start), start, 0.0)
    limit = 2 * reach  # beyond any rank that 64 bits hold
    wanted = jnp.clip(z, -limit, limit)

    def gap(w):
        return jnp.clip(logit(value(w)), -2 * limit, 2 * limit) - wanted

    def slope(w, gap):
        # d logit F / dv = f / (F (1 - F))
        reached = gap + jax.lax.stop_gradient(wanted)
        log_slope = log_density(value(w)) + jax.nn.softplus(reached) + jax.nn.softplus(-reached)
        return jnp.exp(log_slope + log_speed(w))

    return value(increasing_root(gap, start, -reach, reach, slope))
