"""The answer: a value with its interval, where it came from and what it stands on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from aitia.core import Assumption, Decision, stats
from aitia.identification import Estimand

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from aitia.estimation._estimator import Estimator

_BLUE, _SKY = "#0072B2", "#56B4E9"  # Okabe & Ito: told apart by colour-blind readers


@dataclass(frozen=True)
class Diagnostic:
    """One check made on the way to an estimate.

    Args:
        name: what was checked (``"overlap"``, ``"first-stage F"``, ``"rank"``, ``"convergence"``).
        value: the number, or None where the sentence says it all.
        sentence: what it means here, in words a newcomer understands.
        warning: True where the person should act on it.
        details: numbers behind it, by name.
    """

    name: str
    value: float | None
    sentence: str
    warning: bool = False
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """Mean outcomes under each treatment value: levels of a discrete treatment, or a grid of doses.

    Args:
        points: the treatment values, length k.
        means: E[Y | do(T = point)] for each, shape (k,).
        std_errors: their standard errors, shape (k,).
        covariance: their joint covariance, shape (k, k), where known: contrasts between points need it.
        continuous: True where the points are doses on a line and the means a curve.
        degrees_of_freedom: of each mean's t distribution, shape (k,); None for the normal.
    """

    points: tuple[Any, ...]
    means: np.ndarray
    std_errors: np.ndarray
    covariance: np.ndarray | None = None
    continuous: bool = False
    degrees_of_freedom: np.ndarray | None = None

    def intervals(self, level: float = 0.95) -> np.ndarray:
        """Confidence intervals of the means, each on its own, shape (k, 2): means -+ t std_errors.

        Args:
            level: nominal coverage of each interval, strictly between 0 and 1.

        Example:
            >>> profile = Profile(("no", "yes"), np.array([1.0, 2.0]), np.array([0.1, 0.2]))
            >>> profile.intervals().round(3).tolist()
            [[0.804, 1.196], [1.608, 2.392]]
        """
        freedom = np.inf if self.degrees_of_freedom is None else self.degrees_of_freedom
        half = stats.t.ppf(0.5 + level / 2, freedom) * self.std_errors
        return np.stack([self.means - half, self.means + half], axis=1)

    def figure(
        self, treatment: str = "treatment", outcome: str = "mean outcome", *, level: float = 0.95
    ) -> Figure:
        """A curve with its pointwise band where the points are doses; else one point with its interval a level.

        Args:
            treatment: label of the treatment's axis, with its unit.
            outcome: label of the outcome's axis, with its unit.
            level: nominal coverage of each interval, strictly between 0 and 1. A band holds at each dose, not at
                all doses at once.

        Example:
            >>> profile = Profile((0.0, 1.0), np.array([1.0, 2.0]), np.array([0.1, 0.2]), continuous=True)
            >>> profile.figure("dose (mg)", "pain (points)").axes[0].get_xlabel()
            'dose (mg)'
        """
        from matplotlib.figure import Figure

        intervals, k = self.intervals(level), len(self.points)
        treatment, outcome = _plain(treatment), _plain(outcome)
        if self.continuous:
            figure = Figure(figsize=(6.4, 4.0), layout="constrained")
            axes = figure.subplots()
            doses = np.asarray(self.points, dtype=float)
            axes.fill_between(doses, *intervals.T, color=_SKY, alpha=0.35, linewidth=0)
            axes.plot(doses, self.means, color=_BLUE, linewidth=2)
            axes.margins(x=0.01)
            axes.set_xlabel(treatment)
            axes.set_ylabel(outcome)
            title = f"Mean outcome by dose, with {level:.0%} intervals at each dose"
        else:
            figure = Figure(figsize=(6.4, 1.3 + 0.38 * k), layout="constrained")
            axes = figure.subplots()
            at = np.arange(k)[::-1]
            axes.hlines(at, *intervals.T, color=_BLUE, linewidth=2)
            axes.plot(self.means, at, "o", color=_BLUE, markersize=6)
            axes.set_yticks(at, [_plain(str(point)) for point in self.points])
            axes.set_ylim(-0.6, k - 0.4)
            axes.set_xlabel(outcome)
            axes.set_ylabel(treatment)
            title = f"Mean outcome by treatment, with {level:.0%} intervals"
        figure.suptitle(
            title, x=0.01, ha="left", fontsize=11
        )  # over long labels too, which axes titles are not
        axes.spines[["top", "right"]].set_visible(False)
        return figure


def _plain(label: str, most: int = 32) -> str:
    # A dollar sign would start a formula in a figure; a line break would push other labels away.
    label = " ".join(label.replace("$", r"\$").split())
    return label if len(label) <= most else label[: most - 1] + "…"


@dataclass(frozen=True, eq=False)
class Estimate:
    """A causal answer with its uncertainty.

    Args:
        value: the estimated effect, in units of the outcome.
        std_error: its standard error, in the same units.
        interval: the confidence interval at `level`; may be asymmetric, and infinite for a weak instrument.
        level: the nominal coverage of the interval, 0.95 by default.
        method: the estimator in words, as the report shows it.
        estimator: the object that made it, ready to be run again on other rows.
        estimand: the formula it estimates.
        n: rows used.
        compared: the (treated, control) treatment values, as the data has them; two doses for a continuous treatment.
        degrees_of_freedom: of the reference t distribution; infinity for the normal.
        influence: per-row influence values psi_i, shape (n,), with mean zero over the (weighted) rows and
            Var(value) = sum((w_i psi_i)^2) / (sum w_i)^2 for independent rows; None where there are none.
        profile: mean outcomes under each treatment value, where the method gives them.
        diagnostics: overlap, balance, rank, convergence and the like.
        assumptions: what the estimator assumes beyond the estimand.
        decisions: what was done about missing values, trimming, baselines and the like.
        seed: the seed of every random draw.
        fingerprint: of the data.
        seconds: wall-clock time of estimation.
        reason: why this estimator was chosen, in words, where aitia chose it.
    """

    value: float
    std_error: float
    interval: tuple[float, float]
    level: float
    method: str
    estimator: Estimator
    estimand: Estimand
    n: int
    compared: tuple[Any, Any] = (1, 0)
    degrees_of_freedom: float = np.inf
    influence: np.ndarray | None = field(default=None, repr=False)
    profile: Profile | None = field(default=None, repr=False)
    diagnostics: tuple[Diagnostic, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    decisions: tuple[Decision, ...] = ()
    seed: int = 0
    fingerprint: str = ""
    seconds: float = 0.0
    reason: str = ""

    @property
    def p_value(self) -> float:
        """Two-sided p-value of no effect, by the reference t distribution."""
        if self.std_error == 0:
            return 0.0 if self.value else 1.0
        return float(2 * stats.t.sf(abs(self.value / self.std_error), self.degrees_of_freedom))

    def diagnostic(self, name: str) -> Diagnostic | None:
        """The diagnostic of that name, or None."""
        return next((each for each in self.diagnostics if each.name == name), None)

    def __repr__(self) -> str:
        question = self.estimand.question
        low, high = self.interval
        return (
            f"Effect of {question.treatment} on {question.outcome}: {self.value:.4g} "
            f"({self.level:.0%} interval {low:.4g} to {high:.4g}, standard error {self.std_error:.3g}, "
            f"n = {self.n:,}, {self.method})"
        )
