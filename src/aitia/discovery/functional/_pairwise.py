"""Which of two variables causes the other, from the shape of their joint distribution alone."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from aitia.core import stats, stream
from aitia.discovery._errors import DiscoveryError
from aitia.discovery._observations import Observations
from aitia.discovery.functional._noise import gaussian_p_value
from aitia.discovery.functional._nonlinear import check_regressor, independence, residual
from aitia.discovery.independence import IndependenceTest, RandomFourier


@dataclass(frozen=True)
class Direction:
    """What a pairwise method says about two variables.

    Args:
        x: the first variable.
        y: the second.
        method: the method.
        forward: how well ``x -> y`` fits, larger is better, in the method's own units.
        backward: how well ``y -> x`` fits.
        decision: ``"x -> y"`` or ``"y -> x"`` with the variables' names, or ``"undecided"``.
        sentence: what that rests on, in words.
        z: the difference of the scores in its standard errors, where one was made.
    """

    x: str
    y: str
    method: PairwiseMethod
    forward: float
    backward: float
    decision: str
    sentence: str
    z: float | None = None

    @property
    def decided(self) -> bool:
        """Whether there is a decision."""
        return self.decision != "undecided"

    def __str__(self) -> str:
        return f"{self.decision}: {self.sentence}"


class PairwiseMethod(ABC):
    """A way to tell the direction of a pair. A new one writes `scores`, and `judge` where a difference alone does not
    decide."""

    name: ClassVar[str]
    assumes: ClassVar[str]
    """What it assumes, in words."""

    @abstractmethod
    def scores(self, x: np.ndarray, y: np.ndarray, seed: int) -> tuple[float, float]:
        """How well x -> y and y -> x fit, larger is better; x and y are standardised, shape (n,)."""

    def judge(
        self, names: tuple[str, str], x: np.ndarray, y: np.ndarray, alpha: float, replicates: int, seed: int
    ) -> Direction:
        """Decide by the difference of the scores, in standard errors from random halves of the rows."""
        forward, backward = self.scores(x, y, seed)
        n, halves = len(x), []
        for k in range(replicates):
            half = stream(seed, "half", k).permutation(n)[: n // 2]
            one, other = self.scores(x[half], y[half], seed)
            halves.append(one - other)
        # Without replacement, a half differs from the whole by as much as the whole from the truth.
        error = math.sqrt(float(np.mean((np.array(halves) - (forward - backward)) ** 2)))
        z = (forward - backward) / error if error > 0 else 0.0
        clear = 2 * float(stats.norm.sf(abs(z))) < alpha
        a, b = names if z > 0 else names[::-1]
        decision = f"{a} -> {b}" if clear else "undecided"
        verdict = "a clear difference" if clear else "no clear difference"
        sentence = (
            f"{self.name} scores {names[0]} -> {names[1]} {forward:.4g} and {names[1]} -> {names[0]} {backward:.4g}, "
            f"{verdict} ({abs(z):.1f} standard errors). It assumes that {self.assumes}."
        )
        return Direction(*names, self, forward, backward, decision, sentence, z)


@dataclass(frozen=True)
class LinearNonGaussian(PairwiseMethod):
    """The mean log likelihood of each direction of a linear model with noise that is not Gaussian.

    Source: Hyvärinen and Smith (2013), Journal of Machine Learning Research 14, equations 6 and 25.
    """

    name: ClassVar[str] = "the linear non-Gaussian model"
    assumes: ClassVar[str] = (
        "the effect is a straight line in the cause plus independent noise, not both Gaussian"
    )

    def scores(self, x: np.ndarray, y: np.ndarray, seed: int) -> tuple[float, float]:
        """Minus the entropies of the cause and of the noise."""
        from aitia.discovery.functional._entropy import residual_entropies

        x, y = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
        rho = float(np.clip(np.mean(x * y), -1 + 1e-12, 1 - 1e-12))
        left = math.sqrt(1 - rho * rho)
        of_x, of_y = residual_entropies(x, y, rho, 1 / left)
        alone = (
            residual_entropies(x, x, 0.0, 1.0)[0],
            residual_entropies(y, y, 0.0, 1.0)[0],
        )
        return -alone[0] - of_y - math.log(left), -alone[1] - of_x - math.log(left)

    def judge(
        self, names: tuple[str, str], x: np.ndarray, y: np.ndarray, alpha: float, replicates: int, seed: int
    ) -> Direction:
        """As any method, and undecided where both variables look Gaussian."""
        found = super().judge(names, x, y, alpha, replicates, seed)
        if min(gaussian_p_value(x), gaussian_p_value(y)) > 0.01:
            return Direction(
                *names,
                self,
                found.forward,
                found.backward,
                "undecided",
                f"Both {names[0]} and {names[1]} look Gaussian: the direction of a straight line between them cannot "
                "be told.",
                found.z,
            )
        return found


@dataclass(frozen=True)
class AdditiveNoise(PairwiseMethod):
    """The independence of cause and noise in each direction, after a flexible regression.

    Decided where the noise is independent in one direction and dependent in the other. The scores are the p-values.

    Args:
        regressor: a scikit-learn estimator; None takes cubic splines.
        test: the independence test: `RandomFourier()`, the default, or `KernelTest()`.
        folds: noises come from rows that the regression has not seen.

    Source: Hoyer, Janzing, Mooij, Peters and Schölkopf (2009), NeurIPS 21; Mooij et al. (2016), JMLR 17.
    """

    regressor: Any = None
    test: IndependenceTest = field(default_factory=RandomFourier)
    folds: int = 5
    name: ClassVar[str] = "additive noise"
    assumes: ClassVar[str] = "the effect is a smooth function of the cause plus independent noise"

    def __post_init__(self) -> None:
        check_regressor(self.regressor)

    def scores(self, x: np.ndarray, y: np.ndarray, seed: int) -> tuple[float, float]:
        """The p-values of independence of noise and cause."""
        forward = residual(self.regressor, x[:, None], y, self.folds, seed)
        backward = residual(self.regressor, y[:, None], x, self.folds, seed)
        return (
            independence(forward, x[:, None], self.test)[0],
            independence(backward, y[:, None], self.test)[0],
        )

    def judge(
        self, names: tuple[str, str], x: np.ndarray, y: np.ndarray, alpha: float, replicates: int, seed: int
    ) -> Direction:
        """Decide where exactly one direction's noise is independent."""
        forward, backward = self.scores(x, y, seed)
        a, b = names
        accepted = [f"{c} -> {e}" for c, e, p in ((a, b, forward), (b, a, backward)) if p > alpha]
        decision = accepted[0] if len(accepted) == 1 else "undecided"
        why = {
            0: "the noise depends on the cause in both directions: a hidden common cause, or noise that does not add",
            1: f"only {accepted[0] if accepted else ''} leaves noise that is independent of the cause",
            2: "both directions leave noise that is independent of the cause",
        }[len(accepted)]
        sentence = (
            f"With additive noise, {why} (p = {forward:.2g} for {a} -> {b}, {backward:.2g} for {b} -> {a})."
        )
        return Direction(a, b, self, forward, backward, decision, sentence)


