"""What the figures of this room share. Colours are Okabe and Ito's, safe for all eyes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), "-")


def escaped(label: str) -> str:
    """A label in which a dollar sign starts no formula."""
    return label.replace("$", r"\$")


def weighted_band(
    draws: np.ndarray, weights: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and quantiles over draws and units at each step; draws of shape (parameter draws, units, steps)."""
    flat = np.asarray(draws, dtype=float).reshape(-1, draws.shape[-1])
    share = weights.reshape(-1) / weights.sum()
    order = np.argsort(flat, axis=0)
    cumulative = np.cumsum(share[order], axis=0)
    found = []
    for q in ((1 - level) / 2, (1 + level) / 2):
        at = np.minimum((cumulative < q).sum(axis=0), len(flat) - 1)
        found.append(flat[order[at, np.arange(flat.shape[1])], np.arange(flat.shape[1])])
    return share @ flat, found[0], found[1]


def bands(
    paths: Mapping[str, tuple[np.ndarray, np.ndarray]],
    ylabel: str,
    title: str,
    *,
    level: float = 0.8,
    seen: np.ndarray | None = None,
    xlabel: str = "step",
) -> Figure:
    """Paths as a mean line and a band each.

    Args:
        paths: draws (parameter draws, units, steps) and weights (parameter draws, units) by label.
        ylabel: the label of the vertical axis.
        title: the title.
        level: the share of draws in a band.
        seen: what was observed, shape (steps,), drawn as points.
        xlabel: the label of the horizontal axis.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    axes: Any = figure.subplots()
    for i, (label, (draws, weights)) in enumerate(paths.items()):
        mean, low, high = weighted_band(draws, weights, level)
        steps = np.arange(len(mean))
        colour, style = COLOURS[i % len(COLOURS)], STYLES[i % len(STYLES)]
        axes.fill_between(steps, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(steps, mean, color=colour, linestyle=style, lw=1.8, label=escaped(label))
    if seen is not None:
        axes.plot(np.arange(len(seen)), seen, "o", color="black", markersize=3, label="observed")
    axes.set_xlabel(xlabel)
    axes.set_ylabel(escaped(ylabel))
    axes.set_title(escaped(title), loc="left", fontsize=11)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def ahead(
    past: np.ndarray,
    forecasts: Mapping[str, np.ndarray],
    ylabel: str,
    title: str,
    *,
    level: float = 0.95,
    shown: int = 60,
    below: int = 0,
) -> Figure:
    """The end of a series and one or more forecasts of it.

    Args:
        past: the series, shape (steps,).
        forecasts: draws (parameter draws, paths, steps ahead) by label.
        ylabel: the label of the vertical axis.
        title: the title.
        level: the level of the bands.
        shown: how many past steps are shown.
        below: how many smaller panels to leave below, sharing the steps.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.6, 3.6 + 1.5 * below), layout="constrained")
    panels: Any = figure.subplots(
        1 + below, 1, sharex=True, squeeze=False, height_ratios=[2.2] + [1] * below
    )[:, 0]
    axes = panels[0]
    n = len(past)
    first = max(0, n - shown)
    axes.plot(np.arange(first, n), past[first:], color="black", lw=1.2, label="observed")
    for i, (label, draws) in enumerate(forecasts.items()):
        steps = np.arange(n, n + draws.shape[-1])
        low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=(0, 1))
        axes.fill_between(steps, low, high, color=COLOURS[i], alpha=0.16, linewidth=0)
        axes.plot(
            steps,
            draws.mean(axis=(0, 1)),
            color=COLOURS[i],
            linestyle=STYLES[i],
            lw=1.8,
            label=escaped(label),
        )
    axes.axvline(n - 0.5, color="grey", lw=0.8, linestyle=":")
    if not below:
        axes.set_xlabel("step")
    for each in panels[1:]:
        each.spines[["top", "right"]].set_visible(False)
    axes.set_ylabel(escaped(ylabel))
    axes.set_title(escaped(title), loc="left", fontsize=11)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
