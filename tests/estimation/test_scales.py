from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aitia.estimation import Sample, Stratification, TreatmentKind
from aitia.estimation._scales import NoScale, Scale, on_scale
from aitia.identification import Effect, Estimand, Rule
from aitia.identification._expression import Expectation, Symbol

ESTIMAND = Estimand(
    question=Effect("t", "y"), rule=Rule.ADJUSTMENT, expression=Expectation("y", (Symbol("t"),))
)


def trial(a: int, n1: int, b: int, n0: int) -> Sample:
    return Sample(
        outcome=np.concatenate([np.arange(n1) < a, np.arange(n0) < b]).astype(float),
        treatment=np.repeat([1.0, 0.0], [n1, n0]),
        treatment_kind=TreatmentKind.BINARY,
        treatment_levels=("placebo", "aspirin"),
    )


def test_physicians_health_study():
    """Agresti, Categorical Data Analysis, table 2.1: heart attacks 189/11,034 placebo, 104/11,037 aspirin.

    Placebo over aspirin: relative risk 1.82 with 95% interval (1.43, 2.31), odds ratio 1.832 (1.440, 2.331).
    """
    found = Stratification().estimate(ESTIMAND, trial(189, 11_034, 104, 11_037))
    ratio, odds = on_scale(found, Scale.RATIO), on_scale(found, Scale.ODDS_RATIO)
    assert [round(x, 2) for x in (ratio.value, *ratio.interval)] == [1.82, 1.43, 2.31]
    assert [round(x, 3) for x in (odds.value, *odds.interval)] == [1.832, 1.440, 2.331]
    assert on_scale(found, Scale.DIFFERENCE).interval == found.interval
    assert "ratio: 1.818 (95% interval" in repr(ratio)


def test_the_contrast_says_which_way_round():
    one = trial(30, 100, 20, 100)
    forward = Stratification().estimate(ESTIMAND, one)
    backward = Stratification().estimate(ESTIMAND, one.replace(contrast=(0.0, 1.0)))
    assert on_scale(forward, Scale.RATIO).value == pytest.approx(1.5)
    assert on_scale(backward, Scale.RATIO).value == pytest.approx(1 / 1.5)


def test_what_has_no_ratio_says_so():
    found = Stratification().estimate(ESTIMAND, trial(0, 100, 20, 100))
    with pytest.raises(NoScale, match=r"above 0; they are 0 and 0\.2"):
        on_scale(found, Scale.RATIO)
    with pytest.raises(NoScale, match="gives no joint mean outcomes"):
        on_scale(replace(found, profile=None), Scale.RATIO)
