"""The defaults cover the truth on every published design: the small form of benchmarks/effects/honest_defaults.py."""

from __future__ import annotations

import os

import numpy as np
import pytest
from nuisance_cases import honest_defaults

from aitia.estimation import AIPW, IPW, TMLE, Standardisation

SLOW = bool(os.environ.get("AITIA_SLOW"))


@pytest.mark.parametrize(
    "design", ["linear", "nonlinear", "weak overlap", "high-dimensional", "mixed, binary outcome"]
)
def test_defaults_cover(design):
    # Coverage over R runs within 3.3 Monte-Carlo errors of 95%; the bias below a quarter of the standard error plus 3.3
    # of its own Monte-Carlo errors. TMLE uses the nuisances of AIPW, and test_tmle holds the two together.
    runs, rows = (200, 10_000) if SLOW else (8 if design == "high-dimensional" else 20, 2000)
    # Weighting alone needs more rows than the small form has, where overlap is weak or the propensity wiggles.
    weighting = (IPW(),) if SLOW or design not in ("weak overlap", "nonlinear") else ()
    table = honest_defaults.study(
        design, (AIPW(), *((TMLE(),) if SLOW else ()), Standardisation(), *weighting), rows, runs
    )
    for name, row in table.items():
        assert row["coverage"] > 0.95 - 3.3 * np.sqrt(0.95 * 0.05 / runs), (name, row)
        noise = max(row["spread"], row["std_error"]) / np.sqrt(runs)
        assert abs(row["bias"]) < 0.25 * row["std_error"] + 3.3 * noise, (name, row)


def test_the_check_can_fail():
    # Regression without the curves is off on the nonlinear design: the study has to see it.
    from sklearn.linear_model import LinearRegression, LogisticRegression

    table = honest_defaults.study("nonlinear", (AIPW(LinearRegression(), LogisticRegression()),), 2000, 6)
    assert table["AIPW"]["coverage"] < 0.5
