"""What the constraint-based algorithms share: options checked once, the test that fits, the ledger's lines."""

from __future__ import annotations

from collections.abc import Iterable

from aitia.core import Assumption, AssumptionKey
from aitia.discovery._assumptions import stated
from aitia.discovery._errors import DiscoveryError
from aitia.discovery._observations import Observations
from aitia.discovery.independence import FisherZ, IndependenceTest


def check_options(alpha: float, max_given: int | None, name: str) -> None:
    """Refuse a level outside (0, 1) and negative set sizes.

    Raises:
        DiscoveryError: names the option and what came.
    """
    if not 0.0 < alpha < 1.0:
        raise DiscoveryError(
            f"{name}'s alpha is the level of a test, between 0 and 1, but came {alpha!r}.",
            "Take 0.01, or less with many rows.",
        )
    if max_given is not None and (max_given < 0 or max_given != int(max_given)):
        raise DiscoveryError(
            f"{name}'s max_given is the size of the largest conditioning set, but came {max_given!r}.",
            "Give a whole number from 0, or None for no limit.",
        )


def chosen_test(test: IndependenceTest | None, data: Observations) -> IndependenceTest:
    """The test given, or the one that fits the kinds of columns."""
    if test is not None:
        return test
    from aitia.discovery.independence import default_test

    return default_test(data)


def common_assumptions(
    test: IndependenceTest, data: Observations, source: str, *, sufficient: bool
) -> Iterable[Assumption]:
    """The lines that every constraint-based algorithm stands on.

    Args:
        test: the test.
        data: what it looks at.
        source: who states them.
        sufficient: whether unmeasured common causes are ruled out.
    """
    for key in (AssumptionKey.MARKOV, AssumptionKey.FAITHFULNESS, AssumptionKey.ACYCLICITY):
        yield stated(key, source)
    if sufficient:
        yield stated(AssumptionKey.CAUSAL_SUFFICIENCY, source)
    if data.rows:
        yield stated(AssumptionKey.INDEPENDENT_ROWS, source)
    if isinstance(getattr(test, "test", test), FisherZ):  # itself, or within a test that reads missing values
        yield Assumption(
            AssumptionKey.LINEARITY,
            "Relations are linear: where a partial correlation is zero, the variables are independent.",
            True,
            source=source,
        )
