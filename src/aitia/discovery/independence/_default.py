"""Which test fits the kinds of columns, and why."""

from __future__ import annotations

from aitia.discovery._observations import Observations
from aitia.discovery.independence._base import IndependenceTest
from aitia.discovery.independence._fisher_z import FisherZ
from aitia.discovery.independence._g_squared import GSquared
from aitia.discovery.independence._likelihood_ratio import LikelihoodRatio
from aitia.discovery.independence._test_wise import TestWise


def default_test(data: Observations) -> IndependenceTest:
    """The test of conditional independence that fits these columns; `why_default_test` says why.

    Numbers (and columns of two levels among them): `FisherZ`. Categories alone: `GSquared`. Both: `LikelihoodRatio`.
    Missing values that were kept: the same within `TestWise`.

    Example:
        >>> default_test(Observations.of({"a": [1.5, 2.0, 4.0], "b": ["u", "v", "w"]}))
        LikelihoodRatio()
    """
    return _choice(data)[0]


def why_default_test(data: Observations) -> str:
    """The reason for `default_test` in one sentence, for the ledger.

    Example:
        >>> why_default_test(Observations.of({"a": [1.5, 2.0, 4.0], "b": [0.2, 0.1, 0.7]}))
        'Every column holds numbers: Fisher z, which takes them as jointly normal.'
    """
    return _choice(data)[1]


def _choice(data: Observations) -> tuple[IndependenceTest, str]:
    chosen: IndependenceTest
    if all(data.discrete):
        chosen, why = GSquared(), "Every column is binary or categorical: G2."
    elif not any(data.discrete):
        chosen, why = FisherZ(), "Every column holds numbers: Fisher z, which takes them as jointly normal."
    else:
        chosen = LikelihoodRatio()
        why = "Numbers and categories together: likelihood ratios of linear and logistic regressions."
    if data.is_complete:
        return chosen, why
    return TestWise(chosen), f"{why} Each test reads the rows that have its variables."
