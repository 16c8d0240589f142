"""Rank and tetrad tests: closed forms, and p-values that are uniform where they should be."""

import os

import numpy as np
import pytest

from aitia.core import stats
from aitia.discovery import DiscoveryError, rank_test, tetrad_test
from aitia.discovery.latent._gin_test import GINTester, combined
from aitia.discovery.latent._tetrads import one_factor_p_values

RUNS = 3000 if os.environ.get("AITIA_SLOW") else 400


def one_factor(loadings):
    loadings = np.asarray(loadings, float)
    return np.outer(loadings, loadings) + np.diag(1 - loadings**2)


def two_factors(between=0.5):
    """Four indicators of each of two correlated latents."""
    loadings = np.zeros((8, 2))
    loadings[:4, 0], loadings[4:, 1] = [0.9, 0.8, 0.7, 0.6], [0.8, 0.8, 0.7, 0.5]
    latent = np.array([[1, between], [between, 1]])
    covariance = loadings @ latent @ loadings.T
    return covariance + np.diag(1 - np.diag(covariance))


def uniform(p_values):
    """The Kolmogorov-Smirnov p-value of uniformity; 0.001 lets one run in a thousand fail."""
    return stats.kstest(p_values, "uniform").pvalue


def test_the_rank_of_a_known_covariance():
    covariance = two_factors()
    across = covariance[np.ix_([0, 1, 4, 5], [2, 3, 6, 7])]
    assert np.linalg.matrix_rank(across, tol=1e-10) == 2
    for rank, holds in [(0, False), (1, False), (2, True)]:
        test = rank_test(covariance, 2000, [0, 1, 4, 5], [2, 3, 6, 7], rank)
        assert (test.p_value > 0.999) == holds
        assert test.degrees_of_freedom == (4 - rank) ** 2
    # One latent separates its own indicators from everything.
    assert rank_test(covariance, 2000, [0, 1], [2, 3, 6, 7], 1).p_value > 0.999


def test_the_statistic_of_one_column_a_side_is_that_of_a_correlation():
    # -(n - 1 - 3/2) log(1 - r^2), Bartlett's form with p = q = 1 and rank 0.
    test = rank_test(np.array([[2.0, 0.6], [0.6, 1.0]]), 101, [0], [1], 0)
    r2 = 0.36 / 2
    assert test.statistic == pytest.approx(-98.5 * np.log(1 - r2))
    assert test.correlations == pytest.approx((np.sqrt(r2),))


@pytest.mark.parametrize("noise", ["normal", "uniform"])
def test_rank_p_values_are_uniform(noise):
    rng = np.random.default_rng(0)
    p_values = []
    for _ in range(RUNS):
        draw = rng.normal if noise == "normal" else lambda size: rng.uniform(-1.7, 1.7, size)
        hidden = draw(size=(500, 1))
        x = hidden @ np.array([[0.9, 0.8, 0.9, 0.7, 0.8]]) + 0.6 * draw(size=(500, 5))
        p_values.append(rank_test(np.cov(x.T), 500, [0, 1], [2, 3, 4], 1).p_value)
    assert uniform(p_values) > 0.001


def test_tetrad_p_values_are_uniform_and_scale_does_not_matter():
    rng = np.random.default_rng(1)
    factor = np.linalg.cholesky(one_factor([0.8, 0.7, 0.8, 0.6]))
    single, joint = [], []
    for _ in range(RUNS):
        x = rng.normal(size=(400, 4)) @ factor.T
        covariance = np.cov(x.T)
        test = tetrad_test(covariance, 400, 0, 1, 2, 3)
        single.append(test.p_value)
        joint.append(one_factor_p_values(np.corrcoef(x.T), 400, np.array([[0, 1, 2, 3]]))[0])
    assert uniform(single) > 0.001 and uniform(joint) > 0.001
    scale = np.array([1.0, 10.0, 0.1, 3.0])
    again = tetrad_test(covariance * np.outer(scale, scale), 400, 0, 1, 2, 3)
    assert again.p_value == pytest.approx(test.p_value, rel=1e-9)


