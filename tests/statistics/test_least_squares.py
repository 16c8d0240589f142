"""Least squares from moments: closed forms, statsmodels, the rank decision, two-stage least squares, partial r."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.sandbox.regression.gmm import IV2SLS
from statsmodels.stats.outliers_influence import variance_inflation_factor

from aitia.statistics import (
    BadBlock,
    CollinearColumns,
    Moments,
    TooFewRows,
    UnknownVariable,
    least_squares,
    partial_correlation,
    partial_correlations,
    qr_least_squares,
    two_stage_least_squares,
    variance_inflation,
)


def rows_of(seed, rows=200, p=3):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, p)) @ rng.normal(size=(p, p)) + 5
    return np.column_stack([x, x @ np.arange(1, p + 1) + rng.normal(size=rows)]), rng.random(rows) + 0.01


NAMES = ["a", "b", "c", "y"]


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("how", ["moments", "qr"])
def test_against_statsmodels(intercept, weighted, how):
    block, weights = rows_of(1)
    weights = weights if weighted else np.ones(len(block))
    if how == "qr":
        shards = np.array_split(block, 3)
        fit = qr_least_squares(shards, NAMES, "y", NAMES[:3], intercept=intercept, weights=weights)
    else:
        fit = least_squares(Moments.of(block, NAMES, weights), "y", NAMES[:3], intercept=intercept)
    x = sm.add_constant(block[:, :3]) if intercept else block[:, :3]
    reference = sm.WLS(block[:, 3], x, weights=weights).fit()
    np.testing.assert_allclose(fit.coefficients, reference.params, rtol=1e-9)
    np.testing.assert_allclose(fit.covariance, reference.cov_params(), rtol=1e-9)
    for ours, theirs in (
        (fit.r_squared, reference.rsquared),
        (fit.adjusted_r_squared, reference.rsquared_adj),
        (fit.f_statistic, reference.fvalue),
        (fit.sigma2, reference.mse_resid),
        (fit.degrees_of_freedom, reference.df_resid),
        (fit.root_mse, np.sqrt(reference.mse_resid * len(block) / weights.sum())),
    ):
        assert ours == pytest.approx(theirs, rel=1e-9)
    assert fit.f_p_value == pytest.approx(reference.f_pvalue, rel=1e-6, abs=1e-300)
    np.testing.assert_allclose(fit.predict(block, NAMES), reference.fittedvalues, rtol=1e-9)
    assert fit.coefficient("b") == pytest.approx(reference.params[1 + intercept])
    assert fit.std_error("b") == pytest.approx(reference.bse[1 + intercept])


def test_simple_regression_in_closed_form():
    # Two means: the slope on a binary regressor is their difference, 7 - 2.
    block = np.array([[0, 1.0], [0, 3], [1, 6], [1, 8]])
    fit = least_squares(Moments.of(block, ["t", "y"]), "y", ["t"])
    np.testing.assert_allclose(fit.coefficients, [2, 5], rtol=1e-14)
    assert fit.sigma2 == pytest.approx(2) and fit.std_error("t") == pytest.approx(np.sqrt(2))
    assert least_squares(Moments.of(block, ["t", "y"]), "y", []).coefficients == pytest.approx([4.5])


@given(st.integers(0, 10_000), st.floats(1e-3, 1e3))
@settings(deadline=None, max_examples=40)
def test_ridge_solves_its_equations(seed, ridge):
    block, weights = rows_of(seed)
    fit = least_squares(Moments.of(block, NAMES, weights), "y", NAMES[:3], ridge=ridge)
    x, y = block[:, :3], block[:, 3]
    residual = y - fit.predict(block, NAMES)
    gradient = (x * weights[:, None]).T @ residual - ridge * fit.coefficients[1:]
    np.testing.assert_allclose(gradient, 0, atol=1e-8 * np.abs(x.T @ y).max())
    assert weights @ residual == pytest.approx(0, abs=1e-8)
    assert fit.residual_sum == pytest.approx(weights @ residual**2, rel=1e-8)


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=40)
def test_rescaling_rows_and_columns(seed):
    block, weights = rows_of(seed)
    rng = np.random.default_rng(seed)
    # Offsets in units of the new scale: a distant one would round the rows themselves.
    scale = 10.0 ** rng.uniform(-4, 4, 4)
    offset = rng.normal(size=4) * 10 * scale
    fit = least_squares(Moments.of(block, NAMES, weights), "y", NAMES[:3])
    # Normal equations square the condition number, which a random design can have large.
    owed = 1e-9 + 1e-13 * fit.condition**2
    moved = least_squares(Moments.of(block * scale + offset, NAMES, weights * 3), "y", NAMES[:3])
    np.testing.assert_allclose(moved.coefficients[1:], fit.coefficients[1:] * scale[3] / scale[:3], rtol=owed)
    np.testing.assert_allclose(moved.std_errors[1:], fit.std_errors[1:] * scale[3] / scale[:3], rtol=owed)


@pytest.mark.parametrize("how", ["moments", "qr"])
def test_collinear_columns_are_named(how):
    block, _ = rows_of(3, rows=500)
    a, b, c, y = block.T
    names = ["a", "b", "flat", "sum", "c", "twin", "y"]
    wide = np.column_stack([a, b, np.full(500, 3.3), 0.3 * a + 0.7 * b, c, c, y])

    def fit(regressors, **options):
        if how == "qr":
            return qr_least_squares(np.array_split(wide, 7), names, "y", regressors, **options)
        return least_squares(Moments.of(wide, names), "y", regressors, **options)

    expected = {"flat": ("Intercept",), "sum": ("a", "b"), "twin": ("c",)}
    with pytest.raises(CollinearColumns) as caught:
        fit(names[:-1])
    assert caught.value.combinations == expected
    assert str(caught.value).startswith(
        "Columns are collinear: 'flat' is constant; 'sum' is a linear combination of a, b; 'twin' is a linear "
        "combination of c."
    )
    dropped = fit(names[:-1], drop_collinear=True)
    assert dropped.dropped == expected and dropped.names == ("Intercept", "a", "b", "c")
    np.testing.assert_allclose(dropped.coefficients, fit(["a", "b", "c"]).coefficients, rtol=1e-10)
    # Without an intercept a constant is a regressor like another.
    assert "flat" in fit(["a", "flat", "c"], intercept=False).names


@pytest.mark.parametrize("how", ["moments", "qr"])
def test_rounded_combinations_of_distant_columns_are_collinear(how):
    # b = a + 1e9 is rounded to 1e-7; what is left of it beyond a is that rounding, not information.
    rng = np.random.default_rng(4)
    a, y = rng.normal(size=(2, 1000))
    wide, names = np.column_stack([a, a + 1e9, y]), ["a", "b", "y"]

    def fit():
        if how == "qr":
            return qr_least_squares([wide], names, "y", ["a", "b"])
        return least_squares(Moments.of(wide, names), "y", ["a", "b"])

    with pytest.raises(CollinearColumns, match="'b' is a linear combination of a"):
        fit()


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_more_columns_than_rows(rows):
    block, _ = rows_of(5, rows=rows)
    with pytest.raises(CollinearColumns):
        least_squares(Moments.of(block, NAMES), "y", NAMES[:3])
    fit = least_squares(Moments.of(block, NAMES), "y", NAMES[:3], drop_collinear=True)
    assert len(fit.names) <= rows
    with pytest.raises(TooFewRows, match="no degree of freedom"):
        _ = fit.std_errors


def test_bad_input_is_named():
    moments = Moments.of(rows_of(6)[0], NAMES)
    with pytest.raises(UnknownVariable, match="'d'"):
        least_squares(moments, "y", ["a", "d"])
    with pytest.raises(BadBlock, match="differ from each other"):
        least_squares(moments, "y", ["a", "a"])
    with pytest.raises(BadBlock, match="the outcome 'y'"):
        least_squares(moments, "y", ["a", "y"])
    with pytest.raises(TooFewRows, match="no rows"):
        least_squares(Moments.zero(NAMES), "y", ["a"])
    with pytest.raises(TooFewRows, match="no rows"):
        qr_least_squares([], NAMES, "y", ["a"])


@pytest.mark.parametrize("intercept", [True, False])
def test_two_stage_against_statsmodels(intercept):
    rng = np.random.default_rng(7)
    z, w, u = rng.normal(size=(400, 2)) + 2, rng.normal(size=400) + 1, rng.normal(size=400)
    t = z @ [1, 0.5] + w + u + rng.normal(size=400)
    y = 2 * t - w + u + rng.normal(size=400) + 3
    block, names = np.column_stack([z, w, t, y]), ["z1", "z2", "w", "t", "y"]
    result = two_stage_least_squares(
        Moments.of(block, names), "y", ["t"], ["z1", "z2"], ["w"], intercept=intercept
    )
    one = np.ones((400, int(intercept)))
    x, q = np.hstack([one, np.column_stack([t, w])]), np.hstack([one, np.column_stack([w, z])])
    reference = IV2SLS(y, x, q).fit()
    np.testing.assert_allclose(result.fit.coefficients, reference.params, rtol=1e-9)
    np.testing.assert_allclose(result.fit.std_errors, reference.bse, rtol=1e-9)
    stage = result.first_stages[0]
    first = sm.OLS(t, q).fit()
    test = first.f_test(np.eye(q.shape[1])[-2:])
    assert stage.f_statistic == pytest.approx(float(test.fvalue), rel=1e-8)
    assert stage.f_p_value == pytest.approx(float(test.pvalue), rel=1e-6, abs=1e-300)
    np.testing.assert_allclose(
        result.projection[int(intercept)], first.params, rtol=1e-8
    )  # the endogenous regressor's row is its first stage
    residual = y - x @ reference.params
    uncentred = sm.OLS(residual, q).fit()
    share = uncentred.uncentered_tss - uncentred.ssr
    assert result.sargan == pytest.approx(400 * share / uncentred.uncentered_tss, rel=1e-6)
    assert result.sargan_freedom == 1 and 0 < result.sargan_p_value < 1


def test_two_stage_with_one_binary_instrument_is_wald():
    rng = np.random.default_rng(8)
    z = rng.integers(0, 2, 100).astype(float)
    t, y = z + rng.normal(size=100), rng.normal(size=100)
    result = two_stage_least_squares(
        Moments.of(np.column_stack([z, t, y]), ["z", "t", "y"]), "y", ["t"], ["z"]
    )
    wald = (y[z == 1].mean() - y[z == 0].mean()) / (t[z == 1].mean() - t[z == 0].mean())
    assert result.fit.coefficient("t") == pytest.approx(wald, rel=1e-10)
    assert result.sargan == 0 and result.sargan_p_value == 1


def test_two_stage_bad_input_is_named():
    rng = np.random.default_rng(9)
    z, t, y = rng.normal(size=(3, 50))
    moments = Moments.of(np.column_stack([z, 2 * z, t, y]), ["z", "zz", "t", "y"])
    with pytest.raises(BadBlock, match="0 instruments cannot identify 1"):
        two_stage_least_squares(moments, "y", ["t"], [])
    with pytest.raises(BadBlock, match="both endogenous and instruments"):
        two_stage_least_squares(moments, "y", ["t"], ["t"])
    with pytest.raises(CollinearColumns, match="'zz' is a linear combination of z"):
        two_stage_least_squares(moments, "y", ["t"], ["z", "zz"])


@given(st.integers(0, 10_000), st.integers(0, 2))
@settings(deadline=None, max_examples=30)
def test_partial_correlation_is_that_of_residuals(seed, given_count):
    block, weights = rows_of(seed, p=4)
    names = ["a", "b", "c", "d", "y"]
    given_names = names[2 : 2 + given_count]
    test = partial_correlation(Moments.of(block, names, weights), "a", "y", given_names)
    root = np.sqrt(weights)[:, None]
    z = np.column_stack([np.ones(len(block)), block[:, 2 : 2 + given_count]]) * root
    pair = block[:, [0, 4]] * root
    pair = pair - z @ np.linalg.lstsq(z, pair, rcond=None)[0]
    expected = pair[:, 0] @ pair[:, 1] / np.sqrt((pair[:, 0] ** 2).sum() * (pair[:, 1] ** 2).sum())
    assert test.value == pytest.approx(expected, abs=1e-9)
    assert test.degrees_of_freedom == len(block) - 2 - given_count


def test_partial_correlation_test_is_the_regression_t_test():
    block, _ = rows_of(10)
    moments = Moments.of(block, NAMES)
    test, fit = (
        partial_correlation(moments, "b", "y", ["a", "c"]),
        least_squares(moments, "y", ["a", "b", "c"]),
    )
    assert test.t_statistic == pytest.approx(fit.coefficient("b") / fit.std_error("b"), rel=1e-9)
    low, high = test.interval()
    assert low < test.value < high
    everything = partial_correlations(moments)
    assert everything[1, 3] == pytest.approx(test.value, rel=1e-9)
    np.testing.assert_allclose(np.diagonal(everything), 1)


def test_partial_correlation_at_its_edges():
    x = np.random.default_rng(11).normal(size=(50, 2))
    wide = np.column_stack([x, x[:, 0] + x[:, 1], np.ones(50)])
    moments = Moments.of(wide, ["a", "b", "sum", "flat"])
    assert partial_correlation(moments, "a", "sum", ["b"]).value == pytest.approx(1)
    # Nothing of the sum is left once both parts are given; nothing varies in a constant.
    assert partial_correlation(moments, "sum", "flat").value == 0
    assert partial_correlation(moments, "a", "sum", ["flat", "b"]).conditioned == 1
    with pytest.raises(CollinearColumns):
        partial_correlations(moments)
    with pytest.raises(BadBlock, match="must all be different"):
        partial_correlation(moments, "a", "a")


def test_variance_inflation_against_statsmodels():
    block, _ = rows_of(12)
    ours = variance_inflation(Moments.of(block, NAMES), NAMES[:3])
    design = sm.add_constant(block[:, :3])
    for j, name in enumerate(NAMES[:3]):
        assert ours[name] == pytest.approx(variance_inflation_factor(design, j + 1), rel=1e-9)
    twin = Moments.of(np.column_stack([block, block[:, 0], np.ones(len(block))]), [*NAMES, "twin", "flat"])
    ours = variance_inflation(twin, ["a", "b", "twin", "flat"])
    assert ours["a"] == ours["twin"] == ours["flat"] == np.inf and np.isfinite(ours["b"])
