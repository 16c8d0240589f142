"""A graph as a Matplotlib figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aitia.graphs._edge import Edge, Mark
from aitia.graphs._graph import Graph, Nodes
from aitia.graphs._layout import FONT, LINE, MARGIN, Curve, end_mark, layout, text_width
from aitia.graphs._style import BIDIRECTED, INK, Role, edge_colour, legend_entries, roles
from aitia.graphs._svg import arrow_length

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# CSS pixels in an inch, and points in a pixel.
_INCH = 96.0
_POINT = 72.0 / 96.0


def draw(
    graph: Graph,
    *,
    treatment: Nodes = (),
    outcome: Nodes = (),
    adjusted: Nodes = (),
    legend: bool = True,
    title: str = "",
    widths: Mapping[Edge, float] | None = None,
) -> Figure:
    """The graph drawn in layers from causes on the left to effects on the right, as a Matplotlib figure.

    Looks as `to_svg` does. The figure belongs to no window; save it by ``figure.savefig(path)``.

    Args:
        graph: the graph.
        treatment: the node or nodes that are set.
        outcome: the node or nodes that answer.
        adjusted: the nodes adjusted for.
        legend: whether to explain the colours and arcs that occur, below the graph.
        title: a line above it.
        widths: the width of edges' lines in pixels, by edge; 1.4 for those not in it.

    Raises:
        UnknownNode: a set names a node that is not in the graph.

    Example:
        >>> figure = draw(Graph.parse("z -> x -> y; z -> y"), treatment="x", outcome="y", adjusted="z")
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['z', 'x', 'y', 'treatment', 'outcome', 'adjusted for']
    """
    from matplotlib.figure import Figure

    found = roles(graph, treatment, outcome, adjusted)
    plan = layout(graph)
    entries = legend_entries(graph, found) if legend else []
    width = max(plan.width, 260.0) if entries else plan.width
    rows = _legend_rows(entries, width)
    head = 28.0 if title else 0.0
    height = plan.height + (20.0 * len(rows) + 4.0 if rows else 0.0)
    figure = Figure(figsize=(width / _INCH, (height + head) / _INCH), dpi=150)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0, width), ylim=(height, -head))
    axes.axis("off")
    given = widths or {}
    for curve in plan.curves:
        _add_curve(axes, curve, given.get(curve.edge, 1.4))
    for box in plan.boxes:
        role = found[box.name]
        _add_outline(axes, box.x, box.y, box.width, box.height, role)
        for k, line in enumerate(box.lines):
            y = box.y + (k - (len(box.lines) - 1) / 2) * LINE
            style = "italic" if role.dashed else "normal"
            _add_text(axes, box.x, y, line, FONT, ha="center", style=style)
    for number, row in enumerate(rows):
        y = plan.height + 8.0 + 20.0 * number
        for x, entry in row:
            label = entry if isinstance(entry, str) else entry.label
            if isinstance(entry, Role):
                _add_outline(axes, x + 11, y, 22, 13, entry)
            else:
                from matplotlib.patches import PathPatch
                from matplotlib.path import Path

                points = [(x + 2, y + 4), (x + 11, y - 10), (x + 20, y + 4)]
                path = Path(points, [Path.MOVETO, Path.CURVE3, Path.CURVE3])
                axes.add_patch(
                    PathPatch(path, fill=False, edgecolor=BIDIRECTED, linestyle=(0, (3, 2)), linewidth=1)
                )
            _add_text(axes, x + 28, y, label, 11.5, ha="left")
    if title:
        _add_text(axes, width / 2, -head / 2 + 4, title, 14.0, ha="center")
    return figure


def _legend_rows(entries: list[Role | str], width: float) -> list[list[tuple[float, Role | str]]]:
    rows: list[list[tuple[float, Role | str]]] = []
    x = 0.0
    for entry in entries:
        label = entry if isinstance(entry, str) else entry.label
        need = 28.0 + text_width(label, 11.5) + 16.0
        if not rows or x + need > width:
            rows.append([])
            x = MARGIN
        rows[-1].append((x, entry))
        x += need
    return rows


def _add_text(axes: Axes, x: float, y: float, text: str, size: float, ha: str, style: str = "normal") -> None:
    # Names are text, never mathematics: a dollar sign stays one.
    axes.text(
        x, y, text, ha=ha, va="center", fontsize=size * _POINT, fontstyle=style, color="#111111",
        parse_math=False, zorder=4,
    )  # fmt: skip


def _add_outline(axes: Axes, x: float, y: float, width: float, height: float, role: Role) -> None:
    from matplotlib.patches import FancyBboxPatch

    for inset in (0.0, 3.0) if role.double else (0.0,):
        w, h = width - 2 * inset, height - 2 * inset
        bend = 0.0 if role.boxed else min(h / 2, 14.0)
        shape = "square,pad=0" if role.boxed else f"round,pad=0,rounding_size={bend}"
        axes.add_patch(
            FancyBboxPatch(
                (x - w / 2, y - h / 2),
                w,
                h,
                boxstyle=shape,
                facecolor=role.fill,
                edgecolor=role.stroke,
                linewidth=role.width * _POINT,
                linestyle=(0, (4, 2.5)) if role.dashed else "solid",
                zorder=3,
            )
        )


def _add_curve(axes: Axes, curve: Curve, width: float) -> None:
    from matplotlib.patches import Circle, PathPatch, Polygon
    from matplotlib.path import Path

    colour = edge_colour(curve.edge)
    points = [curve.start, *(point for piece in curve.pieces for point in piece)]
    for at_start in (True, False):
        mark, tip, (dx, dy) = end_mark(curve, at_start)
        if mark is Mark.TAIL:
            continue
        points[0 if at_start else -1] = tip[0] - 6 * dx, tip[1] - 6 * dy
        if mark is Mark.CIRCLE:
            centre = tip[0] - 4.2 * dx, tip[1] - 4.2 * dy
            axes.add_patch(Circle(centre, 3.8, facecolor="white", edgecolor=colour, linewidth=1.0, zorder=2))
        else:
            length = arrow_length(9.0, width)
            back, wing = (tip[0] - length * dx, tip[1] - length * dy), 0.42 * length
            corners = [
                tip,
                (back[0] - wing * dy, back[1] + wing * dx),
                (back[0] + wing * dy, back[1] - wing * dx),
            ]
            axes.add_patch(Polygon(corners, facecolor=colour, edgecolor="none", zorder=2))
    codes = [Path.MOVETO, *[Path.CURVE4] * (len(points) - 1)]
    axes.add_patch(
        PathPatch(
            Path(points, codes),
            fill=False,
            edgecolor=colour or INK,
            linewidth=width * _POINT,
            linestyle=(0, (5, 3)) if curve.edge.bidirected else "solid",
            zorder=1,
        )
    )
