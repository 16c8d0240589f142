"""How a formula's mask lies on the masks of units."""

from __future__ import annotations

from aitia.networks._explanation import Overlap
from aitia.networks._firing import Firing
from aitia.networks._fitted import shared_layout
from aitia.networks._layout import counted
from aitia.networks.concepts._inventory import Inventory
from aitia.networks.formulas._formula import Formula


def overlap_of(formula: Formula, inventory: Inventory, firing: Firing) -> tuple[Overlap, ...]:
    """How a formula lies on each unit's mask: the counts that all scores of masks are made of.

    An `Overlap` gives intersection over union, precision, recall and detection accuracy. The formula's mask is made
    once, for all units.

    Args:
        formula: the formula.
        inventory: the concepts it names.
        firing: the units' masks, over the same inputs and positions.

    Returns:
        One for each mask of `firing`, in their order.

    Raises:
        ConceptError: the formula names a concept that is not in the inventory, or masks of units and of concepts are
            over different inputs or positions.

    Example:
        >>> import numpy as np
        >>> from aitia.networks import Above, Activations, Inventory, overlap_of, parse
        >>> inventory = Inventory.from_masks(np.array([[1, 1, 0, 0], [0, 1, 1, 0]]) == 1, ["water", "boat"])
        >>> firing = Above().fire(Activations(np.array([[1.0], [-1.0], [-1.0], [-1.0]])))
        >>> overlap_of(parse("water AND NOT boat"), inventory, firing)[0].intersection_over_union
        1.0
        >>> overlap_of(parse("water"), inventory, firing)[0].precision
        0.5
    """
    layout = shared_layout(firing.layout, inventory.layout)
    mask = inventory.mask_of(formula, packed=True) & layout.valid
    words = firing.words if layout.lengths is firing.layout.lengths else firing.words & layout.valid
    holds = int(counted(mask))
    return tuple(
        Overlap(int(counted(mask & each)), holds, int(size), layout.total)
        for each, size in zip(words, counted(words), strict=True)
    )
