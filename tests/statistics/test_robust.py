"""Robust and cluster-robust errors: one pass and two agree, and both agree with statsmodels."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.statistics import (
    DifferentVariables,
    Moments,
    QuadraticMoments,
    Robust,
    TooFewRows,
    UnknownVariable,
    accumulate,
    cluster_covariance,
    cluster_scores,
    cluster_scores_from_moments,
    least_squares,
    quadratic,
    robust_covariance,
    robust_meat,
)

NAMES = ["a", "b", "c", "y"]


def rows_of(seed, rows=300):
    """Regressors away from zero, errors of unequal variance that share a part within clusters."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3)) @ rng.normal(size=(3, 3)) + rng.normal(size=3) * 10
    clusters = rng.integers(0, 12, rows)
    error = rng.normal(size=rows) * (1 + (x[:, 0] - x[:, 0].mean()) ** 2) + rng.normal(size=12)[clusters]
    return np.column_stack([x, x @ [1.0, -2.0, 0.5] + error]), rng.random(rows) + 0.1, clusters


@pytest.mark.parametrize("kind", list(Robust))
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
def test_against_statsmodels(kind, weighted, intercept):
    block, weights, _ = rows_of(1)
    weights = weights if weighted else np.ones(len(block))
    fit = least_squares(Moments.of(block, NAMES, weights), "y", NAMES[:3], intercept=intercept)
    meat = robust_meat(np.array_split(block, 4), NAMES, fit, weights=weights, kind=kind)
    x = sm.add_constant(block[:, :3]) if intercept else block[:, :3]
    reference = sm.WLS(block[:, 3], x, weights=weights).fit(cov_type=kind.value)
    np.testing.assert_allclose(robust_covariance(fit, meat, kind), reference.cov_params(), rtol=1e-8)


@given(st.integers(0, 10_000), st.booleans(), st.booleans())
@settings(deadline=None, max_examples=30)
def test_one_pass_and_two_agree(seed, weighted, intercept):
    block, weights, clusters = rows_of(seed)
    weights = weights if weighted else None
    shards = np.array_split(block, 3)
    moments = accumulate(shards, NAMES, weights=weights).total()
    # A sub-model: what was kept serves every regression among the variables.
    fit = least_squares(moments, "y", ["c", "a"], intercept=intercept)
    two = robust_meat(shards, NAMES, fit, weights=weights)
    one = quadratic(shards, NAMES, weights=weights).meat(fit)
    scale = np.sqrt(np.outer(np.diagonal(two), np.diagonal(two)))
    np.testing.assert_array_less(np.abs(one - two) / scale, 1e-10)
    by_cluster = accumulate(shards, NAMES, groups=clusters, n_groups=12, weights=weights)
    kept = cluster_scores_from_moments(by_cluster, fit)
    passed = cluster_scores(shards, NAMES, fit, clusters, 12, weights=weights)
    np.testing.assert_array_less(np.abs(kept - passed) / np.abs(passed).max(axis=0), 1e-10)


@given(st.integers(0, 10_000), st.integers(1, 299))
@settings(deadline=None, max_examples=30)
def test_quadratic_moments_merge(seed, cut):
    block, weights, _ = rows_of(seed)
    fit = least_squares(Moments.of(block, NAMES, weights), "y", NAMES[:3])
    whole = QuadraticMoments.of(block, NAMES, weights).meat(fit)
    # The shards are about different means: merging moves one to the other's.
    a, b = (QuadraticMoments.of(block[at], NAMES, weights[at]) for at in (slice(0, cut), slice(cut, None)))
    for merged in ((a + b).meat(fit), (b + a).meat(fit)):
        scale = np.sqrt(np.outer(np.diagonal(whole), np.diagonal(whole)))
        np.testing.assert_array_less(np.abs(merged - whole) / scale, 1e-9)


@pytest.mark.parametrize("weighted", [False, True])
def test_clusters_against_statsmodels(weighted):
    block, weights, clusters = rows_of(2)
    weights = weights if weighted else np.ones(len(block))
    fit = least_squares(Moments.of(block, NAMES, weights), "y", NAMES[:3])
    scores = cluster_scores([block], NAMES, fit, clusters, 12, weights=weights)
    reference = sm.WLS(block[:, 3], sm.add_constant(block[:, :3]), weights=weights).fit(
        cov_type="cluster", cov_kwds={"groups": clusters}
    )
    np.testing.assert_allclose(cluster_covariance(fit, scores), reference.cov_params(), rtol=1e-8)


def test_cluster_scores_of_distant_columns_keep_their_digits():
    block, _, clusters = rows_of(5)
    block[:, 3] += 1e9
    block[:, 0] += 1e8
    fit = least_squares(Moments.of(block, NAMES), "y", NAMES[:3])
    kept = cluster_scores_from_moments(accumulate([block], NAMES, groups=clusters, n_groups=12), fit)
    near = block - [1e8, 0, 0, 1e9]
    residual = near[:, 3] - near[:, :3] @ fit.coefficients[1:]
    residual -= residual.mean()
    sums = np.bincount(clusters, residual)
    # The intercept near 1e9 has a grain of 1e-7; the sums must not be off by that times the rows of a cluster.
    np.testing.assert_allclose(kept[:, 0], sums, atol=1e-10)


def test_threads_do_not_change_a_bit():
    block, _, clusters = rows_of(3, 200_000)
    fit = least_squares(Moments.of(block, NAMES), "y", NAMES[:3])
    one, many = (robust_meat([block], NAMES, fit, threads=t) for t in (1, 4))
    assert (one == many).all()
    one, many = (cluster_scores([block], NAMES, fit, clusters, 12, threads=t) for t in (1, 4))
    assert (one == many).all()
    one, many = (quadratic([block], NAMES, threads=t).products for t in (1, 4))
    assert (one == many).all()


def test_bad_input_is_named():
    block, _, _ = rows_of(4, 5)
    fit = least_squares(Moments.of(block, NAMES), "y", NAMES[:3])
    with pytest.raises(TooFewRows, match="need two clusters, but there are 1"):
        cluster_covariance(fit, np.ones((1, 4)))
    with pytest.raises(UnknownVariable, match="'y'"):
        QuadraticMoments.of(block[:, :3], NAMES[:3]).meat(fit)
    with pytest.raises(DifferentVariables):
        _ = QuadraticMoments.of(block, NAMES) + QuadraticMoments.of(block[:, :3], NAMES[:3])
    saturated = least_squares(Moments.of(block[:4], NAMES), "y", NAMES[:3])
    with pytest.raises(TooFewRows, match="4 rows leave no degree of freedom for 4"):
        robust_covariance(saturated, robust_meat([block[:4]], NAMES, saturated))
    assert quadratic([], NAMES).products.shape == (15, 15)
