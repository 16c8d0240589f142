from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from worlds import linear, study

from aitia.core import AitiaError
from aitia.estimation import RegressionAdjustment, Sample, TreatmentKind
from aitia.identification import ALL, TREATED, UNTREATED, Effect, Estimand, Rule
from aitia.refutation import (
    Case,
    GeneralSensitivity,
    LinearSensitivity,
    OmittedVariable,
    benchmark_bounds,
    partial_r2,
    robustness_value,
)
from aitia.refutation._omitted_variable import _general

DARFUR = Path(__file__).parents[2] / ".." / "shared" / "data" / "effects" / "darfur.csv"


@pytest.fixture(scope="module")
def darfur():
    if not DARFUR.exists():
        pytest.skip("needs darfur.csv of ../shared/data")
    import pandas as pd

    data = pd.read_csv(DARFUR)
    names = ["age", "farmer_dar", "herder_dar", "pastvoted", "hhsize_darfur", "female"]
    villages = pd.get_dummies(data["village"], drop_first=True).to_numpy(float)
    x = np.column_stack([data[names].to_numpy(float), villages])
    sample = Sample(
        data["peacefactor"].to_numpy(float),
        data["directlyharmed"].to_numpy(float),
        TreatmentKind.BINARY,
        covariates=np.asfortranarray(x),
        covariate_names=(*names, *(f"village {j}" for j in range(villages.shape[1]))),
        covariate_groups={name: (j,) for j, name in enumerate(names)},
        names=("directlyharmed", "peacefactor"),
    )
    estimand = Estimand(Effect("directlyharmed", "peacefactor"), Rule.ADJUSTMENT, None, (*names, "village"))
    estimate = RegressionAdjustment(interactions=False).estimate(estimand, sample)
    return Case(estimate, sample)


def test_darfur_reproduces_the_published_numbers(darfur):
    # Cinelli & Hazlett 2020, table 1; PySensemakr 0.0.8, Sensemakr(model, "directlyharmed", ["female"],
    # kd=[1, 2, 3]).
    found = OmittedVariable(linear=True, benchmarks=("female",)).refute(darfur)
    details = found.details
    assert details["estimate"] == pytest.approx(0.09732, abs=5e-6)
    assert details["std_error"] == pytest.approx(0.02326, abs=5e-6)
    assert details["degrees_of_freedom"] == 783
    assert details["partial_r2"] == pytest.approx(0.02187, abs=5e-6)
    assert details["robustness_value"] == pytest.approx(0.13878, abs=5e-6)
    assert details["robustness_value_alpha"] == pytest.approx(0.07626, abs=5e-6)
    # The darfur example of R sensemakr: r2dz.x, r2yz.dx, adjusted_estimate, adjusted_se, adjusted_lower_CI;
    # the adjusted estimate also by PySensemakr 0.0.8: bias_functions.adjusted_estimate(estimate=0.09731582,
    # se=0.02325654, dof=783, r2dz_x=0.00916429, r2yz_dx=0.12464092) = 0.07522027.
    published = [
        (0.009164287, 0.1246409, 0.07522024, 0.02187331, 0.03228288),
        (0.018328573, 0.2493241, 0.05291517, 0.02035006, 0.01296796),
        (0.027492860, 0.3740505, 0.03039602, 0.01867006, -0.00625335),
    ]
    for row, expected in zip(details["benchmarks"], published, strict=True):
        got = (
            row["r2_treatment"],
            row["r2_outcome"],
            row["adjusted_estimate"],
            row["adjusted_std_error"],
            row["adjusted_limit"],
        )
        assert got == pytest.approx(expected, rel=2e-5)
    assert found.bounds and found.verdict.value == "survived"


@given(t=st.floats(0.1, 60), freedom=st.integers(5, 10_000), q=st.floats(0.1, 1))
def test_a_confounder_as_strong_as_the_robustness_value_explains_exactly_q_away(t, freedom, q):
    fit = LinearSensitivity(2.0, 2.0 / t, freedom)
    value = robustness_value(t, freedom, q)
    assert 0 < value < 1
    # For huge t the value is 1 to rounding and the bias is a difference of large numbers.
    if value < 0.999:
        assert fit.bias(value, value) == pytest.approx(2.0 * q, rel=1e-6)


@given(t=st.floats(2.5, 40), freedom=st.integers(30, 10_000))
def test_at_the_robustness_value_for_alpha_the_interval_touches_zero(t, freedom):
    value = robustness_value(t, freedom, alpha=0.05)
    fit = LinearSensitivity(1.0, 1.0 / t, freedom)
    f, critical = t / np.sqrt(freedom), stats.t.isf(0.025, freedom - 1) / np.sqrt(freedom - 1)
    if f <= critical:
        assert value == 0
    elif f < 1 / critical and value < 0.99:
        # No confounder with both shares at or below the value reaches the limit; one with both at it does at
        # the worst.
        shares = np.linspace(0, value, 30)
        worst = fit.adjusted_limit(value, shares, 0.05).min()
        assert worst == pytest.approx(0, abs=1e-6)


