"""The RAND Health Insurance Experiment, as statsmodels ships it."""

from __future__ import annotations

from typing import Any

import numpy as np

from aitia.core import MissingExtra
from aitia.data import Table, read
from aitia.examples._example import Answer, Example

_MANNING = (
    "Manning et al. 1987, American Economic Review 77, table 2: face-to-face visits a person-year (recalled)"
)


def _table() -> Table:
    try:
        from statsmodels.datasets import randhie
    except ImportError:
        raise MissingExtra("statsmodels", "examples") from None
    data: Any = randhie.load_pandas().data
    coinsurance = np.round(np.expm1(data["lncoins"].to_numpy())).astype(int)
    deductible = data["idp"].to_numpy() == 1
    plan = np.where(deductible, "individual deductible", [f"{rate}%" for rate in coinsurance])
    free = (coinsurance == 0) & ~deductible
    start = data[["lncoins", "idp", "physlm", "disea", "hlthg", "hlthf", "hlthp"]].to_numpy(dtype=float)
    run = np.cumsum(np.r_[True, (start[1:] != start[:-1]).any(axis=1)])
    return read(
        {
            "visits": data["mdvis"].to_numpy(dtype=np.int64),
            "free_care": free.astype(np.int64),
            "plan": np.where(free, "free", plan).astype(str),
            "coinsurance": coinsurance,
            "individual_deductible": deductible.astype(np.int64),
            "log_participation_payment": data["lpi"].to_numpy(),
            "log_maximum_expenditure": data["fmde"].to_numpy(),
            "physical_limitation": data["physlm"].to_numpy(),
            "chronic_diseases": data["disea"].to_numpy(),
            "health_good": data["hlthg"].to_numpy(dtype=np.int64),
            "health_fair": data["hlthf"].to_numpy(dtype=np.int64),
            "health_poor": data["hlthp"].to_numpy(dtype=np.int64),
            "person": run,
        }
    ).named("rand_hie")


# Health at the start. Plans were assigned at random, but a finite experiment is never quite balanced, and an arrow to
# free care costs nothing: the answer adjusts for these anyway, for precision.
_HEALTH = ("physical_limitation", "chronic_diseases", "health_good", "health_fair", "health_poor")

rand_hie = Example(
    name="rand_hie",
    title="The RAND Health Insurance Experiment",
    question="Did free care cause more visits to the doctor?",
    graph="; ".join(
        [
            "free_care -> visits",
            "health [latent]",
            *(f"health -> {each}; {each} -> free_care; {each} -> visits" for each in _HEALTH),
        ]
    ),
    clusters="person",
    treatment="free_care",
    outcome="visits",
    contrast=(1, 0),
    columns={
        "visits": "outpatient visits to a doctor in the year",
        "free_care": "1: the free plan (no coinsurance and no individual deductible), 0: any other",
        "plan": "free, 25%, 50%, 95% (the family's share of the bill), or individual deductible",
        "coinsurance": "the family's share of the bill in percent, as the file has it",
        "individual_deductible": "1: the plan with an individual deductible for outpatient care",
        "log_participation_payment": "ln(max(1, annual participation payment in dollars)); part of the plan",
        "log_maximum_expenditure": "ln(max(1, maximum expenditure / (0.01 coinsurance))); part of the plan",
        "physical_limitation": "1: has a physical limitation (imputed shares between 0 and 1 occur)",
        "chronic_diseases": "number of chronic diseases (an index with fractions)",
        "health_good": "1: rates own health good (excellent is the baseline)",
        "health_fair": "1: rates own health fair",
        "health_poor": "1: rates own health poor",
        "person": (
            "the number of a run of consecutive rows alike in plan and health at the start: a person's years, "
            "sometimes with those of relatives whom the file cannot tell apart"
        ),
    },
    answers={
        "published free": Answer("visits a person-year, free plan", 4.55, _MANNING),
        "published 25%": Answer("visits a person-year, 25% plan", 3.33, _MANNING),
        "published 50%": Answer("visits a person-year, 50% plan", 3.03, _MANNING),
        "published 95%": Answer("visits a person-year, 95% plan", 2.73, _MANNING),
        "published individual deductible": Answer(
            "visits a person-year, individual deductible", 3.02, _MANNING
        ),
    },
    citation=(
        "W. G. Manning, J. P. Newhouse, N. Duan, E. B. Keeler, A. Leibowitz (1987). Health insurance and the demand "
        "for medical care: evidence from a randomized experiment. American Economic Review 77, 251-277. File: "
        "statsmodels.datasets.randhie, from A. C. Cameron, P. K. Trivedi (2005), Microeconometrics."
    ),
    notes=(
        "Families were assigned to plans at random, so no adjustment is needed; health at the start serves precision. "
        "The participation payment and the maximum expenditure are parts of the plan: do not adjust for them. "
        "In this file coinsurance 0 occurs in two plans: the free plan and, in 4,175 person-years, the plan with an "
        "individual deductible, which is not free care; free_care counts the free plan alone. "
        "The file is a subset with its own means, lower than the published ones: compare differences, and tune neither "
        "to the other. It holds three or five years of each person without an identifier, so standard errors that take "
        "rows for independent are too small. The column person was made from the order of the rows, and most of its "
        "groups hold three or five of them, as enrolment did; members of one family still share causes."
    ),
    _make=_table,
)
