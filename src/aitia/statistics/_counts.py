"""Counts: the additive statistic of discrete variables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aitia.core import AitiaError, listing, nearest
from aitia.statistics._errors import BadBlock, DifferentVariables, UnknownVariable
from aitia.statistics._moments import checked_weights


class EmptyStratum(AitiaError):
    """A conditional distribution was asked where no row meets the condition."""


class TooManyCells(AitiaError):
    """A table over these variables has more cells than can be numbered or held."""


_DENSE = 1 << 24  # cells of a dense table: 128 MiB


@dataclass(frozen=True, eq=False)
class Counts:
    """A contingency table with named axes, holding only the cells that occur: a monoid under ``+``.

    Args:
        names: the d variables.
        levels: the values of each, in the order of their codes.
        cells: the flat positions (last variable fastest) of the cells that occur, increasing, shape (m,).
        values: the count or weight in each of them, shape (m,).

    Example:
        >>> codes = np.array([[0, 1], [0, 1], [1, 0]])
        >>> counts = Counts.of(codes, {"arm": ("control", "treated"), "died": (0, 1)})
        >>> counts.table.tolist(), counts.marginal(["died"]).table.tolist()
        ([[0.0, 2.0], [1.0, 0.0]], [1.0, 2.0])
        >>> counts.conditional(["died"], given=["arm"]).tolist()
        [[0.0, 1.0], [1.0, 0.0]]
    """

    names: tuple[str, ...]
    levels: tuple[tuple[Any, ...], ...]
    cells: np.ndarray = field(repr=False)
    values: np.ndarray = field(repr=False)

    @classmethod
    def of(
        cls, codes: np.ndarray, levels: Mapping[str, Sequence[Any]], weights: np.ndarray | None = None
    ) -> Counts:
        """Count rows of codes.

        Args:
            codes: integers, shape (rows, d): column j indexes the levels of variable j.
            levels: each variable with its values, in the order of the columns.
            weights: non-negative weights, shape (rows,), or None.

        Raises:
            BadBlock: misshapen codes, a code that is not an integer or indexes no level.
            TooManyCells: the product of the numbers of levels passes 2^63.
        """
        names, values = tuple(levels), tuple(tuple(each) for each in levels.values())
        shape = tuple(len(each) for each in values)
        codes = np.asarray(codes)
        if codes.ndim != 2 or codes.shape[1] != len(names):
            raise BadBlock(
                f"Codes must have shape (rows, {len(names)}), but they have {codes.shape}.",
                "One column for each variable.",
            )
        weights = checked_weights(weights, len(codes))
        _check_size(names, shape)
        flat = np.zeros(len(codes), np.int64)
        for j, (name, size) in enumerate(zip(names, shape)):
            column = codes[:, j]
            whole = column.astype(np.int64)
            bad = (whole != column) | (whole < 0) | (whole >= size)
            if bad.any():
                row = int(np.flatnonzero(bad)[0])
                raise BadBlock(
                    f"Codes of {name!r} must be integers in 0..{size - 1}, but row {row + 1:,} has {column[row]}.",
                    "Encode the variable with these levels.",
                )
            flat = flat * size + whole
        if math.prod(shape) <= max(4 * len(flat), 1024):
            dense = np.bincount(flat, weights, math.prod(shape)).astype(float)
            cells = np.flatnonzero(dense)
            return cls(names, values, cells, dense[cells])
        cells, inverse = np.unique(flat, return_inverse=True)
        return cls(names, values, cells, np.bincount(inverse, weights, len(cells)).astype(float))._clean()

    @classmethod
    def of_table(cls, table: np.ndarray, levels: Mapping[str, Sequence[Any]]) -> Counts:
        """From a dense table of counts with one axis a variable."""
        names, values = tuple(levels), tuple(tuple(each) for each in levels.values())
        table = np.asarray(table, float)
        if table.shape != tuple(len(each) for each in values):
            raise BadBlock(
                f"The table must have shape {tuple(len(each) for each in values)}, but it has {table.shape}.",
                "One axis for each variable, as long as its levels.",
            )
        checked_weights(table.ravel(), table.size)
        cells = np.flatnonzero(table)
        return cls(names, values, cells, table.ravel()[cells])

    # -- the monoid ----------------------------------------------------------------------------------------

    def __add__(self, other: Counts) -> Counts:
        if not isinstance(other, Counts):
            return NotImplemented
        return self._merged(other, 1.0)

    def __radd__(self, other: object) -> Counts:
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def __sub__(self, part: Counts) -> Counts:
        """The counts of the rows that are not in `part`; weights that differ by rounding alone leave nothing."""
        if not isinstance(part, Counts):
            return NotImplemented
        rest = self._merged(part, -1.0)
        slack = 1e-9 * max(self.total, 1.0)
        if len(rest.values) and rest.values.min() < -slack:
            raise BadBlock(
                "A part has more rows in a cell than the whole.", "Subtract only shards that were merged."
            )
        keep = rest.values > 1e-12 * max(self.total, 1.0)
        return Counts(rest.names, rest.levels, rest.cells[keep], rest.values[keep])

    def _merged(self, other: Counts, sign: float) -> Counts:
        if self.names != other.names:
            raise DifferentVariables(self.names, other.names)
        if self.levels != other.levels:
            raise BadBlock(
                "Only counts over the same levels can be merged.", "Encode both with the same levels."
            )
        cells, inverse = np.unique(np.concatenate([self.cells, other.cells]), return_inverse=True)
        values = np.bincount(inverse, np.concatenate([self.values, sign * other.values]), len(cells))
        return Counts(self.names, self.levels, cells, values)._clean()

    def _clean(self) -> Counts:
        keep = self.values != 0
        return self if keep.all() else Counts(self.names, self.levels, self.cells[keep], self.values[keep])

    # -- readings ------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """How many levels each variable has."""
        return tuple(len(each) for each in self.levels)

    @property
    def total(self) -> float:
        """The number (or weight) of all rows."""
        return float(self.values.sum())

    @property
    def table(self) -> np.ndarray:
        """The dense table, one axis a variable."""
        size = math.prod(self.shape)
        if size > _DENSE:
            raise TooManyCells(
                f"A dense table over {listing(self.names)} has {size:,} cells.",
                "Take a marginal of fewer variables.",
            )
        table = np.zeros(size)
        table[self.cells] = self.values
        return table.reshape(self.shape)

    @property
    def codes(self) -> np.ndarray:
        """The codes of the cells that occur, shape (m, d)."""
        if not self.names:
            return np.zeros((len(self.cells), 0), np.int64)
        return np.column_stack(np.unravel_index(self.cells, self.shape))

    def axis(self, name: str) -> int:
        """Which axis a variable is."""
        if name not in self.names:
            raise UnknownVariable(name, self.names)
        return self.names.index(name)

    def marginal(self, names: Sequence[str]) -> Counts:
        """Counts over some of the variables, in the order given."""
        axes = [self.axis(name) for name in names]
        levels = {name: self.levels[axis] for name, axis in zip(names, axes)}
        return Counts.of(self.codes[:, axes], levels, self.values)

    def where(self, values: Mapping[str, Any]) -> Counts:
        """Counts of the rows in which each named variable has its value, over the other variables."""
        codes, keep = self.codes, np.ones(len(self.cells), bool)
        for name, value in values.items():
            axis = self.axis(name)
            if value not in self.levels[axis]:
                raise UnknownLevel(name, value, self.levels[axis])
            keep &= codes[:, axis] == self.levels[axis].index(value)
        rest = [name for name in self.names if name not in values]
        axes = [self.axis(name) for name in rest]
        levels = {name: self.levels[axis] for name, axis in zip(rest, axes)}
        return Counts.of(codes[keep][:, axes], levels, self.values[keep])

    def conditional(
        self, of: Sequence[str], given: Sequence[str] = (), *, empty: float | None = None
    ) -> np.ndarray:
        """P(of | given), one axis for each variable: those given first, then the others.

        Args:
            of: the variables whose probabilities these are.
            given: the variables held fixed.
            empty: the value to write where no row meets the condition; None makes that an error.

        Raises:
            EmptyStratum: no row has some combination of the variables given.
        """
        joint = self.marginal([*given, *of]).table
        rows = joint.reshape(math.prod(joint.shape[: len(given)]), -1)
        totals = rows.sum(axis=1)
        if empty is None and (totals <= 0).any():
            code = np.unravel_index(int(np.flatnonzero(totals <= 0)[0]), joint.shape[: len(given)] or (1,))
            told = ", ".join(
                f"{name} = {self.levels[self.axis(name)][at]!r}" for name, at in zip(given, code)
            )
            raise EmptyStratum(
                f"No row has {told}." if told else "There are no rows.",
                "Restrict the question to strata that occur, or merge levels.",
            )
        safe = np.where(totals > 0, totals, 1.0)
        shares = rows / safe[:, None]
        if empty is not None:
            shares[totals <= 0] = empty
        return shares.reshape(joint.shape)

    def __repr__(self) -> str:
        axes = ", ".join(f"{name}[{len(levels)}]" for name, levels in zip(self.names, self.levels))
        return f"Counts({axes}; {self.total:g} rows in {len(self.cells):,} cells)"


class UnknownLevel(AitiaError):
    """A value was asked of a discrete variable that does not have it."""

    def __init__(self, name: str, value: Any, levels: Sequence[Any]) -> None:
        super().__init__(f"{name!r} has no value {value!r}.", nearest(str(value), map(str, levels)))


def _check_size(names: Sequence[str], shape: Sequence[int]) -> None:
    size = math.prod(shape)
    if size >= 1 << 62:
        raise TooManyCells(
            f"A table over {listing(list(names))} has {size:.3g} cells, more than can be numbered.",
            "Count fewer variables at once, or merge levels.",
        )
