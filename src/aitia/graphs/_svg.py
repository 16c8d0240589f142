"""A graph as inline SVG: no scripts, no outside links, every name escaped."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from aitia.graphs._edge import Edge, Mark
from aitia.graphs._graph import Graph, Nodes
from aitia.graphs._layout import FONT, LINE, MARGIN, Box, Curve, Layout, Point, end_mark, layout, text_width
from aitia.graphs._style import BIDIRECTED, INK, Role, edge_colour, legend_entries, roles

_ARROW = 9.0
_LINE_WIDTH = 1.4
_SMALL = 11.5


def to_svg(
    graph: Graph,
    *,
    treatment: Nodes = (),
    outcome: Nodes = (),
    adjusted: Nodes = (),
    legend: bool = True,
    widths: Mapping[Edge, float] | None = None,
) -> str:
    """The graph drawn in layers from causes on the left to effects on the right, as inline SVG.

    Bidirected edges are dashed arcs. Nodes adjusted for are boxed and green, latent ones dashed and grey,
    selection nodes boxed with two lines; treatment is blue, outcome orange. A name too long for its box is cut;
    pointing at it shows the whole.

    Args:
        graph: the graph.
        treatment: the node or nodes that are set.
        outcome: the node or nodes that answer.
        adjusted: the nodes adjusted for.
        legend: whether to explain the colours and arcs that occur, below the graph.
        widths: the width of edges' lines in pixels, by edge; 1.4 for those not in it.

    Returns:
        One ``<svg>`` element with its own size in CSS pixels, which shrinks to the width of the page.

    Raises:
        UnknownNode: a set names a node that is not in the graph.

    Example:
        >>> svg = to_svg(Graph.parse("z -> x -> y; z -> y"), treatment="x", outcome="y", adjusted="z")
        >>> svg.startswith("<svg") and svg.endswith("</svg>")
        True
    """
    found = roles(graph, treatment, outcome, adjusted)
    plan = layout(graph)
    entries = legend_entries(graph, found) if legend else []
    key, width, height = _legend(entries, plan)
    words = f"Causal graph with {len(graph.nodes)} nodes and {len(graph.edges)} edges"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{words}" '
        f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" '
        'style="max-width:100%;height:auto;background:#fff" '
        f'font-family="Helvetica,Arial,\'DejaVu Sans\',sans-serif" font-size="{FONT:g}">'
    ]
    given = widths or {}
    parts += [_curve(curve, given.get(curve.edge, _LINE_WIDTH)) for curve in plan.curves]
    parts += [_box(box, found[box.name]) for box in plan.boxes]
    return "".join([*parts, *key, "</svg>"])


def _curve(curve: Curve, width: float) -> str:
    colour = edge_colour(curve.edge)
    pieces = list(curve.pieces)
    start, last = curve.start, pieces[-1]
    marks = []
    for at_start in (True, False):
        mark, tip, (dx, dy) = end_mark(curve, at_start)
        if mark is Mark.ARROW:
            marks.append(_arrow(tip, (dx, dy), colour, width))
        elif mark is Mark.CIRCLE:
            x, y = tip[0] - 4.2 * dx, tip[1] - 4.2 * dy
            marks.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.8" fill="#fff" stroke="{colour}" stroke-width="1.4"/>'
            )
        if mark is not Mark.TAIL:
            # The line stops under its mark, so that it does not show at the tip.
            back = tip[0] - 6 * dx, tip[1] - 6 * dy
            if at_start:
                start = back
            else:
                pieces[-1] = (last[0], last[1], back)
    path = f"M{_point(start)}" + "".join(f"C{' '.join(map(_point, piece))}" for piece in pieces)
    # Dashes grow with the line, or a wide one would look dotted.
    scale = width / _LINE_WIDTH
    dash = f' stroke-dasharray="{6 * scale:.3g} {4 * scale:.3g}"' if curve.edge.bidirected else ""
    title = f"<title>{_safe(str(curve.edge))}</title>"
    line = f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width:.3g}"{dash}>{title}</path>'
    return line + "".join(marks)


def _arrow(tip: Point, direction: Point, colour: str, width: float) -> str:
    dx, dy = direction
    length = arrow_length(_ARROW, width)
    back = tip[0] - length * dx, tip[1] - length * dy
    wing = length * 0.42
    corners = (tip, (back[0] - wing * dy, back[1] + wing * dx), (back[0] + wing * dy, back[1] - wing * dx))
    return f'<polygon points="{" ".join(map(_point, corners))}" fill="{colour}"/>'


def arrow_length(plain: float, width: float) -> float:
    """The length of an arrowhead on a line of this width: a wide line needs a longer one to be seen."""
    return plain + 1.8 * max(0.0, width - _LINE_WIDTH)


def _box(box: Box, role: Role) -> str:
    parts = [f"<g><title>{_safe(box.name)}</title>", _outline(box.x, box.y, box.width, box.height, role)]
    slant = ' font-style="italic"' if role.dashed else ""
    top = box.y - (len(box.lines) - 1) * LINE / 2
    parts += [
        f'<text x="{box.x:.1f}" y="{top + k * LINE:.1f}" dy="0.35em" text-anchor="middle" fill="#111"{slant}>'
        f"{_safe(line)}</text>"
        for k, line in enumerate(box.lines)
    ]
    return "".join([*parts, "</g>"])


def _outline(x: float, y: float, width: float, height: float, role: Role) -> str:
    dash = ' stroke-dasharray="5 3"' if role.dashed else ""
    parts = []
    for inset in (0.0, 3.0) if role.double else (0.0,):
        w, h = width - 2 * inset, height - 2 * inset
        bend = 0.0 if role.boxed else min(h / 2, 14.0)
        parts.append(
            f'<rect x="{x - w / 2:.1f}" y="{y - h / 2:.1f}" width="{w:.1f}" height="{h:.1f}" rx="{bend:.1f}" '
            f'fill="{role.fill}" stroke="{role.stroke}" stroke-width="{role.width:g}"{dash}/>'
        )
    return "".join(parts)


def _legend(entries: list[Role | str], plan: Layout) -> tuple[list[str], float, float]:
    """The legend below the graph, and the size of the picture with it."""
    if not entries:
        return [], plan.width, plan.height
    wide = max(plan.width, 260.0)
    parts: list[str] = []
    x, y = MARGIN, plan.height + 8.0
    for entry in entries:
        label = entry if isinstance(entry, str) else entry.label
        need = 28.0 + text_width(label, _SMALL) + 16.0
        if x + need > wide and x > MARGIN:
            x, y = MARGIN, y + 20.0
        if isinstance(entry, Role):
            parts.append(_outline(x + 11, y, 22, 13, entry))
        else:
            parts.append(
                f'<path d="M{x + 2:.1f} {y + 4:.1f}Q{x + 11:.1f} {y - 10:.1f} {x + 20:.1f} {y + 4:.1f}" '
                f'fill="none" stroke="{BIDIRECTED}" stroke-width="1.4" stroke-dasharray="4 2.5"/>'
            )
        parts.append(
            f'<text x="{x + 28:.1f}" y="{y:.1f}" dy="0.35em" fill="{INK}" font-size="{_SMALL:g}">{label}</text>'
        )
        x += need
    return parts, wide, y + 16.0


def _point(point: Point) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"


def _safe(text: str) -> str:
    """Escaped, and without characters that XML does not allow."""
    return escape("".join(c if c.isprintable() else " " for c in text))
