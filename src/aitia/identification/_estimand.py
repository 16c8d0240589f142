"""What identification answers: an estimand, or the reason there is none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from html import escape

from aitia.core import Assumption
from aitia.identification._expression import Expression
from aitia.identification._question import Question


class Rule(StrEnum):
    """The rule that turned graph and question into a formula over observed variables."""

    ADJUSTMENT = "adjustment"
    FRONT_DOOR = "front-door"
    INSTRUMENT = "instrument"
    MEDIATION = "mediation"
    GENERAL = "general identification"


@dataclass(frozen=True, repr=False)
class Estimand:
    """A formula over observed variables that equals the causal answer if the assumptions hold.

    Args:
        question: what was asked.
        rule: the rule that gave the formula.
        expression: the formula; prints as text and as LaTeX.
        adjustment: the variables adjusted for (for front-door and mediation, the baseline covariates; for an
            instrument, what it is conditioned on).
        mediators: the mediators, for front-door and mediation.
        instruments: the instruments.
        assumptions: what has to hold for formula and answer to be equal.
        reason: why this rule and these sets, in one or two sentences.
        alternatives: other formulas for the same answer, best first; each is an `Estimand`
            without alternatives.
    """

    question: Question
    rule: Rule
    expression: Expression
    adjustment: tuple[str, ...] = ()
    mediators: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    reason: str = ""
    alternatives: tuple[Estimand, ...] = ()

    @property
    def identified(self) -> bool:
        """True, always: `NotIdentified` says False."""
        return True

    @property
    def variables(self) -> tuple[str, ...]:
        """Every observed variable that estimation has to read, treatment and outcome first, no repeats."""
        question = self.question
        read = (question.treatment, question.outcome, *self.adjustment, *self.mediators, *self.instruments)
        return tuple(dict.fromkeys((*read, *self.expression.variables)))

    def text(self) -> str:
        """The formula in plain text."""
        return self.expression.text()

    def latex(self) -> str:
        """The formula in LaTeX, without the surrounding dollar signs."""
        return self.expression.latex()

    @property
    def _sets(self) -> dict[str, tuple[str, ...]]:
        named = {
            "adjusts for": self.adjustment,
            "mediators": self.mediators,
            "instruments": self.instruments,
        }
        if self.rule is Rule.ADJUSTMENT and not self.adjustment:
            return {"adjusts for": ("nothing",)}
        return {words: names for words, names in named.items() if names}

    def __repr__(self) -> str:
        lines = [f"{self.question}", f"  by {self.rule}: {self.text()}"]
        lines += [f"  {words}: {', '.join(names)}" for words, names in self._sets.items()]
        lines.append(f"  {self.reason}")
        if self.alternatives:
            others = (each.rule + _braces(each) for each in self.alternatives)
            lines.append(f"  alternatives: {'; '.join(others)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = {"question": str(self.question), "rule": str(self.rule), "formula": self.text()}
        rows |= {words: ", ".join(names) for words, names in self._sets.items()}
        rows["why"] = self.reason
        assumed = "".join(
            f"<li>{escape(each.statement)} <em>({'testable' if each.testable else 'no data can test this'})</em></li>"
            for each in self.assumptions
        )
        return f"{_html_table(rows)}<p>It assumes:</p><ul>{assumed}</ul>"


@dataclass(frozen=True, repr=False)
class NotIdentified:
    """The graph does not let observations answer the question, with the witness that shows it.

    Args:
        question: what was asked.
        witness: the structure that proves it (for general identification a `Hedge`), or None where only the
            rules asked for fail.
        sentence: the witness in words a newcomer understands, with the names of the variables.
        suggestions: what would help, best first (``"measure a variable that blocks a <-> b"``, ``"bounds"``).
    """

    question: Question
    witness: object
    sentence: str
    suggestions: tuple[str, ...] = ()

    @property
    def identified(self) -> bool:
        """False, always: `Estimand` says True."""
        return False

    def __repr__(self) -> str:
        lines = [f"{self.question}", f"  not identified: {self.sentence}"]
        if self.witness is not None:
            lines.append(f"  witness: {self.witness}")
        return "\n".join([*lines, *(f"  would help: {each}" for each in self.suggestions)])

    def _repr_html_(self) -> str:
        rows = {"question": str(self.question), "not identified": self.sentence}
        if self.witness is not None:
            rows["witness"] = str(self.witness)
        helps = "".join(f"<li>{escape(each)}</li>" for each in self.suggestions)
        return _html_table(rows) + (f"<p>What would help:</p><ul>{helps}</ul>" if helps else "")


def _braces(each: Estimand) -> str:
    return f" {{{', '.join((*each.adjustment, *each.mediators, *each.instruments))}}}"


def _html_table(rows: dict[str, str]) -> str:
    cells = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th>'
        f'<td style="text-align:left">{escape(words)}</td></tr>'
        for name, words in rows.items()
    )
    return f"<table>{cells}</table>"
