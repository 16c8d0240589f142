"""A test of conditional independence between discrete variables, from their counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aitia.core import stats
from aitia.statistics._counts import Counts


@dataclass(frozen=True)
class IndependenceTest:
    """The likelihood-ratio test that x and y are independent within every stratum of other variables.

    Args:
        statistic: G^2 = 2 sum O log(O / E) over cells and strata.
        degrees_of_freedom: sum over strata of (levels of x there - 1)(levels of y there - 1).
        count: rows (or weight).
    """

    statistic: float
    degrees_of_freedom: int
    count: float

    @property
    def p_value(self) -> float:
        """Chi-squared p-value; 1 where no stratum says anything."""
        if not self.degrees_of_freedom:
            return 1.0
        return float(stats.chi2.sf(self.statistic, self.degrees_of_freedom))

    @property
    def mutual_information(self) -> float:
        """G^2 / (2 n): the conditional mutual information in nats, the size of the effect whatever n is."""
        return self.statistic / (2 * self.count) if self.count else 0.0


def independence(counts: Counts, x: str, y: str, given: Sequence[str] = ()) -> IndependenceTest:
    """The G^2 test of x independent of y given other variables.

    Levels that do not occur within a stratum cost no degree of freedom there. The chi-squared reference needs
    expected counts of about five and more; with fewer rows a stratum it is only rough.

    Args:
        counts: over at least these variables.
        x: a discrete variable.
        y: another.
        given: the variables that make the strata.

    Source: Bishop, Fienberg & Holland (1975), Discrete Multivariate Analysis, sections 4.2 and 3.8.

    Example:
        >>> table = np.array([[30.0, 10.0], [10.0, 30.0]])
        >>> test = independence(Counts.of_table(table, {"x": (0, 1), "y": (0, 1)}), "x", "y")
        >>> round(test.statistic, 4), test.degrees_of_freedom
        (20.9299, 1)
    """
    part = counts.marginal([*given, x, y])
    rows, columns = part.shape[-2:]
    # Only strata that occur are visited, so that many variables with empty strata cost nothing.
    strata, inside = np.unique(part.cells // (rows * columns), return_inverse=True)
    tables = np.zeros((len(strata), rows * columns))
    tables[inside, part.cells % (rows * columns)] = part.values
    tables = tables.reshape(-1, rows, columns)
    by_row, by_column = tables.sum(axis=2), tables.sum(axis=1)
    totals = tables.sum(axis=(1, 2))
    expected = by_row[:, :, None] * by_column[:, None, :] / totals[:, None, None] if len(strata) else tables
    seen = tables > 0
    statistic = 2 * float(np.sum(tables[seen] * np.log(tables[seen] / expected[seen])))
    freedom = int(np.sum(((by_row > 0).sum(axis=1) - 1) * ((by_column > 0).sum(axis=1) - 1)))
    return IndependenceTest(max(statistic, 0.0), freedom, float(totals.sum()))
