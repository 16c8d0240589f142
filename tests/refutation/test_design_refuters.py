"""Overlap, balance, negative controls: refuters that look at the design or at further columns."""

import numpy as np
import pytest
from worlds import linear, separated, study

import aitia
from aitia.estimation import Matching, RegressionAdjustment
from aitia.refutation import Balance, Case, NegativeControlExposure, NegativeControlOutcome, Overlap


def test_overlap_names_where_it_fails():
    found = Overlap().refute(separated(np.random.default_rng(0)))
    assert found.verdict.value == "broken" and found.details["where"]["covariate"] == "a"
    assert found.margin == found.details["outside"] > 0.05
    good = Overlap().refute(linear(np.random.default_rng(0)))
    assert good.verdict.value == "survived"
    assert good.details["treated"].sum() + good.details["control"].sum() == 500


def test_effective_sample_size_of_a_randomised_trial_is_all_rows():
    random = np.random.default_rng(1)
    t = np.zeros(1000)
    t[random.permutation(1000)[:400]] = 1
    found = Overlap().refute(study(random.normal(size=(1000, 1)), t, t + random.normal(size=1000)))
    sizes = found.details["effective_sample_size"]
    assert sizes["treated"] == pytest.approx(400, rel=0.02) and sizes["control"] == pytest.approx(
        600, rel=0.02
    )


def test_a_dose_needs_variance_of_its_own():
    random = np.random.default_rng(2)
    x = random.normal(size=(500, 2))
    for noise, verdict in ((1.0, "survived"), (0.2, "inconclusive"), (0.05, "broken")):
        t = x[:, 0] + noise * random.normal(size=500)
        found = Overlap().refute(study(x, t, t + random.normal(size=500)))
        assert found.verdict.value == verdict
        assert found.margin == pytest.approx(noise**2 / (1 + noise**2), rel=0.3)


def test_balance_before_is_the_standardised_difference():
    case = linear(np.random.default_rng(3))
    found = Balance().refute(case)
    x, t = case.sample.covariates[:, 0], case.sample.treatment == 1
    expected = (x[t].mean() - x[~t].mean()) / np.sqrt((x[t].var() + x[~t].var()) / 2)
    assert found.details["names"][:4] == ("a", "b", "c", "a squared")
    assert found.details["before"][0] == pytest.approx(expected)
    assert abs(found.details["after"][0]) < 0.2 * abs(found.details["before"][0])


def test_the_score_test_of_balance_is_that_of_added_terms():
    # Score test of adding the terms to a logistic regression, by statsmodels 0.15.0:
    # sm.GLM(t, design, Binomial()).fit().model.score_test(params with zeros, exog_extra=terms)
    import statsmodels.api as sm

    from aitia.refutation._linear import expand

    case = linear(np.random.default_rng(4), n=800)
    x, t = case.sample.covariates, case.sample.treatment
    model = sm.GLM(t, sm.add_constant(x), family=sm.families.Binomial())
    fit = model.fit()
    _, p_value, _ = model.score_test(fit.params, exog_extra=expand(x))
    assert Balance().refute(case).p_value == pytest.approx(float(np.squeeze(p_value)), rel=1e-3)


def test_balance_with_a_match_table():
    case = linear(np.random.default_rng(5), n=1000)
    estimate = Matching().estimate(case.estimand, case.sample)
    found = Balance().refute(Case(estimate, case.sample))
    assert found.details["weights"] == "number of matches" and found.p_value is None
    assert np.abs(found.details["after"][:3]).max() < np.abs(found.details["before"][:3]).max()


def test_negative_control_outcome_is_the_same_estimate_of_another_column():
    case = linear(np.random.default_rng(6), hidden=0.8, n=1000)
    found = NegativeControlOutcome("earlier").refute(case)
    assert found.verdict.value == "broken" and found.details["value"] > 0.2
    assert case.table is not None
    again = RegressionAdjustment().estimate(
        case.estimand,
        case.sample.replace(outcome=case.table.head(1000)["earlier"].to_numpy())
        if hasattr(case.table.head(1000), "to_pandas") is False
        else case.sample.replace(outcome=case.table.head(1000).to_pandas()["earlier"].to_numpy()),
    )
    assert found.details["value"] == pytest.approx(again.value)
    assert found.p_value == pytest.approx(again.p_value)


def test_negative_controls_say_what_they_miss():
    case = linear(np.random.default_rng(7))
    assert "Name the column" in NegativeControlOutcome().refute(case).sentence
    assert "Name the column" in NegativeControlExposure().refute(case).sentence
    found = NegativeControlOutcome("erlier").refute(case)
    assert not found.attempted and "erlier" in found.sentence
    assert "no table" in NegativeControlExposure("exposure").refute(Case(case.estimate, case.sample)).sentence
    short = aitia.read({"earlier": np.arange(10.0)})
    assert (
        "cannot be lined up"
        in NegativeControlOutcome("earlier").refute(Case(case.estimate, case.sample, None, short)).sentence
    )


def test_negative_control_exposure_slope():
    case = linear(np.random.default_rng(8), hidden=0.8, n=1000)
    found = NegativeControlExposure("exposure").refute(case)
    assert found.verdict.value == "broken" and found.details["slope"] > 0.1
