"""The rows that probes are fitted to: inputs, or positions of inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from aitia.core import Decision
from aitia.networks._activations import Activations
from aitia.networks._errors import ActivationError, ProbeError

_BLOCK = 1 << 22  # numbers in a block that is read at once


@dataclass(frozen=True, eq=False)
class Rows:
    """Which rows there are.

    Args:
        inputs: how many inputs.
        positions: () where a row is an input; the positions of an input where each of them is a row.
        lengths: how many positions each input has; None for all.
    """

    inputs: int
    positions: tuple[int, ...] = ()
    lengths: np.ndarray | None = field(default=None, repr=False)

    @cached_property
    def kept(self) -> np.ndarray:
        """Which positions of which input are rows, shape (inputs, positions)."""
        size = int(np.prod(self.positions, dtype=int))
        if self.lengths is None or not self.positions:
            return np.ones((self.inputs, size), dtype=bool)
        return np.arange(size) < self.lengths[:, None]

    @cached_property
    def input_of(self) -> np.ndarray:
        """The input of each row."""
        return np.repeat(np.arange(self.inputs), self.kept.sum(axis=1))

    def __len__(self) -> int:
        return int(self.kept.sum())

    def flat(self, values: np.ndarray, what: str) -> np.ndarray:
        """One value a row, from one for each input or for each position of each input.

        Raises:
            ProbeError: the values have another shape.
        """
        if values.shape == (self.inputs,):
            return values[self.input_of]
        if values.shape != (self.inputs, *self.positions):
            raise ProbeError(
                f"{what} has shape {values.shape}; rows are {self.inputs:,} inputs"
                + (f" of positions {self.positions}." if self.positions else "."),
                "Give one value for each input, or for each position of each input.",
            )
        return values.reshape(self.inputs, -1)[self.kept]


@dataclass(frozen=True, eq=False)
class LayerRows:
    """A layer's activations, row by row.

    Args:
        name: the layer.
        activations: what its units did.
        rows: which rows.
    """

    name: str
    activations: Activations
    rows: Rows

    @property
    def units(self) -> int:
        """How many units."""
        return len(self.activations.units)

    def blocks(self) -> Iterator[np.ndarray]:
        """Float64 blocks of shape (rows, units), in order; positions are averaged where a row is an input."""
        given = self.activations
        step = max(1, _BLOCK // max(1, given.values[0].size))
        for start in range(0, given.inputs, step):
            block = np.asarray(given.values[start : start + step], dtype=np.float64)
            if self.rows.positions:
                apart = np.moveaxis(block.reshape(*block.shape[:2], -1), 1, 2)
                yield np.ascontiguousarray(apart[self.rows.kept[start : start + step]])
            elif block.ndim == 2:
                yield block
            else:
                flat = block.reshape(*block.shape[:2], -1)
                if given.lengths is None:
                    yield flat.mean(axis=2)
                else:
                    lengths = given.lengths[start : start + step]
                    inside = np.arange(flat.shape[2]) < lengths[:, None]
                    # What stands behind the end of a sequence may be anything, also no number.
                    summed = np.where(inside[:, None], flat, 0.0).sum(axis=2)
                    yield summed / np.maximum(lengths, 1)[:, None]

    def whole(self) -> np.ndarray:
        """All rows at once.

        Raises:
            ActivationError: an activation is not a finite number.
        """
        values = np.concatenate(list(self.blocks()))
        if not np.isfinite(values).all():
            row, unit = np.argwhere(~np.isfinite(values))[0]
            raise not_finite(self, int(row), int(unit), float(values[row, unit]))
        return values


def not_finite(layer: LayerRows, row: int, unit: int, value: float) -> ActivationError:
    """The error of an activation that is no number."""
    return ActivationError(
        f"Unit {layer.activations.units[unit]} of {layer.name or 'the layer'} is {value} at input "
        f"{int(layer.rows.input_of[row]):,}.",
        "Leave that input or unit out, or find out where the model loses its numbers.",
    )


def layers_of(
    given: Activations | np.ndarray | Mapping[str, Activations | np.ndarray],
) -> dict[str, Activations]:
    """Layers by name, of equally many inputs.

    Raises:
        ActivationError: no layer, or layers of different inputs.
    """
    if isinstance(given, Mapping):
        layers = {str(name): _as_activations(each, str(name)) for name, each in given.items()}
    else:
        single = _as_activations(given, "")
        layers = {single.layer or "layer": single}
    if not layers:
        raise ActivationError("There is no layer to probe.", "Record one: record(model, layer, inputs).")
    counts = {each.inputs for each in layers.values()}
    if len(counts) > 1:
        raise ActivationError(
            "Layers have different inputs: "
            + ", ".join(f"{name} {each.inputs:,}" for name, each in layers.items())
            + ".",
            "Record all layers at the same inputs.",
        )
    return layers


def _as_activations(given: Activations | np.ndarray, name: str) -> Activations:
    return given if isinstance(given, Activations) else Activations(np.asarray(given), name)


def rows_of(
    layers: Mapping[str, Activations], arrays: Mapping[str, np.ndarray]
) -> tuple[Rows, tuple[Decision, ...]]:
    """Which rows: positions where a target is given at positions, else inputs.

    Raises:
        ProbeError: a target at positions that a layer does not have.
    """
    first = next(iter(layers.values()))
    shapes = {values.shape[1:] for values in arrays.values() if values.ndim > 1}
    if not shapes:
        averaged = [name for name, each in layers.items() if each.positions]
        decision = Decision(
            f"averaged each unit over the positions of an input in {', '.join(averaged)}",
            "targets are of inputs",
        )
        return Rows(first.inputs), (decision,) if averaged else ()
    for name, each in layers.items():
        if shapes != {each.positions}:
            raise ProbeError(
                f"Targets are given at positions {sorted(shapes)}, and {name} has positions {each.positions}.",
                "Give targets for inputs, or record the activations at the positions of the targets.",
            )
    lengths = next((each.lengths for each in layers.values() if each.lengths is not None), None)
    return Rows(first.inputs, first.positions, lengths), ()
