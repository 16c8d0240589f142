"""One pass over some columns: missing, distinct, levels, mean, spread, smallest and largest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa

from aitia.data._arrow import plain
from aitia.data._errors import KindMismatch
from aitia.data._kinds import (
    MOST_DISTINCT,
    Column,
    Kind,
    Storage,
    inferred_kind,
    storage_of,
)

MOSTLY_NUMBERS = 0.5
"""A text column of which more than this share reads as numbers is a number column with text in it."""


def profile(
    schema: pa.Schema, batches: Iterable[pa.RecordBatch], names: Sequence[str], kinds: Mapping[str, Kind]
) -> dict[str, Column]:
    """The named columns as one pass over their rows finds them; both cores share the columns."""
    running = [_Running(name, schema.field(name).type) for name in names]
    with ThreadPoolExecutor(2) as pool:
        for batch in batches:
            # Small batches cost more to hand over than to work through.
            each = zip(running, batch.columns)
            if batch.num_rows * len(names) < 50_000:
                for column, values in each:
                    column.update(values)
            else:
                list(pool.map(lambda pair: pair[0].update(pair[1]), each))
    return {each.name: each.column(kinds.get(each.name)) for each in running}


class _Running:
    """What is known of one column so far."""

    def __init__(self, name: str, kind: pa.DataType) -> None:
        self.name = name
        self.type = kind
        self.storage = storage_of(kind)
        self.rows = self.missing = self.infinite = 0
        self.count = 0  # finite values
        self.mean = self.squares = 0.0
        self.low, self.high = math.inf, -math.inf
        self.whole = True
        self.seen: dict[Any, int] = {}
        self.capped = False

    def update(self, values: pa.Array) -> None:
        self.rows += len(values)
        match self.storage:
            case Storage.NUMBER:
                self._numbers(values)
            case Storage.BOOLEAN:
                self.missing += values.null_count
                self._numbers_known(values.drop_null().to_numpy(zero_copy_only=False).astype(np.float64))
                self._distinct(values.drop_null())
            case Storage.TEXT:
                self.missing += values.null_count
                self._distinct(values.drop_null() if values.null_count else values)
            case Storage.DATE:
                self.missing += values.null_count
                known = values.drop_null()
                if len(known):
                    self._numbers_known(days(known))
                    self._distinct(known)
            case Storage.EMPTY:
                self.missing += len(values)
            case Storage.OTHER:
                self.missing += values.null_count

    def _numbers(self, values: pa.Array) -> None:
        known, absent = floats(values)
        with np.errstate(invalid="ignore", over="ignore"):
            total = known.sum()
        if not np.isfinite(total):
            missing = np.isnan(known)
            infinite = np.isinf(known)
            if missing.any():
                absent += int(missing.sum())
                values = pa.array(known[~missing])
            self.infinite += int(infinite.sum())
            known = known[~(missing | infinite)]
        self.missing += absent
        self._numbers_known(known)
        self._distinct(values.drop_null() if values.null_count else values)

    def _numbers_known(self, known: np.ndarray) -> None:
        """Merge the mean and centred squares of these finite values (Chan, Golub and LeVeque 1983)."""
        n = len(known)
        if not n:
            return
        pilot = float(known[0])
        centred = known - pilot
        shift = float(centred.mean())
        mean = pilot + shift
        # Not a BLAS dot product: its threads would fight with the threads of `profile`.
        squares = float(np.square(centred).sum()) - n * shift * shift
        if squares < 1e-3 * n * shift * shift:  # the pilot was far out: centre again
            centred -= shift
            squares = float(np.square(centred).sum())
        gap, count = mean - self.mean, self.count + n
        self.squares += max(squares, 0.0) + gap * gap * self.count * n / count
        self.mean += gap * n / count
        self.count = count
        self.low = min(self.low, float(known.min()))
        self.high = max(self.high, float(known.max()))
        if self.whole and not pa.types.is_integer(self.type):
            self.whole = bool((known == np.floor(known)).all())

    def _distinct(self, known: pa.Array) -> None:
        if self.capped or not len(known):
            return
        if len(known) > 4 * MOST_DISTINCT and len(known[: 2 * MOST_DISTINCT].unique()) > MOST_DISTINCT:
            self.capped = True
            return
        counted = plain(known).value_counts()
        values, counts = counted.field("values"), counted.field("counts")
        for value, count in zip(values.to_pylist(), counts.to_pylist()):
            self.seen[value] = self.seen.get(value, 0) + count
        self.capped = len(self.seen) > MOST_DISTINCT

    def column(self, wanted: Kind | None) -> Column:
        distinct = MOST_DISTINCT if self.capped else len(self.seen)
        numeric = self.storage in (Storage.NUMBER, Storage.BOOLEAN, Storage.DATE)
        low, high = (self.low, self.high) if self.count else (None, None)
        kind = wanted or inferred_kind(
            self.storage, n_distinct=distinct, capped=self.capped, whole=self.whole, minimum=low
        )
        note = self._note(wanted)
        _refuse_kind(self.name, self.storage, wanted, distinct, self.capped)
        levels: tuple[Any, ...] = ()
        frequencies: tuple[int, ...] = ()
        if kind in (Kind.BINARY, Kind.CATEGORICAL) and not self.capped:
            ordered = sorted(self.seen.items(), key=lambda item: item[0])
            levels = tuple(_plain(value) for value, _ in ordered)
            frequencies = tuple(count for _, count in ordered)
        mean = self.mean
        if self.storage is Storage.DATE and self.count:
            mean -= self.low
            low, high = date_of(self.low), date_of(self.high)
        return Column(
            name=self.name,
            kind=kind,
            n_missing=self.missing,
            n_distinct=distinct,
            levels=levels,
            minimum=low,
            maximum=high,
            mean=mean if numeric and self.count else None,
            std=math.sqrt(self.squares / (self.count - 1)) if numeric and self.count > 1 else None,
            frequencies=frequencies,
            n_infinite=self.infinite,
            distinct_capped=self.capped,
            storage=self.storage,
            kind_set=wanted is not None,
            note=note,
        )

    def _note(self, wanted: Kind | None) -> str:
        if self.storage is Storage.OTHER:
            return f"values of type {self.type} cannot enter a model"
        if self.rows and self.missing == self.rows:
            return "every value is missing"
        if self.storage is Storage.TEXT and wanted is None and self.seen:
            share = sum(n for text, n in self.seen.items() if reads_as_number(text)) / sum(self.seen.values())
            if MOSTLY_NUMBERS < share < 1:
                return "numbers with text among them"
        return ""


def _refuse_kind(name: str, storage: Storage, wanted: Kind | None, distinct: int, capped: bool) -> None:
    if wanted is None:
        return
    if wanted is Kind.BINARY and (distinct > 2 or capped):
        shown = "more than 1,000" if capped else f"{distinct:,}"
        raise KindMismatch(
            f"The column {name!r} was set to binary but has {shown} distinct values.",
            "Set it to categorical, count or continuous.",
        )
    if wanted is Kind.DATE and storage not in (Storage.DATE, Storage.EMPTY):
        raise KindMismatch(
            f"The column {name!r} was set to date but its values are stored as {storage.value}.",
            "Convert it to dates before (pandas.to_datetime, or a CSV with dates as 2024-12-31).",
        )
    if storage is Storage.DATE and wanted in (Kind.COUNT, Kind.CONTINUOUS):
        raise KindMismatch(
            f"The column {name!r} holds dates and was set to {wanted.value}.",
            "Leave its kind as date: it enters models as days since its first date.",
        )


def floats(values: pa.Array) -> tuple[np.ndarray, int]:
    """The values that are not null as float64, and the number of nulls; a view where there is nothing to do."""
    absent = values.null_count
    if absent:
        values = values.drop_null()
    return np.asarray(plain(values).to_numpy(zero_copy_only=False), dtype=np.float64), absent


def days(values: pa.Array) -> np.ndarray:
    """Dates and times without nulls as days since 1970-01-01, float64."""
    values = plain(values)
    if pa.types.is_date32(values.type):
        return values.cast(pa.int32()).to_numpy(zero_copy_only=False).astype(np.float64)
    micros = values.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
    return micros.to_numpy(zero_copy_only=False) / 86_400e6


def date_of(day: float) -> Any:
    """The date, or date and time, that lies so many days after 1970-01-01."""
    import datetime

    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(days=day)
    return moment.date() if moment.time() == datetime.time() else moment


def reads_as_number(text: str) -> bool:
    """Whether the text is a number as a person would write it."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
