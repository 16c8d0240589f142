"""CSV and JSON-lines files through DuckDB, read once and kept in a form that reads fast."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from aitia.core import Decision
from aitia.data._errors import EmptyData, SchemaMismatch, TextInNumberColumn, UnreadableFile
from aitia.data._frames import arrow_reader
from aitia.data._source import Source, spool
from aitia.data._table import duplicates

MISSING_MARKS = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", ".")
"""What stands for a missing value in a CSV file, unless told otherwise."""
DELIMITERS = ",;\t|"
FIXED = "header=true, skip=0, quote='\"', escape='\"', comment='', ignore_errors=false, sample_size=-1"
"""What DuckDB shall never guess. It reads the whole file for the types, so a late value cannot surprise."""


@dataclass(frozen=True)
class Csv:
    """CSV files with options, as a source for `read`. A plain path does where the defaults do.

    Args:
        path: a file, folder or glob.
        delimiter: what separates fields; None finds it in the header (comma, semicolon, tab or bar).
        decimal: the decimal mark, ``"."`` or ``","``; None takes a comma only where fields are separated by
            semicolons and numbers are written with one.
        encoding: the encoding of the text (``"utf-8"``, ``"latin-1"``, ``"utf-16"``).
        missing: what stands for a missing value.
    """

    path: str | Path
    delimiter: str | None = None
    decimal: str | None = None
    encoding: str = "utf-8"
    missing: Sequence[str] = MISSING_MARKS


def from_csv(paths: Sequence[Path], options: Csv) -> tuple[Source, list[Decision]]:
    """The rows of CSV files whose first lines name the same columns.

    Raises:
        EmptyData: a file is empty.
        DuplicateColumns: a header names a column twice.
        SchemaMismatch: the files' headers differ.
        UnreadableFile: a line has another number of fields than the header, or the text is not in the encoding.
        TextInNumberColumn: a column of numbers holds text in a later file.
    """
    import duckdb

    delimiter = options.delimiter or _delimiter(paths[0], options.encoding)
    header = _header(paths[0], delimiter, options.encoding)
    repeated = [name for name, count in Counter(header).items() if count > 1]
    if repeated:
        raise duplicates(repeated)
    for path in paths[1:]:
        other = _header(path, delimiter, options.encoding)
        if other != header:
            raise different(path, paths[0], other, header)
    decisions = []
    decimal = options.decimal
    if decimal is None:
        decimal = "," if delimiter == ";" and _comma_decimals(paths[0], options.encoding) else "."
        if decimal == ",":
            decisions.append(
                Decision(
                    "read numbers with a decimal comma",
                    "fields are separated by semicolons and numbers have commas",
                )
            )
    # DuckDB takes names that differ in case only for the same: positions stand in for them.
    stand_ins = [f"c{position}" for position in range(len(header))]
    arguments = {
        "names": stand_ins,
        "delim": delimiter,
        "decimal_separator": decimal,
        "nullstr": list(options.missing),
        "encoding": options.encoding,
        "auto_type_candidates": ["BOOLEAN", "BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "VARCHAR"],
    }
    files = _sql([literal_path(path) for path in paths])

    def query(text_columns: Sequence[str] = ()) -> str:
        pairs = ", ".join(f"{name}: 'VARCHAR'" for name in text_columns)
        typed = f", types={{{pairs}}}" if pairs else ""
        given = ", ".join(f"{key}={_sql(value)}" for key, value in arguments.items())
        if any("\n" in name for name in header) and _ends_in_crlf(paths[0], delimiter, options.encoding):
            # A line break inside a name misleads DuckDB about how lines end, unless it is told.
            given += r", new_line='\r\n'"
        return f"from read_csv({files}, {FIXED}, {given}{typed})"

    connection = duckdb.connect()
    try:
        relation = connection.sql(f"select * {query()}")
        truths = [name for name, kind in zip(stand_ins, relation.types) if str(kind) == "BOOLEAN"]
        if truths:
            # DuckDB takes Yes/No, t/f and the like for booleans; only true/false are: the others stay as written.
            asked = ", ".join(f"bool_and(lower({name}) in ('true', 'false'))" for name in truths)
            are = connection.sql(f"select {asked} {query(truths)}").fetchall()[0]
            words = [name for name, is_truth in zip(truths, are) if is_truth is False]
            if words:
                relation = connection.sql(f"select * {query(words)}")
        reader = arrow_reader(relation)
        schema = pa.schema([pa.field(name, field.type) for name, field in zip(header, reader.schema)])
        return spool(schema, reader), decisions
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise _diagnosed(paths, options, delimiter, header, error) from error
    finally:
        connection.close()


def from_json(paths: Sequence[Path]) -> Source:
    """The rows of JSON files, one object a line (or one array of objects a file).

    Raises:
        EmptyData: a file is empty.
        UnreadableFile: a line is not JSON; the error names it.
    """
    import duckdb

    for path in paths:
        if not path.stat().st_size:
            raise EmptyData(f"{path} is empty.", "Check that this is the file you meant.")
    connection = duckdb.connect()
    try:
        files = _sql([literal_path(path) for path in paths])
        relation = connection.sql(f"select * from read_json({files}, sample_size=-1, union_by_name=true)")
        repeated = [name for name, count in Counter(relation.columns).items() if count > 1]
        if repeated:
            raise duplicates(repeated)
        reader = arrow_reader(relation)
        return spool(reader.schema, reader)
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise UnreadableFile(
            f"{paths[0]} could not be read as JSON lines: {_first_line(error)}",
            "Write one JSON object a line; correct the line named.",
        ) from error
    finally:
        connection.close()


def literal_path(path: Path) -> str:
    """The path with DuckDB's glob characters made literal."""
    return re.sub(r"([*?\[\]])", r"[\1]", str(path))


def different(path: Path, first: Path, names: Sequence[str], expected: Sequence[str]) -> SchemaMismatch:
    """The error for a file whose columns are not those of the first file."""
    missing = [repr(name) for name in expected if name not in set(names)]
    extra = [repr(name) for name in names if name not in set(expected)]
    parts = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"also has {', '.join(extra)}"] * bool(extra)
    return SchemaMismatch(
        f"{path} does not have the columns of {first}: it "
        + (" and ".join(parts) or "has them in another order")
        + ".",
        "Read files with the same columns in the same order together, or each on its own.",
    )


def _open(path: Path, encoding: str) -> io.TextIOBase:
    encoding = "utf-8-sig" if encoding == "utf-8" else encoding
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.open(path), encoding=encoding, newline="")
    return path.open(encoding=encoding, newline="")


def _delimiter(path: Path, encoding: str) -> str:
    """The separator that cuts the header into most fields, first of those that cut the next rows into as many."""

    def fits(mark: str) -> tuple[bool, int]:
        width = len(_header(path, mark, encoding))
        with _open(path, encoding) as file:
            # A name may hold another separator; the rows under it then do not.
            try:
                widths = {len(row) for row in islice(csv.reader(file, delimiter=mark), 1, 20) if row}
            except csv.Error:
                widths = {-1}
        return width > 1 and widths <= {width}, width

    return max(DELIMITERS, key=fits)


def _header(path: Path, delimiter: str, encoding: str) -> list[str]:
    try:
        with _open(path, encoding) as file:
            header = next(csv.reader(file, delimiter=delimiter), None)
    except (UnicodeError, LookupError) as error:
        raise _not_encoded(path, encoding, error) from error
    except (OSError, EOFError, csv.Error) as error:
        raise UnreadableFile(f"{path} could not be read: {error}", "Check the path and the file.") from error
    if not header:
        raise EmptyData(
            f"{path} is empty.", "Check that this is the file you meant; its first line names the columns."
        )
    return [name or f"column{position}" for position, name in enumerate(header, 1)]


def _ends_in_crlf(path: Path, delimiter: str, encoding: str) -> bool:
    """Whether the header's last line ends in carriage return and line feed."""
    with _open(path, encoding) as file:
        lines = [""]

        def kept() -> Iterator[str]:
            for line in file:
                lines[0] = line
                yield line

        next(csv.reader(kept(), delimiter=delimiter))
        return lines[0].endswith("\r\n")


def _comma_decimals(path: Path, encoding: str) -> bool:
    with _open(path, encoding) as file:
        return bool(re.search(r"(^|[;\"])-?\d+,\d+(e-?\d+)?([;\"\r\n]|$)", file.read(2**16), re.MULTILINE))


def _diagnosed(
    paths: Sequence[Path], options: Csv, delimiter: str, header: list[str], error: Exception
) -> Exception:
    """What is wrong with the files, in our words: walks them once, now that reading failed."""
    for path in paths:
        wrong = _first_wrong_line(path, options.encoding, delimiter, len(header))
        if wrong is not None:
            return wrong
    text = str(error)
    line = re.search(r"CSV Error on Line: (\d+)", text)
    conversion = re.search(
        r"Error when converting column \"c(\d+)\"\. Could not convert string \"(.*?)\"", text
    )
    if conversion:
        name = header[int(conversion[1])]
        file = re.search(r"file = (.*)", text)
        place = f"line {int(line[1]):,} of {file[1] if file else paths[0]}" if line else str(paths[0])
        return TextInNumberColumn(
            f"The column {name!r} holds numbers, but also the text {conversion[2]!r} in {place}.",
            "Correct the value, list it in Csv(missing=...), or read the files one by one.",
        )
    return UnreadableFile(
        f"{paths[0]} could not be read as CSV: {_first_line(error)}", "Check the file's format."
    )


def _first_wrong_line(path: Path, encoding: str, delimiter: str, width: int) -> UnreadableFile | None:
    """The first line of a CSV file that does not have the header's number of fields, or cannot be read."""
    try:
        with _open(path, encoding) as file:
            rows = csv.reader(file, delimiter=delimiter, strict=True)
            try:
                for fields in rows:
                    if len(fields) not in (0, width):
                        return UnreadableFile(
                            f"{path}, line {rows.line_num:,}: {width} fields were expected, as in the header, "
                            f"and {len(fields)} came.",
                            "Correct this line (a stray separator or a missing quote, mostly).",
                        )
            except csv.Error as error:
                return UnreadableFile(
                    f"{path}, line {rows.line_num:,}: {error}.",
                    "A quote is probably not closed; correct this line.",
                )
    except (UnicodeError, LookupError) as error:
        return _not_encoded(path, encoding, error)
    except (OSError, EOFError) as error:
        return UnreadableFile(f"{path} could not be read: {error}", "Check the path and the file.")
    return None


def _not_encoded(path: Path, encoding: str, error: Exception) -> UnreadableFile:
    return UnreadableFile(
        f"{path} is not text in the encoding {encoding}: {error}.",
        'Say which encoding it has: read(Csv(path, encoding="latin-1")).',
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _sql(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(map(_sql, value)) + "]"
    return "'" + str(value).replace("'", "''") + "'"
