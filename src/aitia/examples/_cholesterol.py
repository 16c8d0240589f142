"""Cholesterol and exercise by age: synthetic rows from a stated formula, so the truth is known."""

from __future__ import annotations

import numpy as np

from aitia.core import stream
from aitia.data import Table, read
from aitia.examples._example import Answer, Example

ROWS = 2_000
SLOPE = -4.0  # mg/dl for one more hour of exercise a week: the effect
AGE_ON_CHOLESTEROL = 2.5  # mg/dl a year
AGE_ON_EXERCISE = 0.15  # hours a week a year
YOUNGEST, OLDEST = 20.0, 70.0
SPREAD = 1.5  # hours: exercise lies this far to either side of its mean at an age


def _table() -> Table:
    random = stream(1975, "example", "cholesterol")
    age = random.uniform(YOUNGEST, OLDEST, ROWS)
    exercise = 1.5 + AGE_ON_EXERCISE * (age - YOUNGEST) + random.uniform(-SPREAD, SPREAD, ROWS)
    cholesterol = 120 + AGE_ON_CHOLESTEROL * age + SLOPE * exercise + random.normal(0, 10, ROWS)
    return read({"age": age, "exercise": exercise, "cholesterol": cholesterol}).named("cholesterol")


def _raw_slope() -> float:
    """Cov(exercise, cholesterol) / Var(exercise) under the formula."""
    age = (OLDEST - YOUNGEST) ** 2 / 12
    exercise = AGE_ON_EXERCISE**2 * age + SPREAD**2 / 3
    return float(np.divide(AGE_ON_CHOLESTEROL * AGE_ON_EXERCISE * age, exercise)) + SLOPE


cholesterol = Example(
    name="cholesterol",
    title="Cholesterol and exercise by age",
    question="Does an hour more of exercise a week lower cholesterol?",
    graph="age -> exercise; age -> cholesterol; exercise -> cholesterol",
    treatment="exercise",
    outcome="cholesterol",
    contrast=(5.0, 4.0),
    columns={"age": "years", "exercise": "hours a week", "cholesterol": "mg/dl"},
    answers={
        "raw": Answer(
            "slope of cholesterol on exercise alone, mg/dl for one hour a week, in the population of the formula",
            _raw_slope(),
            "closed form of the formula",
        ),
        "effect": Answer("effect of one hour more of exercise a week, mg/dl", SLOPE, "the formula"),
    },
    citation="Synthetic: aitia.examples. The story follows J. Pearl, M. Glymour, N. Jewell (2016), Causal Inference in "
    "Statistics: A Primer, section 1.2.",
    notes=(
        "age ~ U(20, 70); exercise = 1.5 + 0.15 (age - 20) + U(-1.5, 1.5); "
        "cholesterol = 120 + 2.5 age - 4 exercise + N(0, 10^2). In these rows older people exercise more, and age "
        "raises cholesterol: over all ages exercise goes with more cholesterol, at any age with less."
    ),
    _make=_table,
)
