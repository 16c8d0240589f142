"""A figure of how a fit went: the chains' traces, or the evidence bound as it rose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from aitia.programs.inference._convergence import rank_normalised_r_hat
from aitia.programs.inference._trust import numbers_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from aitia.programs._fitted import Fitted

# Okabe and Ito's colours, which people with any common kind of colour blindness can tell apart.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
_GREY = "#8a8a8a"
_STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "text.parse_math": False,
}


def diagnostic_figure(fitted: Fitted, most: int) -> Figure:
    """The traces and densities of the parameters whose chains agree least; for SVI, the bound above them."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    names, columns = numbers_of(fitted.parameters) if fitted.parameters else ([], np.empty((0, 0)))
    chains = max(fitted.chains, 1)
    order = np.arange(len(names))
    if fitted.chains and len(names):
        # Of very many, evenly spread ones are read.
        order = np.unique(np.linspace(0, len(names) - 1, min(len(names), 500)).astype(int))
        r_hats = rank_normalised_r_hat(columns[:, order].reshape(chains, -1, len(order)))
        order = order[np.argsort(-np.nan_to_num(r_hats, nan=np.inf), kind="stable")]
    chosen = order[:most]
    bound = fitted.details.get("evidence bound")
    rows = len(chosen) + (bound is not None)
    with mpl.rc_context(_STYLE):
        figure = Figure(
            figsize=(7.2, 0.5 + 1.35 * max(rows, 1) + 0.4 * (bound is not None)), layout="constrained"
        )
        if not rows:
            figure.text(0.5, 0.5, "No parameters were learned.", ha="center", va="center")
            return figure
        grid = figure.add_gridspec(rows, 3)
        if bound is not None:
            _bound(figure.add_subplot(grid[0, :]), np.asarray(bound))
        for row, j in enumerate(chosen, start=rows - len(chosen)):
            draws = columns[:, j].reshape(chains, -1)
            trace, density = figure.add_subplot(grid[row, :2]), figure.add_subplot(grid[row, 2])
            _trace(trace, draws, names[j], independent=not fitted.chains)
            _density(density, draws)
            last = row == rows - 1
            if last:
                trace.set_xlabel("draw, by chain" if fitted.chains > 1 else "draw")
                density.set_xlabel("value")
        return figure


def _trace(axes, draws: np.ndarray, name: str, *, independent: bool) -> None:
    for j, chain in enumerate(draws):
        colour = _COLOURS[j % len(_COLOURS)]
        if independent:
            axes.plot(chain, ".", markersize=1.5, color=colour)
        else:
            axes.plot(chain, linewidth=0.5, color=colour, alpha=0.8)
    axes.set_title(name if len(name) < 60 else f"{name[:57]}...")


def _density(axes, draws: np.ndarray) -> None:
    edges = np.histogram_bin_edges(draws, bins=30)
    for j, chain in enumerate(draws):
        heights, _ = np.histogram(chain, edges, density=True)
        axes.stairs(heights, edges, color=_COLOURS[j % len(_COLOURS)], linewidth=1)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=4)


def _bound(axes, bound: np.ndarray) -> None:
    finite = bound[np.isfinite(bound)]
    axes.plot(bound, color=_GREY, linewidth=0.5, label="each step")
    width = max(len(bound) // 50, 1)
    if len(bound) > 2 * width:
        smooth = np.convolve(bound, np.ones(width) / width, mode="valid")
        axes.plot(
            np.arange(len(smooth)) + width / 2, smooth, color=_COLOURS[0], linewidth=1.5, label="average"
        )
    if len(finite):
        low = np.quantile(finite[len(finite) // 10 :], 0.02)
        span = max(finite.max() - low, 1e-9)
        axes.set_ylim(low - 0.2 * span, finite.max() + 0.1 * span)
    axes.set_title("evidence lower bound (nats)")
    axes.set_xlabel("step")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=2, borderaxespad=0)
