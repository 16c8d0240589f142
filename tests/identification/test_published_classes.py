"""Small classes whose answers follow from the theorems by hand, and what is said where there is none."""

from __future__ import annotations

import pytest

from aitia.graphs import Graph, completed, pag_of
from aitia.identification import (
    Effect,
    Interventional,
    Local,
    NaturalDirect,
    PossibleConfoundingSet,
    Rule,
    SingleGraphQuestion,
    UnsettledPath,
    adjustment_sets,
    identify,
    is_adjustment_set,
    optimal_adjustment,
    possible_estimands,
)


def test_amenable_and_not():
    # Amenability (Perkovic, Textor, Kalisch & Maathuis 2018, definition 7): an edge out of the treatment has
    # to be directed and visible; a node into x and apart from y makes it visible (Zhang 2008).
    assert identify(Graph.parse("x o-o y"), Effect("x", "y")).identified is False
    assert identify(pag_of(Graph.parse("v -> x; x -> y")), Effect("x", "y")).identified is False
    instrument = pag_of(Graph.parse("v -> x; w -> x; x -> y"))
    assert instrument == Graph.parse("v o-> x; w o-> x; x -> y")
    assert is_adjustment_set(instrument, "x", "y", [])
    assert is_adjustment_set(instrument, "x", "y", ["v"])


def test_no_adjustment_set_but_identified():
    # Two treatments with a variable between them that one affects and the other needs: amenable, but what would have
    # to be adjusted for is forbidden. The bucket formula (Perkovic 2020, theorem 3.6) still answers.
    graph = completed(
        Graph.parse("x1 -> m; m -> x2; x2 -> y; x1 -> y; m -> y; c1 -> x1; c2 -> x1; c1 -> c3; c2 -> c3")
    )
    assert not list(adjustment_sets(graph, ["x1", "x2"], "y"))
    found = identify(graph, Interventional(("y",), ("x1", "x2")))
    assert found.identified and found.text() == "Σ_{m} P(m | x1) P(y | x1, m, x2)"


def test_maathuis_local_sets():
    # Maathuis, Kalisch & Buehlmann 2009, algorithm 3: in the chain x1 - x2 - x3 the possible parents of x2 are {}, {x1}
    # and {x3}, never both, which would be a new collider.
    local = possible_estimands(Graph.parse("x1 -- x2; x2 -- x3"), Effect("x2", "x3"), method=Local())
    assert [(each.words, each.zero) for each in local] == [
        ("x2 -> x1, x2 -> x3", False),
        ("x1 -> x2, x2 -> x3", False),
        ("x2 -> x1, x3 -> x2", True),
    ]
    found = possible_estimands(Graph.parse("x1 -- x2; x2 -- x3"), Effect("x2", "x3"))
    assert [(each.words, each.zero) for each in found] == [("x2 -> x3", False), ("x3 -> x2", True)]
    assert [each.count for each in found] == [2, 1]


def test_settled_by_knowledge():
    # As Perkovic, Kalisch & Maathuis 2017 motivate MPDAGs: knowledge turns a CPDAG into an MPDAG that is amenable.
    graph = Graph.parse("z -- x; x -- y; z -- y")
    found = identify(graph, Effect("x", "y"))
    assert isinstance(found.witness, UnsettledPath) and str(found.witness) == "possibly causal path x -- y"
    assert "settle the direction of x -- y: if it is y -> x" in found.suggestions[0]
    known = Graph.parse("z -> x; x -> y; z -> y", kind="mpdag")
    assert identify(known, Effect("x", "y")).adjustment == ("z",)
    assert optimal_adjustment(known, "x", "y").adjustment == ("z",)


def test_a_front_door_is_lost_in_its_class():
    # The graph itself identifies by the front door (Pearl 1995); its PAG cannot rule out x o-> y, and says so.
    truth = Graph.parse("a -> x; b -> x; x -> m; m -> y; x <-> y")
    assert identify(truth, Effect("x", "y")).rule is Rule.FRONT_DOOR
    pag = pag_of(truth)
    found = identify(pag, Effect("x", "y"))
    assert isinstance(found.witness, UnsettledPath) and str(found.witness.edge) == "x o-> y"
    assert "if it stands for x -> y, with no unmeasured common cause" in found.suggestions[0]
    joint = identify(pag, Interventional(("m",), ("x",)))
    assert joint.identified and joint.text() == "P(m | x)"


def test_no_effect_is_answered_exactly():
    for graph in (Graph.parse("a -> y; b -> y", kind="cpdag"), Graph.parse("a o-> y; b o-> y")):
        found = identify(graph, Interventional(("a",), ("y",)))
        assert found.identified and found.text() == "P(a)"
        assert "zero" in identify(graph, Effect("y", "a")).reason
        (only,) = possible_estimands(graph, Effect("y", "a"))
        assert only.zero and only.weight == 1


def test_what_is_asked_of_single_graphs_only_is_said():
    found = identify(Graph.parse("x -> m; w -> m; m -> y", kind="cpdag"), NaturalDirect("x", "y", ("m",)))
    assert isinstance(found.witness, SingleGraphQuestion) and "single graphs only" in found.sentence


@pytest.mark.parametrize("text", ["x o-> y; z o-> y", "x o-o y"])
def test_the_edge_to_settle_is_named(text: str):
    found = identify(Graph.parse(text), Effect("x", "y"))
    assert found.suggestions[0].startswith("settle x o-")
    assert any("possible_estimands" in each for each in found.suggestions)
    assert not isinstance(found.witness, PossibleConfoundingSet)
