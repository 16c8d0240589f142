from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nuisance_cases import EFFECTS, confounded, estimand, nonlinear_design, sample, strata, stratified
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from test_aipw import dehejia_wahba

from aitia.estimation import Standardisation
from aitia.identification import TREATED, UNTREATED


@given(st.integers(0, 10**6), st.booleans())
@settings(max_examples=20, deadline=None)
def test_saturated_models_give_the_stratified_effect_exactly(seed, weighted):
    s, x, t, y = strata(seed)
    w = np.random.default_rng(seed).uniform(0.5, 2, len(y)) if weighted else None
    for population, member in ((None, None), (TREATED, t == 1), (UNTREATED, t == 0)):
        question = estimand(population) if population else estimand()
        found = Standardisation(LinearRegression()).estimate(question, sample(x, t, y, weights=w))
        assert found.value == pytest.approx(stratified(s, t, y, w, member), abs=1e-6)


def counts(*cells: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows from (stratum, treated, events, total)."""
    s, t, y = (np.concatenate(each) for each in zip(*(
        (np.full(total, stratum), np.full(total, treated), np.arange(total) < events)
        for stratum, treated, events, total in cells
    )))  # fmt: skip
    return s, t.astype(float), y.astype(float)


def test_kidney_stones():
    # Charig et al. 1986: open surgery small 81/87, large 192/263; percutaneous small 234/270, large 55/80.
    # Standardised over size open .8325, percutaneous .7789, difference +0.0537.
    s, t, y = counts((0, 1, 81, 87), (1, 1, 192, 263), (0, 0, 234, 270), (1, 0, 55, 80))
    found = Standardisation().estimate(estimand(), sample(s[:, None], t, y))
    assert found.value == pytest.approx(0.0537, abs=5e-5)
    assert found.profile.means == pytest.approx([0.7789, 0.8325], abs=5e-5)
    # Variance of the standardised difference: sum over strata of share^2 p (1 - p) / n, plus that of the shares.
    share = np.array([357, 343]) / 700
    p, n = np.array([[81 / 87, 192 / 263], [234 / 270, 55 / 80]]), np.array([[87, 263], [270, 80]])
    effects = p[0] - p[1]
    variance = (share**2 * (p * (1 - p) / n).sum(axis=0)).sum() + (
        share * (effects - 0.0537) ** 2
    ).sum() / 700
    assert found.std_error == pytest.approx(np.sqrt(variance), rel=0.01)  # leverage adds up to 1 / 160


@pytest.mark.skipif(not EFFECTS.exists(), reason="the shared data files are not here")
def test_dehejia_wahba_against_cps_as_published():
    # Imbens & Xu 2024, LDW-CPS1: regression of the controls on ten covariates, ATT 1133 (624).
    x, t, y = dehejia_wahba()
    found = Standardisation(LinearRegression()).estimate(estimand(TREATED), sample(x, t, y))
    assert round(found.value) == 1133
    assert found.std_error == pytest.approx(
        624, rel=0.06
    )  # ours adds HC2 and the spread of effects over rows


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_laws(seed):
    x, t, y = confounded(250, seed)
    found = Standardisation().estimate(estimand(), sample(x, t, y))
    twice = Standardisation().estimate(estimand(), sample(x, t, 2 * y + 7))
    assert twice.value == pytest.approx(2 * found.value, abs=1e-7)
    assert twice.std_error == pytest.approx(2 * found.std_error)
    assert Standardisation().estimate(estimand(), sample(x, 1 - t, y)).value == pytest.approx(
        -found.value, abs=1e-9
    )
    moved = Standardisation().estimate(estimand(), sample(x * 100 + 5, t, y))
    assert moved.value == pytest.approx(found.value, abs=1e-4)


def test_bootstrap_of_a_learner_agrees_with_the_exact_error():
    x, t, y = confounded(500, 1)
    exact = Standardisation(LinearRegression()).estimate(estimand(), sample(x, t, y))
    refits = Standardisation(Ridge(1e-6), replicates=200, show_progress=False).estimate(
        estimand(), sample(x, t, y)
    )
    assert refits.value == pytest.approx(exact.value, abs=1e-5)
    # A standard deviation of 200 draws is off by 5%; HC2 and the bootstrap differ by the order of p / n.
    assert refits.std_error == pytest.approx(exact.std_error, rel=0.2)
    assert refits.diagnostic("bootstrap").value == 200
    binary = (y > 0).astype(float)
    chance = Standardisation(LogisticRegression(), replicates=20, show_progress=False)
    assert 0 < chance.estimate(estimand(), sample(x, t, binary)).value < 1


def test_series_covers_a_nonlinear_truth():
    runs, hits, errors = 40, 0, []
    for run in range(runs):
        x, t, y, truth = nonlinear_design(3000, np.random.default_rng(run))
        found = Standardisation().estimate(estimand(), sample(x, t, y))
        hits += found.interval[0] <= truth <= found.interval[1]
        errors.append((found.value - truth) / found.std_error)
    assert hits / runs > 0.95 - 3.3 * np.sqrt(0.95 * 0.05 / runs)
    assert np.sqrt(np.mean(np.square(errors))) < 1 + 3.3 / np.sqrt(2 * runs)
