from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nuisance_cases import confounded, estimand, sample
from sklearn.linear_model import LinearRegression, LogisticRegression
from test_aipw import double_ml_data

from aitia.core import AssumptionKey
from aitia.estimation import (
    AIPW,
    InteractiveInstrument,
    NotApplicable,
    NothingLeft,
    PartiallyLinear,
    PartiallyLinearInstrument,
    TreatmentKind,
)
from aitia.identification import TREATED, Rule

L, G = LinearRegression(), LogisticRegression(C=1.0, tol=1e-10, max_iter=1000)
FIVE = np.arange(1000) % 5
IV = estimand(rule=Rule.INSTRUMENT)


# doubleml 0.11.4 with scikit-learn 1.9.1, data and folds as in test_aipw.double_ml_data:
#   DoubleMLPLR(d, L, L, n_folds=5), DoubleMLPLR(d, L, G, n_folds=5), DoubleMLPLIV(dz, L, L, L, n_folds=5),
#   DoubleMLIIVM(dz, L, G, G, n_folds=5), each after set_sample_splitting: coef[0], se[0].
@pytest.mark.parametrize(
    ("estimator", "value", "error"),
    [
        (PartiallyLinear(L, L, folds=FIVE), 0.9860545985921246, 0.07838715442592137),
        (PartiallyLinear(L, G, folds=FIVE), 0.981317178070661, 0.07871284269732587),
        (PartiallyLinearInstrument(L, L, L, folds=FIVE), 1.004220627569915, 0.23047179739828766),
        (InteractiveInstrument(L, G, G, folds=FIVE, floor=0.01), 0.9113730907931606, 0.28283672110387037),
    ],
)
def test_double_ml(estimator, value, error):
    x, z, t, y = double_ml_data()
    made = sample(x, t, y, instruments=z[:, None], instrument_names=("z",))
    found = estimator.estimate(IV if Rule.INSTRUMENT in estimator.rules else estimand(), made)
    assert found.value == pytest.approx(value, abs=1e-3 * error)
    assert found.std_error == pytest.approx(error, rel=1e-5)


