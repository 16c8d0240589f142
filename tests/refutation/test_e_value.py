import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import linear, study

from aitia.refutation import EValue, e_value


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        # VanderWeele & Ding 2017: maternal breastfeeding and respiratory death, RR 3.9 (1.8, 8.7): E-values
        # 7.26 and 3.0.
        (3.9, 7.26),
        (1.8, 3.0),
        # Protective effects are turned round: 0.80 is as far from 1 as 1.25.
        (0.80, 1.81),
        (1.0, 1.0),
    ],
)
def test_published_e_values(ratio, expected):
    assert e_value(ratio) == pytest.approx(expected, abs=0.005)


@given(st.floats(1.0001, 1000))
def test_a_confounder_of_that_strength_explains_exactly_the_ratio(ratio):
    # Ding & VanderWeele 2016: the bias factor of two risk ratios E is E * E / (2 E - 1).
    e = e_value(ratio)
    assert e * e / (2 * e - 1) == pytest.approx(ratio, rel=1e-9)
    assert e_value(1 / ratio) == pytest.approx(e, rel=1e-9)


@pytest.mark.parametrize("ratio", [0.0, -1.0, float("nan")])
def test_no_ratio(ratio):
    with pytest.raises(ValueError, match="positive"):
        e_value(ratio)


def test_a_continuous_outcome_goes_through_the_standardised_difference():
    case = linear(np.random.default_rng(0))
    found = EValue().refute(case)
    d = case.estimate.value / case.sample.outcome.std(ddof=1)
    assert found.details["e_value"] == pytest.approx(e_value(np.exp(0.91 * d)))
    error = case.estimate.std_error / case.sample.outcome.std(ddof=1)
    assert found.margin == pytest.approx(e_value(np.exp(0.91 * d - 1.78 * error)))


def test_a_binary_outcome_uses_the_potential_means_and_no_effect_needs_no_confounder():
    random = np.random.default_rng(1)
    n = 4000
    x = random.normal(size=(n, 1))
    t = (random.random(n) < 0.5).astype(float)
    y = (random.random(n) < np.where(t > 0, 0.6, 0.3)).astype(float)
    found = EValue().refute(study(x, t, y))
    assert found.details["risk_ratio"] == pytest.approx(2.0, abs=0.15)
    assert found.verdict.value == "survived" and found.bounds
    nothing = EValue().refute(study(x, t, (random.random(n) < 0.4).astype(float)))
    assert nothing.margin == 1.0 and nothing.verdict.value == "inconclusive"
