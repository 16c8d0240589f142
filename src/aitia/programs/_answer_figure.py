"""The figures of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aitia.programs._answer_words import number
from aitia.programs._errors import QueryError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from aitia.programs._answer import Answer
    from aitia.programs._contrast import Contrasts

# Okabe and Ito's palette, which colour-blind people tell apart.
BLUE, SKY, VERMILLION, INK = "#0072B2", "#56B4E9", "#D55E00", "#333333"


def answer_figure(answer: Answer) -> Figure:
    """The distribution among units, with the mean and its interval; bars for a discrete answer."""
    if answer.shape:
        raise QueryError(
            f"A figure is of one number; {answer.of} has the shape {answer.shape}.",
            "Ask for a function of it, or for one node.",
        )
    figure, axes = _new(5.6, 3.4)
    values, weights = answer.draws.reshape(-1), answer.weights.reshape(-1) / answer.n_parameter_draws
    support = None if answer.names_levels else np.unique(values)
    if answer.level_probabilities and (answer.names_levels or len(answer.levels or ()) <= 40):
        _bars(axes, answer)
    elif (
        support is not None
        and len(support) <= 40
        and np.all(support == np.round(support))
        and len(support) > 1
    ):
        heights = [weights[values == each].sum() for each in support]
        axes.bar(support, heights, width=0.8 * np.diff(support).min(), color=SKY)
        axes.set_ylabel("share of units")
        axes.set_xlabel(answer.of)
        _mean_line(axes, answer)
    elif answer.diversity <= 1e-9 * (1 + abs(answer.mean)) and answer.uncertainty <= 1e-9 * (
        1 + abs(answer.mean)
    ):
        axes.axvline(answer.mean, color=BLUE, linewidth=2.5)
        reach = max(1.0, abs(answer.mean)) * 0.5
        axes.set_xlim(answer.mean - reach, answer.mean + reach)
        axes.set_yticks([])
        axes.set_xlabel(f"{answer.of}: exactly {number(answer.mean)} for every unit")
    else:
        low, high = np.asarray(answer.quantile([0.001, 0.999]))
        pad = 0.05 * (high - low) or 1.0
        inside = (values >= low - pad) & (values <= high + pad)
        bins = int(np.clip(2 * answer.effective_by_parameter_draw.sum() ** (1 / 3), 12, 60))
        axes.hist(
            values[inside],
            bins=bins,
            range=(low - pad, high + pad),
            weights=weights[inside],
            color=SKY,
            linewidth=0,
        )
        axes.set_yticks([])
        axes.set_ylabel("share of units")
        axes.set_xlabel(answer.of)
        _mean_line(axes, answer)
    axes.set_title(_wrapped(answer.question), fontsize=10, loc="left", color=INK)
    return figure


def _bars(axes: Axes, answer: Answer) -> None:
    """One bar a level, with a 95% interval over draws of the parameters where there are any."""
    probabilities = np.asarray(answer.probabilities)
    names = [str(each) for each in answer.levels or ()]
    heights = probabilities.mean(axis=0)
    places = np.arange(len(names))
    axes.bar(places, heights, color=SKY, width=0.7)
    top = heights.max()
    if len(probabilities) > 1:
        low, high = np.quantile(probabilities, [0.025, 0.975], axis=0)
        top = max(top, high.max())
        axes.errorbar(
            places,
            heights,
            yerr=[np.maximum(heights - low, 0), np.maximum(high - heights, 0)],
            fmt="none",
            ecolor=VERMILLION,
            elinewidth=2,
            label="95% interval",
        )
        _legend(axes)
    turn = sum(map(len, names)) > 50
    axes.set_xticks(places, names, rotation=30 if turn else 0, ha="right" if turn else "center")
    axes.set_ylim(0, min(1.0, 1.1 * top))
    axes.set_ylabel("probability")
    axes.set_xlabel(answer.of)


def _mean_line(axes: Axes, answer: Answer) -> None:
    low, high = answer.interval()
    top = axes.get_ylim()[1]
    axes.set_ylim(0, 1.12 * top)
    axes.axvline(
        answer.mean, ymax=1 / 1.12, color=VERMILLION, linewidth=1.6, label=f"mean {number(answer.mean)}"
    )
    if answer.n_parameter_draws > 1:
        axes.plot([low, high], [1.05 * top] * 2, color=VERMILLION, linewidth=4, solid_capstyle="butt",
                  label="95% interval of the mean")  # fmt: skip
    _legend(axes)


def contrasts_figure(contrasts: Contrasts) -> Figure:
    """The mean with its interval and the middle 90% of units, group by group; all units last."""
    rows = {**contrasts.answers, "all units": contrasts.overall}
    figure, axes = _new(6.0, 1.6 + 0.45 * len(rows))
    for place, (name, each) in enumerate(rows.items()):
        first, last = np.asarray(each.quantile([0.05, 0.95]))
        low, high = each.interval()
        label = place == 0
        axes.plot([first, last], [place] * 2, color=SKY, linewidth=7, solid_capstyle="butt", alpha=0.7,
                  label="middle 90% of units" if label else None)  # fmt: skip
        axes.plot([low, high], [place] * 2, color=VERMILLION, linewidth=2.5, solid_capstyle="butt",
                  label="95% interval of the mean" if label and each.n_parameter_draws > 1 else None)  # fmt: skip
        axes.plot([each.mean], [place], "D" if name == "all units" else "o", color=VERMILLION, markersize=6,
                  label="mean" if label else None)  # fmt: skip
    axes.axvline(0, color=INK, linewidth=0.8, linestyle=":")
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(contrasts.overall.of)
    figure.suptitle(_wrapped(contrasts.overall.question, 72), fontsize=10, x=0.01, ha="left", color=INK)
    axes.legend(
        frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.2
    )
    return figure


def _legend(axes: Axes) -> None:
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)


def _wrapped(text: str, width: int = 64) -> str:
    import textwrap

    lines = textwrap.wrap(text, width, break_long_words=False)
    return "\n".join(lines[:3] + (["..."] if len(lines) > 3 else []))


def _new(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes
