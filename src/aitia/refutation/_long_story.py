"""Omitted-variable bounds for any average effect by its Riesz representer (Chernozhukov et al. 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from aitia.core import AitiaError, optimize, stats


@dataclass(frozen=True, eq=False)
class GeneralSensitivity:
    """The sensitivity of an average effect to an omitted variable, without a linear model.

    With outcome regression g and Riesz representer alpha of the effect, an omitted variable moves it by at most
    |rho| S C_Y C_D where S^2 = sigma^2 nu^2, sigma^2 = E(Y - g)^2, nu^2 = E alpha^2, C_Y^2 is the share of the
    outcome's residual variance that it explains and C_D^2 = r / (1 - r) for the share r of the variance of the
    long representer that it explains. Bounds use |rho| = 1.

    Args:
        estimate: the effect theta.
        influence: its influence values, shape (n,).
        residual_squares: (Y - g)^2, shape (n,).
        representer: alpha, shape (n,).
        moment: m(W, alpha), whose mean is nu^2 too; 2 m - alpha^2 is the debiased form, shape (n,).
        weights: survey weights, shape (n,), or None.
        rows: how many rows the estimate has, where these n were drawn from them; 0 means n.

    Source: Chernozhukov, Cinelli, Newey, Sharma & Syrgkanis 2022, Long story short (NBER 30302), theorems 2
    and 4.
    """

    estimate: float
    influence: np.ndarray
    residual_squares: np.ndarray
    representer: np.ndarray
    moment: np.ndarray
    weights: np.ndarray | None = None
    rows: int = 0

    def _mean(self, values: np.ndarray) -> float:
        return float(np.average(values, weights=self.weights))

    @property
    def sigma2(self) -> float:
        """E(Y - g)^2."""
        return self._mean(self.residual_squares)

    @property
    def nu2(self) -> float:
        """E alpha^2 in its debiased form 2 E m(W, alpha) - E alpha^2."""
        return self._mean(2 * self.moment - self.representer**2)

    @property
    def scale(self) -> float:
        """S = sigma nu."""
        if self.nu2 <= 0:
            raise AitiaError(
                "The debiased size of the weights comes out negative: the propensity model does not fit these rows.",
                "Use the linear form: OmittedVariable(linear=True).",
            )
        return float(np.sqrt(self.sigma2 * self.nu2))

    def bias(self, r2_treatment: np.ndarray | float, r2_outcome: np.ndarray | float) -> np.ndarray | float:
        """Largest absolute bias of an omitted variable of the given strength."""
        odds = np.asarray(r2_treatment) / (1 - np.asarray(r2_treatment))
        return self.scale * np.sqrt(np.asarray(r2_outcome) * odds)

    def adjusted(
        self, r2_treatment: np.ndarray | float, r2_outcome: np.ndarray | float
    ) -> np.ndarray | float:
        """The estimate after an omitted variable that pulls it towards, and past, zero."""
        return np.sign(self.estimate) * (abs(self.estimate) - self.bias(r2_treatment, r2_outcome))

    def adjusted_limit(self, r2_treatment: float, r2_outcome: float, alpha: float = 0.05) -> float:
        """The one-sided confidence limit of the bound nearest to zero; positive means still away from zero."""
        c = float(np.sqrt(r2_outcome * r2_treatment / (1 - r2_treatment)))
        sign = 1.0 if self.estimate >= 0 else -1.0
        psi_s = (
            self.nu2 * (self.residual_squares - self.sigma2)
            + self.sigma2 * (2 * self.moment - self.representer**2 - self.nu2)
        ) / (2 * max(self.scale, 1e-300))
        psi = sign * self.influence - c * psi_s
        w = np.ones(len(psi)) if self.weights is None else self.weights
        error = float(np.sqrt(((w * psi) ** 2).sum()) / w.sum()) * np.sqrt(len(psi) / (self.rows or len(psi)))
        return float(abs(self.estimate) - c * self.scale - stats.norm.isf(alpha) * error)

    def robustness_value(self, alpha: float | None = None) -> float:
        """The equal strength r = R2 with outcome and with treatment at which the bound (or its limit) reaches zero."""
        if alpha is None:
            f2 = self.estimate**2 / max(self.scale**2, 1e-300)
            # sqrt(f^4 + 4 f^2) - f^2 loses its digits for large f; this form does not.
            return float(2 / (1 + np.sqrt(1 + 4 / f2))) if f2 > 0 else 0.0
        if self.adjusted_limit(0.0, 0.0, alpha) <= 0:
            return 0.0
        if self.adjusted_limit(1 - 1e-9, 1 - 1e-9, alpha) > 0:
            return 1.0
        root: Any = optimize.brentq(lambda r: self.adjusted_limit(r, r, alpha), 0.0, 1 - 1e-9, xtol=1e-9)
        return float(root)
