"""Masks in files stay there: chosen rows, rows under each other, and chosen inputs, read when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np


class Gathered:
    """Rows of arrays that may be memory-mapped, as one array of two dimensions that is read piece by piece.

    It can be indexed, gone through, and made an array, as far as masks are; what is indexed is read.

    Args:
        parts: arrays of shape (rows, columns), all of as many columns.
        part: the part of each row, shape (rows,).
        row: its row there, shape (rows,).
        columns: which columns; None for all.
    """

    ndim = 2

    def __init__(
        self,
        parts: Sequence[Any],
        part: np.ndarray,
        row: np.ndarray,
        columns: np.ndarray | None = None,
    ) -> None:
        self.parts, self.part, self.row, self.columns = tuple(parts), part, row, columns
        self.dtype = parts[0].dtype
        self.shape = (len(row), parts[0].shape[1] if columns is None else len(columns))

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, at: Any) -> np.ndarray:
        rows, columns = at if isinstance(at, tuple) else (at, slice(None))
        if self.columns is not None:
            columns = _compact(self.columns[columns])
        if isinstance(rows, int | np.integer):
            return self.parts[self.part[rows]][self.row[rows]][columns]
        part, row = self.part[rows], self.row[rows]
        one = isinstance(columns, int | np.integer)
        listed = [columns] if one else columns
        width = len(range(self.parts[0].shape[1])[listed]) if isinstance(listed, slice) else len(listed)
        found = np.empty((len(row), width), dtype=self.dtype)
        for place, each in enumerate(self.parts):
            mine = np.flatnonzero(part == place)
            if len(mine):
                found[mine] = _read(each, row[mine], listed)
        return found[:, 0] if one else found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[:].astype(dtype or self.dtype, copy=False)


def _read(part: Any, rows: np.ndarray, columns: Any) -> np.ndarray:
    if isinstance(part, Gathered):
        return part[rows, columns]
    return part[:, columns][rows] if isinstance(columns, slice) else part[rows[:, None], columns]


def _compact(columns: Any) -> Any:
    """Columns that follow each other as a slice, which is read at once."""
    if isinstance(columns, np.ndarray) and len(columns) and (np.diff(columns) == 1).all():
        return slice(int(columns[0]), int(columns[-1]) + 1)
    return columns


def in_file(words: Any) -> bool:
    """Whether masks are memory-mapped."""
    return isinstance(words, np.memmap | Gathered)


def _as_gathered(words: Any, *, whole: bool = False) -> Gathered:
    if isinstance(words, Gathered) and not (whole and words.columns is not None):
        return words
    return Gathered([words], np.zeros(len(words), dtype=np.int64), np.arange(len(words)))


def chosen_rows(words: np.ndarray, at: Sequence[int]) -> np.ndarray:
    """Some rows, in the order given; of a file, where they are."""
    if not in_file(words):
        return words[list(at)]
    if isinstance(words, np.memmap) and len(at) and list(at) == list(range(at[0], at[0] + len(at))):
        return words[at[0] : at[0] + len(at)]
    given, places = _as_gathered(words), np.array(at, dtype=np.int64)
    return cast(np.ndarray, Gathered(given.parts, given.part[places], given.row[places], given.columns))


def under_each_other(several: Sequence[np.ndarray]) -> np.ndarray:
    """The rows of several arrays; where one is a file, none is copied."""
    if len(several) == 1:
        return several[0]
    if not any(map(in_file, several)):
        return np.concatenate(several)
    # Chosen columns are not the same in all parts: such arrays are parts themselves.
    whole = [_as_gathered(each, whole=True) for each in several]
    shift = np.cumsum([0, *(len(each.parts) for each in whole)])
    return cast(
        np.ndarray,
        Gathered(
            [part for each in whole for part in each.parts],
            np.concatenate([each.part + by for each, by in zip(whole, shift, strict=False)]),
            np.concatenate([each.row for each in whole]),
        ),
    )


def chosen_columns(words: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Some columns of masks in a file, in the order given, with repetition."""
    given = _as_gathered(words)
    within = columns if given.columns is None else given.columns[columns]
    return cast(np.ndarray, Gathered(given.parts, given.part, given.row, within))
