"""On exact covariances the searches find the class of the truth; on samples they do as well as published programs."""

from __future__ import annotations

import os

import numpy as np
import pytest
from search_worlds import names_of, parents_of, population, random_weights, sample, shd, truth_of

from aitia.discovery import Observations, default_score
from aitia.discovery.search import BOSS, GES, GRaSP
from aitia.graphs import completed

SLOW = bool(os.environ.get("AITIA_SLOW"))
WORLDS = 600 if SLOW else 120


@pytest.mark.parametrize(
    "algorithm", [BOSS(), GRaSP(), GES(), BOSS(starts=1)], ids=lambda each: repr(each)[:24]
)
def test_the_class_of_the_truth(algorithm):
    """A world whose effects nearly cancel has another optimum at any finite number of rows; then the answer must
    score higher than the truth, which is no fault of a search. That happens in about one world in a hundred."""
    beaten = 0
    for seed in range(WORLDS):
        random = np.random.default_rng(seed)
        p = int(random.integers(4, 16))
        weights = random_weights(p, random.uniform(1, 4), random)
        data = population(weights)
        found = algorithm.run(data)
        if found.graph != completed(truth_of(weights)):
            assert found.score > default_score(data).on(data).total(parents_of(weights)) + 1, seed
            beaten += 1
    assert beaten <= 0.03 * WORLDS


# causal-learn 0.1.4.8 on the rows of `sample(random_weights(20, 4, rng), 1000, rng)`, rng = default_rng(5), random and
# numpy.random seeded with 0: SHD of
#     boss(rows, parameters={"lambda_value": 1})   5      boss(rows, parameters={"lambda_value": 2})   5
#     grasp(rows, parameters={"lambda_value": 1})  0      grasp(rows, parameters={"lambda_value": 2})  22
#     ges(rows, parameters={"lambda_value": 2})    72 of 42 edges
CAUSAL_LEARN = {"boss": 5, "grasp": 22, "ges": 72}


@pytest.mark.parametrize("algorithm", [BOSS(), GRaSP(), GES()], ids=lambda each: each.name)
def test_a_sample_is_explained_as_well_as_by_causal_learn(algorithm):
    random = np.random.default_rng(5)
    weights = random_weights(20, 4, random)
    data = sample(weights, 1000, random)
    found = algorithm.run(data)
    assert shd(found.graph, completed(truth_of(weights))) <= CAUSAL_LEARN[algorithm.name]
    # Whatever is left is the score's doing: the truth scores lower.
    assert found.score >= default_score(data).on(data).total(parents_of(weights)) - 1e-6


@pytest.mark.parametrize(
    "algorithm", [BOSS(starts=2), GRaSP(starts=2), GES(restarts=2)], ids=lambda each: each.name
)
def test_the_order_of_columns_does_not_matter(algorithm):
    for seed in range(6):
        random = np.random.default_rng(seed)
        data = sample(random_weights(10, 3, random), 150, random)
        found = algorithm.run(data, seed=3)
        at = random.permutation(10)
        names = [names_of(10)[i] for i in at]
        turned = algorithm.run(Observations.of_values(names, np.asfortranarray(data.values[:, at])), seed=3)
        assert shd(found.graph, turned.graph) == 0
        assert found.order == turned.order
        again = algorithm.run(data, seed=3)
        assert again.graph == found.graph and again.evidence == found.evidence


def test_a_large_sparse_world_with_many_rows():
    random = np.random.default_rng(0)
    p = 60
    weights = random_weights(p, 2, random)
    data = population(weights, rows=10**6)
    for algorithm in (BOSS(starts=2), GRaSP(starts=1), GES(restarts=2)):
        assert algorithm.run(data).score >= default_score(data).on(data).total(parents_of(weights)) - 1e-3
