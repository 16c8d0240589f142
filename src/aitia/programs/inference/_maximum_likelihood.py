"""The most likely parameters, and the normal that their sampling distribution tends to."""

from __future__ import annotations

import time
from dataclasses import dataclass

import jax

from aitia.core import Assumption, AssumptionKey, listing, stream
from aitia.programs._errors import FitError
from aitia.programs._fitted import Diagnostic
from aitia.programs.inference._compiled import density, starting_points
from aitia.programs.inference._engine import Drawn, Engine
from aitia.programs.inference._mode import mode_of
from aitia.programs.inference._posterior import LATENTS, Posterior


@dataclass(frozen=True)
class MaximumLikelihood(Engine):
    """Maximum likelihood: no priors; draws of the normal with the inverse of the observed information as covariance.

    The draws carry the estimates' uncertainty into every query; they are no posterior. Constrained parameters (a
    spread above zero) are drawn on the unconstrained scale and so stay within their bounds.

    Args:
        draws: draws of the asymptotic normal.
        starts: random starts of the search for the maximum.
    """

    draws: int = 1_000
    starts: int = 3

    @property
    def description(self) -> str:
        return f"maximum likelihood, {self.draws:,} draws of its asymptotic distribution"

    def draw(self, posterior: Posterior, *, seed: int, show_progress: bool | None = None) -> Drawn:
        started = time.perf_counter()
        if posterior.hierarchical:
            raise FitError(
                f"The prior of {listing(posterior.hierarchical, most=4)} depends on other parameters, and maximum "
                "likelihood has no priors: nothing would tell of those others.",
                "Fit with NUTS() or Laplace().",
            )
        if any(LATENTS in block for block in posterior.blocks):
            raise FitError(
                "Continuous nodes without data cannot be maximised over: their number grows with the rows.",
                "Fit with NUTS() or SVI(), which keep their uncertainty.",
            )
        whole = density(lambda vector: posterior.log_likelihood(posterior.unravel(vector)), posterior.size)
        starts = starting_points(posterior, whole, seed, self.starts)
        compiled = time.perf_counter()
        mode, heights = mode_of(whole, starts, posterior.block_indices, posterior.labels, "the likelihood")
        draws, _ = mode.draws(stream(seed, "maximum-likelihood"), self.draws)
        lower = heights < heights.max() - 1e-3
        return Drawn(
            jax.vmap(posterior.unravel)(draws),
            (
                Diagnostic(
                    "maxima",
                    float(lower.sum()),
                    not lower.any(),
                    "Every start led to the same maximum."
                    if not lower.any()
                    else f"{int(lower.sum())} of {len(heights)} starts led to a lower maximum: the likelihood has "
                    "several peaks, and the highest found may not be the highest there is. Use more starts, or NUTS().",
                ),
            ),
            {"compile": compiled - started, "run": time.perf_counter() - compiled},
            (
                Assumption(
                    AssumptionKey.INTERVAL,
                    "The sample is large enough for the estimates to be normal about the truth; priors are not used.",
                    False,
                    source="maximum likelihood",
                ),
            ),
            {"log likelihood": mode.height, "estimate": mode.place},
            uses_prior=False,
        )
