"""How a `Discovery` is shown: plain sentences, a page fragment, a figure, plain data for JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from html import escape
from typing import TYPE_CHECKING, Any

from aitia.core import many
from aitia.graphs import Edge, Graph, GraphKind, Mark

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from aitia.discovery._discovery import Discovery, EdgeEvidence

# Beyond these a drawing or a table in a notebook says nothing.
_MOST_NODES = 200
_MOST_LINES = 30
_MOST_ROWS = 200

_STANDS_FOR = {
    GraphKind.DAG: "one directed acyclic graph",
    GraphKind.ADMG: "one acyclic graph with unmeasured common causes",
    GraphKind.CPDAG: "a class of directed acyclic graphs that no independence tells apart",
    GraphKind.MPDAG: "a class of directed acyclic graphs, cut down by what is known beforehand",
    GraphKind.PAG: "a class of graphs that may have unmeasured common causes",
    GraphKind.UNDIRECTED: "a graph without directions",
}


def _stands_for(found: Discovery) -> str:
    """What the graph stands for. Time, an order of latents or interventions narrow a class too."""
    if found.graph.kind is GraphKind.MPDAG and not found.knowledge:
        return (
            "a class of directed acyclic graphs, some of whose directions come from more than independences"
        )
    return _STANDS_FOR[found.graph.kind]


def settled(edge: Edge) -> bool:
    """Whether both ends of an edge are known: ``->`` and ``<->``."""
    return edge.directed or edge.bidirected


def sentences(found: Discovery) -> list[str]:
    """What was found and what it rests on, a sentence each."""
    graph = found.graph
    edges = graph.edges
    directed = sum(settled(edge) for edge in edges)
    directions = (
        f"{many(directed, 'direction')} settled"
        if directed < len(edges)
        else "every direction settled"
        if edges
        else "no edge"
    )
    measured = len(graph.nodes) - len(graph.latent)
    hidden = f" and {many(len(graph.latent), 'unmeasured one')}" if graph.latent else ""
    said = [
        f"{type(found.algorithm).__name__} joins {many(len(edges), 'pair')} of {many(measured, 'variable')}{hidden}, "
        f"{directions}: {_stands_for(found)} ({graph.kind.value})."
    ]
    based = f"{many(found.rows, 'row')}" if found.rows else "no rows (an oracle)"
    work = f" and {many(found.tests, work_word(found))}" if found.tests else ""
    said.append(f"It rests on {based}{work}.")
    untested = [each for each in found.assumptions if not each.testable]
    if found.assumptions:
        said.append(
            f"It stands on {many(len(found.assumptions), 'assumption')}, of which "
            f"{len(untested)} cannot be tested by data."
        )
    if found.knowledge:
        said.append("It keeps to the background knowledge it was given.")
    said += [
        f"It infers an unmeasured {each.name} behind {', '.join(each.measured)}." for each in found.latents
    ]
    return said


def work_word(found: Discovery) -> str:
    """What the algorithm counts: tests, or the local scores of a search by score."""
    return "test" if found.score is None else "local score"


def as_text(found: Discovery) -> str:
    """The sentences, the edges and the warnings, for a terminal."""
    lines = sentences(found)
    shown = [str(edge) for edge in found.graph.edges[:_MOST_LINES]]
    lines += [f"  {each}" for each in shown]
    if len(found.graph.edges) > len(shown):
        lines.append(f"  ... and {len(found.graph.edges) - len(shown):,} more")
    lines += [f"Warning: {each}" for each in found.warnings]
    return "\n".join(lines)


def as_html(found: Discovery) -> str:
    """The sentences, the graph and the evidence, for a notebook; every name escaped."""
    parts = ["<div>", *(f"<p>{escape(each)}</p>" for each in sentences(found))]
    parts += [f"<p><strong>Warning:</strong> {escape(each)}</p>" for each in found.warnings]
    if len(found.graph.nodes) <= _MOST_NODES:
        from aitia.graphs import to_svg

        parts.append(to_svg(found.graph, widths=widths(strengths(found))))
    rows = [each for each in found.evidence if each.adjacent]
    if rows:
        head = "".join(f'<th style="text-align:left">{each}</th>' for each in ("Pair", *EVIDENCE_HEADINGS))
        body = "".join(_html_row(found.graph, each) for each in rows[:_MOST_ROWS])
        more = f"<p>{len(rows) - _MOST_ROWS:,} more pairs.</p>" if len(rows) > _MOST_ROWS else ""
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}")
    return "".join([*parts, "</div>"])


EVIDENCE_HEADINGS = ("Given", "Statistic", "p", "Score lost without it", "Weight", "Why")


def evidence_cells(each: EdgeEvidence) -> tuple[str, ...]:
    """What decided about a pair, as the texts under `EVIDENCE_HEADINGS`; empty where there is none."""
    return (
        ", ".join(each.given),
        short_number(each.statistic),
        "" if each.p_value is None else "< 0.001" if each.p_value < 0.001 else f"{each.p_value:.3f}",
        short_number(each.score),
        short_number(each.weight),
        each.reason,
    )


def short_number(value: float | None) -> str:
    """A number in four digits, empty for None."""
    return "" if value is None else f"{value:.4g}".replace("-", "−")


def edge_text(graph: Graph, a: str, b: str) -> str:
    """The edge between a and b read from a, or ``a   b`` where there is none."""
    edges = graph.edges_between(a, b) if a in graph and b in graph else ()
    return ", ".join(str(edge) for edge in edges) if edges else f"{a}, {b}"


def _html_row(graph: Graph, each: EdgeEvidence) -> str:
    cells = (edge_text(graph, each.a, each.b), *evidence_cells(each))
    return "<tr>" + "".join(f'<td style="text-align:left">{escape(cell)}</td>' for cell in cells) + "</tr>"


def strengths(found: Discovery) -> dict[Edge, float]:
    """How strongly the evidence speaks for each edge, between 0 and 1: the score lost without it, else the size
    of its weight, else of its statistic. Empty where no edge has any."""
    by_pair = {frozenset((each.a, each.b)): each for each in found.evidence if each.adjacent}
    for of in ("score", "weight", "statistic"):
        sizes = {}
        for edge in found.graph.edges:
            each = by_pair.get(frozenset((edge.a, edge.b)))
            value = None if each is None else getattr(each, of)
            if value is not None and math.isfinite(value):
                sizes[edge] = abs(value)
        if sizes:
            most = max(sizes.values()) or 1.0
            # Scores differ by powers of ten; their roots can still be told apart on paper.
            power = 0.5 if of == "score" else 1.0
            return {edge: (size / most) ** power for edge, size in sizes.items()}
    return {}


def widths(strength: Mapping[Edge, float], thinnest: float = 0.8, widest: float = 3.8) -> dict[Edge, float]:
    """Widths of lines in pixels for strengths between 0 and 1."""
    return {
        edge: thinnest + (widest - thinnest) * min(max(each, 0.0), 1.0) for edge, each in strength.items()
    }


def figure(found: Discovery, title: str = "") -> Figure:
    """The graph as a Matplotlib figure, edges as wide as the evidence for them is strong."""
    from aitia.graphs import draw

    return draw(found.graph, widths=widths(strengths(found)), title=title)


# Plain data.


def edge_list(edges: Iterable[Edge]) -> list[list[str]]:
    """Edges as ``[a, mark at a, mark at b, b]``, in their order."""
    return [[edge.a, edge.mark_a.value, edge.mark_b.value, edge.b] for edge in edges]


def graph_to_dict(graph: Graph) -> dict[str, Any]:
    """A graph as plain data: kind, form, nodes, edges, latent and selected nodes.

    The kind says what the graph stands for: one DAG (``dag``), a class of DAGs (``cpdag``, also where knowledge has
    cut it down to an MPDAG), or a class with hidden causes (``pag``). The form is its exact kind.
    """
    return {
        "kind": "cpdag" if graph.kind is GraphKind.MPDAG else graph.kind.value,
        "form": graph.kind.value,
        "nodes": list(graph.nodes),
        "edges": edge_list(graph.edges),
        "latent": [node for node in graph.nodes if node in graph.latent],
        "selected": [node for node in graph.nodes if node in graph.selected],
    }


def as_dict(found: Discovery) -> dict[str, Any]:
    """See `Discovery.to_dict`."""
    algorithm = found.algorithm
    return {
        "algorithm": {
            "name": algorithm.name,
            "options": options(algorithm),
            "reference": getattr(algorithm, "reference", ""),
        },
        "graph": graph_to_dict(found.graph),
        "tests": int(found.tests),
        "seconds": float(found.seconds),
        "rows": int(found.rows),
        "score": plain(found.score),
        "order": list(found.order),
        "evidence": [plain(each) for each in found.evidence],
        "latents": [plain(each) for each in found.latents],
        "warnings": list(found.warnings),
        "assumptions": [plain(each) for each in found.assumptions],
        "decisions": [plain(each) for each in found.decisions],
        "knowledge": found.knowledge.to_dict(),
        "details": plain(found.details),
        "seed": found.seed,
    }


def options(algorithm: Any) -> dict[str, Any]:
    """The options of an algorithm by name; objects among them as their `repr`."""
    if not dataclasses.is_dataclass(algorithm):
        return {}
    made = {}
    for each in dataclasses.fields(algorithm):
        value = getattr(algorithm, each.name)
        simple = value is None or isinstance(value, bool | int | float | str | tuple | list)
        made[each.name] = plain(value) if simple else repr(value)
    return made


def plain(value: Any) -> Any:
    """`value` as JSON can hold it; what is not finite becomes None."""
    if value is None or (isinstance(value, bool | str) and not isinstance(value, Enum)):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, Graph):
        return graph_to_dict(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Sequence):
        return [plain(each) for each in value]
    return str(value)


MARK_ORDER = (Mark.TAIL, Mark.ARROW, Mark.CIRCLE)
"""The order of end marks in arrays of frequencies."""
