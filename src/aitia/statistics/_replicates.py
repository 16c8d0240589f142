"""Jackknife and bootstrap from group moments: no pass over the rows, all replicates at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from aitia.core import stream
from aitia.statistics._errors import BadBlock, TooFewRows
from aitia.statistics._grouped import GroupedMoments
from aitia.statistics._least_squares import checked_regressors, least_squares

Statistic = Callable[[GroupedMoments], np.ndarray]
"""From R moments to R values: shape (R,) or (R, q)."""


@dataclass(frozen=True, eq=False)
class Replicates:
    """A statistic with its resampling distribution.

    Args:
        value: of all rows, shape (q,) (scalar statistics have q = 1).
        values: of each replicate, shape (R, q).
        std_error: shape (q,).
    """

    value: np.ndarray
    values: np.ndarray = field(repr=False)
    std_error: np.ndarray

    def interval(self, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Percentiles of the replicates; for the bootstrap only."""
        low, high = np.quantile(self.values, [0.5 - level / 2, 0.5 + level / 2], axis=0)
        return low, high


def jackknife(groups: GroupedMoments, statistic: Statistic) -> Replicates:
    """The delete-a-group jackknife: variance (G - 1) / G sum_g (v_g - mean v)^2.

    Args:
        groups: moments of G groups drawn at random, such as blocks; empty ones are left out.
        statistic: from R moments to R values.

    Raises:
        TooFewRows: fewer than two groups hold rows.

    Source: Shao & Wu (1989), A general theory for jackknife variance estimation; Kott (2001), The
    delete-a-group jackknife. With few groups the error has G - 1 degrees of freedom.

    Example:
        >>> rows = np.random.default_rng(0).normal(size=(1000, 1))
        >>> from aitia.statistics import accumulate, assign_blocks
        >>> blocks = accumulate([rows], ["y"], groups=assign_blocks(0, 1000, 50), n_groups=50)
        >>> bool(abs(jackknife(blocks, lambda each: each.means).std_error[0] * 1000**0.5 - 1) < 0.3)
        True
    """
    held = _held(groups)
    values = _values(statistic, held.leave_each_out())
    value = _values(statistic, held.sums(np.ones((1, len(held)))))[0]
    away = values - values.mean(axis=0)
    error = np.sqrt((len(held) - 1) / len(held) * np.sum(away**2, axis=0))
    return Replicates(value, values, error)


def bootstrap(
    groups: GroupedMoments, statistic: Statistic, replicates: int = 999, seed: int = 0
) -> Replicates:
    """The bootstrap over groups: each replicate draws G groups with replacement.

    The spread of the replicates is that of G groups treated as G rows, which is short by (G - 1) / G; the
    standard error is corrected for it, the percentiles are not.

    Args:
        groups: moments of G groups drawn at random, such as blocks or clusters; empty ones are left out.
        statistic: from R moments to R values.
        replicates: R.
        seed: of the draws.

    Raises:
        TooFewRows: fewer than two groups hold rows.

    Source: Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapters 6 and 8.

    Example:
        >>> rows = np.random.default_rng(0).normal(size=(1000, 1))
        >>> from aitia.statistics import accumulate, assign_blocks
        >>> blocks = accumulate([rows], ["y"], groups=assign_blocks(0, 1000, 50), n_groups=50)
        >>> bool(abs(bootstrap(blocks, lambda each: each.means).std_error[0] * 1000**0.5 - 1) < 0.3)
        True
    """
    held = _held(groups)
    values = _values(statistic, held.sums(bootstrap_multiplicities(len(held), replicates, seed)))
    value = _values(statistic, held.sums(np.ones((1, len(held)))))[0]
    error = values.std(axis=0, ddof=1) * np.sqrt(len(held) / (len(held) - 1))
    return Replicates(value, values, error)


def bootstrap_multiplicities(n_groups: int, replicates: int, seed: int = 0) -> np.ndarray:
    """How often each group is drawn in each replicate, shape (replicates, n_groups), rows summing to n_groups.

    Where groups are arms by blocks, draw for the blocks and repeat for the arms
    (``multiplicities[:, block_of_group]``), so that a block comes with both its arms.

    Args:
        n_groups: how many groups are drawn from, and how many are drawn.
        replicates: how many times.
        seed: of the draws.
    """
    random = stream(seed, "bootstrap")
    return random.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=replicates)


def least_squares_each(
    groups: GroupedMoments,
    outcome: str,
    regressors: Sequence[str],
    *,
    intercept: bool = True,
    ridge: float = 0.0,
) -> np.ndarray:
    """The coefficients of one regression under each of R moments, solved together, shape (R, p).

    The intercept comes first where there is one.

    Args:
        groups: R moments (bootstrap replicates, fold complements, arms).
        outcome: y.
        regressors: the columns of X.
        intercept: whether to fit one.
        ridge: as `least_squares` has it.

    Raises:
        CollinearColumns: in some replicate the regressors are collinear.
        TooFewRows: some replicate holds no rows.
    """
    regressors = checked_regressors(outcome, regressors)
    part = groups.subset([*regressors, outcome])
    gram, target = part.crosses[:, :-1, :-1], part.crosses[:, :-1, -1]
    mean = part.means
    if not intercept:
        gram = gram + part.weights[:, None, None] * mean[:, :-1, None] * mean[:, None, :-1]
        target = target + part.weights[:, None] * mean[:, :-1] * mean[:, -1:]
    if ridge:
        gram = gram + ridge * np.eye(len(regressors))
    diagonal = np.einsum("rjj->rj", gram)
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaled = gram / scale[:, :, None] / scale[:, None, :]
    try:
        lower = np.linalg.cholesky(scaled)
        regular = np.einsum("rjj->rj", lower).min(initial=1.0) > 3e-6
    except np.linalg.LinAlgError:
        regular = False
    if not regular or not (groups.counts > 0).all():
        # Slow but plain: the single solver takes the rank decision and names what is wrong.
        fits = [least_squares(each, outcome, regressors, intercept=intercept, ridge=ridge) for each in part]
        return np.stack([fit.coefficients for fit in fits])
    slopes = np.linalg.solve(scaled, (target / scale)[:, :, None])[:, :, 0] / scale
    if not intercept:
        return slopes
    level = mean[:, -1] - np.einsum("rj,rj->r", mean[:, :-1], slopes)
    level += part.means_low[:, -1] - np.einsum("rj,rj->r", part.means_low[:, :-1], slopes)
    return np.column_stack([level, slopes])


def _held(groups: GroupedMoments) -> GroupedMoments:
    held = groups.select(groups.weights > 0)
    if len(held) < 2:
        raise TooFewRows(
            f"Resampling needs two groups with rows, but there are {len(held)}.", "Use more blocks."
        )
    return held


def _values(statistic: Statistic, moments: GroupedMoments) -> np.ndarray:
    values = np.asarray(statistic(moments), float)
    if values.ndim not in (1, 2) or len(values) != len(moments):
        raise BadBlock(
            f"The statistic must answer one value or one row for each of {len(moments)} replicates, but it "
            f"answered shape {values.shape}.",
            "Compute it from the stacked arrays of GroupedMoments.",
        )
    return values[:, None] if values.ndim == 1 else values
