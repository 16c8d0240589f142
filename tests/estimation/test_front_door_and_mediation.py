from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linear_cases import adjusted, assert_covers, front_door, mediated, mixed_sample

from aitia.estimation import (
    FrontDoorLinear,
    MediationLinear,
    RegressionAdjustment,
    Sample,
    TreatmentKind,
    influence_error,
)
from aitia.identification import ControlledDirect, Estimand, NaturalDirect, NaturalIndirect
from aitia.statistics import TooFewRows


def least_squares(y: np.ndarray, *columns: np.ndarray) -> np.ndarray:
    design = np.column_stack([np.ones(len(y)), *columns])
    return np.linalg.lstsq(design, y, rcond=None)[0]


# -- closed forms ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["binary", "continuous"])
def test_the_front_door_is_the_product_of_two_regressions(kind: str) -> None:
    sample = mixed_sample(200, 1, kind)
    t, x, m = sample.treatment, sample.covariates, sample.mediators[:, 0]
    alpha = least_squares(m, t, x)[1]
    beta = least_squares(sample.outcome, m, t, x)[1]
    step = sample.contrast[0] - sample.contrast[1]
    estimate = FrontDoorLinear().estimate(front_door(), sample)
    assert estimate.value == pytest.approx(step * alpha * beta, rel=1e-8)


def test_the_front_door_formula_of_a_saturated_linear_model() -> None:
    """A table in which E[y | m, t] is additive: the front-door sum is the product of slopes."""
    t, m = np.array([0, 0, 0, 0, 1, 1, 1, 1.0]), np.array([0, 0, 0, 1, 0, 1, 1, 1.0])
    y = 2 * m + 5 * t
    sample = Sample(y, t, TreatmentKind.BINARY, mediators=m[:, None])
    formula = sum(
        ((m[t == 1] == v).mean() - (m[t == 0] == v).mean())
        * sum((t == s).mean() * y[(m == v) & (t == s)].mean() for s in (0, 1))
        for v in (0, 1)
    )
    assert FrontDoorLinear().estimate(front_door(), sample).value == pytest.approx(formula)


@pytest.mark.parametrize("question", [NaturalDirect, NaturalIndirect, ControlledDirect])
def test_mediation_by_its_definition_within_arms(question: type) -> None:
    """Predict m(0) for each row by the control arm's regression, y by the arms' own, and average over all rows."""
    sample = mixed_sample(200, 2)
    t, x, m, y = sample.treatment, sample.covariates, sample.mediators[:, 0], sample.outcome
    one = np.ones(200)

    def mediator(arm: int) -> np.ndarray:
        return np.column_stack([one, x]) @ least_squares(m[t == arm], x[t == arm])

    def outcome(arm: int, at: np.ndarray) -> float:
        fit = least_squares(y[t == arm], m[t == arm], x[t == arm])
        return float((np.column_stack([one, at, x]) @ fit).mean())

    expected = {
        NaturalDirect: outcome(1, mediator(0)) - outcome(0, mediator(0)),
        NaturalIndirect: outcome(1, mediator(1)) - outcome(1, mediator(0)),
        ControlledDirect: outcome(1, one) - outcome(0, one),  # the sample holds m at 1
    }[question]
    assert MediationLinear().estimate(mediated(question), sample).value == pytest.approx(expected, rel=1e-8)


def test_continuous_mediation_is_baron_and_kenny() -> None:
    sample = mixed_sample(200, 3, "continuous")
    t, x, m, y = sample.treatment, sample.covariates, sample.mediators[:, 0], sample.outcome
    alpha, both = least_squares(m, t, x)[1], least_squares(y, t, m, x)
    assert MediationLinear().estimate(mediated(NaturalDirect), sample).value == pytest.approx(
        3 * both[1], rel=1e-8
    )
    indirect = MediationLinear().estimate(mediated(NaturalIndirect), sample).value
    assert indirect == pytest.approx(3 * alpha * both[2], rel=1e-8)


# -- laws --------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10_000), st.sampled_from(["binary", "categorical"]))
@settings(max_examples=20, deadline=None)
def test_direct_and_indirect_add_up_to_regression_adjustment(seed: int, kind: str) -> None:
    sample = mixed_sample(120, seed, kind, weighted=True)
    direct = MediationLinear().estimate(mediated(NaturalDirect), sample)
    indirect = MediationLinear().estimate(mediated(NaturalIndirect), sample)
    total = RegressionAdjustment().estimate(adjusted(), sample)
    assert direct.value + indirect.value == pytest.approx(total.value, rel=1e-7, abs=1e-9)


