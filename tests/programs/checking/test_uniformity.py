"""The test of uniformity: its level, its power, its band."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from aitia.programs.checking import uniformity


@pytest.mark.parametrize("ranked", [None, 99])
def test_level(ranked):
    random = np.random.default_rng(0)
    draw = (lambda: random.random(120)) if ranked is None else (lambda: random.integers(0, 100, 120))
    p_values = np.asarray([uniformity(draw(), ranks_of=ranked).p_value for _ in range(400)])
    # Standard error of a rate of 0.05 over 400: 0.011. The statistic is discrete, so a little conservative.
    assert 0.015 < (p_values <= 0.05).mean() < 0.095
    assert stats.kstest(p_values, "uniform").pvalue > 0.001


@pytest.mark.parametrize(
    ("made", "shape"),
    [
        (lambda u: stats.norm.cdf(1.25 * stats.norm.ppf(u)), "outer"),
        (lambda u: stats.norm.cdf(0.75 * stats.norm.ppf(u)), "inner"),
        (lambda u: stats.norm.cdf(stats.norm.ppf(u) + 0.3), "high"),
        (lambda u: stats.norm.cdf(stats.norm.ppf(u) - 0.3), "low"),
    ],
)
def test_power_and_shape(made, shape):
    u = made(np.random.default_rng(1).random(800))
    found = uniformity(u)
    assert found.p_value < 0.001 and found.shape == shape
    assert ((found.shares < found.low) | (found.shares > found.high)).any()


def test_the_band_holds_everywhere_at_once():
    random = np.random.default_rng(2)
    outside = 0
    for _ in range(300):
        found = uniformity(random.random(100))
        outside += bool(((found.shares < found.low) | (found.shares > found.high)).any())
    # The band has level 5% or less, as counts are whole numbers: five standard errors above is 0.113.
    assert outside / 300 < 0.113


def test_few_ranks_and_chi_squared():
    assert uniformity(np.arange(4).repeat(25), ranks_of=3).p_value > 0.9
    assert uniformity(np.zeros(100), ranks_of=3).p_value < 0.001
    assert uniformity(np.linspace(0.01, 0.99, 100)).chi_squared > 0.9
    assert np.isnan(uniformity(np.linspace(0.01, 0.99, 10)).chi_squared)
