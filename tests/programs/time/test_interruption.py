"""Interruption analysis: recovery, coverage, placebos, bad input."""

from __future__ import annotations

import os

import numpy as np
import pytest

from aitia.programs._errors import FitError, QueryError
from aitia.programs.time import interruption


def interrupted(seed: int, effect: float = 2.0, n: int = 70, at: int = 50):
    rng = np.random.default_rng(seed)
    control = np.cumsum(0.3 * rng.normal(size=n))
    level = np.cumsum(0.1 * rng.normal(size=n))
    series = 20 + 2.0 * control + level + 0.5 * rng.normal(size=n)
    series[at:] += effect
    return series, {"control": control}


def test_intervals_cover_the_truth():
    runs = 200 if os.environ.get("AITIA_SLOW") == "1" else 40
    inside = 0
    errors = []
    for seed in range(runs):
        series, controls = interrupted(seed)
        found = interruption(series, 50, controls, placebos=0, seed=seed)
        mean, low, high = found.average
        inside += low <= 2.0 <= high
        errors.append(mean - 2.0)
    # A share of 95% of 40 runs has a standard error of 3.4%: below 33 of 40 comes about once in 10,000.
    assert inside / runs > 0.95 - 3.5 * np.sqrt(0.95 * 0.05 / runs)
    assert abs(np.mean(errors)) < 4 * np.std(errors) / np.sqrt(runs)


def test_intervals_are_not_wide_without_need():
    widths = []
    for seed in range(5):
        series, controls = interrupted(seed)
        _, low, high = interruption(series, 50, controls, placebos=0).average
        widths.append(high - low)
    # Level's walk over 20 steps, and noise of the mean: a standard deviation of about 0.35 in truth.
    assert np.mean(widths) < 3.5


def test_what_is_found_and_said():
    series, controls = interrupted(3, effect=3.0)
    found = interruption(series, 50, controls)
    assert found.average[1] > 0
    assert found.probability > 0.97
    assert found.total[0] == pytest.approx(20 * found.average[0])
    assert len(found.placebos) == 3
    assert "raised the series" in found.sentence and "earlier times" in found.sentence
    assert len(found.figure("sales").axes) == 3
    assert "consistency" in {each.key for each in found.assumptions}
    none = interruption(interrupted(4, effect=0.0)[0], 50, interrupted(4)[1], placebos=0)
    assert "not shown to change" in none.sentence
    assert none.average[1] < 0 < none.average[2]


def test_many_controls_are_shrunk():
    series, controls = interrupted(5)
    rng = np.random.default_rng(0)
    for i in range(3):
        controls[f"junk{i}"] = np.cumsum(0.3 * rng.normal(size=70))
    found = interruption(series, 50, controls, placebos=0)
    coefficients = found.fitted.coefficients()
    assert abs(coefficients["control"][0] - 2.0) < 4 * coefficients["control"][1]
    for i in range(3):
        assert abs(coefficients[f"junk{i}"][0]) < 0.5


def test_a_placebo_that_finds_an_effect_breaks_the_assumption():
    series, controls = interrupted(6, effect=0.0)
    series[28:] += 12.0  # something else happened before
    found = interruption(series, 50, controls)
    assert any(each.found for each in found.placebos)
    assert found.assumptions["consistency"].status == "broken"


def test_gaps_after_the_interruption():
    series, controls = interrupted(7)
    series[[10, 55]] = np.nan
    found = interruption(series, 50, controls, placebos=0)
    assert np.isfinite(found.total).all()
    assert np.isnan(found.effects[:, 5]).all()


def test_bad_interruptions():
    series, controls = interrupted(0)
    with pytest.raises(QueryError, match="leaves 3 steps before"):
        interruption(series, 3, controls)
    with pytest.raises(QueryError, match="0 after"):
        interruption(series, 70, controls)
    controls["control"][60] = np.nan
    with pytest.raises(FitError, match="not a number at step 60"):
        interruption(series, 50, controls)
    with pytest.raises(FitError, match="has the shape"):
        interruption(series, 50, {"control": np.ones(9)})
