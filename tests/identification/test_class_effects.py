"""Classes of DAGs: identified exactly where all members agree, with the value that they agree on."""

from __future__ import annotations

import os
from collections import Counter
from itertools import chain, combinations, islice, pairwise, permutations

import numpy as np
import pytest
from class_oracle import classes, contrast, joint, narrowed, random_table, shared, truncated

from aitia.core import stream
from aitia.graphs import Graph, GraphKind, completed, members, restrict
from aitia.identification import (
    TREATED,
    ControlledDirect,
    Effect,
    Interventional,
    Local,
    Minimal,
    Optimal,
    Rule,
    SemiLocal,
    adjustment_sets,
    evaluate,
    identify,
    is_adjustment_set,
    optimal_adjustment,
    possible_estimands,
    subgroup,
)
from aitia.identification._possibly import Walks

SLOW = bool(os.environ.get("AITIA_SLOW"))
EVERY = classes("wxyz")
SOME = EVERY if SLOW else EVERY[::4]
KNOWING = range(400 if SLOW else 60)


def value(estimand, table: np.ndarray, names) -> float:
    t = estimand.question.treatment
    return float(evaluate(estimand.expression, joint(names, table), at={t: 1, t + "'": 0}))


def cases(case: int) -> tuple[Graph, tuple[Graph, ...], np.random.Generator]:
    """A CPDAG or, by knowledge, an MPDAG, with its members."""
    rng = stream(case, "class with knowledge")
    graph, group = narrowed(rng, EVERY[rng.integers(len(EVERY))])
    return graph, group, rng


def agreed(values: list[float]) -> bool:
    return max(values) - min(values) < 1e-9


def check_single(graph: Graph, group, rng: np.random.Generator) -> None:
    table = random_table(rng, group[0])
    for x, y in permutations(graph.nodes, 2):
        values = [contrast(table, dag, x, y) for dag in group]
        for rules in (None, [Rule.GENERAL]):
            found = identify(graph, Effect(x, y), rules=rules)
            assert found.identified == agreed(values), (graph, x, y, values)
            for each in (found, *found.alternatives) if found.identified else ():
                assert value(each, table, graph.nodes) == pytest.approx(values[0], abs=1e-9), (graph, each)


def test_a_cpdag_identifies_an_effect_exactly_where_all_members_agree():
    assert (
        sum(len(group) for group in EVERY) == 543 and len(EVERY) == 185
    )  # Robinson 1973; Gillispie & Perlman 2001
    for i, group in enumerate(SOME):
        check_single(shared(group, GraphKind.CPDAG), group, stream(i, "cpdag"))


@pytest.mark.parametrize("case", KNOWING)
def test_an_mpdag_identifies_an_effect_exactly_where_all_members_agree(case: int):
    check_single(*cases(case))


@pytest.mark.parametrize("case", KNOWING)
def test_joint_interventions_too(case: int):
    graph, group, rng = cases(case)
    table = random_table(rng, group[0])
    for pair in combinations(graph.nodes, 2):
        for y in set(graph.nodes) - set(pair):
            at = {name: int(rng.integers(2)) for name in pair}
            values = [truncated(table, dag, at, y) for dag in group]
            # One pair of levels may agree by chance never: the tables are continuous random numbers.
            same = all(np.allclose(each, values[0], rtol=0, atol=1e-9) for each in values)
            found = identify(graph, Interventional((y,), pair))
            assert found.identified == same, (graph, pair, y)
            if found.identified:
                free = {symbol.name for symbol in found.expression.free}
                answer = evaluate(
                    found.expression, joint(graph.nodes, table), at={k: v for k, v in at.items() if k in free}
                )
                assert np.allclose(np.asarray(answer.table), values[0], rtol=0, atol=1e-9), (
                    graph,
                    pair,
                    y,
                    found.text(),
                )


@pytest.mark.parametrize("case", KNOWING)
def test_a_set_is_valid_in_the_class_exactly_if_it_is_in_every_member(case: int):
    graph, group, _ = cases(case)
    for x, y in permutations(graph.nodes, 2):
        rest = [each for each in graph.nodes if each not in (x, y)]
        sets = list(chain.from_iterable(combinations(rest, k) for k in range(len(rest) + 1)))
        valid = {z for z in sets if all(is_adjustment_set(dag, x, y, z) for dag in group)}
        assert {z for z in sets if is_adjustment_set(graph, x, y, z)} == valid, (graph, x, y)
        assert {graph.in_order(z) for z in adjustment_sets(graph, x, y, minimal=False)} == valid
        if valid and any(y in dag.descendants(x) for dag in group):
            best = optimal_adjustment(graph, x, y)
            assert best is not None
            for dag in group:
                of_member = optimal_adjustment(dag, x, y)
                assert of_member is not None
                # Henckel, Perkovic & Maathuis 2022: the O-set is the same in all members.
                assert of_member.adjustment == best.adjustment, (graph, dag, x, y)


