"""Two-stage least squares from moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from aitia.core import stats
from aitia.statistics._errors import BadBlock, CollinearColumns, TooFewRows
from aitia.statistics._least_squares import LeastSquares, checked_regressors, least_squares, with_intercept
from aitia.statistics._moments import Moments
from aitia.statistics._solve import INTERCEPT, factor, named


@dataclass(frozen=True, eq=False)
class FirstStage:
    """The regression of one endogenous regressor on the instruments and the exogenous regressors.

    Args:
        endogenous: the regressor.
        fit: the whole regression.
        f_statistic: of the instruments alone.
        f_p_value: its p-value.
        partial_r_squared: of the instruments alone.
    """

    endogenous: str
    fit: LeastSquares
    f_statistic: float
    f_p_value: float
    partial_r_squared: float


@dataclass(frozen=True, eq=False)
class InstrumentalFit:
    """A linear model fitted by two-stage least squares.

    Args:
        fit: coefficients in the order intercept, endogenous, exogenous. `LeastSquares.bread` is
            (X'P_Z X)^-1, and residuals are those of the structural equation y - X b.
        first_stages: one for each endogenous regressor.
        projection: maps (1, instruments, exogenous) to the fitted regressors: row j holds the first-stage
            coefficients of regressor j, shape (p, q), for sandwich covariances.
        projection_names: the q columns that `projection` is over.
        sargan: n times the R^2 of the structural residuals on instruments and exogenous; 0 when just
            identified.
        sargan_freedom: how many instruments there are beyond the endogenous regressors.
    """

    fit: LeastSquares
    first_stages: tuple[FirstStage, ...]
    projection: np.ndarray = field(repr=False)
    projection_names: tuple[str, ...] = field(repr=False)
    sargan: float
    sargan_freedom: int

    @property
    def sargan_p_value(self) -> float:
        """P-value of the over-identification test; 1 when just identified."""
        return float(stats.chi2.sf(self.sargan, self.sargan_freedom)) if self.sargan_freedom else 1.0


def two_stage_least_squares(
    moments: Moments,
    outcome: str,
    endogenous: Sequence[str],
    instruments: Sequence[str],
    exogenous: Sequence[str] = (),
    *,
    intercept: bool = True,
    tolerance: float = 1e-11,
) -> InstrumentalFit:
    """b = (X'P_Z X)^-1 X'P_Z y with X = (endogenous, exogenous) and P_Z onto (instruments, exogenous).

    Args:
        moments: of all the variables.
        outcome: y.
        endogenous: regressors that may depend on the error.
        instruments: at least as many, excluded from the equation of y.
        exogenous: regressors that are their own instruments.
        intercept: whether to fit one.
        tolerance: as `least_squares` has it.

    Raises:
        BadBlock: fewer instruments than endogenous regressors, or a variable in two roles.
        CollinearColumns: instruments or fitted regressors are collinear (the rank condition fails).
        TooFewRows: there are no rows.

    Source: Wooldridge (2010), Econometric Analysis of Cross Section and Panel Data, section 5.2; Sargan
    (1958).

    Example:
        >>> rows = np.array([[0.0, 1.0, 2.0], [1.0, 2.0, 4.5], [2.0, 2.5, 5.0], [3.0, 4.0, 8.5]])
        >>> result = two_stage_least_squares(Moments.of(rows, ["z", "t", "y"]), "y", ["t"], ["z"])
        >>> round(result.fit.coefficient("t"), 6)  # the ratio of covariances with z
        2.105263
    """
    endogenous, instruments, exogenous = tuple(endogenous), tuple(instruments), tuple(exogenous)
    regressors = checked_regressors(outcome, (*endogenous, *exogenous))
    outside = checked_regressors(outcome, (*exogenous, *instruments))
    both = set(endogenous) & set(instruments)
    if both:
        raise BadBlock(f"{sorted(both)} cannot be both endogenous and instruments.", "Choose one role.")
    if len(instruments) < len(endogenous):
        raise BadBlock(
            f"{len(instruments)} instruments cannot identify {len(endogenous)} endogenous regressors.",
            "Name at least one instrument for each.",
        )
    if not moments.count:
        raise TooFewRows("There are no rows to fit.", "Check the filter or the missing-value policy.")
    at_x, at_z, y = moments.positions(regressors), moments.positions(outside), moments.position(outcome)
    products = moments.cross if intercept else moments.raw()[1:, 1:]
    zero = moments.is_constant()[at_z] if intercept else None
    outer = factor(products[np.ix_(at_z, at_z)], zero, tolerance)
    if outer.combinations:
        raise CollinearColumns(named(outer.combinations, outside, intercept))
    first = outer.solve(products[np.ix_(at_z, at_x)])
    gram = first.T @ products[np.ix_(at_z, at_x)]
    inner = factor((gram + gram.T) / 2, None, tolerance)
    if inner.combinations:
        raise CollinearColumns(named(inner.combinations, regressors, intercept))
    slopes = inner.solve(first.T @ products[at_z, y])
    bread = inner.inverse()
    gradient = np.zeros(len(moments.names))
    gradient[y] = 1.0
    gradient[at_x] -= slopes
    residual = float(max(gradient @ products @ gradient, 0.0))
    total = float(products[y, y])
    explained = products[at_z] @ gradient
    share = float(explained @ outer.solve(explained)) / residual if residual else 0.0
    projection, names = first.T, regressors
    projection_names = outside
    if intercept:
        mean_x, mean_z = moments.mean[at_x], moments.mean[at_z]
        level = gradient @ moments.mean + gradient @ moments.mean_low
        slopes, bread = with_intercept(slopes, bread, mean_x, float(level), moments.weight)
        full = np.zeros((len(at_x) + 1, len(at_z) + 1))
        full[0, 0], full[1:, 1:] = 1.0, projection
        full[1:, 0] = mean_x - projection @ mean_z
        projection, names, projection_names = full, (INTERCEPT, *names), (INTERCEPT, *outside)
    extra = len(instruments) - len(endogenous)
    fit = LeastSquares(
        outcome,
        names,
        slopes,
        bread,
        residual,
        total,
        moments.count,
        moments.weight,
        intercept,
        inner.condition,
    )
    stages = tuple(_first_stage(moments, each, instruments, exogenous, intercept) for each in endogenous)
    return InstrumentalFit(
        fit, stages, projection, projection_names, moments.count * share if extra else 0.0, extra
    )


def _first_stage(
    moments: Moments, endogenous: str, instruments: Sequence[str], exogenous: Sequence[str], intercept: bool
) -> FirstStage:
    fit = least_squares(moments, endogenous, (*instruments, *exogenous), intercept=intercept)
    without = least_squares(moments, endogenous, exogenous, intercept=intercept).residual_sum
    gain = max(without - fit.residual_sum, 0.0)
    f = gain / len(instruments) / fit.sigma2 if fit.sigma2 > 0 else np.inf
    p_value = float(stats.f.sf(f, len(instruments), fit.degrees_of_freedom))
    return FirstStage(endogenous, fit, float(f), p_value, gain / without if without else 0.0)