def test_the_bias_formula_is_the_bias_of_leaving_a_variable_out():
    # Cinelli & Hazlett 2020, equation 10, is an identity of least squares: check it on data with the variable
    # in hand.
    random = np.random.default_rng(0)
    n = 400
    z, x = random.normal(size=n), random.normal(size=n)
    t = x + 0.5 * z + random.normal(size=n)
    y = t + x + 0.7 * z + random.normal(size=n)

    def residual(v, *others):
        design = np.column_stack([np.ones(n), *others])
        return v - design @ np.linalg.lstsq(design, v, rcond=None)[0]

    def slope(*others):
        rest = residual(t, *others)
        return rest @ y / (rest @ rest)

    short, long = slope(x), slope(x, z)
    rest = residual(t, x)
    left = residual(y, t, x)
    freedom = n - 3
    fit = LinearSensitivity(short, float(np.sqrt(left @ left / freedom / (rest @ rest))), freedom)
    z_t, z_y = residual(z, x), residual(z, t, x)
    r2_treatment = (z_t @ rest) ** 2 / (z_t @ z_t) / (rest @ rest)
    r2_outcome = (z_y @ left) ** 2 / (z_y @ z_y) / (left @ left)
    assert fit.bias(r2_treatment, r2_outcome) == pytest.approx(abs(short - long), rel=1e-9)


@given(d=st.floats(1e-4, 0.2), y=st.floats(1e-4, 0.3))
def test_stronger_benchmarks_bound_stronger_confounders(d, y):
    once, twice = benchmark_bounds(d, y, 1.0), benchmark_bounds(d, y, 2.0)
    assert once[0] == pytest.approx(d / (1 - d))
    assert twice[0] > once[0] and twice[1] >= once[1]
    assert np.isnan(benchmark_bounds(0.9, y, 2.0)[0])


def test_partial_r2_is_the_square_of_the_partial_correlation():
    case = linear(np.random.default_rng(1))
    details = OmittedVariable(linear=True).refute(case).details
    x, t, y = case.sample.covariates, case.sample.treatment, case.sample.outcome
    design = np.column_stack([np.ones(len(t)), x])
    rest = [v - design @ np.linalg.lstsq(design, v, rcond=None)[0] for v in (t, y)]
    r2 = np.corrcoef(*rest)[0, 1] ** 2
    assert details["partial_r2"] == pytest.approx(r2)
    assert details["partial_r2"] == pytest.approx(
        partial_r2(details["t_statistic"], details["degrees_of_freedom"])
    )


def test_moments_and_rows_give_the_same_regression():
    from aitia.refutation._omitted_variable import _partialled, _partialled_by_moments

    case = linear(np.random.default_rng(2))
    every = np.arange(3)
    assert _partialled_by_moments(case.sample) == pytest.approx(_partialled(case.sample, every), rel=1e-9)
    x = case.sample.covariates
    t = x[:, 0] + np.random.default_rng(3).normal(size=case.sample.n)
    dose = study(x, t, case.sample.outcome).sample.replace(contrast=(3.0, 1.0))
    assert _partialled_by_moments(dose) == pytest.approx(_partialled(dose, every), rel=1e-9)


@settings(max_examples=25)
@given(scale=st.floats(0.1, 10), shift=st.floats(-5, 5))
def test_the_general_form_has_the_same_bias_at_its_robustness_value(scale, shift):
    random = np.random.default_rng(3)
    n = 500
    general = GeneralSensitivity(
        estimate=scale + shift / 10,
        influence=random.normal(size=n),
        residual_squares=scale * random.normal(size=n) ** 2,
        representer=random.normal(size=n),
        moment=np.ones(n) + 0.1 * random.normal(size=n) ** 2,
    )
    value = general.robustness_value()
    assert general.bias(value, value) == pytest.approx(abs(general.estimate), rel=1e-6)
    limited = general.robustness_value(0.05)
    assert limited <= value
    if 0 < limited < 1:
        assert general.adjusted_limit(limited, limited, 0.05) == pytest.approx(0, abs=1e-6)


