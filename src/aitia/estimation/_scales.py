"""The same effect on another scale: risk ratio, odds ratio, and their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from aitia.core import AitiaError, stats
from aitia.estimation._estimate import Estimate


class Scale(StrEnum):
    """How two mean outcomes are compared."""

    DIFFERENCE = "difference"
    RATIO = "ratio"
    ODDS_RATIO = "odds ratio"


class NoScale(AitiaError):
    """The estimate has no mean outcomes, or they have no ratio."""


@dataclass(frozen=True)
class Scaled:
    """An effect on one scale.

    Args:
        scale: the scale.
        value: the effect on it.
        interval: its confidence interval.
        level: the interval's nominal coverage.
        log_std_error: the standard error of the logarithm for a ratio; of the value for a difference.
    """

    scale: Scale
    value: float
    interval: tuple[float, float]
    level: float
    log_std_error: float

    def __repr__(self) -> str:
        low, high = self.interval
        return f"{self.scale}: {self.value:.4g} ({self.level:.0%} interval {low:.4g} to {high:.4g})"


def on_scale(estimate: Estimate, scale: Scale) -> Scaled:
    """An estimated effect on another scale, from the mean outcomes under each treatment value.

    With means m1, m0 of covariance V: the ratio m1 / m0, or the odds ratio m1 (1 - m0) / (m0 (1 - m1)). The
    interval is the one of the logarithm by the delta method, d' V d with d = (1 / m1, -1 / m0) for the ratio and
    d = (1 / (m1 (1 - m1)), -1 / (m0 (1 - m0))) for the odds ratio.

    Args:
        estimate: an estimate whose `profile` holds both means and their covariance.
        scale: the scale wanted.

    Raises:
        NoScale: the estimate has no joint profile of the two means, or a mean lies outside the scale's range.

    Source:
        Zou & Donner (2004), Communications in Statistics 33; Wald intervals on the log scale.

    Example:
        >>> from aitia.estimation import Scale, on_scale
        >>> Scale.RATIO.value
        'ratio'
    """
    if scale is Scale.DIFFERENCE:
        return Scaled(scale, estimate.value, estimate.interval, estimate.level, estimate.std_error)
    profile = estimate.profile
    if profile is None or profile.covariance is None or profile.continuous:
        raise NoScale(
            f"{estimate.method} gives no joint mean outcomes, so there is no {scale}.",
            "Use an estimator with a profile of mean outcomes: AIPW, regression adjustment or stratification.",
        )
    treated, control = contrast_positions(estimate)
    pair = np.array([treated, control])
    m1, m0 = profile.means[pair]
    upper = 1.0 if scale is Scale.ODDS_RATIO else np.inf
    if not (0 < m0 < upper and 0 < m1 < upper):
        raise NoScale(
            f"A {scale} needs mean outcomes above 0{' and below 1' * (upper == 1)}; they are {m1:.4g} and {m0:.4g}.",
            "Report the difference.",
        )
    if scale is Scale.RATIO:
        slope, logarithm = np.array([1 / m1, -1 / m0]), np.log(m1 / m0)
    else:
        slope = np.array([1 / (m1 * (1 - m1)), -1 / (m0 * (1 - m0))])
        logarithm = np.log(m1 / (1 - m1)) - np.log(m0 / (1 - m0))
    error = float(np.sqrt(slope @ profile.covariance[np.ix_(pair, pair)] @ slope))
    half = float(stats.t.ppf(0.5 + estimate.level / 2, estimate.degrees_of_freedom)) * error
    low, high = float(np.exp(logarithm - half)), float(np.exp(logarithm + half))
    return Scaled(scale, float(np.exp(logarithm)), (low, high), estimate.level, error)


def contrast_positions(estimate: Estimate) -> tuple[int, int]:
    """Where the treated and the control value of an estimate stand among the points of its profile."""
    points = list(estimate.profile.points) if estimate.profile is not None else []
    for each in estimate.compared:
        if each not in points:
            raise NoScale(
                f"The estimate has no mean outcome under treatment {each!r}.",
                "Use an estimator with a profile of mean outcomes: AIPW, regression adjustment or stratification.",
            )
    treated, control = (points.index(each) for each in estimate.compared)
    return treated, control
