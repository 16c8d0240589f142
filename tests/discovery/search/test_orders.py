"""The compiled projections of orders against grow-shrink trees by plain local scores."""

from __future__ import annotations

import numpy as np
import pytest
from search_worlds import PlainBIC, names_of, population, random_weights, sample

from aitia.discovery import GaussianBIC, Knowledge, Observations
from aitia.discovery.search import BOSS, GES, GRaSP
from aitia.discovery.search._orders import CompiledOrder, PlainOrder, _tucked
from aitia.discovery.search._setting import Setting

DEPTHS = np.array([3, 1, 1])


def both(data: Observations, knowledge: Knowledge | None = None, most: int | None = None):
    """The compiled and the plain order for the same data."""
    known = Knowledge() if knowledge is None else knowledge
    limit = len(data.names) if most is None else most
    return (
        CompiledOrder(Setting.of(data, GaussianBIC(), known), limit),
        PlainOrder(Setting.of(data, PlainBIC(), known), limit),
    )


def same(compiled, plain) -> None:
    assert compiled.order() == plain.order()
    assert compiled.parents() == plain.parents()
    assert compiled.total() == pytest.approx(plain.total(), abs=1e-6)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("most", [None, 2])
def test_sweeps_and_tucks_change_orders_as_the_plain_reference_does(seed, most):
    random = np.random.default_rng(seed)
    p = int(random.integers(3, 11))
    data = sample(random_weights(p, min(4, p - 1), random), 300, random)
    compiled, plain = both(data, most=most)
    for _ in range(2):
        order = random.permutation(p).tolist()
        compiled.put(order)
        plain.put(order)
        same(compiled, plain)
        for _ in range(2):
            rank = random.permutation(p)
            assert compiled.explore(rank, DEPTHS) == plain.explore(rank, DEPTHS)
            same(compiled, plain)
        for _ in range(3):
            turns = random.permutation(p)
            assert compiled.sweep(turns) == plain.sweep(turns)
            same(compiled, plain)


def test_knowledge_shapes_both_alike():
    random = np.random.default_rng(3)
    data = sample(random_weights(8, 3, random), 400, random)
    names = names_of(8)
    known = Knowledge(
        tiers=[names[:3], names[3:6]],
        required=[(names[0], names[7])],
        forbidden=[(names[1], names[4]), (names[7], names[6])],
    )
    compiled, plain = both(data, known)
    start = [5, 0, 1, 2, 3, 4, 6, 7]
    from aitia.discovery.search._polish import allowed_order

    order = allowed_order(Setting.of(data, GaussianBIC(), known), start)
    compiled.put(order)
    plain.put(order)
    same(compiled, plain)
    for _ in range(3):
        turns = random.permutation(8)
        assert compiled.sweep(turns) == plain.sweep(turns)
        same(compiled, plain)
        rank = random.permutation(8)
        assert compiled.explore(rank, DEPTHS) == plain.explore(rank, DEPTHS)
        same(compiled, plain)


def test_paths_that_outgrow_their_room_change_no_answer():
    random = np.random.default_rng(0)
    data = population(random_weights(12, 8, random))
    roomy, _ = both(data)
    narrow, _ = both(data)
    narrow._room(2)
    order = random.permutation(12)
    roomy.put(order)
    narrow.put(order)
    turns = random.permutation(12)
    assert roomy.sweep(turns) == narrow.sweep(turns)
    same(roomy, narrow)


def test_a_sweep_ends_where_no_single_move_raises_the_score():
    random = np.random.default_rng(8)
    data = sample(random_weights(7, 3, random), 300, random)
    _, plain = both(data)
    plain.put(range(7))
    while plain.sweep(np.arange(7)):
        pass
    order, best = plain.order(), plain.total()
    for v in range(7):
        rest = [w for w in order if w != v]
        for place in range(7):
            plain.put([*rest[:place], v, *rest[place:]])
            assert plain.total() <= best + 1e-6


def test_a_tuck_moves_the_effect_and_its_ancestors_before_the_cause():
    # 0 -> 1 -> 3, 0 -> 3, 2 apart: tucking 0 -> 3 takes 1 along, which depends on 0, and leaves 2.
    assert _tucked([0, 1, 2, 3], [0b0, 0b1, 0b0, 0b11], 0, 3) == ([1, 3, 0, 2], 2)
    # 0 -> 1 is covered; with another parent of 1 it is not, but still the only path.
    assert _tucked([0, 1], [0b0, 0b1], 0, 1) == ([1, 0], 0)
    assert _tucked([0, 2, 1], [0b0, 0b101, 0b0], 0, 1) == ([2, 1, 0], 1)


@pytest.mark.parametrize("algorithm", [BOSS, GRaSP, GES])
@pytest.mark.parametrize("seed", range(6))
def test_any_other_score_runs_the_same_search(algorithm, seed):
    random = np.random.default_rng(seed)
    data = sample(random_weights(8, 3, random), 200, random)
    fast = algorithm(GaussianBIC()).run(data, seed=seed)
    slow = algorithm(PlainBIC()).run(data, seed=seed)
    assert fast.graph == slow.graph
    assert fast.score == pytest.approx(slow.score, abs=1e-6)
    assert fast.tests > 0 and slow.tests > 0
