"""The named errors of the hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from aitia.core import AitiaError, listing, nearest


class UnknownVariable(AitiaError):
    """A name was asked of moments that do not hold it."""

    def __init__(self, name: str, available: Sequence[str]) -> None:
        super().__init__(f"There is no variable {name!r} in these moments.", nearest(name, available))
        self.name = name


class NonFiniteRows(AitiaError):
    """A block of rows held a NaN, an infinity, or a number too large to square.

    Args:
        column: the first column concerned.
        rows: positions in the stream of the first few, counted from 0; the message counts rows from 1.
        values: what stands there.
        total: how many such values the block holds in all its columns.
    """

    def __init__(self, column: str, rows: Sequence[int], values: Sequence[float], total: int) -> None:
        shown = ", ".join(f"{value!r} in row {row + 1:,}" for row, value in zip(rows, values))
        more = f" ({total:,} such values in this block)" if total > len(rows) else ""
        super().__init__(
            f"Column {column!r} must hold finite numbers that can be squared, but it holds {shown}{more}.",
            "Choose a policy for missing values, remove the rows, or rescale the column.",
        )
        self.column = column
        self.rows = tuple(rows)
        self.values = tuple(values)


class BadBlock(AitiaError):
    """A block, its weights or its groups do not have the shape or the values they must have."""


class DifferentVariables(AitiaError):
    """Two statistics of different variables were merged."""

    def __init__(self, left: Sequence[str], right: Sequence[str]) -> None:
        super().__init__(
            f"Only statistics of the same variables in the same order can be merged; got ({listing(left)}) "
            f"and ({listing(right)}).",
            "Bring both to the same variables with .subset(names).",
        )


class CollinearColumns(AitiaError):
    """Some regressors are exact linear combinations of others, as far as float64 can tell.

    Args:
        combinations: each redundant column with the columns that it is a combination of (``"Intercept"``
            where it is constant).
    """

    def __init__(self, combinations: Mapping[str, Sequence[str]]) -> None:
        told = "; ".join(f"{name!r} {_of(others)}" for name, others in list(combinations.items())[:6])
        more = f"; and {len(combinations) - 6} more" if len(combinations) > 6 else ""
        super().__init__(
            f"Columns are collinear: {told}{more}.",
            "Leave these columns out, or pass drop_collinear=True to drop them and have it reported.",
        )
        self.combinations = {name: tuple(others) for name, others in combinations.items()}
        self.dropped = tuple(self.combinations)
        self.of = self.combinations


class TooFewRows(AitiaError):
    """There are not enough rows for what was asked."""


def _of(others: Sequence[str]) -> str:
    if tuple(others) == ("Intercept",):
        return "is constant"
    if not others:
        return "is zero"
    return f"is a linear combination of {listing(list(others))}"


def locate_non_finite(block: np.ndarray, names: Sequence[str], start: int) -> NonFiniteRows:
    """The error for a block whose products are not finite.

    Args:
        block: the rows, shape (rows, k).
        names: the k names.
        start: the position in the stream of the block's first row.
    """
    # A product overflows above sqrt(max); such a number is as useless here as an infinity. Sums of products
    # overflow a little earlier, hence the largest value where no single one is beyond the limit.
    limit = np.sqrt(np.finfo(float).max)
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(block) < limit)
    total = int(bad.sum())
    if not total:
        row, column = divmod(int(np.argmax(np.abs(block))), block.shape[1])
        return NonFiniteRows(names[column], [start + row], [float(block[row, column])], 1)
    column = int(np.flatnonzero(bad.any(axis=0))[0])
    rows = np.flatnonzero(bad[:, column])[:3]
    return NonFiniteRows(
        names[column], [start + int(row) for row in rows], [float(block[row, column]) for row in rows], total
    )
