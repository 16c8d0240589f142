"""Folds that are drawn: every class has its share of each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedKFold

from aitia.networks import Activations, Inventory, Logistic, ProbeError, probe
from aitia.networks.probes._folds import stratified, targets_and_folds
from aitia.networks.probes._rows import Rows
from aitia.networks.probes._target import read


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 10_000),
    st.lists(st.integers(1, 60), min_size=2, max_size=7),
    st.integers(2, 9),
)
def test_of_one_target_classes_and_sizes_of_two_folds_differ_by_one_at_most(seed, sizes, count):
    label = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    if len(label) < count:
        return
    folds = stratified([read("label", label)], Rows(len(label)), count, seed)
    assert set(folds) <= set(range(count))
    assert np.ptp(np.bincount(folds, minlength=count)) <= 1
    for each in range(len(sizes)):
        assert np.ptp(np.bincount(folds[label == each], minlength=count)) <= 1


def test_a_rare_class_has_the_shares_that_scikit_learn_gives_it():
    draws = np.random.default_rng(0)
    label = draws.permutation(np.repeat([0, 1, 2], [7, 150, 343]))
    ours = stratified([read("label", label)], Rows(500), 5, 3)
    for fold, (_, test) in enumerate(StratifiedKFold(5, shuffle=True, random_state=0).split(label, label)):
        theirs = np.bincount(label[test], minlength=3)
        # Which folds get the one more is drawn.
        assert np.abs(np.bincount(label[ours == fold], minlength=3) - theirs).max() <= 1


def test_several_targets_share_folds_in_which_all_have_their_share():
    draws = np.random.default_rng(1)
    labels = [draws.random(2000) < share for share in (0.004, 0.01, 0.03, 0.2, 0.5, 0.97)]
    folds = stratified([read(str(place), each) for place, each in enumerate(labels)], Rows(2000), 5, 0)
    assert np.ptp(np.bincount(folds)) <= 40  # of 400 each
    for label in labels[:4]:
        found = np.bincount(folds[label], minlength=5)
        # The rarest are within one; what others leave of the more frequent ones is spread as evenly as it can be.
        assert np.ptp(found) <= max(2, 0.1 * label.sum() / 5)


def test_classes_at_positions_are_spread_over_inputs():
    draws = np.random.default_rng(2)
    tags = np.full((300, 8), "other")
    tags[draws.permutation(300)[:6], draws.integers(8, size=6)] = "verb"
    rows = Rows(300, (8,))
    folds = stratified([read("tag", rows.flat(tags, "tags"))], rows, 3, 0)
    assert np.bincount(folds[(tags == "verb").any(axis=1)]).tolist() == [2, 2, 2]
    assert np.bincount(folds).tolist() == [100, 100, 100]


def test_a_class_is_counted_by_inputs_and_not_by_positions():
    draws = np.random.default_rng(7)
    tags = np.zeros((40, 6), dtype=int)
    tags[[3, 9]] = 1  # twelve positions of two inputs
    layer = Activations(draws.normal(size=(40, 2, 6)), "tokens")
    with pytest.raises(
        ProbeError, match="class 1 of the target 'tag' is at 2 inputs, fewer than the 5 folds"
    ):
        probe(layer, {"tag": tags})


def test_the_seed_decides_and_numbers_do_not():
    draws = np.random.default_rng(3)
    label = draws.integers(4, size=200)
    first, again, other = (stratified([read("l", label)], Rows(200), 5, seed) for seed in (0, 0, 1))
    assert (first == again).all() and (first != other).any()
    numbers = [stratified([read("n", draws.normal(size=200))], Rows(200), 5, 0) for _ in range(2)]
    assert (numbers[0] == numbers[1]).all() and np.bincount(numbers[0]).tolist() == [40] * 5


def test_a_class_of_as_many_inputs_as_folds_is_in_each():
    draws = np.random.default_rng(4)
    layer = draws.normal(size=(400, 3))
    rare = np.arange(400) % 80 == 0  # five inputs
    for seed in range(8):
        found = probe(layer + 3 * rare[:, None], {"rare": rare}, method=Logistic(), seed=seed)[0]
        # Each fold has one, so that each has an area under the curve, and each fit has four to learn from.
        assert found.quality.area_under_curve is not None and found.quality.area_under_curve > 0.95


def test_given_folds_that_hold_a_class_alone_are_refused_or_said():
    draws = np.random.default_rng(5)
    layer = draws.normal(size=(60, 3))
    film = np.repeat(np.arange(4), 15)
    only = film == 2
    with pytest.raises(ProbeError, match="class True of the target 'only' is in one fold alone"):
        probe(layer, {"only": only}, folds=film)
    half = draws.random(60) < 0.5
    inventory = Inventory.from_masks(np.stack([only, half]), ["only", "half"])
    found = probe(layer, inventory, folds=film)
    assert found.targets == ("half",)
    assert any("set aside 1 of 2 concepts: only" in each.what for each in found.decisions)
    with pytest.raises(ProbeError, match="Each of the 1 concepts"):
        probe(layer, inventory.only(["only"]), folds=film)


def test_positions_of_an_input_share_its_fold():
    draws = np.random.default_rng(6)
    tags = draws.integers(2, size=(30, 5))
    rows = Rows(30, (5,), draws.integers(1, 6, size=30))
    _, codes, count, _ = targets_and_folds({"t": rows.flat(tags, "t")}, 4, rows, 2, 0, False)
    assert count == 4 and len(codes) == len(rows)
    assert all(len(set(codes[rows.input_of == each])) == 1 for each in range(30))
    layer = Activations(draws.normal(size=(30, 2, 5)), "tokens", lengths=rows.lengths)
    assert probe(layer, {"t": tags}, folds=4).rows == len(rows)
