"""The kernel-based test of conditional independence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from aitia.core import stream
from aitia.discovery._features import Columns, Ridge, gaussian_kernel, inflation
from aitia.discovery._observations import Observations
from aitia.discovery.independence._base import Independence, IndependenceTest, Tester


@dataclass(frozen=True)
class KernelTest(IndependenceTest):
    """KCI: ``tr(K_xS|S K_y|S)`` of the kernels of (x, S) and of y after kernel
    ridge regression on S; without S, the Hilbert-Schmidt independence criterion ``tr(K_x K_y)``.

    Its distribution under independence is matched by a gamma with the mean and variance
    ``sum_i A_ii`` and ``2 sum_ij A_ij^2``, with A the product entry by entry of the two matrices
    (conditional), or by those of independent rows (unconditional). Kernels are Gaussian with the median distance as
    width; the penalty of each regression has the least generalised cross-validation error, and both moments are
    corrected for the degrees of freedom that the regressions use up. Time grows with the cube of the rows.

    Args:
        most_rows: with more, this many are drawn by `seed`, and the tester's warnings say so.
        seed: of that draw.

    Assumptions: independent rows; the conditional means given S are smooth enough for kernel regression. Any kind of
    column: categories enter as indicators.

    Source: Zhang, Peters, Janzing & Schölkopf (2011), UAI, theorems 3 and 4, propositions 5 and 6; Gretton et al.
    (2008), NIPS, for the gamma without S.

    Example:
        >>> from aitia.discovery import Observations
        >>> rng = np.random.default_rng(0)
        >>> z = rng.normal(size=200)
        >>> x, y = z**2 + 0.5 * rng.normal(size=(2, 200))
        >>> tester = KernelTest().on(Observations.of({"x": x, "y": y, "z": z}))
        >>> tester.p_value(0, 1) < 0.001, tester.p_value(0, 1, [2]) > 0.01
        (True, True)
    """

    most_rows: int = 1000
    seed: int = 0
    name: ClassVar[str] = "KCI"

    def on(self, data: Observations) -> Tester:
        """The test over the rows of `data`, or as many as it may read."""
        data.require_complete(self.name)
        return _KernelTester(self, data)


class _KernelTester(Tester):
    def __init__(self, test: KernelTest, data: Observations) -> None:
        rows = None
        if data.rows > test.most_rows:
            rows = np.sort(stream(test.seed, "kernel rows").permutation(data.rows)[: test.most_rows])
        super().__init__(data.names, data.rows if rows is None else len(rows))
        self._all = data.rows
        self._columns = Columns.of(data, rows)
        self._kernels: dict[tuple[int, ...], np.ndarray] = {}
        self._ridges: dict[tuple[int, ...], Ridge] = {}

    @property
    def warnings(self) -> tuple[str, ...]:
        """That not all rows were read."""
        if self.rows == self._all:
            return ()
        return (f"KCI read {self.rows:,} rows of {self._all:,}, drawn at random.",)

    def _kernel(self, variables: tuple[int, ...]) -> np.ndarray:
        return _kept(self._kernels, variables, lambda: gaussian_kernel(self._columns.joined(variables)))

    def _compute(self, x: int, y: int, given: tuple[int, ...]) -> Independence:
        n = self.rows
        if not given:
            left, right = self._kernel((x,)), self._kernel((y,))
            statistic = float((left * right).sum()) / n
            # Gretton et al. (2008), in the scale of Zhang et al. (2011), proposition 6.
            mean = float(np.trace(left) * np.trace(right)) / n**2 * n / (n - 1)
            variance = 2 * float((left**2).sum() * (right**2).sum()) / n**4
        else:
            first, second = self._columns.ordered((x, y))
            ridge = _kept(self._ridges, given, lambda: Ridge.of_kernel(self._kernel(given)))
            left, one = _residual(ridge, gaussian_kernel(self._columns.joined((first, *given))))
            right, two = _residual(ridge, self._kernel((second,)))
            both = left * right
            inflated = inflation(n, one, two)
            statistic = float(both.sum()) / n
            mean = float(np.trace(both)) / n * inflated
            variance = 2 * float((both**2).sum()) / n**2 * inflated**2
        if mean <= 1e-12 or variance <= 0:
            return Independence(x, y, given, 0.0, 1.0, effect=0.0)
        shape, scale = mean**2 / variance, variance / mean
        p = float(special.gammaincc(shape, max(statistic, 0.0) / scale))
        # The kernels' alignment (Cristianini et al. 2002), less what chance gives.
        length = float(np.sqrt((left**2).sum() * (right**2).sum())) / n
        effect = float(np.clip((statistic - mean) / max(length, 1e-300), 0.0, 1.0))
        return Independence(x, y, given, statistic, p, effect=effect)


def _residual(ridge: Ridge, kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """R K R with the residual maker of the best penalty, and the weights of that fit."""
    along = ridge.basis.T @ kernel
    explained = np.einsum("ij,ji->i", along, ridge.basis)
    weights = ridge.weights(ridge.chosen(explained, float(np.trace(kernel))))
    half = kernel - ridge.basis @ (weights[:, None] * along)
    return half - (half @ ridge.basis * weights) @ ridge.basis.T, weights


def _kept(memory: dict, key: tuple[int, ...], make):
    """What was made before; a few are remembered, for each is as large as the square of the rows."""
    if key not in memory:
        if len(memory) >= 12:
            del memory[next(iter(memory))]
        memory[key] = make()
    return memory[key]
