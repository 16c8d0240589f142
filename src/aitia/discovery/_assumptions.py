"""What algorithms over directed acyclic graphs assume, each in the same words whoever states it."""

from __future__ import annotations

from aitia.core import Assumption, AssumptionKey

# No data can test these in general; an algorithm that can test one says so in words of its own.
_STATEMENTS = {
    AssumptionKey.MARKOV: "Every variable is independent of what it does not cause, given its direct causes.",
    AssumptionKey.FAITHFULNESS: (
        "Every independence among the variables comes from the causal graph; no effects cancel exactly."
    ),
    AssumptionKey.ACYCLICITY: "No variable causes itself, by whatever way round.",
    AssumptionKey.CAUSAL_SUFFICIENCY: (
        "No unmeasured variable causes two of the variables, and rows are not selected by their effects."
    ),
    AssumptionKey.INDEPENDENT_ROWS: "The rows are independent of each other.",
}


def stated(key: AssumptionKey, source: str) -> Assumption:
    """The line of the ledger for one of the assumptions that most algorithms share.

    Args:
        key: which.
        source: who states it.
    """
    return Assumption(key, _STATEMENTS[key], False, source=source)
