"""Where the bits of a mask stand: inputs, positions of an input, and 64 of them a word."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from aitia.networks._errors import ConceptError

WORD = 64


@dataclass(frozen=True, eq=False)
class Layout:
    """Which bit of a packed mask stands for which position of which input.

    A mask says of each position of each input whether something holds there: a concept is present, a unit fires.
    Sixty-four positions share a word, the first in its lowest bit. Where an input is one position, inputs follow
    each other without gaps; where it has several (pixels, tokens), each input begins a new word, so that inputs can
    be drawn, shifted and streamed as whole words. Bits that stand for nothing are zero in every mask.

    Args:
        inputs: how many inputs.
        shape: the positions of one input: () for one, (tokens,), (height, width).
        lengths: for inputs of different length (token sequences), how many positions each one has, shape (inputs,);
            None where all have all of them. Only for one-dimensional shapes.

    Raises:
        ConceptError: no inputs, or lengths that do not fit the shape.

    Example:
        >>> import numpy as np
        >>> from aitia.networks import Layout
        >>> layout = Layout(3)
        >>> layout.pack(np.array([True, False, True]))
        array([5], dtype=uint64)
        >>> layout.unpack(np.array([5], dtype=np.uint64))
        array([ True, False,  True])
    """

    inputs: int
    shape: tuple[int, ...] = ()
    lengths: np.ndarray | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.inputs < 1 or any(size < 1 for size in self.shape):
            raise ConceptError(
                f"Masks need at least one input and one position; came {self.inputs} inputs of shape {self.shape}.",
                "Check that the inputs were read.",
            )
        if self.lengths is None:
            return
        if len(self.shape) != 1 or self.lengths.shape != (self.inputs,):
            raise ConceptError(
                f"Lengths of inputs are for one-dimensional inputs, one for each of the {self.inputs:,}; came shape "
                f"{self.lengths.shape} for inputs of shape {self.shape}.",
                "Give one length for each input, or None.",
            )
        if self.lengths.dtype.kind not in "iu":
            raise ConceptError(
                f"Lengths of inputs are whole numbers; came {self.lengths.dtype}.",
                "Give how many positions each input has, as integers.",
            )
        outside = (self.lengths < 0) | (self.lengths > self.shape[0])
        if outside.any():
            first = int(np.argmax(outside))
            raise ConceptError(
                f"Input {first} has length {self.lengths[first]}, but inputs have {self.shape[0]} positions.",
                "Cut the input, or pad all inputs to the longest.",
            )

    @property
    def positions(self) -> int:
        """How many positions an input has."""
        return math.prod(self.shape)

    @property
    def words_per_input(self) -> int:
        """How many words an input takes; 0 where inputs share words."""
        return -(-self.positions // WORD) if self.shape else 0

    @property
    def words(self) -> int:
        """How many words a mask takes."""
        return self.inputs * self.words_per_input if self.shape else -(-self.inputs // WORD)

    @cached_property
    def valid(self) -> np.ndarray:
        """The mask of all that exists: uint64, shape (words,)."""
        if self.lengths is None:
            return self.pack(np.ones((self.inputs, *self.shape), dtype=bool))
        return self.pack(np.arange(self.shape[0]) < self.lengths[:, None])

    @cached_property
    def total(self) -> int:
        """How many positions exist in all inputs together."""
        return self.inputs * self.positions if self.lengths is None else int(self.lengths.sum())

    def pack(self, masks: np.ndarray) -> np.ndarray:
        """Masks as words.

        Args:
            masks: booleans, shape (..., inputs, *shape).

        Returns:
            uint64, shape (..., words).

        Raises:
            ConceptError: the masks do not have this shape.
        """
        masks = np.asarray(masks)
        expected = (self.inputs, *self.shape)
        if masks.shape[masks.ndim - len(expected) :] != expected or masks.dtype != bool:
            raise ConceptError(
                f"Masks must be booleans of shape (..., {', '.join(map(str, expected))}); came {masks.dtype} of shape "
                f"{masks.shape}.",
                "Give one value for each input and position.",
            )
        leading = masks.shape[: masks.ndim - len(expected)]
        rows = masks.reshape(*leading, self.inputs, self.positions) if self.shape else masks
        size = rows.shape[-1]
        bits = np.packbits(rows, axis=-1, bitorder="little")
        padded = np.zeros((*bits.shape[:-1], 8 * -(-size // WORD)), dtype=np.uint8)
        padded[..., : bits.shape[-1]] = bits
        return padded.view("<u8").astype(np.uint64, copy=False).reshape(*leading, self.words)

    def unpack(self, words: np.ndarray) -> np.ndarray:
        """Words as masks: from shape (..., words) to booleans of shape (..., inputs, *shape)."""
        words = np.ascontiguousarray(words, dtype="<u8")
        leading = words.shape[:-1]
        if not self.shape:
            bits = np.unpackbits(words.view(np.uint8), axis=-1, bitorder="little", count=self.inputs)
            return bits.astype(bool)
        words = words.reshape(*leading, self.inputs, self.words_per_input)
        bits = np.unpackbits(words.view(np.uint8), axis=-1, bitorder="little", count=self.positions)
        return bits.astype(bool).reshape(*leading, self.inputs, *self.shape)

    def of_inputs(self, words: np.ndarray, chosen: np.ndarray) -> tuple[Layout, np.ndarray]:
        """The masks over some of the inputs, in the order given, with repetition.

        Args:
            words: shape (..., words).
            chosen: positions of inputs, shape (count,).

        Returns:
            The layout of those inputs, and their words.
        """
        chosen = np.asarray(chosen)
        lengths = None if self.lengths is None else self.lengths[chosen]
        layout = Layout(len(chosen), self.shape, lengths)
        if not self.shape:
            return layout, layout.pack(self.unpack(words)[..., chosen])
        leading = words.shape[:-1]
        apart = words.reshape(*leading, self.inputs, self.words_per_input)
        return layout, apart[..., chosen, :].reshape(*leading, layout.words)


def counted(words: np.ndarray) -> np.ndarray:
    """How many bits are set: from shape (..., words) to int64 of shape (...)."""
    return np.bitwise_count(words).sum(axis=-1, dtype=np.int64)
