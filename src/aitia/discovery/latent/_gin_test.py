"""The generalised independent noise condition as a test with a p-value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from aitia.core import stats
from aitia.discovery._errors import DiscoveryError
from aitia.discovery.latent._rank import rank_test

_FEATURES = 3
# Pairs of a feature of the residual and one of z; that of both raw values is the covariance, which the rank tests.
_KEPT = [a * _FEATURES + b for a in range(_FEATURES) for b in range(_FEATURES) if a or b]


@dataclass(frozen=True)
class GINTest:
    """Whether a weighted sum of some columns is independent of others.

    Args:
        p_value: of the hypothesis that it is.
        weights: the weights, by which the sum has variance one (columns standardised).
        rank_p_value: of the part that a vanishing covariance can be had at all.
    """

    p_value: float
    weights: tuple[float, ...]
    rank_p_value: float


class GINTester:
    """Tests of the generalised independent noise condition over the same columns.

    (Z, Y) meets the condition where weights w other than 0 with ``w' E[Y Z'] = 0`` make
    ``E = w' Y`` independent of Z. In linear models with non-Gaussian noise it holds exactly where few enough
    latents separate Y's own noise from Z, in the right causal direction (Xie et al. 2020, Theorem 1).

    The weights are the last canonical direction of Y. That a vanishing covariance exists is a test of rank
    (Bartlett's). For each z the covariances of ``(E, tanh E, exp(-E^2 / 2))`` with the same functions of z are tested
    by a Wald statistic, whose covariance allows for the estimated weights: these make E and z more alike or less than
    the true ones would, in first order, and p-values that ignore it are wrong. The p-values over z and rank are
    combined by Cauchy's rule, which holds under dependence.

    Args:
        values: rows, shape (n, p); each column is standardised.

    Source: Xie, Cai, Huang, Glymour, Hao & Zhang (2020), NeurIPS 33, Definition 1; Newey (1985), J. Econometrics 29
    (tests on moments with estimated parameters); Liu & Xie (2020), JASA 115 (Cauchy combination).
    """

    def __init__(self, values: np.ndarray) -> None:
        x = np.asarray(values, float)
        x = (x - x.mean(axis=0)) / x.std(axis=0)
        self.values = np.asfortranarray(x)
        self.rows, self.p = x.shape
        self.correlation = x.T @ x / self.rows
        each = [_features(x[:, j]) for j in range(self.p)]
        self._features = np.asfortranarray(np.concatenate(each, axis=1))
        self._spread = [one.T @ one / self.rows for one in each]
        self.calls = 0
        self._memory: dict[tuple[tuple[int, ...], tuple[int, ...]], GINTest] = {}

    def test(self, y: Sequence[int], z: Sequence[int]) -> GINTest:
        """Test whether (Z, Y) meets the condition.

        Args:
            y: positions of the columns in the weighted sum, two or more.
            z: positions of the others, at least one fewer.

        Raises:
            DiscoveryError: the sets overlap, or there are too few columns in one.
        """
        key = tuple(sorted(y)), tuple(sorted(z))
        if len(y) < 2 or len(z) < len(y) - 1 or set(y) & set(z):
            raise DiscoveryError(
                f"The condition needs two or more columns Y and at least one fewer others Z, but came {y} and {z}.",
                "Give each column to one side.",
            )
        if key not in self._memory:
            self.calls += 1
            self._memory[key] = self._test(*map(list, key))
        return self._memory[key]

    def _test(self, y: list[int], z: list[int]) -> GINTest:
        m, n = len(y), self.rows
        half_y = linalg.cholesky(self.correlation[np.ix_(y, y)], lower=True)
        half_z = linalg.cholesky(self.correlation[np.ix_(z, z)], lower=True)
        across = linalg.solve_triangular(half_y, self.correlation[np.ix_(y, z)], lower=True)
        across = linalg.solve_triangular(half_z, across.T, lower=True).T
        left, sizes, right = np.linalg.svd(across)
        directions = linalg.solve_triangular(half_y.T, left, lower=False)
        own = self.values[:, y] @ directions
        error, others = own[:, -1], own[:, :-1]
        # How the weights move with each row: c = -(1/s) V' mean(z~ e), along the other canonical directions.
        to_z = linalg.solve_triangular(half_z.T, right[: m - 1].T, lower=False)
        scores = self.values[:, z] @ (to_z / np.maximum(sizes[: m - 1], 1e-8))
        f = _features(error)
        slope = _slopes(error)
        columns = [_FEATURES * k + b for k in z for b in range(_FEATURES)]
        psi = self._features[:, columns]
        moments = f.T @ psi / n
        shift = (slope[:, :, None] * others[:, None, :]).reshape(n, -1).T @ psi / n
        shift = shift.reshape(_FEATURES, m - 1, len(columns))
        f_cov, f_error = f.T @ f / n, f.T @ error / n
        with_scores, between_scores = psi.T @ scores / n, scores.T @ scores / n
        p_values = []
        for at, k in enumerate(z):
            here = slice(_FEATURES * at, _FEATURES * (at + 1))
            d = shift[:, :, here].transpose(0, 2, 1).reshape(-1, m - 1)
            cross = np.kron(f_error[:, None], with_scores[here]) @ d.T
            spread = np.kron(f_cov, self._spread[k]) - cross - cross.T + d @ between_scores @ d.T
            p_values.append(_wald(moments[:, here].ravel()[_KEPT], spread[np.ix_(_KEPT, _KEPT)], n))
        rank = rank_test(self.correlation, n, y, z, m - 1)
        if rank.degrees_of_freedom:
            p_values.append(rank.p_value)
        return GINTest(combined(p_values), tuple(directions[:, -1].tolist()), rank.p_value)


def _features(x: np.ndarray) -> np.ndarray:
    """x, tanh x and exp(-x^2/2), centred, shape (n, 3): bounded but for the first, odd and even."""
    made = np.column_stack([x, np.tanh(x), np.exp(-0.5 * x * x)])
    return made - made.mean(axis=0)


def _slopes(x: np.ndarray) -> np.ndarray:
    """The derivatives of the features, shape (n, 3)."""
    return np.column_stack([np.ones_like(x), 1 - np.tanh(x) ** 2, -x * np.exp(-0.5 * x * x)])


def _wald(moments: np.ndarray, spread: np.ndarray, n: int) -> float:
    """The p-value of n m' S^+ m, with as many degrees of freedom as the rank of S."""
    scale = np.sqrt(np.maximum(np.diagonal(spread), 1e-300))
    sizes, directions = np.linalg.eigh(spread / np.outer(scale, scale))
    kept = sizes > 1e-6
    parts = directions[:, kept].T @ (moments / scale)
    return float(stats.chi2.sf(n * float((parts**2 / sizes[kept]).sum()), int(kept.sum())))


def combined(p_values: Sequence[float]) -> float:
    """One p-value from several, dependent or not: the tail of the mean of Cauchy transforms.

    Example:
        >>> round(combined([0.02, 0.02]), 6), combined([1e-12, 0.9]) < 1e-11
        (0.02, True)
    """
    clipped = np.clip(np.asarray(p_values, float), 1e-300, 1 - 1e-3)
    small = clipped < 1e-8
    # tan(pi (1/2 - p)) loses its digits for tiny p, where it is 1 / (pi p).
    t = np.where(small, 1 / (math.pi * clipped), np.tan(math.pi * (0.5 - np.where(small, 0.25, clipped))))
    mean = float(t.mean())
    return math.atan2(1.0, mean) / math.pi
