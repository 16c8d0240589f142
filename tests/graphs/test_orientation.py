"""Orientation rules on marks: colliders, Meek's rules one by one, clashes, and independence of the nodes' order."""

import random

import pytest
from class_oracles import ARROW, CIRCLE, TAIL, random_dag, random_mpdag

from aitia.graphs import Clash, Graph, Marks, close_under_meek, completed, orient_colliders, orient_pag


def lines(count, *pairs):
    marks = Marks(count)
    for a, b in pairs:
        marks.join(a, b, TAIL, TAIL)
    return marks


def with_arrows(marks, *pairs):
    for a, b in pairs:
        if not marks.joined(a, b):
            marks.join(a, b)
        marks.orient(a, b)
    return marks


def arrows(marks):
    return {(a, b) for a in range(len(marks)) for b in marks.at[a] if marks.is_arrow(a, b)}


def test_colliders_on_circles_and_on_lines():
    for open_mark in (CIRCLE, TAIL):
        marks = Marks(4)
        for a in (0, 2, 3):
            marks.join(a, 1, open_mark, open_mark)
        # 0 and 2 are separated by nothing, the other two pairs by 1
        assert orient_colliders(marks, lambda a, b: set() if (a, b) == (0, 2) else {1}) == []
        assert [marks.at[a][1] for a in (0, 2, 3)] == [ARROW, ARROW, open_mark]
        assert [marks.at[1][a] for a in (0, 2, 3)] == [open_mark] * 3


def test_colliders_leave_open_what_is_ambiguous_or_has_no_known_separator():
    for options in ({"ambiguous": {(0, 1, 2)}}, {}):
        marks = lines(3, (0, 1), (1, 2))
        separator = {} if options else None
        assert orient_colliders(marks, lambda a, b: separator, **options) == []  # noqa: B023
        assert not arrows(marks)


def test_a_collider_against_knowledge_is_reported_and_the_knowledge_kept():
    marks = with_arrows(lines(3, (0, 1)), (1, 2))
    assert orient_colliders(marks, lambda a, b: ()) == [Clash(2, 1, TAIL, ARROW, 0)]
    assert arrows(marks) == {(1, 2)}


def test_two_colliders_that_want_a_line_both_ways():
    # 0 - 1 - 2 - 3 with colliders at 1 and at 2
    marks = lines(4, (0, 1), (1, 2), (2, 3))
    clashes = orient_colliders(marks, lambda a, b: ())
    assert set(clashes) == {Clash(1, 2, TAIL, ARROW, 0), Clash(2, 1, TAIL, ARROW, 0)}
    assert marks.at[1][2] is ARROW and marks.at[2][1] is ARROW


@pytest.mark.parametrize(
    ("given", "open_pairs", "turned"),
    [
        ([(0, 1)], [(1, 2)], {(1, 2)}),
        ([(0, 1), (1, 2)], [(0, 2)], {(0, 2)}),
        ([(2, 1), (3, 1)], [(0, 1), (0, 2), (0, 3)], {(0, 1)}),
        ([(2, 3), (3, 1)], [(0, 1), (0, 2), (0, 3)], {(0, 1)}),
    ],
    ids=["rule 1", "rule 2", "rule 3", "rule 4"],
)
def test_each_of_meeks_rules(given, open_pairs, turned):
    """Meek (1995), Figure 1; nothing else turns in any of these graphs."""
    marks = with_arrows(lines(4, *open_pairs), *given)
    assert close_under_meek(marks) == []
    assert arrows(marks) - set(given) == turned


def test_ambiguous_triples_stop_the_rules_that_need_a_non_collider():
    marks = with_arrows(lines(3, (1, 2)), (0, 1))
    assert close_under_meek(marks, ambiguous={(0, 1, 2)}) == []
    assert arrows(marks) == {(0, 1)}


