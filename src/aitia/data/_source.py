"""Where rows come from: Arrow tables in memory, Parquet files, Arrow data sets. Everything else is spooled."""

from __future__ import annotations

import queue
import tempfile
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from aitia.data._errors import UnreadableFile
from aitia.data._fingerprint import content_digest, files_digest

if TYPE_CHECKING:
    import pyarrow.dataset as pads

MEMORY_LIMIT = 256 * 2**20
"""A stream that can be read only once is held in memory up to this many bytes, and in a file above."""

READ_BUFFER = 2**20
"""Bytes of a Parquet column read at a time; without it, and without pre_buffer=False, Arrow holds whole files."""


class Source(ABC):
    """Rows that can be read any number of times, always in the same order."""

    schema: pa.Schema
    in_memory: bool = False

    @property
    @abstractmethod
    def n_rows(self) -> int:
        """Number of rows."""

    @abstractmethod
    def batches(self, names: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
        """The named columns in order, at most `rows` rows at a time."""

    def fingerprint(self) -> tuple[str, str]:
        """A SHA-256 hexadecimal digest and what it was made of."""
        return content_digest(self.schema, self.batches(self.schema.names, 65536)), "schema and content"


class MemorySource(Source):
    """An Arrow table in memory."""

    in_memory = True

    def __init__(self, table: pa.Table) -> None:
        chunks = max((column.num_chunks for column in table.columns), default=0)
        # Many small chunks would make many small batches; one copy now is cheaper.
        if chunks > 1 and table.num_rows / chunks < 16384:
            table = table.combine_chunks()
        self.table = table
        self.schema = table.schema

    @property
    def n_rows(self) -> int:
        return self.table.num_rows

    def batches(self, names: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
        yield from self.table.select(list(names)).to_batches(max_chunksize=rows)


class ParquetSource(Source):
    """Parquet files with one schema, read a row group's worth at a time with Arrow's threads.

    Args:
        paths: the files, in the order of their rows.
        temporary: True where the files are ours and go away with this object.
    """

    def __init__(self, paths: Sequence[Path], *, temporary: bool = False) -> None:
        import pyarrow.parquet as pq

        self.paths = tuple(paths)
        self.schema = pq.read_schema(self.paths[0]).remove_metadata()
        self.metadata = [pq.read_metadata(path) for path in self.paths]
        if temporary:
            for path in self.paths:
                weakref.finalize(self, path.unlink, missing_ok=True)

    @property
    def n_rows(self) -> int:
        return sum(each.num_rows for each in self.metadata)

    def batches(self, names: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
        return ahead(self._read(list(names), rows))

    def _read(self, names: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        import pyarrow.parquet as pq

        for path in self.paths:
            try:
                with pq.ParquetFile(path, pre_buffer=False, buffer_size=READ_BUFFER) as file:
                    yield from file.iter_batches(batch_size=rows, columns=names, use_threads=True)
            except (pa.ArrowException, OSError) as error:
                raise damaged(path, error) from error

    def fingerprint(self) -> tuple[str, str]:
        def describe(path: Path, index: int) -> bytes:
            meta = self.metadata[index]
            groups = [meta.row_group(i).to_dict() for i in range(meta.num_row_groups)]
            return repr(groups).encode()

        return files_digest(self.paths, describe)


class DatasetSource(Source):
    """A pyarrow data set, scanned in order."""

    def __init__(self, dataset: pads.Dataset) -> None:
        self.dataset = dataset
        self.schema = dataset.schema.remove_metadata()

    @cached_property
    def n_rows(self) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.dataset.count_rows()

    def batches(self, names: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
        try:
            yield from self.dataset.to_batches(columns=list(names), batch_size=rows)
        except (pa.ArrowException, OSError) as error:
            raise damaged("the data set", error) from error


def damaged(path: object, error: Exception) -> UnreadableFile:
    """The error for a file that Arrow could not read to its end."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return UnreadableFile(
        f"{path} could not be read: {reason}",
        "The file may be truncated or of another format; write or fetch it again.",
    )


def ahead(batches: Iterable[pa.RecordBatch], depth: int = 4) -> Iterator[pa.RecordBatch]:
    """The same batches, read by a thread that stays up to `depth` batches ahead of the caller."""
    ready: queue.Queue[Any] = queue.Queue(maxsize=depth)
    stop = threading.Event()
    end = object()

    def put(item: object) -> bool:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for batch in batches:
                if not put(batch):
                    return
            put(end)
        except BaseException as error:  # handed to the caller's thread
            put(error)

    thread = threading.Thread(target=work, name="aitia-read-ahead", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not end:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()


def spool(schema: pa.Schema, batches: Iterable[pa.RecordBatch], limit: int = MEMORY_LIMIT) -> Source:
    """A source of rows that can be read again, made of rows that come only once.

    They stay in memory up to `limit` bytes; above that they all go to a temporary compressed Parquet file,
    removed when the source is no longer used.
    """
    schema = schema.remove_metadata()
    held: list[pa.RecordBatch] = []
    size = 0
    rest = iter(batches)
    for batch in rest:
        held.append(batch)
        size += batch.nbytes
        if size > limit:
            break
    else:
        return MemorySource(pa.Table.from_batches([_plain(b, schema) for b in held], schema))
    import pyarrow.parquet as pq

    with tempfile.NamedTemporaryFile(prefix="aitia-", suffix=".parquet", delete=False) as handle:
        path = Path(handle.name)
    try:
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            pending: list[pa.RecordBatch] = []
            count = 0
            for part in (held, rest):
                for batch in part:
                    pending.append(_plain(batch, schema))
                    count += batch.num_rows
                    if count >= 2**18:
                        writer.write_table(pa.Table.from_batches(pending, schema))
                        pending, count = [], 0
                held = []
            if pending:
                writer.write_table(pa.Table.from_batches(pending, schema))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return ParquetSource([path], temporary=True)


def _plain(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(batch.columns, schema=schema)
