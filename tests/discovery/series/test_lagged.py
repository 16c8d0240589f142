"""The lagged design: what stands beside what, and what is never lagged."""

import numpy as np
import pytest

from aitia.discovery import DiscoveryError, Observations, lagged
from aitia.discovery.series import lag_depth, lag_name, split_lag


def walk(n, p, seed=0):
    return np.random.default_rng(seed).normal(size=(n, p)).cumsum(axis=0)


def test_each_column_is_its_variable_so_many_rows_before():
    values = walk(50, 3)
    wide = lagged(Observations.of_values(["a", "b", "c"], values), 4)
    assert wide.rows == 46
    for k in range(5):
        for i, name in enumerate("abc"):
            column = wide.values[:, wide.position(lag_name(name, k))]
            np.testing.assert_array_equal(column, values[4 - k : 50 - k, i])


def test_moments_are_those_of_the_rows():
    wide = lagged(Observations.of_values(["a", "b"], walk(20_000, 2)), 3)
    np.testing.assert_allclose(wide.moments.covariance, np.cov(wide.values.T), rtol=1e-9)


def test_units_are_lagged_apart_and_rows_sorted_by_time():
    values = walk(60, 2)
    unit = np.repeat([0, 1, 2], 20)
    time = np.tile(np.arange(20.0), 3)
    shuffled = np.random.default_rng(1).permutation(60)
    data = {
        "unit": [f"u{each}" for each in unit[shuffled]],
        "time": time[shuffled],
        "a": values[shuffled, 0],
        "b": values[shuffled, 1],
    }
    wide = lagged(data, 2, time="time", unit="unit")
    apart = [
        lagged(Observations.of_values(["a", "b"], values[20 * k : 20 * (k + 1)]), 2).values for k in range(3)
    ]
    np.testing.assert_array_equal(wide.values, np.vstack(apart))
    assert wide.names == ("a", "b", "a.lag1", "b.lag1", "a.lag2", "b.lag2")


def test_nothing_is_lagged_across_a_gap():
    time = np.r_[np.arange(30.0), np.arange(40.0, 60.0)]
    values = walk(50, 1)[:, 0]
    wide = lagged({"t": time, "a": values}, 2, time="t")
    assert wide.rows == 50 - 2 * 2
    assert any("irregular" in each.what for each in wide.decisions)


def test_two_rows_at_one_time_are_refused():
    with pytest.raises(DiscoveryError, match=r"have the same time 1\b"):
        lagged({"t": [0.0, 1.0, 1.0, 2.0], "a": [1.0, 2.0, 3.0, 5.0]}, 1, time="t")


def test_rows_left_out_for_missing_values_need_a_time():
    table = {"t": np.arange(40.0), "a": walk(40, 1)[:, 0], "b": [None, *range(39)]}
    data = Observations.of(table, missing="complete_cases")
    with pytest.raises(DiscoveryError, match="Name the column of time"):
        lagged(data, 1)
    assert lagged(data, 1, time="t").rows == 38


def test_too_short_a_series_is_named():
    with pytest.raises(DiscoveryError, match="Lags up to 9 leave 0 of 5 rows"):
        lagged({"a": walk(5, 1)[:, 0], "b": walk(5, 1, 1)[:, 0]}, 9)


def test_names_go_there_and_back():
    assert all(split_lag(lag_name("x.y", k)) == ("x.y", k) for k in range(5))
    assert lag_depth(("x", "y", "x.lag1", "y.lag1")) == 1
    assert lag_depth(("x", "y", "x.lag1")) == 0


def test_windows_with_a_missing_value_are_left_out():
    a = walk(40, 1)[:, 0]
    b: list[float | None] = list(range(40))
    b[10] = None
    wide = lagged(Observations.of({"a": a, "b": b}, missing="keep"), 2)
    # Rows 10, 11 and 12 would need the value of row 10.
    np.testing.assert_array_equal(wide.values[:, 1], [*range(2, 10), *range(13, 40)])
    assert wide.is_complete and any("missing value" in each.what for each in wide.decisions)


def test_categories_are_lagged_as_such():
    rng = np.random.default_rng(0)
    a = rng.choice(["u", "v", "w"], size=400)
    wide = lagged({"a": a, "b": np.roll(a, 1)}, 1)
    assert wide.discrete == (True,) * 4 and wide.levels[2] == ("u", "v", "w")
