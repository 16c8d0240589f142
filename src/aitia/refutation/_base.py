"""What a refuter is: an attempt to break one named assumption, and how it came out."""

from __future__ import annotations

import html
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from aitia.core import AitiaError, AssumptionKey, Status, stream

if TYPE_CHECKING:
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
        margin: how much it would take to change the conclusion, for sensitivity; None for a refuter with a
            p-value.
        replicates: how many replicates were drawn (0 for none).
        cost: what the replicates cost, in words (``"no refit: exact from block moments"``, ``"20 full
            refits"``).
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

    @property
    def attempted(self) -> bool:
        """False where the refuter had nothing to say about the case: then the sentence says why."""
        return bool(self.observed)

    def __repr__(self) -> str:
        number = "" if self.p_value is None else f" (p = {self.p_value:.3g})"
        return f"{self.name}: {self.verdict.value}{number}. {self.sentence}"

    def _repr_html_(self) -> str:
        cells = (
            self.name,
            self.attacks.value,
            self.expected,
            self.observed,
            self.verdict.value,
            self.sentence,
        )
        heads = ("refuter", "attacks", "expected", "observed", "verdict", "in words")
        rows = "".join(
            f"<tr><th style='text-align:left'>{head}</th><td style='text-align:left'>{html.escape(cell)}</td></tr>"
            for head, cell in zip(heads, cells, strict=True)
        )
        return f"<table>{rows}</table>"


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
    _memory: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def remembered(self, key: Any, make: Callable[[], Any]) -> Any:
        """What `make` gives, made once for all refuters of this case (a fitted propensity, say)."""
        if key not in self._memory:
            self._memory[key] = make()
        return self._memory[key]

    def thinned(self, largest: int, seed: int = 0) -> Case:
        """This case on about `largest` rows, drawn at random without replacement; itself where there are no
        more.

        For diagnostics that a hundred thousand rows answer as well as a million. Whole clusters are drawn,
        where there are any. The estimate keeps its value and error; its influence values are those of the
        rows kept.
        """
        if self.sample.n <= largest:
            return self

        def make() -> Case:
            random = stream(seed, "thinned", largest)
            if self.sample.clusters is None:
                keep = np.sort(random.choice(self.sample.n, largest, replace=False))
            else:
                codes = np.unique(self.sample.clusters, return_inverse=True)[1]
                groups = int(codes.max()) + 1
                drawn = np.zeros(groups, dtype=bool)
                drawn[random.permutation(groups)[: max(2, groups * largest // self.sample.n)]] = True
                keep = np.flatnonzero(drawn[codes])
            influence = self.estimate.influence
            # What the estimator kept row by row speaks of all rows.
            kept = tuple(each for each in self.estimate.diagnostics if each.name != "matches")
            estimate = replace(
                self.estimate, influence=None if influence is None else influence[keep], diagnostics=kept
            )
            return Case(estimate, self.sample.rows(keep), self.graph, None)

        return self.remembered(("thinned", largest, seed), make)

    @property
    def estimand(self) -> Estimand:
        """The estimand behind the estimate."""
        return self.estimate.estimand


class Refuter(ABC):
    """An attempt to break one assumption.

    A new refuter is a frozen dataclass of its options that sets `name`, `attacks` and `reference` and writes
    `_refute` (and `applies`, where it cannot attack every case). Timing and errors are handled here; a line
    in `refuters()` makes it part of the battery, the command line and the documentation.
    """

    name: ClassVar[str]
    """What reports and the command line call it."""
    attacks: ClassVar[AssumptionKey]
    """The key of the assumption it attacks."""
    reference: ClassVar[str] = ""
    """The paper and theorem it follows."""

    def applies(self, case: Case) -> str:
        """Why this refuter has nothing to say about this case; empty where it does."""
        return ""

    @abstractmethod
    def _refute(self, case: Case, seed: int) -> Refutation: ...

    def refute(self, case: Case, seed: int = 0) -> Refutation:
        """Attack the case.

        Args:
            case: the study up to its estimate.
            seed: the seed of every random draw; the same seed gives the same answer.

        Returns:
            What was tried, expected and observed, and the verdict. Where the refuter does not apply, or an
            estimate it needed could not be made, an inconclusive refutation that says why.
        """
        started = time.perf_counter()
        try:
            refusal = self.applies(case)
            result = self._nothing(refusal) if refusal else self._refute(case, seed)
        except AitiaError as error:
            # One attack that cannot be carried out must not hide what the others found.
            result = self._nothing(f"This attack could not be carried out: {error.problem}")
        return replace(result, seconds=time.perf_counter() - started)

    def _nothing(self, why: str) -> Refutation:
        return Refutation(
            name=self.name,
            attacks=self.attacks,
            tried="Nothing.",
            expected="",
            observed="",
            verdict=Verdict.INCONCLUSIVE,
            sentence=why,
        )
