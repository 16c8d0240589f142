"""One pass over the rows for influence values, and the covariance that follows from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from aitia.estimation._sample import Chunk, Sample, row_array
from aitia.statistics._accumulate import in_order


@dataclass(frozen=True, eq=False)
class Influence:
    """Influence values of one effect and the joint covariance of the k quantities it is a combination of.

    Args:
        values: psi of the effect, shape (n,).
        covariance: of the k quantities, shape (k, k); clusters and weights respected.
        std_error: of the effect.
    """

    values: np.ndarray
    covariance: np.ndarray
    std_error: float


def influence_pass(
    sample: Sample, compute: Callable[[Chunk], np.ndarray], combine: np.ndarray, kept: bool = True
) -> Influence:
    """Influence values of k quantities, one pass over the rows on all cores, loading nothing that streams.

    The covariance is sum_i (w_i psi_i)(w_i psi_i)' / (sum w)^2 for independent rows; with clusters the sums of
    w_i psi_i within each of the G clusters take the rows' place, times G / (G - 1).

    Args:
        sample: the rows.
        compute: from a chunk to the influence values of the k quantities, shape (k, rows).
        combine: the effect as a combination of the k quantities, shape (k,).
        kept: whether the effect's values are kept (8 bytes a row).
    """
    k = len(combine)
    values = row_array(sample.n) if kept else np.empty(0)
    meat = np.zeros((k, k))
    total = 0.0
    clusters = _ClusterSums(k) if sample.clustered else None

    def work(chunk: Chunk) -> tuple[Chunk, np.ndarray, np.ndarray, np.ndarray | None, float]:
        psi = compute(chunk)
        effect = combine @ psi
        weighted = psi if chunk.weights is None else psi * chunk.weights
        weight = float(len(chunk)) if chunk.weights is None else float(chunk.weights.sum())
        if clusters is not None:
            return chunk, effect, np.zeros((0, 0)), weighted, weight
        return chunk, effect, weighted @ weighted.T, None, weight

    for chunk, effect, part, weighted, weight in in_order(sample.chunks(), work):
        if kept:
            values[chunk.start : chunk.start + len(chunk)] = effect
        if clusters is not None:
            assert chunk.clusters is not None and weighted is not None
            clusters.add(chunk.clusters, weighted)
        else:
            meat += part
        total += weight
    covariance = (meat if clusters is None else clusters.meat()) / total**2
    return Influence(values, covariance, float(np.sqrt(max(combine @ covariance @ combine, 0.0))))


class _ClusterSums:
    """Sums by cluster code over a stream; codes are small non-negative integers where `Sample.draw` made them."""

    def __init__(self, k: int) -> None:
        self._k = k
        self._position: dict[int, int] = {}
        self._sums = np.zeros((k, 0))

    def add(self, codes: np.ndarray, weighted: np.ndarray) -> None:
        present, inverse = np.unique(codes, return_inverse=True)
        at = np.array([self._position.setdefault(code, len(self._position)) for code in present.tolist()])
        if len(self._position) > self._sums.shape[1]:
            grown = np.zeros((self._k, max(64, 2 * len(self._position))))
            grown[:, : self._sums.shape[1]] = self._sums
            self._sums = grown
        for row, values in zip(self._sums, weighted):
            row[at] += np.bincount(inverse, weights=values, minlength=len(present))

    def meat(self) -> np.ndarray:
        groups = len(self._position)
        sums = self._sums[:, :groups]
        return groups / max(groups - 1, 1) * (sums @ sums.T)
