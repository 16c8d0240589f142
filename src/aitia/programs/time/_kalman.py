"""The Kalman filter of one series (Kalman 1960; Durbin and Koopman 2012, chapter 4), as one scan.

y_t = z_t' α_t + ε_t, ε_t ~ N(0, h);  α_{t+1} = T α_t + η_t, η_t ~ N(0, diag(q));  α_0 ~ N(a, diag(p)).
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp


class StateSpace(NamedTuple):
    """A linear Gaussian state space of one series with m states.

    Args:
        transition: T, shape (m, m).
        shocks: q, the variances of the states' shocks, shape (m,).
        start: a, the mean of the first state, shape (m,).
        start_variances: p, its variances, shape (m,).
        noise: h, the variance of the observation noise.
    """

    transition: jax.Array
    shocks: jax.Array
    start: jax.Array
    start_variances: jax.Array
    noise: jax.Array


class Filtered(NamedTuple):
    """What the filter finds.

    Args:
        log_likelihood: log p(y), of the steps that were seen.
        predictions: E[y_t | y_1..t-1], shape (steps,).
        variances: their variances, observation noise included, shape (steps,).
        mean: the mean of the state after the last step (`end`), given all of y, shape (m,).
        covariance: its covariance, shape (m, m).
    """

    log_likelihood: jax.Array
    predictions: jax.Array
    variances: jax.Array
    mean: jax.Array
    covariance: jax.Array


def kalman(
    space: StateSpace,
    loadings: jax.Array,
    values: jax.Array,
    seen: jax.Array,
    end: jax.Array | int | None = None,
) -> Filtered:
    """The filter over a series.

    Args:
        space: the state space.
        loadings: z_t, shape (steps, m).
        values: y, shape (steps,); anything finite where it was not seen.
        seen: whether it was seen, shape (steps,).
        end: the number of steps after which the state is wanted; None is all.
    """

    def step(carry, now):
        mean, covariance = carry  # of α_t given y_1..t-1
        z, y, there = now
        projected = covariance @ z
        variance = z @ projected + space.noise
        error = y - z @ mean
        gain = jnp.where(there, 1.0, 0.0) * projected / variance
        after = mean + gain * error
        after_covariance = covariance - jnp.outer(gain, projected)
        log_density = jnp.where(there, -0.5 * (jnp.log(2 * jnp.pi * variance) + error**2 / variance), 0.0)
        next_covariance = space.transition @ after_covariance @ space.transition.T + jnp.diag(space.shocks)
        carry = (space.transition @ after, (next_covariance + next_covariance.T) / 2)
        return carry, (log_density, y - error, variance, after, after_covariance)

    start = (space.start, jnp.diag(space.start_variances))
    _, (terms, predictions, variances, means, covariances) = jax.lax.scan(
        step, start, (loadings, values, seen)
    )
    last = len(values) - 1 if end is None else end - 1
    return Filtered(terms.sum(), predictions, variances, means[last], covariances[last])
