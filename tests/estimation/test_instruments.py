"""Two-stage least squares, LIML and Anderson-Rubin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linear_cases import FORMULA, SLOW, assert_covers, coverage, instrumented, mixed_sample, rows_of
from scipy import stats
from statsmodels.sandbox.regression.gmm import IV2SLS

from aitia.data import read
from aitia.estimation import LIML, AndersonRubin, Sample, TreatmentKind, TwoStageLeastSquares, influence_error
from aitia.estimation._anderson_rubin import confidence_set
from aitia.identification import Effect, Estimand, Rule

# -- outside numbers ---------------------------------------------------------------------------------------------

CARD = ("exper", "expersq", "black", "south", "smsa", "smsa66", *(f"reg66{j}" for j in range(1, 9)))


def card(*instruments: str) -> tuple[Sample, Estimand]:
    columns = rows_of("wooldridge_card.csv")
    estimand = Estimand(Effect("educ", "lwage"), Rule.INSTRUMENT, FORMULA, CARD, instruments=instruments)
    table = read({key: columns[key] for key in ("educ", "lwage", *instruments, *CARD)})
    return Sample.draw(table, estimand), estimand


def test_card_by_college_proximity() -> None:
    """Card (1995): first stage 0.320 (0.088), F 13.26, IV 0.1315 (0.055), n = 3010."""
    sample, estimand = card("nearc4")
    estimate = TwoStageLeastSquares(robust=False).estimate(estimand, sample)
    assert f"{estimate.value:.4f} {estimate.std_error:.3f} {estimate.n}" == "0.1315 0.055 3010"
    first = estimate.diagnostic("first-stage F")
    assert first is not None
    assert f"{first.details['coefficients']['nearc4']:.3f} {first.details['classical']:.2f}" == "0.320 13.26"
    # sqrt(13.26) classical standard errors from zero: 0.320 / 0.088.
    assert 0.320 / np.sqrt(first.details["classical"]) == pytest.approx(0.088, abs=5e-4)


def test_card_with_two_instruments() -> None:
    """Sargan's statistic is n R2 of the 2SLS residuals on all exogenous columns (Wooldridge 2010, section 6.2.2)."""
    sample, estimand = card("nearc4", "nearc2")
    estimate = TwoStageLeastSquares(robust=False).estimate(estimand, sample)
    exogenous = np.column_stack([np.ones(sample.n), sample.covariates, sample.instruments])
    partial = sample.outcome - estimate.value * sample.treatment
    rest = partial - exogenous[:, :-2] @ np.linalg.lstsq(exogenous[:, :-2], partial, rcond=None)[0]
    left = rest - exogenous @ np.linalg.lstsq(exogenous, rest, rcond=None)[0]
    test = estimate.diagnostic("over-identification")
    assert test is not None
    assert test.details["sargan"] == pytest.approx(sample.n * (1 - left @ left / (rest @ rest)), rel=1e-7)


def test_card_anderson_rubin_interval() -> None:
    """The classical 95% set of Card's regression, by inverting the F test on a fine grid with plain least squares."""
    sample, estimand = card("nearc4")
    low, high = AndersonRubin(robust=False).estimate(estimand, sample).interval
    x = np.column_stack([np.ones(sample.n), sample.covariates])
    full = np.column_stack([x, sample.instruments])
    freedom = sample.n - full.shape[1]

    def f(b: float) -> float:
        e = sample.outcome - b * sample.treatment
        rss0, rss1 = (float(np.linalg.lstsq(each, e, rcond=None)[1][0]) for each in (x, full))
        return (rss0 - rss1) / rss1 * freedom

    critical = stats.f.ppf(0.95, 1, freedom)
    assert f(low) == pytest.approx(critical, rel=1e-6)
    assert f(high) == pytest.approx(critical, rel=1e-6)


@pytest.mark.parametrize("kind", ["binary", "continuous"])
def test_equals_statsmodels(kind: str) -> None:
    sample = mixed_sample(300, 1, kind)
    one = np.ones((300, 1))
    regressors = np.column_stack([sample.treatment, one, sample.covariates])
    fit = IV2SLS(
        sample.outcome, regressors, np.column_stack([one, sample.covariates, sample.instruments])
    ).fit()
    step = sample.contrast[0] - sample.contrast[1]
    plain = TwoStageLeastSquares(robust=False).estimate(instrumented(), sample)
    assert plain.value == pytest.approx(step * fit.params[0], rel=1e-8)
    assert plain.std_error == pytest.approx(step * fit.bse[0], rel=1e-8)
    # The sandwich by its definition, with the factor n / (n - k).
    instruments = np.column_stack([one, sample.covariates, sample.instruments])
    fitted = instruments @ np.linalg.lstsq(instruments, regressors, rcond=None)[0]
    bread = np.linalg.inv(fitted.T @ fitted)
    residual = sample.outcome - regressors @ fit.params
    meat = (fitted * residual[:, None] ** 2).T @ fitted
    robust = np.sqrt((bread @ meat @ bread)[0, 0] * 300 / (300 - 5))
    assert TwoStageLeastSquares().estimate(instrumented(), sample).std_error == pytest.approx(
        step * robust, rel=1e-8
    )


