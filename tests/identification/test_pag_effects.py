"""PAGs: what is identified has the value of every member; what is not, members disagree on or do not identify."""

from __future__ import annotations

import os
from itertools import chain, combinations, islice, permutations

import numpy as np
import pytest
from causal_oracle import Model, random_graph
from class_oracle import confounded_members

from aitia.core import stream
from aitia.graphs import Graph, pag_of
from aitia.identification import (
    Effect,
    Interventional,
    Rule,
    adjustment_sets,
    evaluate,
    identify,
    is_adjustment_set,
    possible_estimands,
)
from aitia.identification._identify_class import settled_by_one_edge

SLOW = bool(os.environ.get("AITIA_SLOW"))
CASES = range(600 if SLOW else 30)


def drawn(case: int, size: int = 4) -> tuple[Graph, Graph, np.random.Generator]:
    """A random graph with hidden causes and its PAG."""
    rng = stream(case, "pag")
    truth = random_graph(
        rng, "abcde"[:size], directed=rng.uniform(0.3, 0.8), bidirected=rng.uniform(0.0, 0.4)
    )
    return truth, pag_of(truth), rng


def effect(estimand, model: Model) -> float:
    t = estimand.question.treatment
    return float(evaluate(estimand.expression, model.joint(), at={t: 1, t + "'": 0}))


def truth_of(model: Model, x: str, y: str) -> float:
    return model.mean(model.solve({x: 1})[y] - model.solve({x: 0})[y])


@pytest.mark.parametrize("case", CASES)
def test_what_a_pag_identifies_is_the_answer_of_the_graph_behind_it(case: int):
    graph, pag, rng = drawn(case, 5 if case % 2 else 4)
    model = Model(graph, rng)
    for x, y in permutations(pag.nodes, 2):
        for rules in (None, [Rule.GENERAL]):
            found = identify(pag, Effect(x, y), rules=rules)
            if found.identified:
                for each in (found, *found.alternatives):
                    assert effect(each, model) == pytest.approx(truth_of(model, x, y), abs=1e-9), (
                        graph,
                        pag,
                        each,
                    )


@pytest.mark.parametrize("case", CASES)
def test_joint_interventions_in_a_pag(case: int):
    graph, pag, rng = drawn(case, 5 if case % 2 else 4)
    model = Model(graph, rng)
    nodes = rng.permutation(pag.nodes).tolist()
    for x, y in ((nodes[:2], nodes[2:3]), (nodes[:1], nodes[1:3]), (nodes[1:3], [nodes[0], nodes[3]])):
        found = identify(pag, Interventional(tuple(y), tuple(x)))
        if not found.identified:
            continue
        at = {name: int(rng.integers(2)) for name in x}
        free = {symbol.name for symbol in found.expression.free}
        answer = evaluate(found.expression, model.joint(), at={k: v for k, v in at.items() if k in free})
        right = model.distribution(model.solve(at), tuple(y))
        order = [symbol.name for symbol in answer.symbols]
        spare = tuple(i for i, name in enumerate(order) if name not in y)
        got = np.asarray(answer.table)
        for i in sorted(spare, reverse=True):
            # Free in the formula, but of no consequence.
            assert np.allclose(got, got.take([0], axis=i), rtol=0, atol=1e-9)
            got = got.take(0, axis=i)
        kept = [name for name in order if name in y]
        assert np.allclose(got.transpose([kept.index(name) for name in y]), right, rtol=0, atol=1e-9), (
            graph,
            pag,
            x,
            y,
        )


def disagree(pag: Graph, x: str, y: str, rng: np.random.Generator) -> bool:
    """Whether some member does not identify the effect, or two identify it differently."""
    first: float | None = None
    model: Model | None = None
    for member in confounded_members(pag):
        found = identify(member, Effect(x, y), rules=[Rule.GENERAL])
        if not found.identified:
            return True
        model = model or Model(member, rng)
        value = effect(found, model)
        first = value if first is None else first
        if abs(value - first) > 1e-9:
            return True
    return False


@pytest.mark.parametrize("case", CASES)
def test_what_a_pag_does_not_identify_its_members_do_not_agree_on(case: int):
    _, pag, rng = drawn(case)
    for x, y in rng.permutation(list(permutations(pag.nodes, 2)))[: 12 if SLOW else 4].tolist():
        found = identify(pag, Effect(x, y))
        if not found.identified:
            # A random model may make two formulas agree by chance (no effect anywhere): three tries.
            assert any(disagree(pag, x, y, rng) for _ in range(3)), (pag, x, y, found)


