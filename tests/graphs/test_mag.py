"""Maximal ancestral graphs and their PAGs: against all small graphs, and against definitions on random ones."""

import os
import random
from itertools import combinations

import pytest
from class_oracles import (
    ARROW,
    CIRCLE,
    TAIL,
    agreed,
    every_mag,
    mag_classes,
    random_dag,
    separations,
    shuffled,
)
from graph_oracles import descendants, mixed_graphs, separated, subsets
from hypothesis import given, settings

from aitia.graphs import (
    Edge,
    Graph,
    GraphError,
    GraphKind,
    GraphKindError,
    Mark,
    Marks,
    completed,
    is_pag,
    m_separated,
    mag_of,
    orient_colliders,
    orient_pag,
    pag_of,
    representative,
    same_class,
)
from aitia.graphs._ancestral_members import ancestral_members
from aitia.graphs._mag import Anterior

SLOW = os.environ.get("AITIA_SLOW") == "1"


@settings(max_examples=150, deadline=None)
@given(mixed_graphs(most=6, flags=True))
def test_a_mag_by_its_definition(graph):
    """Richardson & Spirtes (2002), Section 4.2.1, with separations by trying every path."""
    mag = mag_of(graph)
    assert Graph(mag.nodes, mag.edges, kind="pag") == mag
    assert mag.nodes == graph.observed
    ancestors = {
        (a, b): b in descendants(graph, a) or bool(descendants(graph, a) & graph.selected)
        for a in graph.observed
        for b in graph.observed
    }
    for a, b in combinations(graph.observed, 2):
        apart = any(separated(graph, a, b, given) for given in subsets(set(graph.observed) - {a, b}))
        edges = mag.edges_between(a, b)
        assert bool(edges) != apart
        for edge in edges:
            assert edge.mark_at(a) == (TAIL if ancestors[a, b] else ARROW)
            assert edge.mark_at(b) == (TAIL if ancestors[b, a] else ARROW)


@settings(max_examples=100, deadline=None)
@given(mixed_graphs(most=6, flags=True))
def test_a_mag_has_the_separations_of_the_measured_nodes(graph):
    mag = mag_of(graph)
    for a, b in combinations(graph.observed, 2):
        for given_ in subsets(set(graph.observed) - {a, b}):
            assert m_separated(mag, a, b, given_) == m_separated(graph, a, b, given_)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_the_pag_of_every_small_mag_is_what_its_class_agrees_on(size):
    for mags in mag_classes(size):
        expected = agreed(mags)
        assert all(pag_of(mag) == expected for mag in mags)
        assert is_pag(expected)
        assert representative(expected) in mags


@pytest.mark.parametrize("seed", range(1500 if SLOW else 40))
def test_the_pag_of_a_mag_of_five_nodes(seed):
    """Every graph with the skeleton of a random MAG, those of its class put side by side."""
    draw = random.Random(seed)
    names = tuple("abcde")
    while True:
        pairs = [pair for pair in combinations(names, 2) if draw.random() < 0.55]
        if len(pairs) > 6:
            continue
        sorts = [(TAIL, ARROW), (ARROW, TAIL), (ARROW, ARROW), (ARROW, ARROW), (TAIL, TAIL)]
        edges = tuple(Edge(a, b, *draw.choice(sorts)) for a, b in pairs)
        try:
            mag = Graph(names, edges, kind="pag")
            break
        except GraphError:
            continue
    wanted = separations(mag)
    mags = [other for other in every_mag(names, pairs, optional=False) if separations(other) == wanted]
    assert pag_of(mag) == agreed(mags)


def test_rules_4_and_10_and_those_of_selection():
    """The graphs that Zhang (2008, Figures 3 to 5) draws for the rules that are seldom met."""
    # Discriminating path a *-> b <-> c for c, between a and d; c a collider or not
    for edges, end in (("c <-> d", "c <-> d"), ("c -> d", "c -> d")):
        pag = pag_of(Graph.parse(f"[pag]; a -> b; b <-> c; b -> d; {edges}"))
        assert Graph.parse(f"[pag]; {end}").edges[0] in pag.edges
    # The same along two colliders: t, q, a, b, c
    pag = pag_of(Graph.parse("[pag]; t -> q; q <-> a; b -> a; q -> c; a -> c; b -> c"))
    assert Edge("b", "c", TAIL, ARROW) in pag.edges
    pag = pag_of(Graph.parse("[pag]; t -> q; q <-> a; a <-> b; q -> c; a -> c; b <-> c"))
    assert Edge("b", "c", ARROW, ARROW) in pag.edges and Edge("a", "b", ARROW, ARROW) in pag.edges
    # R5: a chordless cycle of undirected edges
    assert pag_of(Graph.parse("[pag]; a -- b -- c -- d -- a")) == Graph.parse("[pag]; a -- b -- c -- d -- a")
    # R9: a o-> d and an uncovered path a, b, c, d with b and d apart
    assert Edge("a", "d") in pag_of(Graph.parse("[pag]; a -> b -> c -> d; a -> d")).edges
    # R10: a o-> d and paths from a to two parents of d, whose tails show (by e and f), b and c apart
    pag = pag_of(Graph.parse("a -> b -> d; a -> c -> d; a -> d; e -> b; f -> c"))
    assert Edge("a", "d") in pag.edges and Edge("a", "b", CIRCLE, ARROW) in pag.edges


