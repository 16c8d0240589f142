"""Few units for a property, and many properties for a unit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.linear_model import lasso_path, orthogonal_mp_gram

from aitia.networks import Above, Activations, Inventory, ProbeError, polysemanticity, probe, subspace
from aitia.networks._errors import ConceptError
from aitia.networks.probes._subspace import _pursuit
from aitia.statistics import Moments


def test_units_and_weights_are_those_of_orthogonal_matching_pursuit():
    draws = np.random.default_rng(0)
    layer = draws.normal(size=(300, 20)) @ draws.normal(size=(20, 20))
    layer = (layer - layer.mean(0)) / layer.std(0)
    numbers = layer @ (draws.normal(size=20) * (draws.random(20) < 0.4)) + draws.normal(size=300)
    numbers -= numbers.mean()
    moments = Moments.of(np.column_stack([layer, numbers]))
    for count in (1, 3, 6):
        chosen, path = _pursuit(moments, 20, count, 1e-12)
        expected = orthogonal_mp_gram(layer.T @ layer, layer.T @ numbers, n_nonzero_coefs=count)
        assert set(chosen) == set(np.flatnonzero(expected))
        np.testing.assert_allclose(path[-1][0][:, 0], expected, atol=1e-8)


@pytest.mark.parametrize("kind", ["number", "two", "three"])
def test_planted_units_are_found(kind):
    draws = np.random.default_rng(1)
    layer = draws.normal(size=(1500, 60)) * draws.lognormal(size=60)
    inside = layer[:, [7, 21, 33]] / layer[:, [7, 21, 33]].std(0)
    total = inside.sum(1) + 0.5 * draws.normal(size=1500)
    target = {"number": total, "two": total > 0, "three": np.digitize(total, [-0.7, 0.7])}[kind]
    units = tuple(range(100, 160))
    found = subspace(Activations(layer, "middle", units), target, most=6)
    assert set(found.units[:3]) == {107, 121, 133}
    assert found.needed(0.97) == 3
    assert found.r_squared[0] == pytest.approx(0, abs=0.01)
    # Each of the three carries about a third; further units add nothing on held-out rows.
    assert (np.diff(found.r_squared)[:3] > 0.1).all() and (np.abs(np.diff(found.r_squared)[3:]) < 0.01).all()
    assert "121" in found.sentence and "<table>" in found._repr_html_() and repr(found).count("\n") == 9


def test_what_all_units_reach_is_what_the_linear_probe_reaches():
    draws = np.random.default_rng(4)
    layer = draws.normal(size=(400, 30))
    numbers, codes = layer.sum(1) + draws.normal(size=400), np.arange(400) % 5
    found = subspace(layer, numbers, most=3, folds=codes)
    assert found.full == probe(layer, numbers, folds=codes)[0].quality.r_squared
    # Thirty units of equal weight: three do not reach 90% of what all reach.
    assert found.needed() is None and "3 units do not reach 90% of it" in found.sentence
    assert found.needed(0.05) == int(np.flatnonzero(found.r_squared >= 0.05 * found.full)[0])


def test_as_many_units_of_a_lasso_path_reach_less():
    # The docstring's reason to choose by pursuit, on pixels: scikit-learn's lasso_path, its weights fitted anew.
    images, labels = load_digits(return_X_y=True)
    images, label = images[:700], (labels == 3)[:700]
    codes = np.arange(700) % 5
    found = subspace(images, label, most=8, folds=codes).r_squared
    errors = np.zeros(9)
    for fold in range(5):
        train = codes != fold
        mean, scale = images[train].mean(0), images[train].std(0)
        units = (images - mean) / np.where(scale > 0, scale, np.inf)
        y = label - label[train].mean()
        _, path, _ = lasso_path(units[train], y[train], alphas=100, eps=1e-2)
        several = (path != 0).sum(axis=0)
        for count in range(9):
            chosen = np.flatnonzero(path[:, np.flatnonzero(several <= count)[-1]])
            weights = np.linalg.lstsq(units[train][:, chosen], y[train], rcond=None)[0]
            errors[count] += ((y - units[:, chosen] @ weights)[~train] ** 2).sum()
    lasso = 1 - errors / ((label - label.mean()) ** 2).sum()
    assert found[1] > lasso[1] and found[2] > lasso[2]
    assert found[1:9].mean() > lasso[1:9].mean()


def test_noise_has_no_subspace():
    draws = np.random.default_rng(2)
    found = subspace(draws.normal(size=(200, 80)), draws.normal(size=200), most=8)
    assert found.r_squared[1:].max() < 0.05
    assert found.full < 0.05


def test_copies_and_constants_do_not_join():
    draws = np.random.default_rng(3)
    layer = draws.normal(size=(300, 2))
    wide = np.column_stack([layer[:, 0], layer[:, 0], np.ones(300), layer[:, 1], layer.sum(1)])
    found = subspace(wide, layer.sum(1) + 0.1 * draws.normal(size=300), most=5)
    assert len(found.units) == 2 and found.units[0] == 4
    assert found.weights.shape == (2, 1)


def test_what_has_no_subspace():
    layer = np.random.default_rng(0).normal(size=(40, 3))
    with pytest.raises(ProbeError, match="one target; came 2"):
        subspace(layer, layer[:, :2])
    with pytest.raises(ProbeError, match="0 units"):
        subspace(layer, layer[:, 0], most=0)
    with pytest.raises(ProbeError, match="above 0"):
        subspace(layer, layer[:, 0], penalty=0.0)
    with pytest.raises(ProbeError, match="one layer"):
        subspace({"a": layer, "b": layer}, layer[:, 0])  # type: ignore[arg-type]


def planted(seed: int, inputs: int = 3000, concepts: int = 12):
    draws = np.random.default_rng(seed)
    masks = draws.random((concepts, inputs)) < draws.uniform(0.04, 0.12, size=(concepts, 1))
    names = [f"c{place}" for place in range(concepts)]
    return masks, Inventory.from_masks(masks, names), draws


def fired(units: np.ndarray, inventory: Inventory):
    return Above(0.0).fire(Activations(units.T.astype(float)), inventory.layout)


@pytest.mark.parametrize("seed", range(5))
def test_units_that_answer_to_none_one_two_and_three_concepts(seed):
    masks, inventory, draws = planted(seed)
    units = np.stack(
        [draws.random(3000) < 0.1, masks[0], masks[0] | masks[1], masks[0] | masks[1] | masks[2]]
    )
    units[1:] &= draws.random((3, 3000)) < 0.9  # misses
    units[1:] |= draws.random((3, 3000)) < 0.005  # and false alarms
    found = polysemanticity(fired(units, inventory), inventory)
    assert found.counts.tolist() == [0, 1, 2, 3]
    assert {each.concept for each in found[3].answered} == {"c0", "c1", "c2"}
    assert 2 < found[3].effective <= 3 and found[3].covered > 0.9
    assert sum(each.share for each in found[3].answered) <= 1
    assert "answers to" in found[2].sentence and found.table()["concepts"].tolist() == [0, 1, 2, 3]
    assert "<table>" in found._repr_html_() and "2 answer to several" in found.sentence


def test_concepts_of_equal_share_count_one_each():
    masks = np.repeat(np.eye(4, dtype=bool), 50, axis=1)
    inventory = Inventory.from_masks(masks, ["a", "b", "c", "d"])
    found = polysemanticity(fired((masks[0] | masks[1] | masks[2])[None], inventory), inventory)[0]
    assert found.effective == pytest.approx(3) and found.covered == 1
    assert [each.share for each in found.answered] == [1 / 3] * 3


def test_settings_of_what_counts_as_a_concept():
    # 200 inputs; the unit fires at all of a (100), b (40), c (8) and d (4).
    masks = np.zeros((4, 200), dtype=bool)
    for place, (start, size) in enumerate([(0, 100), (100, 40), (140, 8), (148, 4)]):
        masks[place, start : start + size] = True
    inventory = Inventory.from_masks(masks, ["a", "b", "c", "d"])
    unit = fired(masks.any(axis=0)[None], inventory)

    def named(**settings):
        return [each.concept for each in polysemanticity(unit, inventory, lift=1.0, **settings)[0].answered]

    assert named() == ["a", "b"]  # c is 8 of 152: less than a tenth
    assert named(share=0.05) == ["a", "b", "c"]
    assert named(share=0.001) == ["a", "b", "c"]  # d holds at fewer than five
    assert named(share=0.001, least=4) == ["a", "b", "c", "d"]
    assert named(share=0.001, most=1) == ["a"]
    found = polysemanticity(unit, inventory, lift=1.0)[0]
    # Shares s of 100 / 152 and 40 / 152: (sum s)^2 / sum s^2.
    assert found.effective == pytest.approx(140**2 / (100**2 + 40**2))


def test_synonyms_and_parts_count_once():
    masks, _, draws = planted(7)
    part = masks[0] & (draws.random(3000) < 0.5)
    inventory = Inventory.from_masks(
        np.stack([masks[0], masks[0], part, masks[1]]), ["cat", "feline", "ear", "car"]
    )
    found = polysemanticity(fired(np.stack([masks[0], masks[0] | masks[1]]), inventory), inventory)
    assert found.counts.tolist() == [1, 2]
    assert found[0].answered[0].share == 1 and found[0].effective == 1


def test_a_unit_that_always_or_never_fires_answers_to_nothing():
    _, inventory, draws = planted(8)
    found = polysemanticity(
        fired(np.stack([np.ones(3000), np.zeros(3000), draws.random(3000) < 0.6]), inventory), inventory
    )
    assert found.counts.tolist() == [0, 0, 0]
    assert found[1].sentence == "Unit 1 never fires."


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_order_of_inputs_and_of_concepts_does_not_matter(seed):
    masks, inventory, draws = planted(seed, 400, 6)
    unit = (masks[0] | masks[1]) ^ (draws.random(400) < 0.03)
    inputs, concepts = draws.permutation(400), draws.permutation(6)
    moved = Inventory.from_masks(masks[concepts][:, inputs], [f"c{place}" for place in concepts])
    first = polysemanticity(fired(unit[None], inventory), inventory)[0]
    second = polysemanticity(fired(unit[None, inputs], moved), moved)[0]
    assert [each.share for each in first.answered] == [each.share for each in second.answered]
    assert first.count == second.count and first.covered <= 1


def test_masks_of_other_inputs_are_refused():
    masks, inventory, _ = planted(9, 200)
    with pytest.raises(ConceptError, match="200 inputs"):
        polysemanticity(fired(masks[:1], inventory), inventory.of_inputs(np.arange(100)))
    with pytest.raises(ProbeError, match="above 0"):
        polysemanticity(fired(masks[:1], inventory), inventory, fires=0.0)
