"""A discovery as one self-contained HTML file: the graph, how sure, what decided each edge."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aitia import __version__
from aitia.report._atomic import write_text
from aitia.report._figures import short
from aitia.report._html import _PACKAGES, _css, _environment
from aitia.report._pictures import Picture
from aitia.report._svg import BLUE, GREY, INK, ORANGE, SKY, inline_svg, new_figure, style
from aitia.report._words import names, number, probability, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from aitia.discovery import Discovery, EdgeEvidence, EdgeStability, Knowledge, Stability
    from aitia.graphs import Edge, Graph

# Beyond these a page gets slow and nobody reads on; the rest is counted.
_MOST_NODES = 150
_MOST_ROWS = 400
_MOST_BARS = 40
# Up to this width in pixels a drawing shrinks to the page; a wider one would lose its letters and is scrolled.
_WIDEST = 1100
_BROADEST = 480


def write_discovery_report(
    path: str | os.PathLike[str],
    found: Discovery,
    how_sure: Stability | None = None,
    *,
    title: str = "",
    source: str = "",
    fingerprint: str = "",
) -> Path:
    """Write a discovery as one HTML file.

    Args:
        path: where to. The file is written whole or not at all.
        found: the discovery.
        how_sure: its stability, where it was bootstrapped.
        title: a heading.
        source: where the data come from, in words.
        fingerprint: of the data.

    Returns:
        The path written.

    Raises:
        CannotWrite: the disk is full, or the folder is not there or not writable. An old file survives.
    """
    return write_text(
        path, discovery_page(found, how_sure, title=title, source=source, fingerprint=fingerprint)
    )


def discovery_page(
    found: Discovery,
    how_sure: Stability | None = None,
    *,
    title: str = "",
    source: str = "",
    fingerprint: str = "",
) -> str:
    """A discovery as the text of one HTML page; for the arguments see `write_discovery_report`."""
    joined, apart = _evidence(found)
    rows = () if how_sure is None else how_sure.edges()
    sentences = found.sentences
    contents = [
        ("graph", "Graph", True),
        ("stability", "How sure", how_sure is not None),
        ("ledger", "Assumptions", len(found.assumptions) > 0),
        ("evidence", "What decided", bool(joined or apart)),
        ("knowledge", "Knowledge", bool(found.knowledge)),
        ("decisions", "Decisions", True),
        ("provenance", "Provenance", True),
    ]
    edges = found.graph.edges
    environment = _environment()
    environment.filters["evidence_cell"] = cell
    return environment.get_template("discovery.html.j2").render(
        f=found,
        version=__version__,
        css=_css(),
        title=title,
        asked=f"Which graphs fit {shown(source)}?" if source else "Which graphs fit the data?",
        answer=shown(sentences[0]),
        further=[shown(each) for each in sentences[2:]],
        numbers=[
            ("Edges", f"{len(edges):,}"),
            ("Directions settled", f"{sum(each.directed or each.bidirected for each in edges):,}"),
            ("Variables", f"{len(found.graph.nodes):,}"),
            ("Rows", f"{found.rows:,}" if found.rows else "none"),
            ("Tests" if found.score is None else "Local scores", f"{found.tests:,}"),
            ("Seconds", f"{found.seconds:.2f}"),
        ],
        warnings=[*found.warnings, *(how_sure.warnings if how_sure is not None else ())],
        contents=[(anchor, words) for anchor, words, there in contents if there],
        graph=_drawing(found.graph, _widths(found, how_sure), _caption(found, how_sure)),
        graph_text=found.graph.to_text(),
        how_sure=how_sure,
        stable_rows=rows[:_MOST_ROWS],
        stable_more=max(len(rows) - _MOST_ROWS, 0),
        bars=_bars(rows[:_MOST_BARS], len(rows)),
        consensus=_consensus(how_sure),
        joined=joined[:_MOST_ROWS],
        joined_more=max(len(joined) - _MOST_ROWS, 0),
        joined_columns=_columns(joined),
        apart=apart[:_MOST_ROWS],
        apart_more=max(len(apart) - _MOST_ROWS, 0),
        apart_columns=_columns(apart),
        knowledge=list(_knowledge(found.knowledge)),
        details=[(name, number(value)) for name, value in found.details.items() if _is_number(value)],
        provenance=_provenance(found, how_sure, source, fingerprint),
    )


@dataclass(frozen=True)
class _Row:
    """One pair in the tables of evidence: its words, and what decided about it."""

    pair: str
    each: EdgeEvidence


def _evidence(found: Discovery) -> tuple[list[_Row], list[_Row]]:
    """The joined pairs in the order of the graph's edges, and the pairs apart, the closest calls first."""
    by_pair = {frozenset((each.a, each.b)): each for each in found.evidence if each.adjacent}
    joined = [
        _Row(str(edge), each)
        for edge in found.graph.edges
        if (each := by_pair.get(frozenset((edge.a, edge.b)))) is not None
    ]
    apart = [_Row(f"{each.a}, {each.b}", each) for each in found.evidence if not each.adjacent]
    apart.sort(key=lambda row: 2.0 if row.each.p_value is None else row.each.p_value)
    return joined, apart


def _columns(rows: Sequence[_Row]) -> list[tuple[str, str, bool]]:
    """The columns that any row fills: heading, field, whether it holds numbers."""
    known = (
        ("Given", "given", False),
        ("Statistic", "statistic", True),
        ("p", "p_value", True),
        ("Score lost without it", "score", True),
        ("Weight", "weight", True),
        ("Why", "reason", False),
    )
    return [column for column in known if any(cell(row.each, column[1]) for row in rows)]


