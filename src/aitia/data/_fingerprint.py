"""A digest of the data, so that an answer says which rows it was computed from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

HASH_LIMIT = 256 * 2**20
"""Files up to this many bytes in all are fingerprinted by their bytes, larger ones by their description."""


class _ColumnDigest:
    """The running digest of one column: its values end to end, and the positions of its nulls.

    Neither depends on where the batches were cut.
    """

    def __init__(self, field: pa.Field) -> None:
        self.values = hashlib.sha256(f"{field.name}\x1f{field.type}\x1f".encode())
        self.nulls = hashlib.sha256()
        self.rows = 0

    def update(self, column: pa.Array) -> None:
        if column.null_count:
            missing = np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))
            self.nulls.update((missing + self.rows).astype(np.int64).tobytes())
            self.rows += len(column)
            column = column.drop_null()
        else:
            self.rows += len(column)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        kind = column.type
        if pa.types.is_temporal(kind):
            column = column.cast(pa.int32() if kind.bit_width == 32 else pa.int64())
            kind = column.type
        if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
            self.values.update(np.ascontiguousarray(column.to_numpy(zero_copy_only=False)).data.cast("B"))
            return
        try:
            text = column.cast(pa.large_string())
        except pa.ArrowException:
            self.values.update("".join(f"{each!r}\x1f" for each in column.to_pylist()).encode())
            return
        # Length and text alternate, so that no text can pass for two.
        self.values.update("".join(f"{len(each)}:{each}" for each in text.to_pylist()).encode())

    def digest(self) -> bytes:
        return self.values.digest() + self.nulls.digest() + str(self.rows).encode()


def content_digest(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> str:
    """SHA-256 over names, types and values; the same however the rows are cut into batches."""
    columns = [_ColumnDigest(field) for field in schema]
    for batch in batches:
        for digest, column in zip(columns, batch.columns):
            digest.update(column)
    return hashlib.sha256(b"".join(each.digest() for each in columns)).hexdigest()


def files_digest(
    paths: Sequence[Path], describe: Callable[[Path, int], bytes] | None = None
) -> tuple[str, str]:
    """SHA-256 of files: their bytes up to `HASH_LIMIT` in all, else sizes, times and `describe(path, i)`.

    Returns:
        The hexadecimal digest, and what it was made of in words.
    """
    digest = hashlib.sha256()
    if sum(path.stat().st_size for path in paths) <= HASH_LIMIT:
        for path in paths:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest(), "the bytes of the file" if len(paths) == 1 else "the bytes of the files"
    for index, path in enumerate(paths):
        stat = path.stat()
        digest.update(f"{path.name}\x1f{stat.st_size}\x1f{stat.st_mtime_ns}".encode())
        if describe is not None:
            digest.update(describe(path, index))
    more = " and row-group statistics" if describe is not None else ""
    return digest.hexdigest(), f"file size, time of change{more} (too large to hash whole)"
