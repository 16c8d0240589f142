"""What to do about missing values: always explicit, always reported."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from aitia.core import listing, nearest
from aitia.data._errors import KindMismatch, MissingValues
from aitia.data._kinds import Column


class Missing(StrEnum):
    """What to do about rows in which a chosen column has no value (null or NaN).

    * ``stop``: raise `MissingValues`, which names the columns and counts. The default.
    * ``complete_cases``: use only the rows in which every chosen column has a value.
    * ``indicator``: fill as ``mean`` does and add a 0/1 column ``name[missing]`` for each column filled.
    * ``mean``: fill each encoded column with its mean over the rows that have a value (for a categorical
      column that is each level's share). It shrinks spread and correlations.

    Treatments, outcomes and clusters are never filled: with them, only ``stop`` and ``complete_cases`` work.
    """

    STOP = "stop"
    COMPLETE_CASES = "complete_cases"
    INDICATOR = "indicator"
    MEAN = "mean"

    @classmethod
    def of(cls, policy: Missing | str) -> Missing:
        """The policy of that name.

        Raises:
            KindMismatch: there is no such policy.
        """
        try:
            return cls(policy)
        except ValueError:
            raise KindMismatch(
                f"There is no policy {policy!r} for missing values.", nearest(str(policy), list(cls))
            ) from None


def counts_text(columns: Iterable[Column], n_rows: int) -> str:
    """``income (12 of 1,000 rows), age (3 of 1,000 rows)``."""
    return listing([f"{each.name} ({each.n_missing:,} of {n_rows:,} rows)" for each in columns])


def refuse(columns: Iterable[Column], n_rows: int, *, fillable: bool = True) -> MissingValues:
    """The error of the ``stop`` policy; for columns that are never filled, with the options they have."""
    counts = counts_text(columns, n_rows)
    if not fillable:
        return MissingValues(
            f"Values are missing in columns that are never filled in: {counts}.",
            "Choose the policy complete_cases (use only rows with a value in every chosen column), "
            "or fill these columns in before.",
        )
    return MissingValues(
        f"Values are missing: {counts}.",
        "Choose a policy: complete_cases (use only rows with a value in every chosen column), indicator "
        "(fill with the mean and add a 0/1 column that says so) or mean (fill with the mean).",
    )
