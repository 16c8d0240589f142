"""Intervals draw groups of inputs whole: laws, a published error, coverage."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.networks import Above, Activations, Beam, Inventory, SearchError
from aitia.networks.refutation import ActivationCoverage, Bootstrap, Minimality, Verdict, refute
from aitia.networks.refutation._bootstrap import _score
from aitia.networks.refutation._consequence import _mean
from aitia.networks.refutation._groups import groups_to_draw, sums_of_groups
from aitia.networks.refutation._resampling import bca

SLOW = os.environ.get("AITIA_SLOW") == "1"


@given(st.lists(st.integers(0, 6), min_size=1, max_size=30), st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_sums_of_groups_are_those_of_their_inputs(labels, seed):
    group = np.unique(labels, return_inverse=True)[1]
    columns = np.random.default_rng(seed).integers(0, 99, (2, len(labels), 3))
    sums = sums_of_groups(columns, group)
    assert sums.shape == (2, group.max() + 1, 3)
    for each in range(group.max() + 1):
        assert np.array_equal(sums[:, each], columns[:, group == each].sum(axis=1))


def worth_of(copies, groups=None):
    random = np.random.default_rng(0)
    concepts = random.random((5, 150)) < 0.4
    strength = random.exponential(size=150)
    values = np.where(concepts[0] & ~concepts[1] ^ (random.random(150) < 0.1), strength, -strength)
    inventory = Inventory.from_masks(np.repeat(concepts, copies, axis=1), list("abcde"))
    activations = Activations(np.repeat(values, copies)[:, None])
    firing = Above().fire(activations, inventory.layout)
    search = Beam(2)
    found = search.explain(firing, inventory)
    refuters = [Bootstrap(), Minimality(), ActivationCoverage(ranges=4)]
    (worth,) = refute(
        found, firing, inventory, search, activations=activations, refuters=refuters, groups=groups
    )
    return worth


def test_groups_of_copies_are_as_one_input():
    """Each input four times, and its copies a group: the intervals are those of the inputs; as inputs, half as wide."""
    once, thrice, alone = worth_of(1), worth_of(4, np.repeat(np.arange(150), 4)), worth_of(4)
    for name, key in (("bootstrap", "score"), ("bootstrap", "gain"), ("activation coverage", "contrast")):
        one, other, narrow = (each[name].details[key] for each in (once, thrice, alone))
        assert (other.low, other.high) == pytest.approx((one.low, one.high))
        # Half as wide; ends of 1,000 and 2,000 replicates have errors of about 3% of the width.
        assert (narrow.high - narrow.low) / (one.high - one.low) == pytest.approx(0.5, abs=0.08)
    for one, other in zip(
        once["minimality"].details["parts"], thrice["minimality"].details["parts"], strict=True
    ):
        assert (other.carries.low, other.carries.high) == pytest.approx((one.carries.low, one.carries.high))
    assert "150 groups of inputs were drawn again" in thrice["bootstrap"].tried


def test_intervals_over_groups_hold_the_truth_as_often_as_they_say():
    """Inputs of a group lean to one kind. Drawn one by one the interval is far too narrow."""
    kinds = np.array([[1, 1, 1], [0, 1, 0], [0, 0, 1], [0, 0, 0]])
    chance = np.array([0.25, 0.15, 0.1, 0.5])
    truth = _score(chance @ kinds)
    runs, groups = (2000, 40) if SLOW else (300, 30)
    alone = together = 0
    for run in range(runs):
        random = np.random.default_rng(run)
        sizes = random.integers(5, 16, groups)
        group = np.repeat(np.arange(groups), sizes)
        kind = random.choice(4, groups, p=chance)[group]
        kind = np.where(random.random(len(group)) < 0.7, kind, random.choice(4, len(group), p=chance))
        one = bca(kinds[kind], _score, random, replicates=600)
        other = bca(sums_of_groups(kinds[kind], group), _score, random, replicates=600)
        alone += one.low <= truth <= one.high
        together += other.low <= truth <= other.high
    # Binomial error of the coverage, 4 standard deviations; and 0.015 for groups not being infinitely many.
    assert abs(together / runs - 0.95) < 4 * np.sqrt(0.95 * 0.05 / runs) + 0.015
    assert alone / runs < 0.75


def test_too_few_groups_for_an_interval_are_said():
    assert groups_to_draw(None, 40, 0.95) is None
    # Six groups have one sign with probability 2^-5 = 0.031, five with 0.0625.
    assert np.array_equal(groups_to_draw(np.arange(40) % 6, 40, 0.95), np.arange(40) % 6)
    with pytest.raises(SearchError, match="An interval over 5 groups says nothing; it takes 6 or more"):
        groups_to_draw(np.arange(40) % 5, 40, 0.95)
    worth = worth_of(1, np.arange(150) % 5)
    for each in worth.trials:
        assert each.verdict is Verdict.INCONCLUSIVE and "it takes 6 or more" in each.sentence


def test_the_error_of_a_mean_over_groups_is_the_published_one():
    """statsmodels 0.14: OLS(y, ones).fit(cov_type="cluster", cov_kwds={"groups": group}, use_t=True).conf_int(), whose
    small-sample factor for one column is k / (k - 1) too."""
    values = np.array([1.0, 2.0, 4.0, 3.0, 0.0, -1.0, 2.5, 5.0, 1.0, 0.5])
    group = np.array([0, 0, 0, 1, 1, 2, 2, 2, 3, 3])
    found = _mean(values, 0.95, group, np.ones(10, dtype=bool))
    sm = pytest.importorskip("statsmodels.api")
    fitted = sm.OLS(values, np.ones(10)).fit(
        cov_type="cluster", cov_kwds={"groups": group, "df_correction": True}, use_t=True
    )
    assert (found.low, found.high) == pytest.approx(tuple(fitted.conf_int()[0]))
    # Each input its own group: the plain t interval. scipy.stats.t.interval(0.95, 9, mean, sem).
    plain, apart = (_mean(values, 0.95, each, np.ones(10, dtype=bool)) for each in (None, np.arange(10)))
    assert (plain.low, plain.high) == pytest.approx((apart.low, apart.high))
    some = _mean(values[2:], 0.95, group, np.arange(10) > 1)
    assert some == _mean(values[2:], 0.95, group[2:], np.ones(8, dtype=bool))
