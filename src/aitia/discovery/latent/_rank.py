"""The rank of a cross-covariance, tested: how many latent variables two sets of columns can share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from aitia.core import stats
from aitia.discovery._errors import DiscoveryError


@dataclass(frozen=True)
class RankTest:
    """A test that a cross-covariance has at most a given rank.

    Args:
        rank: the rank tested.
        statistic: Bartlett's.
        degrees_of_freedom: (p - rank)(q - rank).
        correlations: the canonical correlations, falling.
    """

    rank: int
    statistic: float
    degrees_of_freedom: int
    correlations: tuple[float, ...]

    @property
    def p_value(self) -> float:
        """Of the chi-squared reference; 1 where the rank cannot be larger."""
        if not self.degrees_of_freedom:
            return 1.0
        return float(stats.chi2.sf(self.statistic, self.degrees_of_freedom))


def rank_test(covariance: np.ndarray, rows: float, a: Sequence[int], b: Sequence[int], rank: int) -> RankTest:
    """Test whether the covariance between two sets of columns has at most this rank.

    With canonical correlations ``r_1 >= r_2 >= ...`` of the p columns `a` and the q columns `b`,

        -(n - 1 - (p + q + 1) / 2) sum_(i > k) log(1 - r_i^2)

    is chi-squared with (p - k)(q - k) degrees of freedom where the rank is k; the test rejects less often where the
    rank is smaller than k. In a linear model the rank is at most k exactly where k variables, measured or not, separate
    the two sets in the sense of t-separation.

    Args:
        covariance: shape (p, p), or correlations.
        rows: n.
        a: positions of one set of columns.
        b: positions of another, with none in common.
        rank: k.

    Raises:
        DiscoveryError: the sets overlap or are empty, the rank is negative, there are too few rows, or columns of one
            set are linearly dependent.

    Assumptions: normal variables, or linear models with independent noise, in which what the shared variables leave
    is independent of them.

    Source: Bartlett (1947), JRSS supplement 9; Anderson (1984), section 12.4; Sullivant, Talaska & Draisma (2010),
    Annals of Statistics 38, Theorem 2.8.

    Example:
        >>> loadings = np.array([0.9, 0.8, 0.7, 0.6])
        >>> one_factor = np.outer(loadings, loadings) + np.diag(1 - loadings**2)
        >>> rank_test(one_factor, 1000, [0, 1], [2, 3], 1).p_value.__round__(6)
        1.0
        >>> rank_test(one_factor, 1000, [0, 1], [2, 3], 0).p_value < 1e-6
        True
    """
    a, b = list(a), list(b)
    if not a or not b or set(a) & set(b):
        raise DiscoveryError(
            f"A rank is tested between two sets of columns without overlap, but came {a} and {b}.",
            "Give each column to one side.",
        )
    if rank < 0:
        raise DiscoveryError(f"A rank is 0 or more, but came {rank}.", "Give rank=0 to test independence.")
    factor = rows - 1 - (len(a) + len(b) + 1) / 2
    if factor <= 0:
        raise DiscoveryError(
            f"{rows:g} rows are too few to test the rank between {len(a)} and {len(b)} columns.",
            "Use smaller sets or more rows.",
        )
    correlations = canonical_correlations(np.asarray(covariance, float), a, b)
    freedom = max(len(a) - rank, 0) * max(len(b) - rank, 0)
    statistic = -factor * float(np.log1p(-(np.minimum(correlations[rank:], 1 - 1e-15) ** 2)).sum())
    return RankTest(rank, max(statistic, 0.0), freedom, tuple(correlations.tolist()))


def canonical_correlations(covariance: np.ndarray, a: list[int], b: list[int]) -> np.ndarray:
    """The canonical correlations between two sets of columns, falling, shape (min(p, q),)."""
    across = covariance[np.ix_(a, b)]
    for side, at in enumerate((a, b)):
        inside = covariance[np.ix_(at, at)]
        spread = np.sqrt(np.diagonal(inside))
        try:
            factor = linalg.cholesky(inside / np.outer(spread, spread), lower=True)
        except (linalg.LinAlgError, ValueError):
            factor = None
        if factor is None or np.diagonal(factor).min() < 1e-7:
            raise DiscoveryError(
                f"The columns {at} of one side are linearly dependent.", "Leave one of them out."
            )
        scaled = (across if side == 0 else across.T) / spread[:, None]
        across = linalg.solve_triangular(factor, scaled, lower=True)
        if side:
            across = across.T
    return np.clip(linalg.svdvals(across), 0.0, 1.0)