def test_wisharts_standard_error_is_the_spread_of_the_tetrad():
    rng = np.random.default_rng(2)
    truth = one_factor([0.8, 0.7, 0.8, 0.6])
    factor = np.linalg.cholesky(truth)
    # Wishart's formula is for covariances of variance one, known: draw these.
    values = []
    for _ in range(4 * RUNS):
        s = np.cov((rng.normal(size=(200, 4)) @ factor.T).T)
        values.append(s[0, 2] * s[1, 3] - s[0, 3] * s[1, 2])
    error = tetrad_test(truth, 200, 0, 1, 2, 3).std_error
    # The relative error of a standard deviation from m draws is about 1 / sqrt(2 m); four of them.
    assert np.std(values) == pytest.approx(error, rel=4 / np.sqrt(8 * RUNS))


def test_the_joint_tetrad_test_does_not_depend_on_the_order():
    rng = np.random.default_rng(3)
    correlation = np.corrcoef(rng.normal(size=(6, 50)) + rng.normal(size=50))
    orders = np.array([[0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0], [1, 0, 3, 2]])
    p_values = one_factor_p_values(correlation, 50, orders)
    np.testing.assert_allclose(p_values, p_values[0], rtol=1e-9)


def test_tetrads_between_clusters_are_refused_by_data_of_two_latents():
    covariance = two_factors()
    assert tetrad_test(covariance, 1000, 0, 4, 1, 5).p_value < 1e-6
    assert tetrad_test(covariance, 1000, 0, 1, 4, 5).p_value > 0.999


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: rank_test(np.eye(3), 50, [0, 1], [1, 2], 1), "without overlap"),
        (lambda: rank_test(np.eye(3), 50, [0], [1], -1), "0 or more"),
        (lambda: rank_test(np.eye(3), 2, [0], [1, 2], 0), "too few"),
        (lambda: rank_test(np.ones((3, 3)), 50, [0, 1], [2], 0), "linearly dependent"),
        (lambda: tetrad_test(np.eye(4), 50, 0, 1, 2, 2), "four different columns"),
    ],
)
def test_bad_questions_are_named(call, words):
    with pytest.raises(DiscoveryError, match=words):
        call()


# -- the generalised independent noise condition -------------------------------------------------------------


def two_latents(rng, n, draw):
    first = draw(n)
    second = 0.8 * first + 0.6 * draw(n)
    return np.column_stack([latent + 0.6 * draw(n) for latent in (first,) * 3 + (second,) * 3])


@pytest.mark.parametrize("noise", ["exponential", "uniform", "normal"])
def test_p_values_of_independent_noise_are_uniform(noise):
    # The weights are estimated: a test that ignored it would fail here.
    rng = np.random.default_rng(4)
    draws = {
        "exponential": lambda n: rng.exponential(size=n) - 1,
        "uniform": lambda n: rng.uniform(-1.7, 1.7, n),
        "normal": lambda n: rng.normal(size=n),
    }
    p_values = [GINTester(two_latents(rng, 800, draws[noise])).test([0, 3], [1]).p_value for _ in range(RUNS)]
    assert uniform(p_values) > 0.001


def test_the_condition_fails_from_effect_to_cause_unless_noise_is_normal():
    rng = np.random.default_rng(5)
    wrong = [
        GINTester(two_latents(rng, 1000, lambda n: rng.exponential(size=n) - 1)).test([3, 0], [4]).p_value
        for _ in range(40)
    ]
    assert np.mean(np.array(wrong) < 0.01) > 0.9
    normal = [
        GINTester(two_latents(rng, 1000, lambda n: rng.normal(size=n))).test([3, 0], [4]).p_value
        for _ in range(40)
    ]
    assert np.mean(np.array(normal) < 0.01) < 0.15


def test_combined_p_values_hold_their_level_under_dependence():
    rng = np.random.default_rng(6)
    z = 0.9 * rng.normal(size=(4000, 1)) + np.sqrt(1 - 0.81) * rng.normal(size=(4000, 10))
    p_values = 2 * stats.norm.sf(np.abs(z))
    level = np.mean([combined(line) < 0.01 for line in p_values])
    assert level < 0.01 + 4 * np.sqrt(0.01 * 0.99 / 4000)
    assert combined([0.2]) == pytest.approx(0.2)
