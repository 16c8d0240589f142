"""The compiled class of a DAG, its members and the greedy steps, against the graphs room and plain scores."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from search_worlds import (
    PlainBIC,
    all_dags,
    names_of,
    parents_of,
    population,
    random_weights,
    sample,
    truth_of,
)

from aitia.discovery import GaussianBIC, Knowledge, Observations
from aitia.discovery.search import GES
from aitia.discovery.search import _class_kernel as kernel
from aitia.discovery.search._classes import EVERY, ClassSearch
from aitia.discovery.search._setting import Setting
from aitia.graphs import Edge, Graph, Mark, completed, members, restrict


def search_on(data: Observations, knowledge: Knowledge | None = None, score=None) -> ClassSearch:
    return ClassSearch(Setting.of(data, score or GaussianBIC(), knowledge or Knowledge()))


def graph_of(search: ClassSearch) -> set[Edge]:
    """The edges of the class as it stands."""
    names, state = search.setting.names, search.state
    arrows = {Edge(names[x], names[y]) for y, x in np.argwhere(state.arrows).tolist()}
    pairs = np.argwhere(np.triu(state.lines)).tolist()
    return arrows | {Edge(names[x], names[y], Mark.TAIL, Mark.TAIL) for x, y in pairs}


def placed(search: ClassSearch, weights: np.ndarray) -> list[list[int]]:
    """The parents in the search's positions."""
    names = names_of(len(weights))
    place = {name: i for i, name in enumerate(search.setting.names)}
    found: list[list[int]] = [[] for _ in names]
    for v, above in enumerate(parents_of(weights)):
        found[place[names[v]]] = sorted(place[names[a]] for a in above)
    return found


def as_sets(edges) -> set:
    """Edges apart from how they are written."""
    return {frozenset({(e.a, e.mark_a), (e.b, e.mark_b)}) for e in edges}


@pytest.mark.parametrize("seed", range(60))
def test_classes_and_members_agree_with_the_graphs_room(seed):
    random = np.random.default_rng(seed)
    p = int(random.integers(2, 10))
    weights = random_weights(p, random.uniform(0.5, p - 1), random)
    data, truth = population(weights), truth_of(weights)
    search = search_on(data)
    search.start(placed(search, weights))
    assert as_sets(graph_of(search)) == as_sets(completed(truth).edges)
    member = search.parents()
    again = search_on(data)
    again.start(member)
    assert graph_of(again) == graph_of(search)
    # With knowledge that is true of the DAG.
    pairs = [(edge.a, edge.b) for edge in truth.edges]
    chosen = [pair for pair in pairs if random.random() < 0.3]
    ruled = [(b, a) for a, b in pairs if random.random() < 0.2]
    knowing = search_on(data, Knowledge(required=chosen, forbidden=ruled))
    knowing.start(placed(knowing, weights))
    assert as_sets(graph_of(knowing)) == as_sets(restrict(completed(truth), chosen, ruled).edges)


def test_knowledge_is_carried_on_by_the_fourth_rule_too():
    # All pairs are joined but b and e: b -> c is known, so c -> e (rule 1) and d -> e (rule 4).
    names = "bcde"
    dag = Graph.build(names, [("d", "b"), ("d", "c"), ("d", "e"), ("b", "c"), ("c", "e")])
    data = Observations.of_covariance(names, np.eye(4), 100)
    search = search_on(data, Knowledge(required=[("b", "c")]))
    search.start([sorted(names.index(a) for a in dag.parents(name)) for name in names])
    expected = restrict(completed(dag), [("b", "c")])
    assert ("d", "e") in {(edge.a, edge.b) for edge in expected.edges if edge.directed}
    assert as_sets(graph_of(search)) == as_sets(expected.edges)


@pytest.mark.parametrize("seed", range(25))
def test_operators_gain_what_the_scores_of_their_graphs_differ_by(seed):
    random = np.random.default_rng(seed)
    p = int(random.integers(3, 8))
    weights = random_weights(p, 2.5, random)
    data = sample(random_weights(p, 2.5, random), 200, random)
    search, plain = search_on(data), search_on(data, score=PlainBIC())
    search.start(placed(search, weights))
    setting = search.setting
    before = setting.total(search.parents())
    clique, dag = np.empty(kernel.WIDEST, np.int64), np.empty((p, p), bool)
    seen = 0
    for kind in range(3):
        for x, y in permutations(range(p), 2):
            fast, size = search.best_open(kind, x, y, clique)
            plain.state = search.state
            slow, _ = plain._best_open(search.state, kind, x, y, clique.copy())
            assert fast == pytest.approx(slow, abs=1e-6)
            if fast > -np.inf:
                # Every operator that the conditions let pass has a DAG behind it.
                assert kernel.changed_dag(search.rules, search.state, kind, x, y, clique, size, dag)
                after = setting.total([np.flatnonzero(row).tolist() for row in dag])
                assert fast == pytest.approx(after - before, abs=1e-6)
                seen += 1
    assert seen


