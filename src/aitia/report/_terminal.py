"""Tables for a terminal. Names enter as plain text, never as markup."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from aitia.core import Status
from aitia.identification import Estimand, NotIdentified
from aitia.refutation import Verdict
from aitia.report._findings import Findings
from aitia.report._graph_check import GraphCheck
from aitia.report._words import names, number, probability, question_sentence, refusal_sentence, shown

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    from aitia.estimation import EffectSet

# Words carry the meaning and colours only repeat it, so that nothing is lost on a terminal without them.
STATUS_STYLE = {
    Status.SURVIVED: "green",
    Status.BROKEN: "bold red",
    Status.INCONCLUSIVE: "yellow",
    Status.BOUNDED: "cyan",
    Status.BY_DESIGN: "green",
    Status.UNTESTED: "dim",
}


def console(file: Any = None) -> Console:
    """A Rich console on standard output, as wide as the terminal (`COLUMNS`, or 100, where it is none)."""
    from rich.console import Console

    file = file or sys.stdout
    width = None if file.isatty() or os.environ.get("COLUMNS") else 100
    return Console(file=file, width=width, highlight=False, markup=False, emoji=False)


def terminal(findings: Findings) -> list[Any]:
    """What a person sees of a study in a terminal.

    Args:
        findings: whatever is known.

    Returns:
        Rich renderables, top to bottom: the question and its answer, the estimate, Simpson's paradox where found,
        decisions, the ledger, what was tried.
    """
    parts: list[Any] = [_text("")]
    if findings.title:
        parts.append(_text(shown(findings.title), "bold"))
    parts.append(_text(findings.asked, "bold"))
    if findings.discovery is not None:
        parts.append(_text(shown(" ".join(findings.discovery.sentences)), "dim"))
        parts += [_text(f"- {shown(each)}", "bold yellow") for each in findings.discovery.warnings]
    if isinstance(findings.identification, NotIdentified) and findings.effects is None:
        return [*parts, *identification_table(findings.identification, heading=False)]
    parts.append(_text(findings.answer))
    if findings.effects is not None:
        parts += [_text(""), _effect_set(findings.effects, findings.stability is not None)]
    if findings.estimate is not None:
        parts += [_text(""), _estimates(findings)]
    if findings.estimand is not None:
        parts.append(_text(""))
        parts += identification_table(findings.estimand, heading=False)
    warnings = [each for each in findings.diagnostics if each.warning]
    if warnings:
        parts += [_text(""), _text("Take care", "bold yellow")]
        parts += [_text(f"- {each.name}: {each.sentence}") for each in warnings]
    if findings.reversals:
        parts += [_text("")]
        parts += [_text(shown(each.sentence)) for each in findings.reversals]
    if findings.decisions:
        parts += [_text(""), _text("Decided on your behalf", "bold")]
        parts += [_text(f"- {shown(each.what)} ({shown(each.why)})") for each in findings.decisions]
    if len(findings.ledger):
        parts += [_text(""), _ledger(findings)]
    if findings.refutations:
        parts += [_text(""), _refutations(findings)]
        passed_over = [each for each in findings.refutations if not each.attempted]
        if passed_over:
            parts.append(_text(f"Did not apply: {names([each.name for each in passed_over])}.", "dim"))
    total = sum(findings.seconds.values())
    parts.append(
        _text(f"\nSeed {findings.seed}, data {findings.table.fingerprint[:12]}, {total:.2f} s.", "dim")
    )
    return parts


def identification_table(found: Estimand | NotIdentified, heading: bool = True) -> list[Any]:
    """What identification found, as Rich renderables.

    Args:
        found: the estimand, or the reason there is none.
        heading: whether to start with the question.
    """
    parts: list[Any] = [_text(question_sentence(found.question), "bold")] if heading else []
    if isinstance(found, NotIdentified):
        parts.append(_text(refusal_sentence(found)))
        if found.suggestions:
            parts.append(_text("What would help:"))
            parts += [_text(f"- {shown(each)}") for each in found.suggestions]
        return parts
    rows = [("Identified by", str(found.rule.value)), ("Adjusting for", names(found.adjustment))]
    if found.mediators:
        rows.append(("Mediators", names(found.mediators)))
    if found.instruments:
        rows.append(("Instruments", names(found.instruments)))
    rows.append(("Formula", shown(found.text())))
    if found.reason:
        rows.append(("Why", shown(found.reason)))
    if heading and found.alternatives:
        others = [
            f"{each.rule.value}: {names(each.adjustment or each.mediators)}" for each in found.alternatives
        ]
        rows.append(("Also by", "; ".join(dict.fromkeys(others))))
    table = _table("", "")
    table.show_header = False
    for left, right in rows:
        table.add_row(_text(left, "dim"), _text(right))
    parts.append(table)
    if heading and found.assumptions:
        parts += [_text(""), _text("If these hold:")]
        parts += [_text(f"- {shown(each.statement)}") for each in found.assumptions]
    return parts


def _estimates(findings: Findings) -> Any:
    assert findings.estimate is not None
    table = _table("Estimator", ">Effect", ">Std. error", ">Interval", ">Rows", ">Seconds")
    for place, each in enumerate((findings.estimate, *findings.beside)):
        low, high = each.interval
        table.add_row(
            _text(each.method, "bold" if place == 0 else ""),
            _text(number(each.value), "bold" if place == 0 else ""),
            _text(number(each.std_error)),
            _text(f"{number(low)} to {number(high)}"),
            _text(f"{each.n:,}"),
            _text(f"{each.seconds:.2f}"),
        )
    for name, why in findings.refused:
        table.add_row(
            _text(name, "dim"), _text(""), _text(""), _text(shown(why), "dim"), _text(""), _text("")
        )
    if findings.estimate.reason:
        table.caption = _text(f"Why {findings.estimate.method}: {shown(findings.estimate.reason)}", "dim")
        table.caption_justify = "left"
    return table


def _effect_set(effects: EffectSet, from_bootstrap: bool) -> Any:
    table = _table("If", ">Share", ">Effect", ">Interval", "By")
    for each in effects.members:
        low, high = each.interval
        answered = each.value is not None and not each.possible.zero
        table.add_row(
            _text(shown(each.possible.words)),
            _text(f"{each.weight:.0%}"),
            _text(number(each.value) if answered else shown(each.words), "bold"),
            _text(f"{number(low)} to {number(high)}" if answered else ""),
            _text(getattr(each.estimate, "method", "") if answered else shown(each.reason)),
        )
    shares = "of bootstrap replicates with" if from_bootstrap else "of the class with"
    table.caption = _text(f"Share: {shares} these directions.", "dim")
    table.caption_justify = "left"
    return table


def _ledger(findings: Findings) -> Any:
    table = _table("It stands on", "Can data test it?", "What became of it")
    for line in findings.ledger:
        table.add_row(
            _text(shown(line.statement)),
            _text("yes" if line.testable else "no"),
            _text(line.status.value, STATUS_STYLE[line.status]),
        )
    return table


def _refutations(findings: Findings) -> Any:
    table = _table("Tried", "What came out", ">p or margin", "Verdict")
    for each in findings.refutations:
        if not each.attempted:
            continue
        measure = probability(each.p_value) if each.p_value is not None else ""
        if not measure and each.margin is not None:
            measure = number(each.margin)
        verdict = "bounded" if each.bounds and each.verdict is not Verdict.BROKEN else each.verdict.value
        style = STATUS_STYLE[Status.BOUNDED if verdict == "bounded" else each.verdict.status]
        table.add_row(_text(each.name), _text(shown(each.sentence)), _text(measure), _text(verdict, style))
    return table


def examples_table(examples: Iterable[tuple[str, str]]) -> list[Any]:
    """The bundled examples as Rich renderables.

    Args:
        examples: (name, title) of each.
    """
    table = _table("Name", "What it is")
    for name, title in examples:
        table.add_row(_text(name, "bold"), _text(title))
    return [table, _text("Run one with: aitia example NAME --report PATH", "dim")]


def graph_check_table(check: GraphCheck) -> list[Any]:
    """What a graph implies and whether data agree, as Rich renderables.

    Args:
        check: the answer of `graph_check`.
    """
    graph = check.graph
    parts: list[Any] = [
        _text(
            f"{graph.kind.value.upper()}, {len(graph.nodes)} nodes, {len(graph.edges)} edges, no cycle.",
            "bold",
        )
    ]
    if graph.latent:
        parts.append(_text(f"Latent: {names(sorted(graph.latent))}."))
    if graph.selected:
        parts.append(_text(f"Selected on: {names(sorted(graph.selected))}."))
    if check.without_column:
        parts.append(
            _text(f"No such column, so taken as not measured: {names(check.without_column)}.", "bold yellow")
        )
    if check.without_node:
        parts.append(_text(f"Columns that the graph does not name: {names(check.without_node)}.", "dim"))
    if not check.independences:
        parts.append(_text("It implies no independence among what is measured: no data can contradict it."))
        return parts
    headings = ["It implies that", "are independent given"]
    table = _table(*headings, *(["Test", ">Size", ">p (Holm)", "Verdict"] if check.tested else []))
    for each in check.independences:
        row = [_text(names((each.x, each.y))), _text(names(each.given))]
        if check.tested:
            assert each.verdict is not None
            status = each.verdict.status
            row += [
                _text(each.test),
                _text(number(each.effect)),
                _text(probability(each.adjusted_p_value)),
                _text(status.value, STATUS_STYLE[status]),
            ]
        table.add_row(*row)
    return [*parts, _text(""), table]


def known_answers(answers: Iterable[tuple[str, float, str]]) -> list[Any]:
    """What is known about a bundled example, as Rich renderables.

    Args:
        answers: (what it is, its value, where it comes from) of each number.
    """
    table = _table("What is known", ">Value", "Source")
    for what, value, source in answers:
        table.add_row(_text(what), _text(number(value)), _text(source, "dim"))
    return [_text(""), table]


def _table(*headings: str) -> RichTable:
    """A plain table; a heading that starts with ``>`` aligns its column to the right."""
    from rich import box
    from rich.table import Table as RichTable

    table = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False, pad_edge=False)
    for heading in headings:
        right = heading.startswith(">")
        table.add_column(heading.removeprefix(">"), justify="right" if right else "left", overflow="fold")
    return table


def _text(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(text, style=style)