@dataclass(frozen=True)
class IGCI(PairwiseMethod):
    """Information-geometric causal inference: minus the mean of ``log |dy / dx|`` along sorted x.

    For relations that are close to invertible functions with little noise.

    Args:
        gaussian: the reference: True scales both to variance one, False to the unit interval.

    Source: Janzing et al. (2012), Artificial Intelligence 182-183, equation 23 (slope-based estimator).
    """

    gaussian: bool = False
    name: ClassVar[str] = "IGCI"
    assumes: ClassVar[str] = (
        "the effect is an invertible function of the cause with little noise, chosen independently of the cause's "
        "distribution"
    )

    def scores(self, x: np.ndarray, y: np.ndarray, seed: int) -> tuple[float, float]:
        """Minus the mean log slopes."""
        if self.gaussian:
            x, y = x / x.std(), y / y.std()
        else:
            x, y = x / np.ptp(x), y / np.ptp(y)
        return -self._slope(x, y), -self._slope(y, x)

    def _slope(self, x: np.ndarray, y: np.ndarray) -> float:
        order = np.lexsort((y, x))
        rise, run = np.abs(np.diff(y[order])), np.diff(x[order])
        kept = (rise > 0) & (run > 0)
        if kept.mean() < 0.5:
            raise DiscoveryError(
                "IGCI reads the slopes between neighbouring rows, but most neighbours are tied.",
                "Use AdditiveNoise() for columns with few distinct values.",
            )
        return float(np.log(rise[kept] / run[kept]).mean())


