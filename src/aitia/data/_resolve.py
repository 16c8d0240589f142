"""What each term of a design means for the columns at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from aitia.core import Decision, listing, nearest
from aitia.data._condition import Condition
from aitia.data._encode import (
    CodesEncoder,
    ConditionEncoder,
    Encoder,
    MissingEncoder,
    NumericEncoder,
    OneHotEncoder,
)
from aitia.data._errors import (
    ConstantColumn,
    EmptyData,
    MissingValues,
    NonFiniteValues,
    TextInNumberColumn,
    TooManyLevels,
    UnknownLevel,
    UnsupportedColumn,
    rows_and_values,
)
from aitia.data._kinds import Column, Kind, Storage
from aitia.data._profile import reads_as_number
from aitia.data._table import Table
from aitia.data._terms import Codes, Numeric, OneHot, Predicate, Term

MOST_LEVELS = 100
"""A categorical column with more levels than this has to be given its kind by the person."""


@dataclass(frozen=True)
class Plan:
    """The terms asked for, read against a table.

    Args:
        terms: the terms, each a `Term` or a `Formula`.
        reads: the columns read, without repeats.
        required: columns never filled where missing.
        conditions: the conditions of predicates, by text.
        values: every value of each column that is coded, sorted.
        levels: the values behind the codes of each `Codes` column, filled in as they are encoded.
    """

    terms: tuple[Any, ...]
    reads: tuple[str, ...]
    required: frozenset[str]
    conditions: Mapping[str, Condition]
    values: Mapping[str, tuple[object, ...]]
    levels: dict[str, tuple[object, ...]] = field(default_factory=dict)

    def among(self) -> dict[str, tuple[object, ...]]:
        """Columns whose rows with other values are left out, with the values that stay."""
        chosen = {}
        for term in self.terms:
            if isinstance(term, Codes) and term.drop_others and term.levels is not None:
                levels = _match(term.column, self.values[term.column], term.levels)
                if len(levels) < len(self.values[term.column]):
                    chosen[term.column] = levels
        return chosen

    def encoders(
        self,
        table: Table,
        facts: Mapping[str, Column],
        pieces: Callable[[], Iterable[Any]],
        *,
        indicator: bool,
    ) -> tuple[list[list[Encoder]], list[Decision]]:
        """The encoders of each term, and what was decided about them; `pieces` reads the rows used."""
        from aitia.data._formula import Formula, FormulaEncoder

        made: list[list[Encoder]] = []
        decisions: list[Decision] = []
        for term in self.terms:
            if isinstance(term, Formula):
                for name in term.reads:
                    _usable(table, facts[name])
                encoder = FormulaEncoder.learn(term, facts, pieces())
                decisions.append(encoder.decision)
            elif isinstance(term, Predicate):
                encoder = ConditionEncoder(self.conditions[term.condition])
            else:
                encoder, decision = self._encoder(table, term, facts[term.column])
                decisions.extend([decision] if decision else [])
            encoders = [encoder]
            if indicator and not encoder.required:
                encoders += [MissingEncoder(facts[name]) for name in encoder.reads if facts[name].n_missing]
            made.append(encoders)
        return made, decisions

    def _encoder(
        self, table: Table, term: Numeric | OneHot | Codes, column: Column
    ) -> tuple[Encoder, Decision | None]:
        _usable(table, column)
        match term:
            case OneHot():
                return _one_hot(column, term.baseline)
            case Codes():
                levels = _code_levels(column, self.values[column.name], term)
                self.levels[column.name] = levels
                return CodesEncoder(column, levels), None
            case Numeric():
                if column.storage is Storage.TEXT:
                    _all_numbers(table, column)
                decision = None
                if column.storage is Storage.DATE:
                    decision = Decision(
                        f"counted {column.name} in days since {column.minimum}",
                        "dates enter as days since the first",
                    )
                fill = np.nan if column.mean is None or term.required else column.mean
                return NumericEncoder(column, required=term.required, fill=fill), decision


def plan(table: Table, terms: Sequence[str | Term]) -> Plan:
    """Read the terms: names by their column's kind, formulas and conditions by their columns."""
    from aitia.data._formula import Formula

    if not terms:
        raise EmptyData("A design needs at least one column.", "Name the columns.")
    parsed: list[Any] = []
    reads: list[str] = []
    required: set[str] = set()
    conditions: dict[str, Condition] = {}
    for term in terms:
        if isinstance(term, str) and term not in table.names and term.lstrip().startswith("~"):
            term = Formula.parse(term, table.names)
        if isinstance(term, Formula):
            reads.extend(term.reads)
        elif isinstance(term, Predicate):
            condition = Condition(term.condition, table.names, table.column)
            conditions[term.condition] = condition
            reads.extend(condition.columns)
            required.update(condition.columns)
        else:
            reads.append(term if isinstance(term, str) else term.column)
            if isinstance(term, Codes) or (isinstance(term, Numeric) and term.required):
                required.add(term.column)
        parsed.append(term)
    reads = list(dict.fromkeys(reads))
    facts = dict(zip(reads, table.profile(reads)))  # one pass for all of them
    resolved = [_by_kind(facts[term]) if isinstance(term, str) else term for term in parsed]
    coded = [facts[term.column] for term in resolved if isinstance(term, Codes)]
    values = {column.name: column.levels or _every_value(table, column.name) for column in coded}
    return Plan(tuple(resolved), tuple(reads), frozenset(required), conditions, values)


