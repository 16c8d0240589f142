"""Right heart catheterisation, Connors et al. 1996."""

from __future__ import annotations

from functools import cache

import aitia
from aitia import Effect, Study
from aitia.data import Table
from aitia.estimation import RegressionAdjustment
from reference.row import (
    EFFECTS,
    Found,
    Row,
    Section,
    confounders,
)

RHC = "rhc_hbiostat.csv"
# Left out: what was recorded after the first day, dates, and columns that are mostly empty.
RHC_APART = (
    "Unnamed: 0",
    "cat2",
    "sadmdte",
    "dschdte",
    "dthdte",
    "lstctdte",
    "death",
    "surv2md1",
    "t3d30",
    "dth30",
    "swang1",
    "adld3p",
    "urin1",
    "ptid",
)


@cache
def catheter() -> tuple[Table, tuple[str, ...]]:
    """The patients, with 0/1 columns for catheterisation and death within 30 days, and the covariates' names."""
    import pandas as pd

    rows = pd.read_csv(EFFECTS / RHC, low_memory=False)
    covariates = tuple(each for each in rows.columns if each not in RHC_APART)
    coded = rows[list(covariates)].assign(
        catheter=(rows["swang1"] == "RHC").astype(int), died=(rows["dth30"] == "Yes").astype(int)
    )
    return aitia.read(coded), covariates


def catheter_study(adjusted: bool = True) -> Study:
    """The effect of right heart catheterisation on death within 30 days."""
    table, covariates = catheter()
    graph = confounders("catheter", "died", covariates if adjusted else ())
    return Study(table, Effect("catheter", "died"), graph)


def death_rate(arm: int) -> Found:
    """The share of patients who died within 30 days, in percent."""
    profile = catheter_study(adjusted=False).estimate(RegressionAdjustment()).result.profile
    assert profile is not None
    return Found(100 * float(profile.means[arm]))


SECTIONS = (
    Section(
        "Right heart catheterisation",
        "Connors et al. 1996, 5,735 critically ill patients (recalled: 38.0% of those with a catheter and 30.6% of the "
        "others died within 30 days). Adjusted for 49 covariates of the first day, the default answers that "
        "catheters raise mortality, as the published analyses do.",
        (
            Row("patients", "5,735", lambda: Found(catheter()[0].n_rows), "`aitia.read`", (RHC,)),
            Row("died with a catheter, %", "38.0", lambda: death_rate(1), "mean under 1", (RHC,)),
            Row("died without, %", "30.6", lambda: death_rate(0), "mean under 0", (RHC,)),
        ),
    ),
)
