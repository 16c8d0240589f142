"""What a person or an estimator asks of a table: the terms of a design."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Numeric:
    """A column as numbers: as they are, booleans as 0/1, dates as days since the first.

    Args:
        column: the column's name.
        required: True for an outcome, a weight and the like: never filled where missing, never dropped as constant.
    """

    column: str
    required: bool = False


@dataclass(frozen=True)
class OneHot:
    """A column as one 0/1 column a level, without the baseline level.

    Args:
        column: the column's name.
        baseline: the level left out; None takes the first in sorted order among the rows used.
    """

    column: str
    baseline: Any = None


@dataclass(frozen=True)
class Codes:
    """A column as the position of its value among levels, 0.0, 1.0, ...: for treatments and clusters.

    It is required: never filled where missing, never dropped as constant.

    Args:
        column: the column's name.
        levels: the values in the order of their codes; None takes all that occur, sorted.
        drop_others: what to do about rows with any other value: False raises `UnknownLevel`, True leaves them out
            of every block and says so in a decision.
    """

    column: str
    levels: tuple[Any, ...] | None = None
    drop_others: bool = False


@dataclass(frozen=True)
class Predicate:
    """A condition over columns as 0/1.

    It is required: never filled where missing, never dropped as constant.

    Args:
        condition: such as ``age > 60 and region in ('north', 'west')``. Comparisons (``= == != < <= > >=``), ``in``,
            ``not in``, ``and``, ``or``, ``not``, ``+ - * /`` and parentheses over columns, numbers, quoted text and
            dates as quoted text (``'2024-12-31'``). A column name that is not a plain word stands in backticks.
    """

    condition: str


Term: TypeAlias = Numeric | OneHot | Codes | Predicate
