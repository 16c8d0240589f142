"""What a column holds: its kind, its levels, its spread."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pyarrow as pa

from aitia.core import nearest
from aitia.data._errors import KindMismatch

MOST_DISTINCT = 1_000
"""Distinct values are counted exactly up to this many; above it a column only says "more than"."""
MOST_COUNT_VALUES = 100
"""Whole numbers from 0 up with at most this many distinct values are taken for counts."""


class Kind(StrEnum):
    """What a column holds."""

    BINARY = "binary"
    CATEGORICAL = "categorical"
    COUNT = "count"
    CONTINUOUS = "continuous"
    DATE = "date"

    @classmethod
    def of(cls, kind: Kind | str) -> Kind:
        """The kind of that name.

        Raises:
            KindMismatch: there is no such kind.
        """
        try:
            return cls(kind)
        except ValueError:
            raise KindMismatch(f"There is no kind {kind!r}.", nearest(str(kind), list(cls))) from None


class Storage(StrEnum):
    """How a column's values are stored, as far as coding them needs to know."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXT = "text"
    DATE = "date"
    EMPTY = "empty"
    OTHER = "other"


@dataclass(frozen=True)
class Column:
    """One column, as one pass over its rows found it.

    Args:
        name: the column's name.
        kind: what it holds; inferred, or set by the person.
        n_missing: rows without a value (null or NaN).
        n_distinct: distinct values, exact up to 1,000; see `distinct_capped`.
        levels: the distinct values in sorted order for a binary or categorical column, else empty.
        minimum: the smallest finite value: a number, or a date for a date column; None for text.
        maximum: the largest finite value, likewise.
        mean: the mean of the finite values, for numbers and booleans; in days after `minimum` for dates; None for text.
        std: their standard deviation (divisor n - 1), in the same units; None below two values.
        frequencies: rows at each level, in the order of `levels`.
        n_infinite: rows whose value is infinite.
        distinct_capped: True where there are more distinct values than `n_distinct` says.
        storage: how the values are stored.
        kind_set: True where the person set the kind.
        note: something the person should know about this column; mostly empty.
    """

    name: str
    kind: Kind
    n_missing: int
    n_distinct: int
    levels: tuple[Any, ...] = ()
    minimum: float | datetime.date | None = None
    maximum: float | datetime.date | None = None
    mean: float | None = None
    std: float | None = None
    frequencies: tuple[int, ...] = ()
    n_infinite: int = 0
    distinct_capped: bool = False
    storage: Storage = Storage.NUMBER
    kind_set: bool = False
    note: str = ""

    @property
    def is_constant(self) -> bool:
        """True where the column holds one value only (missing values aside)."""
        return self.n_distinct <= 1 and not self.distinct_capped

    @property
    def distinct_text(self) -> str:
        """``12``, or ``more than 1,000`` where counting stopped."""
        return f"more than {self.n_distinct:,}" if self.distinct_capped else f"{self.n_distinct:,}"


def storage_of(kind: pa.DataType) -> Storage:
    """How Arrow stores a column, as far as coding it needs to know."""
    types = pa.types
    if types.is_dictionary(kind):
        return storage_of(kind.value_type)
    if types.is_boolean(kind):
        return Storage.BOOLEAN
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return Storage.NUMBER
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return Storage.TEXT
    if types.is_date(kind) or types.is_timestamp(kind):
        return Storage.DATE
    return Storage.EMPTY if types.is_null(kind) else Storage.OTHER


def inferred_kind(
    storage: Storage, *, n_distinct: int, capped: bool, whole: bool, minimum: float | None
) -> Kind:
    """The kind of a column whose kind nobody set. The whole rule, in order:

    1. dates and timestamps are dates;
    2. booleans, and any column with exactly two distinct values, are binary;
    3. text is categorical;
    4. whole numbers, none below 0, with at most 100 distinct values, are counts;
    5. all other numbers are continuous.

    Example:
        >>> inferred_kind(Storage.NUMBER, n_distinct=7, capped=False, whole=True, minimum=0.0)
        <Kind.COUNT: 'count'>
    """
    if storage is Storage.DATE:
        return Kind.DATE
    if storage is Storage.BOOLEAN or (n_distinct == 2 and not capped):
        return Kind.BINARY
    if storage in (Storage.TEXT, Storage.OTHER):
        return Kind.CATEGORICAL
    few = not capped and n_distinct <= MOST_COUNT_VALUES
    if whole and few and minimum is not None and minimum >= 0:
        return Kind.COUNT
    return Kind.CONTINUOUS


def as_kinds(kinds: Mapping[str, Kind | str] | None) -> dict[str, Kind]:
    """The kinds a person set, as `Kind`."""
    return {name: Kind.of(kind) for name, kind in (kinds or {}).items()}
