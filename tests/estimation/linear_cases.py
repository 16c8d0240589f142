"""Shared pieces of the tests of the linear estimators: estimands, samples, files, coverage."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aitia.estimation import Estimator, Sample, TreatmentKind
from aitia.identification import (
    ALL,
    ControlledDirect,
    Effect,
    Estimand,
    NaturalDirect,
    NaturalIndirect,
    Population,
    Rule,
)
from aitia.identification._expression import Expectation, Symbol

EFFECTS = Path(__file__).parents[2] / ".." / "shared" / "data" / "effects"
SLOW = bool(os.environ.get("AITIA_SLOW"))
FORMULA = Expectation("y", (Symbol("t"),))  # what the estimators here do not read


def adjusted(population: Population = ALL, adjustment: tuple[str, ...] = ("x",)) -> Estimand:
    return Estimand(Effect("t", "y", population=population), Rule.ADJUSTMENT, FORMULA, adjustment)


def instrumented() -> Estimand:
    return Estimand(Effect("t", "y"), Rule.INSTRUMENT, FORMULA, ("x",), instruments=("z",))


def front_door() -> Estimand:
    return Estimand(Effect("t", "y"), Rule.FRONT_DOOR, FORMULA, ("x",), ("m",))


def mediated(question: type = NaturalIndirect) -> Estimand:
    asked = (
        ControlledDirect("t", "y", ("m",), (1.0,))
        if question is ControlledDirect
        else question("t", "y", ("m",))
    )
    assert isinstance(asked, ControlledDirect | NaturalDirect | NaturalIndirect)
    return Estimand(asked, Rule.MEDIATION, FORMULA, ("x",), ("m",))


def rows_of(name: str, delimiter: str = ",") -> dict[str, np.ndarray]:
    """The numeric columns of a reference file; skips the test where the file is absent."""
    path = EFFECTS / name
    if not path.exists():
        pytest.skip(f"the reference file {name} is not on this machine")
    with path.open() as handle:
        rows = list(csv.DictReader(handle, delimiter=delimiter))
    columns = {}
    for key in rows[0]:
        try:
            columns[key] = np.array(
                [float(row[key]) if row[key] not in ("", "NA") else np.nan for row in rows]
            )
        except ValueError:
            columns[key] = np.array([row[key] for row in rows])
    return columns


def mixed_sample(n: int, seed: int, kind: str = "binary", **fields: object) -> Sample:
    """Covariates far from zero, mediators, instruments and a treatment of some kind: everything at once."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)) * [1, 10, 0.1] + [5, -100, 0]
    z = rng.normal(size=(n, 2))
    latent = x[:, 0] - 5 + z.sum(1) + rng.normal(size=n)
    m = (latent + rng.normal(size=n))[:, None]
    treatment, levels, contrast, coded = {
        "binary": ((latent > 0) * 1.0, ("no", "yes"), (1.0, 0.0), TreatmentKind.BINARY),
        "categorical": (
            (latent > 0) * 1.0 + (latent > 1),
            ("a", "b", "c"),
            (2.0, 0.0),
            TreatmentKind.CATEGORICAL,
        ),
        "continuous": (latent, (), (2.0, -1.0), TreatmentKind.CONTINUOUS),
    }[kind]
    y = x @ [1, 0.1, 3] + m[:, 0] + (1 + x[:, 0]) * treatment + rng.normal(size=n)
    if fields.pop("weighted", False):
        fields["weights"] = rng.uniform(0.5, 2, n)
    if fields.pop("clustered", False):
        fields["clusters"] = rng.integers(0, max(n // 10, 2), n)
    if fields.pop("masked", False):
        fields["population"] = x[:, 1] > -100
    return Sample(
        y,
        treatment,
        coded,
        levels,
        contrast,
        covariates=np.asfortranarray(x),
        covariate_names=("x0", "x1", "x2"),
        covariate_groups={f"x{j}": (j,) for j in range(3)},
        mediators=m,
        mediator_names=("m",),
        instruments=z,
        instrument_names=("z0", "z1"),
        mediator_levels=np.array([1.0]),
        seed=seed,
        **fields,
    )


def coverage(
    make: Callable[[np.random.Generator], tuple[Sample, Estimand]],
    estimator: Estimator,
    truth: float,
    replicates: int,
    slow: int | None = None,
) -> tuple[float, float, int]:
    """The share of 95% intervals that hold the truth, the bias in Monte-Carlo standard errors, and how many."""
    count = slow if SLOW and slow else replicates
    held, values = 0, []
    for r in range(count):
        sample, estimand = make(np.random.default_rng([7, r]))
        estimate = estimator.estimate(estimand, sample)
        held += estimate.interval[0] <= truth <= estimate.interval[1]
        values.append(estimate.value)
    found = np.array(values)
    return held / count, float((found.mean() - truth) / (found.std(ddof=1) / np.sqrt(count))), count


def assert_covers(
    make: Callable[[np.random.Generator], tuple[Sample, Estimand]],
    estimator: Estimator,
    truth: float,
    replicates: int = 400,
    slow: int = 4000,
    allowance: float = 0.01,
) -> None:
    """95% intervals hold the truth in 95% of the draws, and the estimate is unbiased.

    The tolerance is 3.5 Monte-Carlo standard errors of a share of 0.95 (0.038 at 400 draws, 0.012 at 4,000), plus an
    allowance for the normal approximation at the sample size of the design.
    """
    share, bias, count = coverage(make, estimator, truth, replicates, slow)
    room = 3.5 * np.sqrt(0.95 * 0.05 / count) + allowance
    assert abs(share - 0.95) <= room, f"coverage {share:.3f} over {count} draws"
    assert abs(bias) <= 4, f"bias of {bias:.1f} Monte-Carlo standard errors over {count} draws"
