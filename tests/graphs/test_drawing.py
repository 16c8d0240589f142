"""The drawing: nothing overlaps, arrows run rightwards, names come through harmless."""

import io
from itertools import combinations
from xml.etree import ElementTree

import pytest
from graph_oracles import mixed_graphs
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.core import stream
from aitia.graphs import Graph, UnknownNode, draw, to_svg
from aitia.graphs._layout import _spread, along, layout, shown

LAWS = settings(max_examples=40, deadline=None)
SVG = "{http://www.w3.org/2000/svg}"


def overlap(one, other):
    return (
        abs(one.x - other.x) < (one.width + other.width) / 2
        and abs(one.y - other.y) < (one.height + other.height) / 2
    )


def inside(box, point):
    return abs(point[0] - box.x) < box.width / 2 - 0.5 and abs(point[1] - box.y) < box.height / 2 - 0.5


def assert_tidy(graph):
    plan = layout(graph)
    boxes = {box.name: box for box in plan.boxes}
    assert set(boxes) == set(graph.nodes)
    assert len(plan.curves) == len(graph.edges)
    for one, other in combinations(plan.boxes, 2):
        assert not overlap(one, other)
    for box in plan.boxes:
        assert box.width / 2 <= box.x <= plan.width - box.width / 2
        assert box.height / 2 <= box.y <= plan.height - box.height / 2
    for curve in plan.curves:
        start, points = curve.start, []
        for piece in curve.pieces:
            points += [along(start, piece, k / 20) for k in range(21)]
            start = piece[2]
        if not curve.edge.bidirected:
            # No edge runs through a node, not even through its own.
            assert not any(inside(box, point) for box in plan.boxes for point in points)
        if curve.edge.directed:
            assert boxes[curve.edge.a].x < boxes[curve.edge.b].x
            assert points[0][0] < points[-1][0]
        near = boxes[curve.edge.a]
        assert abs(points[0][0] - near.x) <= near.width / 2 + 0.5
        assert abs(points[0][1] - near.y) <= near.height / 2 + 0.5


@LAWS
@given(mixed_graphs(most=7, flags=True, least=1))
def test_a_layout_is_tidy(graph):
    assert_tidy(graph)


def test_larger_graphs_and_classes_are_tidy():
    random = stream(0, "layout")
    for size in (15, 40):
        names = [f"variable {i} with a name" for i in range(size)]
        pairs = [(names[i], names[j]) for j in range(size) for i in range(j) if random.random() < 2.5 / size]
        assert_tidy(Graph.build(names, pairs))
    for text in (
        "a -- b; b -- c",
        "a o-> c; b o-> c; c -> d; e o-o f; c <-> g; g -> h",
        "a",
        "[undirected]; a -- b",
    ):
        assert_tidy(Graph.parse(text))
    assert "<svg" in to_svg(Graph(()))


@given(
    st.lists(st.tuples(st.floats(-50, 50), st.floats(0, 20), st.floats(0.1, 4)), min_size=1, max_size=8),
    st.integers(0, 7),
    st.floats(-1, 1),
)
@LAWS
def test_spreading_keeps_gaps_and_is_nearest(rows, which, nudge):
    wanted, gaps, weights = ([row[k] for row in rows] for k in range(3))
    gaps = gaps[1:]
    found = _spread(wanted, gaps, weights)
    assert all(b - a >= gap - 1e-9 for a, b, gap in zip(found, found[1:], gaps))

    def loss(places):
        return sum(w * (a - b) ** 2 for a, b, w in zip(places, wanted, weights))

    # The loss is convex, so that no feasible nudge may improve on the answer.
    other = list(found)
    other[which % len(other)] += nudge
    if all(b - a >= gap for a, b, gap in zip(other, other[1:], gaps)):
        assert loss(other) >= loss(found) - 1e-6


def test_names_are_shown_in_few_lines():
    assert shown("age") == ("age",)
    assert shown("body mass index at first visit") == ("body mass index at", "first visit")
    assert shown("health_insurance_plan") == ("health_insurance_", "plan")
    assert shown("a\nb\x00c") == ("a b c",)
    assert shown("\n") == ("(blank)",)
    long = shown("word " * 40)
    assert len(long) == 3 and long[-1].endswith("…") and max(map(len, long)) <= 20


