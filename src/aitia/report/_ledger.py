"""The join of what was assumed and what was tried against it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from aitia.core import Assumption, AssumptionKey, Ledger, Status
from aitia.estimation import Estimate
from aitia.identification import Estimand
from aitia.refutation import Refutation

if TYPE_CHECKING:
    from aitia.discovery import Discovery, Stability
    from aitia.estimation import EffectSet

# What a refuter attacks although no stage wrote it down: said in general words, so that the evidence has a line.
_IN_GENERAL: dict[AssumptionKey, tuple[str, bool]] = {
    AssumptionKey.GRAPH: (
        "The graph is right: every arrow that is missing from it is missing in the world.",
        True,
    ),
    AssumptionKey.NO_UNMEASURED_CONFOUNDING: ("Nothing unmeasured moves both treatment and outcome.", False),
    AssumptionKey.POSITIVITY: ("Every kind of row could have had either treatment.", True),
    AssumptionKey.CONSISTENCY: ("The treatment is one well-defined thing.", False),
    AssumptionKey.NO_INTERFERENCE: ("One row's treatment does not change another row's outcome.", False),
    AssumptionKey.NO_SELECTION_BIAS: ("Being in the data does not depend on treatment and outcome.", False),
    AssumptionKey.EXCLUSION_RESTRICTION: (
        "The instrument acts on the outcome through the treatment only.",
        False,
    ),
    AssumptionKey.INSTRUMENT_INDEPENDENCE: ("Nothing unmeasured moves both instrument and outcome.", False),
    AssumptionKey.INSTRUMENT_RELEVANCE: ("The instrument moves the treatment.", True),
    AssumptionKey.MONOTONICITY: ("The instrument pushes nobody the other way.", False),
    AssumptionKey.HOMOGENEITY: ("The effect is the same for everyone.", True),
    AssumptionKey.CROSS_WORLD: (
        "Outcomes under one treatment tell nothing of mediators under the other.",
        False,
    ),
    AssumptionKey.NOISE_FORM: (
        "The form of noise is right: what a unit would have done follows from what was seen of it as it says.",
        False,
    ),
    AssumptionKey.OUTCOME_MODEL: ("The model of the outcome is right.", True),
    AssumptionKey.PROPENSITY_MODEL: ("The model of who gets the treatment is right.", True),
    AssumptionKey.LINEARITY: ("The relations are linear.", True),
    AssumptionKey.SMOOTHNESS: ("The relations are smooth enough to be learned from this many rows.", True),
    AssumptionKey.INDEPENDENT_ROWS: ("The rows are independent of each other.", True),
    AssumptionKey.MISSINGNESS: ("The missing values may be treated as was decided.", False),
    AssumptionKey.INTERVAL: ("The interval covers the truth as often as it says.", True),
    AssumptionKey.MARKOV: (
        "Every variable is independent of what it does not cause, given its causes.",
        False,
    ),
    AssumptionKey.FAITHFULNESS: ("Independences come from the graph; no effects cancel exactly.", False),
    AssumptionKey.CAUSAL_SUFFICIENCY: ("Nothing unmeasured causes two of the variables.", False),
    AssumptionKey.ACYCLICITY: ("No variable causes itself, by whatever way round.", False),
    AssumptionKey.NON_GAUSSIAN_NOISE: ("The noise is not Gaussian.", True),
    AssumptionKey.STATIONARITY: ("The same causes act at every time.", True),
}


def ledger_of(
    estimand: Estimand,
    estimate: Estimate | None = None,
    refutations: Iterable[Refutation] = (),
    further: Iterable[Assumption] = (),
) -> Ledger:
    """Every assumption an answer stands on, each with what tested or bounded it.

    Args:
        estimand: brings the assumptions of identification.
        estimate: brings those of the estimator.
        refutations: what was tried; each is entered under the key it attacks. One that did not apply enters
            nothing; one that attacks what no stage wrote down gets a line in general words. What a refuter has
            tested, rather than bounded, counts as testable.
        further: assumptions about the data (independent rows, missing values); one whose key a stage has already
            stated in its own words is left out.

    Returns:
        The ledger, in the order: identification, estimation, data, then what refuters added.
    """
    ledger = Ledger().add(estimand.assumptions)
    if estimate is not None:
        ledger = ledger.add(estimate.assumptions)
    ledger = ledger.add(each for each in further if each.key not in ledger)
    return _recorded(ledger, refutations)


def _recorded(ledger: Ledger, refutations: Iterable[Refutation]) -> Ledger:
    """A ledger with what each refuter tested or bounded."""
    for refutation in refutations:
        if not refutation.attempted:
            continue
        if refutation.attacks not in ledger:
            statement, testable = _IN_GENERAL[refutation.attacks]
            ledger = ledger.add([Assumption(refutation.attacks, statement, testable, source="refutation")])
        status = Status.BOUNDED if refutation.bounds else refutation.verdict.status
        if not refutation.bounds:
            # A stage may hold for untestable in general what this refuter has just tested in this study.
            ledger = Ledger(
                tuple(
                    replace(line, testable=True) if line.key == refutation.attacks else line
                    for line in ledger
                )
            )
        ledger = ledger.record(refutation.attacks, status, f"{refutation.name}: {refutation.sentence}")
    return ledger


def found_graph(discovery: Discovery, stability: Stability | None) -> Assumption:
    """What an answer assumes of its graph where that was found in the data.

    Args:
        discovery: how it was found.
        stability: how often the bootstrap finds each edge again, or None.
    """
    evidence = () if stability is None else (stability.sentence,)
    return Assumption(
        AssumptionKey.GRAPH,
        f"The graph, found in the same rows by {discovery.algorithm.name}, is right; intervals take it as given.",
        True,
        Status.UNTESTED if stability is None else Status.INCONCLUSIVE,
        evidence,
        source="discovery",
    )


def ledger_of_set(
    effects: EffectSet, refutations: Iterable[Refutation] = (), further: Iterable[Assumption] = ()
) -> Ledger:
    """Every assumption a set of answers stands on: what holds for all members once, then each member's own.

    Args:
        effects: the answers of the graphs in a class.
        refutations: what was tried against them.
        further: assumptions about data and graph.
    """
    # Each member would say again that its graph is right; that is one line for all.
    members = [each for each in effects.assumptions if each.key is not AssumptionKey.GRAPH]
    stated = {each.key for each in members}
    ledger = Ledger().add(each for each in further if each.key not in stated).add(members)
    return _recorded(ledger, refutations)
