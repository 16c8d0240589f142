"""Stochastic variational inference: a guide fitted to the posterior by gradients."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np

from aitia.core import Assumption, AssumptionKey, progress, stream
from aitia.programs._errors import FitError
from aitia.programs._fitted import Diagnostic
from aitia.programs._random import seed_key
from aitia.programs.inference._compiled import Density, density, starting_points
from aitia.programs.inference._engine import Drawn, Engine
from aitia.programs.inference._guides import FlowGuide, Guide, MeanField
from aitia.programs.inference._laplace import corrected_draws
from aitia.programs.inference._mode import climb
from aitia.programs.inference._posterior import Posterior
from aitia.programs.inference._psis import read_k_hat

CHUNK = 100


@dataclass(frozen=True)
class SVI(Engine):
    """The member of a guide that is closest to the posterior in KL(guide || posterior).

    The evidence lower bound E_q[log p - log q] rises by Adam, with gradients through the draws that leave out the
    score (Roeder, Wu and Duvenaud 2017: no noise where the guide is exact) and a learning rate that falls to a
    hundredth. The posterior is first standardised by the place and curvature that L-BFGS finds, so that one learning
    rate fits all. It stops early once the bound no longer rises.

    Args:
        guide: the family: `MeanField()`, `FullRank()` or `FlowGuide()`.
        steps: gradient steps, at most.
        draws_per_step: draws of the guide for each gradient.
        learning_rate: Adam's learning rate at the start, in standardised units.
        draws: draws returned.
        corrected: whether draws are resampled by their importance weights where k-hat says that it helps.
    """

    guide: Guide = field(default_factory=MeanField)
    steps: int = 3_000
    draws_per_step: int = 8
    learning_rate: float = 0.02
    draws: int = 2_000
    corrected: bool = True

    def __post_init__(self) -> None:
        if self.steps < 2 * CHUNK or self.draws_per_step < 1 or self.learning_rate <= 0 or self.draws < 100:
            raise FitError(
                f"SVI cannot run with {self!r}.",
                f"Ask for at least {2 * CHUNK} steps, 1 draw a step, 100 draws, and a learning rate above zero.",
            )

    @property
    def description(self) -> str:
        return f"variational inference with {self.guide.description}"

    def draw(self, posterior: Posterior, *, seed: int, show_progress: bool | None = None) -> Drawn:
        import optax

        started = time.perf_counter()
        whole = density(posterior.vector_log_density, posterior.size)
        start = starting_points(posterior, whole, seed, 1)[0]
        centre, scale = standardising(whole, start)
        settings, draw, log_density = self.guide.begin(seed_key(seed, "guide"), posterior.size)
        optimiser = optax.chain(
            optax.clip_by_global_norm(100.0),
            optax.adam(optax.exponential_decay(self.learning_rate, self.steps, 0.01)),
        )

        def bound(settings, data, key):
            data, centre, scale = data
            points = draw(settings, key, self.draws_per_step)
            held = jax.lax.stop_gradient(settings)
            target = jax.vmap(lambda each: whole.function(data, centre + scale * each))(points)
            return jnp.mean(target - jax.vmap(lambda each: log_density(held, each))(points))

        def step(carry, key):
            settings, state, data = carry
            value, gradient = jax.value_and_grad(lambda each: -bound(each, data, key))(settings)
            fine = jnp.isfinite(value)
            gradient = jax.tree.map(lambda each: jnp.where(fine & jnp.isfinite(each), each, 0.0), gradient)
            change, state = optimiser.update(gradient, state, settings)
            return (optax.apply_updates(settings, change), state, data), -value

        def chunk(settings, state, data, keys):
            (settings, state, _), values = jax.lax.scan(step, (settings, state, data), keys)
            return settings, state, values

        state = optimiser.init(settings)
        keys = jax.random.split(seed_key(seed, "svi"), (self.steps // CHUNK, CHUNK))
        data = (whole.data, centre, scale)
        own = (self, seed if isinstance(self.guide, FlowGuide) else None)  # a flow's permutations are random
        run = whole.code.build(
            (*own, "steps"), lambda: jax.jit(chunk).lower(settings, state, data, keys[0]).compile()
        )
        compiled = time.perf_counter()
        trace: list[np.ndarray] = []
        with progress("raising the evidence bound", self.steps, show_progress) as bar:
            for each in keys:
                settings, state, values = run(settings, state, data, each)
                trace.append(np.asarray(values))
                bar.advance(CHUNK)
                if len(trace) >= 10 and _level(trace):
                    break
        bounds = np.concatenate(trace)
        candidates = 4 * self.draws if self.corrected else self.draws

        def drawn(settings, key):
            points = draw(settings, key, candidates)
            return points, jax.vmap(lambda each: log_density(settings, each))(points)

        several = whole.code.build((*own, "draws"), lambda: jax.jit(drawn))
        points, log_proposal = several(settings, seed_key(seed, "draws"))
        points = centre + scale * np.asarray(points)
        log_proposal = np.asarray(log_proposal) - np.log(scale).sum()
        generator = stream(seed, "svi")
        draws, k_hat, decisions = corrected_draws(
            whole, points, log_proposal, self.draws, self.corrected, generator
        )
        return Drawn(
            jax.vmap(posterior.unravel)(draws),
            (
                self._converged(bounds, _level(trace)),
                read_k_hat(k_hat, candidates, corrected=self.corrected, what="the guide"),
            ),
            {"compile": compiled - started, "run": time.perf_counter() - compiled},
            (
                Assumption(
                    AssumptionKey.SMOOTHNESS,
                    f"The posterior of the unconstrained parameters is close to {self.guide.description}"
                    + (", as far as importance weights do not correct it." if self.corrected else "."),
                    True,
                    source="variational inference",
                ),
            ),
            {"evidence bound": bounds},
            decisions=decisions,
        )

    def _converged(self, bounds: np.ndarray, level: bool) -> Diagnostic:
        last = float(np.mean(bounds[-CHUNK:]))
        finite = bool(np.isfinite(bounds[-CHUNK:]).all())
        good = level and finite
        return Diagnostic(
            "evidence bound",
            last,
            good,
            f"The evidence bound no longer rises ({last:,.2f} after {len(bounds):,} steps)."
            if good
            else f"The evidence bound still moves after {len(bounds):,} steps: raise steps."
            if finite
            else "The evidence bound is not finite: lower the learning rate, or check the mechanisms.",
        )


def standardising(whole: Density, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A centre and a scale for each number: where L-BFGS comes to and the curvature there.

    Where it runs away (a hierarchy's spread towards zero), the start and a scale of one tenth are returned.
    """
    place = climb(whole, start, 500)
    value, gradient = whole.value_and_gradient(place)
    probes = np.random.default_rng(0).choice([-1.0, 1.0], size=(12, len(place)))
    if len(place) <= 12:
        probes = np.eye(len(place))
    # The diagonal of the Hessian by Hutchinson's estimator (exact where the probes are the axes).
    products = whole.products(place, probes)
    curvature = -(probes * products).sum(axis=0) / (1 if len(place) <= 12 else len(probes))
    curved = np.isfinite(curvature).all() and np.isfinite(value) and np.median(curvature) > 0
    if not curved or np.abs(gradient).max() > 1e-2 * max(1.0, abs(value)):
        return start, np.full(len(start), 0.1)
    typical = np.median(curvature[curvature > 0])
    return place, 1 / np.sqrt(np.maximum(curvature, 1e-2 * typical))


def _level(trace: list[np.ndarray]) -> bool:
    """Whether the bound's last fifth is where the fifth before was, within its noise."""
    width = max(len(trace) // 5, 2)
    if len(trace) < 2 * width:
        return False
    last, before = np.concatenate(trace[-width:]), np.concatenate(trace[-2 * width : -width])
    noise = np.hypot(last.std() / np.sqrt(len(last)), before.std() / np.sqrt(len(before)))
    return bool(np.isfinite(noise) and last.mean() - before.mean() < 3 * noise + 0.01)
