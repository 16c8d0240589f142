"""Tests of conditional independence over columns of any kind, with effect sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from aitia.discovery.independence import fisher_z
from aitia.refutation._linear import Projection, expand
from aitia.statistics import Counts, generalised_covariance, independence

if TYPE_CHECKING:
    from aitia.data import Table
    from aitia.estimation import Sample


@dataclass(frozen=True)
class IndependenceTest:
    """One test of x independent of y given z.

    Args:
        x: the first variable.
        y: the second variable.
        given: the variables conditioned on.
        p_value: uniform where the independence holds (and the test's assumptions do).
        effect: the size of the dependence, between 0 and 1: absolute partial correlation (the largest over
            pairs of encoded columns), or the excess over chance of Cramer's V for counts.
        test: which test it was: ``"Fisher z"``, ``"G2"`` or ``"generalised covariance"``.
    """

    x: str
    y: str
    given: tuple[str, ...]
    p_value: float
    effect: float
    test: str

    def __str__(self) -> str:
        given = f" given {', '.join(self.given)}" if self.given else ""
        return f"{self.x} independent of {self.y}{given}"


@dataclass(frozen=True, eq=False)
class Variables:
    """Columns coded for tests of independence.

    Args:
        blocks: for each variable its encoded columns, shape (n, k): numbers as they are, categories one-hot
            without baseline.
        codes: for each discrete variable its integer codes, shape (n,).
        weights: row weights, or None. With weights or clusters every test is the generalised covariance one.
        clusters: cluster codes, or None.
    """

    blocks: Mapping[str, np.ndarray]
    codes: Mapping[str, np.ndarray]
    weights: np.ndarray | None = None
    clusters: np.ndarray | None = None
    _memory: dict = field(default_factory=dict, repr=False)

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(next(iter(self.blocks.values())))

    @property
    def names(self) -> tuple[str, ...]:
        """The variables."""
        return tuple(self.blocks)

    def rows(self, keep: np.ndarray) -> Variables:
        """The same variables for some of the rows."""
        return Variables(
            {name: block[keep] for name, block in self.blocks.items()},
            {name: codes[keep] for name, codes in self.codes.items()},
            None if self.weights is None else self.weights[keep],
            None if self.clusters is None else self.clusters[keep],
        )

    @staticmethod
    def of_arrays(columns: Mapping[str, np.ndarray], most_levels: int = 12) -> Variables:
        """Columns given as arrays of numbers; those with few whole values count as discrete."""
        blocks, codes = {}, {}
        for name, column in columns.items():
            values = np.asarray(column, dtype=float)
            if values.ndim == 2:
                blocks[name] = values
                if _is_indicator(values):
                    codes[name] = values @ np.arange(1, values.shape[1] + 1)
                continue
            levels = np.unique(values) if len(np.unique(values[:1000])) <= most_levels else values
            blocks[name] = values[:, None]
            if len(levels) == 2:
                codes[name] = np.searchsorted(levels, values)
        return Variables(blocks, {name: code.astype(np.int64) for name, code in codes.items()})

    @staticmethod
    def of_sample(sample: Sample) -> Variables:
        """The variables of an estimate's sample: treatment, outcome, covariates."""
        treatment, outcome = sample.names
        columns: dict[str, np.ndarray] = {}
        if sample.treatment_kind.value == "categorical":
            columns[treatment] = np.column_stack(
                [sample.treatment == code for code in range(1, len(sample.treatment_levels))]
            ).astype(float)
        else:
            columns[treatment] = sample.treatment
        columns[outcome] = sample.outcome
        for name, positions in sample.covariate_groups.items():
            block = sample.covariates[:, list(positions)]
            columns[name] = block[:, 0] if block.shape[1] == 1 else block
        coded = Variables.of_arrays(columns)
        return Variables(coded.blocks, coded.codes, sample.weights, sample.clusters)

    @staticmethod
    def of_table(table: Table, names: Iterable[str]) -> tuple[Variables, int]:
        """Columns of a table, complete cases only, and how many rows that left out."""
        from aitia.data import Design, Missing

        wanted = list(names)
        design = Design.build(table, wanted, missing=Missing.COMPLETE_CASES, drop_constant=False)
        matrix = design.matrix()
        blocks, codes = {}, {}
        for name in wanted:
            positions = list(design.groups[name])
            block = np.ascontiguousarray(matrix[:, positions])
            blocks[name] = block
            kind = table.column(name).kind.value
            if kind == "binary":
                codes[name] = np.unique(block[:, 0], return_inverse=True)[1].astype(np.int64)
            elif kind == "categorical":
                codes[name] = (block @ np.arange(1, block.shape[1] + 1)).astype(np.int64)
        return Variables(blocks, codes), int(table.n_rows) - len(matrix)

    def test(self, x: str, y: str, given: Iterable[str] = (), nonlinear: bool = True) -> IndependenceTest:
        """Test x independent of y given z, by what the kinds of the columns call for.

        All discrete, and at least five rows a cell: G2 (likelihood ratio) over the contingency table. All
        continuous: Fisher's z of the partial correlation, from one pass; where it rejects at 5% and
        `nonlinear` is set, the rejection has to be confirmed by the generalised covariance measure, which
        allows curved regressions and uneven variance (the larger p-value stands). Otherwise, and with weights
        or clusters: the generalised covariance measure.

        Args:
            x: the first variable.
            y: the second variable.
            given: the variables conditioned on.
            nonlinear: regress on curvature of the conditioning variables too (squares, cubes, products).
        """
        z = tuple(sorted(given))
        key = (*sorted((x, y)), z, nonlinear)
        if key not in self._memory:
            self._memory[key] = self._test(x, y, z, nonlinear)
        return self._memory[key]

    def _test(self, x: str, y: str, z: tuple[str, ...], nonlinear: bool) -> IndependenceTest:
        everything = (x, y, *z)
        plain = self.weights is None and self.clusters is None
        if plain and all(name in self.codes for name in everything):
            result = self._g_squared(x, y, z)
            if result is not None:
                return result
        if plain and not any(name in self.codes for name in everything):
            result = self._fisher_z(x, y, z)
            if result.p_value >= 0.05 or not nonlinear or not z:
                # Without conditioning variables there is nothing to be curved, but the variance may be
                # uneven.
                return result if result.p_value >= 0.05 or not nonlinear else self._confirmed(result, x, y, z)
            return self._confirmed(result, x, y, z)
        return self._generalised_covariance(x, y, z, nonlinear)

    def _confirmed(self, result: IndependenceTest, x: str, y: str, z: tuple[str, ...]) -> IndependenceTest:
        robust = self._generalised_covariance(x, y, z, True)
        return robust if robust.p_value > result.p_value else result

    def _correlation(self) -> tuple[np.ndarray, dict[str, int]]:
        if "correlation" not in self._memory:
            from aitia.statistics import Moments

            names = [name for name in self.blocks if name not in self.codes]
            # One pass over the rows for all tests of continuous columns.
            block = np.asfortranarray(np.column_stack([self.blocks[name][:, 0] for name in names]))
            moments = Moments.of(block, names)
            spread = np.sqrt(np.diag(moments.cross))
            spread[spread == 0] = 1.0
            self._memory["correlation"] = (
                moments.cross / np.outer(spread, spread),
                {name: i for i, name in enumerate(names)},
            )
        return self._memory["correlation"]

    def _fisher_z(self, x: str, y: str, z: tuple[str, ...]) -> IndependenceTest:
        correlation, at = self._correlation()
        found = fisher_z(correlation, self.n, at[x], at[y], tuple(at[name] for name in z))
        return IndependenceTest(x, y, z, found.p_value, found.effect, "Fisher z")

    def _g_squared(self, x: str, y: str, z: tuple[str, ...]) -> IndependenceTest | None:
        stratum = np.zeros(self.n, dtype=np.int64)
        for name in z:
            stratum = stratum * (int(self.codes[name].max()) + 1) + self.codes[name]
            stratum = np.unique(stratum, return_inverse=True)[1]
        codes = np.column_stack([stratum, self.codes[x], self.codes[y]])
        strata, rows, columns = (codes.max(axis=0) + 1).tolist()
        if self.n < 5 * strata * rows * columns:
            return None
        levels = {"stratum": range(strata), "x": range(rows), "y": range(columns)}
        found = independence(Counts.of(codes, levels), "x", "y", ["stratum"])
        if found.degrees_of_freedom == 0:
            return IndependenceTest(x, y, z, 1.0, 0.0, "G2")
        excess = max(found.statistic - found.degrees_of_freedom, 0.0)
        effect = np.sqrt(excess / (self.n * max(min(rows, columns) - 1, 1)))
        return IndependenceTest(x, y, z, found.p_value, float(min(effect, 1.0)), "G2")

    def _residuals(self, x: str, z: tuple[str, ...], nonlinear: bool) -> np.ndarray:
        basis_key = ("basis", z, nonlinear)
        if basis_key not in self._memory:
            if z:
                basis = np.column_stack([self.blocks[name] for name in z])
                if nonlinear:
                    extra = expand(basis)
                    room = max(self.n // 20 - basis.shape[1], 0)
                    basis = np.column_stack([basis, extra[:, :room]])
            else:
                basis = np.empty((self.n, 0))
            # Only the last basis is kept: it is as large as the data.
            for old in [key for key in self._memory if isinstance(key, tuple) and key[0] == "basis"]:
                del self._memory[old]
            self._memory[basis_key] = Projection.onto(basis, self.weights, n=self.n)
        return self._memory[basis_key].residuals(self.blocks[x])

    def _generalised_covariance(
        self, x: str, y: str, z: tuple[str, ...], nonlinear: bool
    ) -> IndependenceTest:
        """Shah & Peters 2020 (Annals of Statistics 48:1514), section 3: products of two regressions' residuals."""
        found = generalised_covariance(
            self._residuals(x, z, nonlinear), self._residuals(y, z, nonlinear), self.clusters
        )
        return IndependenceTest(x, y, z, found.p_value, found.effect, "generalised covariance")


def _is_indicator(block: np.ndarray) -> bool:
    return bool(np.isin(block, (0.0, 1.0)).all() and (block.sum(1) <= 1).all())
