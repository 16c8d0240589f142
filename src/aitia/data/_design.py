"""From chosen columns to blocks of float64: what every estimator reads."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from aitia.core import Decision, listing
from aitia.data._arrow import absent, may_miss
from aitia.data._encode import Columns, Encoder, Kept, positions
from aitia.data._errors import EmptyData
from aitia.data._kinds import Column
from aitia.data._missing import Missing, counts_text, refuse
from aitia.data._profile import profile
from aitia.data._resolve import Plan, check_finite, plan
from aitia.data._table import ROWS, Table
from aitia.data._terms import Term

MATRIX_LIMIT = 2 * 2**30
"""`Design.matrix` holds up to this many bytes in memory; a larger matrix is mapped to a temporary file."""


@dataclass(frozen=True, eq=False)
class Design:
    """Chosen columns of a table as numbers, made by `Design.build`.

    Numbers enter as they are, booleans as 0/1, dates as days since the first, text and categorical columns
    one-hot without the first level in sorted order (``region[west]``). Decisions say all of it.

    Args:
        table: the table read.
        names: the k encoded names.
        groups: source columns to the positions of their encoded columns (a condition is its own group).
        terms: for each term asked for, in order, the positions of its encoded columns.
        decisions: what was done about missing values, levels and constant columns, with counts.
        n_rows: rows after the policy for missing values.
        levels: the values behind the codes of each `Codes` column.
    """

    table: Table
    names: tuple[str, ...]
    groups: Mapping[str, tuple[int, ...]]
    terms: tuple[tuple[int, ...], ...]
    decisions: tuple[Decision, ...]
    n_rows: int
    levels: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    _encoders: tuple[Encoder, ...] = field(default=(), repr=False)
    _rows: _Rows | None = field(default=None, repr=False)

    @classmethod
    def build(
        cls,
        table: Table,
        terms: str | Term | Sequence[str | Term],
        *,
        missing: Missing | str = Missing.STOP,
        drop_constant: bool = True,
        keep_missing: bool = False,
    ) -> Design:
        """Decide how columns become numbers. Makes at most one pass over columns not yet known, and one more
        where rows are left out; a formula adds one pass that holds its source columns in memory.

        Args:
            table: the table.
            terms: column names, `Numeric`, `OneHot`, `Codes`, `Predicate`, and one-sided formulas such as
                ``"~ age + bs(income, 4) + C(region)"``, in the order the encoded columns shall have.
            missing: the policy for missing values over all columns read.
            drop_constant: leave out encoded columns that hold one value only, with a decision; columns asked for as
                `Codes`, `Predicate` and ``Numeric(required=True)`` stay.
            keep_missing: for readers that deal with missing values themselves: overrules the policy, and a missing
                value is NaN in a ``Numeric(required=True)`` column and -1 in a `Codes` column.

        Raises:
            ColumnNotFound: a column is not in the table.
            MissingValues: values are missing under the policy ``stop``, or in a required column under a filling one.
            NonFiniteValues: a column holds infinite values; names the first rows.
            TextInNumberColumn: a column of numbers holds text; names the first rows.
            TooManyLevels: a categorical column has more than 100 levels and its kind was not set.
            UnknownLevel: a baseline or code is not among a column's levels, or rows hold another value.
            FormulaError: a formula or condition cannot be read; points at the token.
            EmptyData: no row is left.

        Example:
            >>> from aitia.data import read, Design
            >>> table = read({"age": [31, 45, 60, 52], "region": ["n", "s", "w", "n"]})
            >>> design = Design.build(table, ["age", "region"])
            >>> design.names
            ('age', 'region[s]', 'region[w]')
            >>> design.matrix()
            array([[31.,  0.,  0.],
                   [45.,  1.,  0.],
                   [60.,  0.,  1.],
                   [52.,  0.,  0.]])
        """
        policy = Missing.of(missing)
        if isinstance(terms, str) or not isinstance(terms, Sequence):
            terms = [terms]
        asked: Plan = plan(table, terms)
        facts = dict(zip(asked.reads, table.profile(asked.reads)))
        incomplete = [column for column in facts.values() if column.n_missing and not keep_missing]
        check_finite(table, facts.values())
        decisions: list[Decision] = []
        rows = _Rows(table, asked.reads)
        n_rows = table.n_rows
        if incomplete:
            if policy is Missing.STOP:
                raise refuse(incomplete, n_rows)
            if policy is Missing.COMPLETE_CASES:
                rows = replace(rows, complete=tuple(column.name for column in incomplete))
            elif unfillable := [column for column in incomplete if column.name in asked.required]:
                raise refuse(unfillable, n_rows, fillable=False)
        rows = replace(rows, among=asked.among())
        if rows.complete or rows.among:
            whole = n_rows
            kept, facts, dropped = rows.survey(facts)
            n_rows = kept
            if rows.complete:
                decisions.append(
                    Decision(
                        f"left out {dropped:,} of {whole:,} rows with missing values: "
                        f"{counts_text(incomplete, whole)}",
                        "the policy for missing values is complete_cases",
                    )
                )
            for name, levels in rows.among.items():
                decisions.append(
                    Decision(
                        f"left out {whole - dropped - kept:,} of {whole:,} rows whose {name} is none of "
                        f"{listing(levels)}",
                        "only these values are compared",
                    )
                )
            if not n_rows:
                raise EmptyData(
                    "No row has a value in every chosen column.",
                    f"Missing: {counts_text(incomplete, whole)}. Leave the emptiest columns out.",
                )
        elif incomplete:
            how = "their means" + (
                ", with a 0/1 column each that says so" if policy is Missing.INDICATOR else ""
            )
            decisions.append(
                Decision(
                    f"filled missing values with {how}: {counts_text(incomplete, n_rows)}",
                    f"the policy for missing values is {policy.value}",
                )
            )
        made, said = asked.encoders(
            table, facts, lambda: rows.pieces(ROWS), indicator=policy is Missing.INDICATOR
        )
        decisions.extend(said)
        if drop_constant:
            made, gone = _without_constants(made)
            if gone:
                decisions.append(
                    Decision(
                        f"left out {listing(gone)}", "these columns hold one value only in the rows used"
                    )
                )
        return cls._of(table, made, decisions, n_rows, rows, asked)

    @classmethod
    def _of(
        cls,
        table: Table,
        made: Sequence[Sequence[Encoder]],
        decisions: Iterable[Decision],
        n_rows: int,
        rows: _Rows,
        asked: Plan,
    ) -> Design:
        names: list[str] = []
        groups: dict[str, tuple[int, ...]] = {}
        terms = []
        for encoders in made:
            start = len(names)
            for encoder in encoders:
                for key, at in encoder.groups().items():
                    groups[key] = (*groups.get(key, ()), *(len(names) + i for i in at))
                names.extend(encoder.names)
            terms.append(tuple(range(start, len(names))))
        return cls(
            table=table,
            names=tuple(names),
            groups=groups,
            terms=tuple(terms),
            decisions=tuple(decisions),
            n_rows=n_rows,
            levels=asked.levels,
            _encoders=tuple(encoder for encoders in made for encoder in encoders),
            _rows=rows,
        )

    def blocks(self, rows: int = ROWS) -> Iterator[np.ndarray]:
        """The encoded columns, `rows` rows at a time: shape (rows, k), float64, Fortran order.

        Every block but the last has exactly `rows` rows, wherever the source's batches end, so the same rows from
        any source give the same blocks. Each block is fresh memory that the caller may keep.
        """
        left = self.n_rows
        block, filled = self._empty(min(rows, left)), 0
        for columns, n in self._pieces(rows):
            at = 0
            while at < n:
                take = min(n - at, len(block) - filled)
                self._write(_slice(columns, at, take), block[filled : filled + take])
                at, filled = at + take, filled + take
                if filled == len(block):
                    yield block
                    left -= filled
                    block, filled = self._empty(min(rows, left)), 0

    def matrix(self) -> np.ndarray:
        """All rows at once: shape (n_rows, k), float64, Fortran order.

        Above 2 GiB it is mapped to a temporary file, removed when the matrix is no longer used.
        """
        out = self._empty(self.n_rows)
        at = 0
        for columns, n in self._pieces(ROWS):
            self._write(columns, out[at : at + n])
            at += n
        return out

    def _empty(self, rows: int) -> np.ndarray:
        shape = (rows, len(self.names))
        if rows * len(self.names) * 8 <= MATRIX_LIMIT:
            return np.empty(shape, order="F")
        with tempfile.NamedTemporaryFile(prefix="aitia-", suffix=".f64", delete=False) as handle:
            path = Path(handle.name)
        mapped = np.memmap(path, dtype=np.float64, mode="w+", shape=shape, order="F")
        weakref.finalize(mapped, path.unlink, missing_ok=True)
        return mapped

    def _pieces(self, rows: int) -> Iterator[tuple[Columns, int]]:
        assert self._rows is not None
        return self._rows.pieces(rows)

    def _write(self, columns: Columns, out: np.ndarray) -> None:
        at = 0
        for encoder in self._encoders:
            width = len(encoder.names)
            encoder.write(columns, out[:, at : at + width])
            at += width

    def __repr__(self) -> str:
        return f"Design({self.n_rows:,} rows, {len(self.names)} columns: {listing(self.names)})"


@dataclass(frozen=True)
class _Rows:
    """The rows used: all, or those with values in some columns and levels in others.

    Args:
        table: the table.
        columns: the columns to read.
        complete: columns that must have a value.
        among: columns whose value must be one of these.
    """

    table: Table
    columns: tuple[str, ...]
    complete: tuple[str, ...] = ()
    among: Mapping[str, tuple[object, ...]] = field(default_factory=dict)

    def pieces(self, rows: int) -> Iterator[tuple[Columns, int]]:
        """The columns of the rows used, batch by batch, with the number of rows."""
        for batch in self.table.batches(self.columns, rows):
            keep = self._complete(batch)
            among = self._among(batch)
            if among is not None:
                keep = among if keep is None else keep & among
            if keep is not None and not keep.all():
                batch = batch.filter(pa.array(keep))
            yield dict(zip(self.columns, batch.columns)), batch.num_rows

    def survey(self, facts: Mapping[str, Column]) -> tuple[int, dict[str, Column], int]:
        """One pass: rows kept, the facts of the columns over those rows, and rows left out as incomplete."""
        counts = {"kept": 0, "incomplete": 0}

        def kept() -> Iterator[pa.RecordBatch]:
            for batch in self.table.batches(self.columns):
                complete = self._complete(batch)
                among = self._among(batch)
                keep = np.ones(batch.num_rows, bool) if complete is None else complete
                counts["incomplete"] += int((~keep).sum())
                if among is not None:
                    keep = keep & among
                counts["kept"] += int(keep.sum())
                yield batch if keep.all() else batch.filter(pa.array(keep))

        kinds = {name: column.kind for name, column in facts.items()}
        new = profile(self.table.schema, kept(), self.columns, kinds)
        facts = {
            name: replace(new[name], kind_set=facts[name].kind_set, note=facts[name].note) for name in facts
        }
        return counts["kept"], facts, counts["incomplete"]

    def _complete(self, batch: pa.RecordBatch) -> np.ndarray | None:
        keep = None
        for name in self.complete:
            column = batch.column(name)
            there = ~absent(column)
            keep = there if keep is None else keep & there
        return keep

    def _among(self, batch: pa.RecordBatch) -> np.ndarray | None:
        keep = None
        for name, levels in self.among.items():
            column = batch.column(name)
            found = positions(column, levels) >= 0
            if may_miss(column):
                # A missing value is the policy's matter, not this rule's.
                found |= absent(column)
            keep = found if keep is None else keep & found
        return keep


def _without_constants(made: Sequence[Sequence[Encoder]]) -> tuple[list[list[Encoder]], list[str]]:
    """The encoders without encoded columns that are constant, and the names of those."""
    kept: list[list[Encoder]] = []
    gone: list[str] = []
    for encoders in made:
        left: list[Encoder] = []
        for encoder in encoders:
            constant = encoder.constant() if not encoder.required else (False,) * len(encoder.names)
            gone.extend(name for name, drop in zip(encoder.names, constant) if drop)
            stay = [i for i, drop in enumerate(constant) if not drop]
            if len(stay) == len(constant):
                left.append(encoder)
            elif stay:
                left.append(Kept(encoder, stay))
        kept.append(left)
    return kept, gone


def _slice(columns: Columns, at: int, take: int) -> Columns:
    return {name: values.slice(at, take) for name, values in columns.items()}
