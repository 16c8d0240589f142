from __future__ import annotations

import inspect

import numpy as np
import pytest
from linear_cases import adjusted, front_door, instrumented, mixed_sample

import aitia.estimation
from aitia.estimation import Estimator, Sample, TreatmentKind, choose, estimators


def _binary(n: int = 600, columns: int = 1, noise: bool = False) -> Sample:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, columns)) if noise else rng.integers(0, 2, (n, columns)).astype(float)
    t = (rng.random(n) < 0.3 + 0.2 * (x[:, 0] > 0)).astype(float)
    names = tuple(f"x{j}" for j in range(columns))
    return Sample(
        x[:, 0] + t + rng.normal(size=n),
        t,
        TreatmentKind.BINARY,
        (0, 1),
        covariates=np.asfortranarray(x),
        covariate_names=names,
        covariate_groups={name: (j,) for j, name in enumerate(names)},
    )


def _instrument(strength: float) -> Sample:
    rng = np.random.default_rng(0)
    z, u = rng.normal(size=(2, 2000))
    t = strength * z + u
    return Sample(t + u, t, TreatmentKind.CONTINUOUS, instruments=z[:, None])


CASES = {
    "nothing to adjust for": (
        lambda: _binary(columns=1).replace(
            covariates=np.empty((600, 0)), covariate_names=(), covariate_groups={}
        ),
        adjusted(),
        "RegressionAdjustment",
        "nothing to adjust for",
    ),
    "one categorical column": (lambda: _binary(), adjusted(), "RegressionAdjustment", "categorical"),
    "several categorical columns": (
        lambda: _binary(columns=3),
        adjusted(),
        "Stratification",
        "8 combinations",
    ),
    "few rows": (lambda: _binary(80, 4, True), adjusted(), "RegressionAdjustment", "too few"),
    "numbers": (lambda: _binary(2000, 4, True), adjusted(), "AIPW", "doubly robust"),
    "a dose": (lambda: mixed_sample(500, 1, "continuous"), adjusted(), "DoseResponse", "dose"),
    "a weak instrument": (lambda: _instrument(0.02), instrumented(), "AndersonRubin", "below 104.7"),
    "a strong instrument": (lambda: _instrument(1.0), instrumented(), "TwoStageLeastSquares", "strong"),
    "a front door of numbers": (lambda: mixed_sample(500, 1), front_door(), "FrontDoorLinear", "linear form"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_default_and_its_reason(case: str) -> None:
    make, estimand, expected, words = CASES[case]
    sample = make()
    estimator, reason = choose(estimand, sample)
    assert type(estimator).__name__ == expected
    assert words in reason
    estimate = estimator.estimate(estimand, sample, reason=reason)
    assert estimate.reason == reason and np.isfinite([estimate.value, estimate.std_error]).all()


def test_the_table_holds_every_public_estimator() -> None:
    public = {
        each
        for each in vars(aitia.estimation).values()
        if inspect.isclass(each) and issubclass(each, Estimator) and not inspect.isabstract(each)
    }
    named = set(estimators().values())
    shared = {
        each for each in public if any(other is not each and issubclass(other, each) for other in public)
    }
    assert public - shared == named, {each.__name__ for each in (public - shared) ^ named}


def test_every_estimator_says_what_it_is() -> None:
    for name, made in estimators().items():
        assert made.reference, name
        assert made.rules, name
        assert made().describe(), name
        assert "Example:" in (made.__doc__ or ""), name
