"""The Infant Health and Development Program with simulated outcomes, Hill 2011: the truth is known."""

from __future__ import annotations

from functools import cache
from statistics import mean, stdev
from typing import Any

import aitia
from aitia import Effect, Study
from aitia.estimation import AIPW, TMLE, Estimate, Estimator, RegressionAdjustment
from aitia.identification import ALL, TREATED, Population
from reference.row import (
    EFFECTS,
    Found,
    Row,
    Section,
    confounders,
    value_of,
)

IHDP = tuple(f"ihdp_npci_{k}.csv" for k in range(1, 6))
IHDP_COVARIATES = tuple(f"x{j}" for j in range(1, 26))


@cache
def ihdp(number: int) -> Any:
    """A semi-synthetic file, as a frame: the treatment t, the outcome y, the true means mu0 and mu1."""
    import pandas as pd

    names = ["t", "y", "counterfactual", "mu0", "mu1", *IHDP_COVARIATES]
    return pd.read_csv(EFFECTS / IHDP[number - 1], header=None, names=names)


def ihdp_truth(number: int, population: Population) -> Found:
    """The true average effect, from the true means."""
    rows = ihdp(number)
    gain = rows["mu1"] - rows["mu0"]
    return Found(float(gain.mean() if population is ALL else gain[rows["t"] == 1].mean()))


@cache
def ihdp_effect(number: int, population: Population, method: Estimator) -> Estimate:
    """The effect as estimated, from the observed columns alone."""
    observed = aitia.read(ihdp(number)[["t", "y", *IHDP_COVARIATES]])
    question = Effect("t", "y", population=population)
    return Study(observed, question, confounders("t", "y", IHDP_COVARIATES)).estimate(method).result


def ihdp_bias(population: Population, method: Estimator) -> Found:
    """The mean error over the five files, with the 99% interval that five errors give."""
    errors = [
        ihdp_effect(number, population, method).value - ihdp_truth(number, population).value
        for number in range(1, 6)
    ]
    half = 4.604 * stdev(errors) / 5**0.5  # the 99.5% quantile of t with 4 degrees of freedom
    return Found(mean(errors), (mean(errors) - half, mean(errors) + half))


def ihdp_rows() -> tuple[Row, ...]:
    """Truths to the printed digits, an interval for each, and the mean error."""
    rows = [
        Row(
            f"true average effect, file {number}",
            truth,
            value_of(ihdp_truth, number, ALL),
            "mean of `mu1 - mu0`",
            (IHDP[number - 1],),
        )
        for number, truth in ((1, "4.0161"), (2, "4.0508"), (3, "4.0992"))
    ]
    rows += [
        Row(
            f"true effect on the treated, file {k}",
            "4.000",
            value_of(ihdp_truth, k, TREATED),
            "the same",
            (name,),
        )
        for k, name in enumerate(IHDP, 1)
    ]
    truths = {ALL: ("4.0161", "4.0508", "4.0992", "4.2737", "4.1624"), TREATED: ("4.000",) * 5}
    for population, words in ((ALL, "average effect"), (TREATED, "effect on the treated")):
        for method in (RegressionAdjustment(), AIPW(), TMLE()):
            how = f"`{type(method).__name__}()`"
            rows += [
                Row(
                    f"{words}, file {k}",
                    truth,
                    value_of(ihdp_effect, k, population, method),
                    how,
                    (IHDP[k - 1],),
                    agrees="interval",
                )
                for k, truth in enumerate(truths[population], 1)
            ]
            rows.append(
                Row(
                    f"{words}, mean error of five files",
                    "0.000",
                    value_of(ihdp_bias, population, method),
                    how,
                    IHDP,
                    agrees="interval",
                )
            )
    return tuple(rows)


SECTIONS = (
    Section(
        "Infant Health and Development Program, semi-synthetic: the truth is known",
        "Hill 2011, files 1 to 5 of the CEVAE repository; 747 children, 139 treated. The truth comes from the true "
        "means in the files. An interval has to hold the truth; the mean error of five files has to be zero within "
        "the 99% interval that five errors give.",
        ihdp_rows(),
    ),
)
