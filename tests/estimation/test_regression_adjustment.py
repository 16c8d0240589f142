from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from linear_cases import EFFECTS, adjusted, assert_covers, mixed_sample, rows_of

from aitia.data import read
from aitia.estimation import RegressionAdjustment, Sample, TreatmentKind, influence_error
from aitia.identification import (
    ALL,
    TREATED,
    UNTREATED,
    Contrast,
    Effect,
    Estimand,
    Population,
    Rule,
    subgroup,
)
from aitia.statistics import TooFewRows

# -- outside numbers ---------------------------------------------------------------------------------------------


def ols(y: np.ndarray, *columns: np.ndarray, **kwargs: object):
    return sm.OLS(y, np.column_stack([np.ones(len(y)), *columns])).fit(**kwargs)


@pytest.mark.parametrize("kind", ["binary", "continuous"])
def test_without_interactions_equals_statsmodels(kind: str) -> None:
    sample = mixed_sample(300, 1, kind)
    y, t, x = sample.outcome, sample.treatment, sample.covariates
    step = sample.contrast[0] - sample.contrast[1]
    classical, robust = ols(y, t, x), ols(y, t, x, cov_type="HC1")
    plain = RegressionAdjustment(interactions=False, robust=False).estimate(adjusted(), sample)
    assert plain.value == pytest.approx(step * classical.params[1], rel=1e-9)
    assert plain.std_error == pytest.approx(abs(step) * classical.bse[1], rel=1e-9)
    assert plain.degrees_of_freedom == classical.df_resid
    sandwich = RegressionAdjustment(interactions=False).estimate(adjusted(), sample)
    assert sandwich.std_error == pytest.approx(abs(step) * robust.bse[1], rel=1e-9)


def test_clusters_equal_statsmodels() -> None:
    sample = mixed_sample(300, 2, clustered=True)
    fit = ols(
        sample.outcome,
        sample.treatment,
        sample.covariates,
        cov_type="cluster",
        cov_kwds={"groups": sample.clusters},
    )
    estimate = RegressionAdjustment(interactions=False).estimate(adjusted(), sample)
    assert estimate.std_error == pytest.approx(fit.bse[1], rel=1e-9)
    assert estimate.degrees_of_freedom == len(np.unique(sample.clusters)) - 1


def test_weights_equal_weighted_least_squares() -> None:
    sample = mixed_sample(300, 3, weighted=True)
    design = np.column_stack([np.ones(300), sample.treatment, sample.covariates])
    fit = sm.WLS(sample.outcome, design, weights=sample.weights).fit(cov_type="HC1")
    estimate = RegressionAdjustment(interactions=False).estimate(adjusted(), sample)
    assert estimate.value == pytest.approx(fit.params[1], rel=1e-9)
    assert estimate.std_error == pytest.approx(fit.bse[1], rel=1e-9)


@pytest.mark.parametrize(
    ("population", "arm"),
    [(ALL, None), (TREATED, 1.0), (UNTREATED, 0.0), (subgroup("x1 > -100", "x1"), "mask")],
)
def test_with_interactions_equals_the_interacted_regression_centred_at_the_population(
    population: Population, arm: object
) -> None:
    """Lin (2013), section 3: the coefficient of t in the regression on t, x - x* and t (x - x*)."""
    sample = mixed_sample(300, 4, masked=arm == "mask")
    rows = {None: np.ones(300, bool), "mask": sample.population}.get(arm, sample.treatment == arm)
    centred = sample.covariates - sample.covariates[rows].mean(0)
    t = sample.treatment[:, None]
    fit = ols(sample.outcome, t, centred, t * centred)
    estimate = RegressionAdjustment().estimate(adjusted(population), sample)
    assert estimate.value == pytest.approx(fit.params[1], rel=1e-8)


def test_continuous_interactions_equal_the_interacted_regression() -> None:
    sample = mixed_sample(300, 5, "continuous")
    centred = sample.covariates - sample.covariates.mean(0)
    t = sample.treatment[:, None]
    fit = ols(sample.outcome, t, centred, t * centred)
    estimate = RegressionAdjustment().estimate(adjusted(), sample)
    assert estimate.value == pytest.approx(3 * fit.params[1], rel=1e-8)  # the contrast is 2 against -1
    # The mean outcome at a dose is the fit's mean over rows with t set to it.
    set_to = np.column_stack([np.ones(300), np.full(300, 2.0), centred, 2 * centred])
    assert estimate.profile is not None
    assert estimate.profile.means[0] == pytest.approx(float((set_to @ fit.params).mean()), rel=1e-8)


