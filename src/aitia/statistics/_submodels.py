"""Every subset of the regressors, from one set of moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aitia.statistics._errors import BadBlock, CollinearColumns
from aitia.statistics._least_squares import checked_regressors
from aitia.statistics._moments import Moments
from aitia.statistics._solve import factor, named

_WORK = 1 << 22
_MOST = 20


@dataclass(frozen=True, eq=False)
class Submodels:
    """Least squares of one outcome on S subsets of the regressors.

    Args:
        names: the p regressors.
        included: which are in each model, shape (S, p) of bool.
        intercepts: shape (S,).
        coefficients: shape (S, p); zero where a regressor is not in the model.
        std_errors: classical, shape (S, p); zero where a regressor is not in the model.
        residual_sums: sum w e^2, shape (S,).
        total_sum: sum w (y - mean)^2.
        count: rows.
    """

    names: tuple[str, ...]
    included: np.ndarray
    intercepts: np.ndarray
    coefficients: np.ndarray
    std_errors: np.ndarray
    residual_sums: np.ndarray
    total_sum: float
    count: int

    @property
    def r_squared(self) -> np.ndarray:
        """Of each model, shape (S,)."""
        if self.total_sum <= 0:
            return np.zeros(len(self.residual_sums))
        return 1.0 - self.residual_sums / self.total_sum

    @property
    def bic(self) -> np.ndarray:
        """n log(RSS / n) + (1 + regressors) log n of each model, shape (S,): Schwarz (1978)."""
        size = 1 + self.included.sum(axis=1)
        with np.errstate(divide="ignore"):
            return self.count * np.log(self.residual_sums / self.count) + size * np.log(self.count)

    def coefficient(self, name: str) -> np.ndarray:
        """The coefficient of one regressor in each model, shape (S,)."""
        return self.coefficients[:, self.names.index(name)]


def submodels(
    moments: Moments,
    outcome: str,
    regressors: Sequence[str],
    *,
    included: np.ndarray | None = None,
    always: Sequence[str] = (),
) -> Submodels:
    """Fit the regression of an outcome on many subsets of the regressors, each with an intercept.

    A column left out becomes a row and column of the identity, so that all subsets are systems of one
    size and are solved together. About a million subsets of 20 columns is the most.

    Args:
        moments: of the outcome and the regressors.
        outcome: y.
        regressors: the p candidates.
        included: the subsets, shape (S, p) of bool; None takes all 2^(p - always) of them.
        always: regressors in every model.

    Raises:
        CollinearColumns: the regressors are collinear together.
        BadBlock: more than 20 regressors to choose from, or `included` is misshapen.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(200, 2))
        >>> rows = np.column_stack([x, x[:, 0] + 0.1 * rng.normal(size=200)])
        >>> models = submodels(Moments.of(rows, ["a", "b", "y"]), "y", ["a", "b"])
        >>> models.included[models.bic.argmin()].tolist()
        [True, False]
    """
    regressors = checked_regressors(outcome, regressors)
    p = len(regressors)
    fixed = np.array([name in always for name in regressors], bool)
    if included is None:
        free = np.flatnonzero(~fixed)
        if len(free) > _MOST:
            raise BadBlock(
                f"There are 2^{len(free)} subsets of {len(free)} regressors; at most 2^{_MOST} are fitted.",
                "Name some in always=, or say which subsets in included=.",
            )
        bits = np.arange(1 << len(free))[:, None] >> np.arange(len(free)) & 1
        included = np.zeros((len(bits), p), bool)
        included[:, free] = bits.astype(bool)
    else:
        included = np.array(included, bool)
        if included.ndim != 2 or included.shape[1] != p:
            raise BadBlock(
                f"included must have shape (subsets, {p}), but it has {included.shape}.",
                "One column for each regressor.",
            )
    included[:, fixed] = True
    at, y = moments.positions(regressors), moments.position(outcome)
    gram, target = moments.cross[np.ix_(at, at)], moments.cross[at, y]
    whole = factor(gram, moments.is_constant()[at])
    if whole.combinations:
        raise CollinearColumns(named(whole.combinations, regressors, True))
    scale = np.sqrt(np.diagonal(gram)) if p else np.zeros(0)
    scaled, aim, total = gram / np.outer(scale, scale), target / scale, float(moments.cross[y, y])
    count = len(included)
    coefficients, errors, residuals = np.zeros((count, p)), np.zeros((count, p)), np.full(count, total)
    step = max(1, _WORK // max(p * p, 1))
    for low in range(0, count if p else 0, step):
        mask = included[low : low + step].astype(float)
        systems = scaled * (mask[:, :, None] * mask[:, None, :])
        systems[:, np.arange(p), np.arange(p)] = 1.0
        inverse = np.linalg.inv(systems)
        aims = aim * mask
        solved = np.einsum("sij,sj->si", inverse, aims) * mask
        residual = np.maximum(total - np.einsum("sj,sj->s", solved, aims), 0.0)
        freedom = np.maximum(moments.count - 1 - mask.sum(axis=1), 1)
        spread = np.einsum("sjj->sj", inverse) * (residual / freedom)[:, None]
        coefficients[low : low + step] = solved / scale
        errors[low : low + step] = np.sqrt(spread) * mask / scale
        residuals[low : low + step] = residual
    levels = moments.mean[y] - coefficients @ moments.mean[at]
    return Submodels(regressors, included, levels, coefficients, errors, residuals, total, moments.count)
