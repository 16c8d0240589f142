"""Tests corrected for missingness that has causes among the variables."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np

from aitia.core import listing, stream
from aitia.discovery._observations import Observations
from aitia.discovery.independence._base import Independence, IndependenceTest, Tester
from aitia.discovery.independence._test_wise import FEWEST_TOGETHER, TestWise, refuse_pairs_never_seen
from aitia.statistics import Projection, generalised_covariance

_FEWEST_SHARE = 0.1
"""Weights worth fewer rows than this share of theirs are ruled by a few."""


@dataclass(frozen=True)
class MissingnessCorrected(IndependenceTest):
    """MVPC's tests: test-wise deletion, corrected where what makes values missing is among the variables.

    1. The causes W of each variable's missingness indicator are the variables that no small set separates from it.
    2. A test whose variables' missingness has no causes is made as `TestWise` makes it.
    3. The others speak of the population before values went missing. By weights (the default): rows that have the
       variables count ``1 / P(all there | W)``, a density ratio by logistic regression, and the test
       is the generalised covariance measure of weighted linear regressions. By permutation: the variables are regressed
       on W, their residuals are shuffled over rows drawn from all values of W, and `test` is made on these rows.

    Args:
        test: the test where nothing needs correction, and on permuted rows.
        permuted: correct by permutation, which needs columns of numbers; False: by weights; None: by permutation where
            every column holds numbers.
        alpha: the level at which causes of missingness are found.
        most_given: the largest set tried to separate an indicator from a variable.
        seed: of the permutation.

    Assumptions: no variable causes its own missingness, missingness causes nothing, and indicators do not cause each
    other (Mohan, Pearl & Tian 2013); regressions on W and on S are linear, log-odds of being seen are linear in W.

    Source: Tu, Zhang, Ackermann, Mohan, Kjellström & Zhang (2019), AISTATS, algorithms 1 to 3.

    Example:
        >>> from aitia.discovery.independence import FisherZ
        >>> rng = np.random.default_rng(0)
        >>> x, y = rng.normal(size=(2, 4000))
        >>> both = x + y + 0.3 * rng.normal(size=4000)
        >>> gone = rng.random(4000) < 1 / (1 + np.exp(-2 * both))  # x is missing by an effect of x and y
        >>> x_seen = np.where(gone, np.nan, x)
        >>> data = Observations.of({"x": x_seen, "y": y, "both": both}, missing="keep")
        >>> TestWise(FisherZ()).on(data).p_value(0, 1) < 1e-6
        True
        >>> tester = MissingnessCorrected(FisherZ()).on(data)
        >>> tester.p_value(0, 1) > 0.01, tester.warnings
        (True, ('Whether x is missing depends on both.',))
    """

    test: IndependenceTest
    permuted: bool | None = None
    alpha: float = 0.01
    most_given: int = 2
    seed: int = 0
    name: ClassVar[str] = "missingness corrected"
    reads_missing: ClassVar[bool] = True

    def on(self, data: Observations) -> Tester:
        """The test bound to data whose missing values were kept; finds the causes of missingness.

        Raises:
            NeverTogether: a pair has fewer than ten rows in common; names it.
            DiscoveryError: the inner test does not fit the columns.
        """
        refuse_pairs_never_seen(data)
        if data.is_complete:
            return self.test.on(data)
        if self.permuted:
            data.require_numbers("The correction by permutation")
        return CorrectedTester(self, data)


class CorrectedTester(Tester):
    """Test-wise deletion with corrections; `causes` says which variables each one's missingness depends on."""

    def __init__(self, test: MissingnessCorrected, data: Observations) -> None:
        super().__init__(data.names, data.rows)
        self._test = test
        self._data = data
        self._plain = TestWise(test.test).on(data)
        self._permuted = not any(data.discrete) if test.permuted is None else test.permuted
        self._ruled = 0
        self._present = ~np.isnan(data.values)
        self._blocks = [_block(data, i) for i in range(len(data.names))]
        self.causes = {i: self._causes(i) for i in range(len(data.names)) if data.missing[i]}
        self.corrected = 0
        """How many distinct tests were corrected."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What missingness was found to depend on."""
        found = [
            f"Whether {self.names[i]} is missing depends on {listing([self.names[j] for j in above])}."
            for i, above in self.causes.items()
            if above
        ]
        if self._ruled:
            found.append(
                f"{self._ruled:,} tests corrected by weights rest on a few rows that are hardly ever seen."
            )
        return tuple(found)

    def _causes(self, target: int) -> tuple[int, ...]:
        """The variables adjacent to the indicator of the target's missingness, by the skeleton stage of PC."""
        gone = (~self._present[:, [target]]).astype(float)
        left = [j for j in range(len(self.names)) if j != target]
        for size in range(self._test.most_given + 1):
            for j in list(left):
                others = [k for k in left if k != j]
                if any(
                    self._indicator_p_value(gone, j, given) > self._test.alpha
                    for given in combinations(others, size)
                ):
                    left.remove(j)
        return tuple(left)

    def _indicator_p_value(self, gone: np.ndarray, j: int, given: tuple[int, ...]) -> float:
        rows = self._have((j, *given))
        if rows.sum() < FEWEST_TOGETHER + len(given):
            return 1.0
        onto = Projection.onto(self._joined(given, rows), n=int(rows.sum()))
        return generalised_covariance(
            onto.residuals(gone[rows]), onto.residuals(self._blocks[j][rows])
        ).p_value

    def _have(self, variables: tuple[int, ...]) -> np.ndarray:
        """Which rows have all of these variables."""
        return np.asarray(self._present[:, list(variables)].all(axis=1))

    def _joined(self, variables: tuple[int, ...], rows: np.ndarray) -> np.ndarray:
        if not variables:
            return np.empty((int(rows.sum()), 0))
        return np.column_stack([self._blocks[i][rows] for i in variables])

    def _compute(self, x: int, y: int, given: tuple[int, ...]) -> Independence:
        at = (x, y, *given)
        above = tuple(sorted({cause for i in at for cause in self.causes.get(i, ())}))
        # Causes that are conditioned on are held fixed anyway.
        if not set(above) - set(given):
            return self._plain.result(x, y, given)
        self.corrected += 1
        seen = self._have((*at, *above))
        if seen.sum() < FEWEST_TOGETHER + len(given) + len(above):
            return Independence(x, y, given, 0.0, 1.0, effect=0.0)
        if self._permuted:
            return self._by_permutation(x, y, given, above, seen)
        return self._by_weights(x, y, given, above, seen)

    def _by_weights(
        self, x: int, y: int, given: tuple[int, ...], above: tuple[int, ...], seen: np.ndarray
    ) -> Independence:
        known = self._have(above)
        chance = _chance(self._joined(above, known), seen[known])[seen[known]]
        weights = 1 / chance
        self._ruled += bool(weights.sum() ** 2 < _FEWEST_SHARE * len(weights) * (weights**2).sum())
        onto = Projection.onto(self._joined(given, seen), weights / weights.mean(), n=int(seen.sum()))
        found = generalised_covariance(
            onto.residuals(self._blocks[x][seen]), onto.residuals(self._blocks[y][seen])
        )
        return Independence(
            x, y, given, found.statistic, found.p_value, float(found.degrees_of_freedom), found.effect
        )

    def _by_permutation(
        self, x: int, y: int, given: tuple[int, ...], above: tuple[int, ...], seen: np.ndarray
    ) -> Independence:
        at = (x, y, *given)
        known = np.flatnonzero(self._have(above))
        names = (self.names[i] for i in at)
        random = stream(self._test.seed, "missingness", *names)
        n = int(seen.sum())
        # Residuals of the variables given W keep their rows together; W comes from all rows that have it.
        drawn = random.choice(known, n, replace=False)
        new = np.empty((n, len(at)), order="F")
        fresh = np.column_stack([np.ones(n), self._data.values[drawn][:, list(above)]])
        raw = np.column_stack([np.ones(n), self._data.values[seen][:, list(above)]])
        shuffled = random.permutation(n)
        for column, i in enumerate(at):
            if i in above:
                new[:, column] = fresh[:, 1 + above.index(i)]
                continue
            target = self._data.values[seen, i]
            slopes = np.linalg.lstsq(raw, target, rcond=None)[0]
            new[:, column] = fresh @ slopes + (target - raw @ slopes)[shuffled]
        found = self._test.test.on(Observations.of_values([self.names[i] for i in at], new)).result(
            0, 1, range(2, len(at))
        )
        return Independence(
            x, y, given, found.statistic, found.p_value, found.degrees_of_freedom, found.effect
        )


def _block(data: Observations, i: int) -> np.ndarray:
    """A variable's standardised column, or the 0/1 columns of its levels but one; NaN where missing."""
    column = data.values[:, [i]]
    if data.sizes[i] > 2:
        return np.where(np.isnan(column), np.nan, (column == np.arange(1, data.sizes[i])).astype(float))
    spread = np.nanstd(column)
    return (column - np.nanmean(column)) / (spread if spread > 0 else 1.0)


def _chance(design: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """P(seen | columns) by logistic regression with intercept, by Newton's method; shape (n,)."""
    x = np.column_stack([np.ones(len(design)), design])
    beta = np.zeros(x.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        weight = np.maximum(p * (1 - p), 1e-9)
        step = np.linalg.solve(
            (x.T * weight) @ x + 1e-6 * len(x) * np.eye(x.shape[1]),
            x.T @ (seen - p) - 1e-6 * len(x) * beta,
        )
        beta += step
        if np.abs(step).max() < 1e-8:
            break
    return np.maximum(1 / (1 + np.exp(-np.clip(x @ beta, -30, 30))), 1e-6)
