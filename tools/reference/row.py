"""What one row of the page is: a published number, our computation of it, and how the two have to agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import aitia
from aitia.data import Table
from aitia.estimation import Coefficient, Regression

EFFECTS = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "effects"


@dataclass(frozen=True)
class Found:
    """A number of ours, with its interval where the row is about the interval."""

    value: float
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Row:
    """One number that somebody printed, and how we get ours.

    Args:
        what: what the number is.
        published: as printed; its digits say how exactly ours has to agree.
        ours: the computation.
        how: the call, for the page.
        files: the files it reads, of the folder `EFFECTS`.
        agrees: ``"digits"``: ours, rounded likewise, is the same. ``"interval"``: our interval holds it. A number:
            ours is at most so far away, because definitions differ. ``"shown"``: both are shown and neither tested.
        differs: why ours may differ.
    """

    what: str
    published: str
    ours: Callable[[], Found]
    how: str
    files: tuple[str, ...] = ()
    agrees: Literal["digits", "interval", "shown"] | float = "digits"
    differs: str = ""

    @property
    def missing(self) -> list[str]:
        """The files that are not here."""
        return [each for each in self.files if not (EFFECTS / each).exists()]

    def shown(self, found: Found) -> str:
        """Ours to the digits of the published number, with the interval where that is what is compared."""
        text = self._rounded(found.value)
        if self.agrees != "interval" or found.interval is None:
            return text
        low, high = map(self._rounded, found.interval)
        return f"{text} ({low} to {high})"

    def holds(self, found: Found) -> bool:
        """Whether ours agrees as it has to."""
        printed = float(self.published.replace(",", ""))
        match self.agrees:
            case "digits":
                return self._rounded(found.value) == self.published
            case "interval":
                return found.interval is not None and found.interval[0] <= printed <= found.interval[1]
            case "shown":
                return True
            case within:
                return abs(found.value - printed) <= within

    def _rounded(self, value: float) -> str:
        digits = len(self.published.partition(".")[2])
        grouped = "," if "," in self.published else ""
        return f"{value:{grouped}.{digits}f}"


@dataclass(frozen=True)
class Section:
    """The rows of one data set.

    Args:
        title: a heading.
        about: the data and where the published numbers come from.
        rows: the rows.
    """

    title: str
    about: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Survey:
    """A table of numbers of ours that nobody printed: how well something works, not whether it agrees.

    Args:
        title: a heading.
        about: the data, and what the columns are.
        head: the columns' names; the first two hold words.
        lines: the table, computed anew.
        files: the files it reads, of the folder `EFFECTS`.
    """

    title: str
    about: str
    head: tuple[str, ...]
    lines: Callable[[], list[tuple[str, ...]]]
    files: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        """The files that are not here."""
        return [each for each in self.files if not (EFFECTS / each).exists()]


def value_of(make: Callable[..., Any], *arguments: Any) -> Callable[[], Found]:
    """The value and interval of what a function makes."""
    return lambda: _found(make(*arguments))


def error_of(make: Callable[..., Any], *arguments: Any) -> Callable[[], Found]:
    """The standard error of what a function makes."""
    return lambda: Found(make(*arguments).std_error)


def _found(made: Any) -> Found:
    return made if isinstance(made, Found) else Found(made.value, made.interval)


@cache
def regression(
    formula: str, source: str | Callable[[], Table], robust: bool = False, **options: Any
) -> Regression:
    """A plain regression on a file of `EFFECTS`, or on what a function reads."""
    data = EFFECTS / source if isinstance(source, str) else source()
    return aitia.regress(formula, data, robust=robust, **options)


def coefficient(
    name: str, formula: str, source: str | Callable[[], Table], robust: bool = False, **options: Any
) -> Coefficient:
    """One line of a plain regression."""
    return regression(formula, source, robust, **options)[name]


def rows_of(make: Callable[..., Any], *arguments: Any) -> Callable[[], Found]:
    """How many rows were used."""
    return lambda: Found(float(make(*arguments).n))


def confounders(treatment: str, outcome: str, covariates: tuple[str, ...]) -> str:
    """A graph in which the covariates are all that treatment and outcome have in common."""
    arrows = [f"{each} -> {treatment}; {each} -> {outcome}" for each in covariates]
    return "; ".join([f"{treatment} -> {outcome}", *arrows])
