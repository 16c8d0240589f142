"""Members of a class, and knowledge that cuts a class down: against all small graphs."""

import os
import random
from collections import Counter
from itertools import islice
from math import factorial

import pytest
from class_oracles import dag_classes, mag_classes, random_dag, random_knowledge, random_mpdag, shuffled

from aitia.core import stats
from aitia.graphs import (
    ClassTooLarge,
    ContradictoryKnowledge,
    Graph,
    GraphError,
    GraphKind,
    GraphKindError,
    Marks,
    UnknownNode,
    completed,
    count_members,
    is_pag,
    members,
    orient_pag,
    pag_of,
    representative,
    restrict,
    sample_member,
)
from aitia.graphs._chordal import permutations_without_prefixes
from aitia.graphs._edge import directed

SLOW = os.environ.get("AITIA_SLOW") == "1"
RULES_WITHOUT_SEPARATORS = (1, 2, 3, 5, 6, 7, 8, 9, 10)
LARGEST = 5 if SLOW else 4


def test_the_cpdag_of_every_small_dag_and_its_members():
    classes = dag_classes(LARGEST)
    # Gillispie & Perlman (2002), Table 1: classes and DAGs on 4 and 5 labelled nodes
    assert (len(classes), sum(map(len, classes))) == {4: (185, 543), 5: (8782, 29281)}[LARGEST]
    for dags in classes:
        made = {completed(dag) for dag in dags}
        assert len(made) == 1
        (cpdag,) = made
        assert Graph(cpdag.nodes, cpdag.edges, kind="cpdag") == cpdag
        found = list(members(cpdag))
        assert len(found) == len(set(found)) == count_members(cpdag)
        assert set(found) == set(dags)


def test_knowledge_filters_the_members_of_every_small_class():
    contradictions = 0
    for number, dags in enumerate(dag_classes(4)):
        cpdag = completed(dags[0])
        for seed in range(4 if number % 4 else 8):
            required, forbidden = random_knowledge(cpdag, 100 * number + seed)
            left = {
                dag
                for dag in dags
                if all(directed(*pair) in dag.edges for pair in required)
                and not any(directed(*pair) in dag.edges for pair in forbidden)
            }
            if left:
                mpdag = restrict(cpdag, required, forbidden)
                assert Graph(mpdag.nodes, mpdag.edges, kind="mpdag") == mpdag
                assert set(members(mpdag)) == left
                assert count_members(mpdag) == len(left)
            else:
                contradictions += 1
                with pytest.raises(ContradictoryKnowledge) as caught:
                    restrict(cpdag, required, forbidden)
                # The pieces that it names clash, and none of them could be left out.
                pieces = caught.value.pieces
                assert pieces
                for dropped in (None, *pieces):
                    kept = [each for each in pieces if each != dropped]
                    wanted = [each.split() for each in kept]
                    fits = any(
                        all(
                            (directed(a, b) in dag.edges) == (word == "required")
                            for a, _, b, _, word in wanted
                        )
                        for dag in dags
                    )
                    assert fits == (dropped is not None)
    assert contradictions > 50


def test_contradictory_knowledge_says_what_clashes():
    graph = Graph.parse("a -- b -- c; d -> e <- f")
    with pytest.raises(ContradictoryKnowledge) as caught:
        restrict(graph, required=[("d", "e"), ("a", "b"), ("c", "b")])
    assert caught.value.pieces == ("a -> b is required", "c -> b is required")
    with pytest.raises(
        ContradictoryKnowledge, match=r"e -> d is required \(between these nodes it has d -> e\)"
    ):
        restrict(graph, required=[("e", "d")])
    with pytest.raises(ContradictoryKnowledge, match=r"a -> f is required \(there is no such edge\)"):
        restrict(graph, required=[("a", "f")])
    with pytest.raises(ContradictoryKnowledge, match="b -> a is forbidden; a -> b is forbidden"):
        restrict(graph, forbidden=[("b", "a"), ("a", "b")])
    with pytest.raises(UnknownNode, match="named in what is forbidden"):
        restrict(graph, forbidden=[("b", "x")])
    with pytest.raises(GraphKindError):
        restrict(Graph.parse("a o-> b"))
    assert restrict(graph, required=[("d", "e")], forbidden=[("a", "f")]) is graph