@pytest.mark.parametrize("case", KNOWING)
@pytest.mark.parametrize("method", [Minimal(), SemiLocal(), Optimal()], ids=lambda each: each.name)
def test_the_possible_estimands_are_the_multiset_over_the_members(case: int, method):
    graph, group, rng = cases(case)
    table = random_table(rng, group[0])
    x, y = rng.permutation(graph.nodes)[:2].tolist()
    exact = Counter(round(contrast(table, dag, x, y), 9) + 0.0 for dag in group)
    found = possible_estimands(graph, Effect(x, y), method=method)
    got: Counter[float] = Counter()
    for each in found:
        got[round(0.0 if each.zero else value(each.answer, table, graph.nodes), 9) + 0.0] += each.count
    assert got == exact, (graph, x, y)
    assert sum(each.weight for each in found) == pytest.approx(1.0)
    if isinstance(method, Minimal):
        assert len(found) == len(exact), (graph, x, y)  # Guo & Perkovic 2021, theorem 3: none twice


@pytest.mark.parametrize("case", KNOWING)
def test_several_treatments_have_their_multiset_too(case: int):
    graph, group, rng = cases(case)
    table = random_table(rng, group[0])
    a, b, y = rng.permutation(graph.nodes)[:3].tolist()
    levels = {a: 1, b: 0}
    exact = Counter(round(float(truncated(table, dag, levels, y)[1]), 9) for dag in group)
    found = possible_estimands(graph, Interventional((y,), (a, b)))
    got: Counter[float] = Counter()
    for each in found:
        free = {symbol.name for symbol in each.answer.expression.free}
        at = {name: level for name, level in {**levels, y: 1}.items() if name in free}
        got[round(float(evaluate(each.answer.expression, joint(graph.nodes, table), at=at)), 9)] += each.count
    assert got == exact, (graph, a, b, y)
    assert len(found) == len(exact)


def test_local_ida_gives_the_same_set_of_effects():
    for i, group in enumerate(SOME):
        graph, rng = shared(group, GraphKind.CPDAG), stream(i, "local")
        table = random_table(rng, group[0])
        x, y = rng.permutation(graph.nodes)[:2].tolist()
        exact = {round(contrast(table, dag, x, y), 9) + 0.0 for dag in group}
        found = possible_estimands(graph, Effect(x, y), method=Local())
        got = {round(0.0 if each.zero else value(each.answer, table, graph.nodes), 9) + 0.0 for each in found}
        assert got == exact, (graph, x, y)


@pytest.mark.parametrize("case", KNOWING)
def test_other_questions_are_right_in_every_member(case: int):
    graph, group, rng = cases(case)
    table = random_table(rng, group[0])
    x, y, w, _ = rng.permutation(graph.nodes).tolist()
    for question in (
        Effect(x, y, population=TREATED),
        Effect(x, y, population=subgroup(f"{w} == 1", w)),
        ControlledDirect(x, y, (w,), (1,)),
    ):
        found = identify(graph, question)
        if not found.identified:
            continue
        got = value(found, table, graph.nodes)
        for dag in group:
            alone = identify(dag, question)
            assert alone.identified
            assert got == pytest.approx(value(alone, table, graph.nodes), abs=1e-9), (graph, question, dag)
        if isinstance(question, ControlledDirect):
            one, zero = (truncated(table, group[0], {x: level, w: 1}, y)[1] for level in (1, 0))
            assert got == pytest.approx(one - zero, abs=1e-9)


@pytest.mark.parametrize("case", range(200 if SLOW else 25))
def test_six_nodes_with_much_knowledge(case: int):
    """Where arrows point back across a path, only unshielded paths tell what may be caused (Perkovic et al. 2017)."""
    rng = stream(case, "six")
    order, density = rng.permutation(list("abcdef")), rng.uniform(0.5, 0.95)
    arrows = [(a, b) for i, a in enumerate(order) for b in order[i + 1 :] if rng.random() < density]
    dag = Graph.build(nodes=list("abcdef"), directed=arrows)
    graph = restrict(completed(dag), required=[each for each in arrows if rng.random() < 0.25])
    group = list(islice(members(graph), 60))
    if len(group) == 60:
        return
    table = random_table(rng, dag)
    walks = Walks(graph)
    for x in graph.nodes:
        assert walks.reach([x]) == set().union(*(each.descendants(x) for each in group)), (graph, x)
        y = str(rng.choice([each for each in graph.nodes if each != x]))
        values = [contrast(table, each, x, y) for each in group]
        found = identify(graph, Effect(x, y))
        assert found.identified == agreed(values), (graph, x, y)
        if not found.identified:
            path = found.witness.path.nodes
            arrows = {(a, b) for a, b in pairwise(path)}
            assert any(arrows <= {(e.a, e.b) for e in each.edges} for each in group), (graph, path)
