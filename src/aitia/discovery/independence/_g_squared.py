"""G2, the likelihood-ratio test of independence in contingency tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from aitia.discovery._observations import Distinct, Observations
from aitia.discovery.independence._base import Independence, IndependenceTest, Tester


@dataclass(frozen=True)
class GSquared(IndependenceTest):
    """G2: ``2 sum_ijs O_ijs log(O_ijs / E_ijs)`` over the strata of the variables conditioned on,
    chi-squared under independence.

    Degrees of freedom are counted stratum by stratum: (rows seen - 1)(columns seen - 1), so that levels and strata
    that do not occur cost nothing. A column counts as discrete where its kind says so (or the person does).

    G2 is far from chi-squared in thin tables: with three categories of four levels given and 3,000 rows it rejected 91%
    of true independences at the 5% level. So below `thin` rows a degree of freedom Pearson's statistic answers, each
    stratum's times (n - 1) / n, whose mean given the margins is that of chi-squared whatever the counts expected (3% in
    that case; the thinnest tables are conservative). The tester's `warnings` say how often that was so.

    Args:
        thin: rows for each degree of freedom below which a table counts as thin. 0 always takes G2, as causal-learn and
            bnlearn do.
        rows_a_freedom: rows for each degree of freedom below which a table has no say: the p-value is 1, and the
            tester's `warnings` say so. 0 always tests; pcalg's rule is 10.
        nominal_freedom: count (levels of x - 1)(levels of y - 1) times all combinations of the others' levels instead,
            seen or not, as bnlearn's ``"mi"`` does (its ``"mi-adf"`` and causal-learn count what is seen).

    Assumptions: the rows are independent, and enough of them for the tables asked about.

    Source: Bishop, Fienberg & Holland (1975), sections 3.8 and 4.2; Haldane (1940), Biometrika 31:346, for the mean of
    Pearson's statistic given the margins.

    Example:
        >>> from aitia.discovery import Observations
        >>> rng = np.random.default_rng(0)
        >>> z = rng.integers(0, 2, 1000)
        >>> flip = lambda: np.where(rng.random(1000) < 0.8, z, 1 - z)
        >>> tester = GSquared().on(Observations.of({"x": flip(), "y": flip(), "z": z}))
        >>> tester.p_value(0, 1) < 0.001, tester.p_value(0, 1, [2]) > 0.01
        (True, True)
        >>> tester.result(0, 1, [2]).degrees_of_freedom
        2.0
    """

    thin: float = 50.0
    rows_a_freedom: float = 0.0
    nominal_freedom: bool = False
    name: ClassVar[str] = "G2"

    @property
    def kernel_thin(self) -> float:
        """`thin` as ``discovery._contingency.g_squared`` takes it."""
        return float(self.thin)

    def on(self, data: Observations) -> CountsTester:
        """The test over the distinct rows of `data`, which are counted once."""
        data.require_discrete(self.name)
        data.require_complete(self.name)
        return CountsTester(self, data)


class CountsTester(Tester):
    """A test over contingency tables.

    `terms` holds what a compiled search needs to test in bulk: the same kernel, the same answers.
    """

    def __init__(self, test: GSquared, data: Observations) -> None:
        super().__init__(data.names, data.rows)
        self.test = test
        self.terms: Distinct = data.distinct
        self.thin = 0
        """How many distinct tests had too few rows for their tables, and were answered by 1."""
        self.corrected = 0
        """How many distinct tests met thin tables and took Pearson's corrected statistic."""

    @property
    def discrete(self) -> Distinct:
        """The distinct rows, for searches that test in bulk."""
        return self.terms

    @property
    def warnings(self) -> tuple[str, ...]:
        """How many tables were thin, and what was done about them."""
        found = []
        if self.thin:
            found.append(
                f"{self.thin:,} of {self.calls:,} tests had fewer than {self.test.rows_a_freedom:g} rows for a degree "
                "of freedom and were taken for independence without testing."
            )
        if self.corrected:
            found.append(
                f"{self.corrected:,} tests had fewer than {self.test.thin:g} rows for a degree of "
                "freedom and took Pearson's statistic, corrected for few rows a stratum."
            )
        return tuple(found)

    def _compute(self, x: int, y: int, given: tuple[int, ...]) -> Independence:
        from aitia.discovery._contingency import g_squared

        codes, weights, sizes = self.terms.codes, self.terms.weights, self.terms.sizes
        found = g_squared(codes, weights, sizes, x, y, np.array(given, np.int64), self.test.kernel_thin)
        statistic, freedom, rows = (float(each) for each in found)
        thin = rows < self.test.thin * freedom
        if self.test.nominal_freedom:
            freedom = float((sizes[x] - 1) * (sizes[y] - 1) * np.prod(sizes[list(given)], dtype=float))
        if freedom == 0:
            return Independence(x, y, given, 0.0, 1.0, 0.0, 0.0)
        excess = max(statistic - freedom, 0.0) / (rows * max(min(sizes[x], sizes[y]) - 1, 1))
        effect = min(math.sqrt(excess), 1.0)
        if rows < self.test.rows_a_freedom * freedom:
            self.thin += 1
            return Independence(x, y, given, statistic, 1.0, freedom, effect)
        self.corrected += thin
        return Independence(
            x, y, given, statistic, float(special.chdtrc(freedom, statistic)), freedom, effect
        )
