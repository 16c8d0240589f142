"""Frames, arrays and queries in memory or in a database, as sources of Arrow batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from aitia.core import AitiaError
from aitia.data._errors import EmptyData, SchemaMismatch, TextInNumberColumn, UnreadableFile, rows_and_values
from aitia.data._kinds import Kind
from aitia.data._source import DatasetSource, MemorySource, Source, spool
from aitia.data._table import duplicates


@dataclass(frozen=True)
class Query:
    """A question to a DuckDB database, as a source for `read`.

    Args:
        sql: the query; its rows are read once and kept (in memory, or in a temporary file where they are many).
        connection: an open DuckDB connection; None asks an empty in-memory database, which can still read files.

    Example:
        >>> from aitia.data import read
        >>> read(Query("select range as x from range(3)")).n_rows
        3
    """

    sql: str
    connection: Any = None


def module_of(source: object) -> str:
    """The top package that a value's class comes from."""
    return type(source).__module__.partition(".")[0]


def from_mapping(columns: Mapping[Any, Any], kinds: Mapping[str, Kind]) -> tuple[Source, str]:
    """Columns given as arrays or lists of one length."""
    arrays, lengths = {}, {}
    for key, values in columns.items():
        name = str(key)
        if isinstance(values, str | bytes) or np.ndim(values) == 0:
            raise SchemaMismatch(
                f"The column {name!r} is a single value ({values!r}), not an array or list.",
                "Give every column as a one-dimensional array or list of one length.",
            )
        if isinstance(values, np.ndarray) and values.ndim != 1:
            raise SchemaMismatch(
                f"The column {name!r} has shape {values.shape}; columns are one-dimensional.",
                "Split it into one column each, with a name each.",
            )
        arrays[name] = _array(name, values, kinds.get(name))
        lengths[name] = len(arrays[name])
    if len(set(lengths.values())) > 1:
        common = Counter(lengths.values()).most_common(1)[0][0]
        odd = {name: length for name, length in lengths.items() if length != common}
        raise SchemaMismatch(
            f"The columns do not have one length: most have {common:,} rows, but "
            + ", ".join(f"{name!r} has {length:,}" for name, length in odd.items())
            + ".",
            "Give every column the same number of rows.",
        )
    if not arrays:
        raise EmptyData("There are no columns.", "Give at least one column.")
    return MemorySource(pa.table(arrays)), "columns in memory"


def _array(name: str, values: Any, kind: Kind | None) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if isinstance(values, np.ndarray) and values.dtype.kind == "U":
        values = values.tolist()
    elif isinstance(values, np.ndarray) and values.dtype.byteorder not in "=|":
        values = values.astype(values.dtype.newbyteorder("="))
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        if kind in (Kind.CATEGORICAL, Kind.BINARY):
            return pa.array([None if _absent(each) else str(each) for each in values], pa.string())
        raise mixed(name, values, error) from None


def _absent(value: object) -> bool:
    return value is None or (isinstance(value, float) and value != value)


def mixed(name: str, values: Any, error: Exception) -> AitiaError:
    """The error for a column whose values are of several types."""
    numbers = bool, int, float, np.number
    text = [(row, each) for row, each in enumerate(values) if isinstance(each, str)]
    if text and any(isinstance(each, numbers) and not _absent(each) for each in values):
        return TextInNumberColumn(
            f"The column {name!r} holds numbers, but also text: {rows_and_values(text)}.",
            "Correct these values, make them missing, or set the column's kind to categorical.",
        )
    return UnreadableFile(
        f"The column {name!r} could not be read: {error}",
        "Make its values all numbers, all text or all dates.",
    )


def from_pandas(frame: Any, kinds: Mapping[str, Kind]) -> tuple[Source, str]:
    """A pandas frame; its index is left out."""
    names = [str(name) for name in frame.columns]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise duplicates(repeated)
    renamed = frame.set_axis(names, axis="columns")
    mixed_kinds = {name for name in names if kinds.get(name) in (Kind.CATEGORICAL, Kind.BINARY)}
    if any(renamed[name].dtype == object for name in mixed_kinds):
        objects = [n for n in mixed_kinds if renamed[n].dtype == object]
        renamed = renamed.assign(
            **{n: np.array([None if _absent(v) else _same(v) for v in renamed[n]], object) for n in objects}
        )
    try:
        table = pa.Table.from_pandas(renamed, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return MemorySource(
            pa.table({name: _array(name, renamed[name], kinds.get(name)) for name in names})
        ), ("pandas frame")
    return MemorySource(table.replace_schema_metadata()), "pandas frame"


def _same(value: object) -> object:
    return value if isinstance(value, bool | str) else str(value)


def from_polars(frame: Any) -> tuple[Source, str]:
    """A polars frame, or a lazy one (collected in batches, in order, and spooled)."""
    if type(frame).__name__ != "LazyFrame":
        return MemorySource(frame.to_arrow()), "polars frame"
    if hasattr(frame, "collect_batches"):
        pieces = frame.collect_batches(maintain_order=True)
        schema = frame.collect_schema().to_frame().to_arrow().schema
        batches = (b for piece in pieces for b in piece.to_arrow().cast(schema).to_batches())
        return spool(schema, batches), "polars lazy frame"
    return MemorySource(frame.collect(engine="streaming").to_arrow()), "polars lazy frame"


def from_arrow(source: Any) -> tuple[Source, str] | None:
    """An Arrow table, record batch, reader or data set; None for other Arrow objects."""
    import pyarrow.dataset as pads

    match source:
        case pa.Table():
            return MemorySource(source.replace_schema_metadata()), "Arrow table"
        case pa.RecordBatch():
            return MemorySource(
                pa.Table.from_batches([source]).replace_schema_metadata()
            ), "Arrow record batch"
        case pa.RecordBatchReader():
            return spool(source.schema, source), "Arrow record batch reader"
        case pads.Dataset():
            return DatasetSource(source), "Arrow data set"
        case _:
            return None


def from_duckdb(relation: Any) -> tuple[Source, str]:
    """A DuckDB relation: its rows are read once, because a query may answer in another order next time."""
    repeated = [name for name, count in Counter(relation.columns).items() if count > 1]
    if repeated:
        raise duplicates(repeated)
    reader = arrow_reader(relation)
    return spool(reader.schema, reader), "DuckDB relation"


def from_query(query: Query) -> tuple[Source, str]:
    """The rows that a query answers."""
    import duckdb

    connection = query.connection or duckdb.connect()
    try:
        relation = connection.sql(query.sql)
        if relation is None:
            raise UnreadableFile("The query answers no rows.", "Ask with a SELECT statement.")
        source, _ = from_duckdb(relation)
    except duckdb.Error as error:
        raise UnreadableFile(
            f"The query failed: {error}", "Correct the query; see the marked position."
        ) from error
    return source, "DuckDB query"


def arrow_reader(relation: Any) -> pa.RecordBatchReader:
    """A DuckDB relation's rows as a stream; the method's name changed between versions."""
    fetch = getattr(relation, "to_arrow_reader", None) or relation.fetch_record_batch
    return fetch(65_536)


def from_narwhals(source: Any) -> tuple[Source, str] | None:
    """Any other frame that narwhals knows; None for what it does not."""
    import narwhals as nw

    frame = nw.from_native(source, pass_through=True)
    kind = type(source).__name__
    if isinstance(frame, nw.LazyFrame):
        return MemorySource(nw.to_native(frame.collect("pyarrow"))), f"{module_of(source)} {kind}"
    if isinstance(frame, nw.DataFrame):
        return MemorySource(frame.to_arrow()), f"{module_of(source)} {kind}"
    return None
