"""The one way in: any source of rows becomes a table."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from aitia.core import Decision, listing, nearest
from aitia.data._csv import Csv, different, from_csv, from_json
from aitia.data._errors import EmptyData, SchemaMismatch, UnreadableFile
from aitia.data._fingerprint import files_digest
from aitia.data._frames import (
    Query,
    from_arrow,
    from_duckdb,
    from_mapping,
    from_narwhals,
    from_pandas,
    from_polars,
    from_query,
    module_of,
)
from aitia.data._kinds import Kind, as_kinds
from aitia.data._source import ParquetSource, Source, damaged
from aitia.data._table import Table, duplicates

FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".dta": "stata",
}
"""File endings and the format each stands for (``.gz`` after them is taken off first)."""


def read(
    source: object, *, kinds: Mapping[str, Kind | str] | None = None, format: str | None = None
) -> Table:
    """Read a table from any source of rows. Rows are streamed; they need not fit in memory.

    Parquet files and Arrow data sets are read where they lie, and frames and arrays in memory mostly without a
    copy. Sources that can be read once or may change their order (CSV, JSON lines, Stata files, database queries,
    readers, lazy frames) are read once and kept: in memory up to 256 MiB, else in a temporary Parquet file.

    Args:
        source: a pandas or polars frame (also lazy), an Arrow table, reader or data set, a dict of arrays or lists,
            a DuckDB relation or `Query`, the path of a CSV, Parquet, JSON-lines or Stata file, a `Csv` with
            options, a folder or glob of files of one kind, or a `Table`.
        kinds: kinds to set, by column; the others are inferred by the rule of `inferred_kind`.
        format: ``"csv"``, ``"parquet"``, ``"json"`` or ``"stata"`` for files whose ending does not say it.

    Returns:
        A `Table`. NaN counts as missing in every source.

    Raises:
        UnreadableFile: no such file, an unknown format, or a damaged file (with the line where there is one).
        SchemaMismatch: files of one folder with different columns, or columns of different lengths.
        DuplicateColumns: two columns with one name.
        TextInNumberColumn: numbers and text in one column.
        EmptyData: no columns, or an empty file.
        ColumnNotFound: `kinds` names a column that is not there.

    Example:
        >>> table = read({"dose": [0.5, 1.0, 2.5], "sex": ["f", "m", "f"]})
        >>> table.kinds["sex"], table.kinds["dose"]
        (<Kind.BINARY: 'binary'>, <Kind.CONTINUOUS: 'continuous'>)
    """
    wanted = as_kinds(kinds)
    if isinstance(source, Table):
        return source.with_kinds(wanted) if wanted else source
    if isinstance(source, str | os.PathLike | Csv):
        return _files(source, wanted, format)
    rows, description = _rows(source, wanted)
    return Table(rows, description, wanted)


def _rows(source: object, kinds: dict[str, Kind]) -> tuple[Source, str]:
    if isinstance(source, Query):
        return from_query(source)
    if isinstance(source, Mapping):
        return from_mapping(source, kinds)
    found = None
    match module_of(source):
        case "pandas" if type(source).__name__ == "DataFrame":
            found = from_pandas(source, kinds)
        case "polars" if type(source).__name__ in ("DataFrame", "LazyFrame"):
            found = from_polars(source)
        case "duckdb" | "_duckdb" if type(source).__name__ == "DuckDBPyRelation":
            found = from_duckdb(source)
        case "pyarrow":
            found = from_arrow(source)
        case _:
            found = from_narwhals(source)
    if found is None and hasattr(source, "__arrow_c_stream__"):
        found = from_arrow(pa.RecordBatchReader.from_stream(source))
    if found is None:
        raise UnreadableFile(
            f"A table cannot be read from a {type(source).__module__}.{type(source).__qualname__}.",
            "Give a pandas, polars or Arrow table, a dict of arrays, a DuckDB relation or Query, or a path.",
        )
    return found


def _files(source: str | os.PathLike[str] | Csv, kinds: dict[str, Kind], format: str | None) -> Table:
    options = source if isinstance(source, Csv) else Csv(str(source))
    text = os.fspath(options.path)
    paths = _paths(text)
    form = "csv" if isinstance(source, Csv) else _format(paths, format)
    description = Path(text).name or text
    for path in paths:
        if not path.stat().st_size:
            raise EmptyData(f"{path} is empty.", "Check that this is the file you meant.")
    decisions: Sequence[Decision] = ()
    match form:
        case "csv":
            rows, decisions = from_csv(paths, replace(options, path=text))
        case "parquet":
            return Table(_parquet(paths), description, kinds)
        case "json":
            rows = from_json(paths)
        case _:
            from aitia.data._stata import from_stata

            rows, decisions = from_stata(paths)
    table = Table(rows, description, kinds, decisions)
    table.__dict__["_digest"] = files_digest(paths)  # the files', not those of the rows kept from them
    return table


def _paths(text: str) -> list[Path]:
    path = Path(text)
    if path.is_dir():
        inside = sorted(each for each in path.rglob("*") if each.is_file() and not _hidden(each, path))
        if not inside:
            raise UnreadableFile(f"The folder {text} holds no files.", "Check the path.")
        return inside
    if path.is_file():
        return [path]
    if glob.has_magic(text):
        found = sorted(Path(each) for each in glob.glob(text, recursive=True) if Path(each).is_file())
        if found:
            return found
        raise UnreadableFile(f"No file matches {text}.", "Check the pattern and the folder.")
    folder = path.parent
    there = [each.name for each in folder.iterdir()] if folder.is_dir() else []
    raise UnreadableFile(
        f"There is no file {text}.", nearest(path.name, there) if there else f"There is no folder {folder}."
    )


def _hidden(path: Path, folder: Path) -> bool:
    """Whether Spark and friends mean this file for themselves (``_SUCCESS``, ``.crc``)."""
    return any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)


def _format(paths: Sequence[Path], format: str | None) -> str:
    known = sorted(set(FORMATS.values()))
    if format is not None:
        if format not in known:
            raise UnreadableFile(f"There is no format {format!r}.", nearest(format, known))
        return format
    formats = {}
    for path in paths:
        ending = (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower()
        if ending not in FORMATS:
            raise UnreadableFile(
                f"The ending of {path} does not say its format.",
                f"Say it: read(..., format=one of {listing(known)}).",
            )
        formats.setdefault(FORMATS[ending], path)
    if len(formats) > 1:
        named = ", ".join(f"{path} ({form})" for form, path in formats.items())
        raise SchemaMismatch(
            f"The files are of several formats: {named}.", "Read files of one format together."
        )
    return next(iter(formats))


def _parquet(paths: Sequence[Path]) -> Source:
    import pyarrow.parquet as pq

    schemas = []
    for path in paths:
        try:
            schemas.append(pq.read_schema(path).remove_metadata())
        except (pa.ArrowException, OSError) as error:
            raise damaged(path, error) from error
    first = schemas[0]
    repeated = [name for name, count in Counter(first.names).items() if count > 1]
    if repeated:
        raise duplicates(repeated)
    for path, schema in zip(paths[1:], schemas[1:]):
        if schema.names != first.names:
            raise different(path, paths[0], schema.names, first.names)
        for name in first.names:
            if schema.field(name).type != first.field(name).type:
                raise SchemaMismatch(
                    f"{path} stores the column {name!r} as {schema.field(name).type}, {paths[0]} as "
                    f"{first.field(name).type}.",
                    "Write the files with the same types.",
                )
    return ParquetSource(paths)
