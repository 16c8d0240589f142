"""The dose-response curve: laws, closed forms, Kennedy's kernel version as second route, and coverage by simulation."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from aitia.estimation import (
    BadFolds,
    DoseResponse,
    NoOverlap,
    NotApplicable,
    Profile,
    Sample,
    TooFewRows,
    TreatmentKind,
)
from aitia.estimation import _dose_response as room
from aitia.identification import (
    Contrast,
    Effect,
    Estimand,
    Expectation,
    Population,
    PopulationKind,
    Rule,
    Symbol,
)

SLOW = os.environ.get("AITIA_SLOW") == "1"
DOSES = np.array([-1.5, -1.2, -0.9, -0.5, 0.0, 0.5, 0.9, 1.2, 1.5])


def asked(contrast: Contrast | None = None, **more) -> Estimand:
    return Estimand(
        question=Effect("a", "y", contrast, **more),
        rule=Rule.ADJUSTMENT,
        expression=Expectation("y", (Symbol("a"),)),
    )


SLOPE, STEP = asked(), asked(Contrast(1.0, -1.0))


def sample(x: np.ndarray, a: np.ndarray, y: np.ndarray, **more) -> Sample:
    return Sample(
        outcome=y,
        treatment=a,
        treatment_kind=TreatmentKind.CONTINUOUS,
        covariates=np.asfortranarray(x),
        names=("a", "y"),
        **{"contrast": (1.0, -1.0), **more},
    )


def location(x: np.ndarray) -> np.ndarray:
    return 0.6 * x[:, 0] + 0.3 * x[:, 1] ** 2 - 0.3


def scale(x: np.ndarray) -> np.ndarray:
    return 0.8 + 0.2 * np.tanh(x[:, 2])


def truth(a: np.ndarray) -> np.ndarray:
    """E[Y | do(A = a)] in the curved design."""
    return np.sin(1.5 * a) + 0.5 * a + 0.5


def curved(n: int, seed: int) -> Sample:
    """A dose whose location and scale depend on covariates, a curved response, and an effect that x1 modifies."""
    r = np.random.default_rng(seed)
    x = r.standard_normal((n, 3))
    a = location(x) + scale(x) * r.standard_normal(n)
    y = truth(a) - 0.5 + 0.25 * a * x[:, 1] + x[:, 0] + 0.5 * x[:, 2] ** 2 + r.standard_normal(n)
    return sample(x, a, y)


def true_slope() -> float:
    """The mean of 1.5 cos(1.5 a) + 0.5 over the design's doses, to 1e-3."""
    a = curved(1_000_000, 77).treatment
    return float(np.mean(1.5 * np.cos(1.5 * a) + 0.5))


