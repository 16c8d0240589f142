"""Tests over contingency tables against closed forms, other packages and a plain reference."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from aitia.discovery import Observations
from aitia.discovery.independence import ChiSquared, GSquared
from aitia.statistics import Counts, independence

SHARED = Path(__file__).parents[3] / ".." / "shared" / "data" / "discovery"


def discrete(codes, sizes=None):
    names = [f"v{i}" for i in range(codes.shape[1])]
    levels = None if sizes is None else [tuple(range(size)) for size in sizes]
    return Observations.of_values(names, codes.astype(float), [True] * len(names), levels)


def plain(codes, x, y, given, pearson):
    """Stratum by stratum with SciPy's own test."""
    strata = np.unique(codes[:, list(given)], axis=0, return_inverse=True)[1].ravel() if given else None
    statistic = freedom = 0.0
    for s in range(1 if strata is None else strata.max() + 1):
        part = codes if strata is None else codes[strata == s]
        table = np.zeros((codes[:, x].max() + 1, codes[:, y].max() + 1))
        np.add.at(table, (part[:, x], part[:, y]), 1)
        table = table[table.sum(1) > 0][:, table.sum(0) > 0]
        if min(table.shape) < 2:
            continue
        found = stats.chi2_contingency(
            table, correction=False, lambda_="pearson" if pearson else "log-likelihood"
        )
        statistic, freedom = statistic + found.statistic, freedom + found.dof
    return statistic, freedom


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 4), st.integers(5, 3000), st.integers(2, 9), st.booleans())
def test_the_kernel_is_the_sum_of_scipys_tests_over_strata(seed, size, n, levels, pearson):
    # Small and large tables: both ways of the kernel, dense and by sorted strata.
    random = np.random.default_rng(seed)
    codes = random.integers(0, levels, (n, 2 + size)) * (random.random((n, 2 + size)) < 0.7)
    tester = (ChiSquared(thin=0) if pearson else GSquared(thin=0)).on(discrete(codes, [levels] * (2 + size)))
    found = tester.result(0, 1, range(2, 2 + size))
    statistic, freedom = plain(codes, 0, 1, list(range(2, 2 + size)), pearson)
    if freedom == 0:
        assert found.p_value == 1.0
    else:
        assert found.degrees_of_freedom == freedom
        assert found.statistic == pytest.approx(statistic, rel=1e-9, abs=1e-8)
        assert found.p_value == pytest.approx(stats.chi2.sf(statistic, freedom), rel=1e-7, abs=1e-300)


def test_g2_is_that_of_the_hub():
    random = np.random.default_rng(0)
    codes = random.integers(0, 3, (500, 4))
    counts = Counts.of(codes, {f"v{i}": (0, 1, 2) for i in range(4)})
    expected = independence(counts, "v0", "v1", ["v2", "v3"])
    found = GSquared(thin=0).on(discrete(codes)).result(0, 1, [2, 3])
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.degrees_of_freedom == expected.degrees_of_freedom


def test_beside_causal_learn():
    random = np.random.default_rng(42)
    n = 200
    # The draws before these in the script that made the numbers.
    for _ in range(4):
        random.normal(size=n)
    codes = np.column_stack([random.integers(0, levels, 500) for levels in (3, 2, 4)])
    codes[:, 1] = np.where(random.random(500) < 0.3, codes[:, 0] > 0, codes[:, 1])
    data = discrete(codes)
    # causal-learn 0.1.4.x: CIT(codes, "gsq") and CIT(codes, "chisq") at (0, 1), (0, 2), (0, 1 | 2), (0, 2 | 1).
    for test, expected in (
        (
            GSquared(thin=0),
            [7.387998305789942e-08, 0.5261821304807408, 5.596215348760452e-07, 0.17637661475115207],
        ),
        (
            ChiSquared(thin=0),
            [8.079820053177721e-08, 0.5155576650514011, 9.873582652844887e-07, 0.15071430315151546],
        ),
    ):
        tester = test.on(data)
        asked = [(0, 1, ()), (0, 2, ()), (0, 1, (2,)), (0, 2, (1,))]
        assert [tester.p_value(*each) for each in asked] == pytest.approx(expected, rel=1e-9)


def test_alarm_beside_causal_learn():
    path = SHARED / "bnlearn_discrete_10000" / "data" / "alarm.txt"
    if not path.exists():
        pytest.skip("the alarm sample is not beside the repository")
    codes = np.loadtxt(path, skiprows=1).astype(int)
    data = discrete(codes - codes.min(axis=0))
    # causal-learn: CIT(codes, "gsq")(x, y, given).
    expected = {
        (0, 1, (2,)): 1.047574522824454e-55,
        (3, 7, (2, 9, 11)): 0.27910467324097243,
        (5, 6, (1, 2, 3, 4, 8, 10)): 1.1564217699512191e-152,
        (0, 16, (1, 2, 3, 4, 8, 10, 15, 14)): 0.6911205018207525,
    }
    tester = GSquared(thin=0).on(data)
    for asked, p in expected.items():
        assert tester.p_value(*asked) == pytest.approx(p, rel=1e-9)


