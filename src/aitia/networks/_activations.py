"""What a layer's units did at each input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from aitia.core import Decision
from aitia.networks._errors import ActivationError


@dataclass(frozen=True, eq=False)
class Activations:
    """The values of a layer's units at every input, or at every position of every input.

    Args:
        values: floats of shape (inputs, units, *positions): (inputs, units) for vectors, (inputs, units, height,
            width) for maps, (inputs, units, tokens) for sequences; may be memory-mapped.
        layer: the layer's name, in words.
        units: each unit's number in its layer; None for 0, 1, ...
        lengths: for sequences of different length, how many positions each input has, shape (inputs,).
        decisions: what was decided when they were recorded.

    Raises:
        ActivationError: not an array of numbers with at least one input and one unit, or two units of one number.
    """

    values: np.ndarray = field(repr=False)
    layer: str = ""
    units: tuple[int, ...] = ()
    lengths: np.ndarray | None = field(default=None, repr=False)
    decisions: tuple[Decision, ...] = ()

    def __post_init__(self) -> None:
        if self.values.ndim < 2 or 0 in self.values.shape or self.values.dtype.kind not in "fiub":
            raise ActivationError(
                f"Activations must be numbers of shape (inputs, units, ...); came {self.values.dtype} of shape "
                f"{self.values.shape}.",
                "Give one row for each input and one column for each unit.",
            )
        if not self.units:
            object.__setattr__(self, "units", tuple(range(self.values.shape[1])))
        if len(self.units) != self.values.shape[1]:
            raise ActivationError(
                f"{len(self.units)} numbers of units for {self.values.shape[1]} units.",
                "Give one number for each unit, or none.",
            )
        if len(set(self.units)) < len(self.units):
            twice = next(unit for place, unit in enumerate(self.units) if unit in self.units[:place])
            raise ActivationError(
                f"Two units have the number {twice}.", "Give each unit its own number, or none."
            )

    @property
    def inputs(self) -> int:
        """How many inputs."""
        return self.values.shape[0]

    @property
    def positions(self) -> tuple[int, ...]:
        """The positions of one input: () where a unit has one value for each input."""
        return self.values.shape[2:]

    def only(self, units: Sequence[int]) -> Activations:
        """Some of the units, by their numbers."""
        missing = [unit for unit in units if unit not in self.units]
        if missing:
            raise ActivationError(
                f"There is no unit {missing[0]} in {self.layer or 'the layer'}.",
                f"It has {len(self.units)} units, {self.units[0]} to {self.units[-1]}.",
            )
        at = [self.units.index(unit) for unit in units]
        return Activations(self.values[:, at], self.layer, tuple(units), self.lengths, self.decisions)
