"""Differences in differences, by plain regression."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import aitia
from reference.row import (
    EFFECTS,
    Row,
    Section,
    coefficient,
    error_of,
    regression,
    rows_of,
    value_of,
)


@cache
def smoking() -> Any:
    """Differences in differences of the cigarette sales of California against 38 states, from 1989."""
    import pandas as pd

    rows = pd.read_csv(EFFECTS / "prop99_smoking_data.csv")
    california, after = (rows["state"] == "California").astype(int), (rows["year"] >= 1989).astype(int)
    coded = rows[["cigsale"]].assign(california=california, after=after, both=california * after)
    return aitia.regress("cigsale ~ california + after + both", coded)["both"]


WAGE = "fte ~ nj + d + d_nj", "njmin3.csv"
WAGES = partial(coefficient, "d_nj", *WAGE, missing="complete_cases")

SECTIONS = (
    Section(
        "Differences in differences, by regression",
        "Two rows that a plain regression reaches: New Jersey's minimum wage (Card & Krueger 1994, file of "
        "github.com/muziogrilli/DID) and California's Proposition 99 (Abadie, Diamond & Hainmueller 2010).",
        (
            Row(
                "minimum wage",
                "2.7536",
                value_of(WAGES),
                '`regress("fte ~ nj + d + d_nj", robust=False)`',
                ("njmin3.csv",),
            ),
            Row("its standard error", "1.688", error_of(WAGES), "the same", ("njmin3.csv",)),
            Row(
                "rows",
                "794",
                rows_of(partial(regression, missing="complete_cases"), *WAGE),
                "the same",
                ("njmin3.csv",),
            ),
            Row(
                "Proposition 99, packs a head",
                "-27.349",
                value_of(smoking),
                '`regress("cigsale ~ california + after + both")`',
                ("prop99_smoking_data.csv",),
            ),
        ),
    ),
)
