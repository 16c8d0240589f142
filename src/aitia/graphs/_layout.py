"""Where nodes and edges go: layers from left to right, few crossings, no edge through a node.

The steps of Sugiyama, Tagawa & Toda (1981): a layer for each node by longest paths, stand-ins where an edge
passes a layer, an order within each layer by barycentres, and coordinates. Lengths are in CSS pixels, y downwards.
Both renderers draw what this module answers.
"""

from __future__ import annotations

import math
import unicodedata
from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from aitia.graphs._edge import Edge, Mark
from aitia.graphs._errors import GraphKindError
from aitia.graphs._graph import Graph
from aitia.graphs._kinds import representative

FONT = 13.0
LINE = 16.0
MARGIN = 14.0
_ROW_GAP = 16.0
_STAND_IN_GAP = 9.0
_COLUMN_GAP = 52.0
_SWEEPS = 12
_LONGEST_LINE = 20
_MOST_LINES = 3

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A node on paper: its name, the lines that show it, its centre and size."""

    name: str
    lines: tuple[str, ...]
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Curve:
    """An edge on paper, from `edge.a` to `edge.b`: its start, then cubic Bézier pieces (control, control, end)."""

    edge: Edge
    start: Point
    pieces: tuple[tuple[Point, Point, Point], ...]


@dataclass(frozen=True)
class Layout:
    """Boxes and curves in a picture of a given size."""

    boxes: tuple[Box, ...]
    curves: tuple[Curve, ...]
    width: float
    height: float


def text_width(text: str, size: float = FONT) -> float:
    """About how wide a text is in a sans-serif font of that size; rather too wide than too narrow."""
    total = 0.0
    for c in text:
        if c in "iljtfrI.,:;'|!()[] ":
            total += 0.38
        elif unicodedata.east_asian_width(c) in "WF":
            total += 1.05
        elif unicodedata.combining(c):
            continue
        else:
            total += 0.92 if c in "mwMW@%" else 0.72 if c.isupper() else 0.63
    return total * size


def shown(name: str) -> tuple[str, ...]:
    """A name as lines: broken at spaces and underscores, cut with an ellipsis, nothing unprintable."""
    clean = "".join(c if c.isprintable() else " " for c in name)
    clean = " ".join(clean.split()) or "(blank)"
    words: list[str] = []
    for piece in clean.replace("_", "_\0").replace(" ", " \0").split("\0"):
        # A word too long for a line is cut into pieces of one length.
        size = math.ceil(len(piece) / math.ceil(len(piece) / _LONGEST_LINE)) if piece else 1
        words += [piece[i : i + size] for i in range(0, len(piece), size)]
    lines = [""]
    for word in words:
        if lines[-1] and len((lines[-1] + word).rstrip()) > _LONGEST_LINE:
            lines.append("")
        lines[-1] += word
    if len(lines) > _MOST_LINES:
        lines = lines[:_MOST_LINES]
        lines[-1] = lines[-1][: _LONGEST_LINE - 1].rstrip() + "…"
    return tuple(line.strip() for line in lines)


@dataclass(eq=False)
class _Place:
    """A node or a stand-in while places are sought."""

    layer: int
    height: float
    node: int = -1
    before: list[_Place] = field(default_factory=list)
    after: list[_Place] = field(default_factory=list)
    beside: list[_Place] = field(default_factory=list)
    rank: int = 0
    y: float = 0.0

    @property
    def gap(self) -> float:
        return _ROW_GAP if self.node >= 0 else _STAND_IN_GAP


def layout(graph: Graph) -> Layout:
    """Places for all nodes and edges of a graph."""
    if not graph.nodes:
        return Layout((), (), 2 * MARGIN, 2 * MARGIN)
    index = graph._adjacency.index
    labels = [shown(node) for node in graph.nodes]
    widths = [max(max(map(text_width, lines)) + 22.0, 40.0) for lines in labels]
    heights = [len(lines) * LINE + 12.0 for lines in labels]
    layers_of, arcs = _layers(graph)
    places = [_Place(layer, height, i) for i, (layer, height) in enumerate(zip(layers_of, heights))]
    layers: list[list[_Place]] = [[] for _ in range(max(layers_of) + 1)]
    for place in places:
        layers[place.layer].append(place)
    # Each drawn arc runs rightwards through a chain of places, one a layer.
    chains: list[list[_Place]] = []
    for _, a, b in arcs:
        chain = [places[a]]
        for layer in range(places[a].layer + 1, places[b].layer):
            stand_in = _Place(layer, 2.0)
            layers[layer].append(stand_in)
            chain.append(stand_in)
        chain.append(places[b])
        for one, other in pairwise(chain):
            one.after.append(other)
            other.before.append(one)
        chains.append(chain)
    for edge in graph.edges:
        if edge.bidirected:
            one, other = places[index[edge.a]], places[index[edge.b]]
            one.beside.append(other)
            other.beside.append(one)
    _order(layers)
    _settle(layers)
    columns = _columns(layers, widths)
    boxes = [
        Box(node, labels[i], columns[places[i].layer][0], places[i].y, widths[i], heights[i])
        for i, node in enumerate(graph.nodes)
    ]
    curves = _arc_curves(arcs, chains, boxes, columns)
    taken: Counter[Point] = Counter()
    for edge in graph.edges:
        if edge.bidirected:
            curves.append(_bow(edge, boxes[index[edge.a]], boxes[index[edge.b]], boxes, taken))
    return _framed(boxes, curves)


def _layers(graph: Graph) -> tuple[list[int], list[tuple[Edge, int, int]]]:
    """The layer of each node, and every edge but the bidirected ones with its left and right end."""
    # Edges with an open end are laid as they point in one member of the class.
    order = {i: position for position, i in enumerate(_running_order(graph))}
    index = graph._adjacency.index
    arcs = []
    after: list[list[int]] = [[] for _ in graph.nodes]
    before: list[list[int]] = [[] for _ in graph.nodes]
    for edge in graph.edges:
        if edge.bidirected:
            continue
        a, b = index[edge.a], index[edge.b]
        if order[a] > order[b]:
            a, b = b, a
        arcs.append((edge, a, b))
        after[a].append(b)
        before[b].append(a)
    layer = [0] * len(graph.nodes)
    run = sorted(order, key=order.__getitem__)
    for i in run:
        layer[i] = max((layer[j] + 1 for j in before[i]), default=0)
    # A node with more edges to its right than to its left is moved right as far as these allow.
    for i in reversed(run):
        if len(after[i]) > len(before[i]):
            layer[i] = min(layer[j] for j in after[i]) - 1
    lowest = min(layer)
    return [each - lowest for each in layer], arcs


def _running_order(graph: Graph) -> list[int]:
    """All nodes, causes before effects as far as the marks say."""
    try:
        return list(representative(graph)._adjacency.topological_order)
    except GraphKindError:
        # A search over few rows can leave marks that fit no member of a class; it is drawn all the same.
        settled = list(graph._adjacency.topological_order)
        return [*settled, *(i for i in range(len(graph.nodes)) if i not in set(settled))]


def _crossings(layers: Sequence[Sequence[_Place]]) -> int:
    total = 0
    for layer in layers:
        seen: list[int] = []
        for place in layer:
            ends = sorted(other.rank for other in place.after)
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _order(layers: list[list[_Place]]) -> None:
    """Order the places within each layer to cross few edges: barycentre sweeps, the best one kept."""

    def number() -> None:
        for layer in layers:
            for rank, place in enumerate(layer):
                place.rank = rank

    number()
    best, least = [list(layer) for layer in layers], _crossings(layers)
    for sweep in range(_SWEEPS):
        forwards = sweep % 2 == 0
        for layer in layers if forwards else layers[::-1]:
            keys = {}
            for place in layer:
                near = place.before if forwards else place.after
                marks = [other.rank for other in near]
                marks += [other.rank for other in place.beside if other.layer != place.layer]
                keys[place] = sum(marks) / len(marks) if marks else float(place.rank)
            layer.sort(key=keys.__getitem__)
            for rank, place in enumerate(layer):
                place.rank = rank
        now = _crossings(layers)
        if now < least:
            best, least = [list(layer) for layer in layers], now
        if not least:
            break
    for layer, ordered in zip(layers, best):
        layer[:] = ordered
    number()


def _spread(wanted: Sequence[float], gaps: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The places nearest to those wanted (weighted squares) that keep their order and at least the gaps between.

    With the gaps taken off it is isotonic regression, solved by pooling adjacent violators.
    """
    offset = [0.0]
    for gap in gaps:
        offset.append(offset[-1] + gap)
    pools: list[list[float]] = []  # mean, weight, count
    for want, shift, weight in zip(wanted, offset, weights):
        pools.append([want - shift, weight, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            mean, heavy, count = pools.pop()
            last = pools[-1]
            last[0] = (last[0] * last[1] + mean * heavy) / (last[1] + heavy)
            last[1] += heavy
            last[2] += count
    flat = [mean for mean, _, count in pools for _ in range(int(count))]
    return [value + shift for value, shift in zip(flat, offset)]


def _settle(layers: list[list[_Place]]) -> None:
    """Heights on paper: each place near its neighbours in other layers, none closer than the gaps allow."""

    def apart(layer: list[_Place]) -> list[float]:
        return [
            (one.height + other.height) / 2
            + max(one.gap, other.gap) * (one.node >= 0 or other.node >= 0)
            + _STAND_IN_GAP * (one.node < 0 and other.node < 0)
            for one, other in pairwise(layer)
        ]

    for layer in layers:
        spread = _spread([0.0] * len(layer), apart(layer), [1.0] * len(layer))
        for place, y in zip(layer, spread):
            place.y = y
    for sweep in range(_SWEEPS):
        last = sweep >= _SWEEPS - 4
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            wanted, weights = [], []
            for place in layer:
                near = place.before if sweep % 2 == 0 else place.after
                if last or not near:
                    near = [*place.before, *place.after]
                # Long edges are kept straight before short ones.
                pulls = [(other.y, 4.0 if other.node < 0 and place.node < 0 else 1.0) for other in near]
                pulls = pulls or [(place.y, 0.2)]
                weight = sum(pull for _, pull in pulls)
                wanted.append(sum(y * pull for y, pull in pulls) / weight)
                weights.append(weight)
            for place, y in zip(layer, _spread(wanted, apart(layer), weights)):
                place.y = y


def _columns(layers: list[list[_Place]], widths: list[float]) -> list[tuple[float, float]]:
    """Centre and width of each layer's column; columns with many edges between them stand wider apart."""
    columns: list[tuple[float, float]] = []
    right = 0.0
    for layer in layers:
        width = max((widths[place.node] for place in layer if place.node >= 0), default=0.0)
        steep = max((abs(place.y - other.y) for place in layer for other in place.before), default=0.0)
        gap = _COLUMN_GAP + min(steep / 8, 40.0) if columns else 0.0
        columns.append((right + gap + width / 2, width))
        right += gap + width
    return columns


def _arc_curves(
    arcs: list[tuple[Edge, int, int]],
    chains: list[list[_Place]],
    boxes: list[Box],
    columns: list[tuple[float, float]],
) -> list[Curve]:
    """Edges as curves that leave and enter boxes at their sides and pass stand-ins level."""
    out: list[list[int]] = [[] for _ in boxes]
    into: list[list[int]] = [[] for _ in boxes]
    for k, (_, a, b) in enumerate(arcs):
        out[a].append(k)
        into[b].append(k)
    leave: dict[int, Point] = {}
    enter: dict[int, Point] = {}
    for i, box in enumerate(boxes):
        for ends, at, side, step in ((out[i], leave, 1, 1), (into[i], enter, -1, -2)):
            # Ends share the side of the box, in the order of where they come from.
            ends.sort(key=lambda k, step=step: chains[k][step].y)
            room = min(box.height - 12.0, 7.0 * (len(ends) - 1))
            for position, k in enumerate(ends):
                shift = room * (position / (len(ends) - 1) - 0.5) if len(ends) > 1 else 0.0
                at[k] = (box.x + side * box.width / 2, box.y + shift)
    curves = []
    for k, (edge, a, _) in enumerate(arcs):
        points = [leave[k]]
        for place in chains[k][1:-1]:
            centre, width = columns[place.layer]
            points += [(centre - width / 2, place.y), (centre + width / 2, place.y)]
        points.append(enter[k])
        pieces = []
        for (x0, y0), (x1, y1) in pairwise(points):
            bend = (x1 - x0) * 0.45
            pieces.append(((x0 + bend, y0), (x1 - bend, y1), (x1, y1)))
        curve = Curve(edge, points[0], tuple(pieces))
        curves.append(curve if boxes[a].name == edge.a else _turned(curve))
    return curves


def _turned(curve: Curve) -> Curve:
    ends = [curve.start, *(piece[2] for piece in curve.pieces)]
    pieces = [(second, first, end) for (first, second, _), end in zip(curve.pieces, ends)]
    return Curve(curve.edge, ends[-1], tuple(reversed(pieces)))


def along(start: Point, piece: tuple[Point, Point, Point], t: float) -> Point:
    """The point of a Bézier piece at t between 0 and 1."""
    s = 1 - t
    (x0, y0), ((x1, y1), (x2, y2), (x3, y3)) = start, piece
    return (
        s**3 * x0 + 3 * s * s * t * x1 + 3 * s * t * t * x2 + t**3 * x3,
        s**3 * y0 + 3 * s * s * t * y1 + 3 * s * t * t * y2 + t**3 * y3,
    )


def _bow(edge: Edge, a: Box, b: Box, boxes: list[Box], taken: Counter[Point]) -> Curve:
    """A bidirected edge as the shortest of several arcs that touch the fewest other boxes.

    `taken` counts the arcs that already end at a point; another one there is avoided.
    """
    choices: list[Curve] = []
    for rise in (26.0, 44.0, 70.0, 110.0, 170.0):
        for side in (-1.0, 1.0):
            # Bowed out sideways where the boxes stand above each other, else upwards or downwards
            if abs(a.x - b.x) < (a.width + b.width) / 2:
                start, end = (a.x + side * a.width / 2, a.y), (b.x + side * b.width / 2, b.y)
                reach = side * rise + (max if side > 0 else min)(start[0], end[0])
                controls = (reach, a.y * 0.75 + b.y * 0.25), (reach, a.y * 0.25 + b.y * 0.75)
            else:
                start, end = (a.x, a.y + side * a.height / 2), (b.x, b.y + side * b.height / 2)
                reach = side * rise + (max if side > 0 else min)(start[1], end[1])
                controls = (a.x * 0.75 + b.x * 0.25, reach), (a.x * 0.25 + b.x * 0.75, reach)
            choices.append(Curve(edge, start, ((*controls, end),)))
    side = 1.0 if a.x < b.x else -1.0
    lean = 1.0 if a.y < b.y else -1.0
    start = (a.x + side * a.width / 2, a.y + lean * a.height * 0.28)
    end = (b.x - side * b.width / 2, b.y - lean * b.height * 0.28)
    if (end[0] - start[0]) * side > 30.0 and abs(a.y - b.y) > 30.0:
        # Between columns: from the facing side of one to the facing side of the other
        bend = (end[0] - start[0]) * 0.5
        choices.append(Curve(edge, start, (((start[0] + bend, start[1]), (end[0] - bend, end[1]), end),)))

    def cost(curve: Curve) -> float:
        points = [along(curve.start, curve.pieces[0], k / 40) for k in range(1, 40)]
        hits = sum(
            abs(x - box.x) < box.width / 2 + 4 and abs(y - box.y) < box.height / 2 + 4
            for box in boxes
            if box is not a and box is not b
            for x, y in points
        )
        length = sum(abs(x1 - x0) + abs(y1 - y0) for (x0, y0), (x1, y1) in pairwise(points))
        shared = taken[curve.start] + taken[curve.pieces[0][2]]
        return 100.0 * hits + length + 60.0 * shared

    best = min(choices, key=cost)
    taken.update((best.start, best.pieces[0][2]))
    return best


def _framed(boxes: list[Box], curves: list[Curve]) -> Layout:
    """Everything moved so that the picture begins at (0, 0) with a margin."""
    xs = [box.x + side * box.width / 2 for box in boxes for side in (-1, 1)]
    ys = [box.y + side * box.height / 2 for box in boxes for side in (-1, 1)]
    for curve in curves:
        start = curve.start
        for piece in curve.pieces:
            for k in range(11):
                x, y = along(start, piece, k / 10)
                xs.append(x)
                ys.append(y)
            start = piece[2]
    left, top = MARGIN - min(xs), MARGIN - min(ys)

    def moved(point: Point) -> Point:
        return point[0] + left, point[1] + top

    return Layout(
        tuple(
            Box(each.name, each.lines, each.x + left, each.y + top, each.width, each.height) for each in boxes
        ),
        tuple(
            Curve(
                each.edge,
                moved(each.start),
                tuple((moved(one), moved(two), moved(end)) for one, two, end in each.pieces),
            )
            for each in curves
        ),
        max(xs) - min(xs) + 2 * MARGIN,
        max(ys) - min(ys) + 2 * MARGIN,
    )


def end_mark(curve: Curve, at_start: bool) -> tuple[Mark, Point, Point]:
    """The mark at one end of a curve, its tip, and the unit vector that points out of the curve there."""
    first, last = curve.pieces[0], curve.pieces[-1]
    tip, toward = (curve.start, first[0]) if at_start else (last[2], last[1])
    dx, dy = tip[0] - toward[0], tip[1] - toward[1]
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    mark = curve.edge.mark_a if at_start else curve.edge.mark_b
    return mark, tip, (dx / length, dy / length)
