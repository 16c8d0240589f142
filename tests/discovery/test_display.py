"""How a discovery is shown."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from toys import Fixed, Hidden, Threshold, normal

from aitia.core import Decision
from aitia.discovery import Discovery, EdgeEvidence, Knowledge
from aitia.discovery._display import strengths
from aitia.graphs import Edge, Graph, to_svg

HOSTILE = "\"><script>alert('x')</script>"


@pytest.fixture
def found() -> Discovery:
    return Threshold(0.2).run(normal(500, 0.5), Knowledge(exogenous=["a"]))


def test_sentences_say_what_was_found_and_what_it_rests_on(found: Discovery):
    text = repr(found)
    assert text.startswith("Threshold joins 5 pairs of 4 variables, 0 directions settled")
    assert "It rests on 500 rows and 6 tests." in text
    assert "It stands on 2 assumptions, of which 1 cannot be tested by data." in text
    assert "It keeps to the background knowledge it was given." in text
    assert "  a -- b" in text
    warned = replace(found, warnings=("Look out.",))
    assert repr(warned).endswith("Warning: Look out.")
    empty = Fixed((Graph.build("abcd"),)).run(normal(10, 0.1))
    assert "Fixed joins 0 pairs of 4 variables, no edge" in repr(empty)


def test_inferred_variables_are_named():
    text = repr(Hidden().run(normal(50, 0.1)))
    assert "of 4 variables and 2 unmeasured ones" in text
    assert "It infers an unmeasured L" in text and "behind a, b." in text


def test_long_graphs_are_cut():
    names = [f"v{i}" for i in range(60)]
    graph = Graph.build(names, list(itertools.pairwise(names)))
    assert "... and 29 more" in repr(Discovery(graph, Fixed((graph,))))


def test_json_has_the_fixed_shape(found: Discovery):
    odd = replace(
        found,
        details={"matrix": np.eye(2), "nothing": float("nan"), "graph": found.graph, "many": {"k": (1, 2)}},
        decisions=(Decision("did", "why"),),
        score=float("inf"),
    )
    held = json.loads(json.dumps(odd.to_dict(), allow_nan=False))
    assert held["graph"]["kind"] == "undirected" and ["a", "tail", "tail", "b"] in held["graph"]["edges"]
    assert held["tests"] == 6 and held["seconds"] >= 0 and held["rows"] == 500
    assert held["algorithm"] == {
        "name": "threshold",
        "options": {"least": 0.2, "rows_too": False},
        "reference": "none",
    }
    assert held["details"]["matrix"] == [[1, 0], [0, 1]] and held["details"]["nothing"] is None
    assert held["knowledge"]["exogenous"] == ["a"] and held["decisions"] == [{"what": "did", "why": "why"}]
    assert {"a", "b", "adjacent", "given", "p_value", "reason"} <= set(held["evidence"][0])
    assert [each["key"] for each in held["assumptions"]] == ["linearity", "faithfulness"]


def test_marks_are_in_the_order_of_the_ends():
    graph = Graph.parse("a o-> b; b <-> c; c -> d", kind="pag")
    edges = Discovery(graph, Fixed((graph,))).to_dict()["graph"]["edges"]
    assert edges == [["a", "circle", "arrow", "b"], ["b", "arrow", "arrow", "c"], ["c", "tail", "arrow", "d"]]


def test_html_escapes_every_name():
    graph = Graph.build([HOSTILE, "b"], [(HOSTILE, "b")])
    evidence = (EdgeEvidence(HOSTILE, "b", True, (HOSTILE,), 3.0, 0.01, reason=HOSTILE),)
    html = Discovery(graph, Fixed((graph,)), evidence, warnings=(HOSTILE,))._repr_html_()
    assert "<script" not in html and "&lt;script&gt;" in html
    ElementTree.fromstring(html)


def test_widths_follow_the_evidence():
    graph = Graph.parse("a -> b; b -> c; c -> d")
    rows = (
        EdgeEvidence("a", "b", True, weight=-2.0),
        EdgeEvidence("c", "b", True, weight=0.5),
        EdgeEvidence("a", "c", False, weight=9.0),
    )
    found = Discovery(graph, Fixed((graph,)), rows)
    assert strengths(found) == {Edge("a", "b"): 1.0, Edge("b", "c"): 0.25}
    widths = found.widths()
    assert widths[Edge("a", "b")] > widths[Edge("b", "c")] > 0
    assert f'stroke-width="{widths[Edge("a", "b")]:.3g}"' in to_svg(graph, widths=widths)
    lines = {round(each.get_linewidth(), 3) for each in found.draw().axes[0].patches if not each.get_fill()}
    assert round(widths[Edge("a", "b")] * 0.75, 3) in lines and round(1.4 * 0.75, 3) in lines
    assert strengths(Discovery(graph, Fixed((graph,)))) == {}
    scored = replace(found, evidence=(EdgeEvidence("a", "b", True, score=10.0, weight=0.1, statistic=99.0),))
    assert strengths(scored) == {Edge("a", "b"): 1.0}


def test_marks_that_fit_no_class_are_drawn_all_the_same():
    # No member of a class has these marks: a four-cycle of plain lines.
    lines = Graph.parse("a -- b; b -- c; c -- d; d -- a", kind="undirected")
    from aitia.graphs import GraphKind

    odd = Graph._trusted(lines.nodes, lines.edges, frozenset(), frozenset(), GraphKind.CPDAG)
    assert to_svg(odd).count("<path") == 4
