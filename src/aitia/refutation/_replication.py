"""Replicates of an estimate: from moments where the estimator permits, by full refits otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from aitia.core import stream
from aitia.refutation._base import Case
from aitia.refutation._refits import refit


@dataclass(frozen=True, eq=False)
class Replicas:
    """Estimates on R variations of a sample.

    Args:
        values: shape (R,).
        std_errors: shape (R,).
        cost: what they cost, in words.
    """

    values: np.ndarray
    std_errors: np.ndarray
    cost: str


def with_treatments(
    case: Case,
    draw: Callable[[int], np.ndarray],
    replicates: int,
    *,
    full: bool,
    seconds: float,
    seed: int,
    clustered: bool = False,
) -> Replicas:
    """Estimates with the treatment column replaced by `draw(r)`."""
    return _refitted(
        case, lambda r: (replace(case.sample, treatment=draw(r)), None), replicates, seconds, seed, 10
    )


def with_outcomes(
    case: Case, draw: Callable[[int], np.ndarray], replicates: int, *, full: bool, seconds: float, seed: int
) -> Replicas:
    """Estimates with the outcome column replaced by `draw(r)`."""
    return _refitted(
        case, lambda r: (replace(case.sample, outcome=draw(r)), None), replicates, seconds, seed, 10
    )


def with_added_covariate(
    case: Case, draw: Callable[[int], np.ndarray], replicates: int, *, full: bool, seconds: float, seed: int
) -> Replicas:
    """Estimates with `draw(r)` added to the covariates."""
    sample = case.sample
    name = "random common cause"

    def make(r: int):
        p = sample.covariates.shape[1]
        wider = np.empty((sample.n, p + 1), order="F")
        wider[:, :p], wider[:, p] = sample.covariates, draw(r)
        return (
            replace(
                sample,
                covariates=wider,
                covariate_names=(*sample.covariate_names, name),
                covariate_groups={**sample.covariate_groups, name: (p,)},
            ),
            None,
        )

    return _refitted(case, make, replicates, seconds, seed, 5, keep_seed=True)


def on_subsets(
    case: Case, share: float, replicates: int, *, full: bool, seconds: float, seed: int, name: str
) -> tuple[Replicas, int | None]:
    """Estimates on random subsets of rows or clusters, and the number of blocks where subsets are made of blocks."""
    sample = case.sample
    units = np.arange(sample.n) if sample.clusters is None else np.unique(sample.clusters, return_inverse=True)[1]
    count = int(units.max()) + 1

    def make(r: int):
        keep = np.zeros(count, dtype=bool)
        keep[stream(seed, name, r).choice(count, max(int(round(share * count)), 1), replace=False)] = True
        return sample.rows(np.flatnonzero(keep[units])), None

    return _refitted(case, make, replicates, seconds, seed, 10), None


def _refitted(case, make, replicates, seconds, seed, at_least, keep_seed: bool = False) -> Replicas:
    fits = refit(case, make, replicates, seconds, seed=seed, at_least=at_least)
    return Replicas(fits.values, fits.std_errors, fits.cost)