def _file(
    name: str, treatment: str, outcome: str, covariates: tuple[str, ...] = ()
) -> tuple[Sample, Estimand]:
    columns = rows_of(name)
    estimand = Estimand(
        Effect(treatment, outcome, population=ALL), Rule.ADJUSTMENT, adjusted().expression, covariates
    )
    table = read({key: columns[key] for key in (treatment, outcome, *covariates)})
    return Sample.draw(table, estimand), estimand


def test_dehejia_wahba_experiment() -> None:
    """Difference 1794.34, HC1 670.8: plain NumPy on the file (185 treated, 260 controls)."""
    sample, estimand = _file("causaldata_nsw_mixtape.csv", "treat", "re78")
    estimate = RegressionAdjustment(interactions=False).estimate(estimand, sample)
    assert f"{estimate.value:.2f}" == "1794.34"
    assert f"{estimate.std_error:.1f}" == "670.8"
    assert sample.arm_moments().count.tolist() == [260, 185]


def test_dehejia_wahba_against_cps() -> None:
    """The raw difference of the 185 treated and 15,992 CPS-1 rows, -8497.5 (published: -8498)."""
    treated = rows_of("causaldata_nsw_mixtape.csv")
    cps = rows_of("causaldata_cps_mixtape.csv")
    keep = treated["treat"] == 1
    y = np.concatenate([treated["re78"][keep], cps["re78"]])
    t = np.concatenate([np.ones(keep.sum()), np.zeros(len(cps["re78"]))])
    estimate = RegressionAdjustment().estimate(adjusted(), Sample(y, t, TreatmentKind.BINARY))
    assert f"{estimate.value:.1f}" == "-8497.5"
    assert len(cps["re78"]) == 15992


def test_lalonde_full_experiment() -> None:
    """Experimental 886.30, OLS s.e. 472.1."""
    sample, estimand = _file("DAAG_nswdemo.csv", "trt", "re78")
    estimate = RegressionAdjustment(interactions=False, robust=False).estimate(estimand, sample)
    assert f"{estimate.value:.2f}" == "886.30"
    assert f"{estimate.std_error:.1f}" == "472.1"


def test_matchit_lalonde() -> None:
    """Raw -635.03, OLS adjusted 1548.24, n = 614."""
    raw, estimand = _file("MatchIt_lalonde.csv", "treat", "re78")
    assert f"{RegressionAdjustment().estimate(estimand, raw).value:.2f}" == "-635.03"
    names = ("age", "educ", "race", "married", "nodegree", "re74", "re75")
    sample, estimand = _file("MatchIt_lalonde.csv", "treat", "re78", names)
    estimate = RegressionAdjustment(interactions=False).estimate(estimand, sample)
    assert f"{estimate.value:.2f}" == "1548.24"
    assert estimate.n == 614


def test_card_least_squares() -> None:
    """Card (1995), table 2, column 5: 0.0747 (0.0035)."""
    names = ("exper", "expersq", "black", "south", "smsa", "smsa66", *(f"reg66{j}" for j in range(1, 9)))
    sample, estimand = _file("wooldridge_card.csv", "educ", "lwage", names)
    estimate = RegressionAdjustment(interactions=False, robust=False).estimate(estimand, sample)
    assert f"{estimate.value:.4f}" == "0.0747"
    assert f"{estimate.std_error:.4f}" == "0.0035"


def test_darfur() -> None:
    """Cinelli & Hazlett (2020), table 1: 0.09732, s.e. 0.02326, 783 degrees of freedom."""
    names = ("village", "female", "age", "farmer_dar", "herder_dar", "pastvoted", "hhsize_darfur")
    columns = rows_of("darfur.csv")
    estimand = Estimand(
        Effect("directlyharmed", "peacefactor"), Rule.ADJUSTMENT, adjusted().expression, names
    )
    table = read(
        {key: columns[key] for key in ("directlyharmed", "peacefactor", *names)},
        kinds={"village": "categorical"},
    )
    sample = Sample.draw(table, estimand)
    estimate = RegressionAdjustment(interactions=False, robust=False).estimate(estimand, sample)
    assert f"{estimate.value:.5f}" == "0.09732"
    assert f"{estimate.std_error:.5f}" == "0.02326"
    assert estimate.degrees_of_freedom == 783


