"""The training programme of LaLonde 1986, in full and as Dehejia and Wahba use it."""

from __future__ import annotations

from functools import cache

import aitia
from aitia import Effect, Study
from aitia.data import Table
from aitia.estimation import (
    Estimate,
    Estimator,
    RegressionAdjustment,
)
from aitia.identification import TREATED, Population
from reference.row import (
    EFFECTS,
    Row,
    Section,
    coefficient,
    confounders,
    error_of,
    regression,
    rows_of,
    value_of,
)

NSW, CPS = "causaldata_nsw_mixtape.csv", "causaldata_cps_mixtape.csv"
MATCHIT, FULL = "MatchIt_lalonde.csv", "DAAG_nswdemo.csv"
ADJUSTED = "re78 ~ treat + age + educ + C(race) + married + nodegree + re74 + re75"


@cache
def nsw(controls: str = "experiment") -> Table:
    """Dehejia and Wahba's treated with the controls of the experiment or of CPS-1, and who earned nothing."""
    import pandas as pd

    rows = pd.read_csv(EFFECTS / NSW)
    if controls == "cps":
        rows = pd.concat([rows[rows["treat"] == 1], pd.read_csv(EFFECTS / CPS)], ignore_index=True)
    return aitia.read(rows.assign(u74=(rows["re74"] == 0).astype(int), u75=(rows["re75"] == 0).astype(int)))


@cache
def lalonde(
    outcome: str,
    covariates: tuple[str, ...],
    method: Estimator,
    controls: str = "cps",
    population: Population = TREATED,
) -> Estimate:
    """An effect of the training programme."""
    question = Effect("treat", outcome, population=population)
    graph = confounders("treat", outcome, covariates)
    return Study(nsw(controls), question, graph).estimate(method).result


SECTIONS = (
    Section(
        "LaLonde and Dehejia-Wahba: the experiment",
        "Files: causaldata/nsw_mixtape and cps_mixtape, DAAG/nswdemo and MatchIt/lalonde of Rdatasets. Earnings of "
        "1978 in dollars. The printed digits were recomputed from the files with NumPy.",
        (
            Row(
                "Dehejia-Wahba, effect on the treated",
                "1794.34",
                value_of(lalonde, "re78", (), RegressionAdjustment(), "experiment"),
                "`Study(...).estimate(RegressionAdjustment())`",
                (NSW,),
            ),
            Row(
                "its standard error (HC1)",
                "670.8",
                error_of(coefficient, "treat", "re78 ~ treat", NSW, True),
                '`regress("re78 ~ treat", robust=True)`',
                (NSW,),
            ),
            Row(
                "DW treated against CPS-1, raw",
                "-8497.5",
                value_of(lalonde, "re78", (), RegressionAdjustment()),
                "`RegressionAdjustment()`",
                (NSW, CPS),
            ),
            Row(
                "full LaLonde sample",
                "886.30",
                value_of(coefficient, "trt", "re78 ~ trt", FULL),
                '`regress("re78 ~ trt", robust=False)`',
                (FULL,),
            ),
            Row(
                "its standard error",
                "472.1",
                error_of(coefficient, "trt", "re78 ~ trt", FULL),
                "the same",
                (FULL,),
            ),
            Row(
                "MatchIt's lalonde, raw",
                "-635.03",
                value_of(coefficient, "treat", "re78 ~ treat", MATCHIT),
                '`regress("re78 ~ treat")`',
                (MATCHIT,),
            ),
            Row(
                "adjusted by least squares",
                "1548.24",
                value_of(coefficient, "treat", ADJUSTED, MATCHIT),
                '`regress("re78 ~ treat + age + educ + C(race) + ...")`',
                (MATCHIT,),
            ),
            Row("rows", "614", rows_of(regression, ADJUSTED, MATCHIT), "the same", (MATCHIT,)),
        ),
    ),
)
