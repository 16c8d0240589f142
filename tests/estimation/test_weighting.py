from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nuisance_cases import confounded, estimand, linear_design, sample, strata, stratified
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from aitia.estimation import IPW, NoOverlap
from aitia.identification import TREATED, UNTREATED

SATURATED = LogisticRegression(C=np.inf)


@given(st.integers(0, 10**6), st.booleans(), st.booleans())
@settings(max_examples=20, deadline=None)
def test_saturated_propensities_give_the_stratified_effect_exactly(seed, weighted, normalised):
    s, x, t, y = strata(seed)
    w = np.random.default_rng(seed).uniform(0.5, 2, len(y)) if weighted else None
    estimator = IPW(SATURATED, normalised=normalised, floor=0.0)
    for population, member in ((None, None), (TREATED, t == 1), (UNTREATED, t == 0)):
        found = estimator.estimate(
            estimand(population) if population else estimand(), sample(x, t, y, weights=w)
        )
        assert found.value == pytest.approx(stratified(s, t, y, w, member), abs=1e-6)


def test_saturated_standard_error_is_that_of_the_stratified_effect():
    # Closed form: with discrete covariates IPW, the g-formula and AIPW are one estimator, whose influence value is
    # tau(s) - tau + 1(t = 1) / e(s) (y - m1(s)) - 1(t = 0) / (1 - e(s)) (y - m0(s)) (Hahn 1998).
    s, x, t, y = strata(3, 600)
    e = np.array([t[s == k].mean() for k in range(3)])[s]
    m = [np.array([y[(s == k) & (t == a)].mean() for k in range(3)])[s] for a in (0, 1)]
    psi = m[1] - m[0] + t / e * (y - m[1]) - (1 - t) / (1 - e) * (y - m[0])
    psi -= psi.mean()
    found = IPW(SATURATED, floor=0.0).estimate(estimand(), sample(x, t, y))
    np.testing.assert_allclose(found.influence, psi, atol=1e-5)
    assert found.std_error == pytest.approx(np.sqrt(np.sum(psi**2)) / 600, rel=1e-6)
    assert found.profile.std_errors[1] < np.std(y) / 5


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_laws(seed):
    x, t, y = confounded(250, seed)
    found = IPW().estimate(estimand(), sample(x, t, y))
    assert IPW().estimate(estimand(), sample(x, t, 2 * y + 7)).value == pytest.approx(
        2 * found.value, abs=1e-6
    )
    assert IPW().estimate(estimand(), sample(x, 1 - t, y)).value == pytest.approx(-found.value, abs=1e-5)
    assert abs(found.influence.mean()) < 0.02 * found.std_error  # zero but for the ridge
    low, high = found.profile.means
    assert y.min() <= low <= y.max() and y.min() <= high <= y.max()


def test_estimated_propensities_are_in_the_standard_error():
    # With the propensity taken as known the interval is far too long here (Hirano, Imbens & Ridder 2003).
    errors, own, known = [], [], []
    for run in range(40):
        x, t, y, truth = linear_design(1000, np.random.default_rng(run))
        found = IPW(LogisticRegression(C=np.inf)).estimate(estimand(), sample(x, t, y))
        errors.append(found.value - truth)
        own.append(found.std_error)
        e = 1 / (1 + np.exp(-x @ np.array([0.5, -0.5, 0.25, 0.25, 0, 0, 0, 0, 0.25, -0.25])))
        psi = t * y / e - (1 - t) * y / (1 - e)
        known.append(psi.std() / np.sqrt(1000))
    # The ratio of standard deviations over 40 runs is off by 1 / sqrt(80) = 0.11.
    assert np.std(errors) / np.mean(own) == pytest.approx(1, abs=0.35)
    assert np.mean(known) > 1.5 * np.mean(own)
    assert abs(np.mean(errors)) < 3.3 * np.std(errors) / np.sqrt(40)


def test_other_classifiers_are_cross_fitted_and_trimming_is_reported():
    x, t, y = confounded(1500, 2)
    found = IPW(RandomForestClassifier(50, min_samples_leaf=20, random_state=0), trim=0.25).estimate(
        estimand(), sample(x, t, y)
    )
    assert abs(found.value - 1) < 5 * found.std_error
    assert any("left out" in each.what for each in found.decisions)
    assert "trimmed at 0.25" in found.method
    assert found.diagnostic("weights").details["effective share 1"] < 1


def test_no_overlap_is_an_error_that_names_the_column():
    x, _, y = confounded(400, 0)
    t = (x[:, 1] > 0).astype(float)
    x[:, 1] += np.where(t == 1, 1.0, -1.0)
    with pytest.raises(NoOverlap, match="x1 alone does it"):
        IPW().estimate(estimand(), sample(x, t, y))
