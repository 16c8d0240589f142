"""From a study to what the commands `effect`, `run` and `example` print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aitia.cli._exit import Exit
from aitia.cli._output import print_json, print_rich

if TYPE_CHECKING:
    from aitia.refutation import Refuter
    from aitia.study import Study


@dataclass(frozen=True)
class Finding:
    """How a graph is found before the study is identified.

    Args:
        columns: the columns to find it over; None takes all but weights and clusters.
        replicates: bootstrap replicates behind the stability of its edges.
    """

    columns: Sequence[str] | None = None
    replicates: int = 100


def answer(
    study: Study,
    *,
    finding: Finding | None = None,
    method: str | None = None,
    beside: Sequence[str] = (),
    refute: bool = True,
    refuters: Sequence[Refuter] | None = None,
    further: Sequence[Refuter] = (),
    replicates: int = 100,
    report: str | None = None,
    as_json: bool = False,
    strict: bool = False,
) -> Exit:
    """Take a study through its stages, print what came out, and say how it ended.

    Args:
        study: the study, before identification.
        finding: how its graph is found, where it has none.
        method: the estimator by name; None lets aitia choose.
        beside: further estimators by name; with a report and none named, the quick ones that apply.
        refute: False leaves refutation out.
        refuters: None takes all that apply.
        further: refuters after those.
        replicates: of each refuter that draws any.
        report: where the HTML report goes; None writes none.
        as_json: print one JSON object instead of tables.
        strict: whether a broken assumption changes the exit code.

    Returns:
        `Exit.ANSWERED`, `Exit.NOT_IDENTIFIED` or (strict) `Exit.BROKEN`.
    """
    from aitia.identification import NotIdentified
    from aitia.refutation import Verdict
    from aitia.report import terminal

    if finding is not None:
        study = study.find_graph(finding.columns, finding.replicates)
    study = study.identify()
    answered = study.possible is not None or not isinstance(study.identification, NotIdentified)
    if answered:
        study = study.estimate(method)
        if (beside or report) and study.effects is None:
            study = study.also(*beside)
        if refute:
            study = study.refute(refuters, replicates, further)
        study = study.look_for_reversals()
    if report:
        study = study.report(report)
    if as_json:
        print_json({**study.to_dict(), "report": report})
    else:
        print_rich(*terminal(study.findings))
        if report:
            print_rich(f"Report written to {report}")
    if not answered:
        return Exit.NOT_IDENTIFIED
    broken = any(each.verdict is Verdict.BROKEN and not each.bounds for each in study.refutations)
    return Exit.BROKEN if strict and broken else Exit.ANSWERED


def negative_controls(outcome: str | None, exposure: str | None) -> list[Refuter]:
    """The refuters that need a column named."""
    from aitia.refutation import NegativeControlExposure, NegativeControlOutcome

    made: list[Refuter] = []
    if outcome:
        made.append(NegativeControlOutcome(outcome))
    if exposure:
        made.append(NegativeControlExposure(exposure))
    return made
