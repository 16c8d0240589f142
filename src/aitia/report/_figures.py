"""The figures of a report, each a function from plain numbers to a Matplotlib figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from aitia.report._svg import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    new_figure,
    style,
)
from aitia.report._words import number, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from aitia.estimation import EffectSet, Estimate, Profile, Reversal


def short(name: object, most: int = 26) -> str:
    """A name cut to `most` characters in the middle, so that both its ends can be read.

    Example:
        >>> short("a_very_long_name_of_a_column_indeed")
        'a_very_long_n…olumn_indeed'
    """
    text = shown(name)
    if len(text) <= most:
        return text
    front = most // 2
    return f"{text[:front]}…{text[-(most - front - 1) :]}"


def forest(estimates: Sequence[Estimate], outcome: str) -> Figure:
    """Several estimators' answers to one estimand, the study's own first, with their intervals.

    Args:
        estimates: the answers; an infinite end of an interval runs into an arrow at the edge.
        outcome: the name of the outcome, whose unit the effect has.
    """
    with style():
        figure, axes = new_figure(5.4, 1.1 + 0.42 * len(estimates))
        finite = [end for each in estimates for end in (each.value, *each.interval) if np.isfinite(end)] or [
            0.0
        ]
        low, high = min(0.0, *finite), max(0.0, *finite)
        pad = 0.08 * (high - low or 1.0)
        for place, each in enumerate(estimates):
            colour = BLUE if place == 0 else GREY
            left, right = each.interval
            axes.plot(
                [left if np.isfinite(left) else low - pad, right if np.isfinite(right) else high + pad],
                [place, place],
                color=colour,
                linewidth=2.4 if place == 0 else 1.6,
                solid_capstyle="butt",
            )
            for end, edge, marker in ((left, low - pad, "<"), (right, high + pad, ">")):
                if not np.isfinite(end):
                    axes.plot([edge], [place], marker=marker, color=colour, markersize=6, clip_on=False)
            axes.plot([each.value], [place], "o" if place == 0 else "s", color=colour, markersize=6)
        axes.axvline(0, color=INK, linewidth=0.8, linestyle=":")
        axes.set_xlim(low - pad, high + pad)
        axes.set_yticks(range(len(estimates)), [short(each.method, 30) for each in estimates])
        axes.set_ylim(len(estimates) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(f"effect on the mean of {short(outcome)} ({estimates[0].level:.0%} interval)")
        return figure


def effect_set(effects: EffectSet, outcome: str) -> Figure:
    """The answers of the graphs in a class, one a line, with intervals; larger marks for larger shares.

    Args:
        effects: the answers; a graph without one gets a line that says so.
        outcome: the name of the outcome, whose unit the effect has.
    """
    members = effects.members
    with style():
        figure, axes = new_figure(6.4, 1.3 + 0.5 * len(members))
        ends = [0.0, *(end for each in effects.answered for end in each.interval if np.isfinite(end))]
        low, high = min(ends), max(ends)
        pad = 0.08 * (high - low or 1.0)
        for place, each in enumerate(members):
            if each.value is None:
                axes.annotate(
                    "not identified",
                    (0.02, place),
                    xycoords=("axes fraction", "data"),
                    va="center",
                    color=GREY,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
                )
                continue
            left, right = each.interval
            axes.plot(
                [left if np.isfinite(left) else low - pad, right if np.isfinite(right) else high + pad],
                [place, place],
                color=BLUE,
                linewidth=2.4,
                solid_capstyle="butt",
            )
            axes.plot([each.value], [place], "o", color=BLUE, markersize=5 + 7 * float(np.sqrt(each.weight)))
            axes.annotate(
                f"{each.weight:.0%}",
                (each.value, place),
                xytext=(0, 9),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                color=INK,
            )
        axes.axvline(0, color=INK, linewidth=0.8, linestyle=":")
        axes.set_xlim(low - pad, high + pad)
        axes.set_yticks(range(len(members)), [f"if {short(each.possible.words, 44)}" for each in members])
        axes.set_ylim(len(members) - 0.4, -0.7)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        # The lines' words take their room on the left: the label stays short enough for the axes.
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel(f"effect on the mean of {short(outcome, 22)}\n({effects.level:.0%} interval)")
        return figure


def overlap(edges: np.ndarray, treated: np.ndarray, control: np.ndarray, labels: tuple[str, str]) -> Figure:
    """How likely the treatment was for the rows that got it (up) and for those that did not (down).

    Args:
        edges: of the bins of the estimated probability of treatment, shape (b + 1,).
        treated: rows with the treated value in each bin, shape (b,).
        control: rows with the control value in each bin, shape (b,).
        labels: (treated value, control value) in words.
    """
    with style():
        figure, axes = new_figure(5.4, 2.9)
        for counts, colour, sign, label in ((treated, BLUE, 1, labels[0]), (control, ORANGE, -1, labels[1])):
            share = 100 * counts / max(counts.sum(), 1e-12)
            axes.bar(
                edges[:-1],
                sign * share,
                np.diff(edges),
                align="edge",
                color=colour,
                alpha=0.85,
                label=short(label),
            )
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.set_xlim(edges[0], edges[-1])
        ticks = axes.get_yticks()[1:-1]
        axes.set_yticks(ticks, [f"{abs(tick):g}" for tick in ticks])
        axes.set_xlabel(f"estimated probability of {short(labels[0])}")
        axes.set_ylabel("% of the arm's rows")
        figure.legend(loc="outside upper right", ncols=2)
        return figure


def love_plot(names: Sequence[str], before: np.ndarray, after: np.ndarray, most: int = 30) -> Figure:
    """Standardised differences between the arms, before and after adjustment (Love 2004).

    Args:
        names: the covariates.
        before: (mean treated - mean control) / pooled standard deviation, shape (p,).
        after: the same with the estimator's weights, shape (p,).
        most: how many covariates are drawn, those with the largest difference before.
    """
    with style():
        order = np.argsort(np.abs(before))[::-1][:most][::-1]
        figure, axes = new_figure(5.4, 1.4 + 0.27 * len(order))
        places = np.arange(len(order))
        axes.axvspan(-0.1, 0.1, color=GREY, alpha=0.15, linewidth=0)
        axes.axvline(0, color=INK, linewidth=0.8)
        for place, each in zip(places, order):
            axes.plot([before[each], after[each]], [place, place], color=GREY, linewidth=0.8, zorder=1)
        axes.plot(before[order], places, "o", color=ORANGE, markersize=6, label="before")
        axes.plot(after[order], places, "D", color=BLUE, markersize=5, label="after adjustment")
        axes.set_yticks(places, [short(names[each]) for each in order])
        axes.set_ylim(-0.7, len(order) - 0.3)
        axes.set_xlabel(
            "standardised difference, treated minus control\n(standard deviations; shaded: below 0.1)"
        )
        figure.legend(loc="outside upper right", ncols=2)
        return figure


def replicates(rows: Sequence[tuple[str, np.ndarray, float]], estimate: float, outcome: str) -> Figure:
    """The answers of each refuter's replicates, one strip a refuter, beside what they ought to scatter about.

    Args:
        rows: (refuter, its replicates' answers of shape (R,), what they ought to average) from top to bottom.
        estimate: the answer under attack.
        outcome: the name of the outcome, whose unit the effects have.
    """
    with style():
        figure, axes = new_figure(5.4, 1.3 + 0.55 * len(rows))
        everything = np.concatenate([values for _, values, _ in rows])
        low = min(float(everything.min()), estimate, *(expected for *_, expected in rows))
        high = max(float(everything.max()), estimate, *(expected for *_, expected in rows))
        pad = 0.04 * (high - low or 1.0)
        edges = np.linspace(low - pad, high + pad, 81)
        for place, (_, values, expected) in enumerate(rows):
            counts = np.histogram(values, edges)[0]
            axes.bar(
                edges[:-1],
                -0.72 * counts / max(counts.max(), 1),
                np.diff(edges),
                bottom=place + 0.34,
                align="edge",
                color=SKY,
                linewidth=0,
            )
            axes.plot(
                [expected, expected],
                [place - 0.42, place + 0.34],
                color=INK,
                linewidth=1.4,
                label="expected centre" if place == 0 else None,
            )
        axes.axvline(
            estimate, color=VERMILLION, linewidth=1.4, linestyle="--", label=f"estimate ({number(estimate)})"
        )
        axes.bar([low], [0], color=SKY, label="replicates")
        axes.set_yticks(range(len(rows)), [short(name) for name, *_ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.6)
        axes.set_xlim(low - pad, high + pad)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(f"effect on the mean of {short(outcome)}")
        figure.legend(loc="outside upper right", ncols=3, columnspacing=1.0)
        return figure


def leave_one_out(
    names: Sequence[str], values: np.ndarray, errors: np.ndarray, estimate: float, most: int = 25
) -> Figure:
    """What the answer becomes when one covariate is left out of the adjustment.

    Args:
        names: the covariates.
        values: the answer without each, shape (p,).
        errors: its standard errors, shape (p,).
        estimate: the answer with all of them.
        most: how many are drawn, those that change the answer most.
    """
    with style():
        order = np.argsort(np.abs(values - estimate))[::-1][:most]
        figure, axes = new_figure(5.4, 1.0 + 0.3 * len(order))
        places = np.arange(len(order))
        axes.axvline(estimate, color=VERMILLION, linewidth=1.4, linestyle="--")
        axes.errorbar(values[order], places, xerr=1.96 * errors[order], fmt="o", color=BLUE, capsize=3)
        axes.set_yticks(places, [short(names[each]) for each in order])
        axes.set_ylim(len(order) - 0.5, -0.5)
        axes.set_xlabel(f"effect without this covariate (95% interval; dashed: {number(estimate)})")
        return figure


def sensitivity_contour(
    treatment_r2: np.ndarray,
    outcome_r2: np.ndarray,
    adjusted: np.ndarray,
    estimate: float,
    benchmarks: Sequence[tuple[str, float, float]] = (),
    threshold: float = 0.0,
) -> Figure:
    """What the estimate would be beside a confounder that nobody measured (Cinelli & Hazlett 2020, figure 2).

    Args:
        treatment_r2: partial R2 of the confounder with the treatment, the horizontal grid, shape (a,).
        outcome_r2: partial R2 of the confounder with the outcome, the vertical grid, shape (b,).
        adjusted: the estimate beside such a confounder, shape (b, a).
        estimate: the estimate without one.
        benchmarks: (name, treatment R2, outcome R2) of measured covariates, for scale.
        threshold: the contour drawn in red: where the conclusion changes.
    """
    with style():
        figure, axes = new_figure(5.4, 4.2)
        lines = axes.contour(treatment_r2, outcome_r2, adjusted, levels=7, colors=GREY, linewidths=0.8)
        axes.clabel(lines, fontsize=8, fmt=lambda value: number(value, 2), colors=INK)
        if adjusted.min() < threshold < adjusted.max():
            axes.contour(
                treatment_r2,
                outcome_r2,
                adjusted,
                levels=[threshold],
                colors=VERMILLION,
                linewidths=2,
                linestyles="--",
            )
            axes.plot(
                [], [], color=VERMILLION, linewidth=2, linestyle="--", label=f"effect = {number(threshold)}"
            )
        axes.plot(
            [0], [0], "^", color=BLACK, markersize=8, label=f"estimate ({number(estimate)})", clip_on=False
        )
        inside = [
            each for each in benchmarks if each[1] <= treatment_r2.max() and each[2] <= outcome_r2.max()
        ]
        for place, (name, x, y) in enumerate(inside):
            axes.plot(
                [x],
                [y],
                "D",
                color=PURPLE,
                markersize=6,
                label="as strong as a covariate" if place == 0 else None,
            )
            axes.annotate(short(name, 18), (x, y), (6, 4), textcoords="offset points", fontsize=8, color=INK)
        axes.set_xlim(treatment_r2.min(), treatment_r2.max())
        axes.set_ylim(outcome_r2.min(), outcome_r2.max())
        axes.set_xlabel("partial R² of the confounder with the treatment")
        axes.set_ylabel("partial R² with the outcome")
        figure.legend(loc="outside upper right", ncols=3, columnspacing=1.0)
        return figure


def dose_response(profile: Profile, treatment: str, outcome: str) -> Figure:
    """Mean outcome under each treatment value, with pointwise 95% intervals.

    Args:
        profile: levels (drawn as points) or a grid of doses (drawn as a curve).
        treatment: its name.
        outcome: its name.
    """
    with style():
        low, high = profile.intervals().T
        if profile.continuous:
            figure, axes = new_figure(5.4, 3.0)
            x = np.asarray(profile.points, dtype=float)
            axes.fill_between(x, low, high, color=SKY, alpha=0.4, linewidth=0)
            axes.plot(x, profile.means, color=BLUE, linewidth=2)
            axes.set_xlabel(f"{short(treatment)} set to")
            axes.set_ylabel(f"mean of {short(outcome)}")
            return figure
        figure, axes = new_figure(5.4, 1.1 + 0.36 * len(profile.points))
        places = np.arange(len(profile.points))
        reach = [profile.means - low, high - profile.means]
        axes.errorbar(profile.means, places, xerr=reach, fmt="o", color=BLUE, capsize=3)
        axes.set_yticks(places, [short(point) for point in profile.points])
        axes.set_ylim(len(places) - 0.5, -0.5)
        axes.set_ylabel(f"{short(treatment, 14)} set to")
        axes.set_xlabel(f"mean of {short(outcome)} (95% interval)")
        return figure


def reversal(found: Reversal, arms: tuple[str, str] = ("treated", "control")) -> Figure:
    """Simpson's paradox: the outcome by treatment over all rows and within each stratum.

    Args:
        found: the reversal; strata of a binary treatment are drawn as lines between two means (thicker for more
            rows), those of a numeric one as their slopes.
        arms: what the two treatment values are called, treated first.
    """
    with style():
        strata = sorted(found.strata, key=lambda each: -each.n)[:8]
        total = sum(each.n for each in found.strata)
        if all(each.means is not None for each in strata):
            figure, axes = new_figure(5.4, 3.4)
            overall = [0.0, 0.0]
            share = [0.0, 0.0]
            for each in found.strata:
                assert each.means is not None
                for arm, part in ((0, 1 - each.share_treated), (1, each.share_treated)):
                    overall[arm] += each.n * part * each.means[arm]
                    share[arm] += each.n * part
            for each in strata:
                assert each.means is not None
                axes.plot([0, 1], each.means, color=GREEN, linewidth=0.8, zorder=1)
                for arm, part in ((0, 1 - each.share_treated), (1, each.share_treated)):
                    size = 14 + 500 * each.n * part / total
                    axes.scatter(
                        [arm], [each.means[arm]], s=size, color=GREEN, alpha=0.6, linewidth=0, zorder=2
                    )
                axes.annotate(
                    short(each.label, 16),
                    (1, each.means[1]),
                    (14, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=8,
                )
            axes.plot(
                [0, 1],
                [overall[0] / share[0], overall[1] / share[1]],
                "o--",
                color=VERMILLION,
                linewidth=2.2,
                zorder=3,
            )
            axes.plot([], [], "o--", color=VERMILLION, label="all rows")
            axes.plot([], [], "o-", color=GREEN, label=f"by {short(found.by, 20)} (larger: more rows)")
            axes.set_xticks([0, 1], [short(arms[1]), short(arms[0])])
            axes.set_xlim(-0.2, 1.45)
            axes.set_ylabel(f"mean of {short(found.outcome)}")
            figure.legend(loc="outside upper right", ncols=2)
            return figure
        figure, axes = new_figure(5.4, 1.3 + 0.34 * (len(strata) + 1))
        lines = [("all rows", found.crude, found.crude_error, VERMILLION)]
        lines += [(each.label, each.effect, each.std_error, GREEN) for each in strata]
        for place, (_, value, error, colour) in enumerate(lines):
            axes.errorbar([value], [place], xerr=[1.96 * error], fmt="o", color=colour, capsize=3)
        axes.axvline(0, color=INK, linewidth=0.8, linestyle=":")
        axes.set_yticks(range(len(lines)), [short(label, 22) for label, *_ in lines])
        axes.set_ylim(len(lines) - 0.5, -0.5)
        axes.set_ylabel(short(found.by, 16))
        axes.set_xlabel(f"slope of {short(found.outcome, 18)} on {short(found.treatment, 18)} (95% interval)")
        return figure
