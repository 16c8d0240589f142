"""The data boundary of discovery: columns as numbers, their moments, and what kind each is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from aitia.core import Decision, listing, nearest, stream
from aitia.data import Codes, Column, Design, Kind, Missing, MissingValues, Numeric, Table, read
from aitia.discovery._errors import DiscoveryError
from aitia.statistics import GroupedMoments, Moments, accumulate, assign_blocks

DISCRETE = (Kind.BINARY, Kind.CATEGORICAL)
KEEP = "keep"
"""This room's policy for missing values: they stay (NaN in the values, -1 in the codes), for tests that read them."""


@dataclass(frozen=True, eq=False)
class Distinct:
    """The distinct rows of discrete columns with their counts: what compiled counting reads.

    Args:
        codes: int32, shape (p, m), C order, one line a variable; -1 where a value is missing.
        weights: float64, shape (m,): how often each row occurs.
        sizes: int64, shape (p,): the number of levels of each variable.
    """

    codes: np.ndarray
    weights: np.ndarray
    sizes: np.ndarray


class Observations:
    """Columns for discovery, made by `of`, `of_moments` or `of_names`; everything in it is made when first needed.

    Numbers are as they are; binary and categorical columns are the positions of their levels (0.0, 1.0, ...).
    What only needs moments streams the rows once and never holds them.

    Args:
        names: the p variables.
        rows: n; 0 where there are no data (an oracle's variables).
        discrete: for each variable, whether it is binary or categorical.
        levels: the values behind the codes of each discrete variable; empty for the others.
        decisions: what was decided on the way (rows left out, constant columns set aside).
        missing: for each variable, in how many rows it has no value; only ``missing="keep"`` leaves any.

    Example:
        >>> data = Observations.of({"a": [1.0, 2.0, 4.0, 3.0], "b": ["x", "y", "y", "x"]})
        >>> data.names, data.rows, data.discrete
        (('a', 'b'), 4, (False, True))
        >>> round(float(data.correlation[0, 1]), 3)
        0.447
    """

    def __init__(
        self,
        names: Sequence[str],
        rows: int,
        discrete: Sequence[bool],
        levels: Sequence[tuple[Any, ...]],
        decisions: Sequence[Decision] = (),
        *,
        missing: Sequence[int] = (),
        design: Design | None = None,
        values: np.ndarray | None = None,
        moments: Moments | None = None,
    ) -> None:
        self.names = tuple(names)
        self.rows = rows
        self.discrete = tuple(discrete)
        self.levels = tuple(levels)
        self.decisions = tuple(decisions)
        self.missing = tuple(missing) or (0,) * len(self.names)
        self._design = design
        if values is not None:
            self.__dict__["values"] = values
        if moments is not None:
            self.__dict__["moments"] = moments

    @classmethod
    def of(
        cls,
        data: Any,
        columns: Iterable[str] | None = None,
        *,
        kinds: Mapping[str, Kind | str] | None = None,
        missing: Missing | str = Missing.STOP,
    ) -> Observations:
        """The columns of anything `aitia.data.read` takes.

        Args:
            data: a path, a frame, a mapping of columns, a `Table`, or `Observations` (returned as they are).
            columns: which columns; None takes all.
            kinds: kinds set by the person, by column; ``Kind.CATEGORICAL`` makes a column of numbers discrete.
            missing: the policy for missing values over these columns: ``"stop"``, ``"complete_cases"``, or ``"keep"``,
                which leaves them to tests that read them (`TestWise`, `MissingnessCorrected`). Nothing is filled in,
                which would make up dependences.

        Raises:
            DataError: the columns cannot be read; missing values under ``stop``; text in a column of numbers.
            DiscoveryError: fewer than two columns vary, or there is no such policy.
        """
        if isinstance(data, Observations):
            return data
        if str(missing) not in (*Missing, KEEP):
            raise DiscoveryError(
                f"There is no policy {str(missing)!r} for missing values.",
                nearest(str(missing), [*Missing, KEEP]),
            )
        keep = str(missing) == KEEP
        table: Table = read(data, kinds=kinds)
        names = tuple(table.names if columns is None else columns)
        facts = table.profile(names)
        kept = [column for column in facts if not column.is_constant]
        decisions = []
        empty = [column.name for column in facts if column.is_constant and not column.n_distinct]
        gone = [column.name for column in facts if column.is_constant and column.n_distinct]
        if empty:
            decisions.append(Decision(f"left out {listing(empty)}", "these columns hold no value at all"))
        if gone:
            decisions.append(Decision(f"left out {listing(gone)}", "these columns hold one value only"))
        if len(kept) < 2:
            raise DiscoveryError(
                f"Discovery needs two columns that vary, but there {'is' if len(kept) == 1 else 'are'} {len(kept)}.",
                "Give more columns.",
            )
        if str(missing) not in (Missing.COMPLETE_CASES, KEEP):
            _refuse_missing(table, [column for column in kept if column.n_missing])
        discrete = [column.kind in DISCRETE for column in kept]
        terms = [
            Codes(column.name) if is_discrete else Numeric(column.name, required=True)
            for column, is_discrete in zip(kept, discrete)
        ]
        design = Design.build(table, terms, missing=Missing.STOP if keep else missing, keep_missing=keep)
        levels = [tuple(design.levels.get(column.name, ())) for column in kept]
        return cls(
            [column.name for column in kept],
            design.n_rows,
            discrete,
            levels,
            (*table.decisions, *decisions, *design.decisions),
            missing=[column.n_missing if keep else 0 for column in kept],
            design=design,
        )

    @classmethod
    def of_moments(cls, moments: Moments) -> Observations:
        """Continuous variables of which only the moments are known: of a population, a replicate, a federation."""
        p = len(moments.names)
        return cls(moments.names, moments.count, [False] * p, [()] * p, moments=moments)

    @classmethod
    def of_covariance(cls, names: Sequence[str], covariance: np.ndarray, rows: int) -> Observations:
        """A population with this covariance, taken as if seen through `rows` rows.

        Raises:
            DiscoveryError: it is no covariance matrix of these variables.
        """
        covariance = np.asarray(covariance, float)
        p = len(names)
        if covariance.shape != (p, p):
            raise DiscoveryError(
                f"The covariance of {p} variables has shape ({p}, {p}), but came {covariance.shape}.",
                "Give one line and one column for each name.",
            )
        scale = np.sqrt(np.abs(np.diag(covariance)))
        slack = 1e-8 * (np.outer(scale, scale) + 1e-300)
        if not (np.isfinite(covariance).all() and (np.abs(covariance - covariance.T) <= slack).all()):
            raise DiscoveryError("The covariance is not symmetric and finite.", "Check how it was made.")
        for name, variance in zip(names, np.diag(covariance)):
            if variance <= 0:
                raise DiscoveryError(
                    f"The variance of {name!r} is {variance:g}, but must be positive.",
                    "Leave constant columns out.",
                )
        if np.linalg.eigvalsh(covariance / np.outer(scale, scale))[0] < -1e-8 * p:
            raise DiscoveryError(
                "The covariance has a negative eigenvalue, so that no variables can have it.",
                "Pairwise deletion makes such matrices: use complete rows.",
            )
        zero = np.zeros(len(names))
        return cls.of_moments(Moments(tuple(names), rows, float(rows), zero, covariance * rows))

    @classmethod
    def of_names(cls, names: Iterable[str]) -> Observations:
        """Variables without data, for oracles."""
        names = tuple(names)
        return cls(names, 0, [False] * len(names), [()] * len(names))

    @classmethod
    def of_values(
        cls,
        names: Sequence[str],
        values: np.ndarray,
        discrete: Sequence[bool] | None = None,
        levels: Sequence[tuple[Any, ...]] | None = None,
    ) -> Observations:
        """Rows that lie in memory already.

        Args:
            names: the p variables.
            values: float64, shape (n, p); codes 0, 1, ... in discrete columns.
            discrete: which columns are discrete; None: none.
            levels: the values behind the codes; None: the codes themselves.

        Raises:
            DiscoveryError: the shape does not fit the names, values are infinite, or codes are no codes.
        """
        values = np.asarray(values, float)
        if values.ndim != 2 or values.shape[1] != len(names) or len(set(names)) < len(names):
            raise DiscoveryError(
                f"{len(names)} different names need values of shape (n, {len(names)}), but came "
                f"{values.shape} for {listing(list(names))}.",
                "Give one column for each name.",
            )
        discrete = [False] * len(names) if discrete is None else list(discrete)
        missing = _missing(names, values)
        for i in np.flatnonzero(discrete).tolist():
            seen = values[:, i][~np.isnan(values[:, i])] if missing[i] else values[:, i]
            most = math.inf if levels is None else len(levels[i])
            wrong = (seen < 0) | (seen != np.floor(seen)) | (seen >= most)
            if wrong.any():
                raise DiscoveryError(
                    f"Codes of {names[i]!r} must be whole numbers from 0"
                    + (f" to {most - 1}" if levels is not None else "")
                    + f", but one is {seen[wrong][0]:g}.",
                    "Use `Observations.of`, which codes the columns itself.",
                )
        if levels is None:
            levels = [
                tuple(range(int(np.nanmax(values[:, i], initial=0)) + 1)) if each else ()
                for i, each in enumerate(discrete)
            ]
        return cls(names, len(values), discrete, levels, missing=missing, values=values)

    # What is made when first needed.

    @cached_property
    def values(self) -> np.ndarray:
        """All rows, shape (n, p), float64, Fortran order; NaN where a value is missing.

        Raises:
            DiscoveryError: only moments or names are known.
        """
        if self._design is None:
            raise DiscoveryError(
                "This needs the rows, but only " + ("moments" if self.rows else "names") + " are known.",
                "Give the data themselves, or choose a test or score that needs moments only.",
            )
        values = self._design.matrix()
        for i, gone in enumerate(self.missing):
            if gone and self.discrete[i]:
                values[values[:, i] < 0, i] = np.nan
        return values

    @property
    def is_complete(self) -> bool:
        """Whether every variable has a value in every row."""
        return not any(self.missing)

    @property
    def has_rows(self) -> bool:
        """Whether the rows themselves are there, not only moments or names."""
        return self._design is not None or "values" in self.__dict__

    @cached_property
    def codes(self) -> np.ndarray:
        """The codes of the discrete variables, shape (n, p), int32, Fortran order; -1 in the other columns and where a
        value is missing."""
        codes = np.full((self.rows, len(self.names)), -1, np.int32, order="F")
        for i, discrete in enumerate(self.discrete):
            if discrete:
                column = self.values[:, i]
                codes[:, i] = np.where(np.isnan(column), -1, column) if self.missing[i] else column
        return codes

    @cached_property
    def distinct(self) -> Distinct:
        """The distinct rows of the codes, with their counts."""
        lines = np.ascontiguousarray(self.codes.T)
        # Rows with equal sums of random odd multiples are the same row; should two others collide (about one chance in
        # 2^64 / n^2), the slow way decides.
        factors = stream(0, "distinct rows").integers(0, 2**63, len(lines), np.uint64) * np.uint64(
            2
        ) + np.uint64(1)
        keys = np.zeros(self.rows, np.uint64)
        for line, factor in zip(lines, factors):
            keys += line.astype(np.uint64) * factor
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        codes = np.ascontiguousarray(lines[:, first])
        if not all(np.array_equal(short[inverse], line) for short, line in zip(codes, lines)):
            codes, inverse = np.unique(lines, axis=1, return_inverse=True)
            codes = np.ascontiguousarray(codes)
        weights = np.bincount(inverse.ravel(), minlength=codes.shape[1]).astype(float)
        return Distinct(codes, weights, np.array(self.sizes, np.int64))

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many levels each variable has; 0 for those that are not discrete."""
        return tuple(len(each) for each in self.levels)

    @cached_property
    def moments(self) -> Moments:
        """The moments of all columns, from one pass.

        Raises:
            DiscoveryError: values are missing.
        """
        self.require_complete("A covariance of all columns")
        return self.block_moments(1).total()

    def block_moments(self, blocks: int, seed: int = 0) -> GroupedMoments:
        """The moments of each of `blocks` random blocks of rows, from one pass: what replicates are made of."""
        if not self.has_rows:
            raise DiscoveryError(
                "Blocks need the rows, but only moments are known.", "Give the data themselves."
            )
        if blocks == 1:
            return accumulate(self._stream(), self.names)
        return accumulate(
            self._stream(),
            self.names,
            groups=lambda block, start: assign_blocks(start, len(block), blocks, seed, "discovery blocks"),
            n_groups=blocks,
        )

    def _stream(self) -> Iterable[np.ndarray]:
        if "values" in self.__dict__ or self._design is None:
            return [self.values]
        return self._design.blocks()

    @cached_property
    def correlation(self) -> np.ndarray:
        """The correlation matrix, shape (p, p), from the moments; a constant column correlates with nothing."""
        cross = self.moments.cross
        spread = np.sqrt(np.diag(cross))
        spread[spread == 0] = 1.0
        correlation = cross / np.outer(spread, spread)
        np.fill_diagonal(correlation, 1.0)
        return correlation

    # Parts.

    def take(self, rows: np.ndarray) -> Observations:
        """The same variables for these rows (positions, possibly repeated)."""
        return Observations.of_values(
            self.names, np.asfortranarray(self.values[rows]), self.discrete, self.levels
        )

    def subset(self, names: Sequence[str]) -> Observations:
        """Some of the variables."""
        at = [self.position(name) for name in names]
        discrete, levels = [self.discrete[i] for i in at], [self.levels[i] for i in at]
        known = self.__dict__.get("moments")
        return Observations(
            names,
            self.rows,
            discrete,
            levels,
            self.decisions,
            missing=[self.missing[i] for i in at],
            values=np.asfortranarray(self.values[:, at]) if self.has_rows else None,
            moments=None if known is None else known.subset(names),
        )

    def position(self, name: str) -> int:
        """Where a variable stands.

        Raises:
            DiscoveryError: there is none of that name; the nearest is named.
        """
        if name not in self.names:
            raise DiscoveryError(f"There is no variable {name!r}.", nearest(name, self.names))
        return self.names.index(name)

    # What tests and scores ask before they start.

    def require_numbers(self, what: str) -> None:
        """Refuse categorical columns with more than two levels, whose codes have no order.

        Raises:
            DiscoveryError: names the column.
        """
        for name, levels in zip(self.names, self.levels):
            if len(levels) > 2:
                raise DiscoveryError(
                    f"{what} reads numbers, but {name!r} is categorical with {len(levels)} levels.",
                    "Choose a test or score for mixed columns, or leave this column out.",
                )

    def require_discrete(self, what: str) -> None:
        """Refuse columns that are not binary or categorical.

        Raises:
            DiscoveryError: names the column.
        """
        for name, discrete in zip(self.names, self.discrete):
            if not discrete:
                raise DiscoveryError(
                    f"{what} counts categories, but {name!r} holds numbers.",
                    f"If its numbers are categories, say so: kinds={{{name!r}: 'categorical'}} (or --kind discrete).",
                )

    def require_complete(self, what: str) -> None:
        """Refuse missing values, which only tests made for them can read.

        Raises:
            DiscoveryError: names the column with the most.
        """
        if not self.is_complete:
            worst = int(np.argmax(self.missing))
            raise DiscoveryError(
                f"{what} reads complete rows, but {self.names[worst]!r} has no value in {self.missing[worst]:,} of "
                f"{self.rows:,} rows.",
                "Choose a test that reads missing values (TestWise, MissingnessCorrected), or the policy "
                "complete_cases.",
            )

    def __repr__(self) -> str:
        return f"Observations({self.rows:,} rows, {len(self.names)} variables: {listing(self.names)})"


def _refuse_missing(table: Table, columns: Sequence[Column]) -> None:
    """Refuse missing values with the policies that this room has: no values are made up here."""
    if columns:
        counts = (f"{each.name} ({each.n_missing:,} of {table.n_rows:,} rows)" for each in columns)
        raise MissingValues(
            f"Values are missing, which discovery never fills in: {', '.join(counts)}.",
            "Choose the policy complete_cases (use only rows with a value in every chosen column). Where only the "
            "graph is wanted, keep leaves them to tests that read rows with gaps, as PC, FCI and RFCI do.",
        )


def _missing(names: Sequence[str], values: np.ndarray) -> list[int]:
    """How many values each column lacks (NaN); infinite ones are refused."""
    missing = [0] * len(names)
    with np.errstate(invalid="ignore", over="ignore"):
        # A sum is finite unless a value is not (or all are near overflow): one cheap pass for clean columns.
        suspect = np.flatnonzero(~np.isfinite(values.sum(axis=0)))
    for i in suspect.tolist():
        infinite = np.flatnonzero(np.isinf(values[:, i]))
        if len(infinite):
            raise DiscoveryError(
                f"{names[i]!r} is infinite in {len(infinite):,} rows (the first is row {infinite[0] + 1:,}).",
                "Remove these rows, or bound the column.",
            )
        missing[i] = int(np.isnan(values[:, i]).sum())
    return missing
