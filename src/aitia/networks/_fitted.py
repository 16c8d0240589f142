"""Masks of units and of concepts brought over the same positions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from aitia.networks._errors import ConceptError
from aitia.networks._firing import Firing
from aitia.networks._layout import Layout
from aitia.networks.concepts._inventory import Inventory


def shared_layout(ours: Layout, theirs: Layout) -> Layout:
    """The layout of what exists both for units (ours) and for concepts (theirs).

    Where inputs are of different length and only one side knows it (the recording does, the concepts were annotated
    for padded inputs), what lies past the lengths exists for neither.

    Raises:
        ConceptError: masks over different inputs or positions, or inputs of other lengths.
    """
    if (ours.inputs, ours.shape) != (theirs.inputs, theirs.shape):
        raise ConceptError(
            f"Units fire over {ours.inputs:,} inputs of shape {ours.shape}; concepts are known over "
            f"{theirs.inputs:,} inputs of shape {theirs.shape}.",
            "Give the same inputs in the same order; binarise with layout=inventory.layout.",
        )
    if ours.lengths is None or theirs.lengths is None:
        return theirs if ours.lengths is None else ours
    differ = np.flatnonzero(ours.lengths != theirs.lengths)
    if differ.size:
        first = int(differ[0])
        raise ConceptError(
            f"Input {first} has {ours.lengths[first]} positions for the units and {theirs.lengths[first]} for the "
            "concepts.",
            "Cut or tokenise both the same way.",
        )
    return ours


def fitted(firing: Firing, inventory: Inventory) -> tuple[Firing, Inventory]:
    """Units and concepts over the positions that exist for both: `shared_layout`.

    Raises:
        ConceptError: as there.
    """
    layout = shared_layout(firing.layout, inventory.layout)
    if layout.lengths is not None and firing.layout.lengths is None:
        firing = replace(firing, layout=layout, words=firing.words & layout.valid)
    if layout.lengths is not None and inventory.layout.lengths is None:
        inventory = replace(inventory, layout=layout, words=inventory.words & layout.valid)
    return firing, inventory
