"""From a column's values to numbers: one encoder a term."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from aitia.data._arrow import absent, index_in, plain
from aitia.data._condition import Condition
from aitia.data._kinds import Column, Storage
from aitia.data._profile import days

Columns = Mapping[str, pa.Array]


class Encoder(ABC):
    """Writes the encoded columns of one term.

    Attributes:
        key: the group the encoded columns belong to, mostly the source column.
        reads: the source columns read.
        names: the encoded names.
        required: True where missing values are never filled and constants never dropped.
    """

    key: str
    reads: tuple[str, ...]
    names: tuple[str, ...]
    required: bool = False

    @abstractmethod
    def write(self, columns: Columns, out: np.ndarray) -> None:
        """Write these rows to `out`, shape (rows, len(names))."""

    def constant(self) -> tuple[bool, ...]:
        """For each encoded column, whether it holds one value only in the rows used."""
        return (False,) * len(self.names)

    def groups(self) -> Mapping[str, tuple[int, ...]]:
        """Group keys to positions among this term's encoded columns."""
        return {self.key: tuple(range(len(self.names)))}


class NumericEncoder(Encoder):
    """A column as it is; null and NaN become `fill`."""

    def __init__(self, column: Column, *, required: bool = False, fill: float = np.nan) -> None:
        self.key = column.name
        self.reads = self.names = (column.name,)
        self.column, self.required, self.fill = column, required, fill
        self.first = 0.0
        if column.storage is Storage.DATE and column.minimum is not None:
            self.first = float(days(pa.array([column.minimum]))[0])

    def write(self, columns: Columns, out: np.ndarray) -> None:
        target = out[:, 0]
        values = columns[self.column.name]
        if self.column.n_missing:
            gone = absent(values)
            if gone.any():
                target[~gone] = self._numbers(values.filter(pa.array(~gone)))
                target[gone] = self.fill
                return
        np.copyto(target, self._numbers(values), casting="unsafe")

    def _numbers(self, values: pa.Array) -> np.ndarray:
        if self.column.storage is Storage.DATE:
            return days(values) - self.first
        values = plain(values)
        if self.column.storage is Storage.TEXT:
            values = values.cast(pa.float64())
        return values.to_numpy(zero_copy_only=False)

    def constant(self) -> tuple[bool, ...]:
        return (self.column.is_constant and not (self.column.n_missing and self.required),)


class OneHotEncoder(Encoder):
    """A 0/1 column a level but the baseline; missing becomes `fill`, each level's share, or zeros."""

    def __init__(self, column: Column, levels: Sequence[Any], *, fill: Sequence[float] | None = None) -> None:
        self.key = column.name
        self.reads = (column.name,)
        self.column, self.levels = column, tuple(levels)
        self.names = tuple(f"{column.name}[{level}]" for level in levels)
        self.fill = fill

    def write(self, columns: Columns, out: np.ndarray) -> None:
        codes = positions(columns[self.column.name], self.levels)
        for j in range(len(self.levels)):
            np.equal(codes, j, out=out[:, j], casting="unsafe")
        if self.fill is not None and self.column.n_missing:
            gone = absent(columns[self.column.name])
            out[gone] = self.fill


class CodesEncoder(Encoder):
    """The position of each value among levels."""

    required = True

    def __init__(self, column: Column, levels: Sequence[Any]) -> None:
        self.key = column.name
        self.reads = self.names = (column.name,)
        self.column, self.levels = column, tuple(levels)

    def write(self, columns: Columns, out: np.ndarray) -> None:
        out[:, 0] = positions(columns[self.column.name], self.levels)


class MissingEncoder(Encoder):
    """1 where the column has no value, else 0."""

    def __init__(self, column: Column) -> None:
        self.key = column.name
        self.reads = (column.name,)
        self.names = (f"{column.name}[missing]",)

    def write(self, columns: Columns, out: np.ndarray) -> None:
        out[:, 0] = absent(columns[self.reads[0]])


class ConditionEncoder(Encoder):
    """1 where the condition is true, else 0."""

    required = True

    def __init__(self, condition: Condition) -> None:
        self.key = condition.text
        self.reads = condition.columns
        self.names = (condition.text,)
        self.condition = condition

    def write(self, columns: Columns, out: np.ndarray) -> None:
        out[:, 0] = self.condition.evaluate({name: columns[name] for name in self.reads})


class Kept(Encoder):
    """Some of another encoder's columns: the others are constant."""

    def __init__(self, whole: Encoder, positions: Sequence[int]) -> None:
        self.key, self.reads = whole.key, whole.reads
        self.names = tuple(whole.names[i] for i in positions)
        self.whole, self.positions = whole, list(positions)

    def write(self, columns: Columns, out: np.ndarray) -> None:
        full = np.empty((len(out), len(self.whole.names)), order="F")
        self.whole.write(columns, full)
        out[:] = full[:, self.positions]

    def groups(self) -> Mapping[str, tuple[int, ...]]:
        new = {old: i for i, old in enumerate(self.positions)}
        groups = {key: tuple(new[i] for i in at if i in new) for key, at in self.whole.groups().items()}
        return {key: at for key, at in groups.items() if at}


def positions(values: pa.Array, levels: Sequence[Any]) -> np.ndarray:
    """The position of each value among levels as int32; -1 for a missing value or one that is not among them."""
    if pa.types.is_dictionary(values.type):
        # Match the few dictionary entries, then follow the indices.
        table = positions(values.dictionary, levels)
        indices = values.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return np.where(indices < 0, -1, table[indices]) if len(table) else np.full(len(values), -1)
    return index_in(values, pa.array(levels, values.type))