def test_a_cpdag_needs_all_nodes_measured():
    with pytest.raises(GraphError, match="'u' is latent or selected"):
        completed(Graph.parse("u -> a; u -> b; u [latent]"))
    with pytest.raises(GraphKindError):
        completed(Graph.parse("a <-> b"))


def chordal(size, width, seed):
    """A connected chordal graph: each node joined to some of a clique that is already there."""
    draw = random.Random(seed)
    cliques, edges = [[0]], []
    for new in range(1, size):
        clique = draw.choice(cliques)
        chosen = draw.sample(clique, draw.randint(1, min(width, len(clique))))
        edges += [(f"v{i}", f"v{new}") for i in chosen]
        cliques.append([*chosen, new])
    return Graph.build([f"v{i}" for i in range(size)], undirected=edges, kind="cpdag")


def complete_but(size, missing):
    names = [f"v{i}" for i in range(size)]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    return Graph.build(names, undirected=pairs[missing:], kind="cpdag")


@pytest.mark.parametrize("size", [4, 5, 9, 30])
def test_closed_forms_of_the_size_of_a_class(size):
    """He, Jia & Yu (2015), Counting and exploring sizes of Markov equivalence classes of DAGs, Theorem 3."""
    assert count_members(chordal(size, 1, size)) == size  # trees
    triangle = chordal(size, 1, size).with_edges("v0 -- x; v0 -- y; x -- y")
    assert count_members(triangle) == 2 * (size + 2)  # as many edges as nodes
    assert count_members(complete_but(size, 0)) == factorial(size)
    assert count_members(complete_but(size, 1)) == 2 * factorial(size - 1) - factorial(size - 2)
    # Two edges at one node left out: of two shapes with so many edges, the one that is chordal
    assert count_members(complete_but(size, 2)) == (size**2 - size - 4) * factorial(size - 3)


@pytest.mark.parametrize("seed", range(40 if SLOW else 15))
def test_counting_agrees_with_listing(seed):
    graph = chordal(8, 1 + seed % 4, seed)
    assert count_members(graph) == sum(1 for _ in members(graph))
    mpdag, dag = random_mpdag(seed, size=9, degree=4)
    listed = set(members(mpdag))
    assert count_members(mpdag) == len(listed)
    assert dag in listed
    assert {completed(each) for each in listed} == {completed(dag)}


def test_permutations_without_prefixes_of_every_size_are_indecomposable():
    # OEIS A003319: permutations of 1..n none of whose proper prefixes is 1..k
    got = [permutations_without_prefixes(n, tuple(range(1, n))) for n in range(1, 10)]
    assert got == [1, 1, 3, 13, 71, 461, 3447, 29093, 273343]


def test_a_class_of_a_hundred_nodes_is_counted_exactly():
    graph = chordal(100, 4, 3)
    again, _ = shuffled(graph, 7)
    assert count_members(graph) == count_members(again) > 10**9


def test_counting_splits_over_components():
    assert count_members(Graph.parse("a -- b -- c; d -- e; f -- g -- h -- f; x -> y <- z")) == 3 * 2 * 6


def test_limits_are_errors_and_never_cut_a_class_short():
    graph = Graph.parse("a -- b -- c -- d")
    assert len(list(members(graph, 4))) == 4
    with pytest.raises(ClassTooLarge, match="more than 3 members"):
        list(members(graph, 3))
    assert len(list(islice(members(complete_but(60, 0)), 5))) == 5
    pieces = [(f"v{i}", f"v{i + 3}") for i in range(0, 9, 3)]
    with pytest.raises(ClassTooLarge, match="more than 2 splits"):
        count_members(restrict(complete_but(12, 0), pieces), work=2)


