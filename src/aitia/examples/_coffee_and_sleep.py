"""Coffee and sleep: synthetic rows whose graph the data settle all but two edges of."""

from __future__ import annotations

import numpy as np

from aitia.core import stream
from aitia.data import Table, read
from aitia.examples._example import Answer, Example

ROWS = 3_000
COFFEE = -0.25  # hours of sleep a night for one more cup a day: the effect
STRESS = -0.04  # hours of sleep a night for one more point of stress
WORK_ON_COFFEE = 0.12  # cups a day for one more hour of work a week
WORK_ON_STRESS = 0.9  # points for one more hour of work a week
WORK_SPREAD, COFFEE_SPREAD = 8.0, 0.8


def _table() -> Table:
    random = stream(1820, "example", "coffee and sleep")
    workload = 40 + random.normal(0, WORK_SPREAD, ROWS)
    coffee = 4 + WORK_ON_COFFEE * (workload - 40) + random.normal(0, COFFEE_SPREAD, ROWS)
    stress = 50 + WORK_ON_STRESS * (workload - 40) + random.normal(0, 6, ROWS)
    exercise = 3 + random.normal(0, 1, ROWS)
    sleep = 7 + COFFEE * (coffee - 4) + STRESS * (stress - 50) + 0.4 * (exercise - 3)
    sleep = sleep + random.normal(0, 0.5, ROWS)
    mood = 60 + 6 * (sleep - 7) + 2 * (exercise - 3) + random.normal(0, 6, ROWS)
    return read(
        {
            "workload": workload,
            "coffee": coffee,
            "stress": stress,
            "exercise": exercise,
            "sleep": sleep,
            "mood": mood,
        }
    ).named("coffee_and_sleep")


def _raw_slope() -> float:
    """Cov(coffee, sleep) / Var(coffee) under the formula."""
    work = WORK_SPREAD**2
    variance = WORK_ON_COFFEE**2 * work + COFFEE_SPREAD**2
    return COFFEE + float(np.divide(STRESS * WORK_ON_STRESS * WORK_ON_COFFEE * work, variance))


coffee_and_sleep = Example(
    name="coffee_and_sleep",
    title="Coffee and sleep, with a graph found in the data",
    question="How much sleep does one more cup of coffee a day cost?",
    graph=(
        "workload -> coffee; workload -> stress; coffee -> sleep; stress -> sleep; exercise -> sleep; "
        "sleep -> mood; exercise -> mood"
    ),
    treatment="coffee",
    outcome="sleep",
    contrast=None,
    columns={
        "workload": "hours a week",
        "coffee": "cups a day",
        "stress": "points",
        "exercise": "hours a week",
        "sleep": "hours a night",
        "mood": "points",
    },
    answers={
        "effect": Answer("effect of one cup a day more, hours of sleep a night", COFFEE, "the formula"),
        "raw": Answer(
            "slope of sleep on coffee alone: the effect if coffee were a cause of workload, hours a night",
            _raw_slope(),
            "closed form of the formula",
        ),
    },
    citation="Synthetic: aitia.examples.",
    notes=(
        "workload = 40 + N(0, 8^2); coffee = 4 + 0.12 (workload - 40) + N(0, 0.8^2); "
        "stress = 50 + 0.9 (workload - 40) + "
        "N(0, 6^2); exercise = 3 + N(0, 1); sleep = 7 - 0.25 (coffee - 4) - 0.04 (stress - 50) + 0.4 (exercise - 3) + "
        "N(0, 0.5^2); mood = 60 + 6 (sleep - 7) + 2 (exercise - 3) + N(0, 6^2). No data can tell whether workload "
        "drives coffee or coffee workload; a person can."
    ),
    _make=_table,
)
