"""Block assignment, jackknife and bootstrap over blocks, all submodels, principal components."""

import itertools

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from aitia.statistics import (
    BadBlock,
    CollinearColumns,
    Moments,
    TooFewRows,
    accumulate,
    assign_blocks,
    bootstrap,
    bootstrap_multiplicities,
    jackknife,
    least_squares,
    least_squares_each,
    principal_components,
    submodels,
)

NAMES = ["a", "b", "c", "y"]


def rows_of(seed, rows=2000):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3)) @ rng.normal(size=(3, 3)) + 4
    return np.column_stack([x, x @ [1, 2, 3] + rng.normal(size=rows) * (1 + np.abs(x[:, 0]))])


# -- blocks ------------------------------------------------------------------------------------------------


@given(
    st.integers(0, 2**40), st.integers(1, 300), st.integers(1, 60), st.integers(0, 2**31), st.integers(0, 300)
)
@settings(max_examples=60)
def test_blocks_do_not_depend_on_how_the_stream_is_cut(start, rows, n_blocks, seed, cut):
    cut = min(cut, rows)
    whole = assign_blocks(start, rows, n_blocks, seed)
    parts = assign_blocks(start, cut, n_blocks, seed), assign_blocks(start + cut, rows - cut, n_blocks, seed)
    assert (np.concatenate(parts) == whole).all()
    assert whole.min() >= 0 and whole.max() < n_blocks


def test_blocks_are_uniform_and_unrelated_to_neighbours_seeds_and_purposes():
    n, blocks = 200_000, 20
    first = assign_blocks(0, n, blocks, seed=1)
    # Chi-squared tests of uniformity and of independence; a p-value below 1e-6 comes once in a million such tests.
    assert stats.chisquare(np.bincount(first, minlength=blocks)).pvalue > 1e-6
    others = {
        "next row": np.roll(first, 1),
        "next seed": assign_blocks(0, n, blocks, seed=2),
        "folds": assign_blocks(0, n, blocks, seed=1, purpose="folds"),
        "parity": np.arange(n) % 20,
    }
    for name, other in others.items():
        table = np.bincount(first * blocks + other, minlength=blocks**2).reshape(blocks, blocks)
        assert stats.chi2_contingency(table).pvalue > 1e-6, name


def test_clusters_stay_whole():
    codes = np.random.default_rng(0).integers(-50, 50, 1000)
    blocks = assign_blocks(codes, n_blocks=10, seed=3)
    assert all(len(set(blocks[codes == code])) == 1 for code in set(codes))
    assert len(set(blocks)) == 10
    with pytest.raises(BadBlock, match="must be integers"):
        assign_blocks(np.array([0.5]), n_blocks=2)
    with pytest.raises(BadBlock, match="at least one block"):
        assign_blocks(0, 3, 0)


# -- resampling --------------------------------------------------------------------------------------------


def test_jackknife_of_a_mean_in_closed_form():
    # Groups of one row: the jackknife of the mean is the textbook standard error exactly.
    y = np.random.default_rng(1).normal(size=(40, 1))
    groups = accumulate([y], ["y"], groups=np.arange(40), n_groups=40)
    result = jackknife(groups, lambda each: each.means[:, 0])
    assert result.std_error[0] == pytest.approx(y.std(ddof=1) / np.sqrt(40), rel=1e-12)
    assert result.value[0] == pytest.approx(y.mean())


def test_bootstrap_of_a_mean_against_theory():
    y = np.random.default_rng(2).normal(size=(400, 1))
    groups = accumulate([y], ["y"], groups=np.arange(400), n_groups=400)
    result = bootstrap(groups, lambda each: each.means[:, 0], replicates=4000, seed=3)
    # The standard deviation of 4000 replicates has a relative Monte-Carlo error of 1 / sqrt(8000) = 1.1%.
    assert result.std_error[0] == pytest.approx(y.std(ddof=1) / 20, rel=0.05)
    low, high = result.interval(0.95)
    assert low[0] == pytest.approx(y.mean() - 1.96 * result.std_error[0], abs=0.012)
    assert high[0] == pytest.approx(y.mean() + 1.96 * result.std_error[0], abs=0.012)
    again = bootstrap(groups, lambda each: each.means[:, 0], replicates=4000, seed=3)
    assert (again.values == result.values).all()


def test_block_errors_are_the_robust_ones():
    # 100 blocks: both errors scatter around the truth by about 1 / sqrt(200) = 7%; a quarter is three times that.
    rows = rows_of(4, 20_000)
    groups = accumulate([rows], NAMES, groups=assign_blocks(0, len(rows), 100, 5), n_groups=100)
    robust = sm.OLS(rows[:, 3], sm.add_constant(rows[:, :3])).fit(cov_type="HC1")

    def coefficients(each):
        return least_squares_each(each, "y", NAMES[:3])

    for result in (jackknife(groups, coefficients), bootstrap(groups, coefficients, 1000, 6)):
        np.testing.assert_allclose(result.value, robust.params, rtol=1e-9)
        np.testing.assert_allclose(result.std_error, robust.bse, rtol=0.25)


def test_bootstrap_multiplicities_draw_with_replacement():
    drawn = bootstrap_multiplicities(7, 500, seed=1)
    assert drawn.shape == (500, 7) and (drawn.sum(axis=1) == 7).all()
    assert (drawn == 0).mean() == pytest.approx((6 / 7) ** 7, abs=0.03)