def test_ihdp_true_effects_are_within_the_intervals() -> None:
    """True average effects 4.0161, 4.0508, 4.0992 (the file's mu1 - mu0)."""
    for file, truth in ((1, 4.0161), (2, 4.0508), (3, 4.0992)):
        path = EFFECTS / f"ihdp_npci_{file}.csv"
        if not path.exists():
            pytest.skip("the reference files are not on this machine")
        values = np.loadtxt(path, delimiter=",")
        t, y, mu0, mu1, x = values[:, 0], values[:, 1], values[:, 3], values[:, 4], values[:, 5:]
        assert len(t) == 747 and t.sum() == 139
        assert float((mu1 - mu0).mean()) == pytest.approx(truth, abs=5e-5)
        sample = Sample(y, t, TreatmentKind.BINARY, covariates=np.asfortranarray(x))
        low, high = RegressionAdjustment().estimate(adjusted(), sample).interval
        assert low < truth < high


def _people(counts: dict[tuple[object, object], tuple[int, int]]) -> dict[str, list[object]]:
    """One row a person from (arm, stratum): (successes, failures)."""
    rows: dict[str, list[object]] = {"t": [], "s": [], "y": []}
    for (arm, stratum), (yes, no) in counts.items():
        rows["t"] += [arm] * (yes + no)
        rows["s"] += [stratum] * (yes + no)
        rows["y"] += [1] * yes + [0] * no
    return rows


def test_kidney_stones_are_standardised_exactly() -> None:
    """Charig et al. (1986): .8325 under open surgery and .7789 under percutaneous, +0.0537."""
    people = _people(
        {
            ("open", "small"): (81, 6),
            ("open", "large"): (192, 71),
            ("percutaneous", "small"): (234, 36),
            ("percutaneous", "large"): (55, 25),
        }
    )
    question = Effect("t", "y", Contrast("open", "percutaneous"))
    estimand = Estimand(question, Rule.ADJUSTMENT, adjusted().expression, ("s",))
    sample = Sample.draw(read(people), estimand)
    estimate = RegressionAdjustment().estimate(estimand, sample)
    small, large = (87 + 270) / 700, (263 + 80) / 700
    means = [81 / 87 * small + 192 / 263 * large, 234 / 270 * small + 55 / 80 * large]
    assert estimate.profile is not None
    np.testing.assert_allclose(estimate.profile.means[::-1], means, rtol=1e-12)
    assert f"{means[0]:.4f} {means[1]:.4f} {estimate.value:+.4f}" == "0.8325 0.7789 +0.0537"


def test_berkeley_is_standardised_exactly() -> None:
    """Bickel et al. (1975), table of six departments as in R's UCBAdmissions: -0.0426 for men."""
    columns = rows_of("datasets_UCBAdmissions.csv")
    counts: dict[tuple[object, object], tuple[int, int]] = {}
    for gender in ("Male", "Female"):
        for department in "ABCDEF":
            cell = (columns["Gender"] == gender) & (columns["Dept"] == department)
            yes, no = (
                columns["Freq"][cell & (columns["Admit"] == kind)].sum() for kind in ("Admitted", "Rejected")
            )
            counts[gender, department] = (int(yes), int(no))
    question = Effect("t", "y", Contrast("Male", "Female"))
    estimand = Estimand(question, Rule.ADJUSTMENT, adjusted().expression, ("s",))
    estimate = RegressionAdjustment().estimate(estimand, Sample.draw(read(_people(counts)), estimand))
    assert f"{estimate.value:.4f}" == "-0.0426"


# -- coverage ----------------------------------------------------------------------------------------------------


def _heterogeneous(rng: np.random.Generator, n: int = 300) -> tuple[Sample, np.ndarray]:
    x = rng.normal(size=(n, 2))
    t = (rng.random(n) < 1 / (1 + np.exp(-x[:, 0]))).astype(float)
    y = x.sum(1) + (2 + x[:, 0]) * t + rng.normal(size=n) * (1 + t)
    return Sample(y, t, TreatmentKind.BINARY, covariates=np.asfortranarray(x)), x


# E[x0 | treated] for a standard normal x0 with logistic treatment: E[x s(x)] / E[s(x)] by quadrature.
_GRID = np.linspace(-9, 9, 20001)
_TREATED_MEAN = float(
    np.sum(_GRID * np.exp(-(_GRID**2) / 2) / (1 + np.exp(-_GRID)))
    / np.sum(np.exp(-(_GRID**2) / 2) / (1 + np.exp(-_GRID)))
)


@pytest.mark.parametrize(
    ("population", "truth"), [(ALL, 2.0), (TREATED, 2 + _TREATED_MEAN), (UNTREATED, 2 - _TREATED_MEAN)]
)
def test_covers_heterogeneous_effects(population: Population, truth: float) -> None:
    assert_covers(lambda rng: (_heterogeneous(rng)[0], adjusted(population)), RegressionAdjustment(), truth)


