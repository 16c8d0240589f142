"""A check as a picture: replicated data beside the data, and distribution functions beside their bands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aitia.programs._errors import ProgramError
from aitia.programs.checking._uniformity import Uniformity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from aitia.programs.checking._check import Check, Finding

# Okabe and Ito's colours, safe for all eyes.
_DATA, _MODEL, _BROKEN, _INK = "#D55E00", "#0072B2", "#D55E00", "#333333"

_COLUMNS = 3
_MOST = 12


def figure(check: Check) -> Figure:
    """One panel for each finding that has something to show; two for calibrations, which have two views.

    Raises:
        ProgramError: nothing in the check can be drawn.
    """
    from matplotlib.figure import Figure

    panels = []
    for each in check.findings:
        if "replicates" in each.details and len(each.details["replicates"]):
            panels.append((_predictive, each))
        elif "uniformity" in each.details:
            panels += [(_transforms, each), (_transforms_band, each)]
        elif "calibration" in each.details:
            panels += [(_ranks, each), (_ranks_band, each)]
    panels = panels[:_MOST]
    if not panels:
        raise ProgramError("The check has nothing to draw.", "Its findings are words: print it.")
    columns = min(_COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    drawing = Figure(figsize=(3.6 * columns, 2.9 * rows), dpi=150, layout="constrained")
    grid = drawing.subplots(rows, columns, squeeze=False).ravel()
    for axes, (draw, finding) in zip(grid, panels):
        draw(axes, finding)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in grid[len(panels) :]:
        axes.axis("off")
    return drawing


def _title(axes: Axes, finding: Finding, what: str) -> None:
    where = f"{finding.node}: " if finding.node else ""
    axes.set_title(f"{where}{what}\n{finding.verdict.value}", fontsize=8, color=_INK)


def _predictive(axes: Axes, finding: Finding) -> None:
    replicates = finding.details["replicates"]
    observed = finding.details["observed"]
    replicates = replicates.reshape(len(replicates), -1).astype(float)
    data = None if observed is None else np.asarray(observed, dtype=float).ravel()
    both = replicates.ravel() if data is None else np.concatenate([replicates.ravel(), data])
    whole = np.all(both == np.round(both)) and np.ptp(both) <= 30
    if whole:
        edges = np.arange(both.min() - 0.5, both.max() + 1.5)
    else:
        # A few wild replicates must not squeeze the data into one bin.
        centre = both if data is None else data
        span = np.quantile(replicates, [0.005, 0.995])
        low, high = min(span[0], centre.min()), max(span[1], centre.max())
        edges = np.linspace(low, high if high > low else low + 1, 26)
    shares = np.stack([np.histogram(each, edges)[0] for each in replicates]) / replicates.shape[1]
    low, middle, high = np.quantile(shares, [0.05, 0.5, 0.95], axis=0)
    axes.stairs(
        high, edges, baseline=low, fill=True, color=_MODEL, alpha=0.25, label="model, 90% of data sets"
    )
    axes.stairs(middle, edges, color=_MODEL, lw=1, label="model, median")
    if data is not None:
        axes.stairs(np.histogram(data, edges)[0] / len(data), edges, color=_DATA, lw=1.4, label="data")
    axes.set_xlabel(finding.node, fontsize=8)
    axes.set_ylabel("share of rows", fontsize=8)
    axes.set_ylim(0, 1.45 * max(high.max(), axes.dataLim.y1))
    axes.legend(fontsize=6, frameon=False, loc="upper right")
    _title(axes, finding, finding.name)


def _transforms(axes: Axes, finding: Finding) -> None:
    _histogram(axes, finding.details["u"], "where the value fell (0 lowest, 1 highest)")
    _title(axes, finding, finding.name)


def _transforms_band(axes: Axes, finding: Finding) -> None:
    _band(axes, {"rows": finding.details["uniformity"]}, "where the value fell")
    _title(axes, finding, finding.name)


def _ranks(axes: Axes, finding: Finding) -> None:
    found = finding.details["calibration"]
    worst = found.worst
    _histogram(axes, found.uniform[worst].values, f"rank of the true {worst} among draws (share)")
    _title(axes, finding, finding.name)


def _ranks_band(axes: Axes, finding: Finding) -> None:
    _band(axes, dict(list(finding.details["calibration"].uniform.items())[-6:]), "rank among draws (share)")
    _title(axes, finding, finding.name)


def _histogram(axes: Axes, numbers: np.ndarray, label: str) -> None:
    from scipy import stats

    bins = 10
    counts = np.histogram(numbers, bins, range=(0, 1))[0]
    axes.bar((np.arange(bins) + 0.5) / bins, counts, 0.92 / bins, color=_MODEL, alpha=0.6)
    low, high = stats.binom.ppf([0.025, 0.975], len(numbers), 1 / bins)
    axes.axhspan(low, high, color="#999999", alpha=0.3, lw=0, label="95% of each bar, if uniform")
    axes.set_ylim(0, 1.35 * max(high, counts.max()))
    axes.set_xlabel(label, fontsize=8)
    axes.set_ylabel("count", fontsize=8)
    axes.legend(fontsize=6, frameon=False, loc="upper right")


def _band(axes: Axes, uniform: dict[str, Uniformity], label: str) -> None:
    styles = ["-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3))]
    colours = ["#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00"]
    most = 0.0
    for k, (name, each) in enumerate(uniform.items()):
        if k == 0:
            axes.fill_between(
                each.cuts, each.low - each.cuts, each.high - each.cuts, color="#999999", alpha=0.3, lw=0
            )
        most = max(most, np.abs(each.shares - each.cuts).max(), (each.high - each.cuts).max())
        axes.plot(each.cuts, each.shares - each.cuts, ls=styles[k], color=colours[k], lw=1.2, label=name)
    axes.axhline(0, color=_INK, lw=0.5)
    axes.set_ylim(-1.15 * most, 1.6 * most)
    axes.set_xlim(0, 1)
    axes.set_xlabel(label, fontsize=8)
    axes.set_ylabel("share at or below, minus expected", fontsize=7)
    axes.legend(fontsize=6, frameon=False, loc="upper right", ncols=2 if len(uniform) > 1 else 1)