@given(st.integers(0, 10_000), st.floats(-100, 100), st.floats(0.01, 100))
@settings(max_examples=15, deadline=None)
def test_affine_laws(seed: int, shift: float, scale: float) -> None:
    for kind in ("binary", "continuous"):
        sample = mixed_sample(100, seed, kind, weighted=True)
        cases = [(FrontDoorLinear(), front_door())]
        cases += [(MediationLinear(), mediated(each)) for each in (NaturalDirect, NaturalIndirect)]
        for estimator, estimand in cases:
            one = estimator.estimate(estimand, sample)
            scaled = estimator.estimate(estimand, sample.replace(outcome=shift + scale * sample.outcome))
            assert scaled.value == pytest.approx(scale * one.value, rel=1e-5, abs=1e-6)
            # The unit of the mediator does not matter.
            other = estimator.estimate(estimand, sample.replace(mediators=7 - 3 * sample.mediators))
            assert other.value == pytest.approx(one.value, rel=1e-5, abs=1e-6)
            assert other.std_error == pytest.approx(one.std_error, rel=1e-5)
            assert influence_error(one.influence, sample.weights) == pytest.approx(one.std_error, rel=1e-8)


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_relabelling_the_arms_turns_effects_round(seed: int) -> None:
    """With arms exchanged the total flips its sign, and NDE(1, 0) becomes minus the total less NIE."""
    sample = mixed_sample(120, seed)
    swapped = sample.replace(treatment=1 - sample.treatment)
    front = [FrontDoorLinear().estimate(front_door(), each).value for each in (sample, swapped)]
    assert front[1] == pytest.approx(-front[0], rel=1e-7)
    controlled = [
        MediationLinear().estimate(mediated(ControlledDirect), each).value for each in (sample, swapped)
    ]
    assert controlled[1] == pytest.approx(-controlled[0], rel=1e-7)


# -- coverage ----------------------------------------------------------------------------------------------------


def _front(rng: np.random.Generator) -> tuple[Sample, Estimand]:
    u, w = rng.normal(size=(2, 300))
    t = (u + w + rng.normal(size=300) > 0).astype(float)
    m = np.column_stack([2 * t + w + (1 + t) * rng.normal(size=300), -t + rng.normal(size=300)])
    y = 1.5 * m[:, 0] + 0.5 * m[:, 1] + 3 * u + w + rng.normal(size=300)
    sample = Sample(
        y, t, TreatmentKind.BINARY, covariates=w[:, None], mediators=m, mediator_names=("m0", "m1")
    )
    return sample, front_door()


def test_the_front_door_covers() -> None:
    assert_covers(_front, FrontDoorLinear(), 2 * 1.5 - 0.5)


def _mediated(question: type):
    def make(rng: np.random.Generator) -> tuple[Sample, Estimand]:
        w = rng.normal(size=(400, 2))
        t = (w[:, 0] + rng.normal(size=400) > 0).astype(float)
        m = 2 * t + w[:, 0] * (1 + t) + (1 + t) * rng.normal(size=400)
        y = t + (1 + t) * m + w.sum(1) * (1 + t) + rng.normal(size=400)
        sample = Sample(
            y,
            t,
            TreatmentKind.BINARY,
            covariates=np.asfortranarray(w),
            mediators=m[:, None],
            mediator_levels=np.array([1.0]),
        )
        return sample, mediated(question)

    return make


# With E[w] = 0: E[Y(t, m)] = t + (1 + t) m, E[M(t)] = 2 t, so Y(1, M(0)) = 1, Y(0, M(0)) = 0, Y(1, M(1)) = 5; but
# M(0) varies with w, which adds nothing because Y is linear in it with slopes that are the arm's own.
@pytest.mark.parametrize(
    ("question", "truth"), [(NaturalDirect, 1.0), (NaturalIndirect, 4.0), (ControlledDirect, 2.0)]
)
def test_mediation_covers(question: type, truth: float) -> None:
    assert_covers(_mediated(question), MediationLinear(), truth, allowance=0.015)


# -- refusals ----------------------------------------------------------------------------------------------------


def test_other_questions_are_refused() -> None:
    sample = mixed_sample(60, 1)
    assert "does not estimate what adjustment identifies" in MediationLinear().refusal(adjusted(), sample)
    assert "no mediator" in FrontDoorLinear().refusal(
        front_door(), sample.replace(mediators=np.empty((60, 0)), mediator_names=())
    )
    held = sample.replace(mediator_levels=None)
    assert "at which values" in MediationLinear().refusal(mediated(ControlledDirect), held)


def test_too_few_rows() -> None:
    with pytest.raises(TooFewRows, match="coefficients"):
        FrontDoorLinear().estimate(front_door(), mixed_sample(60, 1).rows(np.arange(6)))
