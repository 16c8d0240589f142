"""The return to schooling by proximity to a college, Card 1995."""

from __future__ import annotations

from functools import cache, partial

from aitia import Effect, Study
from aitia.estimation import AndersonRubin, Estimate, Estimator, TwoStageLeastSquares
from reference.row import (
    EFFECTS,
    Found,
    Row,
    Section,
    coefficient,
    error_of,
    rows_of,
    value_of,
)

CARD = "wooldridge_card.csv"
REGIONS = tuple(f"reg66{j}" for j in range(2, 10))
CARD_COVARIATES = ("exper", "expersq", "black", "south", "smsa", "smsa66", *REGIONS)
CARD_TERMS = " + ".join(CARD_COVARIATES)


@cache
def card(method: Estimator) -> Estimate:
    """The return to a year of schooling, by living near a college."""
    arrows = [f"{each} -> nearc4; {each} -> educ; {each} -> lwage" for each in CARD_COVARIATES]
    graph = "; ".join(["nearc4 -> educ -> lwage; educ <-> lwage", *arrows])
    return Study(EFFECTS / CARD, Effect("educ", "lwage"), graph).estimate(method).result


def first_stage() -> Found:
    """The classical first-stage F."""
    [strength] = [each for each in card(TwoStageLeastSquares()).diagnostics if each.name == "first-stage F"]
    return Found(strength.details["classical"])


OLS = partial(coefficient, "educ", f"lwage ~ educ + {CARD_TERMS}", CARD)
FIRST_STAGE = partial(coefficient, "nearc4", f"educ ~ nearc4 + {CARD_TERMS}", CARD)
CLASSICAL = TwoStageLeastSquares(robust=False)

SECTIONS = (
    Section(
        "Card 1995: the return to schooling",
        "File: wooldridge/card of Rdatasets, n = 3,010. Log wage on years of schooling; instrument: a four-year "
        "college nearby. Standard errors are recalled from the paper; all agree.",
        (
            Row("least squares", "0.0747", value_of(OLS), "`regress(..., robust=False)`", (CARD,)),
            Row("its standard error", "0.0035", error_of(OLS), "the same", (CARD,)),
            Row("first stage", "0.320", value_of(FIRST_STAGE), "`regress(..., robust=False)`", (CARD,)),
            Row("its standard error", "0.088", error_of(FIRST_STAGE), "the same", (CARD,)),
            Row(
                "first-stage F",
                "13.26",
                first_stage,
                '`TwoStageLeastSquares()`, diagnostic "first-stage F"',
                (CARD,),
            ),
            Row(
                "two-stage least squares",
                "0.1315",
                value_of(card, CLASSICAL),
                "`TwoStageLeastSquares(robust=False)`",
                (CARD,),
            ),
            Row("its standard error", "0.055", error_of(card, CLASSICAL), "the same", (CARD,)),
            Row("rows", "3,010", rows_of(card, CLASSICAL), "the same", (CARD,)),
            Row(
                "the default here",
                "0.1315",
                value_of(card, AndersonRubin()),
                "`AndersonRubin()`",
                (CARD,),
            ),
        ),
    ),
)