def _by_kind(column: Column) -> Numeric | OneHot:
    """How a column that is only named enters: text and categories one-hot, all else as numbers."""
    if column.kind is Kind.CATEGORICAL:
        return OneHot(column.name)
    if column.kind is Kind.BINARY and column.storage is Storage.TEXT:
        return OneHot(column.name)
    return Numeric(column.name)


def check_finite(table: Table, columns: Iterable[Column]) -> None:
    """Raise where a column holds infinite values, with the first rows that do."""
    for column in columns:
        if column.n_infinite:
            found = first_rows(table, column.name, _infinite)
            raise NonFiniteValues(
                f"The column {column.name!r} holds {column.n_infinite:,} infinite values: {rows_and_values(found)}.",
                "Correct these values or make them missing.",
            )


def _infinite(values: pa.Array) -> np.ndarray:
    return np.isinf(values.cast(pa.float64()).to_numpy(zero_copy_only=False))


def first_rows(
    table: Table, name: str, wrong: Callable[[pa.Array], Any], most: int = 5
) -> list[tuple[int, object]]:
    """The first rows, counted from 0, whose value in a column is wrong, with the value."""
    found: list[tuple[int, object]] = []
    at = 0
    for batch in table.batches([name]):
        values = batch.column(0)
        mask = np.asarray(wrong(values))
        rows = np.flatnonzero(mask)[: most - len(found)].tolist()
        found.extend((at + row, values[row].as_py()) for row in rows)
        if len(found) >= most:
            break
        at += len(values)
    return found


def _usable(table: Table, column: Column) -> None:
    if column.storage is Storage.OTHER:
        raise UnsupportedColumn(
            f"The column {column.name!r} cannot be used: {column.note}.",
            "Convert it to numbers, text or dates.",
        )
    if column.storage is Storage.EMPTY or (column.n_distinct == 0 and not column.distinct_capped):
        raise MissingValues(f"Every value of the column {column.name!r} is missing.", "Leave it out.")
    if column.storage is Storage.TEXT and not column.kind_set and column.note:
        raise _text_among_numbers(table, column)


def _text_among_numbers(table: Table, column: Column) -> TextInNumberColumn:
    found = first_rows(table, column.name, _not_number)
    return TextInNumberColumn(
        f"The column {column.name!r} holds numbers, but also text: {rows_and_values(found)}.",
        "Correct these values, make them missing, or set the column's kind to categorical.",
    )


def _not_number(values: pa.Array) -> np.ndarray:
    return np.array([text is not None and not reads_as_number(text) for text in values.to_pylist()], bool)


def _all_numbers(table: Table, column: Column) -> None:
    found = first_rows(table, column.name, _not_number)
    if found:
        raise TextInNumberColumn(
            f"The column {column.name!r} was to be read as numbers but holds text: {rows_and_values(found)}.",
            "Use it as a categorical column, or correct these values.",
        )


def _one_hot(column: Column, baseline: Any) -> tuple[Encoder, Decision | None]:
    if column.distinct_capped or (len(column.levels or ()) > MOST_LEVELS and not column.kind_set):
        raise TooManyLevels(
            f"The column {column.name!r} has {column.distinct_text} levels, too many for one-hot coding.",
            f"Leave it out, group its levels, or set its kind (to categorical, where up to 1,000 are accepted; "
            f"without that, up to {MOST_LEVELS}).",
        )
    levels = column.levels
    frequencies: Sequence[int] = column.frequencies
    if not levels:
        raise TooManyLevels(
            f"The column {column.name!r} holds numbers, not levels.",
            "Set its kind to categorical to code it one-hot.",
        )
    left_out = levels[0] if baseline is None else _match(column.name, levels, (baseline,))[0]
    kept = tuple(level for level in levels if level != left_out)
    total = sum(frequencies)
    fill = [n / total for level, n in zip(levels, frequencies) if level != left_out]
    why = "first level in sorted order" if baseline is None else "as asked"
    decision = Decision(
        f"coded {column.name} as 0/1 columns for {listing(kept)} against the baseline {left_out}",
        f"baseline: {why}",
    )
    return OneHotEncoder(column, kept, fill=fill), decision if kept else Decision(
        f"left out {column.name}", f"its only value in the rows used is {left_out}"
    )


def _code_levels(column: Column, values: Sequence[Any], term: Codes) -> tuple[object, ...]:
    if term.levels is None:
        return column.levels or tuple(values)
    if not term.levels:
        raise ConstantColumn(f"No levels were given for {column.name!r}.", "Name them, or give None for all.")
    levels = _match(column.name, values, term.levels)
    others = [value for value in values if value not in set(levels)]
    if others and not term.drop_others:
        raise UnknownLevel(
            f"The column {column.name!r} also holds {listing(others)}, besides {listing(levels)}.",
            "Name all its values, or leave the rows with others out.",
        )
    return levels


def _every_value(table: Table, name: str) -> tuple[object, ...]:
    """Every distinct value of a column in sorted order, however many; held in memory."""
    seen: set[Any] = set()
    for batch in table.batches([name]):
        seen.update(batch.column(0).unique().to_pylist())
    known = [value for value in seen if value is not None and value == value]
    return tuple(sorted(known))


def _match(name: str, values: Sequence[Any], wanted: Sequence[Any]) -> tuple[object, ...]:
    """The column's own values that the given ones mean: equal, or written the same."""
    equal = {value: value for value in values}
    written = {str(value): value for value in values}
    matched = []
    for level in wanted:
        if level in equal:
            matched.append(equal[level])
        elif str(level) in written:
            matched.append(written[str(level)])
        else:
            raise UnknownLevel(f"The column {name!r} has no value {level!r}.", nearest(str(level), written))
    return tuple(matched)
