"""Influence values against their definition: the derivative of the answer in the weight of a row."""

from __future__ import annotations

import numpy as np
import pytest
from linear_cases import adjusted, front_door, instrumented, mediated, mixed_sample

from aitia.estimation import (
    LIML,
    AndersonRubin,
    Estimator,
    FrontDoorLinear,
    MediationLinear,
    RegressionAdjustment,
    TwoStageLeastSquares,
)
from aitia.identification import (
    TREATED,
    UNTREATED,
    ControlledDirect,
    Estimand,
    NaturalDirect,
    NaturalIndirect,
    subgroup,
)

ADDITIVE = RegressionAdjustment(interactions=False)
INSIDE = adjusted(subgroup("x1 > -100", "x1"))
CASES: dict[str, tuple[Estimator, Estimand, dict[str, object]]] = {
    "interacted": (RegressionAdjustment(), adjusted(), {}),
    "interacted, treated": (RegressionAdjustment(), adjusted(TREATED), {}),
    "interacted, untreated": (RegressionAdjustment(), adjusted(UNTREATED), {}),
    "interacted, subgroup": (RegressionAdjustment(), INSIDE, {"masked": True}),
    "interacted, three arms": (RegressionAdjustment(), adjusted(), {"kind": "categorical"}),
    "interacted, dose": (RegressionAdjustment(), adjusted(), {"kind": "continuous"}),
    "interacted, dose, subgroup": (RegressionAdjustment(), INSIDE, {"kind": "continuous", "masked": True}),
    "additive": (ADDITIVE, adjusted(), {}),
    "additive, three arms": (ADDITIVE, adjusted(), {"kind": "categorical"}),
    "additive, dose": (ADDITIVE, adjusted(), {"kind": "continuous"}),
    "2SLS": (TwoStageLeastSquares(), instrumented(), {}),
    "front door": (FrontDoorLinear(), front_door(), {}),
    "front door, dose": (FrontDoorLinear(), front_door(), {"kind": "continuous"}),
    "natural direct": (MediationLinear(), mediated(NaturalDirect), {}),
    "natural indirect": (MediationLinear(), mediated(NaturalIndirect), {}),
    "controlled direct": (MediationLinear(), mediated(ControlledDirect), {}),
    "natural direct, three arms": (MediationLinear(), mediated(NaturalDirect), {"kind": "categorical"}),
    "natural indirect, dose": (MediationLinear(), mediated(NaturalIndirect), {"kind": "continuous"}),
}


@pytest.mark.parametrize("case", CASES)
def test_influence_values_are_derivatives(case: str) -> None:
    """psi_i / W = d value / d w_i. Small-sample factors enlarge psi by about coefficients / 2n = 0.1% at n = 4,000."""
    estimator, estimand, kind = CASES[case]
    sample = mixed_sample(4000, 5, **kind)  # type: ignore[arg-type]
    # One instrument: with more of them the usual error of 2SLS takes them to agree on the effect, as they do not here.
    sample = sample.replace(instruments=sample.instruments[:, :1], instrument_names=("z0",))
    psi = estimator.estimate(estimand, sample).influence
    assert psi is not None
    size = float(np.sqrt(np.mean(psi**2)))
    ones = np.ones(sample.n)
    for row in np.random.default_rng(1).integers(0, sample.n, 25):
        values = []
        for step in (0.02, -0.02):
            weights = ones.copy()
            weights[row] += step
            moments = sample.replace(weights=weights).arm_moments()
            values.append(
                float(estimator.from_moments(estimand, sample, _wide(estimator, sample, weights, moments))[0])
            )  # type: ignore[attr-defined]
        slope = (values[0] - values[1]) / 0.04 * sample.n
        assert psi[row] == pytest.approx(slope, rel=5e-3, abs=2e-3 * size)


def _wide(estimator, sample, weights, moments):
    """The moments an estimator needs: with the products of a dose and the covariates, where it wants them."""
    from aitia.estimation._moment_estimator import product_center
    from aitia.estimation._regression_adjustment import interacted_blocks

    if not estimator.products(sample):
        return moments
    return interacted_blocks(sample.replace(weights=weights), *product_center(sample), 1).total()


@pytest.mark.parametrize("estimator", [LIML(), AndersonRubin()])
def test_liml_influence_values_are_those_of_its_k_class_score(estimator: LIML | AndersonRubin) -> None:
    """kappa is 1 + O(1/n), so that its influence is that of 2SLS where instruments are strong (to second order)."""
    sample = mixed_sample(4000, 5)
    liml = estimator.estimate(instrumented(), sample).influence
    tsls = TwoStageLeastSquares().estimate(instrumented(), sample).influence
    assert liml is not None and tsls is not None
    assert np.corrcoef(liml, tsls)[0, 1] > 0.99


def test_the_profile_covariance_is_that_of_its_own_influence_values() -> None:
    """Each level's mean is a contrast of its own: the joint covariance is checked through all pairs of levels."""
    sample = mixed_sample(600, 2, "categorical")
    estimate = RegressionAdjustment().estimate(adjusted(), sample)
    assert estimate.profile is not None and estimate.profile.covariance is not None
    for one, zero in ((2, 0), (1, 0), (2, 1)):
        pair = RegressionAdjustment().estimate(adjusted(), sample.replace(contrast=(float(one), float(zero))))
        direction = np.eye(3)[one] - np.eye(3)[zero]
        variance = direction @ estimate.profile.covariance @ direction
        assert variance == pytest.approx(pair.std_error**2, rel=1e-9)