def test_effective_f_by_its_definition() -> None:
    """Montiel Olea & Pflueger (2013), equation 6, with robust first-stage covariance n / (n - k)."""
    sample = mixed_sample(300, 2, "continuous")
    x = np.column_stack([np.ones(300), sample.covariates])

    def rest(v: np.ndarray) -> np.ndarray:
        return v - x @ np.linalg.lstsq(x, v, rcond=None)[0]

    z, t = rest(sample.instruments), rest(sample.treatment)
    pi = np.linalg.lstsq(z, t, rcond=None)[0]
    v = t - z @ pi
    meat = (z * v[:, None] ** 2).T @ z * 300 / (300 - 6)
    expected = float(pi @ z.T @ z @ pi / np.trace(np.linalg.solve(z.T @ z, meat)))
    found = TwoStageLeastSquares().estimate(instrumented(), sample).diagnostic("first-stage F")
    assert found is not None and found.value == pytest.approx(expected, rel=1e-8)


def test_hansen_j_by_its_definition() -> None:
    """Two-step efficient GMM of all moments (covariates too), weighted by the 2SLS residuals."""
    sample = mixed_sample(300, 3, "continuous")
    one = np.ones((300, 1))
    z = np.column_stack([one, sample.covariates, sample.instruments])
    r = np.column_stack([sample.treatment, one, sample.covariates])
    fitted = z @ np.linalg.lstsq(z, r, rcond=None)[0]
    residual = sample.outcome - r @ np.linalg.lstsq(fitted, sample.outcome, rcond=None)[0]
    inverse = np.linalg.inv((z * residual[:, None] ** 2).T @ z)
    a = r.T @ z @ inverse
    gmm = np.linalg.solve(a @ z.T @ r, a @ z.T @ sample.outcome)
    moment = z.T @ (sample.outcome - r @ gmm)
    test = TwoStageLeastSquares().estimate(instrumented(), sample).diagnostic("over-identification")
    assert test is not None and test.value == pytest.approx(float(moment @ inverse @ moment), rel=1e-7)


def test_one_instrument_is_the_wald_ratio() -> None:
    rng = np.random.default_rng(0)
    z = rng.integers(0, 2, 200).astype(float)
    t = (rng.random(200) < 0.2 + 0.5 * z).astype(float)
    y = t + rng.normal(size=200)
    sample = Sample(y, t, TreatmentKind.BINARY, instruments=z[:, None])
    wald = (y[z == 1].mean() - y[z == 0].mean()) / (t[z == 1].mean() - t[z == 0].mean())
    for estimator in (TwoStageLeastSquares(), LIML(), AndersonRubin()):
        assert estimator.estimate(instrumented(), sample).value == pytest.approx(wald, rel=1e-10)


# -- coverage ----------------------------------------------------------------------------------------------------


def _confounded(
    rng: np.random.Generator, strength: float, instruments: int = 1, n: int = 200
) -> tuple[Sample, Estimand]:
    z = rng.normal(size=(n, instruments))
    u = rng.normal(size=n)
    x = rng.normal(size=(n, 1))
    t = strength * z.sum(1) + 0.5 * x[:, 0] + 0.95 * u + 0.3 * rng.normal(size=n)
    y = t + x[:, 0] + u + 0.3 * rng.normal(size=n)
    sample = Sample(y, t, TreatmentKind.CONTINUOUS, covariates=x, instruments=np.asfortranarray(z))
    return sample, instrumented()


@pytest.mark.parametrize("instruments", [1, 3])
@pytest.mark.parametrize("strength", [0.0, 0.1, 1.0])
def test_anderson_rubin_covers_however_weak_the_instruments(strength: float, instruments: int) -> None:
    """The set itself is what covers; the hull that is reported covers at least as often.

    Tolerance: 3.5 Monte-Carlo standard errors of 0.95, and 0.015 for the normal approximation at n = 200.
    """
    count, held = (4000 if SLOW else 500), 0
    for r in range(count):
        sample, estimand = _confounded(np.random.default_rng([1, r]), strength, instruments)
        estimate = AndersonRubin().estimate(estimand, sample)
        found = estimate.diagnostic("confidence set")
        assert found is not None
        held += any(low <= 1 <= high for low, high in found.details["pieces"])
        for low, high in found.details["pieces"]:
            assert estimate.interval[0] <= low <= high <= estimate.interval[1]
    assert abs(held / count - 0.95) <= 3.5 * np.sqrt(0.95 * 0.05 / count) + 0.015


def test_two_stage_intervals_do_not_cover_where_instruments_are_weak() -> None:
    """Why Anderson-Rubin is the default there: the t interval's coverage breaks down."""
    share, _, _ = coverage(lambda rng: _confounded(rng, 0.02, 3), TwoStageLeastSquares(), 1.0, 200)
    assert share < 0.8