def test_the_general_bias_bound_holds_for_a_hidden_confounder():
    # A binary hidden confounder u whose strength is known in closed form: the short estimate differs from the
    # truth by no more than the bound at u's own strength, and the bound is not idle (less than four times the
    # bias).
    random = np.random.default_rng(4)
    n = 200_000
    u = (random.random(n) < 0.5).astype(float)
    x = random.normal(size=(n, 1))
    chance = 0.3 + 0.4 * u
    t = (random.random(n) < chance).astype(float)
    y = x[:, 0] + t + 1.0 * u + random.normal(size=n)
    case = study(x, t, y)
    found = OmittedVariable(largest=n).refute(case).details
    short_sigma2, short_nu2 = found["sigma2"], found["nu2"]
    # Without u the propensity is 1/2, so nu^2 = 4; with it E[1 / (e (1 - e))] = 1 / 0.21.
    assert short_nu2 == pytest.approx(4.0, rel=0.01)
    r2_treatment = 1 - 4.0 * 0.21
    r2_outcome = 1 - 1.0 / short_sigma2
    general = np.sqrt(short_sigma2 * short_nu2 * r2_outcome * r2_treatment / (1 - r2_treatment))
    bias = abs(case.estimate.value - 1.0)
    assert bias == pytest.approx(0.4, abs=0.02)
    assert bias <= general + 3 * case.estimate.std_error
    assert general < 4 * bias


def test_thinned_rows_keep_the_error_of_all_rows():
    case = linear(np.random.default_rng(5), n=20_000)
    all_rows = OmittedVariable(largest=20_000).refute(case).details
    few = OmittedVariable(largest=5_000).refute(case).details
    assert few["robustness_value"] == pytest.approx(all_rows["robustness_value"], rel=0.1)
    assert few["robustness_value_alpha"] == pytest.approx(all_rows["robustness_value_alpha"], rel=0.1)
    assert few["linear"]["robustness_value"] == pytest.approx(
        all_rows["linear"]["robustness_value"], rel=1e-9
    )


def test_the_contour_grid_holds_the_adjusted_estimates():
    case = linear(np.random.default_rng(6))
    for linear_form in (True, False):
        contour = OmittedVariable(linear=linear_form, resolution=9).refute(case).details["contour"]
        assert contour["adjusted_estimate"].shape == (9, 9)
        assert np.allclose(contour["adjusted_estimate"][0], contour["adjusted_estimate"][0, 0])
        assert (np.diff(np.abs(contour["adjusted_estimate"][1])) <= 1e-12).all() or contour[
            "adjusted_estimate"
        ].min() < 0


def test_a_benchmark_that_is_no_covariate_is_named():
    case = linear(np.random.default_rng(7))
    found = OmittedVariable(benchmarks=("aa",)).refute(case)
    assert not found.attempted and "'aa' is not a covariate" in found.sentence
    with pytest.raises(AitiaError, match="Did you mean"):
        OmittedVariable(benchmarks=("ab",))._refute(case, 0)


def test_the_error_of_the_general_bound_is_that_of_the_bootstrap():
    from aitia.refutation._omitted_variable import _general

    random = np.random.default_rng(8)
    case = linear(random, n=3000)
    r2 = 0.7
    full = _general(case)
    implied = (float(full.adjusted(r2, r2)) - full.adjusted_limit(r2, r2)) / stats.norm.isf(0.05)
    draws = []
    for _ in range(150):
        rows = case.sample.rows(random.integers(0, 3000, 3000))
        again = Case(RegressionAdjustment().estimate(case.estimand, rows), rows)
        draws.append(float(_general(again).adjusted(r2, r2)))
    # sd of a standard deviation from 150 draws: 1 / sqrt(300) = 6%.
    assert implied == pytest.approx(np.std(draws), rel=0.25)
    assert implied > 1.2 * case.estimate.std_error  # the chance in sigma and nu is not a trifle here


@pytest.mark.parametrize("population", [ALL, TREATED, UNTREATED], ids=str)
def test_the_debiased_size_of_the_representer_is_its_size(population):
    """2 E m(W, alpha) = 2 E alpha^2 for the representer of any linear functional (Chernozhukov et al. 2022, eq. 6)."""
    random = np.random.default_rng(5)
    x = random.normal(size=(20_000, 2))
    t = (random.random(20_000) < 1 / (1 + np.exp(-0.8 * x[:, 0] - 0.5))).astype(float)
    sample = Sample(x.sum(1) + t + random.normal(size=20_000), t, TreatmentKind.BINARY, covariates=x)
    estimand = Estimand(Effect("t", "y", population=population), Rule.ADJUSTMENT, None, ("x",))
    case = Case(RegressionAdjustment().estimate(estimand, sample), sample)
    found = _general(case)
    assert found.moment.mean() == pytest.approx((found.representer**2).mean(), rel=0.05)
    assert found.nu2 == pytest.approx((found.representer**2).mean(), rel=0.1)
