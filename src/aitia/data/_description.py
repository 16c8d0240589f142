"""What a table holds, as a table a person reads."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aitia.core import Decision
from aitia.data._kinds import Column

_HEAD = ("column", "kind", "missing", "distinct", "mean", "std", "min", "max", "most common")


@dataclass(frozen=True)
class Description:
    """Every column of a table, from one pass over its rows.

    Args:
        source: where the rows came from, in words.
        n_rows: number of rows.
        columns: the facts of each column.
        fingerprint: SHA-256 of the data.
        fingerprint_of: what the fingerprint was made of.
        decisions: what was decided while reading.

    Example:
        >>> from aitia.data import read
        >>> print(read({"age": [31, 45, 60], "sex": ["f", "m", "f"]}).describe())
        columns in memory: 3 rows, 2 columns
        column  kind    missing  distinct   mean   std  min  max  most common
        age     count         0         3  45.33  14.5   31   60
        sex     binary        0         2                         f (2), m (1)
    """

    source: str
    n_rows: int
    columns: tuple[Column, ...]
    fingerprint: str
    fingerprint_of: str
    decisions: Sequence[Decision] = ()

    def rows(self) -> list[tuple[str, ...]]:
        """One row of text a column, under the heads column, kind, missing, ... most common."""
        return [self._row(column) for column in self.columns]

    def _row(self, column: Column) -> tuple[str, ...]:
        kind = f"{column.kind.value} (set)" if column.kind_set else column.kind.value
        common = sorted(zip(column.levels, column.frequencies), key=lambda pair: -pair[1])
        said = ", ".join(f"{_shown(level)} ({count:,})" for level, count in common[:3])
        if len(common) > 3:
            said += f" and {len(common) - 3} more"
        return (
            _printable(column.name),
            kind,
            f"{column.n_missing:,}",
            f">{column.n_distinct:,}" if column.distinct_capped else f"{column.n_distinct:,}",
            _number(column.mean),
            _number(column.std),
            _number(column.minimum),
            _number(column.maximum),
            "; ".join(filter(None, (said, self._warning(column)))),
        )

    def _warning(self, column: Column) -> str:
        infinite = f"{column.n_infinite:,} infinite values" if column.n_infinite else ""
        return "; ".join(filter(None, (infinite, column.note)))

    def __str__(self) -> str:
        rows = [_HEAD, *self.rows()]
        widths = [min(max(len(row[i]) for row in rows), 40) for i in range(len(_HEAD))]
        lines = []
        for row in rows:
            cells = [_cut(cell, width) for cell, width in zip(row, widths)]
            left = {0, 1, len(_HEAD) - 1}
            cells = [c.ljust(w) if i in left else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths))]
            lines.append("  ".join(cells).rstrip())
        title = f"{self.source}: {self.n_rows:,} rows, {len(self.columns)} columns"
        return "\n".join((title, *lines))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        def cells(tag: str, row: Sequence[str]) -> str:
            return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row) + "</tr>"

        body = "".join(cells("td", row) for row in self.rows())
        title = html.escape(f"{self.source}: {self.n_rows:,} rows, {len(self.columns)} columns")
        return f"<table><caption>{title}</caption><thead>{cells('th', _HEAD)}</thead><tbody>{body}</tbody></table>"

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values for JSON."""
        return {
            "source": self.source,
            "rows": self.n_rows,
            "fingerprint": self.fingerprint,
            "fingerprint_of": self.fingerprint_of,
            "decisions": [{"what": each.what, "why": each.why} for each in self.decisions],
            "columns": [
                {
                    "name": column.name,
                    "kind": column.kind.value,
                    "kind_set": column.kind_set,
                    "missing": column.n_missing,
                    "infinite": column.n_infinite,
                    "distinct": column.n_distinct,
                    "distinct_capped": column.distinct_capped,
                    "mean": column.mean,
                    "std": column.std,
                    "minimum": _json(column.minimum),
                    "maximum": _json(column.maximum),
                    "levels": [
                        {"value": _json(level), "rows": count}
                        for level, count in zip(column.levels, column.frequencies)
                    ],
                    "note": column.note,
                }
                for column in self.columns
            ],
        }


def _json(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _number(value: Any) -> str:
    if value is None:
        return ""
    return (
        f"{value:.4g}"
        if isinstance(value, float) and abs(value) < 1e4
        else f"{value:,.6g}"
        if isinstance(value, float)
        else str(value)
    )


def _shown(value: Any) -> str:
    return _cut(_printable(str(value)), 24)


def _printable(text: str) -> str:
    """Text on one line: line breaks and other control characters escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
