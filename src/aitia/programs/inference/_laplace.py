"""A normal distribution at the posterior's mode."""

from __future__ import annotations

import time
from dataclasses import dataclass

import jax

from aitia.core import Assumption, AssumptionKey, Decision, stream
from aitia.programs._fitted import Diagnostic
from aitia.programs.inference._compiled import density, starting_points
from aitia.programs.inference._engine import Drawn, Engine
from aitia.programs.inference._mode import mode_of
from aitia.programs.inference._posterior import Posterior
from aitia.programs.inference._psis import read_k_hat, resampled, smoothed


@dataclass(frozen=True)
class Laplace(Engine):
    """The normal with the posterior's mode and curvature, on unconstrained parameters (Tierney and Kadane 1986).

    Its draws are resampled by Pareto smoothed weights where k-hat says that this helps, so that moderate skewness is
    corrected. Where nodes are all seen, the posterior is a product over mechanisms and so are the curvatures.

    Args:
        draws: draws.
        starts: random starts of the search for the mode; the highest maximum is taken.
        corrected: whether draws are resampled by their importance weights.
    """

    draws: int = 2_000
    starts: int = 3
    corrected: bool = True

    @property
    def description(self) -> str:
        return f"Laplace approximation, {self.draws:,} draws"

    def draw(self, posterior: Posterior, *, seed: int, show_progress: bool | None = None) -> Drawn:
        started = time.perf_counter()
        whole = density(posterior.vector_log_density, posterior.size)
        starts = starting_points(posterior, whole, seed, self.starts)
        compiled = time.perf_counter()
        mode, heights = mode_of(whole, starts, posterior.block_indices, posterior.labels, "the posterior")
        candidates = 4 * self.draws if self.corrected else self.draws
        generator = stream(seed, "laplace")
        points, log_proposal = mode.draws(generator, candidates)
        draws, k_hat, decisions = corrected_draws(
            whole, points, log_proposal, self.draws, self.corrected, generator
        )
        lower = heights < heights.max() - 1e-3
        return Drawn(
            jax.vmap(posterior.unravel)(draws),
            (
                read_k_hat(k_hat, candidates, corrected=self.corrected, what="the normal approximation"),
                Diagnostic(
                    "modes",
                    float(lower.sum()),
                    not lower.any(),
                    "Every start led to the same mode."
                    if not lower.any()
                    else f"{int(lower.sum())} of {len(heights)} starts led to a lower mode: the posterior may have "
                    "several peaks, and a normal approximation knows one. Fit with NUTS().",
                ),
            ),
            {"compile": compiled - started, "run": time.perf_counter() - compiled},
            (
                Assumption(
                    AssumptionKey.SMOOTHNESS,
                    "The posterior of the unconstrained parameters is close to normal about its mode"
                    + (", as far as importance weights do not correct it." if self.corrected else "."),
                    True,
                    source="Laplace approximation",
                ),
            ),
            {"log density at the mode": mode.height},
            decisions=decisions,
        )


def corrected_draws(whole, points, log_proposal, count, corrected, generator):
    """Draws of a proposal, resampled by Pareto smoothed weights where that is wanted and helps.

    Args:
        whole: the target's log density.
        points: draws of the proposal, shape (candidates, size).
        log_proposal: their log densities, shape (candidates,).
        count: how many draws to return.
        corrected: whether to resample.
        generator: random numbers.

    Returns:
        Draws of shape (count, size), k-hat, and what was decided.
    """
    log_target = whole.values(points)
    weights, k_hat = smoothed(log_target - log_proposal)
    if not corrected:
        return points[:count], k_hat, ()
    if k_hat > 0.7:
        why = f"k-hat is {k_hat:.2f}: the weights are too uneven to correct anything"
        return points[:count], k_hat, (Decision("kept the approximation's draws as they are", why),)
    return points[resampled(generator, weights, count)], k_hat, ()
