"""A discovery for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aitia.report._terminal import STATUS_STYLE, _table, _text
from aitia.report._words import names, number, probability, shown

if TYPE_CHECKING:
    from aitia.discovery import Discovery, EdgeEvidence, Stability
    from aitia.graphs import Edge

_MOST_EDGES = 60


def discovery_table(found: Discovery, how_sure: Stability | None = None) -> list[Any]:
    """What was found and what it rests on, as Rich renderables.

    Args:
        found: the discovery.
        how_sure: its stability, where it was bootstrapped.
    """
    first, *rest = found.sentences
    parts: list[Any] = [_text(""), _text(shown(first), "bold"), *(_text(shown(each)) for each in rest)]
    if found.warnings or (how_sure is not None and how_sure.warnings):
        parts += [_text(""), _text("Take care", "bold yellow")]
        parts += [_text(f"- {shown(each)}") for each in found.warnings]
        parts += [_text(f"- {shown(each)}") for each in (how_sure.warnings if how_sure is not None else ())]
    if found.graph.edges:
        parts += [_text(""), _edges(found, how_sure)]
        if len(found.graph.edges) > _MOST_EDGES:
            parts.append(_text(f"and {len(found.graph.edges) - _MOST_EDGES:,} more edges", "dim"))
    if how_sure is not None:
        parts += [_text(""), _text(shown(how_sure.sentence))]
    if found.decisions:
        parts += [_text(""), _text("Decided on your behalf", "bold")]
        parts += [_text(f"- {shown(each.what)} ({shown(each.why)})") for each in found.decisions]
    if len(found.assumptions):
        table = _table("It stands on", "Can data test it?", "What became of it")
        for line in found.assumptions:
            status = _text(line.status.value, STATUS_STYLE[line.status])
            table.add_row(_text(shown(line.statement)), _text("yes" if line.testable else "no"), status)
        parts += [_text(""), table]
    parts.append(_text(f"\nSeed {found.seed}, {found.seconds:.2f} s.", "dim"))
    return parts


def _edges(found: Discovery, how_sure: Stability | None) -> Any:
    by_pair = {frozenset((each.a, each.b)): each for each in found.evidence if each.adjacent}
    rows = [(edge, by_pair.get(frozenset((edge.a, edge.b)))) for edge in found.graph.edges[:_MOST_EDGES]]
    columns = [
        (heading, cell)
        for heading, cell in (
            ("Closest to independent given", _given),
            (">p", lambda each: "" if each.p_value is None else probability(each.p_value)),
            (">Score lost without it", lambda each: "" if each.score is None else number(each.score)),
            (">Weight", lambda each: "" if each.weight is None else number(each.weight)),
            ("Why", lambda each: shown(each.reason)),
        )
        if any(each is not None and cell(each) for _, each in rows)
    ]
    surer = [] if how_sure is None else [">In replicates", ">As here"]
    table = _table("Edge", *(heading for heading, _ in columns), *surer)
    for edge, each in rows:
        cells = ["" if each is None else cell(each) for _, cell in columns]
        table.add_row(_text(shown(edge)), *(_text(cell) for cell in cells), *_shares(edge, how_sure))
    return table


def _given(each: EdgeEvidence) -> str:
    return names(each.given) if each.p_value is not None else ""


def _shares(edge: Edge, how_sure: Stability | None) -> list[Any]:
    if how_sure is None:
        return []
    pair = how_sure.between(edge.a, edge.b)
    return [_text(f"{share:.0%}") for share in (pair.adjacent, pair.found_share)]
