"""The highest point of a density: L-BFGS, then Newton's steps, a block at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from aitia.core import listing
from aitia.programs._errors import FitError
from aitia.programs.inference._compiled import Density

LARGEST_BLOCK = 3_000
"""Numbers in one block whose Hessian is still made."""


@dataclass(frozen=True, eq=False)
class Mode:
    """A maximum of a log density.

    Args:
        place: where it is, shape (size,).
        height: the log density there.
        factors: for each block, the lower Cholesky factor of minus the Hessian.
        blocks: where each block's numbers stand in `place`.
    """

    place: np.ndarray
    height: float
    factors: tuple[np.ndarray, ...]
    blocks: tuple[np.ndarray, ...]

    def draws(self, generator: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Draws of the normal with this mode and curvature, shape (count, size), and their log densities."""
        noise = generator.standard_normal((count, len(self.place)))
        found = np.repeat(self.place[None], count, axis=0)
        log_density = -0.5 * (noise**2).sum(axis=1) - 0.5 * noise.shape[1] * np.log(2 * np.pi)
        for block, factor in zip(self.blocks, self.factors):
            found[:, block] += np.linalg.solve(factor.T, noise[:, block].T).T
            log_density += np.log(np.diag(factor)).sum()
        return found, log_density


def climb(density: Density, start: np.ndarray, steps: int = 2_000) -> np.ndarray:
    """Where L-BFGS comes to from `start`; it may have run away."""

    def descend(vector):
        value, gradient = density.value_and_gradient(vector)
        if not np.isfinite(value) or not np.isfinite(gradient).all():
            return 1e300, np.zeros_like(vector)
        return -value, -gradient

    found = minimize(
        descend, start, jac=True, method="L-BFGS-B", options={"maxiter": steps, "maxcor": 20, "gtol": 1e-8}
    )
    return found.x


def mode_of(
    density: Density, starts: np.ndarray, blocks: tuple[np.ndarray, ...], labels: tuple[str, ...], what: str
) -> tuple[Mode, np.ndarray]:
    """The highest of the maxima that the starts lead to, and the heights that each came to.

    Args:
        density: the log density.
        starts: shape (starts, size).
        blocks: numbers that the density does not join.
        labels: the name of every number.
        what: what is maximised (``"the likelihood"``).

    Raises:
        FitError: the density rises without end, or is flat along some direction; the error names the numbers.
    """
    widest = max(len(block) for block in blocks)
    if widest > LARGEST_BLOCK:
        raise FitError(
            f"The curvature of {what} would be a matrix of {widest:,} by {widest:,} numbers.",
            "Fit with NUTS() or SVI(MeanField()).",
        )
    places = [climb(density, start) for start in starts]
    heights = np.array([density.value(place) for place in places])
    place = places[int(np.nanargmax(heights))]
    rise, step, hessians = np.inf, np.zeros_like(place), []
    for _ in range(30):
        gradient = density.value_and_gradient(place)[1]
        hessians = density.hessian(place, blocks)
        step, rise = np.zeros_like(place), 0.0
        for block, hessian in zip(blocks, hessians):
            _check_curvature(-hessian, [labels[j] for j in block], what)
            step[block] = np.linalg.solve(-hessian, gradient[block])
            rise += float(gradient[block] @ step[block])
        if rise < 1e-12:
            break
        height, length = density.value(place), 1.0
        while length > 1e-6 and not density.value(place + length * step) >= height - 1e-9 * abs(height):
            length /= 2
        place = place + length * step
    else:
        if rise > 1e-4:
            worst = int(np.argmax(np.abs(step)))
            raise FitError(
                f"{what[0].upper()}{what[1:]} keeps rising along {labels[worst]}: it has no maximum.",
                "The data separate perfectly there, or say nothing of it: give it a proper prior and fit with NUTS().",
            )
    factors = tuple(np.linalg.cholesky(-hessian) for hessian in hessians)
    return Mode(place, density.value(place), factors, blocks), heights


def _check_curvature(information: np.ndarray, labels: list[str], what: str) -> None:
    """That minus the Hessian is positive definite, beyond rounding.

    Raises:
        FitError: it is not; the error names the numbers along which the density is flat.
    """
    if not np.isfinite(information).all():
        raise FitError(
            f"The curvature of {what} is not finite.",
            "Check the mechanisms for square roots and logarithms at zero.",
        )
    scale = np.sqrt(np.abs(np.diag(information)))
    flat = np.flatnonzero(scale <= 1e-7)
    if len(flat):
        raise FitError(
            f"{what[0].upper()}{what[1:]} does not change with {listing([labels[j] for j in flat], most=4)}.",
            "The data say nothing of it: give it a proper prior, or fix its value.",
        )
    values, vectors = np.linalg.eigh(information / np.outer(scale, scale))
    if values[0] <= 1e-10:
        loading = np.abs(vectors[:, 0])
        named = [labels[j] for j in np.argsort(-loading) if loading[j] > 0.1]
        shape = "is flat" if values[0] > -1e-6 else "is no peak"
        raise FitError(
            f"{what[0].upper()}{what[1:]} {shape} along a mix of {listing(named, most=4)}: the data cannot tell them "
            "apart.",
            "Fix one of them, or give them proper priors and fit with NUTS().",
        )
