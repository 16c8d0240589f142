"""The checks of a series: their size under autocorrelation, their power, and published numbers."""

import os
from itertools import pairwise

import numpy as np
import pytest

from aitia.discovery import series_report
from aitia.discovery.series._report import autocorrelation, constancy, cramer_von_mises_tail, unit_root

SLOW = bool(os.environ.get("AITIA_SLOW"))
RUNS = 2000 if SLOW else 300


def autoregression(rng, n, rho):
    noise = rng.normal(size=n + 200)
    x = np.zeros(n + 200)
    for t in range(1, len(x)):
        x[t] = rho * x[t - 1] + noise[t]
    return x[200:]


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_steady_series_are_rejected_at_the_level_or_less(rho):
    rng = np.random.default_rng(int(10 * rho))
    level, mean, variance = 0.05, 0, 0
    for _ in range(RUNS):
        x = autoregression(rng, 500, rho)
        centred = x - x.mean()
        squares = centred**2
        mean += constancy(centred)[1] < level
        variance += constancy(squares - squares.mean())[1] < level
    # Four standard errors of the Monte Carlo, and one point for the asymptotic reference at n = 500.
    most = level + 4 * np.sqrt(level * (1 - level) / RUNS) + 0.01
    assert mean / RUNS < most and variance / RUNS < most
    if rho < 0.9:  # and it is no test that never rejects
        assert mean / RUNS > 0.01 and variance / RUNS > 0.01


def test_changing_series_are_found_and_told_apart():
    rng = np.random.default_rng(1)
    runs, n = 60, 600
    found = {"walk": 0, "trend": 0, "variance": 0}
    for _ in range(runs):
        noise = rng.normal(size=(n, 3))
        report = series_report(
            {
                "walk": noise[:, 0].cumsum(),
                "trend": noise[:, 1] + np.linspace(0, 1.5, n),
                "variance": noise[:, 2] * np.linspace(1, 2, n),
            }
        )
        found["walk"] += report["walk"].wanders
        found["trend"] += not report["trend"].is_stationary and not report["trend"].wanders
        column = report["variance"]
        found["variance"] += column.variance_p_value < column.level <= column.mean_p_value
    # A random walk is only told where both tests agree; both have power below one at n = 600 and this level.
    assert found["walk"] > 0.55 * runs
    assert found["trend"] > 0.9 * runs and found["variance"] > 0.9 * runs


def test_the_reference_distribution_has_the_published_points():
    # Anderson & Darling (1952), table 1; the simulated points of Kwiatkowski et al. (1992) are 0.347, 0.463, 0.739.
    for point, tail in [(0.34730, 0.10), (0.46136, 0.05), (0.74346, 0.01), (1.16786, 0.001)]:
        assert cramer_von_mises_tail(point) == pytest.approx(tail, abs=5e-6)
    assert cramer_von_mises_tail(0.0) == 1.0 and cramer_von_mises_tail(50.0) < 1e-12
    grid = [cramer_von_mises_tail(x) for x in np.linspace(0.001, 3, 200)]
    assert all(a >= b for a, b in pairwise(grid))


@pytest.mark.parametrize("seed", range(4))
def test_the_dickey_fuller_statistic_is_that_of_statsmodels(seed):
    tools = pytest.importorskip("statsmodels.tsa.stattools")
    import warnings

    rng = np.random.default_rng(seed)
    x = rng.normal(size=400).cumsum() if seed % 2 else autoregression(rng, 400, 0.7)
    statistic, critical = unit_root(x - x.mean())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = tools.adfuller(x, regression="ct", autolag="AIC")
    assert statistic == pytest.approx(theirs[0], abs=1e-8)
    assert critical == pytest.approx(theirs[4]["5%"], abs=1e-8)


def test_autocorrelation_of_a_known_series():
    pieces = [np.array([1.0, -1.0, 1.0, -1.0]), np.array([1.0, -1.0])]
    assert autocorrelation(pieces) == pytest.approx(-1.0)


def test_the_report_counts_gaps_and_units_and_suggests_lags():
    rng = np.random.default_rng(3)
    x, y = np.zeros(900), np.zeros(900)
    for t in range(3, 900):
        x[t] = 0.5 * x[t - 1] + rng.normal()
        y[t] = 0.5 * y[t - 1] + 0.6 * x[t - 3] + rng.normal()
    report = series_report({"x": x, "y": y})
    assert report.suggested_max_lag == 3
    assert report.is_stationary and not report.warnings
    assert "Suggested max_lag: 3" in str(report)
    time = np.r_[np.arange(300.0), np.arange(310.0, 610.0), np.arange(300.0)]
    unit = ["a"] * 600 + ["b"] * 300
    split = series_report({"x": x, "y": y, "t": time, "u": unit}, time="t", unit="u")
    assert (split.units, split.stretches, split.gaps, split.longest) == (2, 3, 1, 300)
    assert any("1 steps of time are not one step long" in each for each in split.warnings)


def test_short_and_strongly_autocorrelated_series_are_told():
    rng = np.random.default_rng(0)
    short = series_report({"x": rng.normal(size=30), "y": rng.normal(size=30)})
    assert any("stationarity was not tested" in each for each in short.warnings)
    slow = series_report({"x": autoregression(rng, 3000, 0.99), "y": rng.normal(size=3000)})
    assert any(each.startswith("x: autocorrelation above 0.97") for each in slow.warnings)


def test_several_units_do_not_raise_more_alarms():
    level_alarms, runs = 0, 40
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        values = rng.normal(size=(800, 2))
        unit = np.repeat([f"u{i}" for i in range(8)], 100).tolist()
        level_alarms += not series_report(
            {"x": values[:, 0], "y": values[:, 1], "u": unit}, unit="u"
        ).is_stationary
    # The level is 5% over all columns, tests and units: at most 5, and four standard errors of the Monte Carlo.
    assert level_alarms <= runs * (0.05 + 4 * np.sqrt(0.05 * 0.95 / runs))


def test_a_column_that_counts_time_is_told_from_a_series():
    from aitia.discovery import PCMCI, DiscoveryError

    random = np.random.default_rng(0)
    data = {"t": np.arange(300.0), "a": random.normal(size=300), "b": random.normal(size=300)}
    with pytest.raises(DiscoveryError, match="looks like the count of time itself") as caught:
        PCMCI(max_lag=2).run(data)
    assert "--time t" in caught.value.next_step
