"""Exact search against brute force over all DAGs, and the greedy searches against the optimum."""

from __future__ import annotations

import numpy as np
import pytest
from search_worlds import PlainBIC, all_dags, names_of, random_weights, sample, truth_of

from aitia.discovery import (
    BDeu,
    DiscoveryError,
    GaussianBIC,
    Knowledge,
    KnowledgeError,
    Observations,
    default_score,
)
from aitia.discovery.search import BOSS, GES, ExactSearch, GRaSP
from aitia.graphs import members

DAGS = {p: all_dags(p) for p in (3, 4)}


def test_there_are_as_many_dags_as_robinson_counts():
    # OEIS A003024.
    assert [len(DAGS[p]) for p in (3, 4)] == [25, 543]


def best_of(data: Observations, score, allowed=lambda parents: True) -> float:
    scorer = score.on(data)
    return max(
        scorer.total(parents)
        for parents in DAGS.get(len(data.names)) or all_dags(len(data.names))
        if allowed(parents)
    )


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("most", [None, 1])
def test_the_optimum_is_that_of_brute_force(seed, most):
    random = np.random.default_rng(seed)
    data = sample(random_weights(4, 2.5, random), 60, random)
    expected = best_of(data, GaussianBIC(), lambda each: most is None or max(map(len, each)) <= most)
    for score in (GaussianBIC(), PlainBIC()):
        found = ExactSearch(score, max_parents=most).run(data)
        assert found.score == pytest.approx(expected, abs=1e-7)
        scorer = GaussianBIC().on(data)
        for dag in members(found.graph):
            parents = [[data.names.index(a) for a in dag.parents(name)] for name in data.names]
            if most is None:
                assert scorer.total(parents) == pytest.approx(expected, abs=1e-7)


def test_the_optimum_of_five_variables():
    random = np.random.default_rng(0)
    data = sample(random_weights(5, 3, random), 80, random)
    dags = all_dags(5)
    assert len(dags) == 29281  # OEIS A003024
    scorer = default_score(data).on(data)
    expected = max(scorer.total(parents) for parents in dags)
    assert ExactSearch().run(data).score == pytest.approx(expected, abs=1e-7)


def test_categories_too():
    random = np.random.default_rng(1)
    a = random.integers(0, 2, 300)
    b = (a + (random.random(300) < 0.2)) % 2
    c = random.integers(0, 3, 300)
    d = np.where(random.random(300) < 0.3, random.integers(0, 3, 300), (b + c) % 3)
    data = Observations.of_values("dcba", np.column_stack([d, c, b, a]).astype(float), [True] * 4)
    found = ExactSearch(BDeu()).run(data)
    assert found.score == pytest.approx(best_of(data, BDeu()), abs=1e-7)
    for greedy in (BOSS(BDeu()), GES(BDeu()), GRaSP(BDeu())):
        assert greedy.run(data).graph == found.graph


@pytest.mark.parametrize("seed", range(8))
def test_knowledge_restricts_the_maximum(seed):
    random = np.random.default_rng(seed)
    data = sample(random_weights(4, 3, random), 100, random)
    names = names_of(4)
    known = Knowledge(tiers=[[names[0]], [names[1], names[2]]], forbidden=[(names[1], names[3])])
    if seed % 2:
        known = Knowledge(known.tiers, [(names[3], names[2])], known.forbidden)

    def fits(parents) -> bool:
        pairs = {(names[a], names[v]) for v, above in enumerate(parents) for a in above}
        if any(known.forbids(*pair) for pair in pairs) or not set(known.required) <= pairs:
            return False
        # Nothing of a later tier causes anything of an earlier one, by whatever way round.
        reached = {1, 2}
        for _ in range(4):
            reached |= {v for v, above in enumerate(parents) if reached & set(above)}
        return 0 not in reached

    found = ExactSearch().run(data, known)
    assert found.score == pytest.approx(best_of(data, default_score(data), fits), abs=1e-7)


@pytest.mark.parametrize("algorithm", [BOSS(), GES(), GRaSP()], ids=lambda each: each.name)
def test_greedy_searches_never_exceed_the_optimum_and_mostly_reach_it(algorithm):
    reached = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        data = sample(random_weights(8, 2, random), 500, random)
        best, found = ExactSearch().run(data), algorithm.run(data)
        assert found.score <= best.score + 1e-6
        if found.score > best.score - 1e-6:
            assert found.graph == best.graph
            reached += 1
    # Sparse worlds of eight variables: nearly all; a broken step reaches far fewer.
    assert reached >= 37


def test_tiers_rule_out_ways_round_by_a_free_variable():
    # The truth is late -> free <- other, free -> early: only a detour of later causes explains all of it.
    weights = np.zeros((4, 4))
    early, late, other, free = 0, 1, 2, 3
    weights[free, [late, other]] = weights[early, free] = 1.0
    names = names_of(4)
    data = sample(weights, 2000, np.random.default_rng(0))
    known = Knowledge(tiers=[[names[early]], [names[late]]])
    for algorithm in (ExactSearch(), BOSS(), GRaSP(), GES()):
        found = algorithm.run(data, known)
        assert found.order.index(names[early]) < found.order.index(names[late])
        assert found.score < ExactSearch().run(data).score - 1
    # With plain BIC's extra edge the class itself can say so; a class of lines cannot rule out a way round.
    plain = GaussianBIC()
    for algorithm in (ExactSearch(plain), BOSS(plain), GRaSP(plain), GES(plain)):
        found = algorithm.run(data, known)
        assert found.order.index(names[early]) < found.order.index(names[late])
        assert all(names[early] not in dag.descendants(names[late]) for dag in members(found.graph))


def test_twenty_three_variables_are_too_many():
    data = Observations.of_covariance([f"v{i}" for i in range(23)], np.eye(23), 100)
    with pytest.raises(DiscoveryError, match=r"22 at most, but there are 23\.\s+Choose BOSS"):
        ExactSearch().run(data)


def test_more_required_parents_than_allowed_are_an_error():
    data = Observations.of_covariance("abc", np.eye(3), 100)
    with pytest.raises(
        KnowledgeError, match="No DAG with at most 1 parents a variable has all required edges"
    ):
        ExactSearch(max_parents=1).run(data, Knowledge(required=[("a", "c"), ("b", "c")]))


def test_a_class_of_the_optimum_is_the_truth_with_many_rows():
    random = np.random.default_rng(7)
    weights = random_weights(6, 2, random)
    from aitia.graphs import completed

    assert ExactSearch().run(sample(weights, 200_000, random)).graph == completed(truth_of(weights))
