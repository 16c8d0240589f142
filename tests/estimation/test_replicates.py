from __future__ import annotations

import numpy as np
import pytest
from linear_cases import adjusted, front_door, instrumented, mediated, mixed_sample

from aitia.core import stream
from aitia.estimation import (
    AIPW,
    LIML,
    AddedCovariate,
    DroppedCovariates,
    Estimator,
    FrontDoorLinear,
    MediationLinear,
    RegressionAdjustment,
    ReplacedOutcome,
    ReplacedTreatment,
    ReweightedBlocks,
    ReweightedRows,
    Sample,
    TwoStageLeastSquares,
    Variation,
    replicate,
)
from aitia.identification import ALL, TREATED, Estimand, NaturalDirect, subgroup

R = 4
SAMPLES = {
    "binary": {},
    "categorical": {"kind": "categorical"},
    "continuous": {"kind": "continuous"},
    "weighted": {"weighted": True},
    "subgroup": {"masked": True},
}
ESTIMATORS: dict[str, tuple[Estimator, Estimand]] = {
    "interacted": (RegressionAdjustment(robust=False), adjusted()),
    "interacted, treated": (RegressionAdjustment(robust=False), adjusted(TREATED)),
    "additive": (RegressionAdjustment(interactions=False, robust=False), adjusted()),
    "2SLS": (TwoStageLeastSquares(robust=False), instrumented()),
    "LIML": (LIML(robust=False), instrumented()),
    "front door": (FrontDoorLinear(robust=False), front_door()),
    "mediation": (MediationLinear(robust=False), mediated(NaturalDirect)),
}


def variations(sample: Sample) -> dict[str, Variation]:
    n = sample.n

    def noise(r: int) -> np.ndarray:
        return stream(1, "noise", r).normal(size=n)

    return {
        "placebo": ReplacedTreatment(R, lambda r: stream(1, "placebo", r).permutation(sample.treatment)),
        "outcome": ReplacedOutcome(R, lambda r: sample.outcome + 100 + noise(r)),
        "added": AddedCovariate(R, lambda r: 50 + noise(r)),
        "dropped": DroppedCovariates([(0,), (2,), (0, 1)]),
        "blocks": ReweightedBlocks(np.random.default_rng(0).multinomial(8, np.full(8, 1 / 8), R)),
        "rows": ReweightedRows(R, lambda r: stream(1, "rows", r).poisson(1.0, n)),
    }


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("method", ESTIMATORS)
def test_replicates_from_moments_equal_full_refits(name: str, method: str) -> None:
    sample = mixed_sample(400, 3, **SAMPLES[name])
    estimator, estimand = ESTIMATORS[method]
    if name == "subgroup" and method == "interacted":
        estimand = adjusted(subgroup("x1 > -100", "x1"))
    if estimator.refusal(estimand, sample):
        pytest.skip(estimator.refusal(estimand, sample))
    estimate = estimator.estimate(estimand, sample)
    exact = 0
    for kind, variation in variations(sample).items():
        quick, full = (replicate(estimate, sample, variation, full=whole) for whole in (False, True))
        assert len(quick.values) == variation.count
        assert full.refits == variation.count and "full refits" in full.cost
        if "from moments" not in quick.cost:
            continue  # told by `refits` or by its words; tested below
        exact += 1
        np.testing.assert_allclose(quick.values, full.values, rtol=1e-7, err_msg=kind)
        # Rows repeated under survey weights have another design effect than the sample's own.
        rtol = 0.2 if name == "weighted" and kind in ("blocks", "rows") else 1e-7
        np.testing.assert_allclose(quick.std_errors, full.std_errors, rtol=rtol, err_msg=kind)
    assert exact >= 4


@pytest.mark.parametrize("clustered", [False, True])
def test_reweighted_rows_by_influence_values_are_right_to_first_order(clustered: bool) -> None:
    """Against full refits: the difference is of second order, a small part of the bootstrap's spread."""
    sample = mixed_sample(2000, 1, clustered=clustered)
    estimate = AIPW(folds=2).estimate(adjusted(), sample)
    draws = ReweightedRows(6, lambda r: stream(2, "rows", r).poisson(1.0, sample.n))
    quick = replicate(estimate, sample, draws)
    assert quick.refits == 0 and "influence values" in quick.cost
    exact = RegressionAdjustment().estimate(adjusted(), sample)
    full = replicate(exact, sample, draws, full=True)
    by_influence = [
        exact.value + float(draws.draw(r) @ exact.influence / draws.draw(r).sum()) for r in range(6)
    ]
    spread = float(np.std(full.values))
    assert np.abs(np.array(by_influence) - full.values).max() < 0.2 * spread
    if not clustered:
        np.testing.assert_allclose(quick.std_errors, estimate.std_error, rtol=0.15)


def test_the_bootstrap_spread_is_the_standard_error() -> None:
    """400 replicates of 100 blocks: the ratio's Monte-Carlo error is about 1 / sqrt(2 * 100) + 1 / sqrt(2 * 400)."""
    sample = mixed_sample(5000, 2)
    estimate = RegressionAdjustment().estimate(adjusted(), sample)
    counts = np.random.default_rng(1).multinomial(100, np.full(100, 0.01), 400)
    found = replicate(estimate, sample, ReweightedBlocks(counts))
    assert found.values.std() / estimate.std_error == pytest.approx(1, abs=0.3)
    rows = replicate(
        estimate, sample, ReweightedRows(200, lambda r: stream(1, "boot", r).poisson(1.0, sample.n))
    )
    assert rows.values.std() / estimate.std_error == pytest.approx(1, abs=0.2)


def test_fewer_full_refits_on_request_and_said() -> None:
    sample = mixed_sample(200, 1)
    estimate = RegressionAdjustment().estimate(adjusted(ALL), sample)
    found = replicate(estimate, sample, DroppedCovariates([(0,)] * 50), full=True, most=3)
    assert found.refits == len(found.values) == 3
    assert "3 full refits (of 50 wanted)" in found.cost


def test_batches_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = mixed_sample(300, 1)
    estimate = RegressionAdjustment().estimate(adjusted(), sample)
    variation = variations(sample)["placebo"]
    whole = replicate(estimate, sample, variation)
    monkeypatch.setattr("aitia.estimation._replicate_moments.BATCH", 8 * 300)  # one column at a time
    np.testing.assert_allclose(replicate(estimate, sample, variation).values, whole.values, rtol=1e-10)
