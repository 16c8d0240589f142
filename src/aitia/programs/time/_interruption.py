"""Interruption analysis: what one series would have done without an intervention (Brodersen et al. 2015)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from aitia.core import Assumption, AssumptionKey, Ledger, Status
from aitia.programs._errors import QueryError
from aitia.programs._precision import double
from aitia.programs.inference import Engine
from aitia.programs.time._components import LocalLevel, Regression
from aitia.programs.time._structural import FittedSeries, Forecast, StructuralSeries

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Placebo:
    """The same analysis at a time when nothing happened.

    Args:
        at: the pretended step of the interruption.
        effect: the average effect per step that it found.
        low: the lower end of its interval.
        high: the upper end.
    """

    at: int
    effect: float
    low: float
    high: float

    @property
    def found(self) -> bool:
        """Whether it found an effect where there is none."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, eq=False)
class Interruption:
    """What an interruption did to a series.

    Args:
        values: the series, NaN where it was not seen.
        at: the first step under the interruption.
        fitted: the series before it.
        expected: what would have been without it, from step `at` on, as draws.
        predictions: the one-step predictions before it, mean and standard deviation, each of shape (at,).
        placebos: the same analysis at earlier times.
        level: the level of the intervals.
        assumptions: what it stands on.
        warnings: what a reader must know, a sentence each.
    """

    values: np.ndarray
    at: int
    fitted: FittedSeries
    expected: Forecast
    predictions: tuple[np.ndarray, np.ndarray]
    placebos: tuple[Placebo, ...]
    level: float
    assumptions: Ledger
    warnings: tuple[str, ...] = ()

    @property
    def effects(self) -> np.ndarray:
        """Draws of what was less what would have been, shape (draws, steps after)."""
        draws = self.expected.draws
        return self.values[self.at :] - draws.reshape(-1, draws.shape[-1])

    def _summary(self, draws: np.ndarray) -> tuple[float, float, float]:
        low, high = np.quantile(draws, [(1 - self.level) / 2, (1 + self.level) / 2])
        return float(draws.mean()), float(low), float(high)

    @property
    def average(self) -> tuple[float, float, float]:
        """The average effect per step: mean and interval."""
        return self._summary(np.nanmean(self.effects, axis=1))

    @property
    def total(self) -> tuple[float, float, float]:
        """The sum of the effects over the steps that were seen: mean and interval."""
        return self._summary(np.nansum(self.effects, axis=1))

    @property
    def relative(self) -> tuple[float, float, float]:
        """The total effect as a share of what would have been: mean and interval."""
        draws = self.expected.draws.reshape(-1, self.expected.draws.shape[-1])
        seen = ~np.isnan(self.values[self.at :])
        return self._summary(np.nansum(self.effects, axis=1) / draws[:, seen].sum(axis=1))

    @property
    def probability(self) -> float:
        """The posterior probability that the total effect has the sign of its mean."""
        totals = np.nansum(self.effects, axis=1)
        return float((totals > 0).mean() if totals.mean() > 0 else (totals < 0).mean())

    @property
    def sentence(self) -> str:
        """The finding in words."""
        mean, low, high = self.average
        share = self.relative[0]
        n = int((~np.isnan(self.values[self.at :])).sum())
        if low > 0 or high < 0:
            what = f"raised the series by {mean:.4g}" if mean > 0 else f"lowered the series by {-mean:.4g}"
            said = f"The interruption at step {self.at} {what} per step on average over {n} steps"
        else:
            said = (
                f"The interruption at step {self.at} is not shown to change the series: {mean:+.4g} per step"
            )
            said += f" over {n} steps"
        said += f" ({self.level:.0%} interval {low:.4g} to {high:.4g}; {share:+.1%}; probability of the sign "
        said += f"{self.probability:.3f})."
        if self.placebos:
            wrong = [each for each in self.placebos if each.found]
            said += (
                f" At {len(wrong)} of {len(self.placebos)} earlier times, when nothing happened, the same analysis "
                f"finds an effect{': do not trust it' if len(wrong) > 1 else ''}."
            )
        return " ".join([said, *self.warnings])

    def __repr__(self) -> str:
        rows = [("average", self.average), ("total", self.total), ("relative", self.relative)]
        lines = [f"{name:>9}  {mean:>10.4g}  {low:.4g} to {high:.4g}" for name, (mean, low, high) in rows]
        return "\n".join([f"{'':>9}  {'effect':>10}  {self.level:.0%} interval", *lines, self.sentence])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{name}</td><td>{mean:.4g}</td><td>{low:.4g} to {high:.4g}</td></tr>"
            for name, (mean, low, high) in (
                ("average", self.average),
                ("total", self.total),
                ("relative", self.relative),
            )
        )
        head = f"<tr><th></th><th>effect</th><th>{self.level:.0%} interval</th></tr>"
        return f"<table>{head}{rows}</table><p>{escape(self.sentence)}</p>"

    def figure(self, label: str = "series") -> Figure:
        """Three panels: the series and its counterfactual, the effect at each step, the effect summed up."""
        from matplotlib.figure import Figure

        from aitia.programs.time._figures import COLOURS, escaped

        figure = Figure(figsize=(7.6, 6.6), layout="constrained")
        top, middle, bottom = figure.subplots(3, 1, sharex=True)
        after = np.arange(self.at, len(self.values))
        before = np.arange(self.at)
        tail = [(1 - self.level) / 2, (1 + self.level) / 2]
        draws = self.expected.draws.reshape(-1, len(after))
        low, high = np.quantile(draws, tail, axis=0)
        mean, deviation = self.predictions
        # The first few predictions know nothing yet.
        shown = before[min(5, self.at // 4) :]
        width = 1.96 if self.level == 0.95 else -_normal_quantile(tail[0])
        top.fill_between(
            shown, (mean - width * deviation)[shown], (mean + width * deviation)[shown],
            color=COLOURS[0], alpha=0.16, linewidth=0,
        )  # fmt: skip
        top.plot(shown, mean[shown], color=COLOURS[0], linestyle="--", lw=1.3)
        top.fill_between(after, low, high, color=COLOURS[0], alpha=0.16, linewidth=0)
        top.plot(
            after, draws.mean(axis=0), color=COLOURS[0], linestyle="--", lw=1.3, label="expected without it"
        )
        top.plot(np.arange(len(self.values)), self.values, color="black", lw=1.2, label="observed")
        top.set_ylabel(escaped(label))
        top.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9)
        effects = self.effects
        low, high = np.quantile(effects, tail, axis=0)
        middle.fill_between(after, low, high, color=COLOURS[1], alpha=0.2, linewidth=0)
        middle.plot(after, effects.mean(axis=0), color=COLOURS[1], lw=1.5)
        errors = self.values[: self.at] - mean
        middle.plot(shown, errors[shown], color="grey", lw=0.8)
        middle.set_ylabel("effect at each step")
        summed = np.nancumsum(effects, axis=1)
        low, high = np.quantile(summed, tail, axis=0)
        bottom.fill_between(after, low, high, color=COLOURS[1], alpha=0.2, linewidth=0)
        bottom.plot(after, summed.mean(axis=0), color=COLOURS[1], lw=1.5)
        bottom.set_ylabel("effect summed up")
        bottom.set_xlabel("step")
        for axes in (top, middle, bottom):
            axes.axvline(self.at - 0.5, color="grey", lw=0.9, linestyle=":")
            axes.spines[["top", "right"]].set_visible(False)
        for axes in (middle, bottom):
            axes.axhline(0, color="grey", lw=0.8)
        top.set_title(f"Interruption at step {self.at} ({self.level:.0%} intervals)", loc="left", fontsize=11)
        return figure


def _normal_quantile(q: float) -> float:
    from aitia.core import stats

    return float(stats.norm.ppf(q))


@double
def interruption(
    values: Any,
    at: int,
    controls: Mapping[str, Any] | None = None,
    *,
    model: StructuralSeries | None = None,
    engine: Engine | None = None,
    placebos: int = 3,
    level: float = 0.95,
    seed: int = 0,
    show_progress: bool | None = None,
) -> Interruption:
    """The effect of an interruption on one series, by what the series before it and its controls lead to expect.

    A structural time series (a local level, and controls with a shrinkage prior: the horseshoe in place of Brodersen
    et al.'s spike and slab) is fitted to the steps before `at`; its predictive distribution after, given the
    controls, is what would have been. effect_t = y_t - y_t(0).

    Args:
        values: the series, shape (steps,), NaN where nothing was seen.
        at: the first step under the interruption, counted from 0.
        controls: series of the same length that the interruption does not touch, by name.
        model: the parts of the series besides the controls; None is a local level.
        engine: how to draw the parameters, as in `StructuralSeries.fit`.
        placebos: how many earlier times the analysis is repeated at, on what was seen before the interruption.
        level: the level of the intervals.
        seed: the seed.
        show_progress: whether an engine shows a bar.

    Raises:
        QueryError: `at` leaves too little before or nothing after.
        FitError: the series or a control is not of numbers, or too short for a season.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> control = rng.normal(size=60)
        >>> series = 5 + 2 * control + 0.1 * rng.normal(size=60) + 3.0 * (np.arange(60) >= 40)
        >>> found = interruption(series, 40, {"control": control}, placebos=0)
        >>> round(found.average[0])
        3
    """
    series = np.asarray(values, dtype=float)
    n = len(series) if series.ndim == 1 else 0
    if not 8 <= at < n:
        raise QueryError(
            f"The interruption at step {at} of a series of {n} steps leaves {max(at, 0)} steps before and "
            f"{max(n - at, 0)} after.",
            "There must be at least 8 before and one after; steps are counted from 0.",
        )
    names = tuple(controls or {})
    model = model or StructuralSeries((LocalLevel(),))
    own = tuple(name for name in model.regressors if name not in names)
    if own:
        raise QueryError(f"The model reads {own[0]!r}, which is not among the controls.", "Give it there.")
    rest = tuple(name for name in names if name not in model.regressors)
    whole = model.with_parts(Regression(rest, sparse=len(rest) > 1)) if rest else model
    columns = {name: np.asarray(each, dtype=float) for name, each in (controls or {}).items()}
    fitted, expected = _analysis(whole, series, columns, at, n, engine, seed, show_progress)
    tried = []
    for i in range(placebos):
        place = int(at * (0.5 + 0.4 * i / max(placebos, 1)))
        if place < 8 or at - place < 2:
            continue
        _, pretended = _analysis(whole, series, columns, place, at, engine, seed + 1 + i, show_progress)
        effects = np.nanmean(series[place:at] - pretended.draws.reshape(-1, at - place), axis=1)
        low, high = np.quantile(effects, [(1 - level) / 2, (1 + level) / 2])
        tried.append(Placebo(place, float(effects.mean()), float(low), float(high)))
    centre, scale = fitted.units
    means, variances = np.asarray(fitted.filtered.predictions), np.asarray(fitted.filtered.variances)
    mean = (means.mean(axis=0) * scale + centre)[:at]
    deviation = (np.sqrt((variances + means**2).mean(axis=0) - means.mean(axis=0) ** 2) * scale)[:at]
    ledger = Ledger(fitted.assumptions).add(
        (
            Assumption(
                AssumptionKey.CONSISTENCY,
                "Without the interruption the series would have gone on as it went before.",
                testable=True,
                source="interruption analysis",
            ),
            Assumption(
                AssumptionKey.NO_INTERFERENCE,
                f"The interruption did not touch the controls ({', '.join(names)})."
                if names
                else "Nothing else changed at the time of the interruption.",
                testable=False,
                source="interruption analysis",
            ),
        )
    )
    for each in tried:
        ledger = ledger.record(
            AssumptionKey.CONSISTENCY,
            Status.BROKEN if each.found else Status.SURVIVED,
            f"At step {each.at}, when nothing happened: {each.effect:+.4g} ({each.low:.4g} to {each.high:.4g}).",
        )
    warnings = tuple(each.sentence for each in fitted.diagnostics if not each.good)
    for name, column in columns.items():
        low, high = column[:at].min(), column[:at].max()
        far = max(low - column[at:].min(), column[at:].max() - high) / max(column[:at].std(), 1e-12)
        if far > 1:
            warnings += (
                f"After the interruption {name} goes {far:.2g} standard deviations beyond what it was before: there "
                "the expectation is an extrapolation.",
            )
    return Interruption(
        series, at, fitted, expected, (mean, deviation), tuple(tried), level, ledger, warnings
    )


def _analysis(whole, series, columns, at: int, end: int, engine, seed: int, show_progress):
    """The series fitted to the steps before `at`, and what it expects from there to before `end`."""
    fitted = whole._fit(series, columns, engine, seed=seed, show_progress=show_progress, end=at)
    expected = fitted._rest(columns, 4, seed)
    return fitted, Forecast(expected.past, expected.draws[..., : end - at], expected.assumptions)