def at(profile: Profile, doses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return tuple(np.interp(doses, profile.points, each) for each in (profile.means, profile.std_errors))  # type: ignore[return-value]


# -- laws ---------------------------------------------------------------------------------------------------------


@settings(max_examples=8, deadline=None)
@given(shift=st.floats(-50, 50), unit=st.floats(0.05, 20), move=st.floats(-5, 5), stretch=st.floats(0.05, 20))
def test_units_of_outcome_and_dose_do_not_matter(shift: float, unit: float, move: float, stretch: float):
    before = curved(400, 3)
    after = before.replace(outcome=shift + unit * before.outcome, treatment=move + stretch * before.treatment)
    question = asked(Contrast(move + stretch, move - stretch))
    old, new = (
        DoseResponse().estimate(STEP, before),
        DoseResponse().estimate(question, after.replace(contrast=(move + stretch, move - stretch))),
    )
    assert new.value == pytest.approx(unit * old.value, rel=1e-3, abs=1e-3 * unit)
    assert new.std_error == pytest.approx(unit * old.std_error, rel=1e-3)
    slopes = [
        DoseResponse().estimate(SLOPE, each.replace(contrast=(1.0, 0.0))).value for each in (before, after)
    ]
    assert slopes[1] == pytest.approx(unit / stretch * slopes[0], rel=1e-3, abs=1e-3 * unit / stretch)
    assert old.profile is not None and new.profile is not None
    np.testing.assert_allclose(
        new.profile.points, move + stretch * np.array(old.profile.points), rtol=1e-9, atol=1e-9 * stretch
    )
    np.testing.assert_allclose(new.profile.means, shift + unit * old.profile.means, atol=2e-3 * unit)


def test_the_same_seed_gives_the_same_answer_and_another_seed_another_fold():
    data = curved(500, 5)
    first, again, other = (DoseResponse().estimate(STEP, data, seed=seed) for seed in (1, 1, 2))
    assert first.value == again.value and first.value != other.value
    assert abs(first.value - other.value) < first.std_error


def test_row_order_moves_the_answer_by_less_than_the_folds_do():
    # Folds follow positions, so a permutation draws other folds: the answer moves as between seeds, no more.
    data = curved(1500, 6)
    shuffled = data.rows(np.random.default_rng(0).permutation(data.n))
    one, two = DoseResponse().estimate(STEP, data), DoseResponse().estimate(STEP, shuffled)
    assert abs(one.value - two.value) < one.std_error
    assert two.std_error == pytest.approx(one.std_error, rel=0.15)


def test_influence_values_belong_to_their_rows(monkeypatch: pytest.MonkeyPatch):
    # Rows shuffled within the folds they have: the influence values are the same ones, in the new order.
    data = curved(600, 7)
    codes = np.arange(data.n) % 5
    order = np.random.default_rng(1).permutation(data.n)
    arrange = room.arrange
    monkeypatch.setattr(
        room, "arrange", lambda s, _, seed: arrange(s, codes if s is data else codes[order], seed)
    )
    one = DoseResponse().estimate(STEP, data)
    two = DoseResponse().estimate(STEP, data.rows(order))
    assert one.influence is not None and two.influence is not None
    # The averaged densities take every so many rows in order; with n below the limit that is all rows.
    np.testing.assert_allclose(
        two.influence, one.influence[order], rtol=1e-5, atol=1e-5 * np.abs(one.influence).max()
    )
    assert abs(one.influence.mean()) < 0.1 * one.std_error


def test_weights_count_as_repetitions_when_clusters_hold_the_copies_together(monkeypatch: pytest.MonkeyPatch):
    data = curved(600, 8)
    times = np.random.default_rng(2).integers(1, 4, data.n)
    rows = np.repeat(np.arange(data.n), times)
    folds = np.arange(data.n) % 5
    repeated = data.rows(rows).replace(clusters=rows)
    weighted = data.replace(weights=times.astype(float), clusters=np.arange(data.n))
    arrange = room.arrange
    monkeypatch.setattr(
        room, "arrange", lambda s, _, seed: arrange(s, folds if s is weighted else folds[rows], seed)
    )
    # Explicit knots: the default counts rows. Knots lie at unweighted quantiles and features are standardised by
    # unweighted means, so the two fits differ by how the curve is written, not by what is counted.
    one, two = (DoseResponse(knots=2).estimate(STEP, each) for each in (weighted, repeated))
    assert two.value == pytest.approx(one.value, abs=0.15 * one.std_error)
    assert two.std_error == pytest.approx(one.std_error, rel=0.1)


# -- closed forms -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interior", [0, 1, 4, 12])
def test_spline_reproduces_cubics_and_their_derivatives(interior: int):
    doses = np.random.default_rng(0).gamma(2.0, 1.0, 500)
    spline = room._Spline.of(doses, interior)
    assert spline.interior == interior
    design = spline(doses)
    np.testing.assert_allclose(design.sum(axis=1), 1.0, rtol=1e-12)
    cubic = 2 - doses + 0.5 * doses**2 - 0.1 * doses**3
    beta = np.linalg.lstsq(design, cubic, rcond=None)[0]
    np.testing.assert_allclose(design @ beta, cubic, atol=1e-8)
    np.testing.assert_allclose(spline.derivative(doses) @ beta, -1 + doses - 0.3 * doses**2, atol=1e-6)


def test_knots_reach_into_the_ends_of_the_dose():
    # Between the 5th and the 95th percentile the spline follows the design's curve to a tenth of the error at 4,000
    # rows; knots at even quantiles alone are off by 0.04 there, because one long cubic spans the upper end.
    for seed in range(4):
        doses = curved(4000, 1000 + seed).treatment
        spline = room._Spline.of(doses, None)
        beta = np.linalg.lstsq(spline(doses), truth(doses), rcond=None)[0]
        assert np.abs(spline(DOSES) @ beta - truth(DOSES)).max() < 0.012


def test_a_spline_has_fewer_knots_than_half_the_doses():
    doses = np.random.default_rng(0).integers(0, 15, 5000).astype(float)
    assert room._Spline.of(doses, None).interior <= 3
    assert room._Spline.of(doses, 40).interior <= 3


def test_the_error_of_a_mean_counts_the_chance_in_the_covariates():
    # y = 5 x and nothing else: the mean under any dose is that of 5 x, its error 5 / sqrt(n), though no residual is
    # left. Means of x differ between the five folds, which adds a few percent.
    r = np.random.default_rng(4)
    x, a = r.standard_normal((1000, 1)), r.standard_normal(1000)
    found = DoseResponse().estimate(STEP, sample(x, a, 5 * x[:, 0]))
    assert found.profile is not None
    np.testing.assert_allclose(found.profile.std_errors, 5 * x.std() / np.sqrt(1000), rtol=0.15)
    # In a contrast that chance cancels; what the folds' means differ by (5 / sqrt(200) a row) is left.
    assert found.std_error < 0.1


def test_a_noiseless_curve_of_the_dose_alone_is_drawn_exactly():
    r = np.random.default_rng(1)
    x, a = r.standard_normal((800, 2)), r.uniform(-1, 1, 800)
    found = DoseResponse().estimate(SLOPE, sample(x, a, 1 + 2 * a + 3 * a**2 - a**3, contrast=(1.0, 0.0)))
    assert found.profile is not None
    doses = np.array(found.profile.points)
    np.testing.assert_allclose(found.profile.means, 1 + 2 * doses + 3 * doses**2 - doses**3, atol=0.02)
    assert found.value == pytest.approx(float(np.mean(2 + 6 * a - 3 * a**2)), abs=0.02)


def test_a_randomised_dose_with_a_linear_effect_gives_the_regression_slope():
    r = np.random.default_rng(2)
    n = 3000
    x, a = r.standard_normal((n, 2)), r.normal(0, 1, n)
    y = 1.5 * a + x @ [1.0, -0.5] + r.standard_normal(n)
    design = np.column_stack([np.ones(n), a, x])
    beta = np.linalg.lstsq(design, y, rcond=None)[0]
    residual = y - design @ beta
    error = np.sqrt((residual @ residual / n) * np.linalg.inv(design.T @ design)[1, 1])
    found = DoseResponse().estimate(SLOPE, sample(x, a, y, contrast=(1.0, 0.0)))
    # The mean derivative of a free curve is unbiased for the same slope but uses less than the line assumes; with a
    # normal dose the two are equally efficient to first order (Stein's identity): they agree within one error.
    assert abs(found.value - beta[1]) < error
    assert error < found.std_error < 1.6 * error


def test_nothing_to_adjust_for_is_a_spline_regression():
    r = np.random.default_rng(3)
    a = r.uniform(0, 4, 900)
    y = np.sin(a) + 0.3 * r.standard_normal(900)
    found = DoseResponse(knots=4).estimate(
        asked(Contrast(3.0, 1.0)), sample(np.empty((900, 0)), a, y, contrast=(3.0, 1.0))
    )
    spline = room._Spline.of(a, 4)
    beta = np.linalg.lstsq(spline(a), y, rcond=None)[0]
    step = (spline(np.array([3.0])) - spline(np.array([1.0])))[0]
    assert found.value == pytest.approx(float(step @ beta), abs=0.3 * found.std_error)
    inverse = np.linalg.inv(spline(a).T @ spline(a))
    assert found.std_error == pytest.approx(0.3 * np.sqrt(step @ inverse @ step), rel=0.15)


# -- a second route -----------------------------------------------------------------------------------------------


def kennedy(data: Sample, doses: np.ndarray, bandwidth: float) -> np.ndarray:
    """Kennedy et al. 2017, section 3: local linear regression of the pseudo-outcome, with parametric nuisances.

    Written from the paper, sharing no code with the library; mu by least squares on the design's own terms, pi
    normal with the design's own location and scale.
    """
    x, a, y = data.covariates, data.treatment, data.outcome

    def terms(dose: np.ndarray) -> np.ndarray:
        return np.column_stack([np.ones(len(x)), dose, np.sin(1.5 * dose), dose * x[:, 1], x, x[:, 2] ** 2])

    beta = np.linalg.lstsq(terms(a), y, rcond=None)[0]
    grid = np.linspace(a.min(), a.max(), 200)
    mean_outcome = np.interp(a, grid, [np.mean(terms(np.full(len(x), g)) @ beta) for g in grid])
    density = stats.norm.pdf(a, location(x), scale(x))
    mean_density = np.interp(a, grid, [np.mean(stats.norm.pdf(g, location(x), scale(x))) for g in grid])
    pseudo = (y - terms(a) @ beta) * mean_density / density + mean_outcome
    result = np.empty(len(doses))
    for i, dose in enumerate(doses):
        kernel = stats.norm.pdf((a - dose) / bandwidth)
        local = np.column_stack([np.ones(len(a)), a - dose])
        result[i] = np.linalg.solve((local.T * kernel) @ local, (local.T * kernel) @ pseudo)[0]
    return result


def test_curve_agrees_with_kennedys_kernel_version():
    data = curved(4000, 11)
    found = DoseResponse(points=200).estimate(STEP, data)
    assert found.profile is not None
    means, errors = at(found.profile, DOSES)
    # Both answer from the same rows, so they differ by less than two independent answers would: within 1.5 errors,
    # and the smoothing bias of a bandwidth of 0.15 (b^2 / 2 times the second derivative, at most 0.025).
    gap = np.abs(means - kennedy(data, DOSES, 0.15))
    assert (gap < 1.5 * errors + 0.025).all(), gap / errors


# -- coverage -----------------------------------------------------------------------------------------------------


def run(n: int, runs: int, seed: int, method: DoseResponse | None = None):
    """Errors of the curve, its standard errors, and whether the intervals of curve, contrast and slope cover."""
    method = method or DoseResponse(points=121)
    slope, step = true_slope(), float(truth(np.array(1.0)) - truth(np.array(-1.0)))
    curve, errors, inside, covered = [], [], [], []
    for each in range(runs):
        data = curved(n, seed + each)
        contrast = method.estimate(STEP, data)
        average = method.estimate(SLOPE, data.replace(contrast=(1.0, 0.0)))
        assert contrast.profile is not None
        means, spread = at(contrast.profile, DOSES)
        low, high = (
            np.interp(DOSES, contrast.profile.points, each) for each in contrast.profile.intervals().T
        )
        curve.append(means - truth(DOSES))
        errors.append(spread)
        inside.append((low <= truth(DOSES)) & (truth(DOSES) <= high))
        covered.append(
            [
                low <= target <= high
                for (low, high), target in ((contrast.interval, step), (average.interval, slope))
            ]
        )
    return np.array(curve), np.array(errors), np.array(inside), np.array(covered)


SIZES = [(600, 60), (1000, 1000), (4000, 500)] if SLOW else [(600, 60)]


@pytest.mark.parametrize(("n", "runs"), SIZES)
def test_intervals_cover(n: int, runs: int):
    curve, errors, inside, covered = run(n, runs, seed=20_000)
    # A share p over R runs has standard error sqrt(0.95 0.05 / R); three of them for the worst of nine doses, and one
    # percent for what is second order.
    slack = 3 * np.sqrt(0.95 * 0.05 / runs) + 0.01
    assert (inside.mean(axis=0) > 0.95 - slack).all(), inside.mean(axis=0)
    assert (covered.mean(axis=0) > 0.95 - slack).all(), covered.mean(axis=0)
    # Not by being wide: the errors told are those seen (their spread over R runs has relative error 1 / sqrt(2 R)).
    ratio = np.sqrt((errors**2).mean(axis=0)) / curve.std(axis=0)
    wide = 3.5 / np.sqrt(2 * runs) + 0.1
    assert ((ratio > 1 - wide) & (ratio < 1 + wide)).all(), ratio


# -- double robustness --------------------------------------------------------------------------------------------


def _constant_outcome(self, weight):
    middle = np.full(self.rows.n, self.rows.y.mean())
    return middle, middle


def _no_leverage(self, curve, weight):
    return np.zeros((self.rows.n, curve.shape[1]))


def _constant_ratio(rows, weight, largest):
    return np.ones(rows.n), 0


def linear_confounding(n: int, seed: int) -> Sample:
    """The response 0.5 a, and confounding that makes it look like 1.1 a."""
    r = np.random.default_rng(seed)
    x = r.standard_normal((n, 2))
    a = 0.6 * x[:, 0] + 0.8 * r.standard_normal(n)
    return sample(x, a, 0.5 * a + x[:, 0] + r.standard_normal(n))


@pytest.mark.parametrize("wrong", ["outcome", "density", "both"])
def test_one_right_model_is_enough(wrong: str, monkeypatch: pytest.MonkeyPatch):
    if wrong in ("outcome", "both"):
        monkeypatch.setattr(room._OutcomeModel, "at_rows", _constant_outcome)
        monkeypatch.setattr(room._OutcomeModel, "leverage", _no_leverage)
    if wrong in ("density", "both"):
        monkeypatch.setattr(room, "_stabilised", _constant_ratio)
    values = np.array(
        [DoseResponse().estimate(STEP, linear_confounding(4000, seed)).value for seed in range(5)]
    )
    # The contrast of 1 and -1 is 1.0; unadjusted it is 2.2. The mean of five has an error of about 0.05; with the
    # outcome model gone, the density's own smoothing is felt too.
    if wrong == "both":
        assert values.mean() > 1.9
    else:
        assert values.mean() == pytest.approx(1.0, abs=0.15 if wrong == "density" else 0.25)


# -- clusters and weights -----------------------------------------------------------------------------------------


def test_clusters_of_copies_widen_the_interval_as_copies_should(monkeypatch: pytest.MonkeyPatch):
    data = curved(500, 13)
    unit = np.random.default_rng(1).permutation(np.repeat(np.arange(data.n), 4))
    copies = data.rows(unit)
    arrange = room.arrange
    monkeypatch.setattr(room, "arrange", lambda s, _, seed: arrange(s, unit % 5, seed))  # copies share a fold
    alone = DoseResponse(knots=3).estimate(STEP, copies)
    together = DoseResponse(knots=3).estimate(STEP, copies.replace(clusters=unit))
    # Four copies of a row are one row's worth of knowledge: the same fit, sqrt(4) times the error, and G / (G - 1).
    factor = 2 * np.sqrt(500 / 499)
    assert together.value == alone.value
    assert together.std_error == pytest.approx(factor * alone.std_error, rel=1e-9)
    assert together.degrees_of_freedom <= 499
    assert together.profile is not None and alone.profile is not None
    np.testing.assert_allclose(together.profile.std_errors, factor * alone.profile.std_errors, rtol=1e-9)


def test_profile_and_contrast_share_one_covariance():
    found = DoseResponse(points=3).estimate(STEP, curved(700, 14))
    profile = found.profile
    assert profile is not None and profile.covariance is not None
    low, high = profile.points[0], profile.points[-1]
    step = DoseResponse(points=3).estimate(
        asked(Contrast(high, low)), curved(700, 14).replace(contrast=(high, low))
    )
    pick = np.array([-1.0, 0.0, 1.0])
    assert step.value == pytest.approx(float(pick @ profile.means), rel=1e-9)
    assert step.std_error == pytest.approx(float(np.sqrt(pick @ profile.covariance @ pick)), rel=1e-6)


# -- what is asked, and bad input ---------------------------------------------------------------------------------


def test_a_contrast_given_when_drawing_is_answered_although_the_question_names_none():
    data = curved(500, 15)
    assert DoseResponse().estimate(SLOPE, data).value == DoseResponse().estimate(STEP, data).value


def test_few_doses_are_refused_with_the_remedy():
    data = curved(300, 16)
    rounded = data.replace(treatment=np.clip(np.round(data.treatment * 2), -6, 6))
    with pytest.raises(NotApplicable, match=r"needs a treatment of many values; there are .* categorical"):
        DoseResponse().estimate(STEP, rounded)


def test_a_count_of_fifteen_doses_is_not_overfitted():
    r = np.random.default_rng(17)
    x = r.standard_normal((2000, 1))
    a = np.clip(np.round(7 + 2 * x[:, 0] + 2.5 * r.standard_normal(2000)), 0, 14)
    y = 0.2 * a + x[:, 0] + r.standard_normal(2000)
    found = DoseResponse().estimate(asked(Contrast(10, 4)), sample(x, a, y, contrast=(10.0, 4.0)))
    assert abs(found.value - 1.2) < 4 * found.std_error
    assert found.std_error < 0.3


@pytest.mark.parametrize("doses", [(40.0, 0.0), (0.0, -40.0)])
def test_a_dose_outside_the_data_is_named(doses: tuple[float, float]):
    with pytest.raises(NotApplicable, match=r"asks about a dose of -?40, but a lies between"):
        DoseResponse().estimate(asked(Contrast(*doses)), curved(300, 18).replace(contrast=doses))


def test_other_populations_are_refused():
    for population in (Population(PopulationKind.TREATED), Population(PopulationKind.SUBGROUP, "x0 > 0")):
        with pytest.raises(NotApplicable, match="averages over all rows"):
            DoseResponse().estimate(asked(population=population), curved(300, 19))


def test_a_binary_treatment_is_refused():
    data = replace(curved(300, 19), treatment_kind=TreatmentKind.BINARY)
    with pytest.raises(NotApplicable, match="does not handle a binary treatment"):
        DoseResponse().estimate(STEP, data)


def test_a_dose_under_another_name_has_no_overlap():
    data = curved(500, 20)
    covariates = np.asfortranarray(np.column_stack([data.covariates, 2 * data.treatment + 1]))
    same = replace(data, covariates=covariates, covariate_names=())
    with pytest.raises(NoOverlap, match="another name"):
        DoseResponse().estimate(STEP, same)


def test_bad_options_are_named():
    for method, name in (
        (DoseResponse(knots=-1), "knots"),
        (DoseResponse(points=1), "points"),
        (DoseResponse(largest_weight=0.5), "largest_weight"),
    ):
        with pytest.raises(NotApplicable, match=name):
            method.estimate(STEP, curved(300, 21))
    with pytest.raises(BadFolds):
        DoseResponse(folds=1).estimate(STEP, curved(300, 21))


def test_rows_too_few_for_the_folds_are_refused():
    with pytest.raises(TooFewRows):
        DoseResponse(folds=40).estimate(STEP, curved(30, 22))


def test_weak_overlap_is_warned_about_and_cut_weights_are_told():
    r = np.random.default_rng(23)
    x = r.standard_normal((1500, 1))
    a = 3 * x[:, 0] + 0.5 * r.standard_normal(1500)
    found = DoseResponse(largest_weight=5.0).estimate(
        STEP, sample(x, a, a + x[:, 0] + r.standard_normal(1500))
    )
    overlap = found.diagnostic("overlap")
    assert overlap is not None and overlap.warning
    assert any("cut the weights of" in decision.what for decision in found.decisions)


# -- the figure ---------------------------------------------------------------------------------------------------


def test_the_figure_draws_the_curve_and_its_band():
    profile = DoseResponse().estimate(STEP, curved(400, 24)).profile
    assert profile is not None
    axes = profile.figure("dose (mg)", "pressure (mmHg)").axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("dose (mg)", "pressure (mmHg)")
    np.testing.assert_allclose(np.asarray(axes.lines[0].get_ydata(), float), profile.means)
    band = np.array(axes.collections[0].get_paths()[0].vertices, float)
    assert band[:, 1].min() == pytest.approx(profile.intervals()[:, 0].min())
    assert band[:, 1].max() == pytest.approx(profile.intervals()[:, 1].max())


def test_the_figure_of_levels_names_each_and_survives_hostile_labels():
    profile = Profile(("none", "a $x^{$ b\nc"), np.array([1.0, 2.0]), np.array([0.1, 0.2]))
    figure = profile.figure("arm $", "visits")
    figure.canvas.draw()
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["none", r"a \$x^{\$ b c"]
