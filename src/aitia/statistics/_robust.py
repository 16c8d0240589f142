"""Standard errors that survive unequal variances and clusters: what each needs, in one pass or in two.

The sandwich is bread @ meat @ bread with bread = (X'WX)^-1 from the fit. The meat sums squared scores w e x:

==================  ==========================================  =========================================
meat                one pass keeps                              a second pass over the rows keeps
==================  ==========================================  =========================================
independent rows    `QuadraticMoments`: (k+1)^2 (k+2)^2 / 4     p (p+1) / 2 numbers (`robust_meat`)
                    numbers, about k^2 / 4 times the work
clusters            `GroupedMoments` by cluster: k (k+1) / 2    G p numbers: the score sums
                    numbers a cluster (`cluster_meat`)          (`cluster_scores`)
==================  ==========================================  =========================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any

import numpy as np

from aitia.statistics._accumulate import PerRow, checked_groups, in_order, per_row
from aitia.statistics._errors import TooFewRows
from aitia.statistics._grouped import GroupedMoments
from aitia.statistics._least_squares import LeastSquares
from aitia.statistics._moments import checked_block, checked_weights

_CHUNK = 1 << 18


class Robust(StrEnum):
    """Which heteroskedasticity-robust covariance (MacKinnon & White 1985)."""

    HC0 = "HC0"
    HC1 = "HC1"
    HC2 = "HC2"
    HC3 = "HC3"


def robust_meat(
    blocks: Iterable[np.ndarray],
    names: Sequence[str],
    fit: LeastSquares,
    *,
    weights: PerRow | None = None,
    kind: Robust = Robust.HC1,
    threads: int | None = None,
) -> np.ndarray:
    """sum of w^2 e^2 x x' over the rows, by a second pass, shape (p, p).

    HC2 and HC3 divide e^2 by (1 - h) and (1 - h)^2, with leverage h = w x' bread x.

    Args:
        blocks: the rows that the fit was made from, in blocks of shape (rows, k).
        names: the k variables, among them the fit's outcome and regressors.
        fit: the regression.
        weights: the weights that the fit was made with, or None.
        kind: which covariance; HC0 and HC1 have the same meat.
        threads: how many chunks to work on at once; None takes the processors this process may use.

    Source: White (1980); MacKinnon & White (1985), equations 4 to 12.
    """
    outcome = list(names).index(fit.outcome)

    def work(chunk: tuple[np.ndarray, np.ndarray | None]) -> np.ndarray:
        block, weight = chunk
        design = fit.design(block, names)
        scores = block[:, outcome] - design @ fit.coefficients
        if weight is not None:
            scores *= weight
        if kind in (Robust.HC2, Robust.HC3):
            leverage = np.einsum("ij,ij->i", design @ fit.bread, design)
            if weight is not None:
                leverage *= weight
            # A row with leverage 1 is fitted exactly: its residual and its score are zero.
            own = np.where(leverage < 1 - 1e-12, 1 - leverage, 1.0)
            scores /= np.sqrt(own) if kind is Robust.HC2 else own
        design *= scores[:, None]
        return design.T @ design

    total = np.zeros((len(fit.names), len(fit.names)))
    for part in in_order(_chunks(blocks, names, weights), work, threads):
        total += part
    return total


def robust_covariance(fit: LeastSquares, meat: np.ndarray, kind: Robust = Robust.HC1) -> np.ndarray:
    """bread @ meat @ bread, for HC1 times n / (n - p), shape (p, p).

    Args:
        fit: the regression.
        meat: of `robust_meat` or `QuadraticMoments.meat`.
        kind: which covariance.
    """
    covariance = fit.bread @ meat @ fit.bread
    if kind is not Robust.HC1:
        return covariance
    if fit.degrees_of_freedom <= 0:
        raise TooFewRows(
            f"{fit.count} rows leave no degree of freedom for {len(fit.names)} coefficients.",
            "Use fewer regressors or more rows.",
        )
    return covariance * (fit.count / fit.degrees_of_freedom)


def cluster_scores(
    blocks: Iterable[np.ndarray],
    names: Sequence[str],
    fit: LeastSquares,
    clusters: PerRow,
    n_clusters: int,
    *,
    weights: PerRow | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """The sum of w e x within each cluster, by a second pass over the rows, shape (G, p).

    Args:
        blocks: the rows that the fit was made from.
        names: the k variables of the blocks.
        fit: the regression.
        clusters: integer codes 0..n_clusters-1, one a row.
        n_clusters: G.
        weights: the weights that the fit was made with, or None.
        threads: how many chunks to work on at once.
    """
    outcome = list(names).index(fit.outcome)

    def work(chunk: tuple[np.ndarray, np.ndarray | None, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        block, weight, codes = chunk
        design = fit.design(block, names)
        scores = block[:, outcome] - design @ fit.coefficients
        if weight is not None:
            scores *= weight
        present, local = np.unique(codes, return_inverse=True)
        columns = [np.bincount(local, scores * column, len(present)) for column in design.T]
        return present, np.column_stack(columns)

    total = np.zeros((n_clusters, len(fit.names)))
    chunks = _chunks(blocks, names, weights, clusters, n_clusters)
    for present, part in in_order(chunks, work, threads):
        total[present] += part
    return total


def cluster_scores_from_moments(clusters: GroupedMoments, fit: LeastSquares) -> np.ndarray:
    """The sum of w e x within each cluster, from the moments kept by cluster, shape (G, p).

    Args:
        clusters: one group a cluster, of at least the outcome and the regressors of the fit.
        fit: the regression, fitted by least squares (one stage or two) to the same rows.
    """
    slopes = fit.coefficients[1:] if fit.intercept else fit.coefficients
    regressors = fit.names[1:] if fit.intercept else fit.names
    part = clusters.subset([*regressors, fit.outcome])
    high, low = part.means, part.means_low
    if fit.intercept:
        # The fit passes through the mean of all rows; distances from it keep the digits that a coefficient loses.
        whole = part.total()
        high, low = high - whole.mean, low - whole.mean_low
    away = high + low
    mean = away[:, -1] - away[:, :-1] @ slopes
    residual = part.weights * mean
    within = part.crosses[:, :-1, -1] - part.crosses[:, :-1, :-1] @ slopes
    scores = within + residual[:, None] * part.means[:, :-1]
    return np.column_stack([residual, scores]) if fit.intercept else scores


def cluster_covariance(fit: LeastSquares, scores: np.ndarray) -> np.ndarray:
    """The cluster-robust covariance: bread @ S'S @ bread times G/(G-1) times (n-1)/(n-p), shape (p, p).

    Args:
        fit: the regression.
        scores: S, the score sums of the G clusters, shape (G, p); clusters without a row are zero rows
            and must be left out beforehand where there are any.

    Raises:
        TooFewRows: fewer than two clusters.

    Source: Liang & Zeger (1986); the small-sample factor as in Stata's ``vce(cluster)``.
    """
    groups = len(scores)
    if groups < 2:
        raise TooFewRows(
            f"Cluster-robust errors need two clusters, but there are {groups}.",
            "Use another cluster variable.",
        )
    factor = groups / (groups - 1) * (fit.count - 1) / max(fit.degrees_of_freedom, 1)
    return factor * (fit.bread @ (scores.T @ scores) @ fit.bread)


def _chunks(
    blocks: Iterable[np.ndarray],
    names: Sequence[str],
    weights: PerRow | None,
    clusters: PerRow | None = None,
    n_clusters: int = 0,
) -> Iterator[Any]:
    step = max(256, _CHUNK // max(len(names), 1))
    start = 0
    for given in blocks:
        block, _ = checked_block(given, names)
        weight = checked_weights(per_row(weights, block, start, "weights"), len(block), start)
        codes = per_row(clusters, block, start, "clusters")
        if codes is not None:
            codes = checked_groups(codes, len(block), n_clusters)
        for low in range(0, len(block), step):
            at = slice(low, low + step)
            piece = (block[at], None if weight is None else weight[at])
            yield piece if codes is None else (*piece, codes[at])
        start += len(block)
