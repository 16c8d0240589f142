"""Pareto smoothed importance sampling, and k-hat: how far a fitted density is from the one it stands for.

Vehtari, Simpson, Gelman, Yao and Gabry 2024, Pareto smoothed importance sampling, JMLR 25(72):1-58. The tail of the
weights is fitted by a generalised Pareto distribution with the estimator of Zhang and Stephens 2009 (Technometrics
51:316-325). Numbers agree with ArviZ's.
"""

from __future__ import annotations

import numpy as np

from aitia.programs._fitted import Diagnostic


def smoothed(log_weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Pareto smoothed log weights (normalised), and k-hat.

    Args:
        log_weights: log target - log proposal at draws from the proposal, shape (draws,).

    Returns:
        Log weights that sum to one in their exponentials; k-hat, which is infinite where no weight is finite or the
        tail is too short to fit.
    """
    weights = np.where(np.isnan(log_weights), -np.inf, log_weights)
    if not np.isfinite(weights.max()):
        return np.full(len(weights), -np.log(len(weights))), np.inf
    weights = weights - weights.max()
    size = len(weights)
    tail = int(np.ceil(min(0.2 * size, 3 * np.sqrt(size))))  # section 3.1: the length of the tail
    order = np.argsort(weights, kind="stable")
    cut = max(weights[order[-tail - 1]], np.log(np.finfo(float).tiny))
    above = order[weights[order] > cut]
    k_hat = np.inf
    if len(above) > 4:
        excess = np.exp(weights[above]) - np.exp(cut)
        k_hat, scale = _generalised_pareto(excess)
        if np.isfinite(k_hat):
            # The tail's weights become the expected order statistics (step 2 of section 3.1), cut at the largest raw.
            middle = (np.arange(len(above)) + 0.5) / len(above)
            stretched = scale * (
                np.expm1(-k_hat * np.log1p(-middle)) / k_hat if k_hat else -np.log1p(-middle)
            )
            weights[above] = np.minimum(np.log(stretched + np.exp(cut)), 0.0)
    elif np.ptp(weights) < 1e-8:
        k_hat = -np.inf  # all weights are the same: the proposal is the target
    return weights - np.log(np.exp(weights).sum()), float(k_hat)


def _generalised_pareto(excess: np.ndarray) -> tuple[float, float]:
    """Shape and scale of a generalised Pareto distribution, from sorted values (Zhang and Stephens 2009)."""
    n = len(excess)
    points = 30 + int(np.sqrt(n))
    quartile = excess[int(n / 4 + 0.5) - 1]
    if quartile <= 0:
        return np.inf, np.nan
    grid = 1 / excess[-1] + (1 - np.sqrt(points / (np.arange(1, points + 1) - 0.5))) / (3 * quartile)
    shapes = np.log1p(-grid[:, None] * excess).mean(axis=1)
    profile = n * (np.log(-(grid / shapes)) - shapes - 1)
    with np.errstate(over="ignore"):  # a sum that overflows is a weight of zero
        weights = 1 / np.exp(profile - profile[:, None]).sum(axis=1)
    weights = np.where(weights >= 10 * np.finfo(float).eps, weights, 0.0)
    theta = (grid * weights).sum() / weights.sum()
    shape = np.log1p(-theta * excess).mean()
    # A weak prior about 0.5 for short tails (appendix C of Vehtari et al.): as ten more draws would say it.
    return float(n * shape / (n + 10) + 10 * 0.5 / (n + 10)), float(-shape / theta)


def resampled(generator: np.random.Generator, log_weights: np.ndarray, count: int) -> np.ndarray:
    """Positions drawn by their weights with even strata (systematic resampling), in a random order."""
    edges = np.cumsum(np.exp(log_weights - log_weights.max()))
    places = (np.arange(count) + generator.random()) / count * edges[-1]
    return generator.permutation(np.minimum(np.searchsorted(edges, places, side="right"), len(edges) - 1))


def read_k_hat(k_hat: float, draws: int, *, corrected: bool, what: str) -> Diagnostic:
    """The diagnostic of k-hat.

    Args:
        k_hat: its value.
        draws: how many draws it comes from.
        corrected: whether the draws were resampled by their weights.
        what: what was fitted (``"the normal approximation"``).
    """
    most = min(1 - 1 / np.log10(draws), 0.7) if corrected else 0.5
    good = bool(k_hat <= most)
    shown = f"k-hat {k_hat:.2f}" if np.isfinite(k_hat) else "k-hat not finite"
    if good:
        end = ", and the draws are corrected for it" if corrected else ""
        sentence = f"{what[0].upper()}{what[1:]} is close to the posterior ({shown}){end}."
    else:
        sentence = (
            f"{what[0].upper()}{what[1:]} is not close enough to the posterior ({shown}, above {most:.2f}): its draws "
            "have the wrong spread, and may miss part of it. Fit with NUTS(), or with a richer guide."
        )
    return Diagnostic("k-hat", float(k_hat), good, sentence)
