"""Stata files, read in chunks by pandas and held in memory as Arrow columns."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from aitia.core import Decision
from aitia.data._csv import different
from aitia.data._errors import UnreadableFile
from aitia.data._kinds import Storage, storage_of
from aitia.data._source import MemorySource, Source


class _PartlyLabelled(Exception):
    """Some values of a labelled column have no label, or two have the same."""


def from_stata(paths: Sequence[Path]) -> tuple[Source, list[Decision]]:
    """The rows of Stata files; labelled values become their labels, Stata's missing values become missing.

    Raises:
        UnreadableFile: a file is damaged or not a Stata file.
        SchemaMismatch: the files have different columns.
    """
    decisions = []
    try:
        tables = [_table(path, labels=True) for path in paths]
    except _PartlyLabelled:
        tables = [_table(path, labels=False) for path in paths]
        decisions.append(
            Decision(
                "kept the numbers of labelled columns", "the Stata file labels only some of their values"
            )
        )
    for path, table in zip(paths, tables):
        if table.column_names != tables[0].column_names:
            raise different(path, paths[0], table.column_names, tables[0].column_names)
    return MemorySource(pa.concat_tables(tables, promote_options="permissive")), decisions


def _table(path: Path, labels: bool) -> pa.Table:
    import pandas as pd

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            chunks = pd.read_stata(
                path, chunksize=65_536, convert_categoricals=labels, order_categoricals=False
            )
            with chunks as reader:  # pyright: ignore[reportGeneralTypeIssues]
                pieces = [_arrow(chunk) for chunk in reader]
    except _PartlyLabelled:
        raise
    except Exception as error:  # pandas raises many kinds (struct.error, IndexError) for a damaged file
        if labels and "not unique" in str(error):
            raise _PartlyLabelled from None
        raise UnreadableFile(
            f"{path} could not be read as a Stata file: {error}", "The file may be truncated; write it again."
        ) from error
    return pa.concat_tables(pieces, promote_options="permissive")


def _arrow(chunk) -> pa.Table:
    import pandas as pd

    for name in chunk.columns:
        if isinstance(chunk[name].dtype, pd.CategoricalDtype):
            if not all(isinstance(each, str) for each in chunk[name].cat.categories):
                raise _PartlyLabelled
            chunk[name] = chunk[name].astype(object)
    table = pa.Table.from_pandas(chunk, preserve_index=False).replace_schema_metadata()
    for position, field in enumerate(table.schema):
        if storage_of(field.type) is Storage.TEXT:
            # Stata has no other missing text than the empty one.
            kept = pa.array([text or None for text in table.column(position).to_pylist()], pa.string())
            table = table.set_column(position, field.name, kept)
    return table
