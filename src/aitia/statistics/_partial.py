"""Partial correlations and variance inflation, from moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aitia.core import stats
from aitia.statistics._errors import BadBlock, CollinearColumns, TooFewRows
from aitia.statistics._moments import Moments
from aitia.statistics._solve import factor, named


@dataclass(frozen=True)
class PartialCorrelation:
    """The correlation of x and y once both are freed of a linear function of other variables.

    Args:
        value: between -1 and 1.
        count: rows n.
        conditioned: how many variables it is given.
    """

    value: float
    count: int
    conditioned: int

    @property
    def degrees_of_freedom(self) -> int:
        """n - 2 - (variables given)."""
        return self.count - 2 - self.conditioned

    @property
    def t_statistic(self) -> float:
        """r sqrt(df / (1 - r^2)): Student t with `degrees_of_freedom` under no association, if y is normal."""
        if self.degrees_of_freedom <= 0:
            raise TooFewRows(
                f"{self.count} rows leave no degree of freedom with {self.conditioned} variables given.",
                "Condition on fewer variables or use more rows.",
            )
        rest = 1.0 - self.value**2
        return (
            float(self.value * np.sqrt(self.degrees_of_freedom / rest)) if rest > 0 else np.inf * self.value
        )

    @property
    def p_value(self) -> float:
        """Two-sided p-value of no partial correlation."""
        return float(2 * stats.t.sf(abs(self.t_statistic), self.degrees_of_freedom))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Confidence interval by Fisher's z: tanh(atanh(r) +- q / sqrt(df - 1))."""
        freedom = self.degrees_of_freedom - 1
        if freedom <= 0:
            return (-1.0, 1.0)
        if abs(self.value) >= 1:
            return (self.value, self.value)
        half = stats.norm.ppf(0.5 + level / 2) / np.sqrt(freedom)
        middle = np.arctanh(self.value)
        return (float(np.tanh(middle - half)), float(np.tanh(middle + half)))


def partial_correlation(
    moments: Moments, x: str, y: str, given: Sequence[str] = (), *, tolerance: float = 1e-11
) -> PartialCorrelation:
    """The partial correlation of x and y given other variables, from their joint moments.

    Variables given that are redundant among themselves add nothing and cost no degree of freedom. Where x
    or y is determined by the others there is no variation left to correlate, and the value is 0.

    Args:
        moments: of all the variables.
        x: a variable.
        y: another.
        given: the variables held fixed.
        tolerance: the least share of a variable that the others must leave unexplained.

    Raises:
        UnknownVariable: a name is not in the moments.
        BadBlock: x, y and the variables given are not all different.

    Source: Anderson (2003), An Introduction to Multivariate Statistical Analysis, sections 4.3.1 and 4.3.2.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> z = rng.normal(size=1000)
        >>> rows = np.column_stack([z + rng.normal(size=1000), z + rng.normal(size=1000), z])
        >>> test = partial_correlation(Moments.of(rows, ["x", "y", "z"]), "x", "y", ["z"])
        >>> abs(test.value) < 0.1, test.degrees_of_freedom
        (True, 997)
    """
    given = tuple(given)
    if len({x, y, *given}) != len(given) + 2:
        raise BadBlock(f"{(x, y, *given)} must all be different variables.", "Name each once.")
    at, pair = moments.positions(given), moments.positions((x, y))
    chosen = factor(moments.cross[np.ix_(at, at)], moments.is_constant()[at], tolerance)
    kept = [at[j] for j in chosen.kept]
    left = moments.cross[np.ix_(pair, pair)].copy()
    if kept:
        left -= moments.cross[np.ix_(pair, kept)] @ chosen.solve(moments.cross[np.ix_(kept, pair)])
    whole = np.diagonal(moments.cross)[pair]
    own = np.diagonal(left)
    value = 0.0
    if (own > tolerance * whole).all() and not moments.is_constant()[pair].any():
        value = float(np.clip(left[0, 1] / np.sqrt(own[0] * own[1]), -1.0, 1.0))
    return PartialCorrelation(value, moments.count, len(kept))


def partial_correlations(moments: Moments, names: Sequence[str] | None = None) -> np.ndarray:
    """The partial correlation of each pair given all the other variables, shape (k, k).

    Minus the scaled inverse of the correlation matrix, with ones on the diagonal.

    Args:
        moments: of the variables.
        names: which of them; None takes all.

    Raises:
        CollinearColumns: the variables are linearly dependent.
    """
    part = moments if names is None else moments.subset(names)
    chosen = factor(part.cross, part.is_constant())
    if chosen.combinations:
        raise CollinearColumns(named(chosen.combinations, part.names, True))
    precision = chosen.inverse()
    scale = np.sqrt(np.diagonal(precision))
    partial = -precision / np.outer(scale, scale)
    np.fill_diagonal(partial, 1.0)
    return partial


def variance_inflation(moments: Moments, regressors: Sequence[str] | None = None) -> dict[str, float]:
    """1 / (1 - R^2) of each regressor on all the others: by how much collinearity inflates its variance.

    Args:
        moments: of at least the regressors.
        regressors: which variables; None takes all.

    Returns:
        By name; infinite for constant columns and for those in an exact linear combination.

    Source: Belsley, Kuh & Welsch (1980), Regression Diagnostics, section 3.2.

    Example:
        >>> x = np.arange(6.0)
        >>> rows = np.column_stack([x, x**2])
        >>> inflation = variance_inflation(Moments.of(rows, ["x", "square"]))
        >>> round(inflation["x"], 3), round(inflation["square"], 3)
        (12.719, 12.719)
    """
    part = moments if regressors is None else moments.subset(regressors)
    chosen = factor(part.cross, part.is_constant())
    inverse = np.diagonal(chosen.inverse()) * chosen.scale**2 if chosen.kept else np.zeros(0)
    inflation = dict.fromkeys(part.names, np.inf)
    for at, value in zip(chosen.kept, inverse):
        inflation[part.names[at]] = float(value)
    for combined in chosen.combinations.values():
        for at in combined:
            inflation[part.names[at]] = np.inf
    return inflation
