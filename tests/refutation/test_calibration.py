"""Where an assumption holds, its refuter's p-values are uniform; where it is violated, the refuter notices."""

import os

import numpy as np
import pytest
from scipy import stats
from worlds import TRIALS, VERDICTS, Trial

from aitia.refutation import Verdict

SLOW = os.environ.get("AITIA_SLOW") == "1"
STUDIES = 1000 if SLOW else 60
VIOLATED = 300 if SLOW else 25


def attacked(trial: Trial, world, count: int, start: int):
    for study in range(count):
        yield trial.refuter.refute(world(np.random.default_rng(start + study)), seed=study)


@pytest.mark.slow
@pytest.mark.parametrize("name", TRIALS)
def test_p_values_are_uniform_where_the_assumption_holds(name):
    trial = TRIALS[name]
    found = list(attacked(trial, trial.true, STUDIES, 10_000))
    p_values = np.array([each.p_value for each in found], dtype=float)
    assert np.isfinite(p_values).all()
    # One test in ten thousand fails by chance, so that eleven refuters together hardly ever do. Sizes are
    # taken at 5%; tests built on approximations may be off by a fifth of that (said in the documentation),
    # and Monte-Carlo error comes on top.
    worst = stats.binom.isf(1e-4, STUDIES, 0.06)
    assert (p_values < 0.05).sum() <= worst
    if not SLOW:  # with a thousand studies the test would see approximations that harm nobody
        assert stats.kstest(p_values, "uniform").pvalue > 1e-4
    assert (
        np.mean([each.verdict is Verdict.BROKEN for each in found])
        <= stats.binom.isf(1e-4, STUDIES, 0.015) / STUDIES
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", TRIALS)
def test_a_violation_is_noticed(name):
    trial = TRIALS[name]
    broken = sum(each.verdict is Verdict.BROKEN for each in attacked(trial, trial.violated, VIOLATED, 50_000))
    # The stated power less Monte-Carlo error: its 0.1% point.
    assert broken >= stats.binom.ppf(1e-3, VIOLATED, trial.power)


@pytest.mark.slow
@pytest.mark.parametrize("name", VERDICTS)
def test_refuters_with_a_margin_tell_the_worlds_apart(name):
    trial = VERDICTS[name]
    few = VIOLATED
    survived = sum(each.verdict is Verdict.SURVIVED for each in attacked(trial, trial.true, few, 90_000))
    noticed = sum(
        each.verdict is not Verdict.SURVIVED for each in attacked(trial, trial.violated, few, 95_000)
    )
    assert survived >= stats.binom.ppf(1e-3, few, 0.9)
    assert noticed >= stats.binom.ppf(1e-3, few, trial.power)
