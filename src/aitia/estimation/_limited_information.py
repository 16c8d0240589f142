"""Limited-information maximum likelihood: less biased than two-stage least squares where instruments are weak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.estimation._two_stage_least_squares import InstrumentalVariables, PartialledOut


@dataclass(frozen=True)
class LIML(InstrumentalVariables):
    """Limited-information maximum likelihood.

    The k-class estimator whose kappa is the smallest root of det(A - kappa B), A and B the products of (y, t)
    with the covariates, and with covariates and instruments, partialled out. It minimises the Anderson-Rubin
    statistic, equals two-stage least squares with one instrument, and is nearly median-unbiased with several.

    Args:
        robust: errors robust to heteroskedasticity (the usual sandwich of the k-class score).

    Assumptions: as for `TwoStageLeastSquares`.

    Source: Anderson & Rubin (1949), Annals of Mathematical Statistics 20, section 5.

    Example:
        >>> LIML().describe()
        'limited-information maximum likelihood'
    """

    robust: bool = True

    name: ClassVar[str] = "limited-information maximum likelihood"
    reference: ClassVar[str] = "Anderson & Rubin (1949), section 5"

    def _kappa(self, fit: PartialledOut) -> np.ndarray:
        # det(A - k B) = 0 for 2 x 2 matrices: a k^2 - b k + c = 0.
        byy, byt, btt = fit.yy - fit.explained_yy, fit.yt - fit.explained_ty, fit.tt - fit.explained_tt
        a = byy * btt - byt**2
        b = fit.yy * btt + fit.tt * byy - 2 * fit.yt * byt
        c = fit.yy * fit.tt - fit.yt**2
        root = np.sqrt(np.maximum(b**2 - 4 * a * c, 0.0))
        # The smaller root, written so that nothing cancels.
        return np.maximum(2 * c / (b + root), 1.0)
