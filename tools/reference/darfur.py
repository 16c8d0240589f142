"""Attitudes towards peace in Darfur, Cinelli & Hazlett 2020."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import aitia
from aitia import Effect, Study
from aitia.estimation import RegressionAdjustment
from aitia.refutation import OmittedVariable
from reference.row import (
    EFFECTS,
    Found,
    Row,
    Section,
    confounders,
)

DARFUR = "darfur.csv"
DARFUR_COVARIATES = ("age", "farmer_dar", "herder_dar", "pastvoted", "hhsize_darfur", "female", "village")


@cache
def darfur() -> dict[str, Any]:
    """The sensitivity of the effect of direct harm on attitudes towards peace to an omitted variable."""
    study = Study(
        aitia.read(EFFECTS / DARFUR, kinds={"village": "categorical"}),
        Effect("directlyharmed", "peacefactor"),
        confounders("directlyharmed", "peacefactor", DARFUR_COVARIATES),
    )
    study = study.estimate(RegressionAdjustment(interactions=False, robust=False))
    [found] = study.refute([OmittedVariable(linear=True, benchmarks=("female",))]).refutations
    details = dict(found.details)
    return details | {
        f"female {each['times']:.0f}": each["adjusted_estimate"] for each in details["benchmarks"]
    }


def of_darfur(key: str) -> Callable[[], Found]:
    """One number of `darfur`."""
    return lambda: Found(float(darfur()[key]))


SECTIONS = (
    Section(
        "Darfur: sensitivity to an omitted variable",
        'Cinelli & Hazlett 2020, table 1, recomputed with PySensemakr 0.0.8 (`Sensemakr(model, "directlyharmed", '
        '["female"], kd=[1, 2, 3])`); 1,276 people. All by '
        '`OmittedVariable(linear=True, benchmarks=("female",))`.',
        tuple(
            Row(what, published, of_darfur(key), f"`{key}`", (DARFUR,))
            for what, published, key in (
                ("estimate", "0.09732", "estimate"),
                ("standard error", "0.02326", "std_error"),
                ("degrees of freedom", "783", "degrees_of_freedom"),
                ("partial R2 of treatment with outcome", "0.02187", "partial_r2"),
                ("robustness value", "0.13878", "robustness_value"),
                ("robustness value at 5%", "0.07626", "robustness_value_alpha"),
                ("estimate with a confounder like female", "0.0752", "female 1"),
                ("twice as strong", "0.0529", "female 2"),
                ("three times as strong", "0.0304", "female 3"),
            )
        ),
    ),
)
