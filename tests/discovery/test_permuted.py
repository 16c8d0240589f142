"""The self-check against shuffled columns."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from toys import Fixed, Threshold, normal

from aitia.core import Status
from aitia.discovery import DiscoveryError, FisherZ, Knowledge, Observations, permuted
from aitia.discovery.constraint import PC
from aitia.discovery.series import PCMCIPlus
from aitia.graphs import Graph

QUIET = {"show_progress": False}


def test_the_rate_of_one_test_a_pair_is_its_level():
    # |r| > z / sqrt(n) is a test of level 2 (1 - Phi(z)): 5% at 1.96.
    n, names = 400, tuple("abcdefgh")
    check = permuted(Threshold(1.96 / math.sqrt(n)), normal(n, 0.3, names=names), 200, **QUIET)
    assert check.pairs == 28
    # 5,600 pairs: standard error 0.3%, and 0.1% for the normal approximation.
    assert abs(check.rate - 0.05) < 0.013
    assert check.interval[0] < 0.05 < check.interval[1] or abs(check.rate - 0.05) < 0.009
    assert check.rate == pytest.approx(np.mean(check.false_edges) / 28)


def test_the_interval_covers_the_level_in_most_studies():
    n, level = 200, 0.05
    covered = sum(
        low <= level <= high
        for seed in range(60)
        for low, high in [
            permuted(Threshold(1.972 / math.sqrt(n)), normal(n, 0.0), 20, seed=seed, **QUIET).interval
        ]
    )
    # 95% of 60 is 57; below 51 has probability under 0.2% (binomial).
    assert covered >= 51


def test_verdicts():
    data = normal(500, 0.5)
    good = permuted(PC(FisherZ()), data, 20, **QUIET)
    assert good.status is Status.SURVIVED and good.level == 0.01 and "survived: In 20 copies" in repr(good)
    # A level of 5% that is told as 1%.
    liar = permuted(PC(FisherZ(), alpha=0.5), data, 20, **QUIET)
    assert liar.status is Status.BROKEN and liar.expected > 1.5
    nothing = permuted(Fixed((Graph.build("abcd"),)), data, 3, **QUIET)
    assert (
        nothing.status is Status.SURVIVED
        and nothing.rate == 0
        and nothing.interval[0] == 0 < nothing.interval[1]
    )
    always = permuted(Fixed((Graph.parse("a -> b -> c -> d"),)), data, 3, **QUIET)
    assert always.status is Status.BROKEN and always.expected == pytest.approx(3)
    held = json.loads(json.dumps(always.to_dict()))
    assert held["status"] == "broken" and held["false_edges"] == [3, 3, 3]
    assert "broken" in always._repr_html_()


def test_a_level_that_does_not_hold_is_broken():
    check = permuted(PC(FisherZ(), alpha=0.2), normal(300, 0.4), 40, **QUIET)
    assert check.interval[0] < 0.2, "PC given others cuts more than its level keeps"
    told = Threshold(1.96 / math.sqrt(300))
    object.__setattr__(told, "alpha", 0.01)
    check = permuted(told, normal(300, 0.4), 60, **QUIET)
    assert check.status is Status.BROKEN and "more than its level of 0.01 promises" in check.sentence


def test_required_edges_do_not_count_and_forbidden_pairs_are_no_pairs():
    known = Knowledge(required=[("a", "b")], forbidden=[("c", "d"), ("d", "c")])
    check = permuted(PC(FisherZ()), normal(300, 0.4), 10, knowledge=known, **QUIET)
    assert check.pairs == 4
    assert max(check.false_edges) < 4 and check.rate < 0.2


def test_columns_keep_their_values_and_lose_each_other():
    from aitia.discovery._permuted import _copies

    data = normal(1000, 0.9)
    copy = next(_copies(data, 1, 0, False, set()))
    assert (np.sort(copy.values, axis=0) == np.sort(data.values, axis=0)).all()
    assert np.abs(np.corrcoef(copy.values, rowvar=False) - np.eye(4)).max() < 0.15


def test_series_keep_their_own_past():
    random = np.random.default_rng(0)
    x, y = np.zeros(500), np.zeros(500)
    for t in range(1, 500):
        x[t] = 0.8 * x[t - 1] + random.normal()
        y[t] = 0.8 * y[t - 1] + 0.6 * x[t - 1] + random.normal()
    check = permuted(PCMCIPlus(max_lag=1), {"x": x, "y": y}, 10, **QUIET)
    # x -- y now, and x, y one step ago with the other now.
    assert check.pairs == 3
    assert check.edges >= 1 and check.rate < 0.2


def test_what_cannot_be_shuffled_says_so():
    data = normal(50, 0.5)
    with pytest.raises(DiscoveryError, match="needs the rows"):
        permuted(Threshold(), Observations.of_moments(data.moments), **QUIET)
    with pytest.raises(DiscoveryError, match="At least one copy"):
        permuted(Threshold(), data, 0, **QUIET)