def test_nominal_freedom_counts_all_combinations():
    codes = np.array([[0, 0, 0], [1, 1, 0], [0, 1, 0], [1, 0, 1]] * 5)
    data = discrete(codes, [2, 2, 3])
    assert GSquared().on(data).result(0, 1, [2]).degrees_of_freedom == 1
    assert GSquared(nominal_freedom=True).on(data).result(0, 1, [2]).degrees_of_freedom == 3


def test_thin_tables_are_not_tested_and_that_is_said():
    random = np.random.default_rng(0)
    codes = random.integers(0, 4, (60, 3))
    codes[:, 1] = codes[:, 0]
    tester = GSquared(rows_a_freedom=10).on(discrete(codes))
    assert tester.p_value(0, 1, [2]) == 1.0
    assert tester.warnings == (
        "1 of 1 tests had fewer than 10 rows for a degree of freedom and were taken for independence without testing.",
    )
    assert GSquared().on(discrete(codes)).p_value(0, 1, [2]) < 1e-6


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 400), st.integers(1, 6))
def test_distinct_rows_say_the_same_as_all_rows(seed, n, p):
    codes = np.random.default_rng(seed).integers(-1, 3, (n, p)).astype(float)
    data = Observations.of_values(
        [f"v{i}" for i in range(p)], np.where(codes < 0, np.nan, codes), [True] * p, [(0, 1, 2)] * p
    )
    rows = data.distinct
    expected, counts = np.unique(codes.astype(int), axis=0, return_counts=True)
    order = np.lexsort(rows.codes[::-1])
    assert (expected == rows.codes[:, order].T).all()
    assert (rows.weights[order] == counts).all()


def test_missing_codes_stay_out_of_the_count():
    random = np.random.default_rng(3)
    codes = random.integers(0, 3, (400, 3)).astype(float)
    codes[random.random((400, 3)) < 0.2] = np.nan
    whole = codes[~np.isnan(codes).any(axis=1)].astype(int)
    from aitia.discovery.independence import TestWise

    data = Observations.of_values("xyz", codes, [True] * 3)
    found = TestWise(GSquared(thin=0)).on(data).result(0, 1, [2])
    statistic, freedom = plain(whole, 0, 1, [2], False)
    assert (found.statistic, found.degrees_of_freedom) == (pytest.approx(statistic), freedom)


def test_the_corrected_statistic_has_the_mean_of_chi_squared_over_all_permutations():
    # Haldane (1940): given the margins the mean is exactly the degrees of freedom. All 7! orders of y.
    from itertools import permutations

    x, y = np.array([0, 0, 0, 1, 1, 2, 2]), (0, 1, 1, 0, 1, 0, 1)
    found = [
        ChiSquared().on(discrete(np.column_stack([x, order]), [3, 2])).result(0, 1)
        for order in sorted(set(permutations(y)))
    ]
    assert np.mean([each.statistic for each in found]) == pytest.approx(2.0)
    assert {each.degrees_of_freedom for each in found} == {2.0}


def test_thin_tables_keep_their_size():
    sizes = []
    for test in (GSquared(), GSquared(thin=0)):
        p = []
        for seed in range(150):
            random = np.random.default_rng(seed)
            z = random.integers(0, 4, (1000, 3))
            x, y = (
                (z.sum(axis=1) + random.integers(0, 4, 1000) * (random.random(1000) < 0.7)) % 4
                for _ in range(2)
            )
            tester = test.on(discrete(np.column_stack([x, y, z]), [4] * 5))
            p.append(tester.p_value(0, 1, [2, 3, 4]))
        sizes.append(np.mean(np.array(p) < 0.05))
    # Binomial(150, 5%): 16 is its 99.9% point. Uncorrected, about nine in ten are wrong.
    assert sizes[0] <= 16 / 150 and sizes[1] > 0.7
    assert test.on(discrete(np.zeros((9, 2), int), [2, 2])).warnings == ()
    tester = GSquared().on(discrete(np.random.default_rng(0).integers(0, 3, (60, 3))))
    tester.p_value(0, 1, [2])
    assert tester.warnings == (
        "1 tests had fewer than 50 rows for a degree of freedom and took Pearson's statistic, corrected for few "
        "rows a stratum.",
    )
