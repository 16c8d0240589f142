"""What probes look for: numbers or classes, one for each row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aitia.core import Decision, listing
from aitia.networks._errors import ProbeError
from aitia.networks.concepts._inventory import Inventory


@dataclass(frozen=True, eq=False)
class Target:
    """A property of the rows that a layer is probed for.

    Args:
        name: the property's name.
        values: floats of shape (rows,) for numbers; codes 0, 1, ... of classes.
        classes: the classes' names; () for numbers.
    """

    name: str
    values: np.ndarray = field(repr=False)
    classes: tuple[Any, ...] = ()

    @property
    def columns(self) -> np.ndarray:
        """What least squares is fitted to, shape (rows, columns): numbers, 0 and 1 of two classes, or one column a
        class."""
        if len(self.classes) > 2:
            return (self.values[:, None] == np.arange(len(self.classes))).astype(float)
        return self.values.astype(float)[:, None]

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.classes) if len(self.classes) > 2 else 1

    @property
    def chance(self) -> float:
        """What is reached without looking at the layer: the share of the largest class; 0 (the R^2) for numbers."""
        return float(np.bincount(self.values).max() / len(self.values)) if self.classes else 0.0


def targets_of(given: Any, inputs: int) -> tuple[dict[str, np.ndarray], tuple[Decision, ...], bool]:
    """The targets as arrays of shape (inputs,) or (inputs, *positions), by name.

    Returns:
        The arrays, what was decided, and whether rare targets may be set aside (those of an inventory).

    Raises:
        ProbeError: they are of other inputs, or none.
    """
    if isinstance(given, Inventory):
        masks = given.layout.unpack(np.asarray(given.words))
        arrays: dict[str, Any] = dict(zip(given.names, masks, strict=True))
    elif isinstance(given, Mapping) or hasattr(given, "columns"):
        arrays = {
            str(name): np.asarray(given[name])
            for name in (given if isinstance(given, Mapping) else given.columns)
        }
    else:
        values = np.asarray(given)
        if values.ndim == 2:
            arrays = {f"target {place}": column for place, column in enumerate(values.T)}
        else:
            arrays = {"target": values}
    if not arrays:
        raise ProbeError(
            "There is no target to probe for.", "Give an inventory, a column, or columns by name."
        )
    for name, values in arrays.items():
        if values.ndim < 1 or len(values) != inputs:
            raise ProbeError(
                f"The target {name!r} has shape {values.shape} for activations of {inputs:,} inputs.",
                "Give one value for each input, in the order of the activations.",
            )
    decisions = given.decisions if isinstance(given, Inventory) else ()
    return arrays, decisions, isinstance(given, Inventory)


def read(name: str, values: np.ndarray) -> Target:
    """One target from its values: booleans, integers and text are classes, floats are numbers.

    Raises:
        ProbeError: values that are missing or not finite, or all the same.
    """
    if values.dtype.kind == "f":
        bad = ~np.isfinite(values)
        if bad.any():
            raise ProbeError(
                f"The target {name!r} is {values[np.argmax(bad)]} at row {int(np.argmax(bad)):,} (and at {bad.sum():,} "
                "rows in all).",
                "Leave those inputs out of the activations and of the targets.",
            )
        numbers = values.astype(float)
        if np.ptp(numbers) <= 4 * np.finfo(float).eps * np.abs(numbers).max():
            raise constant(name, numbers[0])
        return Target(name, numbers)
    if values.dtype.kind == "O" and any(each is None or each != each for each in values):
        at = next(place for place, each in enumerate(values) if each is None or each != each)
        raise ProbeError(
            f"The target {name!r} has no class at row {at:,}.",
            "Leave that input out, or give it a class of its own.",
        )
    if values.dtype.kind not in "OUSbiu":
        raise ProbeError(
            f"The target {name!r} is of type {values.dtype}.",
            "Give floats (numbers), or integers, booleans or text.",
        )
    try:
        classes, codes = np.unique(values, return_inverse=True)
    except TypeError as error:
        raise ProbeError(
            f"The classes of the target {name!r} are of several types.", "Write them all as text."
        ) from error
    if len(classes) < 2:
        raise constant(name, classes[0])
    return Target(name, codes.reshape(-1).astype(np.int64), tuple(classes.tolist()))


def constant(name: str, value: Any) -> ProbeError:
    """The error of a target that does not vary."""
    value = value.item() if isinstance(value, np.generic) else value
    return ProbeError(
        f"The target {name!r} is {value!r} at every input: there is nothing to predict.",
        "Leave it out, or give inputs at which it varies.",
    )


def inputs_of_classes(target: Target, row_input: np.ndarray, inputs: int) -> np.ndarray:
    """At which inputs each class is, booleans of shape (classes, inputs).

    Args:
        target: the target.
        row_input: the input of each row.
        inputs: how many there are.
    """
    at = np.zeros((len(target.classes), inputs), dtype=bool)
    if target.classes:
        at[target.values, row_input] = True
    return at


def check_members(target: Target, least: int, row_input: np.ndarray) -> None:
    """Raises a ProbeError where a class is at fewer inputs than there are folds."""
    counts = inputs_of_classes(target, row_input, int(row_input.max()) + 1).sum(axis=1)
    for label, count in zip(target.classes, counts, strict=True):
        if count < least:
            raise ProbeError(
                f"The class {label!r} of the target {target.name!r} is at {count} inputs, fewer than the {least} "
                "folds.",
                "Give more inputs or fewer folds, join rare classes, or give floats where the target is a number.",
            )


def readable(
    arrays: dict[str, np.ndarray], least: int, row_input: np.ndarray, lenient: bool
) -> tuple[list[Target], tuple[Decision, ...]]:
    """All targets; those that cannot be probed for are named in a decision where `lenient`, else an error.

    Args:
        arrays: values by name, shape (rows,).
        least: how many inputs each class must be at.
        row_input: the input of each row.
        lenient: whether they may be set aside.

    Raises:
        ProbeError: a target that cannot be probed for, or none that can.
    """
    targets, aside = [], []
    for name, values in arrays.items():
        try:
            target = read(name, values)
            check_members(target, least, row_input)
        except ProbeError:
            if not lenient:
                raise
            aside.append(name)
        else:
            targets.append(target)
    if not targets:
        raise ProbeError(
            f"None of the {len(arrays):,} concepts is at {least} inputs and absent from {least}, one for each fold.",
            "Give more inputs, or other concepts.",
        )
    if not aside:
        return targets, ()
    what = f"set aside {len(aside):,} of {len(arrays):,} concepts: {listing(aside)}"
    return targets, (Decision(what, f"they are at fewer than {least} inputs, or absent from fewer"),)
