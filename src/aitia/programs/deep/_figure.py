"""A picture of originals beside their counterfactuals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from aitia.programs._errors import QueryError


def figure(
    originals: np.ndarray,
    counterfactuals: Mapping[str, np.ndarray],
    *,
    names: list[str] | None = None,
    largest: float | None = None,
    title: str | None = None,
) -> Any:
    """Originals in the first column, their counterfactuals beside them, one row for each unit.

    Args:
        originals: images, shape (rows, height, width).
        counterfactuals: images of the same shape by the words above their column.
        names: the words beside each row.
        largest: the brightness drawn as black; None takes the originals' largest.
        title: the words above the figure.

    Returns:
        A Matplotlib figure, not attached to any window.

    Raises:
        QueryError: a column has another shape than the originals.
    """
    from matplotlib.figure import Figure

    originals = np.asarray(originals)
    columns = {"original": originals, **{name: np.asarray(each) for name, each in counterfactuals.items()}}
    for name, images in columns.items():
        if images.shape != originals.shape or images.ndim != 3:
            raise QueryError(
                f"The column {name!r} has the shape {images.shape}, the originals {originals.shape}.",
                "Give images (rows, height, width) of one shape.",
            )
    count, largest = len(originals), float(originals.max() if largest is None else largest)
    made = Figure(figsize=(1.05 * len(columns) + 0.9, 1.05 * count + 1.0), layout="constrained")
    grid = made.subplots(count, len(columns), squeeze=False)
    for at, (name, images) in enumerate(columns.items()):
        for row in range(count):
            axes = grid[row, at]
            axes.imshow(images[row], cmap="gray_r", vmin=0, vmax=largest, interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
            for edge in axes.spines.values():
                edge.set_color("#0072b2" if at == 0 else "#bbbbbb")
                edge.set_linewidth(1.6 if at == 0 else 0.8)
            if row == 0:
                axes.set_title(name, fontsize=8)
            if at == 0 and names is not None:
                axes.set_ylabel(names[row], fontsize=8)
    if title:
        made.suptitle(title, fontsize=10)
    return made
