"""What can be done to a unit: ablate it, set it, scale it, or patch it from another input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, final

import numpy as np

from aitia.networks._errors import LayerError, NetworkError
from aitia.networks.recording._rows import matched


class Arrays(Protocol):
    """The few things that arrays of NumPy and tensors of PyTorch do under different names."""

    def like(self, values: np.ndarray, other: Any) -> Any:
        """Values as an array of the other's kind, type and device."""
        ...

    def where(self, mask: np.ndarray, values: Any, otherwise: Any) -> Any:
        """Elementwise choice."""
        ...


class NumpyArrays:
    """`Arrays` of NumPy."""

    def like(self, values: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Values of the other's type."""
        return np.asarray(values, dtype=other.dtype)

    def where(self, mask: np.ndarray, values: Any, otherwise: np.ndarray) -> np.ndarray:
        """Elementwise choice."""
        return np.where(mask, values, otherwise)


class Action(ABC):
    """What is done to a unit. Actions are plain data; `intervene` and the effects apply them.

    The author of a new one writes `_new`, and `needs` and `_source` where it takes values from other inputs.
    """

    where: np.ndarray | None

    @property
    def needs(self) -> Any:
        """Inputs at which the layer must be recorded first; None where none."""
        return None

    def source(self, recorded: np.ndarray) -> np.ndarray:
        """What is kept of the unit's values at those inputs: from shape (inputs, *positions)."""
        return recorded

    @abstractmethod
    def _new(self, old: Any, source: np.ndarray | None, arrays: Arrays) -> Any:
        """The unit's new values, for values of shape (rows, *positions): of that shape, or one that broadcasts."""


@dataclass(frozen=True)
class Change:
    """An action on a unit, ready to be applied.

    Args:
        unit: the unit's number.
        action: what is done to it.
        sources: for actions that take values from other inputs: those values, one array for each call of the layer.
    """

    unit: int
    action: Action
    sources: tuple[np.ndarray, ...] = ()


def apply(values: Any, changes: Sequence[Change], call: int, arrays: Arrays) -> None:
    """Makes changes in place to a layer's values of shape (rows, units, *positions)."""
    for change in changes:
        if not -1 < change.unit < values.shape[1]:
            raise no_unit(change.unit, values.shape[1])
        old = values[:, change.unit]
        source = None
        if change.sources:
            if call >= len(change.sources):
                raise NetworkError(
                    f"The layer is called more than {len(change.sources)} times, which is how often it was called at "
                    "the inputs that values are taken from.",
                    "Name the call: Layer(name, call=0).",
                )
            source = matched(change.sources[call], len(old), "What is patched in")
            if source.ndim != old.ndim or source.shape[1:] != tuple(old.shape[1:]):
                raise NetworkError(
                    f"The unit has positions {tuple(old.shape[1:])} here, but {source.shape[1:]} at the inputs that "
                    "values are taken from.",
                    "Give inputs of the same size (sequences: padded to the same length).",
                )
        new = change.action._new(old, source, arrays)
        if change.action.where is not None:
            new = arrays.where(_positions(change.action.where, old), new, old)
        values[:, change.unit] = new


def _positions(where: np.ndarray, old: Any) -> np.ndarray:
    positions = tuple(old.shape[1:])
    where = np.asarray(where)
    if where.dtype != bool or (where.shape != positions and where.shape[1:] != positions):
        raise NetworkError(
            f"Where to intervene must be booleans of the unit's positions {positions}, or of these for each input; "
            f"came {where.dtype} of shape {where.shape}.",
            "Make a mask of the layer's own height and width (or tokens).",
        )
    return where[None] if where.shape == positions else matched(where, len(old), "Where to intervene")


def _check_finite(value: Any, word: str, example: str) -> None:
    values = np.asarray(value)
    if values.dtype.kind not in "fiub" or not np.isfinite(values).all():
        came = repr(value) if values.ndim == 0 else f"{values.dtype} of shape {values.shape}"
        raise NetworkError(f"A {word} must be finite numbers; came {came}.", f"Write {example}.")


def no_unit(unit: int, units: int) -> LayerError:
    """The error for a unit that a layer does not have."""
    return LayerError(
        f"There is no unit {unit}: the layer has {units}, 0 to {units - 1}.", "Choose one of these numbers."
    )


@final
@dataclass(frozen=True, eq=False)
class SetTo(Action):
    """Sets the unit to a value; `set_to` and `ablate` make it."""

    value: float | np.ndarray
    where: np.ndarray | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        _check_finite(self.value, "value", "set_to(0.0)")

    def _new(self, old: Any, source: np.ndarray | None, arrays: Arrays) -> Any:
        values = np.asarray(self.value)
        if values.ndim == 0:
            return arrays.like(values, old)
        values = matched(values, len(old), "The value set")
        if values.ndim > 1 and values.shape[1:] != tuple(old.shape[1:]):
            raise NetworkError(
                f"A value of shape {values.shape[1:]} for each input does not fit the unit's positions "
                f"{tuple(old.shape[1:])}.",
                "Give a number, one for each input, or one for each position of each input.",
            )
        return arrays.like(values.reshape(values.shape + (1,) * (old.ndim - values.ndim)), old)


@final
@dataclass(frozen=True, eq=False)
class Scale(Action):
    """Multiplies the unit's values; `scale` makes it."""

    factor: float
    where: np.ndarray | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        _check_finite(self.factor, "factor", "scale(0.5)")
        if np.ndim(self.factor):
            raise NetworkError(
                f"A factor is one number; came one of shape {np.shape(self.factor)}.", "Give scale(0.5)."
            )

    def _new(self, old: Any, source: np.ndarray | None, arrays: Arrays) -> Any:
        return old * self.factor


@final
@dataclass(frozen=True, eq=False)
class PatchFrom(Action):
    """Gives the unit the values it has at other inputs; `patch_from` makes it."""

    inputs: Any = field(repr=False)
    where: np.ndarray | None = field(default=None, repr=False)

    @property
    def needs(self) -> Any:
        """The other inputs."""
        return self.inputs

    def _new(self, old: Any, source: np.ndarray | None, arrays: Arrays) -> Any:
        assert source is not None
        return arrays.like(source, old)


@final
@dataclass(frozen=True, eq=False)
class MeanAblate(Action):
    """Sets the unit to its mean over inputs; `mean_ablate` makes it."""

    inputs: Any = field(repr=False)
    each_position: bool = False
    where: np.ndarray | None = field(default=None, repr=False)

    @property
    def needs(self) -> Any:
        """The inputs the mean is taken over."""
        return self.inputs

    def source(self, recorded: np.ndarray) -> np.ndarray:
        """The mean, over inputs or over inputs and positions, accumulated in double precision."""
        axes = 0 if self.each_position else tuple(range(recorded.ndim))
        mean = recorded.mean(axis=axes, dtype=np.float64, keepdims=True)
        return np.broadcast_to(mean, (1, *recorded.shape[1:]))

    def _new(self, old: Any, source: np.ndarray | None, arrays: Arrays) -> Any:
        assert source is not None
        return arrays.like(source, old)


def ablate(where: np.ndarray | None = None) -> Action:
    """Sets the unit to 0.

    Args:
        where: booleans of the unit's positions, shape (*positions) or (inputs, *positions); None for all.
    """
    return SetTo(0.0, where)


def set_to(value: float | np.ndarray, where: np.ndarray | None = None) -> Action:
    """Sets the unit to a value.

    Args:
        value: a number, or an array of one for each input, shape (inputs,) or (inputs, *positions).
        where: booleans of the unit's positions, shape (*positions) or (inputs, *positions); None for all.

    Raises:
        NetworkError: a value that is no finite number.
    """
    return SetTo(value, where)


def scale(factor: float, where: np.ndarray | None = None) -> Action:
    """Multiplies the unit's values by a factor.

    Args:
        factor: the factor; 1 changes nothing.
        where: booleans of the unit's positions, shape (*positions) or (inputs, *positions); None for all.

    Raises:
        NetworkError: a factor that is no finite number.
    """
    return Scale(factor, where)


def patch_from(other_input: Any, where: np.ndarray | None = None) -> Action:
    """Gives the unit the values it has at another input (activation patching; Vig et al. 2020).

    The values are recorded when the intervention begins, in the model as it stands then.

    Args:
        other_input: inputs as `record` takes them: one, which serves all, or one for each input of the model.
        where: booleans of the unit's positions, shape (*positions) or (inputs, *positions); None for all.
    """
    return PatchFrom(other_input, where)


def mean_ablate(inputs: Any, *, each_position: bool = False, where: np.ndarray | None = None) -> Action:
    """Sets the unit to its mean over given inputs.

    Args:
        inputs: the inputs the mean is taken over, as `record` takes them.
        each_position: whether each position keeps its own mean over inputs; otherwise one mean over inputs and
            positions serves all.
        where: booleans of the unit's positions, shape (*positions) or (inputs, *positions); None for all.
    """
    return MeanAblate(inputs, each_position, where)