@given(st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_residual_on_residual_is_least_squares_where_folds_see_everything(seed):
    # Frisch, Waugh & Lovell: with a copy of the data as second fold, the slope of residual on residual is that of
    # least squares on treatment and covariates; so is 2SLS of residuals with instruments.
    rng = np.random.default_rng(seed)
    x, z = rng.standard_normal((80, 3)), rng.standard_normal((80, 2))
    t = x @ [1, 0.5, 0] + z @ [1, 0.5] + rng.standard_normal(80)
    y = 2 * t + x @ [1, 1, 1] + rng.standard_normal(80)
    twice = sample(
        np.tile(x, (2, 1)),
        np.tile(t, 2),
        np.tile(y, 2),
        TreatmentKind.CONTINUOUS,
        instruments=np.tile(z, (2, 1)),
    )
    folds = np.repeat([0, 1], 80)
    design = np.column_stack([t, np.ones(80), x])
    slope = np.linalg.lstsq(design, y, rcond=None)[0][0]
    found = PartiallyLinear(L, L, folds=folds).estimate(estimand(), twice)
    assert found.value == pytest.approx(slope, rel=1e-8)
    exogenous = np.column_stack([z, np.ones(80), x])
    fitted = exogenous @ np.linalg.lstsq(exogenous, t, rcond=None)[0]
    two_stage = np.linalg.lstsq(np.column_stack([fitted, np.ones(80), x]), y, rcond=None)[0][0]
    found = PartiallyLinearInstrument(L, L, L, folds=folds).estimate(IV, twice)
    assert found.value == pytest.approx(two_stage, rel=1e-7)


def test_partially_linear_says_whose_average_it_is():
    # Effect 3 where treatment is a coin and 0 where it is nearly decided: the average is 1.5, and the partially linear
    # answer is near 3 * 0.25 / (0.25 + 0.0475) = 2.52. The interactive model finds 1.5.
    rng = np.random.default_rng(0)
    n = 6000
    x = rng.integers(0, 2, (n, 1)).astype(float)
    t = (rng.random(n) < np.where(x[:, 0] == 1, 0.5, 0.05)).astype(float)
    y = x[:, 0] + 3 * x[:, 0] * t + rng.standard_normal(n)
    found = PartiallyLinear().estimate(estimand(), sample(x, t, y))
    weights = 0.25 / (0.25 + 0.05 * 0.95)
    assert found.value == pytest.approx(3 * weights, abs=4 * found.std_error)
    told = {each.key: each.statement for each in found.assumptions}[AssumptionKey.HOMOGENEITY]
    assert "not the average effect" in told
    average = AIPW().estimate(estimand(), sample(x, t, y))
    assert average.value == pytest.approx(1.5, abs=4 * average.std_error)
    with pytest.raises(NotApplicable, match="cannot answer for the treated"):
        PartiallyLinear().estimate(estimand(TREATED), sample(x, t, y))


def test_continuous_treatment_takes_the_contrast():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((3000, 4))
    t = np.sin(2 * x[:, 0]) + x[:, 1] ** 2 + rng.standard_normal(3000)
    y = 0.7 * t + np.cos(2 * x[:, 0]) + x[:, 1] ** 2 + rng.standard_normal(3000)
    one = PartiallyLinear().estimate(estimand(), sample(x, t, y, TreatmentKind.CONTINUOUS))
    two = PartiallyLinear().estimate(
        estimand(), sample(x, t, y, TreatmentKind.CONTINUOUS, contrast=(3.0, 1.0))
    )
    assert one.value == pytest.approx(0.7, abs=3.5 * one.std_error)
    assert two.value == pytest.approx(2 * one.value)
    assert two.std_error == pytest.approx(2 * one.std_error)


def encouraged(n: int, seed: int, push: float):
    """Half of the rows follow a coin with probability `push`; hidden confounding; effect 2 for everyone."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 2))
    z = (rng.random(n) < 1 / (1 + np.exp(-x[:, 0]))).astype(float)
    hidden = rng.standard_normal(n)
    follows = rng.random(n) < push
    t = np.where(follows, z, (hidden + 0.5 * x[:, 0] > 0)).astype(float)
    y = 2 * t + x[:, 0] ** 2 + 1.5 * hidden + rng.standard_normal(n)
    return x, z, t, y


def test_instruments_cover_strong_and_weak():
    # 95% intervals over R samples, strong and weak instrument: cover within 3.3 Monte-Carlo errors. Where the
    # instrument says nothing the interval is allowed to be unbounded.
    runs = 40
    for push, estimators in (
        (0.5, (PartiallyLinearInstrument(), InteractiveInstrument())),
        (0.03, (PartiallyLinearInstrument(L, L, L), InteractiveInstrument(L, L, G))),
    ):
        for estimator in estimators:
            hits, endless = 0, 0
            for run in range(runs if push == 0.03 else 20):
                x, z, t, y = encouraged(600, run, push)
                made = sample(x, t, y, instruments=z[:, None], instrument_names=("z",))
                found = estimator.estimate(IV, made)
                hits += found.interval[0] <= 2 <= found.interval[1]
                endless += not np.isfinite(found.interval).all()
            total = runs if push == 0.03 else 20
            assert hits / total > 0.95 - 3.3 * np.sqrt(0.95 * 0.05 / total)
            assert endless == 0 if push == 0.5 else endless > total / 4


def test_refusals_and_named_errors():
    x, z, t, y = encouraged(200, 0, 0.5)
    with pytest.raises(NotApplicable, match="needs an instrument"):
        PartiallyLinearInstrument().estimate(IV, sample(x, t, y))
    with pytest.raises(NotApplicable, match="with the values 0 and 1"):
        InteractiveInstrument().estimate(IV, sample(x, t, y, instruments=x[:, :1]))
    with pytest.raises(NothingLeft, match="explain t completely"):
        PartiallyLinear(L, L).estimate(estimand(), sample(np.column_stack([x, t]), t, y))
    doubled = np.column_stack([z, z])
    with pytest.raises(NothingLeft, match="explain the instruments"):
        PartiallyLinearInstrument(L, L, L).estimate(
            IV, sample(x, t, y, instruments=doubled, instrument_names=("z", "z2"))
        )


def test_repeats_take_the_median():
    x, t, y = confounded(300, 0)
    found = PartiallyLinear(L, L, repeats=5).estimate(estimand(), sample(x, t, y))
    assert abs(found.value - 1) < 5 * found.std_error
