"""Effects drawn: how much an intervention on each unit changes each output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from aitia.networks.recording._effects import Effects

_WRITTEN = (24, 12)  # up to so many units and outputs numbers stand in the cells


def effects_figure(effects: Effects, places: np.ndarray, names: Sequence[str]) -> Figure:
    """Units by outputs, coloured by the mean change; the metric's change beside it, where there is one.

    Args:
        effects: what was found.
        places: which of the units, in the order of the rows.
        names: of the outputs.
    """
    from matplotlib.figure import Figure

    shown = effects.on_outputs[places]
    units, outputs = shown.shape
    size = 7 if units <= 40 else 5.5
    metric = effects.on_metric is not None
    high = 1.5 + max(1.2, units * (0.21 if units <= 40 else 0.15))
    wide = 2.6 + min(9.0, outputs * (0.5 if outputs <= _WRITTEN[1] else 0.16)) + (1.9 if metric else 0.0)
    drawing = Figure(figsize=(max(4.0, wide), high), dpi=150, layout="constrained")
    if metric:
        axes, beside = drawing.subplots(1, 2, sharey=True, width_ratios=[max(1.5, wide - 4.5), 1.5])
    else:
        axes, beside = drawing.subplots(), None
    limit = float(np.abs(shown).max()) or 1.0
    # Red to blue over white is told apart by all eyes, and no change is white.
    picture = axes.imshow(
        shown, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest"
    )
    if units <= _WRITTEN[0] and outputs <= _WRITTEN[1]:
        for (row, column), value in np.ndenumerate(shown):
            colour = "white" if abs(value) > 0.6 * limit else "#222222"
            axes.text(column, row, _short(value, limit), ha="center", va="center", fontsize=6, color=colour)
    axes.set_yticks(np.arange(units), [str(effects.units[each]) for each in places], fontsize=size)
    every = max(1, -(-outputs // 40))
    turned = max(map(len, names)) > 4 and outputs > 3
    axes.set_xticks(
        np.arange(0, outputs, every),
        names[::every],
        fontsize=7,
        rotation=45 if turned else 0,
        ha="right" if turned else "center",
        rotation_mode="anchor" if turned else None,
    )
    axes.set_xlabel("output", fontsize=8)
    axes.set_ylabel(f"unit of {effects.layer}", fontsize=8)
    axes.tick_params(length=2)
    left_out = len(effects.units) - units
    title = f"{units} of {len(effects.units):,} units, largest effects first" if left_out else ""
    axes.set_title(title, fontsize=8, loc="left")
    around = axes if beside is None else [axes, beside]
    bar = drawing.colorbar(picture, ax=around, shrink=min(1.0, 2.5 / high), pad=0.02)
    bar.set_label("mean change of the output", fontsize=7)
    bar.ax.tick_params(labelsize=6)
    if beside is not None:
        _metric(beside, effects, places)
    return drawing


def _metric(axes: Axes, effects: Effects, places: np.ndarray) -> None:
    assert effects.on_metric is not None
    changes = effects.on_metric[places]
    axes.barh(np.arange(len(places)), changes, color=np.where(changes > 0, "#b2182b", "#2166ac"), height=0.7)
    axes.axvline(0.0, color="#222222", linewidth=0.8)
    axes.set_xlabel("mean change\nof the metric", fontsize=8)
    axes.tick_params(axis="x", labelsize=6)
    axes.tick_params(axis="y", left=False, labelleft=False)
    axes.locator_params(axis="x", nbins=3)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _short(value: float, limit: float) -> str:
    digits = max(0, 1 - int(np.floor(np.log10(limit))))
    if abs(value) < 0.5 * 10.0**-digits:
        return "0"
    return f"{value:+.{digits}f}" if digits <= 4 else f"{value:+.0e}"
