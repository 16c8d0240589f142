"""The compiled loops against the plain way: same skeleton, sets, p-values and counts, whatever the threads."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_worlds import linear_data, random_dag

from aitia.discovery import ChiSquared, FisherZ, GSquared, Observations
from aitia.discovery._knowledge import NOTHING, Knowledge
from aitia.discovery.constraint import FCI, PC, Colliders, _probe
from aitia.discovery.constraint._colliders import find_colliders
from aitia.discovery.constraint._probe import Probe, lists_of, no_lists
from aitia.discovery.constraint._setting import Setting
from aitia.discovery.constraint._skeleton import search_skeleton


class Silent:
    def advance(self, steps: float = 1.0) -> None:
        pass


def skeletons(data, test, knowledge=NOTHING, alpha=0.05):
    """The skeleton by the compiled and by the plain way, with their probes."""
    result = []
    for compiled in (True, False):
        probe = Probe(Setting.of(data, test, knowledge), compiled=compiled)
        result.append((search_skeleton(probe, alpha, None, Silent()), probe))
    return result


def same(one, other) -> None:
    (left, fast), (right, slow) = one, other
    assert np.array_equal(left.adjacent, right.adjacent)
    assert np.array_equal(left.separated, right.separated)
    assert [left.given(row) for row in range(len(left.pairs))] == [
        right.given(row) for row in range(len(right.pairs))
    ]
    np.testing.assert_allclose(left.p_values, right.p_values, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(left.statistics, right.statistics, rtol=1e-7, atol=1e-9)
    assert fast.tests == slow.tests == fast.setting.tester.calls == slow.setting.tester.calls


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 11), st.booleans())
def test_fisher_z_in_bulk_is_fisher_z_one_by_one(seed, nodes, informed):
    random = np.random.default_rng(seed)
    truth = random_dag(random, nodes, min(4, nodes - 1))
    knowledge = NOTHING
    if informed:
        order = truth.topological_order()
        knowledge = Knowledge(
            [order[:2], order[2:-1]], forbidden=[(order[0], order[1]), (order[1], order[0])]
        )
    data = linear_data(random, truth, 150)
    one, other = skeletons(data, FisherZ(), knowledge)
    same(one, other)
    for rule in (Colliders.CONSERVATIVE, Colliders.MAJORITY):
        by_rule = [find_colliders(rule, probe, skeleton, 0.05, None) for skeleton, probe in (one, other)]
        for left, right in zip(*[(each.colliders, each.ambiguous) for each in by_rule]):
            assert [(t.a, t.middle, t.b) for t in left] == [(t.a, t.middle, t.b) for t in right]


def test_a_determined_variable_is_left_with_nothing_in_both_ways():
    random = np.random.default_rng(1)
    values = random.standard_normal((200, 4))
    values = np.column_stack([values, values[:, 0] + values[:, 1], 2 * values[:, 2]])
    one, other = skeletons(Observations.of_values(list("abcdef"), values), FisherZ())
    assert np.array_equal(one[0].adjacent, other[0].adjacent)
    assert np.array_equal(one[0].separated, other[0].separated)


@pytest.mark.parametrize(
    "test", [GSquared(), GSquared(rows_a_freedom=40), GSquared(nominal_freedom=True), ChiSquared()]
)
def test_tables_in_bulk_are_tables_one_by_one(test):
    random = np.random.default_rng(2)
    for _ in range(4):
        codes = random.integers(0, 3, (400, 7))
        for i in range(2, 7):
            copy = random.random(400) < 0.5
            codes[copy, i] = (codes[copy, i - 1] + codes[copy, i - 2]) % 3
        data = Observations.of_values(list("gfedcba"), codes, [True] * 7)
        one, other = skeletons(data, test)
        same(one, other)
        assert one[1].setting.tester.thin == other[1].setting.tester.thin  # type: ignore[attr-defined]


def test_wide_sets_with_filters_are_the_same_in_both_ways():
    # The questions FCI asks: lists of their own, sets tested before left out, variables ruled out pair by pair.
    random = np.random.default_rng(3)
    data = linear_data(random, random_dag(random, 10, 4), 200)
    adjacent = np.triu(random.random((10, 10)) < 0.6, 1)
    adjacent |= adjacent.T
    wide, tested = lists_of(adjacent), lists_of(adjacent & (random.random((10, 10)) < 0.4))
    xs, ys = np.triu_indices(10, 1)
    allowed = random.random((len(xs), 10)) < 0.8
    for size in range(1, 5):
        answers = []
        for compiled in (True, False):
            probe = Probe(Setting.of(data, FisherZ(), NOTHING), compiled=compiled)
            answers.append((probe.closest(xs, ys, wide, size, tested, allowed), probe.tests))
        (fast, fast_tests), (plain, plain_tests) = answers
        assert fast_tests == plain_tests > 0
        np.testing.assert_allclose(fast.p_values, plain.p_values, rtol=1e-7)
        assert np.array_equal(fast.sets[fast.p_values >= 0], plain.sets[plain.p_values >= 0])


def test_threads_do_not_change_the_answer(monkeypatch):
    random = np.random.default_rng(4)
    data = linear_data(random, random_dag(random, 30, 5), 200)
    alone = PC(FisherZ(), 0.05).run(data)
    monkeypatch.setattr(_probe, "_MANY", 0)
    for count in (2, 3):
        monkeypatch.setattr(_probe, "threads", lambda count=count: count)
        shared = PC(FisherZ(), 0.05).run(data)
        assert shared.graph == alone.graph and shared.tests == alone.tests
        assert shared.evidence == alone.evidence


def test_the_p_value_of_one_pair_by_hand():
    # Partial correlation from the inverse of the covariance: r = -k_xy / sqrt(k_xx k_yy).
    random = np.random.default_rng(5)
    values = random.standard_normal((100, 5)) @ random.standard_normal((5, 5))
    data = Observations.of_values(list("abcde"), values)
    probe = Probe(Setting.of(data, FisherZ(), NOTHING))
    everything = lists_of(~np.eye(5, dtype=bool))
    found = probe.closest(np.array([0]), np.array([3]), everything, 3)
    precision = np.linalg.inv(np.cov(values, rowvar=False))
    r = -precision[0, 3] / np.sqrt(precision[0, 0] * precision[3, 3])
    assert found.sets.tolist() == [[1, 2, 4]]
    assert found.statistics[0] == pytest.approx(np.sqrt(100 - 3 - 3) * np.arctanh(abs(r)), rel=1e-9)
    assert probe.tests == 1
    assert probe.closest(np.array([0]), np.array([3]), no_lists(5), 1).p_values.tolist() == [-1.0]


@pytest.mark.skipif(not os.environ.get("AITIA_SLOW"), reason="measures speed; set AITIA_SLOW=1")
def test_the_compiled_search_is_fast():
    random = np.random.default_rng(6)
    for nodes, seconds in ((50, 0.04), (100, 0.11), (1000, 10.0)):
        data = linear_data(random, random_dag(random, nodes, 4), 10_000)
        data.correlation  # noqa: B018  (the one pass over the rows)
        PC(FisherZ()).run(data)
        started = time.perf_counter()
        PC(FisherZ()).run(data)
        assert time.perf_counter() - started < seconds
    data = linear_data(random, random_dag(random, 55, 4, latent=5), 10_000)
    started = time.perf_counter()
    FCI(FisherZ()).run(data)
    assert time.perf_counter() - started < 0.3