def cell(each: EdgeEvidence, field: str) -> str:
    """One cell of a table of evidence."""
    value = getattr(each, field)
    if field == "given":
        return names(value) if each.p_value is not None else ""
    if field == "reason":
        return shown(value)
    if value is None:
        return ""
    return probability(value) if field == "p_value" else number(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _widths(found: Discovery, how_sure: Stability | None) -> dict[Edge, float]:
    return found.widths() if how_sure is None else how_sure.widths(found.graph)


def _caption(found: Discovery, how_sure: Stability | None) -> str:
    meaning = {
        "dag": "An arrow leads from a cause to its effect.",
        "cpdag": "An arrow leads from a cause to its effect; a plain line may point either way.",
        "mpdag": "An arrow leads from a cause to its effect; a plain line may point either way.",
        "pag": "A tail is a cause, an arrowhead none, a circle may be either; two arrowheads: an unmeasured cause.",
        "admg": "An arrow leads from a cause to its effect; a dashed arc is an unmeasured common cause.",
    }.get(found.graph.kind.value, "")
    if how_sure is not None:
        return f"{meaning} The wider a line, the more replicates join its ends."
    return f"{meaning} The wider a line, the stronger the evidence for it." if found.widths() else meaning


@dataclass(frozen=True, eq=False)
class _Drawing(Picture):
    """A picture of a graph; a wide one is scrolled, a broad one on a telephone only."""

    wide: bool
    broad: bool


def _drawing(graph: Graph, widths: dict[Edge, float], caption: str) -> _Drawing | None:
    from markupsafe import Markup

    from aitia.graphs import to_svg

    if not graph.nodes or len(graph.nodes) > _MOST_NODES:
        return None
    svg = to_svg(graph, widths=widths)
    width = float(svg.split('width="', 1)[1].split('"', 1)[0])
    return _Drawing(Markup(svg), caption, width > _WIDEST, width > _BROADEST)


def _consensus(how_sure: Stability | None) -> _Drawing | None:
    """The consensus graph, where it is not the graph found."""
    if how_sure is None or how_sure.consensus == how_sure.found.graph:
        return None
    return _drawing(
        how_sure.consensus,
        how_sure.widths(how_sure.consensus),
        f"What more than {how_sure.threshold:.0%} of the replicates agree on. It is not the graph of the whole data.",
    )


def _bars(rows: Sequence[EdgeStability], total: int) -> Picture | None:
    from markupsafe import Markup

    if not rows:
        return None
    cut = f" The {len(rows)} most frequent of {total:,} pairs." if total > len(rows) else ""
    description = "Share of replicates that join each pair, by direction"
    return Picture(Markup(inline_svg(frequencies(rows), "stability", description)), f"{description}.{cut}")


def frequencies(rows: Sequence[EdgeStability]) -> Figure:
    """A bar for each pair: the share of replicates with each direction, and with an edge left open.

    Args:
        rows: the pairs, top to bottom.
    """
    with style():
        figure, axes = new_figure(6.6, 1.2 + 0.26 * len(rows))
        places = range(len(rows))
        start = [0.0] * len(rows)
        parts = (
            ("left to right", BLUE, [each.forward for each in rows]),
            ("right to left", ORANGE, [each.backward for each in rows]),
            ("open or two-headed", SKY, [each.adjacent - each.forward - each.backward for each in rows]),
        )
        for words, colour, values in parts:
            if max(values) > 1e-9:
                axes.barh(places, values, left=start, color=colour, height=0.7, label=words)
            start = [a + b for a, b in zip(start, values)]
        axes.axvline(0.5, color=INK, linewidth=0.8, linestyle=":")
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
        axes.set_yticks(places, [f"{short(each.a, 18)}, {short(each.b, 18)}" for each in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_color(GREY)
        axes.set_xlabel("share of replicates")
        figure.legend(loc="outside upper right", ncols=3)
        return figure


def _knowledge(known: Knowledge) -> Iterator[str]:
    """The background knowledge, a sentence each."""
    if known.tiers:
        tiers = "; ".join(f"{i}: {names(tier)}" for i, tier in enumerate(known.tiers, start=1))
        yield f"In time order, nothing later causes anything earlier. {tiers}."
    if known.apart_within:
        yield "Within a tier nothing causes anything."
    if known.required:
        yield f"Required: {names([f'{a} -> {b}' for a, b in known.required])}."
    if known.forbidden:
        yield f"Forbidden: {names([f'{a} -> {b}' for a, b in known.forbidden])}."
    if known.exogenous:
        yield f"Caused by nothing here: {names(known.exogenous)}."
    if known.latent_pairs:
        yield f"Known to share an unmeasured cause: {names([f'{a} and {b}' for a, b in known.latent_pairs])}."


def _provenance(
    found: Discovery, how_sure: Stability | None, source: str, fingerprint: str
) -> list[tuple[str, str]]:
    spent = f"search {found.seconds:.2f} s"
    if how_sure is not None:
        spent += f", {how_sure.replicates} replicates {how_sure.seconds:.2f} s"
    versions = [f"aitia {__version__}", f"Python {platform.python_version()}"]
    versions += [f"{package} {metadata.version(package)}" for package in _PACKAGES]
    lines = [
        ("Data", source),
        ("Fingerprint of the data", fingerprint),
        ("Algorithm", repr(found.algorithm)),
        ("Source", found.algorithm.reference),
        ("Replicates", "" if how_sure is None else f"{how_sure.replicates} from {how_sure.resampled}"),
        ("Seed", str(found.seed)),
        ("Time", spent),
        ("Versions", ", ".join(versions)),
    ]
    return [(left, right) for left, right in lines if right]
