"""Every row of the table: which library does which work, on how many rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

Answer = tuple[float, float]
Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class Task:
    """One piece of work, and who does it.

    Args:
        name: what the table calls it.
        libraries: for each library, a function that returns the callable doing the work (imports happen there).
        sizes: rows to run it on.
        coverage: whether to repeat it over seeds at the smallest size for bias and coverage.
        note: what the table says beside it.
    """

    name: str
    libraries: dict[str, Callable[[], Callable[[Columns], Answer]]]
    sizes: tuple[int, ...]
    coverage: bool = True
    note: str = ""


def _peer(name: str, *arguments: object) -> Callable[[], Callable[[Columns], Answer]]:
    def load() -> Callable[[Columns], Answer]:
        import _peers

        function = getattr(_peers, name)
        return lambda columns: function(columns, *arguments)

    return load


def _ours(name: str, *arguments: object) -> Callable[[], Callable[[Columns], Answer]]:
    def load() -> Callable[[Columns], Answer]:
        import _ours as ours

        return partial(_call, getattr(ours, name), arguments)

    return load


def _call(function: Callable, arguments: tuple, columns: Columns) -> Answer:
    return function(columns, *arguments)


REPLICATES = 100
SMALL, MIDDLE, LARGE, HUGE = 10_000, 100_000, 1_000_000, 20_000_000

TASKS = (
    Task(
        "regression adjustment, robust errors",
        {
            "aitia": _ours("regression"),
            "statsmodels": _peer("statsmodels_regression"),
            "DoWhy": _peer("dowhy_regression"),
        },
        (SMALL, MIDDLE, LARGE),
    ),
    Task(
        f"the same and five refuters x {REPLICATES}",
        {"aitia": _ours("refuted", REPLICATES), "DoWhy": _peer("dowhy_refuted", REPLICATES)},
        (SMALL, MIDDLE),
        coverage=False,
    ),
    Task(
        "partially linear DML, linear nuisances",
        {
            "aitia": _ours("partially_linear", "linear"),
            "DoubleML": _peer("doubleml_partially_linear", "linear"),
            "EconML": _peer("econml_partially_linear", "linear"),
        },
        (SMALL, MIDDLE, LARGE),
        note="all three estimate an overlap-weighted effect here, not the average of 2",
    ),
    Task(
        "AIPW, linear nuisances",
        {
            "aitia": _ours("interactive", "linear"),
            "DoubleML": _peer("doubleml_interactive", "linear"),
            "EconML": _peer("econml_interactive", "linear"),
        },
        (SMALL, MIDDLE, LARGE),
    ),
    Task(
        "partially linear DML, boosted nuisances",
        {
            "aitia": _ours("partially_linear", "boosting"),
            "DoubleML": _peer("doubleml_partially_linear", "boosting"),
            "EconML": _peer("econml_partially_linear", "boosting"),
        },
        (MIDDLE,),
        coverage=False,
    ),
    Task(
        "AIPW, boosted nuisances",
        {
            "aitia": _ours("interactive", "boosting"),
            "DoubleML": _peer("doubleml_interactive", "boosting"),
            "EconML": _peer("econml_interactive", "boosting"),
        },
        (MIDDLE,),
        coverage=False,
    ),
    Task(
        "four stages with our defaults: identify, estimate, refute, ledger",
        {"aitia": _ours("study", REPLICATES)},
        (SMALL, MIDDLE, LARGE),
        coverage=False,
    ),
)
