"""Sequential Monte Carlo over parameters: from the prior to the posterior in small steps."""

from __future__ import annotations

import time
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from aitia.core import progress, stream
from aitia.programs._errors import FitError
from aitia.programs._fitted import Diagnostic
from aitia.programs._random import seed_key
from aitia.programs.inference._compiled import density
from aitia.programs.inference._engine import Drawn, Engine
from aitia.programs.inference._importance import from_prior
from aitia.programs.inference._posterior import Posterior
from aitia.programs.inference._psis import resampled


@dataclass(frozen=True)
class SMC(Engine):
    """Tempered sequential Monte Carlo (Del Moral, Doucet and Jasra 2006): several peaks are no obstacle.

    The likelihood's power rises from 0 to 1; each step is as long as the weights allow (half of the particles'
    effective size), then particles are resampled and moved by a random walk of their own covariance. The product of
    the mean weights estimates the evidence.

    Args:
        particles: particles, and draws returned.
        moves: Metropolis moves after each step, at most; fewer where particles have moved enough.
    """

    particles: int = 2_000
    moves: int = 20

    @property
    def description(self) -> str:
        return f"sequential Monte Carlo, {self.particles:,} particles"

    def draw(self, posterior: Posterior, *, seed: int, show_progress: bool | None = None) -> Drawn:
        started = time.perf_counter()
        likelihood, points = from_prior(posterior, self.particles, seed)
        base = density(lambda vector: posterior.log_base(posterior.unravel(vector)), posterior.size)
        size = posterior.size

        def both(data, point):
            return likelihood.function(data[0], point), base.function(data[1], point)

        data = (likelihood.data, base.data)

        def move(data, key, points, power, factor):
            def step(carry, key):
                at, (log_likelihood, log_base), accepted = carry
                walk, coin = jax.random.split(key)
                to = at + jax.random.normal(walk, at.shape) @ factor.T
                new = jax.vmap(lambda each: both(data, each))(to)
                gain = power * (new[0] - log_likelihood) + new[1] - log_base
                take = jnp.log(jax.random.uniform(coin, gain.shape)) < jnp.where(
                    jnp.isnan(gain), -jnp.inf, gain
                )
                held = (jnp.where(take, new[0], log_likelihood), jnp.where(take, new[1], log_base))
                return (jnp.where(take[:, None], to, at), held, accepted + take), None

            start = (points, jax.vmap(lambda each: both(data, each))(points), jnp.zeros(len(points)))
            (points, (log_likelihood, _), accepted), _ = jax.lax.scan(
                step, start, jax.random.split(key, self.moves)
            )
            return points, log_likelihood, accepted

        run = jax.jit(move)
        generator = stream(seed, "smc")
        log_likelihood = np.asarray(jax.jit(jax.vmap(lambda each: both(data, each)[0]))(points))
        log_likelihood = np.where(np.isnan(log_likelihood), -np.inf, log_likelihood)
        if not np.isfinite(log_likelihood).any():
            raise FitError(
                f"None of {self.particles:,} draws from the prior has a finite likelihood.",
                "Check the data against the mechanisms' supports, or fit with NUTS().",
            )
        power, evidence, scale, steps, still = 0.0, 0.0, 2.38 / np.sqrt(size), 0, 0.0
        with progress("tempering", 1.0, show_progress) as bar:
            while power < 1.0:
                rise = _rise(log_likelihood, 1.0 - power)
                log_weights = rise * log_likelihood
                highest = log_weights.max()
                evidence += highest + np.log(np.mean(np.exp(log_weights - highest)))
                power = min(power + rise, 1.0)
                points = points[resampled(generator, log_weights, self.particles)]
                covariance = np.cov(points.T).reshape(size, size) + 1e-10 * np.eye(size)
                factor = scale * np.linalg.cholesky(covariance)
                key = seed_key(seed, "smc", steps)
                points, log_likelihood, accepted = map(np.asarray, run(data, key, points, power, factor))
                rate = float(accepted.mean() / self.moves)
                still = float((accepted == 0).mean())
                scale = float(np.clip(scale * np.exp(2 * (rate - 0.25)), 0.01, 5.0))
                steps += 1
                bar.advance(rise)
        good = still < 0.05
        return Drawn(
            jax.vmap(posterior.unravel)(points),
            (
                Diagnostic(
                    "particles that never moved",
                    still,
                    good,
                    f"In the last step {1 - still:.0%} of the particles moved."
                    if good
                    else f"In the last step {still:.0%} of the particles stayed where they were, so that draws repeat: "
                    "raise moves, or fit with NUTS().",
                ),
            ),
            {"compile": 0.0, "run": time.perf_counter() - started},
            details={"log evidence": float(evidence), "steps": float(steps)},
        )


def _rise(log_likelihood: np.ndarray, most: float) -> float:
    """How far the likelihood's power may rise until half of the effective size is left, by bisection."""

    def share(rise: float) -> float:
        weights = np.exp(rise * log_likelihood - np.max(rise * log_likelihood))
        return float(weights.sum() ** 2 / (weights**2).sum() / len(weights))

    if share(most) >= 0.5:
        return most
    low, high = 0.0, most
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if share(middle) >= 0.5 else (low, middle)
    return max(low, 1e-12)