@given(st.integers(0, 10_000), st.booleans(), st.sampled_from([0.0, 2.5]))
@settings(deadline=None, max_examples=30)
def test_regressions_solved_together_are_each_the_regression(seed, intercept, ridge):
    rows = rows_of(seed, 120)
    groups = accumulate([rows], NAMES, groups=np.arange(120) % 3, n_groups=3)
    together = least_squares_each(groups, "y", ["c", "a"], intercept=intercept, ridge=ridge)
    for each, coefficients in zip(groups, together):
        one = least_squares(each, "y", ["c", "a"], intercept=intercept, ridge=ridge)
        np.testing.assert_allclose(coefficients, one.coefficients, rtol=1e-8)


def test_resampling_bad_input_is_named():
    rows = rows_of(7, 30)
    one = accumulate([rows], NAMES, groups=np.zeros(30, int), n_groups=5)
    with pytest.raises(TooFewRows, match="two groups with rows, but there are 1"):
        jackknife(one, lambda each: each.means)
    with pytest.raises(TooFewRows, match="no rows"):
        least_squares_each(one, "y", ["a"])
    two = accumulate(
        [np.column_stack([rows, rows[:, 0]])], [*NAMES, "twin"], groups=np.arange(30) % 2, n_groups=2
    )
    with pytest.raises(CollinearColumns, match="'twin'"):
        least_squares_each(two, "y", ["a", "twin"])
    with pytest.raises(BadBlock, match="one value or one row for each of 2"):
        jackknife(two, lambda each: each.means[0, 0])


# -- submodels ---------------------------------------------------------------------------------------------


def test_every_subset_is_its_own_regression():
    rows = rows_of(8, 200)
    models = submodels(Moments.of(rows, NAMES), "y", NAMES[:3])
    assert len(models.included) == 8
    subsets = [tuple(np.flatnonzero(each)) for each in models.included]
    assert set(subsets) == {s for r in range(4) for s in itertools.combinations(range(3), r)}
    for s, subset in enumerate(subsets):
        reference = sm.OLS(
            rows[:, 3], sm.add_constant(rows[:, list(subset)]) if subset else np.ones(200)
        ).fit()
        np.testing.assert_allclose(models.coefficients[s, list(subset)], reference.params[1:], rtol=1e-9)
        np.testing.assert_allclose(models.std_errors[s, list(subset)], reference.bse[1:], rtol=1e-9)
        assert models.intercepts[s] == pytest.approx(reference.params[0], rel=1e-9)
        assert models.residual_sums[s] == pytest.approx(reference.ssr, rel=1e-9)
        assert models.r_squared[s] == pytest.approx(reference.rsquared, rel=1e-9, abs=1e-12)
    # statsmodels' BIC is ours plus n (1 + log 2 pi), the same for all models.
    full = sm.OLS(rows[:, 3], sm.add_constant(rows[:, :3])).fit()
    assert models.bic.argmin() == subsets.index((0, 1, 2))
    assert models.bic[-1] + 200 * (1 + np.log(2 * np.pi)) == pytest.approx(full.bic)


def test_chosen_subsets_and_columns_always_in():
    moments = Moments.of(rows_of(9), NAMES)
    leave_one_out = submodels(moments, "y", NAMES[:3], included=~np.eye(3, dtype=bool), always=["a"])
    assert leave_one_out.included.tolist() == [[True, True, True], [True, False, True], [True, True, False]]
    assert leave_one_out.coefficient("b")[1] == 0 and leave_one_out.std_errors[1, 1] == 0
    assert len(submodels(moments, "y", NAMES[:3], always=["a"]).included) == 4
    assert submodels(moments, "y", []).intercepts == pytest.approx([moments.mean[3]])


def test_submodels_bad_input_is_named():
    rows = rows_of(10, 50)
    twin = Moments.of(np.column_stack([rows, rows[:, 0]]), [*NAMES, "twin"])
    with pytest.raises(CollinearColumns, match="'twin' is a linear combination of a"):
        submodels(twin, "y", ["a", "twin"])
    with pytest.raises(BadBlock, match="\\(subsets, 2\\)"):
        submodels(twin, "y", ["a", "b"], included=np.ones((1, 3), bool))
    wide = Moments.zero([f"x{j}" for j in range(25)])
    with pytest.raises(BadBlock, match="2\\^24 subsets"):
        submodels(wide, "x0", wide.names[1:])


# -- principal components ----------------------------------------------------------------------------------


@given(st.integers(0, 10_000), st.booleans())
@settings(deadline=None, max_examples=30)
def test_scores_are_uncorrelated_with_the_stated_variances(seed, scaled):
    rows = rows_of(seed, 200)
    components = principal_components(Moments.of(rows, NAMES), scaled=scaled)
    covariance = np.cov(components.scores(rows).T)
    np.testing.assert_allclose(covariance, np.diag(components.variances), atol=1e-9 * components.variances[0])
    assert (np.diff(components.variances) <= 0).all() and components.explained.sum() == pytest.approx(1)
    assert components.scores(rows, 2).shape == (200, 2)


def test_principal_components_against_scikit_learn():
    from sklearn.decomposition import PCA

    rows = rows_of(11)
    reference = PCA().fit(rows)
    ours = principal_components(Moments.of(rows, NAMES), scaled=False)
    np.testing.assert_allclose(ours.explained, reference.explained_variance_ratio_, rtol=1e-8)
    np.testing.assert_allclose(np.abs(ours.directions), np.abs(reference.components_), rtol=1e-6, atol=1e-9)
    flat = principal_components(Moments.of(np.column_stack([rows[:, 0], np.ones(2000)]), ["a", "flat"]))
    assert flat.variances.tolist() == pytest.approx([1, 0])
    with pytest.raises(TooFewRows):
        principal_components(Moments.of(rows[:1], NAMES))
