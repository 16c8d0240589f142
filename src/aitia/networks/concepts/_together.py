"""Inventories put together, and concepts with their nearest ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from aitia.core import Decision, either, many
from aitia.networks._errors import ConceptError
from aitia.networks.concepts._gathered import under_each_other
from aitia.networks.concepts._inventory import Inventory


def join(*inventories: Inventory) -> Inventory:
    """The concepts of several inventories of the same inputs, in the order given. Masks in files stay there.

    Raises:
        ConceptError: none are given, they are about different inputs or positions, or two have a concept of one name.

    Example:
        >>> from aitia.networks import Inventory
        >>> from aitia.networks.concepts import join
        >>> one = Inventory.from_masks(np.ones((1, 3), dtype=bool), ["water"])
        >>> join(one, Inventory.from_masks(np.zeros((1, 3), dtype=bool), ["boat"])).names
        ('water', 'boat')
    """
    if not inventories:
        raise ConceptError("No inventories were given.", "Give two or more.")
    first = inventories[0]
    for each in inventories[1:]:
        ours, theirs = first.layout, each.layout
        lengths = [np.asarray(layout.lengths) for layout in (ours, theirs) if layout.lengths is not None]
        if (ours.inputs, ours.shape) != (theirs.inputs, theirs.shape) or (
            lengths and (len(lengths) == 1 or not np.array_equal(lengths[0], lengths[1]))
        ):
            raise ConceptError(
                f"One inventory is about {ours.inputs:,} inputs of shape {ours.shape}, another about "
                f"{theirs.inputs:,} of shape {theirs.shape}.",
                "Join inventories of the same inputs and positions.",
            )
    return Inventory(
        first.layout,
        tuple(name for each in inventories for name in each.names),
        under_each_other([each.words for each in inventories]),
        tuple(category for each in inventories for category in each.categories),
        {name: above for each in inventories for name, above in each.parents.items()},
        {name: near for each in inventories for name, near in each.neighbors.items()},
        tuple(decision for each in inventories for decision in each.decisions),
    )


def with_neighbors(
    inventory: Inventory,
    vectors: Mapping[str, np.ndarray],
    *,
    k: int = 5,
    key: Callable[[str], str] | None = None,
) -> Inventory:
    """The inventory with each concept's k nearest by cosine, which NEIGHBORS joins.

    Concepts are neighbours within their category only ("dog in premise" is none of "cat in hypothesis"). Concepts
    without a vector have none; equally near ones stand in the inventory's order.

    Args:
        inventory: the concepts.
        vectors: the embedding: a vector for each word.
        k: how many neighbours.
        key: the word of a concept; None for its own name, or what stands above it where `from_texts` made it.

    Raises:
        ConceptError: no concept has a vector, vectors of different length or that are not finite, or fewer than one
            neighbour.

    Example:
        >>> from aitia.networks import Inventory
        >>> from aitia.networks.concepts import with_neighbors
        >>> inventory = Inventory.from_masks(np.eye(3, dtype=bool), ["cat", "dog", "car"])
        >>> vectors = {"cat": np.array([1.0, 0.1]), "dog": np.array([1.0, 0.2]), "car": np.array([0.0, 1.0])}
        >>> with_neighbors(inventory, vectors, k=1).neighbors
        {'cat': ('dog',), 'dog': ('cat',), 'car': ('dog',)}
    """
    if k < 1:
        raise ConceptError(f"Expected one neighbour or more; came k={k}.", "Give k=5.")
    word_of = key or (lambda name: name if name in vectors else inventory.parents.get(name, name))
    words = {name: word_of(name) for name in inventory.names}
    groups: dict[str, list[str]] = {}
    for name, category in zip(inventory.names, inventory.categories, strict=True):
        if words[name] in vectors:
            groups.setdefault(category, []).append(name)
    if not groups:
        raise ConceptError(
            "No concept has a vector.",
            "Give vectors by the concepts' names, or key= for the word of a concept.",
        )
    sizes = {np.shape(vectors[words[name]]) for names in groups.values() for name in names}
    if len(sizes) > 1:
        raise ConceptError(
            f"Vectors have different shapes: {sorted(map(str, sizes))[:3]}.", "Give one embedding."
        )
    neighbors = dict(inventory.neighbors)
    for names in groups.values():
        matrix = np.array([vectors[words[name]] for name in names], dtype=np.float64)
        if not np.isfinite(matrix).all():
            bad = names[int(np.argmin(np.isfinite(matrix).all(axis=1)))]
            raise ConceptError(
                f"The vector of {bad!r} holds a value that is not a finite number.",
                "Leave out its vector: it has no neighbours then.",
            )
        length = np.linalg.norm(matrix, axis=1, keepdims=True)
        matrix = np.divide(matrix, length, out=np.zeros_like(matrix), where=length > 0)
        for row, name in enumerate(names):
            near = matrix @ matrix[row]
            near[row] = -np.inf
            order = np.argsort(-near, kind="stable")[: min(k, len(names) - 1)]
            neighbors[name] = tuple(names[each] for each in order)
    without = len(inventory) - sum(map(len, groups.values()))
    said = (
        (
            Decision(
                f"{without:,} of {many(len(inventory), 'concept')} {either(without, 'has', 'have')} no neighbours",
                f"{either(without, 'it has', 'they have')} no vector",
            ),
        )
        if without
        else ()
    )
    return replace(inventory, neighbors=neighbors, decisions=(*inventory.decisions, *said))
