"""Least squares from moments: no row is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from aitia.core import stats
from aitia.statistics._errors import BadBlock, CollinearColumns, TooFewRows, UnknownVariable
from aitia.statistics._moments import Moments
from aitia.statistics._solve import INTERCEPT, factor, named


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """A linear regression fitted by (weighted, ridge) least squares.

    Args:
        outcome: the name of y.
        names: the columns with a coefficient, ``"Intercept"`` first where there is one.
        coefficients: b, shape (p,).
        bread: (X'WX + ridge)^-1, shape (p, p): sandwich covariances are bread @ meat @ bread.
        residual_sum: sum w e^2.
        total_sum: sum w (y - mean)^2, or sum w y^2 without an intercept.
        count: rows n.
        weight: sum of weights.
        intercept: whether there is one.
        condition: of the columns scaled to unit length (and centred, with an intercept).
        dropped: each column left out as redundant, with the columns that it is a combination of.
        ridge: the penalty.
    """

    outcome: str
    names: tuple[str, ...]
    coefficients: np.ndarray
    bread: np.ndarray = field(repr=False)
    residual_sum: float
    total_sum: float
    count: int
    weight: float
    intercept: bool
    condition: float
    dropped: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ridge: float = 0.0

    @property
    def degrees_of_freedom(self) -> int:
        """Of the residuals: n - p."""
        return self.count - len(self.names)

    @property
    def model_degrees_of_freedom(self) -> int:
        """Coefficients other than the intercept."""
        return len(self.names) - self.intercept

    @property
    def sigma2(self) -> float:
        """Residual variance sum w e^2 / (n - p), in the scale of the weights."""
        if self.degrees_of_freedom <= 0:
            raise TooFewRows(
                f"{self.count} rows leave no degree of freedom for {len(self.names)} coefficients.",
                "Use fewer regressors or more rows.",
            )
        return self.residual_sum / self.degrees_of_freedom

    @property
    def covariance(self) -> np.ndarray:
        """Classical covariance of the coefficients, sigma2 (X'WX)^-1, shape (p, p)."""
        return self.sigma2 * self.bread

    @property
    def std_errors(self) -> np.ndarray:
        """Classical standard errors, shape (p,)."""
        return np.sqrt(np.diagonal(self.covariance))

    @property
    def r_squared(self) -> float:
        """1 - residual sum / total sum (uncentred without an intercept)."""
        return 1.0 - self.residual_sum / self.total_sum if self.total_sum > 0 else 0.0

    @property
    def adjusted_r_squared(self) -> float:
        """R^2 adjusted for the number of coefficients."""
        freedom = self.count - self.intercept
        return 1.0 - (1.0 - self.r_squared) * freedom / self.degrees_of_freedom

    @property
    def root_mse(self) -> float:
        """Root of the residual variance, with weights scaled to mean one."""
        return float(np.sqrt(self.sigma2 * self.count / self.weight))

    @property
    def f_statistic(self) -> float:
        """Classical F of all coefficients but the intercept."""
        explained = max(self.total_sum - self.residual_sum, 0.0)
        if not self.model_degrees_of_freedom:
            return np.nan
        return explained / self.model_degrees_of_freedom / self.sigma2 if self.sigma2 > 0 else np.inf

    @property
    def f_p_value(self) -> float:
        """P-value of `f_statistic`."""
        return float(stats.f.sf(self.f_statistic, self.model_degrees_of_freedom, self.degrees_of_freedom))

    def coefficient(self, name: str) -> float:
        """The coefficient of one column."""
        return float(self.coefficients[self.position(name)])

    def std_error(self, name: str) -> float:
        """The classical standard error of one column."""
        return float(self.std_errors[self.position(name)])

    def position(self, name: str) -> int:
        """Where a column stands among the coefficients."""
        if name not in self.names:
            raise UnknownVariable(name, self.names)
        return self.names.index(name)

    def design(self, block: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """The matrix of this fit's columns, constant included, for rows of the variables `names`."""
        columns = [
            np.ones(len(block)) if self.intercept and name == INTERCEPT else block[:, list(names).index(name)]
            for name in self.names
        ]
        return np.column_stack(columns) if columns else np.empty((len(block), 0))

    def predict(self, block: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """Fitted values for rows of the variables `names`, shape (rows,)."""
        at = [list(names).index(name) for name in self.names[self.intercept :]]
        fitted = block[:, at] @ self.coefficients[self.intercept :]
        return fitted + self.coefficients[0] if self.intercept else fitted


def least_squares(
    moments: Moments,
    outcome: str,
    regressors: Sequence[str],
    *,
    intercept: bool = True,
    ridge: float = 0.0,
    drop_collinear: bool = False,
    tolerance: float = 1e-11,
) -> LeastSquares:
    """Ordinary, weighted or ridge least squares of one variable on others, from their moments.

    Minimises sum w_i (y_i - a - x_i'b)^2 + ridge |b|^2; the intercept is never penalised. The centred normal
    equations are scaled to unit diagonal and solved by a Cholesky factorisation that decides on rank
    column by column. Their condition number is the square of the columns', so about 16 - 2
    log10(condition) digits are right; where that is too few, `qr_least_squares` reads the rows.

    Args:
        moments: of at least the outcome and the regressors.
        outcome: y.
        regressors: the columns of X, not repeated.
        intercept: whether to fit one.
        ridge: the penalty on squared coefficients, in units of weight times squared regressor.
        drop_collinear: drop redundant columns and report them in `LeastSquares.dropped`, instead of an error.
        tolerance: the least share of a column that columns before it must leave unexplained.

    Raises:
        UnknownVariable: a name is not in the moments.
        CollinearColumns: a regressor is constant or a combination of earlier ones.
        TooFewRows: there is no row.

    Source: Seber & Lee (2003), Linear Regression Analysis, sections 3.1 and 11.2; Chan, Golub & LeVeque
    (1983).

    Example:
        >>> x = np.arange(5.0)
        >>> fit = least_squares(Moments.of(np.column_stack([x, 1 + 2 * x]), ["x", "y"]), "y", ["x"])
        >>> fit.names, fit.coefficients.round(12).tolist()
        (('Intercept', 'x'), [1.0, 2.0])
    """
    regressors = checked_regressors(outcome, regressors)
    if not moments.count:
        raise TooFewRows("There are no rows to fit.", "Check the filter or the missing-value policy.")
    at, y = moments.positions(regressors), moments.position(outcome)
    if intercept:
        gram, target = moments.cross[np.ix_(at, at)], moments.cross[at, y]
        total = float(moments.cross[y, y])
        zero = moments.is_constant()[at]
    else:
        mean = moments.mean
        gram = moments.cross[np.ix_(at, at)] + moments.weight * np.outer(mean[at], mean[at])
        target = moments.cross[at, y] + moments.weight * mean[at] * mean[y]
        total = float(moments.cross[y, y] + moments.weight * mean[y] ** 2)
        zero = np.zeros(len(at), bool)
    penalised = gram + ridge * np.eye(len(at)) if ridge else gram
    # A penalty makes any Gram matrix regular, and constant columns then get a coefficient of zero.
    chosen = factor(penalised, None if ridge else zero, tolerance)
    combinations = named(chosen.combinations, regressors, intercept)
    if combinations and not drop_collinear:
        raise CollinearColumns(combinations)
    kept = list(chosen.kept)
    slopes = chosen.solve(target[kept]) if kept else np.zeros(0)
    inverse = chosen.inverse() if kept else np.zeros((0, 0))
    # y'y - 2 b'X'y + b'X'X b is exact to second order in the error of b.
    residual = total - 2 * slopes @ target[kept] + slopes @ gram[np.ix_(kept, kept)] @ slopes
    names = tuple(regressors[j] for j in kept)
    if intercept:
        middle = moments.mean[at][kept]
        constant = (moments.mean[y] - middle @ slopes) + (
            moments.mean_low[y] - moments.mean_low[at][kept] @ slopes
        )
        slopes, inverse = with_intercept(slopes, inverse, middle, float(constant), moments.weight)
        names = (INTERCEPT, *names)
    return LeastSquares(
        outcome,
        names,
        slopes,
        inverse,
        max(float(residual), 0.0),
        total,
        moments.count,
        moments.weight,
        intercept,
        chosen.condition,
        combinations,
        ridge,
    )


def with_intercept(
    slopes: np.ndarray, inverse: np.ndarray, mean: np.ndarray, constant: float, weight: float
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and inverse Gram matrix of the uncentred problem, from those of the centred one."""
    p = len(slopes)
    full = np.empty((p + 1, p + 1))
    across = inverse @ mean
    full[0, 0] = 1 / weight + mean @ across
    full[0, 1:] = full[1:, 0] = -across
    full[1:, 1:] = inverse
    return np.concatenate([[constant], slopes]), full


def checked_regressors(outcome: str, regressors: Sequence[str]) -> tuple[str, ...]:
    """The regressors as a tuple, or `BadBlock` where one is named twice or is the outcome."""
    regressors = tuple(regressors)
    if len(set(regressors)) < len(regressors) or outcome in regressors:
        raise BadBlock(
            f"Regressors must differ from each other and from the outcome {outcome!r}; got {regressors}.",
            "Name each once.",
        )
    return regressors