@dataclass(frozen=True)
class RegressionError(PairwiseMethod):
    """RECI: minus the mean squared error of a polynomial regression, both variables scaled to the unit interval.

    Args:
        degree: of the polynomial.

    Source: Blöbaum, Janzing, Washio, Shimizu and Schölkopf (2018), AISTATS.
    """

    degree: int = 3
    name: ClassVar[str] = "regression error"
    assumes: ClassVar[str] = (
        "the effect is a function of the cause chosen independently of its distribution, with little noise"
    )

    def scores(self, x: np.ndarray, y: np.ndarray, seed: int) -> tuple[float, float]:
        """Minus the mean squared errors."""
        x, y = (x - x.min()) / np.ptp(x), (y - y.min()) / np.ptp(y)
        return -self._error(x, y), -self._error(y, x)

    def _error(self, x: np.ndarray, y: np.ndarray) -> float:
        fitted = np.polynomial.Chebyshev.fit(x, y, self.degree)
        return float(np.mean((y - fitted(x)) ** 2))


def pairwise_direction(
    data: Any,
    x: str,
    y: str,
    method: PairwiseMethod | None = None,
    *,
    alpha: float = 0.05,
    replicates: int = 50,
    seed: int = 0,
) -> Direction:
    """Which of two variables causes the other, if one does and they share no cause.

    Args:
        data: `Observations`, or anything `Observations.of` takes.
        x: one variable.
        y: the other.
        method: `AdditiveNoise` (None), `LinearNonGaussian`, `IGCI` or `RegressionError`.
        alpha: the level: of the difference between the scores, or of the independence tests of additive noise.
        replicates: random halves of the rows from which the standard error of the difference is made.
        seed: of the halves, and of the folds of a regressor.

    Returns:
        Both scores, the decision or ``"undecided"``, and a sentence.

    Raises:
        DiscoveryError: an unknown or categorical column, missing values, fewer than ten rows.

    Example:
        >>> rng = np.random.default_rng(1)
        >>> altitude = rng.uniform(0, 3, size=600)
        >>> cold = -(altitude**2) + 0.5 * rng.normal(size=600)
        >>> pairwise_direction({"cold": cold, "altitude": altitude}, "cold", "altitude").decision
        'altitude -> cold'
    """
    observed = Observations.of(data)
    at = [observed.position(x), observed.position(y)]
    if at[0] == at[1]:
        raise DiscoveryError(f"Two variables are needed, but came {x!r} twice.", "Name another variable.")
    pair = observed.subset([x, y])
    pair.require_numbers("The direction of a pair")
    pair.require_complete("The direction of a pair")
    if pair.rows < 10:
        raise DiscoveryError(
            f"The direction of a pair needs at least 10 rows, but there are {pair.rows}.", "Give more rows."
        )
    values = np.array(pair.values, order="F")
    values -= values.mean(axis=0)
    values /= values.std(axis=0)
    chosen = AdditiveNoise() if method is None else method
    return chosen.judge((x, y), values[:, 0].copy(), values[:, 1].copy(), alpha, replicates, seed)
