"""p-values are uniform where independence holds, small where it does not, and blind to names, order and units."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from aitia.discovery import Observations
from aitia.discovery.independence import (
    ChiSquared,
    ConditionalGaussian,
    FisherZ,
    GeneralisedCovariance,
    GSquared,
    KernelTest,
    LikelihoodRatio,
    MissingnessCorrected,
    RandomFourier,
    TestWise,
)

SLOW = bool(os.environ.get("AITIA_SLOW"))


def logistic(random, index):
    return (random.random(len(index)) < 1 / (1 + np.exp(-index))).astype(float)


def linear(random, n, effect):
    """Numbers, linear and normal, given two."""
    z, w = random.normal(size=(2, n))
    x = z + w + random.normal(size=n)
    y = z - w + random.normal(size=n) + effect * x
    return [x, y, z, w], [False] * 4


def curved(random, n, effect):
    """Numbers with curved confounding and uneven spread."""
    z = random.normal(size=n)
    x = np.tanh(z) + np.exp(z / 2) * random.normal(size=n)
    y = z**2 + 0.5 * (1 + np.abs(z)) * random.normal(size=n) + effect * x
    return [x, y, z], [False] * 3


def categories(random, n, effect):
    """Three categories, the third a common cause."""
    z = random.integers(0, 3, n).astype(float)
    x = (random.random(n) < 0.2 + 0.3 * z).astype(float) + logistic(random, z - 1)
    y = logistic(random, 0.8 * (1 - z) + effect * (x - 1))
    return [x, y, z], [True] * 3


def mixed(random, n, effect):
    """A category and a number, given one of each."""
    z, group = random.normal(size=n), random.integers(0, 3, n).astype(float)
    x = logistic(random, z + 0.5 * group - 0.5)
    y = z - group + random.normal(size=n) + effect * x
    return [x, y, z, group], [True, False, False, True]


def two_categories_given_a_number(random, n, effect):
    z = random.normal(size=n)
    x = logistic(random, 1.5 * z)
    y = np.argmax(
        np.column_stack([0 * z, 1.2 * z + effect * x, -z]) + random.gumbel(size=(n, 3)), axis=1
    ).astype(float)
    return [x, y, z], [True, True, False]


def alone(random, n, effect):
    """Two numbers, one of them skewed, with nothing given."""
    x = random.standard_exponential(n)
    return [x, random.normal(size=n) + effect * x], [False, False]


def with_holes(random, n, effect):
    """Whether x is seen depends on an effect of x and y."""
    x, y = random.normal(size=(2, n))
    y = y + effect * x
    both = x + y + 0.5 * random.normal(size=n)
    x = np.where(logistic(random, both) > 0, np.nan, x)
    return [x, y, both], [False] * 3


def with_few_holes(random, n, effect):
    """The same with chances of being seen that are never tiny, as weights need."""
    x, y = random.normal(size=(2, n))
    y = y + effect * x
    both = x + y + 0.5 * random.normal(size=n)
    x = np.where(logistic(random, 0.5 * both) > 0, np.nan, x)
    return [x, y, both], [False] * 3


def categories_with_holes(random, n, effect):
    x = random.integers(0, 2, n)
    y = logistic(random, effect * (x - 0.5)).astype(int)
    both = np.where(random.random(n) < 0.9, x | y, 1 - (x | y))
    seen = random.random(n) > np.where(both == 1, 0.6, 0.1)
    return [np.where(seen, x, np.nan), y, both], [True] * 3


# test, world, variables given, rows, effect that it must see
CASES = [
    (FisherZ(), linear, (2, 3), 300, 0.3),
    (FisherZ(), alone, (), 300, 0.3),
    (GSquared(), categories, (2,), 600, 1.0),
    (GSquared(), categories, (), 600, None),
    (ChiSquared(), categories, (2,), 600, 1.0),
    (LikelihoodRatio(), mixed, (2, 3), 400, 0.7),
    (LikelihoodRatio(), two_categories_given_a_number, (2,), 400, 1.5),
    (LikelihoodRatio(), linear, (2, 3), 300, 0.3),
    (ConditionalGaussian(), mixed, (2, 3), 400, 0.7),
    (ConditionalGaussian(), linear, (2, 3), 300, 0.3),
    (GeneralisedCovariance(), curved, (2,), 400, 0.3),
    (GeneralisedCovariance(), mixed, (2, 3), 400, 0.7),
    (RandomFourier(), curved, (2,), 400, 0.4),
    (RandomFourier(), alone, (), 300, 0.4),
    (RandomFourier(), mixed, (2, 3), 400, 1.0),
    (KernelTest(), curved, (2,), 150, 0.6),
    (KernelTest(), alone, (), 150, 0.5),
    (KernelTest(), linear, (2, 3), 150, 0.6),
    (MissingnessCorrected(FisherZ()), with_holes, (), 500, 0.5),
    (MissingnessCorrected(FisherZ(), permuted=False), with_few_holes, (), 500, 0.5),
    (MissingnessCorrected(GSquared()), categories_with_holes, (), 1000, 1.0),
    (TestWise(FisherZ()), with_holes, (2,), 500, None),
]


def named(case):
    test, world, given, *_ = case
    return f"{test.name}{' weights' if getattr(test, 'permuted', None) is False else ''}-{world.__name__}-{len(given)}"


def observed(world, seed, n, effect):
    columns, discrete = world(np.random.default_rng(seed), n, effect)
    return Observations.of_values("xyzw"[: len(columns)], np.column_stack(columns), discrete)


CALIBRATED = [
    case
    for case in CASES
    if not (case[1] is categories and not case[2]) and case[0].name != "test-wise deletion"
]


@pytest.mark.parametrize("case", CALIBRATED, ids=named)
def test_uniform_under_independence(case):
    test, world, given, n, _ = case
    repeats = 1000 if SLOW else 200
    p = np.array([test.on(observed(world, seed, n, 0.0)).p_value(0, 1, given) for seed in range(repeats)])
    # The 0.1% point of Kolmogorov and Smirnov's statistic, and the binomial 99.95% points of the sizes. The kernel
    # tests and the corrected ones are approximations: their sizes get 2 percentage points more, their distribution
    # is looked at in its lower half alone.
    rough = test.name in ("KCI", "missingness corrected")
    if rough:
        assert (p < 0.5).mean() == pytest.approx(0.5, abs=0.05 + 3.3 * 0.5 / np.sqrt(repeats))
    else:
        assert stats.kstest(p, "uniform").pvalue > 0.001
    for level in (0.01, 0.05):
        bound = stats.binom.ppf(0.9995, repeats, level + 0.02 * rough) / repeats
        assert (p < level).mean() <= bound


@pytest.mark.parametrize("case", [case for case in CASES if case[4] is not None], ids=named)
def test_dependence_is_seen(case):
    test, world, given, n, effect = case
    hits = [test.on(observed(world, seed, n, effect)).p_value(0, 1, given) < 0.05 for seed in range(20)]
    assert np.mean(hits) > 0.8  # measured: 0.95 and more


def test_common_causes_left_out_and_selection_by_missingness_are_seen():
    p = [GSquared().on(observed(categories, seed, 600, 0.0)).p_value(0, 1) for seed in range(10)]
    assert max(p) < 0.01
    # Test-wise deletion selects on a common effect: the mistake that the correction is for.
    p = [TestWise(FisherZ()).on(observed(with_holes, seed, 500, 0.0)).p_value(0, 1) for seed in range(10)]
    assert np.median(p) < 0.05


ONE_OF_EACH = list({case[0].name: case for case in CASES}.values())


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=named)
def test_symmetric_and_blind_to_the_order_of_columns_and_of_what_is_given(case):
    test, world, given, n, _ = case
    data = observed(world, 7, n, 0.2)
    expected = test.on(data).result(0, 1, given)
    assert test.on(data).result(1, 0, given[::-1]) == expected
    turned = data.subset(data.names[::-1])
    last = len(data.names) - 1
    again = test.on(turned).result(last, last - 1, [last - z for z in given])
    assert again.p_value == pytest.approx(expected.p_value, rel=1e-5, abs=1e-12)


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=named)
def test_blind_to_units_and_to_the_names_of_levels(case):
    test, world, given, n, _ = case
    data = observed(world, 8, n, 0.2)
    expected = test.on(data).p_value(0, 1, given)
    changed = data.values.copy()
    for i, discrete in enumerate(data.discrete):
        column = changed[:, i]
        changed[:, i] = data.sizes[i] - 1 - column if discrete else 3.0 + 40.0 * column
    other = Observations.of_values(data.names, changed, data.discrete, data.levels)
    # The kernel tests see each level as a column; their sums change in the last digits alone.
    assert test.on(other).p_value(0, 1, given) == pytest.approx(expected, rel=1e-4, abs=1e-10)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 3))
def test_fisher_z_is_the_partial_correlation_of_statistics(seed, size):
    from aitia.statistics import partial_correlation

    columns, _ = linear(np.random.default_rng(seed), 80, 0.2)
    columns.append(columns[0] + np.random.default_rng(seed + 1).normal(size=80))
    data = Observations.of_values("xyzwv", np.column_stack(columns))
    found = FisherZ().on(data).result(0, 1, range(2, 2 + size))
    expected = partial_correlation(data.moments, "x", "y", "zwv"[:size])
    assert found.effect == pytest.approx(abs(expected.value), abs=1e-10)
    assert found.statistic == pytest.approx(np.sqrt(80 - size - 3) * np.arctanh(expected.value), abs=1e-8)


def test_random_features_answer_by_seed_not_by_history():
    data = observed(curved, 3, 300, 0.2)
    fresh = RandomFourier(seed=4).on(data).p_value(0, 1, [2])
    used = RandomFourier(seed=4).on(data)
    used.p_value(0, 2), used.p_value(1, 2)
    assert used.p_value(0, 1, [2]) == fresh
    assert RandomFourier(seed=5).on(data).p_value(0, 1, [2]) != fresh


def test_answers_are_remembered_by_sets_and_distinct_ones_counted():
    tester = FisherZ().on(observed(linear, 1, 100, 0.0))
    first = tester.result(0, 1, [2, 3])
    assert tester.result(1, 0, (3, 2)) is first and tester.calls == 1


# causal-learn 0.1.4.x: CIT(X, "kci", est_width="median")(i, j, given) on these 200 rows.
CAUSAL_LEARN_KCI = {(0, 1, ()): 0.62353, (0, 1, (2,)): 0.89776, (1, 3, (2,)): 0.77518}


def test_kernel_test_beside_causal_learn():
    random = np.random.default_rng(42)
    z = random.normal(size=200)
    x = z**2 + random.normal(size=200)
    y = np.sin(2 * z) + 0.7 * random.normal(size=200)
    w = x + random.normal(size=200)
    data = Observations.of_values("xyzw", np.column_stack([x, y, z, w]))
    tester = KernelTest().on(data)
    for (a, b, given_), expected in CAUSAL_LEARN_KCI.items():
        # The same statistic with other penalties and widths: near, not equal.
        assert tester.p_value(a, b, given_) == pytest.approx(expected, abs=0.12)
    # causal-learn says 0.0 for both.
    assert tester.p_value(0, 3) < 1e-12 and tester.p_value(0, 3, [2]) < 1e-12


def test_kernel_test_says_that_it_read_a_part_of_the_rows():
    tester = KernelTest(most_rows=60).on(observed(alone, 1, 100, 0.0))
    assert tester.rows == 60
    assert tester.warnings == ("KCI read 60 rows of 100, drawn at random.",)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.floats(1e-4, 0.999), st.floats(0.01, 100))
def test_tail_of_equal_weights_is_chi_squared(count, p, scale):
    from aitia.discovery.independence._random_fourier import weighted_chi_squared_tail

    found = weighted_chi_squared_tail(scale * stats.chi2.isf(p, count), np.full(count, scale))
    # The saddlepoint approximation is exact up to Stirling's formula for gamma variables.
    assert found == pytest.approx(p, rel=0.02)


def test_tail_of_two_exponentials():
    from aitia.discovery.independence._random_fourier import weighted_chi_squared_tail

    # Pairs of equal weights a > b make exponentials with means 2a and 2b:
    # P(sum > x) = (a exp(-x / 2a) - b exp(-x / 2b)) / (a - b).
    a, b = 1.0, 0.3
    for x in (0.5, 2.6, 5.0, 10.0, 30.0):
        expected = (a * np.exp(-x / (2 * a)) - b * np.exp(-x / (2 * b))) / (a - b)
        assert weighted_chi_squared_tail(x, np.array([a, a, b, b])) == pytest.approx(expected, rel=0.05)
