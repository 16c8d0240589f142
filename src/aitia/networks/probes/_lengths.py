"""Description lengths as they are handed over: bits by layer and target."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from aitia.core import Decision

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class DescriptionLength:
    """How many bits the values of a target take, given a layer.

    Args:
        layer: the layer.
        target: the target.
        rows: how many rows were coded.
        values: how many values are told apart: classes, or steps of `precision` from the lowest number to the highest.
        bits: the code's length, the mean over orders of the rows.
        portions: after how many rows the probe was fitted anew; the last is all.
        by_portion: the bits of each portion, the first one's coded without a probe.
        without_layer: the bits of the same code for someone who does not see the layer.
        control: the mean bits of its control tasks, where there are any.
        precision: of numbers; None for classes.
    """

    layer: str
    target: str
    rows: int
    values: int
    bits: float
    portions: tuple[int, ...] = field(repr=False)
    by_portion: np.ndarray = field(repr=False)
    without_layer: float
    control: float | None = None
    precision: float | None = None

    @property
    def uniform_bits(self) -> float:
        """The length of the code that gives all values the same probability: rows log2(values)."""
        return float(self.rows * np.log2(self.values))

    @property
    def compression(self) -> float:
        """How many times shorter than the uniform code it is."""
        return self.uniform_bits / self.bits

    @property
    def saved(self) -> float:
        """How many bits the layer saves: of numbers at all but the coarsest precisions the same."""
        return self.without_layer - self.bits

    @property
    def control_compression(self) -> float | None:
        """The compression of the control tasks; None where there are none."""
        return None if self.control is None else self.uniform_bits / self.control

    @property
    def sentence(self) -> str:
        """It in a sentence."""
        beside = (
            f"; {'the classes of ' if self.precision is None else ''}control tasks take {self.control:,.0f}"
            if self.control is not None
            else ""
        )
        of = "" if self.precision is None else f" to a precision of {self.precision:.3g}"
        return (
            f"Given {self.layer}, the {self.rows:,} values of {self.target}{of} take {self.bits:,.0f} bits, "
            f"{self.compression:.2f} times fewer than the {self.uniform_bits:,.0f} of a uniform code; without the "
            f"layer they take {self.without_layer:,.0f}{beside}."
        )


@dataclass(frozen=True, eq=False)
class DescriptionLengths:
    """What `description_length` found, one for each layer and target.

    Args:
        lengths: layer by layer, in each target by target.
        method: the kind of probe.
        decisions: what was decided on the person's behalf.
    """

    lengths: tuple[DescriptionLength, ...] = field(repr=False)
    method: str
    decisions: tuple[Decision, ...] = ()

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[DescriptionLength]:
        return iter(self.lengths)

    def __getitem__(self, place: int) -> DescriptionLength:
        return self.lengths[place]

    @property
    def sentence(self) -> str:
        """All of them in a sentence."""
        if len(self) == 1:
            return self.lengths[0].sentence
        best = max(self.lengths, key=lambda each: each.compression)
        return (
            f"Description lengths of {len(self)} layers and targets by online coding with a {self.method}. The highest "
            f"compression is {best.compression:.2f}, of {best.target} given {best.layer}."
        )

    def table(self) -> pd.DataFrame:
        """One row for each layer and target."""
        import pandas as pd

        return pd.DataFrame([dict(zip(_HEADS, _cells(each), strict=True)) for each in self.lengths])

    def __repr__(self) -> str:
        rows = [_HEADS, *(tuple(map(_text, _cells(each))) for each in self.lengths)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(w) if at < 2 else cell.rjust(w)
                for at, (cell, w) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        return "\n".join([self.sentence, *(f"  {line}" for line in lines)])

    def _repr_html_(self) -> str:
        heads = "".join(f"<th>{each}</th>" for each in _HEADS)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(_text(cell))}</td>" for cell in _cells(each)) + "</tr>"
            for each in self.lengths
        )
        return f"<p>{html.escape(self.sentence)}</p><table><tr>{heads}</tr>{body}</table>"


_HEADS = ("layer", "target", "bits", "uniform", "without", "compression", "control")


def _cells(each: DescriptionLength) -> tuple[Any, ...]:
    return (
        each.layer,
        each.target,
        each.bits,
        each.uniform_bits,
        each.without_layer,
        each.compression,
        each.control_compression,
    )


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else f"{cell:,.0f}" if cell >= 100 else f"{cell:.2f}"