@pytest.mark.parametrize("estimator", [TwoStageLeastSquares(), LIML()])
def test_covers_with_strong_instruments(estimator: TwoStageLeastSquares | LIML) -> None:
    assert_covers(lambda rng: _confounded(rng, 1.0, 2, 400), estimator, 1.0)


def test_covers_with_clusters() -> None:
    """Instrument and errors shared within 50 clusters of 8."""

    def make(rng: np.random.Generator) -> tuple[Sample, Estimand]:
        clusters = np.repeat(np.arange(50), 8)
        z, shock = rng.normal(size=(2, 50))
        u = rng.normal(size=400)
        t = z[clusters] + u + rng.normal(size=400)
        y = t + 2 * u + shock[clusters] + rng.normal(size=400)
        sample = Sample(y, t, TreatmentKind.CONTINUOUS, instruments=z[clusters][:, None], clusters=clusters)
        return sample, instrumented()

    assert_covers(make, TwoStageLeastSquares(), 1.0, allowance=0.015)
    assert_covers(make, AndersonRubin(), 1.0, allowance=0.015)


# -- the Anderson-Rubin set --------------------------------------------------------------------------------------


@given(st.integers(0, 10_000), st.integers(1, 4), st.floats(0.01, 3))
@settings(max_examples=60, deadline=None)
def test_the_set_is_where_the_statistic_is_small(seed: int, q: int, strength: float) -> None:
    """Against the statistic itself on a grid over the whole (compactified) line."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(2 * q, 4 * q))
    covariance = a @ a.T / (4 * q)
    top_t = strength * rng.normal(size=q)
    top_y = 1.5 * top_t + rng.normal(size=q) * 0.7
    critical = float(stats.chi2.ppf(0.95, q))
    pieces = confidence_set(top_y, top_t, covariance, critical)
    for b in np.tan(np.linspace(-np.pi / 2, np.pi / 2, 402)[1:-1]):
        gap = top_y - b * top_t
        v_yt = covariance[:q, q:]
        v = covariance[:q, :q] - b * (v_yt + v_yt.T) + b * b * covariance[q:, q:]
        statistic = float(gap @ np.linalg.solve(v, gap))
        if abs(statistic - critical) > 1e-6 * critical:
            assert (statistic <= critical) == any(low <= b <= high for low, high in pieces)


def test_sets_of_every_shape() -> None:
    one, eye = np.ones(1), np.eye(2)
    interval = confidence_set(2 * one, one, 0.01 * eye, 3.84)
    assert len(interval) == 1 and np.isfinite(interval).all()
    assert confidence_set(0 * one, 0.1 * one, eye, 3.84) == ((-np.inf, np.inf),)
    (first, second) = confidence_set(5 * one, 0.1 * one, eye, 3.84)
    assert first[0] == -np.inf and second[1] == np.inf and first[1] < second[0]
    assert confidence_set(np.array([1.0, -1.0]), np.ones(2), 0.01 * np.eye(4), 5.99) == ()


def test_an_empty_set_is_said() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(500, 2))
    t = z.sum(1) + rng.normal(size=500)
    y = t + 3 * z[:, 0] + rng.normal(size=500)
    sample = Sample(y, t, TreatmentKind.CONTINUOUS, instruments=z)
    estimate = AndersonRubin().estimate(instrumented(), sample)
    found = estimate.diagnostic("confidence set")
    assert found is not None and found.warning and "is empty" in found.sentence
    assert estimate.interval == (-np.inf, np.inf)
    agreed = estimate.diagnostic("over-identification")
    assert agreed is not None and agreed.warning


def test_the_level_is_respected() -> None:
    sample, estimand = _confounded(np.random.default_rng(0), 1.0)
    wide, narrow = (AndersonRubin().estimate(estimand, sample, level=level).interval for level in (0.99, 0.5))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


# -- laws --------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10_000), st.floats(-100, 100), st.floats(0.01, 100))
@settings(max_examples=15, deadline=None)
def test_affine_laws(seed: int, shift: float, scale: float) -> None:
    sample = mixed_sample(80, seed, "continuous", weighted=True)
    mixed = np.array([[2.0, 1.0], [-1.0, 3.0]])
    for estimator in (TwoStageLeastSquares(), LIML(), AndersonRubin()):
        one = estimator.estimate(instrumented(), sample)
        scaled = estimator.estimate(instrumented(), sample.replace(outcome=shift + scale * sample.outcome))
        assert scaled.value == pytest.approx(scale * one.value, rel=1e-5, abs=1e-6)
        np.testing.assert_allclose(scaled.interval, scale * np.array(one.interval), rtol=1e-4, atol=1e-6)
        # Any basis of the same instruments says the same.
        other = estimator.estimate(instrumented(), sample.replace(instruments=sample.instruments @ mixed + 5))
        assert other.value == pytest.approx(one.value, rel=1e-5)
        np.testing.assert_allclose(other.interval, one.interval, rtol=1e-4)
        assert influence_error(one.influence, sample.weights) == pytest.approx(one.std_error, rel=1e-8)
