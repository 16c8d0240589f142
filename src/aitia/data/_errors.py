"""What can be wrong with a table, each with its own name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aitia.core import AitiaError, listing, nearest


class DataError(AitiaError):
    """The base of every error about a table."""


class ColumnNotFound(DataError):
    """A column was asked for that the table does not have.

    Args:
        name: the name as given.
        available: the names of the table's columns.
        role: what the column was wanted for (``"treatment"``), where that helps.
    """

    def __init__(self, name: str, available: Iterable[str], role: str = "") -> None:
        wanted = f"{role} column" if role else "column"
        super().__init__(f"There is no {wanted} {name!r} in the table.", nearest(name, available))
        self.name = name


class MissingValues(DataError):
    """Values are missing in chosen columns and no policy says what to do about them."""


class NonFiniteValues(DataError):
    """A chosen column holds infinite values."""


class TextInNumberColumn(DataError):
    """A column of numbers holds text, or a column of text was used as numbers."""


class DuplicateColumns(DataError):
    """Two columns have the same name."""


class EmptyData(DataError):
    """There are no rows or no columns."""


class UnreadableFile(DataError):
    """A file or stream could not be read: not there, truncated, malformed, or of an unknown format."""


class SchemaMismatch(DataError):
    """The files of a folder or glob do not have the same columns."""


class ConstantColumn(DataError):
    """A column that has to vary holds one value only."""


class TooManyLevels(DataError):
    """A categorical column has more levels than one-hot coding accepts."""


class KindMismatch(DataError):
    """A column cannot have the kind it was given."""


class UnsupportedColumn(DataError):
    """A column's type (lists, structures, bytes, times of day) has no place in a model."""


class UnknownLevel(DataError):
    """A value was met or asked for that is not among a column's levels."""


class FormulaError(DataError):
    """A formula or condition could not be read.

    Args:
        what: what is wrong, in one sentence.
        text: the formula or condition as given.
        position: the offset of the offending token in `text`, or None where it is not known.
        next_step: what to do about it.
    """

    def __init__(self, what: str, text: str, position: int | None = None, next_step: str = "") -> None:
        pointer = "" if position is None else "\n    " + " " * position + "^"
        super().__init__(f"{what}\n    {text}{pointer}", next_step)
        self.text = text
        self.position = position


def rows_and_values(found: Sequence[tuple[int, object]]) -> str:
    """``row 3 ('abc'), row 7 (inf)``; rows count from 1.

    Example:
        >>> rows_and_values([(2, "abc")])
        "row 3 ('abc')"
    """
    return listing([f"row {row + 1:,} ({value!r})" for row, value in found], most=5)