@pytest.mark.parametrize("rule", [1, 2, 3, 4, 5, 6, 7, 9, 10])
def test_no_rule_can_be_left_out(rule):
    """R8 alone is never missed here: where it applies, another rule gives the same tail in these graphs."""
    for seed in range(700):
        mag = mag_of(random_dag(9, 2.5 + seed % 3, seed, latent=0.15, selected=0.08 * (seed % 2)))
        marks = Marks.of(mag)
        for beside in marks.at:
            beside.update(dict.fromkeys(beside, CIRCLE))
        separator = Anterior(mag._adjacency)
        orient_colliders(marks, separator)
        orient_pag(marks, separator, rules=[each for each in range(1, 11) if each != rule])
        if marks.graph(mag.nodes, "pag", trusted=True) != pag_of(mag):
            return
    pytest.fail("leaving the rule out changed nothing")


@pytest.mark.parametrize("seed", range(300 if SLOW else 25))
def test_every_circle_is_open_both_ways(seed):
    """Completeness beyond five nodes: for each circle a member with a tail there, and one with an arrowhead."""
    graph = random_dag(8, 2.5 + seed % 2, 1000 + seed, latent=0.15, selected=0.08 * (seed % 2))
    mag, pag = mag_of(graph), pag_of(graph)
    wanted = separations(mag)
    for edge in pag.edges:
        for node in (edge.a, edge.b):
            for mark in (TAIL, ARROW) if edge.mark_at(node) is CIRCLE else ():
                ends = [mark if n == node else edge.mark_at(n) for n in (edge.a, edge.b)]
                others = tuple(each for each in pag.edges if each != edge)
                found = next(ancestral_members(pag.nodes, (*others, Edge(edge.a, edge.b, *ends))), None)
                assert found is not None, f"{edge} is never {mark} at {node}"
                assert separations(Graph(pag.nodes, found, kind="pag")) == wanted


@pytest.mark.parametrize("seed", range(400 if SLOW else 60))
def test_laws_of_the_pag_of_a_larger_graph(seed):
    graph = random_dag(14, 3, seed, latent=0.2, selected=0.1 * (seed % 2))
    mag, pag = mag_of(graph), pag_of(graph)
    for edge in pag.edges:
        (true,) = mag.edges_between(edge.a, edge.b)
        assert all(edge.mark_at(n) in (CIRCLE, true.mark_at(n)) for n in (edge.a, edge.b))
    assert Graph(pag.nodes, pag.edges, kind="pag") == pag
    assert pag_of(mag) == pag == pag_of(pag)
    member = representative(pag)
    assert pag_of(member) == pag
    again, names = shuffled(graph, seed)
    assert pag_of(again) == pag.relabel({old: new for old, new in names.items() if old in pag})


@pytest.mark.parametrize("seed", range(30))
def test_without_hidden_nodes_a_pag_has_the_arrows_of_the_cpdag(seed):
    dag = random_dag(8, 3, seed)
    pag, cpdag = pag_of(dag), completed(dag)
    assert pag_of(cpdag) == pag
    heads = {(e.other(n), n) for e in pag.edges for n in (e.a, e.b) if e.mark_at(n) is Mark.ARROW}
    assert heads == {(e.a, e.b) for e in cpdag.edges if e.directed}


def test_same_class():
    assert same_class(Graph.parse("a -> b -> c"), Graph.parse("a <- b <- c"))
    assert not same_class(Graph.parse("a -> b -> c"), Graph.parse("a -> b <- c"))
    assert same_class(
        Graph.parse("a -> b <- c"), Graph.parse("a <- u -> b <- v -> c; u [latent]; v [latent]")
    )
    assert not same_class(Graph.parse("a -> b"), Graph.parse("a -> c"))
    for mags in mag_classes(3):
        assert all(same_class(mags[0], mag) for mag in mags)
    firsts = [mags[0] for mags in mag_classes(3)]
    assert not any(same_class(a, b) for a, b in combinations(firsts, 2))


def test_what_misses_an_orientation_is_no_pag():
    for text, message in {
        "[pag]; a o-> b o-o c": "the rules turn b o-o c into b -> c",
        "[pag]; a -> b o-> c; a o-o c": "This is not a pag: the rules turn",
    }.items():
        with pytest.raises(GraphKindError, match=message):
            Graph.parse(text)
    mag = Graph.parse("[pag]; a -> b; b <-> c")
    assert mag.kind is GraphKind.PAG and not is_pag(mag)
    with pytest.raises(GraphKindError):
        is_pag(Graph.parse("a -> b"))
    with pytest.raises(GraphKindError):
        mag_of(Graph.parse("a o-o b"))