@pytest.mark.parametrize(
    "text", ["a -- b -- c -- a; b -- d -- c; d -- e", "[mpdag]; a -> b; a -- c; b -- c; c -- d; a -- d"]
)
def test_members_are_drawn_uniformly(text):
    graph = Graph.parse(text)
    every = list(members(graph))
    draws = 1500
    found = Counter(sample_member(graph, seed) for seed in range(draws))
    assert found.keys() == set(every)
    # Chi-square against equal frequencies; the seeds are fixed, a right sampler would fail one time in 1,000.
    assert stats.chisquare([found[each] for each in every]).pvalue > 0.001
    assert sample_member(graph, 5) == sample_member(graph, 5)


def test_a_member_of_a_large_class():
    graph = chordal(60, 4, 1)
    assert completed(sample_member(graph, 3)) == graph
    with pytest.raises(GraphKindError):
        sample_member(Graph.parse("a o-o b"))


def test_the_members_of_every_small_pag():
    for mags in mag_classes(3 if not SLOW else 4):
        pag = pag_of(mags[0])
        assert set(members(pag)) == set(mags)
        assert set(members(pag, selection=False)) == {
            mag for mag in mags if not any(edge.undirected for edge in mag.edges)
        }
        assert count_members(pag) == len(mags)


def test_a_pag_with_knowledge_keeps_the_members_that_agree():
    draw = random.Random(4)
    tried = 0
    for mags in mag_classes(4):
        pag = pag_of(mags[0])
        circles = [(e, n) for e in pag.edges for n in (e.a, e.b) if e.mark_at(n) == "circle"]
        if not circles or draw.random() < (0.5 if not SLOW else 0.0):
            continue
        edge, node = draw.choice(circles)
        truth = draw.choice(mags)
        (known,) = truth.edges_between(edge.a, edge.b)
        marks = {n: known.mark_at(n) if n == node else edge.mark_at(n) for n in (edge.a, edge.b)}
        narrowed = type(edge)(edge.a, edge.b, marks[edge.a], marks[edge.b])
        edges = tuple(narrowed if e == edge else e for e in pag.edges)
        left = [m for m in mags if m.edges_between(edge.a, edge.b)[0].mark_at(node) == known.mark_at(node)]
        graph = Graph._trusted(pag.nodes, edges, frozenset(), frozenset(), GraphKind.PAG)
        assert set(members(graph)) == set(left)
        marks = Marks.of(graph)
        assert orient_pag(marks, lambda a, b: (), rules=RULES_WITHOUT_SEPARATORS) == []
        assert representative(marks.graph(graph.nodes, "pag")) in left
        tried += 1
    assert tried > 60


def test_a_pag_that_knowledge_left_valid_is_accepted():
    # Zhang's Theorem 2 puts c between b and a here, which would make a cycle with the arrow a o-> b.
    graph = Graph.parse("b o-o c; c o-o a; a o-> b")
    assert not is_pag(graph)
    assert representative(graph) in set(members(graph))


def test_relabelling_changes_nothing():
    for seed in range(20):
        dag = random_dag(12, 3, seed)
        again, names = shuffled(dag, seed)
        cpdag = completed(dag)
        assert completed(again) == cpdag.relabel(names)
        required = [(e.a, e.b) for e in dag.edges][::3]
        assert restrict(completed(again), [(names[a], names[b]) for a, b in required]) == restrict(
            cpdag, required
        ).relabel(names)
        assert count_members(completed(again)) == count_members(cpdag)


def test_marks_that_leave_out_what_separations_show_have_no_members():
    # Whether c is a collider between b and d shows in the class (a, b, c, d discriminates), and here it is open.
    edges = Graph.parse("a -> b; b -> d").edges + Graph.parse("b <-> c").edges + Graph.parse("c o-> d").edges
    graph = Graph._trusted(("a", "b", "c", "d"), edges, frozenset(), frozenset(), GraphKind.PAG)
    assert list(members(graph)) == []
