"""Pearson's chi-squared test of independence in contingency tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from aitia.discovery.independence._g_squared import GSquared


@dataclass(frozen=True)
class ChiSquared(GSquared):
    r"""Pearson's chi-squared: :math:`\sum_s\sum_{ij} (O_{ijs}-E_{ijs})^2/E_{ijs}` over the strata of the variables
    conditioned on, chi-squared under independence.

    It takes the options of `GSquared` and counts degrees of freedom as that does. In thin tables it is the better
    calibrated of the two: given its margins, a stratum of n rows has mean (rows - 1)(columns - 1) n / (n - 1) whatever
    the counts expected.

    Source: Pearson (1900); Haldane (1940), Biometrika 31:346, for the mean.

    Example:
        >>> from aitia.discovery import Observations
        >>> codes = [[0, 0]] * 30 + [[0, 1]] * 10 + [[1, 0]] * 10 + [[1, 1]] * 30
        >>> columns = {"x": [row[0] for row in codes], "y": [row[1] for row in codes]}
        >>> ChiSquared().on(Observations.of(columns)).result(0, 1).statistic
        20.0
    """

    name: ClassVar[str] = "chi-squared"
    pearson: ClassVar[bool] = True
