"""Implied independences: sound, minimal, and complete where they claim to be."""

from itertools import combinations

import pytest
from graph_oracles import mixed_graphs, separated, subsets
from hypothesis import given, settings

from aitia.graphs import Graph, GraphKindError, Independence, implied_independences, local_markov

LAWS = settings(max_examples=60, deadline=None)


@LAWS
@given(mixed_graphs(most=6, flags=True))
def test_one_minimal_statement_for_each_pair_that_can_be_separated(graph):
    found = {frozenset((each.x, each.y)): each for each in implied_independences(graph)}
    assert len(found) == len(implied_independences(graph))
    for x, y in combinations(graph.observed, 2):
        others = set(graph.observed) - {x, y}
        sets = [some for some in subsets(others) if separated(graph, x, y, some)]
        each = found.get(frozenset((x, y)))
        assert (each is None) == (not sets)
        if each:
            given = set(each.given)
            assert given in sets and not any(some < given for some in sets)


def test_known_answers():
    # By hand, from d-separation; R's dagitty lists the same two (recalled, not run here).
    diamond = Graph.parse("a -> b -> c; a -> d -> c")
    assert [str(each) for each in implied_independences(diamond)] == ["a _||_ c | b, d", "b _||_ d | a"]
    # Verma's graph (Verma & Pearl 1990): its only independence is a and c given b; the other constraint is
    # not one
    verma = Graph.parse("a -> b -> c -> d; b <-> d")
    assert implied_independences(verma) == (Independence("a", "c", ("b",)),)
    # An inducing path: a and d are not adjacent, and no set separates them
    assert implied_independences(Graph.parse("c <-> a <-> b <-> d; a -> d; b -> c")) == ()
    assert implied_independences(Graph.parse("a; b; c"), limit=2) == (
        Independence("a", "b"),
        Independence("a", "c"),
    )
    assert str(implied_independences(Graph.parse("a; b"))[0]) == "a _||_ b"


def test_an_equivalence_class_has_the_independences_of_its_members():
    assert implied_independences(Graph.parse("a -- b -- c")) == implied_independences(
        Graph.parse("a -> b -> c")
    )


@LAWS
@given(mixed_graphs(most=6, two_way=False))
def test_the_local_markov_basis_is_sound_and_has_one_statement_a_pair(graph):
    basis = local_markov(graph)
    assert all(separated(graph, each.x, each.y, each.given) for each in basis)
    pairs = {frozenset((each.x, each.y)) for each in basis}
    joined = {frozenset((edge.a, edge.b)) for edge in graph.edges}
    assert len(pairs) == len(basis)
    assert pairs == {frozenset(pair) for pair in combinations(graph.nodes, 2)} - joined


def test_the_local_markov_basis_refuses_hidden_nodes():
    with pytest.raises(GraphKindError, match="without latent and selected"):
        local_markov(Graph.parse("u -> x; u [latent]"))
    with pytest.raises(GraphKindError, match="kind dag"):
        local_markov(Graph.parse("a <-> b"))
