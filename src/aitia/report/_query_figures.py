"""Pictures of an answer that a program gave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from aitia.report._figures import short
from aitia.report._svg import BLUE, INK, ORANGE, new_figure, style
from aitia.report._words import number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from aitia.programs import Answer
    from aitia.programs.checking import Finding

_MOST_LEVELS = 25
_BINS = 60


def distribution(answer: Answer) -> Figure | None:
    """How units differ in what was asked, with its mean and the mean's interval; None for a node with a shape.

    Args:
        answer: the answer.
    """
    if answer.shape:
        return None
    values, weights = answer.draws.ravel(), answer.weights.ravel() / len(answer.weights)
    finite = np.isfinite(values) & (weights > 0)
    levels = np.unique(values[finite])
    with style():
        if answer.names_levels:
            return _levels(answer)
        figure, axes = new_figure(6.2, 3.0)
        if len(levels) == 1:
            axes.axvline(levels[0], color=BLUE, linewidth=3)
            axes.set_xlim(levels[0] - 1, levels[0] + 1)
            axes.set_yticks([])
            axes.set_title(f"Every unit has {number(float(levels[0]))}")
        elif len(levels) <= _MOST_LEVELS and np.array_equal(levels, np.round(levels)):
            shares = [weights[values == each].sum() for each in levels]
            axes.bar(levels, shares, width=0.8, color=BLUE, alpha=0.75)
            axes.set_xticks(levels if len(levels) <= 12 else levels[:: len(levels) // 8])
            axes.set_ylabel("share of units")
        else:
            low, high = (float(each) for each in answer.quantile([0.001, 0.999]))
            inside = finite & (values >= low) & (values <= high)
            axes.hist(values[inside], bins=_BINS, weights=weights[inside], color=BLUE, alpha=0.75)
            axes.set_ylabel("share of units")
        first, last = answer.interval()
        if last > first:
            axes.axvspan(
                first, last, color=ORANGE, alpha=0.35, linewidth=0, label=short(answer.interval_of, 46)
            )
        if len(levels) > 1:
            axes.axvline(answer.mean, color=INK, linewidth=1.4, label=f"mean {number(answer.mean)}")
            figure.legend(loc="outside upper right", ncols=2)
        axes.set_xlabel(short(answer.of, 60))
        return figure


def predictive(finding: Finding, levels: Sequence[Any] = ()) -> Figure | None:
    """Data beside data sets that the fit makes, for one node; None where there is nothing to draw.

    Args:
        finding: a predictive check of the node.
        levels: the names of its values 0, 1, ..., where it has any.
    """
    drawn, observed = finding.details.get("replicates"), finding.details.get("observed")
    if drawn is None or observed is None or not len(drawn):
        return None
    replicates = np.asarray(drawn, dtype=float).reshape(len(drawn), -1)
    data = np.asarray(observed, dtype=float).ravel()
    edges = _edges(data, replicates)
    shares = np.stack([np.histogram(each, edges)[0] for each in replicates]) / replicates.shape[1]
    low, high = np.quantile(shares, [0.05, 0.95], axis=0)
    seen = np.histogram(data, edges)[0] / len(data)
    with style():
        figure, axes = new_figure(6.2, 2.6)
        axes.stairs(
            high, edges, baseline=low, fill=True, color=BLUE, alpha=0.35, linewidth=0, label="fit, 9 of 10"
        )
        middle = (edges[1:] + edges[:-1]) / 2
        axes.plot(
            middle,
            seen,
            "o",
            markersize=4,
            color=ORANGE,
            markeredgecolor=INK,
            markeredgewidth=0.5,
            label="data",
        )
        axes.set_ylim(0, 1.1 * max(high.max(), seen.max()))
        axes.set_ylabel("share of rows")
        axes.set_xlabel(short(finding.node, 60))
        if np.array_equal(middle, np.round(middle)) and len(middle) <= 12:
            named = all(0 <= each < len(levels) for each in middle)
            axes.set_xticks(middle, [short(str(levels[int(each)]), 14) for each in middle] if named else None)
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
        return figure


def _edges(data: np.ndarray, replicates: np.ndarray) -> np.ndarray:
    """The bins' edges: whole numbers where few are taken; else the range that data and most replicates cover."""
    both = np.concatenate([data, replicates.ravel()])
    if np.all(both == np.round(both)) and np.ptp(both) <= _MOST_LEVELS:
        return np.arange(both.min() - 0.5, both.max() + 1)
    span = np.quantile(replicates, [0.005, 0.995])
    low, high = min(span[0], data.min()), max(span[1], data.max())
    return np.linspace(low, high if high > low else low + 1, 31)


def _levels(answer: Answer) -> Figure:
    shares = answer.level_probabilities
    figure, axes = new_figure(6.2, 0.9 + 0.32 * len(shares))
    places = range(len(shares))
    axes.barh(places, list(shares.values()), color=BLUE, alpha=0.75, height=0.7)
    for place, share in zip(places, shares.values()):
        axes.text(min(share + 0.01, 0.99), place, f"{share:.1%}", va="center", fontsize=9)
    axes.set_yticks(places, [short(str(each), 24) for each in shares])
    axes.set_ylim(len(shares) - 0.4, -0.6)
    axes.set_xlim(0, 1.1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
    axes.set_xlabel(f"probability of each level of {short(answer.of, 40)}")
    return figure
