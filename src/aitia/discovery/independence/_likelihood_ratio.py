"""Likelihood-ratio tests with regressions, for mixed columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import linalg, special

from aitia.discovery._observations import Observations
from aitia.discovery.independence._base import Independence, IndependenceTest, Tester


@dataclass(frozen=True)
class LikelihoodRatio(IndependenceTest):
    """Does y help to predict x beyond S, and x to predict y? Nested regressions answer both ways.

    A number is regressed linearly (the F test), a category by (multinomial) logistic regression (twice the
    log-likelihood ratio, chi-squared). The two p-values are joined to ``min(2 min(p1, p2), max(p1, p2))``.
    Two numbers have one answer, the t test of the partial correlation.

    Assumptions: at least one of the two regressions on S is right: linear with even noise, or linear in the log-odds,
    without interactions.

    Source: Tsagris, Borboudakis, Lagani & Tsamardinos (2018), International Journal of Data Science and Analytics
    6:19, section 3.

    Example:
        >>> from aitia.discovery import Observations
        >>> rng = np.random.default_rng(0)
        >>> z = rng.normal(size=800)
        >>> a, b = (rng.random((2, 800)) < 1 / (1 + np.exp(-2 * z))).astype(int)
        >>> tester = LikelihoodRatio().on(Observations.of({"a": a, "b": b, "z": z}))
        >>> tester.p_value(0, 1) < 0.001, tester.p_value(0, 1, [2]) > 0.01
        (True, True)
    """

    name: ClassVar[str] = "likelihood ratio"

    def on(self, data: Observations) -> Tester:
        """The test over the rows of `data`."""
        data.require_complete(self.name)
        return _LikelihoodRatioTester(data)


class _LikelihoodRatioTester(Tester):
    def __init__(self, data: Observations) -> None:
        super().__init__(data.names, data.rows)
        self._data = data
        self._blocks: dict[int, np.ndarray] = {}
        self._fits: dict[tuple[int, tuple[int, ...]], tuple[float, int]] = {}

    def _compute(self, x: int, y: int, given: tuple[int, ...]) -> Independence:
        first = self._one_way(x, y, given)
        if not (self._data.discrete[x] or self._data.discrete[y]):
            return first
        second = self._one_way(y, x, given)
        low, high = sorted((first, second), key=lambda each: each.p_value)
        joined = min(2 * low.p_value, high.p_value)
        shown = low if 2 * low.p_value < high.p_value else high
        return Independence(
            x, y, given, shown.statistic, joined, shown.degrees_of_freedom, max(first.effect, second.effect)
        )

    def _one_way(self, target: int, other: int, given: tuple[int, ...]) -> Independence:
        """The gain of the regression of the target on the others by one more variable."""
        small, rank = self._fit(target, given)
        large, larger = self._fit(target, tuple(sorted((*given, other))))
        x, y = sorted((target, other))
        if self._data.discrete[target]:
            classes = len(self._classes(target))
            freedom = float((larger - rank) * (classes - 1))
            statistic = max(small - large, 0.0)
            if freedom <= 0:
                return Independence(x, y, given, 0.0, 1.0, 0.0, 0.0)
            p = float(special.chdtrc(freedom, statistic))
        else:
            freedom, left = float(larger - rank), self.rows - larger
            if freedom <= 0 or left <= 0 or small <= 1e-12:
                return Independence(x, y, given, 0.0, 1.0, 0.0, 0.0)
            statistic = max(small - large, 0.0) / freedom / max(large / left, 1e-300)
            p = float(special.fdtrc(freedom, left, statistic))
            # On the scale of the other kind: twice a log-likelihood ratio.
            statistic = self.rows * math.log(small / max(large, 1e-300))
        effect = math.sqrt(-math.expm1(-max(statistic - freedom, 0.0) / self.rows))
        return Independence(x, y, given, statistic, p, freedom, effect)

    def _fit(self, target: int, on: tuple[int, ...]) -> tuple[float, int]:
        """The deviance (residual sum of squares for a number) and the rank of the design."""
        key = (target, on)
        found = self._fits.get(key)
        if found is None:
            design = self._design(on)
            if self._data.discrete[target]:
                deviance = multinomial_deviance(design, self._classes(target), self._data.codes[:, target])
            else:
                y = self._block(target)[:, 0]
                deviance = float(((y - design @ (design.T @ y)) ** 2).sum()) / self.rows
            found = self._fits[key] = (deviance, design.shape[1])
        return found

    def _classes(self, target: int) -> np.ndarray:
        return np.unique(self._data.codes[:, target])

    def _design(self, on: tuple[int, ...]) -> np.ndarray:
        """An orthonormal basis of an intercept and these variables, shape (n, rank)."""
        full = np.column_stack([np.ones(self.rows), *(self._block(i) for i in on)])
        values, vectors = linalg.eigh(full.T @ full)
        good = values > 1e-10 * values[-1]
        return full @ (vectors[:, good] / np.sqrt(values[good]))

    def _block(self, i: int) -> np.ndarray:
        """A variable's columns, standardised: itself, or its levels without the first one seen."""
        if i not in self._blocks:
            if self._data.discrete[i]:
                block = (self._data.codes[:, [i]] == self._classes(i)[1:]).astype(float)
            else:
                block = self._data.values[:, [i]]
            spread = block.std(axis=0)
            self._blocks[i] = (block - block.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        return self._blocks[i]


def multinomial_deviance(basis: np.ndarray, classes: np.ndarray, codes: np.ndarray) -> float:
    """Twice the negative maximised log-likelihood of multinomial logistic regression, by Newton's method.

    Args:
        basis: orthonormal columns whose span holds the intercept, shape (n, d).
        classes: the K codes that occur, sorted.
        codes: shape (n,).

    Returns:
        The deviance. Where classes are separated it is the limit to within 1e-6.
    """
    n, d = basis.shape
    k = len(classes) - 1
    if k < 1:
        return 0.0
    design = basis * math.sqrt(n)
    hit = (codes[:, None] == classes[1:]).astype(float)
    at = np.searchsorted(classes, codes)
    beta = np.zeros((d, k))

    def look(beta: np.ndarray) -> tuple[float, np.ndarray]:
        logits = np.column_stack([np.zeros(n), design @ beta])
        logits -= special.logsumexp(logits, axis=1, keepdims=True)
        return -2 * float(logits[np.arange(n), at].sum()), np.exp(logits[:, 1:])

    deviance, p = look(beta)
    for _ in range(60):
        gradient = design.T @ (hit - p)
        hessian = np.empty((k, d, k, d))
        for a in range(k):
            for b in range(a + 1):
                weight = p[:, a] * ((a == b) - p[:, b])
                hessian[a, :, b] = hessian[b, :, a] = design.T @ (design * weight[:, None])
        full = hessian.reshape(k * d, k * d)
        step = linalg.solve(
            full + 1e-9 * n * np.eye(k * d) * max(float(np.trace(full)) / (n * k * d), 1e-6),
            gradient.T.ravel(),
            assume_a="pos",
        )
        move, size = step.reshape(k, d).T, 1.0
        new, new_p = look(beta + move)
        while new > deviance + 1e-9 and size > 1e-4:
            size /= 2
            new, new_p = look(beta + size * move)
        beta = beta + size * move
        done = deviance - new < 1e-7 * (1 + 1e-3 * abs(new))
        deviance, p = new, new_p
        if done:
            break
    return deviance