def test_ignoring_the_chance_in_the_covariate_mean_would_not_cover() -> None:
    """The covariate-mean term matters: without it the error is short where effects vary much."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 1))
    t = (rng.random(400) < 0.5).astype(float)
    sample = Sample(10 * x[:, 0] * t + rng.normal(size=400), t, TreatmentKind.BINARY, covariates=x)
    estimate = RegressionAdjustment().estimate(adjusted(), sample)
    # 10 sd(x) / sqrt(n) = 0.5 beside 2 / sqrt(n) = 0.1 from noise.
    assert 0.45 < estimate.std_error < 0.58


def test_covers_with_a_subgroup() -> None:
    def make(rng: np.random.Generator) -> tuple[Sample, Estimand]:
        sample, x = _heterogeneous(rng)
        return sample.replace(population=x[:, 1] > 0.5), adjusted(subgroup("x1 > 0.5", "x1"))

    assert_covers(make, RegressionAdjustment(), 2.0)


def test_covers_with_clusters() -> None:
    """40 clusters of 10 rows that share treatment and a shock: errors of independent rows would be far short."""

    def make(rng: np.random.Generator) -> tuple[Sample, Estimand]:
        clusters = np.repeat(np.arange(40), 10)
        x = rng.normal(size=(400, 1))
        t = rng.permutation(np.arange(40) % 2)[clusters].astype(float)
        y = x[:, 0] + t * (1 + x[:, 0]) + rng.normal(size=40)[clusters] + rng.normal(size=400)
        return Sample(y, t, TreatmentKind.BINARY, covariates=x, clusters=clusters), adjusted()

    assert_covers(make, RegressionAdjustment(), 1.0, allowance=0.015)


def test_covers_with_survey_weights() -> None:
    """Rows with large x0 are sampled more often; weights undo it. Truth: effect 2 + x0 at E[x0] = 0."""

    def make(rng: np.random.Generator) -> tuple[Sample, Estimand]:
        sample, x = _heterogeneous(rng, 800)
        chance = 1 / (1 + np.exp(-x[:, 0]))
        kept = sample.rows(rng.random(800) < chance)
        weights = 1 + np.exp(-kept.covariates[:, 0])
        return kept.replace(weights=weights), adjusted()

    assert_covers(make, RegressionAdjustment(), 2.0, allowance=0.015)


def test_covers_a_continuous_treatment_with_varying_effects() -> None:
    def make(rng: np.random.Generator) -> tuple[Sample, Estimand]:
        x = rng.normal(size=(300, 2))
        t = x[:, 0] + rng.normal(size=300)
        y = x.sum(1) + (2 + x[:, 0]) * t + rng.normal(size=300)
        return Sample(y, t, TreatmentKind.CONTINUOUS, covariates=np.asfortranarray(x)), adjusted()

    assert_covers(make, RegressionAdjustment(), 2.0)


# -- laws --------------------------------------------------------------------------------------------------------

SEEDS = st.integers(0, 10_000)
EFFECTS_OVER = st.sampled_from([ALL, TREATED, UNTREATED])
ESTIMATORS = st.sampled_from([RegressionAdjustment(a, b) for a in (True, False) for b in (True, False)])


@given(SEEDS, EFFECTS_OVER, ESTIMATORS)
@settings(max_examples=20, deadline=None)
def test_relabelling_the_arms_flips_the_sign(
    seed: int, population: Population, estimator: RegressionAdjustment
) -> None:
    sample = mixed_sample(60, seed)
    swapped = {TREATED: UNTREATED, UNTREATED: TREATED}.get(population, population)
    one = estimator.estimate(adjusted(population), sample)
    other = estimator.estimate(adjusted(swapped), sample.replace(treatment=1 - sample.treatment))
    assert other.value == pytest.approx(-one.value, rel=1e-6, abs=1e-8)
    assert other.std_error == pytest.approx(one.std_error, rel=1e-6)


@given(SEEDS, st.floats(-1e3, 1e3), st.floats(0.01, 100), ESTIMATORS)
@settings(max_examples=20, deadline=None)
def test_effects_scale_with_the_outcome(
    seed: int, shift: float, scale: float, estimator: RegressionAdjustment
) -> None:
    for kind in ("binary", "continuous"):
        sample = mixed_sample(60, seed, kind)
        one = estimator.estimate(adjusted(), sample)
        other = estimator.estimate(adjusted(), sample.replace(outcome=shift + scale * sample.outcome))
        assert other.value == pytest.approx(scale * one.value, rel=1e-6, abs=1e-7)
        assert other.std_error == pytest.approx(scale * one.std_error, rel=1e-6)


@given(SEEDS, st.sampled_from(["binary", "categorical", "continuous"]))
@settings(max_examples=20, deadline=None)
def test_row_order_and_covariate_units_do_not_matter(seed: int, kind: str) -> None:
    sample = mixed_sample(80, seed, kind, weighted=True)
    order = np.random.default_rng(seed).permutation(sample.n)
    one = RegressionAdjustment().estimate(adjusted(), sample)
    other = RegressionAdjustment().estimate(
        adjusted(),
        sample.rows(order).replace(covariates=sample.covariates[order] * [1e3, 1e-3, 1] + [7, 0, -5]),
    )
    assert other.value == pytest.approx(one.value, rel=1e-6, abs=1e-8)
    assert other.std_error == pytest.approx(one.std_error, rel=1e-6)
    np.testing.assert_allclose(other.influence, one.influence[order], rtol=1e-5, atol=1e-6)


@given(SEEDS, ESTIMATORS)
@settings(max_examples=20, deadline=None)
def test_whole_weights_are_repetition(seed: int, estimator: RegressionAdjustment) -> None:
    for kind in ("binary", "continuous"):
        sample = mixed_sample(60, seed, kind)
        times = np.random.default_rng(seed).integers(1, 4, 60)
        weighted = estimator.estimate(adjusted(), sample.replace(weights=times.astype(float)))
        repeated = estimator.estimate(adjusted(), sample.rows(np.repeat(np.arange(60), times)))
        assert weighted.value == pytest.approx(repeated.value, rel=1e-7, abs=1e-9)


@given(SEEDS, st.sampled_from(["binary", "categorical", "continuous"]), st.booleans(), st.booleans())
@settings(max_examples=20, deadline=None)
def test_influence_values_give_the_standard_error(
    seed: int, kind: str, weighted: bool, clustered: bool
) -> None:
    sample = mixed_sample(90, seed, kind, weighted=weighted, clustered=clustered)
    for estimator in (RegressionAdjustment(), RegressionAdjustment(interactions=False)):
        estimate = estimator.estimate(adjusted(), sample)
        weights = np.ones(sample.n) if sample.weights is None else sample.weights
        assert abs(weights @ estimate.influence) < 1e-6 * np.abs(weights * estimate.influence).sum()
        assert influence_error(estimate.influence, sample.weights, sample.clusters) == pytest.approx(
            estimate.std_error, rel=1e-9
        )
        one, zero = (0, 1) if kind == "continuous" else (int(each) for each in sample.contrast)
        assert estimate.profile.means[one] - estimate.profile.means[zero] == pytest.approx(estimate.value)
        difference = np.zeros(len(estimate.profile.means))
        difference[one], difference[zero] = 1, -1
        assert difference @ estimate.profile.covariance @ difference == pytest.approx(
            estimate.std_error**2, rel=1e-6
        )


# -- what is refused or noticed ----------------------------------------------------------------------------------


def test_too_few_rows_in_an_arm_names_it() -> None:
    sample = mixed_sample(60, 1).rows(np.r_[np.flatnonzero(mixed_sample(60, 1).treatment == 0), [0, 1]])
    treated = int(sample.treatment.sum())
    assert treated <= 4
    with pytest.raises(
        TooFewRows, match=f"There are {treated} rows with treatment = 'yes' for 4 coefficients"
    ):
        RegressionAdjustment().estimate(adjusted(), sample)


def test_a_column_that_does_not_vary_in_an_arm_is_named() -> None:
    sample = mixed_sample(200, 3)
    never = sample.covariates[:, 0] > np.inf
    x = np.column_stack(
        [sample.covariates[:, 0], (sample.treatment == 0) & (sample.covariates[:, 1] > -100) & ~never]
    )
    estimate = RegressionAdjustment().estimate(
        adjusted(), sample.replace(covariates=x, covariate_names=("a", "west"))
    )
    rank = estimate.diagnostic("rank")
    assert rank is not None and rank.warning
    assert "treatment = yes: west" in rank.sentence
    assert np.isfinite([estimate.value, estimate.std_error]).all()


def test_distant_arms_are_warned_of() -> None:
    far = (
        RegressionAdjustment().estimate(adjusted(), mixed_sample(500, 1)).diagnostic("distance between arms")
    )
    assert far is not None and far.warning and "x0" in far.sentence


def test_a_continuous_treatment_has_no_treated() -> None:
    refusal = RegressionAdjustment().refusal(adjusted(TREATED), mixed_sample(50, 1, "continuous"))
    assert "no treated and untreated rows" in refusal
