import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aitia.refutation import holm, sidak
from aitia.refutation._verdicts import by_p_value, mean_and_spread, variance_ratio_p

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@given(p_values)
def test_holm_lies_between_raw_and_bonferroni_and_keeps_the_order(values):
    raw = np.array(values)
    adjusted = holm(raw)
    assert (adjusted >= raw - 1e-15).all() and (adjusted <= np.minimum(len(raw) * raw, 1) + 1e-15).all()
    order = np.argsort(raw)
    assert (np.diff(adjusted[order]) >= -1e-15).all()


def test_holm_of_statsmodels():
    # statsmodels 0.15.0: multipletests([0.01, 0.02, 0.03, 0.005, 0.5], method="holm")[1]
    assert holm([0.01, 0.02, 0.03, 0.005, 0.5]) == pytest.approx([0.04, 0.06, 0.06, 0.025, 0.5])


def test_sidak_is_uniform_for_independent_p_values():
    random = np.random.default_rng(0)
    combined = [sidak(random.random(5)) for _ in range(2000)]
    assert stats.kstest(combined, "uniform").pvalue > 0.001
    assert sidak([]) == 1.0 and sidak([0.3]) == pytest.approx(0.3) and sidak([0.0, 1.0]) == 0.0


def test_mean_and_spread_is_uniform_for_normal_scores_and_sees_both():
    random = np.random.default_rng(1)
    found = [mean_and_spread(random.normal(size=30))[2] for _ in range(2000)]
    assert stats.kstest(found, "uniform").pvalue > 0.001
    assert mean_and_spread(random.normal(size=100) + 0.6)[0] < 0.001
    assert mean_and_spread(random.normal(size=100) * 1.5)[1] < 0.001
    assert mean_and_spread(random.normal(size=100) * 0.6)[1] < 0.001
    assert np.isnan(mean_and_spread(np.array([1.0, np.nan, 0.0, 2.0]))[2])


def test_variance_ratio():
    assert variance_ratio_p(1.0, 100) > 0.9
    assert variance_ratio_p(2.0, 100) < 1e-6 and variance_ratio_p(0.5, 100) < 1e-4


def test_verdicts():
    assert [by_p_value(p).value for p in (0.001, 0.03, 0.2, float("nan"))] == [
        "broken",
        "inconclusive",
        "survived",
        "inconclusive",
    ]
