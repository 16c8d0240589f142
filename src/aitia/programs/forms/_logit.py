"""Ranks on the logit scale: exact in both tails, where a rank in (0, 1) would round to one.

A rank u is written as z = log u - log(1 - u). The noise of a unit's rank is then standard logistic, and z = 700
still tells 1 - u = 1e-304 from zero.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax.nn import log_sigmoid, softplus
from jax.scipy.special import log_ndtr, ndtri


def safe_log(x: jax.Array) -> jax.Array:
    """log x, minus infinity at zero and below, without a NaN in its gradient."""
    positive = x > 0
    return jnp.where(positive, jnp.log(jnp.where(positive, x, 1.0)), -jnp.inf)


def log1mexp(x: jax.Array) -> jax.Array:
    """log(1 - exp(-x)) for x >= 0 (Maechler 2012), minus infinity at zero."""
    x = jnp.asarray(x, float)
    small = x < math.log(2)
    positive = x > 0
    near = safe_log(-jnp.expm1(-jnp.where(small & positive, x, 1.0)))
    far = jnp.log1p(-jnp.exp(-jnp.where(small, 1.0, x)))
    return jnp.where(positive, jnp.where(small, near, far), -jnp.inf)


def log_mass(low: jax.Array, high: jax.Array) -> jax.Array:
    """log(sigmoid(high) - sigmoid(low)): the log probability that a rank lies between; minus infinity if low >= high.

    sigmoid(h) - sigmoid(l) = sigmoid(h) (1 - sigmoid(l)) (1 - exp(l - h)).
    """
    proper = low < high
    ends = jnp.isfinite(low) & jnp.isfinite(high)
    below = jnp.where(jnp.isfinite(low), low, 0.0)
    above = jnp.where(jnp.isfinite(high), high, 0.0)
    width = jnp.where(ends & proper, above - below, 1.0)
    return jnp.where(
        proper,
        jnp.where(high == jnp.inf, 0.0, log_sigmoid(above))
        + jnp.where(low == -jnp.inf, 0.0, log_sigmoid(-below))
        + jnp.where(ends, log1mexp(width), 0.0),
        -jnp.inf,
    )


def between(log_share: jax.Array, log_rest: jax.Array, low: jax.Array, high: jax.Array) -> jax.Array:
    """The logit rank that lies a given share of the probability above `low`; finite even where low >= high.

    u = (1 - share) sigmoid(low) + share sigmoid(high), so that log u and log(1 - u) are sums of positive terms.

    Args:
        log_share: the log of the share.
        log_rest: the log of one minus the share.
        low: the lower end, a logit rank.
        high: the upper end, a logit rank.
    """
    proper = low < high
    low, high = jnp.where(proper, low, -jnp.inf), jnp.where(proper, high, jnp.inf)
    below = jnp.logaddexp(log_rest + _log_rank(low), log_share + _log_rank(high))
    above = jnp.logaddexp(log_rest + _log_rank(-low), log_share + _log_rank(-high))
    return jnp.clip(below - above, low, high)


def draw_between(key: jax.Array, low: jax.Array, high: jax.Array) -> jax.Array:
    """A draw of the standard logistic law within [low, high]; finite even where low >= high."""
    share = share_of(key, jnp.broadcast_shapes(jnp.shape(low), jnp.shape(high)))
    return between(jnp.log(share), jnp.log1p(-share), low, high)


def share_of(key: jax.Array, shape: tuple[int, ...] = ()) -> jax.Array:
    """Uniform draws on the open interval (0, 1)."""
    kind = jnp.result_type(float)
    return jax.random.uniform(key, shape, kind, minval=jnp.finfo(kind).tiny)


def logistic(key: jax.Array, shape: tuple[int, ...] = ()) -> jax.Array:
    """Draws of the logit of a uniform rank."""
    share = share_of(key, shape)
    return jnp.log(share) - jnp.log1p(-share)


def normal_logit(x: jax.Array) -> jax.Array:
    """The logit rank of x under the standard normal law."""
    return log_ndtr(x) - log_ndtr(-x)


def normal_quantile(z: jax.Array) -> jax.Array:
    """The standard normal value whose rank has the logit z."""
    lower = normal_lower_quantile(-softplus(jnp.where(z < 0, -z, z)))
    return jnp.where(z < 0, lower, -lower)


def normal_lower_quantile(log_rank: jax.Array) -> jax.Array:
    """The standard normal value x with log Phi(x) = log_rank <= log(1/2), also where the rank underflows."""
    log_rank = jnp.maximum(log_rank, -1e9)
    known = jax.lax.stop_gradient(log_rank)
    deepest = math.log(jnp.finfo(known.dtype).tiny) + 1
    x = jnp.where(
        known < deepest,
        -jnp.sqrt(jnp.maximum(-2 * known - jnp.log(jnp.maximum(-4 * math.pi * known, 1.0)), 0.0)),
        ndtri(jnp.exp(jnp.maximum(known, deepest))),
    )
    for _ in range(2):  # Newton; the first already carries the derivative to log_rank
        x = jax.lax.stop_gradient(x)
        log_density = -0.5 * x**2 - 0.5 * math.log(2 * math.pi)
        x = x - (log_ndtr(x) - log_rank) * jnp.exp(log_ndtr(x) - log_density)
    return x


def exponential_logit(x: jax.Array) -> jax.Array:
    """The logit rank of x under the standard exponential law (its inverse is softplus)."""
    positive = x > 0
    safe = jnp.where(positive, x, 1.0)
    return jnp.where(positive, safe + log1mexp(safe), -jnp.inf)


def _log_rank(z: jax.Array) -> jax.Array:
    """log sigmoid(z), with no NaN in the gradient at infinity."""
    finite = jnp.isfinite(z)
    return jnp.where(finite, log_sigmoid(jnp.where(finite, z, 0.0)), jnp.where(z > 0, 0.0, -jnp.inf))
