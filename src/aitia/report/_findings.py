"""Everything a report shows about one question, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aitia import __version__
from aitia.core import Assumption, AssumptionKey, Decision, Ledger, Status
from aitia.data import Table
from aitia.estimation import Diagnostic, Estimate, Reversal, Sample
from aitia.graphs import Graph
from aitia.identification import Estimand, NotIdentified, Question
from aitia.refutation import Refutation
from aitia.report._json import plain
from aitia.report._ledger import found_graph, ledger_of, ledger_of_set
from aitia.report._words import (
    answer_sentence,
    broken_sentence,
    effect_set_sentence,
    question_sentence,
    refusal_sentence,
)

if TYPE_CHECKING:
    from aitia.discovery import Discovery, Stability
    from aitia.estimation import EffectSet
    from aitia.identification import PossibleEstimands


@dataclass(frozen=True, eq=False)
class Findings:
    """What is known about one question, however far the study has come: what a report shows.

    Args:
        question: what was asked.
        graph: what was believed, or found; None before it is found.
        table: the data.
        discovery: how the graph was found, where it was.
        stability: how often the bootstrap finds each edge of it again.
        identification: the estimand, or why there is none; None before identification.
        possible: where the graph is a class that disagrees, the formulas of its members.
        effects: their estimates.
        estimate: the answer.
        beside: other estimators' answers to the same estimand, for comparison.
        refused: for each other estimator that could not answer, its name and why.
        refutations: what was tried against the answer.
        reversals: where the sign of an association flips within strata (Simpson's paradox).
        sample: the rows the answer was computed from; figures of overlap draw on it.
        assumptions: what was assumed about the data (independent rows, missing values).
        seed: the seed of every random draw.
        title: a heading, where the person gave one.
        seconds: wall-clock time of each stage, by name.
    """

    question: Question
    graph: Graph | None
    table: Table
    discovery: Discovery | None = None
    stability: Stability | None = None
    identification: Estimand | NotIdentified | None = None
    possible: PossibleEstimands | None = None
    effects: EffectSet | None = None
    estimate: Estimate | None = None
    beside: tuple[Estimate, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    refutations: tuple[Refutation, ...] = ()
    reversals: tuple[Reversal, ...] = ()
    sample: Sample | None = None
    assumptions: tuple[Assumption, ...] = ()
    seed: int = 0
    title: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def estimand(self) -> Estimand | None:
        """The estimand, where the question is identified."""
        return self.identification if isinstance(self.identification, Estimand) else None

    @cached_property
    def ledger(self) -> Ledger:
        """Every assumption with what tested or bounded it; empty before identification."""
        further, found = self.assumptions, None
        if self.discovery is not None:
            found = found_graph(self.discovery, self.stability)
            # The answer says its own about rows.
            rest = [
                each for each in self.discovery.assumptions if each.key is not AssumptionKey.INDEPENDENT_ROWS
            ]
            further = (found, *rest, *further)
        if self.effects is not None:
            return ledger_of_set(self.effects, self.refutations, further)
        if self.estimand is None:
            return Ledger()
        ledger = ledger_of(self.estimand, self.estimate, self.refutations, further)
        if found is not None:
            # Identification has stated the graph in its own words; here is where that graph came from.
            ledger = ledger.record(found.key, found.status, " ".join((found.statement, *found.evidence)))
        return ledger

    @property
    def asked(self) -> str:
        """The question in a sentence."""
        return question_sentence(self.question)

    @property
    def answer(self) -> str:
        """The answer in one plain sentence, however far the study has come; a second one says what is broken."""
        if self.effects is not None:
            return effect_set_sentence(self.effects)
        if isinstance(self.identification, NotIdentified):
            return refusal_sentence(self.identification)
        if self.estimate is not None:
            return answer_sentence(self.estimate) + broken_sentence(self.broken)
        if self.identification is not None:
            return "The question can be answered from these columns; nothing is estimated yet."
        if self.discovery is not None:
            return "A graph was found; the question is not identified yet."
        return "Nothing is known yet: identify first."

    @property
    def broken(self) -> tuple[Assumption, ...]:
        """The assumptions that the data speak against."""
        return tuple(line for line in self.ledger if line.status is Status.BROKEN)

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What was decided on the person's behalf, without repeats."""
        made = [*(self.discovery.decisions if self.discovery else ())]
        made += self.sample.decisions if self.sample else ()
        made += self.estimate.decisions if self.estimate else ()
        return tuple(dict.fromkeys(made))

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The checks made on the way to the estimate."""
        return self.estimate.diagnostics if self.estimate else ()

    def refutation(self, *names: str) -> Refutation | None:
        """The first refutation under one of these names, or None."""
        return next((each for each in self.refutations if each.name in names), None)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data for JSON; numbers that are not finite become None.

        The keys `estimand`, `estimate`, `assumptions` and `refutations` and what they hold are a fixed shape that
        other programs read.
        """
        return {
            "aitia": __version__,
            "title": self.title,
            "question": {
                "sentence": self.asked,
                "kind": type(self.question).__name__,
                **plain(self.question),
            },
            "answer": self.answer,
            "discovery": None if self.discovery is None else self.discovery.to_dict(),
            "stability": None if self.stability is None else self.stability.to_dict(),
            "effects": None if self.effects is None else self.effects.to_dict(),
            "estimand": None if self.identification is None else identification_to_dict(self.identification),
            "estimate": None if self.estimate is None else estimate_to_dict(self.estimate),
            "beside": [estimate_to_dict(each) for each in self.beside],
            "refused": [{"method": name, "why": why} for name, why in self.refused],
            "assumptions": [plain(each) for each in self.ledger],
            "refutations": [refutation_to_dict(each) for each in self.refutations],
            "reversals": [plain(each) for each in self.reversals],
            "decisions": [plain(each) for each in self.decisions],
            "data": {
                "source": self.table.source,
                "rows": self.table.n_rows,
                "fingerprint": self.table.fingerprint,
            },
            "seed": self.seed,
            "seconds": plain(self.seconds),
        }


def identification_to_dict(result: Estimand | NotIdentified) -> dict[str, Any]:
    """An estimand, or the witness that there is none, as plain data for JSON."""
    if isinstance(result, NotIdentified):
        return {
            "identified": False,
            "sentence": result.sentence,
            "witness": None if result.witness is None else plain(result.witness),
            "suggestions": list(result.suggestions),
        }
    return {
        "identified": True,
        "rule": plain(result.rule),
        "adjustment": list(result.adjustment),
        "mediators": list(result.mediators),
        "instruments": list(result.instruments),
        "formula": result.text(),
        "latex": result.latex(),
        "reason": result.reason,
        "assumptions": [plain(each) for each in result.assumptions],
        "alternatives": [
            {
                "rule": plain(each.rule),
                "adjustment": list(each.adjustment),
                "mediators": list(each.mediators),
                "instruments": list(each.instruments),
                "formula": each.text(),
            }
            for each in result.alternatives
        ],
    }


def estimate_to_dict(estimate: Estimate) -> dict[str, Any]:
    """An estimate as plain data for JSON, without its per-row influence values."""
    profile = estimate.profile
    return {
        "value": plain(estimate.value),
        "std_error": plain(estimate.std_error),
        "interval": plain(estimate.interval),
        "level": estimate.level,
        "p_value": plain(estimate.p_value),
        "degrees_of_freedom": plain(estimate.degrees_of_freedom),
        "method": estimate.method,
        "reason": estimate.reason,
        "n": estimate.n,
        "profile": None
        if profile is None
        else [
            {"treatment": plain(point), "mean": plain(mean), "std_error": plain(error)}
            for point, mean, error in zip(profile.points, profile.means, profile.std_errors)
        ],
        "diagnostics": [
            {
                "name": each.name,
                "value": plain(each.value),
                "sentence": each.sentence,
                "warning": each.warning,
            }
            for each in estimate.diagnostics
        ],
        "seed": estimate.seed,
        "fingerprint": estimate.fingerprint,
        "seconds": plain(estimate.seconds),
    }


def refutation_to_dict(refutation: Refutation) -> dict[str, Any]:
    """A refutation as plain data for JSON, without the numbers that only its figure needs."""
    return {
        "name": refutation.name,
        "attacks": plain(refutation.attacks),
        "tried": refutation.tried,
        "expected": refutation.expected,
        "observed": refutation.observed,
        "verdict": plain(refutation.verdict),
        "sentence": refutation.sentence,
        "p_value": plain(refutation.p_value),
        "margin": plain(refutation.margin),
        "replicates": refutation.replicates,
        "cost": refutation.cost,
        "bounds": refutation.bounds,
        "seconds": plain(refutation.seconds),
    }
