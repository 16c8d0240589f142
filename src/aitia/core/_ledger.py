"""The ledger: each assumption an answer stands on, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum


class AssumptionKey(StrEnum):
    """The names by which rooms speak of an assumption.

    Identification and estimation state assumptions under these keys; refuters say which key they attack;
    the ledger joins the two. A room that needs a new assumption adds its key here.
    """

    GRAPH = "graph"
    NO_UNMEASURED_CONFOUNDING = "no-unmeasured-confounding"
    POSITIVITY = "positivity"
    CONSISTENCY = "consistency"
    NO_INTERFERENCE = "no-interference"
    NO_SELECTION_BIAS = "no-selection-bias"
    EXCLUSION_RESTRICTION = "exclusion-restriction"
    INSTRUMENT_INDEPENDENCE = "instrument-independence"
    INSTRUMENT_RELEVANCE = "instrument-relevance"
    MONOTONICITY = "monotonicity"
    HOMOGENEITY = "homogeneity"
    CROSS_WORLD = "cross-world-independence"
    NOISE_FORM = "form-of-noise"
    OUTCOME_MODEL = "outcome-model"
    PROPENSITY_MODEL = "propensity-model"
    LINEARITY = "linearity"
    SMOOTHNESS = "smoothness"
    INDEPENDENT_ROWS = "independent-rows"
    MISSINGNESS = "missingness"
    INTERVAL = "honest-interval"
    FAITHFULNESS = "faithfulness"
    MARKOV = "markov"
    CAUSAL_SUFFICIENCY = "causal-sufficiency"
    ACYCLICITY = "acyclicity"
    NON_GAUSSIAN_NOISE = "non-gaussian-noise"
    STATIONARITY = "stationarity"


class Status(StrEnum):
    """What became of an assumption."""

    UNTESTED = "untested"
    SURVIVED = "survived"
    BROKEN = "broken"
    INCONCLUSIVE = "inconclusive"
    BOUNDED = "bounded"
    BY_DESIGN = "by design"


@dataclass(frozen=True)
class Assumption:
    """One line of the ledger.

    Args:
        key: the name by which refuters find it.
        statement: the assumption in words a newcomer understands, with the names of this study's variables.
        testable: whether data can contradict it. What no data can test can only be bounded.
        status: what became of it so far.
        evidence: one sentence for each thing that tested or bounded it.
        source: which stage stated it, in words (``"identification by adjustment"``).
    """

    key: AssumptionKey
    statement: str
    testable: bool
    status: Status = Status.UNTESTED
    evidence: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True)
class Decision:
    """Something aitia decided on the person's behalf, reported in every answer.

    Args:
        what: what was done, with counts (``"dropped 12 of 1,000 rows with a missing income"``).
        why: the rule or request behind it.
    """

    what: str
    why: str


# The order in which several pieces of evidence about one assumption are summed up: the worst one speaks.
_SEVERITY = (
    Status.BROKEN,
    Status.INCONCLUSIVE,
    Status.SURVIVED,
    Status.BOUNDED,
    Status.BY_DESIGN,
    Status.UNTESTED,
)


@dataclass(frozen=True)
class Ledger:
    """The assumptions of one answer, in the order they were made.

    Example:
        >>> ledger = Ledger((Assumption(AssumptionKey.POSITIVITY, "Everyone could get either.", True),))
        >>> ledger.record(AssumptionKey.POSITIVITY, Status.SURVIVED, "Propensities lie in [0.2, 0.8].")[
        ...     AssumptionKey.POSITIVITY
        ... ].status
        <Status.SURVIVED: 'survived'>
    """

    assumptions: tuple[Assumption, ...] = ()

    def __iter__(self) -> Iterator[Assumption]:
        return iter(self.assumptions)

    def __len__(self) -> int:
        return len(self.assumptions)

    def __contains__(self, key: object) -> bool:
        return any(each.key == key for each in self.assumptions)

    def __getitem__(self, key: AssumptionKey) -> Assumption:
        for each in self.assumptions:
            if each.key == key:
                return each
        raise KeyError(key)

    def add(self, assumptions: Iterable[Assumption]) -> Ledger:
        """This ledger with more lines; one whose key and statement it already holds is not repeated."""
        held = {(each.key, each.statement) for each in self.assumptions}
        new = []
        for each in assumptions:
            if (each.key, each.statement) not in held:
                held.add((each.key, each.statement))
                new.append(each)
        return Ledger((*self.assumptions, *new))

    def record(self, key: AssumptionKey, status: Status, evidence: str) -> Ledger:
        """This ledger after one test or bound of every assumption under `key`.

        The status becomes the worst of what is known (broken, then inconclusive, then survived, then bounded).
        """

        def updated(line: Assumption) -> Assumption:
            if line.key != key:
                return line
            worst = min(line.status, status, key=_SEVERITY.index)
            return replace(line, status=worst, evidence=(*line.evidence, evidence))

        return Ledger(tuple(updated(line) for line in self.assumptions))
