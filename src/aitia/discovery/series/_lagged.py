"""Rows of the past beside the present: the lagged design, made once for every test of a series algorithm."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from aitia.core import Decision
from aitia.discovery._errors import DiscoveryError
from aitia.discovery._observations import Observations
from aitia.statistics import accumulate

_LAGGED = re.compile(r"(.+)\.lag([1-9][0-9]*)")
_ROWS = 8192


def lag_name(name: str, lag: int) -> str:
    """The name of a variable `lag` steps ago: ``x`` at 0, ``x.lag2`` at 2.

    Example:
        >>> lag_name("x", 0), lag_name("x", 2)
        ('x', 'x.lag2')
    """
    return f"{name}.lag{lag}" if lag else name


def split_lag(name: str) -> tuple[str, int]:
    """The variable and the lag behind a name, the inverse of `lag_name`.

    Example:
        >>> split_lag("x.lag2"), split_lag("x")
        (('x', 2), ('x', 0))
    """
    found = _LAGGED.fullmatch(name)
    return (found[1], int(found[2])) if found else (name, 0)


def lagged_names(names: Sequence[str], max_lag: int) -> tuple[str, ...]:
    """All names from the present back to `max_lag`: every variable at lag 0, then at lag 1, and so on."""
    return tuple(lag_name(name, lag) for lag in range(max_lag + 1) for name in names)


def lag_depth(names: Sequence[str]) -> int:
    """How many lags every variable comes with; 0 where these are not the names of a lagged design."""
    split = [split_lag(name) for name in names]
    depth = max((lag for _, lag in split), default=0)
    bases = [base for base, lag in split if lag == 0]
    return depth if depth and set(names) == set(lagged_names(bases, depth)) else 0


def lagged(
    observations: Any, max_lag: int, *, time: str | None = None, unit: str | None = None
) -> Observations:
    """The variables now and 1, ..., `max_lag` steps ago, as columns named ``x``, ``x.lag1``, ...

    Only rows with a complete past are kept: the first `max_lag` rows of every unbroken stretch of time go. Nothing
    is lagged from one unit into another or across a gap.

    Args:
        observations: `Observations`, or anything `Observations.of` takes; the rows of each unit in time order,
            unless `time` says it.
        max_lag: how far back, in steps; at least 1.
        time: the column that holds the time; rows are put into its order, and a step longer than one and a half of
            the usual (median) one is a gap. It is no variable of the result.
        unit: the column that says which series a row belongs to. It is no variable of the result.

    Returns:
        The lagged columns; their moments take one pass over the rows and never hold all columns at once.

    Raises:
        DiscoveryError: there are no rows, two rows of a unit have the same time, or no stretch is long enough.

    Example:
        >>> data = Observations.of({"x": [1.0, 2.0, 4.0, 3.0], "y": [0.0, 1.0, 0.0, 5.0]})
        >>> wide = lagged(data, 1)
        >>> wide.names
        ('x', 'y', 'x.lag1', 'y.lag1')
        >>> wide.values.tolist()
        [[2.0, 1.0, 1.0, 0.0], [4.0, 0.0, 2.0, 1.0], [3.0, 5.0, 4.0, 0.0]]
    """
    data = Observations.of(observations)
    if not data.has_rows and not data.rows:
        return Observations.of_names(lagged_names(data.names, max_lag))
    return series_of(data, time, unit).lagged(max_lag)


@dataclass(frozen=True, eq=False)
class Series:
    """Rows in time order, and where time runs without a break.

    Args:
        names: the p variables, without the columns of time and unit.
        discrete: which of them are binary or categorical.
        levels: the values behind the codes of each.
        values: the rows in order of unit and time, shape (n, p).
        runs: pairs (start, stop) of rows between which every step is one step of time.
        units: how many series there are.
        gaps: how many steps were longer or shorter than the usual one.
        decisions: what was decided on the way.
    """

    names: tuple[str, ...]
    discrete: tuple[bool, ...]
    levels: tuple[tuple[Any, ...], ...]
    values: np.ndarray
    runs: tuple[tuple[int, int], ...]
    units: int = 1
    gaps: int = 0
    decisions: tuple[Decision, ...] = ()

    def rows_at(self, max_lag: int) -> int:
        """How many rows have a past of `max_lag` steps."""
        return sum(max(stop - start - max_lag, 0) for start, stop in self.runs)

    def lagged(self, max_lag: int) -> Observations:
        """The lagged columns; see the function `lagged`."""
        if max_lag < 1:
            raise DiscoveryError(f"A lag is 1 or more steps, but came {max_lag}.", "Give max_lag=1 or more.")
        rows, longest = self.rows_at(max_lag), max((stop - start for start, stop in self.runs), default=0)
        if rows < 1:
            raise DiscoveryError(
                f"Lags up to {max_lag} leave {rows} of {len(self.values):,} rows with a complete past: the longest "
                f"stretch of time without a gap has {longest:,} rows.",
                "Give longer series or a smaller max_lag.",
            )
        names, steps = lagged_names(self.names, max_lag), max_lag + 1
        design = _LaggedRows(self, max_lag, rows)
        return Observations(
            names,
            rows,
            self.discrete * steps,
            self.levels * steps,
            self.decisions,
            design=design,  # type: ignore[arg-type]
            moments=accumulate(design.blocks(), names).total(),
        )


class _LaggedRows:
    """What `Observations` needs of a design: the rows in blocks, or all at once."""

    def __init__(self, series: Series, max_lag: int, rows: int) -> None:
        self._series, self._max_lag, self._n = series, max_lag, rows

    def blocks(self, rows: int = _ROWS) -> Iterator[np.ndarray]:
        """The rows in order, each with its past to the right."""
        values, deep = self._series.values, self._max_lag
        for start, stop in self._series.runs:
            for first in range(start + deep, stop, rows):
                last = min(first + rows, stop)
                yield np.hstack([values[first - lag : last - lag] for lag in range(deep + 1)])

    def matrix(self) -> np.ndarray:
        """All rows, Fortran order."""
        out = np.empty((self._n, (self._max_lag + 1) * len(self._series.names)), order="F")
        at = 0
        for block in self.blocks():
            out[at : at + len(block)] = block
            at += len(block)
        return out


def series_of(data: Observations, time: str | None = None, unit: str | None = None) -> Series:
    """The rows of `data` in time order, and their unbroken stretches; see `lagged` for the arguments."""
    if not data.has_rows:
        raise DiscoveryError(
            "Lags need the rows, but only moments are known.",
            "Give the data themselves, or the moments of a lagged design.",
        )
    clock = None if time is None else data.position(time)
    member = None if unit is None else data.position(unit)
    kept = [i for i in range(len(data.names)) if i not in (clock, member)]
    if not kept:
        raise DiscoveryError("There is no column beside time and unit.", "Give at least one variable.")
    if clock is None and any("complete_cases" in each.why for each in data.decisions):
        raise DiscoveryError(
            "Rows with missing values were left out, so neighbouring rows may be more than one step apart.",
            "Name the column of time (time=...), so that nothing is lagged across these gaps, or keep the rows "
            "(missing='keep'): windows of time with a missing value are then left out.",
        )
    values, n = data.values, data.rows
    code = np.zeros(n) if member is None else values[:, member]
    tick = np.arange(n, dtype=float) if clock is None else values[:, clock]
    order = np.lexsort((tick, code))
    code, tick = code[order], tick[order]
    same, step = np.diff(code) == 0, np.diff(tick)
    decisions = list(data.decisions)
    broken = ~same
    gaps = 0
    if clock is not None:
        if (step[same] <= 0).any():
            row = int(np.flatnonzero(same & (step <= 0))[0])
            raise DiscoveryError(
                f"Rows {order[row] + 1:,} and {order[row + 1] + 1:,} have the same time {tick[row]:g}"
                + (f" in one {unit}." if unit else "."),
                "Name the column that tells the series apart (unit=...), or keep one row for each time.",
            )
        usual = float(np.median(step[same])) if same.any() else 1.0
        odd = same & ((step > 1.5 * usual) | (step < 0.5 * usual))
        gaps = int(odd.sum())
        broken = broken | odd
        if gaps:
            decisions.append(
                Decision(
                    f"split the series at {gaps:,} irregular steps of {time}",
                    f"they are not one step ({usual:g}) long, and nothing is lagged across a gap",
                )
            )
    ordered = np.ascontiguousarray(values[order][:, kept])
    absent = np.asarray(np.isnan(ordered).any(axis=1))
    if absent.any():
        broken = broken | absent[1:] | absent[:-1]
        decisions.append(
            Decision(
                f"used no window of time with a missing value ({int(absent.sum()):,} of {n:,} rows have one)",
                "what is lagged needs every value of its past",
            )
        )
    cuts = [0, *(np.flatnonzero(broken) + 1).tolist(), n]
    return Series(
        tuple(data.names[i] for i in kept),
        tuple(data.discrete[i] for i in kept),
        tuple(data.levels[i] for i in kept),
        ordered,
        tuple((start, stop) for start, stop in pairwise(cuts) if not absent[start]),
        int((~same).sum()) + 1,
        gaps,
        tuple(decisions),
    )