@pytest.mark.parametrize("case", CASES)
def test_a_set_is_valid_in_a_pag_exactly_if_it_is_in_every_member(case: int):
    _, pag, rng = drawn(case)
    for x, y in rng.permutation(list(permutations(pag.nodes, 2)))[: 12 if SLOW else 2].tolist():
        rest = [each for each in pag.nodes if each not in (x, y)]
        sets = list(chain.from_iterable(combinations(rest, k) for k in range(len(rest) + 1)))
        valid = set(sets)
        for member in confounded_members(pag):
            valid = {z for z in valid if is_adjustment_set(member, x, y, z)}
            if not valid:
                break
        assert {z for z in sets if is_adjustment_set(pag, x, y, z)} == valid, (pag, x, y)
        assert set(adjustment_sets(pag, x, y, minimal=False)) == valid


@pytest.mark.parametrize("case", CASES)
def test_the_possible_effects_of_a_pag_hold_the_truth(case: int):
    graph, pag, rng = drawn(case)
    model = Model(graph, rng)
    x, y = rng.permutation(pag.nodes)[:2].tolist()
    found = possible_estimands(pag, Effect(x, y))
    values = [0.0 if each.zero else effect(each.answer, model) for each in found if each.answer.identified]
    right = truth_of(model, x, y)
    unanswered = any(not each.answer.identified for each in found)
    assert unanswered or min(abs(each - right) for each in values) < 1e-9, (graph, pag, x, y)
    assert sum(each.weight for each in found) == pytest.approx(1.0)


@pytest.mark.parametrize("case", CASES)
def test_what_settling_one_edge_is_said_to_bring_is_true(case: int):
    _, pag, rng = drawn(case)
    for x, y in rng.permutation(list(permutations(pag.nodes, 2)))[:3].tolist():
        if identify(pag, Effect(x, y)).identified:
            continue
        for _, arrow, formula in settled_by_one_edge(pag, (x,), (y,)):
            back = frozenset((arrow.a, arrow.b))
            for member in islice(confounded_members(pag), 20):
                between = member.edges_between(*back)
                if arrow not in between or (arrow.a == x and len(between) > 1):
                    continue
                model = Model(member, rng)
                at = {name: 1 for name in (x, y) if name in {symbol.name for symbol in formula.free}}
                got = np.asarray(evaluate(formula, model.joint(), at=at).table)
                right = model.mean(model.solve({x: 1})[y] == 1)
                assert np.allclose(got, right, rtol=0, atol=1e-9), (pag, member, arrow, formula.text())


@pytest.mark.parametrize("order", list(permutations("cxz"))[:6])
def test_a_bucket_is_taken_out_of_a_confounded_district(order):
    # x <-> z is certain, so that taking x out has to average z's factor over x; in both orders of x and z.
    graph = Graph.parse("a -> x; b -> x; x <-> z; c -> z; x -> y; z -> y")
    graph = Graph((*order, "y", "a", "b"), graph.edges, kind=graph.kind)
    pag = pag_of(graph)
    found = identify(pag, Interventional(("z", "y"), ("x",)), rules=[Rule.GENERAL])
    model = Model(graph, stream(5, "district"), levels=3)
    for level in (0, 1):
        answer = evaluate(found.expression, model.joint(), at={"x": level})
        names = [symbol.name for symbol in answer.symbols]
        table = np.asarray(answer.table)
        for name in set(names) - {"z", "y"}:
            table = table.take(0, axis=names.index(name))
            names.remove(name)
        right = model.distribution(model.solve({"x": level}), tuple(names))
        assert np.allclose(table, right, rtol=0, atol=1e-9), found.text()


def test_what_lies_on_a_causal_path_is_forbidden_in_a_pag():
    pag = pag_of(Graph.parse("a -> x; b -> x; x -> m; m -> y; m -> d"))
    valid = [z for k in range(5) for z in combinations("abmd", k) if is_adjustment_set(pag, "x", "y", z)]
    assert valid == [(), ("a",), ("b",), ("a", "b")]
    assert is_adjustment_set(pag, "x", "y", ["d"]).forbidden == ("d",)
    assert identify(pag, Effect("x", "y")).adjustment == ()
