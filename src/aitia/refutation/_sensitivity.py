"""Formulas of omitted-variable sensitivity for linear regression (Cinelli & Hazlett 2020)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aitia.core import stats


def partial_r2(t_statistic: float, freedom: float) -> float:
    """Partial R2 of a regressor with the outcome, t^2 / (t^2 + dof).

    Example:
        >>> round(partial_r2(4.18445, 783), 5)  # Darfur, exposure to violence
        0.02187
    """
    return float(t_statistic**2 / (t_statistic**2 + freedom))


def robustness_value(t_statistic: float, freedom: float, q: float = 1.0, alpha: float | None = None) -> float:
    """The robustness value RV_q, or RV_{q, alpha} with a level.

    A confounder that explains more than this share of the residual variance both of treatment and of outcome
    could bring the estimate down by 100 q percent (with `alpha`: could make it insignificant at that level).
    With f_q = q |t| / sqrt(dof): RV_q = (sqrt(f_q^4 + 4 f_q^2) - f_q^2) / 2.

    Args:
        t_statistic: the t statistic of the treatment.
        freedom: its degrees of freedom.
        q: the share of the estimate to explain away.
        alpha: the level of significance, or None for the point estimate.

    Source: Cinelli & Hazlett 2020, J. R. Stat. Soc. B 82:39, section 4.1.

    Example:
        >>> round(robustness_value(4.18445, 783), 5), round(robustness_value(4.18445, 783, alpha=0.05), 5)
        (0.13878, 0.07626)
    """
    f = q * abs(t_statistic) / np.sqrt(freedom)
    critical = 0.0 if alpha is None else abs(stats.t.ppf(alpha / 2, freedom - 1)) / np.sqrt(freedom - 1)
    reduced = f - critical
    if reduced <= 0:
        return 0.0
    if critical > 0 and f > 1 / critical:
        # A confounder of that strength with the outcome would by itself shrink the standard error: the
        # extreme case.
        return float((f**2 - critical**2) / (1 + f**2))
    return float((np.sqrt(reduced**4 + 4 * reduced**2) - reduced**2) / 2)


@dataclass(frozen=True)
class LinearSensitivity:
    """The sensitivity of one coefficient of a linear regression to an omitted variable.

    Args:
        estimate: the coefficient of the treatment.
        std_error: its classical standard error.
        freedom: residual degrees of freedom.

    Example:
        >>> darfur = LinearSensitivity(0.09731582, 0.02325654, 783)
        >>> female = 0.00916429, 0.12464092  # as strong as the covariate `female`
        >>> round(float(darfur.adjusted(*female)), 4), round(float(darfur.adjusted_error(*female)), 4)
        (0.0752, 0.0219)
    """

    estimate: float
    std_error: float
    freedom: float

    @property
    def t_statistic(self) -> float:
        """Coefficient over standard error."""
        return self.estimate / self.std_error

    def bias(self, r2_treatment: np.ndarray | float, r2_outcome: np.ndarray | float) -> np.ndarray | float:
        """Largest absolute bias of a confounder: sqrt(R2_Y R2_D / (1 - R2_D)) se sqrt(dof) (equation 10).

        Args:
            r2_treatment: its partial R2 with the treatment given the covariates, in [0, 1).
            r2_outcome: its partial R2 with the outcome given treatment and covariates, in [0, 1].
        """
        strength = np.sqrt(np.asarray(r2_outcome) * np.asarray(r2_treatment) / (1 - np.asarray(r2_treatment)))
        return strength * self.std_error * np.sqrt(self.freedom)

    def adjusted(
        self, r2_treatment: np.ndarray | float, r2_outcome: np.ndarray | float
    ) -> np.ndarray | float:
        """The estimate after a confounder that pulls it towards, and past, zero."""
        return np.sign(self.estimate) * (abs(self.estimate) - self.bias(r2_treatment, r2_outcome))

    def adjusted_error(
        self, r2_treatment: np.ndarray | float, r2_outcome: np.ndarray | float
    ) -> np.ndarray | float:
        """The standard error had the confounder been adjusted for (equation 11)."""
        ratio = (1 - np.asarray(r2_outcome)) / (1 - np.asarray(r2_treatment))
        return np.sqrt(ratio) * self.std_error * np.sqrt(self.freedom / (self.freedom - 1))

    def adjusted_limit(
        self, r2_treatment: np.ndarray | float, r2_outcome: np.ndarray | float, alpha: float = 0.05
    ) -> np.ndarray | float:
        """The interval limit nearest to zero after a confounder, signed so that positive means still significant."""
        critical = stats.t.isf(alpha / 2, self.freedom - 1)
        towards = np.sign(self.estimate) * self.adjusted(r2_treatment, r2_outcome)
        return towards - critical * self.adjusted_error(r2_treatment, r2_outcome)


def benchmark_bounds(
    r2_treatment_covariate: float, r2_outcome_covariate: float, times_as_strong: float = 1.0
) -> tuple[float, float]:
    """The strength of a confounder `times_as_strong` as a measured covariate, as (R2 with treatment, R2 with
    outcome).

    Args:
        r2_treatment_covariate: partial R2 of the covariate with the treatment given the other covariates.
        r2_outcome_covariate: partial R2 of the covariate with the outcome given treatment and the other
            covariates.
        times_as_strong: k_D = k_Y.

    Returns:
        The bounds; (nan, nan) where the covariate is so strong that no confounder could be k times stronger.

    Source: Cinelli & Hazlett 2020, section 4.4, equations 19 and 20.

    Example:
        The covariate `female` in Darfur, once:

        >>> [round(x, 5) for x in benchmark_bounds(0.0090811, 0.1090339)]
        [0.00916, 0.12464]
    """
    k, d, y = times_as_strong, r2_treatment_covariate, r2_outcome_covariate
    treatment = k * d / (1 - d)
    if treatment >= 1 or k * d >= 1 or d >= 1 or y >= 1:
        return float("nan"), float("nan")
    between = k * d**2 / ((1 - k * d) * (1 - d))
    if between >= 1:
        return float("nan"), float("nan")
    share = ((np.sqrt(k) + np.sqrt(between)) / np.sqrt(1 - between)) ** 2
    return float(treatment), float(min(share * y / (1 - y), 1.0))
