"""What a refuter is: an attempt to break one named assumption, and how it came out."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, ClassVar

from aitia.core import AssumptionKey, Status
from aitia.data import Table
from aitia.estimation import Estimate, Sample
from aitia.graphs import Graph
from aitia.identification import Estimand


class Verdict(StrEnum):
    """How an attempt to break an assumption came out."""

    SURVIVED = "survived"
    BROKEN = "broken"
    INCONCLUSIVE = "inconclusive"

    @property
    def status(self) -> Status:
        """The same verdict as the ledger writes it."""
        return Status(self.value)


@dataclass(frozen=True)
class Refutation:
    """One attempt to break an assumption.

    Args:
        name: the refuter's name.
        attacks: the key of the assumption attacked.
        tried: what was done, in one sentence.
        expected: what a survivor shows.
        observed: what came out.
        verdict: survived, broken or inconclusive.
        sentence: the outcome in a sentence that a newcomer understands.
        p_value: the calibrated p-value, uniform where the assumption holds; None for a refuter with a margin.
        margin: how much it would take to change the conclusion, for sensitivity; None for a refuter with a p-value.
        replicates: how many replicates were drawn (0 for none).
        cost: what the replicates cost, in words (``"no refit: exact from block moments"``, ``"20 full refits"``).
        bounds: True where the assumption cannot be tested, and this only says how wrong it would have to be.
        details: numbers behind the verdict, by name; what figures and tables draw on.
        seconds: how long it took.
    """

    name: str
    attacks: AssumptionKey
    tried: str
    expected: str
    observed: str
    verdict: Verdict
    sentence: str
    p_value: float | None = None
    margin: float | None = None
    replicates: int = 0
    cost: str = ""
    bounds: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Case:
    """What a refuter may look at: the whole study up to its estimate.

    Args:
        estimate: the answer under attack; it carries the estimand and the estimator.
        sample: the rows it was computed from, coded as numbers, with their moments.
        graph: the graph, where there is one.
        table: the table, for refuters that read columns the estimate did not.
    """

    estimate: Estimate
    sample: Sample
    graph: Graph | None = None
    table: Table | None = None

    @property
    def estimand(self) -> Estimand:
        """The estimand behind the estimate."""
        return self.estimate.estimand


class Refuter(ABC):
    """An attempt to break one assumption. A new refuter writes `applies` and `_refute`, nothing else."""

    name: ClassVar[str]
    attacks: ClassVar[AssumptionKey]

    def applies(self, case: Case) -> str:
        """Why this refuter has nothing to say about this case; empty where it does."""
        return ""

    @abstractmethod
    def _refute(self, case: Case, seed: int) -> Refutation: ...

    def refute(self, case: Case, seed: int = 0) -> Refutation:
        """Attack the case.

        Args:
            case: the study up to its estimate.
            seed: the seed of every random draw.

        Returns:
            What was tried, expected and observed, and the verdict. Where the refuter does not apply, an
            inconclusive refutation that says why.
        """
        started = time.perf_counter()
        refusal = self.applies(case)
        if refusal:
            result = Refutation(
                name=self.name,
                attacks=self.attacks,
                tried="Nothing.",
                expected="",
                observed="",
                verdict=Verdict.INCONCLUSIVE,
                sentence=refusal,
            )
        else:
            result = self._refute(case, seed)
        return replace(result, seconds=time.perf_counter() - started)
