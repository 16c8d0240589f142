"""Masks of where activations are above thresholds, at the concepts' positions."""

from __future__ import annotations

import numpy as np

from aitia.core import Decision, either, listing, many
from aitia.networks._activations import Activations
from aitia.networks._layout import Layout, counted
from aitia.networks.firing._upsampled import weights
from aitia.networks.firing._values import BUDGET, blocks


def masks_above(
    activations: Activations, layout: Layout, columns: np.ndarray, thresholds: np.ndarray
) -> np.ndarray:
    """Where units' activations are above thresholds, strictly.

    Args:
        activations: the values.
        layout: the masks' layout; maps are upsampled to its shape.
        columns: for each mask its unit's place, shape (masks,).
        thresholds: for each mask what is exceeded, float64 of shape (masks,).

    Returns:
        uint64 of shape (masks, layout.words).
    """
    found = np.zeros((len(columns), layout.words), dtype=np.uint64)
    lengths = layout.lengths
    shape = activations.positions
    for start, block, exists in blocks(activations, lengths):
        some = Layout(len(block), layout.shape)
        at = start * layout.words_per_input if layout.shape else start // 64
        target = found[:, at : at + some.words]
        if layout.shape == shape:
            for mask, (column, threshold) in enumerate(zip(columns, thresholds)):
                above = block[:, column] > threshold
                if exists is not None:
                    above &= exists
                target[mask] = some.pack(above.reshape(len(block), *shape))
        else:
            _upsampled_above(block.reshape(*block.shape[:2], *shape), some, columns, thresholds, target)
    return found


def _upsampled_above(
    block: np.ndarray, layout: Layout, columns: np.ndarray, thresholds: np.ndarray, target: np.ndarray
) -> None:
    """The masks of a block of maps, upsampled. Only maps that exceed their threshold somewhere are looked at."""
    (height, width), (tall, wide) = block.shape[2:], layout.shape
    down, across = weights(height, tall), weights(width, wide).T
    peak = block.max(axis=(2, 3))
    masks, inputs = np.nonzero((peak[:, columns] > thresholds).T)
    one = Layout(1, layout.shape)
    view = target.reshape(len(columns), len(block), one.words)
    step = max(1, BUDGET // layout.positions)
    for first in range(0, len(masks), step):
        which, rows = masks[first : first + step], inputs[first : first + step]
        # The threshold is taken off before mixing: where all neighbours lie on it, the mix does too, without rounding.
        excess = block[rows, columns[which]].astype(np.float64) - thresholds[which, None, None]
        above = (down @ (excess @ across)) > 0
        view[which, rows] = Layout(len(rows), layout.shape).pack(above).reshape(len(rows), one.words)


def extremes(layout: Layout, units: tuple[int, ...], words: np.ndarray) -> tuple[Decision, ...]:
    """What is to be said of units that never fire, or always do."""
    size = counted(words)
    said = []
    for chosen, how, why in (
        (size == 0, "never", "nothing overlaps with an empty mask: the explanation is FALSE"),
        (size == layout.total, "always", "a mask of everything is described by TRUE alone"),
    ):
        which = [units[place] for place in np.flatnonzero(chosen)]
        if which:
            fire = either(len(which), "fires", "fire")
            said.append(
                Decision(f"{len(which)} of {many(len(units), 'unit')} {how} {fire}: {listing(which)}", why)
            )
    return tuple(said)