def test_a_line_that_one_round_turns_both_ways_stays_and_is_reported():
    marks = with_arrows(lines(4, (1, 2)), (0, 1), (3, 2))
    clashes = close_under_meek(marks)
    assert set(clashes) == {Clash(1, 2, TAIL, ARROW, 1), Clash(2, 1, TAIL, ARROW, 1)}
    assert arrows(marks) == {(0, 1), (3, 2)}


def test_the_rules_of_a_pag_keep_knowledge_and_report_what_contradicts_it():
    # 0 *-> 1 o-o 2 with 0 and 2 apart: rule 1 wants 1 -> 2, but 2 -> 1 is known
    marks = Marks(3)
    marks.join(0, 1, CIRCLE, ARROW)
    marks.orient(2, 1)
    assert orient_pag(marks, lambda a, b: {1}) == []  # a collider is nothing that rule 1 speaks of
    marks = Marks(3)
    marks.join(0, 1, CIRCLE, ARROW)
    marks.join(1, 2, CIRCLE, TAIL)
    assert orient_pag(marks, lambda a, b: {1}) == [Clash(1, 2, TAIL, ARROW, 1)]
    assert marks.at[1][2] is TAIL


def test_an_unknown_separator_keeps_rule_1_from_guessing():
    marks = Marks(3)
    marks.join(0, 1, CIRCLE, ARROW)
    marks.join(1, 2)
    assert orient_pag(marks, lambda a, b: None) == []
    assert marks.at[1][2] is CIRCLE
    orient_pag(marks, lambda a, b: {1})
    assert marks.is_arrow(1, 2)


def test_only_the_rules_named_are_used():
    marks = Marks(3)
    marks.join(0, 1)
    marks.join(1, 2)
    orient_pag(marks, lambda a, b: (), rules=range(2, 11))
    assert all(mark is CIRCLE for beside in marks.at for mark in beside.values())
    orient_pag(marks, lambda a, b: (), rules=(0,))
    assert marks.at[0][1] is ARROW and marks.at[2][1] is ARROW


def renumbered(marks, order):
    made = Marks(len(marks))
    for a, b in marks.pairs():
        made.join(order[a], order[b], marks.at[b][a], marks.at[a][b])
    return made


@pytest.mark.parametrize("seed", range(60))
def test_marks_that_fit_no_graph_are_oriented_alike_in_any_order(seed):
    """Wrong separators, as data give them: the order of the nodes must not matter."""
    draw = random.Random(seed)
    size = 7
    order = draw.sample(range(size), size)
    skeleton = [(a, b) for a in range(size) for b in range(a) if draw.random() < 0.45]
    sets = {
        frozenset((a, b)): {c for c in range(size) if draw.random() < 0.5}
        for a in range(size)
        for b in range(a)
    }

    def first(a, b):
        return sets[frozenset((a, b))]

    def second(a, b):
        return {order[c] for c in first(order.index(a), order.index(b))}

    for mark, close in ((CIRCLE, orient_pag), (TAIL, lambda marks, _: close_under_meek(marks))):
        one = Marks(size)
        for a, b in skeleton:
            one.join(a, b, mark, mark)
        other = renumbered(one, order)
        for marks, separator in ((one, first), (other, second)):
            orient_colliders(marks, separator)
            close(marks, separator)
        assert renumbered(one, order).at == other.at


@pytest.mark.parametrize("seed", range(30))
def test_closing_twice_changes_nothing(seed):
    mpdag, _ = random_mpdag(seed, size=8, degree=4)
    marks = Marks.of(mpdag)
    assert close_under_meek(marks) == []
    assert marks.at == Marks.of(mpdag).at


def test_a_thousand_nodes():
    dag = random_dag(1000, 4, 1)
    cpdag = completed(dag)
    assert Graph(cpdag.nodes, cpdag.edges, kind="cpdag") == cpdag
    assert {edge for edge in cpdag.edges if edge.directed} <= set(dag.edges)