def test_operators_reach_every_neighbouring_class_and_no_other():
    """By brute force over the members: all classes one insertion or deletion away (Chickering 2002, definition of the
    neighbourhoods), and one turned edge away."""
    dags = all_dags(4)
    names = sorted(names_of(4))

    def class_of(parents) -> frozenset:
        graph = Graph.build(names, [(names[a], names[v]) for v, above in enumerate(parents) for a in above])
        return frozenset(as_sets(completed(graph).edges))

    known = {parents: class_of(parents) for parents in dags}
    data = Observations.of_covariance(names, np.eye(4), 100)
    random = np.random.default_rng(0)
    for at in random.choice(len(dags), 25, replace=False):
        mine = known[dags[at]]
        expected: tuple[set, set, set] = (set(), set(), set())
        for parents, cls in known.items():
            if cls != mine:
                continue
            for v in range(4):
                for a in range(4):
                    if a == v:
                        continue
                    made = [set(each) for each in parents]
                    if a in parents[v]:
                        made[v].discard(a)
                        expected[0].add(known[tuple(tuple(sorted(each)) for each in made)])
                        made[a].add(v)
                        kind = 1
                    elif v not in parents[a]:
                        made[v].add(a)
                        kind = 2
                    else:
                        continue
                    key = tuple(tuple(sorted(each)) for each in made)
                    if key in known and known[key] != mine:
                        expected[kind].add(known[key])
        search = search_on(data)
        search.start([list(each) for each in dags[at]])
        sets, sizes, _, _ = search.work
        dag = np.empty((4, 4), bool)
        reached: tuple[set, set, set] = (set(), set(), set())
        for kind in range(3):
            for x, y in permutations(range(4), 2):
                count = kernel.list_operators(search.state, kind, x, y, sets, sizes)
                for clique in [sets[k, : sizes[k]].copy() for k in range(count)]:
                    if kernel.is_open(search.state, kind, x, y, clique, len(clique)):
                        assert kernel.changed_dag(
                            search.rules, search.state, kind, x, y, clique, len(clique), dag
                        )
                        reached[kind].add(class_of([np.flatnonzero(row).tolist() for row in dag]))
        for kind in range(3):
            assert reached[kind] == expected[kind], (dags[at], kind)


@pytest.mark.parametrize("seed", range(4))
def test_what_a_step_leaves_unmarked_has_not_changed(seed):
    """Operators found again only where something changed are the operators found anew."""
    random = np.random.default_rng(seed)
    data = sample(random_weights(9, 3, random), 300, random)
    stepwise = search_on(data)
    p = 9
    flags = np.array(EVERY)
    stepwise._refresh(stepwise.state, flags, np.ones((p, p), bool))
    dag, marked = np.empty((p, p), bool), np.empty((p, p), bool)
    clique = np.empty(kernel.WIDEST, np.int64)
    steps = 0
    # Random operators, good or bad, so that many kinds of steps are seen.
    while steps < 60:
        kind, x, y = int(random.integers(3)), *(int(v) for v in random.choice(p, 2, replace=False))
        gain, size = stepwise.best_open(kind, x, y, clique)
        if gain == -np.inf or (gain < -50 and random.random() < 0.7):
            continue
        assert kernel.changed_dag(stepwise.rules, stepwise.state, kind, x, y, clique, size, dag)
        kernel.step_to(stepwise.rules, stepwise.state, dag, marked)
        stepwise._refresh(stepwise.state, flags, marked)
        kept = stepwise.state.bound.copy()
        stepwise._refresh(stepwise.state, flags, np.ones((p, p), bool))
        np.testing.assert_allclose(stepwise.state.bound, kept, atol=1e-8)
        steps += 1


@pytest.mark.parametrize(
    "options", [{}, {"deletions_first": False}, {"turning": False, "deletions_first": False}]
)
def test_the_pure_search_ends_where_no_operator_raises_the_score(options):
    random = np.random.default_rng(4)
    data = sample(random_weights(8, 3, random), 300, random)
    found = GES(restarts=0, **options).run(data)
    member = next(members(found.graph))
    search = search_on(data)
    place = {name: i for i, name in enumerate(search.setting.names)}
    search.start([[place[a] for a in member.parents(name)] for name in search.setting.names])
    assert search.run(EVERY if options.get("turning", True) else (True, False, False)) == 0
