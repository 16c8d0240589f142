"""A table: columns with kinds over rows that are streamed and never assumed to fit in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

from aitia.core import Decision
from aitia.data._errors import ColumnNotFound, DuplicateColumns, EmptyData
from aitia.data._kinds import Column, Kind, as_kinds
from aitia.data._profile import profile
from aitia.data._source import Source

if TYPE_CHECKING:
    from aitia.data._description import Description

ROWS = 65_536
"""Rows a batch, unless told otherwise: 12 columns of it are 6 MiB."""


class Table:
    """Columns with kinds over any source of rows; made by `read`.

    Nothing is computed before it is asked for: a column's kind, levels and spread come from one streaming
    pass over that column, made when first needed and kept.

    Args:
        source: where the rows come from.
        description: the source in words (``"stones.csv"``).
        kinds: kinds that the person set.
        decisions: what was decided while reading (a decimal comma recognised, say).

    Example:
        >>> table = Table.of({"age": [31, 45, 60], "sex": ["f", "m", "f"]})
        >>> table.column("sex").levels
        ('f', 'm')
        >>> table.n_rows
        3
    """

    def __init__(
        self,
        source: Source,
        description: str,
        kinds: Mapping[str, Kind | str] | None = None,
        decisions: Sequence[Decision] = (),
    ) -> None:
        names = source.schema.names
        repeated = [name for name, count in Counter(names).items() if count > 1]
        if repeated:
            raise duplicates(repeated)
        if not names:
            raise EmptyData(
                f"{description} has no columns.", "Check that this is the file or frame you meant."
            )
        self._source = source
        self._kinds = as_kinds(kinds)
        self._profiled: dict[str, Column] = {}
        self.source = description
        self.decisions = tuple(decisions)
        self.names: tuple[str, ...] = tuple(names)
        self._require(self._kinds)

    @classmethod
    def of(cls, columns: Mapping[str, object], kinds: Mapping[str, Kind | str] | None = None) -> Table:
        """A table of columns given as arrays or lists; the same as `read` of them."""
        from aitia.data._read import read

        return read(columns, kinds=kinds)

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types."""
        return self._source.schema

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self._source.n_rows

    @property
    def in_memory(self) -> bool:
        """Whether the rows lie in memory."""
        return self._source.in_memory

    @property
    def columns(self) -> tuple[Column, ...]:
        """Every column, in order; the first use makes one pass over those not yet known."""
        return self.profile(self.names)

    @property
    def kinds(self) -> dict[str, Kind]:
        """The kind of every column."""
        return {column.name: column.kind for column in self.columns}

    def column(self, name: str) -> Column:
        """One column's facts.

        Raises:
            ColumnNotFound: there is no such column; the error names the closest one.
        """
        return self.profile([name])[0]

    def profile(self, names: Iterable[str]) -> tuple[Column, ...]:
        """The facts of some columns, from one pass over those not yet known.

        Raises:
            ColumnNotFound: there is no such column.
            EmptyData: the table has no rows.
        """
        names = tuple(names)
        self._require(names)
        if not self.n_rows:
            raise EmptyData(f"{self.source} has no rows.", "Check that this is the file or frame you meant.")
        new = [name for name in dict.fromkeys(names) if name not in self._profiled]
        if new:
            self._profiled |= profile(self.schema, self.batches(new), new, self._kinds)
        return tuple(self._profiled[name] for name in names)

    def batches(self, names: Sequence[str] | None = None, rows: int = ROWS) -> Iterator[pa.RecordBatch]:
        """The named columns as Arrow record batches, in the order of the rows.

        Args:
            names: the columns; None for all.
            rows: at most so many rows a batch.

        Raises:
            ColumnNotFound: there is no such column.
        """
        names = self.names if names is None else tuple(names)
        self._require(names)
        return self._source.batches(names, rows)

    def with_kinds(self, kinds: Mapping[str, Kind | str] | None = None, /, **more: Kind | str) -> Table:
        """The same rows with some kinds set.

        Args:
            kinds: column names to kinds.
            more: the same, for names that are Python identifiers.

        Raises:
            ColumnNotFound: there is no such column.
            KindMismatch: there is no such kind. That a column cannot have its kind shows when it is first used.
        """
        new = as_kinds({**(kinds or {}), **more})
        table = Table(self._source, self.source, {**self._kinds, **new}, self.decisions)
        table._profiled = {name: known for name, known in self._profiled.items() if name not in new}
        return table

    def select(self, names: Sequence[str]) -> Table:
        """The same rows with some columns only, in the order given."""
        self._require(names)
        kinds = {name: kind for name, kind in self._kinds.items() if name in set(names)}
        table = Table(_Selected(self._source, names), self.source, kinds, self.decisions)
        table._profiled = {name: known for name, known in self._profiled.items() if name in set(names)}
        return table

    def named(self, description: str) -> Table:
        """The same table under another description of its source."""
        table = Table(self._source, description, self._kinds, self.decisions)
        table._profiled = dict(self._profiled)
        return table

    def head(self, k: int = 5) -> pa.Table:
        """The first `k` rows as an Arrow table (``.to_pandas()`` shows it in a notebook)."""
        held: list[pa.RecordBatch] = []
        for batch in self.batches(rows=max(k, 1)):
            held.append(batch.slice(0, k - sum(each.num_rows for each in held)))
            if sum(each.num_rows for each in held) >= k:
                break
        return pa.Table.from_batches(held, self.schema)

    def describe(self) -> Description:
        """Every column's kind, missing and distinct values, mean, spread and most common levels."""
        from aitia.data._description import Description

        return Description(
            source=self.source,
            n_rows=self.n_rows,
            columns=self.columns,
            fingerprint=self.fingerprint,
            fingerprint_of=self.fingerprint_of,
            decisions=self.decisions,
        )

    @property
    def fingerprint(self) -> str:
        """A SHA-256 digest of the data, 64 hexadecimal digits; `fingerprint_of` says what it was made of."""
        return self._digest[0]

    @property
    def fingerprint_of(self) -> str:
        """What the fingerprint was made of: a file's bytes, its description, or schema and content."""
        return self._digest[1]

    @cached_property
    def _digest(self) -> tuple[str, str]:
        return self._source.fingerprint()

    def _require(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self._positions:
                raise ColumnNotFound(name, self.names)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.names)}

    def __repr__(self) -> str:
        where = "in memory" if self.in_memory else "streamed"
        return f"Table({self.source}: {self.n_rows:,} rows, {len(self.names)} columns, {where})"

    def _repr_html_(self) -> str:
        return self.describe()._repr_html_()


class _Selected(Source):
    """Some columns of another source."""

    def __init__(self, whole: Source, names: Sequence[str]) -> None:
        self._whole = whole
        self.schema = pa.schema([whole.schema.field(name) for name in names])
        self.in_memory = whole.in_memory

    @property
    def n_rows(self) -> int:
        return self._whole.n_rows

    def batches(self, names: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
        return self._whole.batches(names, rows)


def duplicates(repeated: Sequence[str]) -> DuplicateColumns:
    """The error for names that several columns share."""
    named = ", ".join(repr(name) for name in repeated)
    return DuplicateColumns(
        f"Several columns share a name: {named}.", "Rename them so that each name is unique."
    )
