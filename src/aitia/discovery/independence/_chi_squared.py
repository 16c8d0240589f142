"""Pearson's chi-squared test of independence in contingency tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from aitia.discovery.independence._g_squared import GSquared


@dataclass(frozen=True)
class ChiSquared(GSquared):
    """Pearson's chi-squared: ``sum_ijs (O_ijs - E_ijs)^2 / E_ijs`` over the strata of the variables
    conditioned on, chi-squared under independence.

    It takes the options of `GSquared` and counts degrees of freedom as that does. Given its margins, a stratum of n
    rows has mean (rows - 1)(columns - 1) n / (n - 1) whatever the counts expected: with fewer than `thin` rows a degree
    of freedom, each stratum's part is multiplied by (n - 1) / n.

    Source: Pearson (1900); Haldane (1940), Biometrika 31:346, for the mean.

    Example:
        >>> from aitia.discovery import Observations
        >>> codes = [[0, 0]] * 30 + [[0, 1]] * 10 + [[1, 0]] * 10 + [[1, 1]] * 30
        >>> columns = {"x": [row[0] for row in codes], "y": [row[1] for row in codes]}
        >>> ChiSquared().on(Observations.of(columns)).result(0, 1).statistic
        20.0
    """

    name: ClassVar[str] = "chi-squared"

    @property
    def kernel_thin(self) -> float:
        """`thin` as ``discovery._contingency.g_squared`` takes it: negative for Pearson's statistic throughout."""
        return -max(float(self.thin), 1e-300)
