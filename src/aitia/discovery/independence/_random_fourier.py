"""The randomised conditional independence test: kernels through a few random features."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from aitia.core import optimize
from aitia.discovery._features import Columns, Ridge, inflation
from aitia.discovery._observations import Observations
from aitia.discovery.independence._base import Independence, IndependenceTest, Tester


@dataclass(frozen=True)
class RandomFourier(IndependenceTest):
    """RCIT: ``n |cov(f(x, S) - E[f | S], g(y) - E[g | S])|^2``, the sum of squares over
    random Fourier features f, g, regressed on features of S by ridge regression.

    Under independence it is a weighted sum of chi-squared variables, whose weights are the eigenvalues of the
    covariance of the residuals' products; its tail is found by the saddlepoint approximation. The ridge
    penalty of each side has the least generalised cross-validation error, and the covariance is corrected for the
    degrees of freedom that the regressions use up. Without S it is the RIT. Time grows with n, not with its square.

    The side that is joined with S is the one whose name comes first, so that the answer is symmetric. Of each side's
    residual features the leading principal components enter, which all but frees the answer of what was drawn.

    Args:
        features: leading principal components of what is left of each side's features that enter the statistic.
        drawn: random features of (x, S) and of y.
        given_features: random features of S for every two of its variables (at most a fifth of the rows); the columns
            of S themselves are added. Too few, and what S explains is taken for dependence.
        seed: of the random features; the same seed gives the same answer whatever was tested before.

    Assumptions: independent rows; the conditional means of features given S are smooth enough for ridge regression.
    Any kind of column: categories enter as indicators.

    Source: Strobl, Zhang & Visweswaran (2019), Journal of Causal Inference 7(1), section 4; Kuonen (1999) for the tail.

    Example:
        >>> from aitia.discovery import Observations
        >>> rng = np.random.default_rng(0)
        >>> z = rng.normal(size=500)
        >>> x, y = z**2 + 0.5 * rng.normal(size=(2, 500))
        >>> tester = RandomFourier().on(Observations.of({"x": x, "y": y, "z": z}))
        >>> tester.p_value(0, 1) < 0.001, tester.p_value(0, 1, [2]) > 0.01
        (True, True)
    """

    features: int = 6
    drawn: int = 50
    given_features: int = 100
    seed: int = 0
    name: ClassVar[str] = "RCIT"

    def on(self, data: Observations) -> Tester:
        """The test over the rows of `data`."""
        data.require_complete(self.name)
        return _RandomFourierTester(self, data)


class _RandomFourierTester(Tester):
    def __init__(self, test: RandomFourier, data: Observations) -> None:
        super().__init__(data.names, data.rows)
        self._test = test
        self._columns = Columns.of(data)
        self._last: tuple[tuple[int, ...], Ridge] | None = None

    def _ridge(self, given: tuple[int, ...]) -> Ridge:
        # Only the last is kept: it is larger than the data.
        if self._last is None or self._last[0] != given:
            wanted = self._test.given_features * ((len(given) + 1) // 2)
            count = min(wanted, max(self.rows // 5, 2))
            # With the columns themselves: in several dimensions random waves are slow to add up to a plane.
            plane = self._columns.joined(given)
            waves = self._columns.fourier(given, count, self._test.seed)
            self._last = given, Ridge.on(np.column_stack([waves, plane]))
        return self._last[1]

    def _compute(self, x: int, y: int, given: tuple[int, ...]) -> Independence:
        columns, test = self._columns, self._test
        x, y = columns.ordered((x, y))
        sides = [columns.fourier(side, test.drawn, test.seed) for side in ((x, *given), (y,))]
        ways: list[np.ndarray | None] = [None, None]
        if given:
            ridge = self._ridge(given)
            for side, target in enumerate(sides):
                along = ridge.basis.T @ target
                penalty = ridge.chosen((along**2).sum(axis=1), float((target**2).sum()))
                ways[side] = weights = ridge.weights(penalty)
                sides[side] = target - ridge.basis @ (weights[:, None] * along)
        left, right = (_leading(side, test.features) for side in sides)
        x, y = sorted((x, y))
        return product_test(x, y, given, left, right, inflation(self.rows, ways[0], ways[1]))


def _leading(features: np.ndarray, count: int) -> np.ndarray:
    """The leading principal components, in their own scale: what a kernel weighs most, whatever features were drawn."""
    vectors = np.linalg.eigh(features.T @ features)[1]
    return features @ vectors[:, -count:]


def product_test(
    x: int, y: int, given: tuple[int, ...], left: np.ndarray, right: np.ndarray, inflated: float
) -> Independence:
    """Test that no column of `left` covaries with one of `right` (both centred residuals)."""
    n = len(left)
    scale_left, scale_right = left.std(axis=0), right.std(axis=0)
    left, right = left[:, scale_left > 1e-9], right[:, scale_right > 1e-9]
    if not (left.size and right.size):
        return Independence(x, y, given, 0.0, 1.0, effect=0.0)
    products = (left[:, :, None] * right[:, None, :]).reshape(n, -1)
    sums = products.sum(axis=0)
    statistic = float(sums @ sums) / n
    products -= products.mean(axis=0)
    weights = np.linalg.eigvalsh(products.T @ products / n) * inflated
    p = weighted_chi_squared_tail(statistic, weights[weights > 0])
    correlations = (left.T @ right / n) / np.outer(left.std(axis=0), right.std(axis=0))
    return Independence(x, y, given, statistic, p, effect=min(float(np.abs(correlations).max()), 1.0))


def weighted_chi_squared_tail(statistic: float, weights: np.ndarray) -> float:
    """P(sum of weights times independent chi-squared(1) variables > statistic), by the saddlepoint approximation.

    With ``K(z) = -1/2 sum log(1 - 2 z w_i)`` and ``K'(z) = x``, Lugannani and Rice's formula in
    Barndorff-Nielsen's form: ``1 - Phi(u + log(v / u) / u)``, ``u = sign(z) sqrt(2 (z x - K))``,
    ``v = z sqrt(K'')``. Relative errors stay at a few percent far into the tail.

    Args:
        statistic: x.
        weights: positive, shape (m,).

    Source: Kuonen (1999), Biometrika 86:929.

    Example:
        >>> round(weighted_chi_squared_tail(18.307, np.ones(10)), 3)  # the 5% point with ten degrees of freedom
        0.05
    """
    weights = weights[weights > 1e-9 * weights.max(initial=0.0)]
    if not len(weights) or statistic <= 0:
        return 1.0
    x, w = statistic / weights.max(), weights / weights.max()
    if len(w) == 1:
        return float(special.chdtrc(1, x))
    if abs(x - w.sum()) < 1e-3 * math.sqrt(2 * (w**2).sum()):
        # At the mean the formula is 0 / 0; its limit.
        skewness = 8 * (w**3).sum() / (2 * (w**2).sum()) ** 1.5
        return float(0.5 - skewness / (6 * math.sqrt(2 * math.pi)))
    high = 0.5 * (1 - 1 / x) if x > w.sum() else 0.0

    def slope(at: float) -> float:
        return float((w / (1 - 2 * at * w)).sum()) - x

    zeta: float = optimize.brentq(slope, -len(w) / x, high)  # pyright: ignore[reportAssignmentType]
    cumulant = -0.5 * float(np.log1p(-2 * zeta * w).sum())
    root = math.copysign(math.sqrt(max(2 * (zeta * x - cumulant), 1e-300)), zeta)
    other = zeta * math.sqrt(2 * float((w**2 / (1 - 2 * zeta * w) ** 2).sum()))
    return float(special.ndtr(-(root + math.log(other / root) / root)))