def test_the_svg_marks_roles_and_explains_them():
    graph = Graph.parse("z -> x -> y; z -> y; x <-> y; u [latent]; u -> y; s [selected]; y -> s")
    svg = to_svg(graph, treatment="x", outcome="y", adjusted="z")
    root = ElementTree.fromstring(svg)
    texts = [each.text for each in root.iter(SVG + "text")]
    assert texts == [
        *graph.nodes,
        "treatment",
        "outcome",
        "adjusted for",
        "latent",
        "selected",
        "unmeasured common cause",
    ]
    groups = {group.find(SVG + "title").text: group for group in root.iter(SVG + "g")}
    strokes = {name: group.find(SVG + "rect").get("stroke") for name, group in groups.items()}
    assert strokes["x"] == "#0072B2" and strokes["y"] == "#D55E00" and strokes["z"] == "#007A59"
    assert groups["u"].find(SVG + "rect").get("stroke-dasharray")
    assert len(groups["s"].findall(SVG + "rect")) == 2
    arcs = [path for path in root.iter(SVG + "path") if path.find(SVG + "title") is not None]
    dashed = [path.find(SVG + "title").text for path in arcs if path.get("stroke-dasharray")]
    assert len(arcs) == len(graph.edges) and dashed == ["x <-> y"]
    # Arrowheads: one for each directed edge, two for the bidirected one.
    assert len(list(root.iter(SVG + "polygon"))) == len(graph.edges) + 1
    plain = to_svg(Graph.parse("a -> b"))
    assert "treatment" not in plain and "legend" not in plain
    assert "treatment" not in to_svg(graph, treatment="x", legend=False)
    assert Graph.parse("a -> b")._repr_html_() == plain


@LAWS
@given(st.lists(st.text(min_size=1, max_size=12), min_size=2, max_size=2, unique=True))
def test_hostile_names_are_harmless_in_svg(names):
    hostile = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</svg>", "]]>&lt;"]
    for name in (*names, *hostile):
        svg = to_svg(Graph.build(directed=[(name, "y" + name)]))
        root = ElementTree.fromstring(svg)
        tags = {each.tag.removeprefix(SVG) for each in root.iter()}
        assert tags <= {"svg", "g", "title", "rect", "text", "path", "polygon", "circle"}
        assert not any(key.startswith("on") or "href" in key for each in root.iter() for key in each.attrib)


def test_large_graphs_show_a_line_instead_of_a_picture():
    graph = Graph.build([f"<b>{i}" for i in range(201)])
    assert graph._repr_html_() == "<code>&lt;Graph: dag with 201 nodes and 0 edges&gt;</code>"


def test_circles_are_drawn():
    root = ElementTree.fromstring(to_svg(Graph.parse("a o-> b; c o-o d")))
    assert len(list(root.iter(SVG + "circle"))) == 3
    assert len(list(root.iter(SVG + "polygon"))) == 1


def test_the_figure_shows_every_name_as_plain_text():
    graph = Graph.parse('"cost in $ per $" -> y; u [latent]; u -> y; w <-> y')
    figure = draw(graph, treatment="cost in $ per $", outcome="y", title="Cost")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == [*graph.nodes, "treatment", "outcome", "latent", "unmeasured common cause", "Cost"]
    image = io.BytesIO()
    figure.savefig(image, format="png")
    assert image.getvalue().startswith(b"\x89PNG")
    assert draw(Graph.parse("a o-o b")).axes[0].patches


def test_unknown_roles_are_refused():
    graph = Graph.parse("treatment -> y")
    for ask in (to_svg, draw):
        with pytest.raises(UnknownNode, match=r"the treatment(.|\n)*Did you mean 'treatment'"):
            ask(graph, treatment="treatmnt")
    with pytest.raises(UnknownNode, match="the adjustment set"):
        to_svg(graph, adjusted="z")
