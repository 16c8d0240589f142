"""Planted units do what was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.networks import ConceptError, Inventory, Planted, overlap_of, simplified
from aitia.networks.planted._formulas import drawn_formula


@settings(deadline=None, max_examples=12)
@given(
    st.integers(0, 1_000),
    st.sampled_from([((), 1), ((8, 8), 2), ((20,), 3)]),
    st.sampled_from([(1, 2), (3,), (4, 1)]),
)
def test_units_without_noise_fire_exactly_where_their_formula_holds(seed, shape, lengths):
    planted = Planted(
        lengths=lengths,
        units=2,
        concepts=20,
        inputs=200,
        shape=shape[0],
        grain=shape[1],
        fires=(0.05, 0.4),
        matters=0.1,
    )
    network = planted.draw(seed)
    total = network.inventory.layout.total
    values = network.activations.values
    assert values.shape == (200, 2 * len(lengths), *shape[0]) and values.dtype == np.float32
    for unit, formula in enumerate(network.formulas):
        assert formula.length == [length for length in lengths for _ in range(2)][unit]
        assert simplified(formula).length == formula.length  # every concept is needed by logic
        assert np.array_equal(values[:, unit] > 0, network.inventory.mask_of(formula))
        assert 0.05 <= network.firing.size[unit] / total <= 0.4
        assert np.abs(values[:, unit]).min() >= 0.1
        # and by the masks: a formula of fewer of the concepts that is the same but for one is another mask.
        for part in (formula.parts[0],) if formula.length > 1 else ():
            overlap = overlap_of(part, network.inventory, network.firing)[unit]
            assert overlap.intersection_over_union <= 0.9


def without(formula, name):
    """The formula with a concept taken out, None where nothing is left."""
    if not formula.parts:
        return None if formula.concepts == (name,) else formula
    parts = [without(part, name) for part in formula.parts]
    if None in parts:
        return next((part for part in parts if part is not None), None)
    return type(formula)(*parts)


@pytest.mark.parametrize("length", [2, 3])
def test_no_concept_is_idle_where_concepts_lie_within_each_other(length):
    """Of nested concepts most formulas need only some: c1 AND c5 is c1."""
    edges = np.linspace(40, 360, 9).astype(int)
    inventory = Inventory.from_masks(np.arange(400) < edges[:, None], [f"c{each}" for each in range(9)])
    for seed in range(40):
        formula = drawn_formula(inventory, 9, length, (0.02, 0.9), 0.05, seed, 0)
        mask = inventory.mask_of(formula)
        for name in formula.concepts:
            rest = without(formula, name)
            other = np.zeros_like(mask) if rest is None else inventory.mask_of(rest)
            assert (mask & other).sum() <= 0.95 * (mask | other).sum(), (formula, name)


def test_same_seed_same_network_and_noise_changes_units_alone():
    settings_ = {"units": 3, "concepts": 15, "inputs": 300, "distractors": 1}
    one, same, other = (
        Planted(**settings_).draw(4),
        Planted(**settings_).draw(4),
        Planted(**settings_).draw(5),
    )
    noisy = Planted(**settings_, false_positives=0.1).draw(4)
    assert np.array_equal(one.activations.values, same.activations.values) and one.formulas == same.formulas
    assert not np.array_equal(one.inventory.words, other.inventory.words)
    assert np.array_equal(one.inventory.words, noisy.inventory.words) and one.formulas == noisy.formulas
    assert not np.array_equal(one.firing.words, noisy.firing.words)


def test_supports_are_exact_and_from_rare_to_common():
    inventory = Planted(concepts=300, inputs=5_000, support=(0.01, 0.3), lengths=(1,)).draw(0).inventory
    share = np.sort(inventory.support / 5_000)
    assert share[0] >= 0.0098 and share[-1] <= 0.3
    # Log-uniform: the median is the geometric mean of the ends, 0.0548; the error of the median of 300 log-uniforms
    # is about log(30) / (2 sqrt(300)) = 0.1 in logs.
    assert np.log(share[150] / np.sqrt(0.01 * 0.3)) == pytest.approx(0, abs=0.3)


def test_correlation_within_groups_is_that_of_the_normals():
    # Two normals with correlation r are both above their medians with probability 1/4 + arcsin(r) / (2 pi) (Sheppard).
    planted = Planted(concepts=20, inputs=20_000, support=(0.5, 0.5), group=4, correlation=0.6, lengths=(1,))
    inventory = planted.draw(1).inventory
    masks = np.array([inventory.layout.unpack(words) for words in inventory.words])
    both = masks.astype(float) @ masks.T / 20_000
    same = np.array([[one // 4 == other // 4 and one != other for one in range(20)] for other in range(20)])
    apart = np.array([[one // 4 != other // 4 for one in range(20)] for other in range(20)])
    # Monte-Carlo error of a share of 20,000: 0.0031; of the mean of the five independent groups less.
    assert both[same].mean() == pytest.approx(0.25 + np.arcsin(0.6) / (2 * np.pi), abs=0.006)
    assert both[apart].mean() == pytest.approx(0.25, abs=0.006)
    assert inventory.categories[4] == "group 1"


def test_noise_rates():
    planted = Planted(
        lengths=(2,),
        units=4,
        concepts=20,
        inputs=20_000,
        fires=(0.2, 0.5),
        false_positives=0.1,
        false_negatives=0.3,
    )
    network = planted.draw(2)
    for unit, formula in enumerate(network.formulas):
        overlap = overlap_of(formula, network.inventory, network.firing)[unit]
        silent = overlap.total - overlap.formula
        # Standard errors of the rates: at most 0.0073 (4,000 positions at 0.3) and 0.003: four of them.
        assert overlap.both / overlap.formula == pytest.approx(0.7, abs=0.03)
        assert (overlap.unit - overlap.both) / silent == pytest.approx(0.1, abs=0.012)


def test_copies_near_copies_and_units_without_a_formula():
    planted = Planted(
        lengths=(1,),
        units=2,
        distractors=2,
        concepts=10,
        inputs=2_000,
        copies=2,
        near_copies=3,
        exchanged=0.1,
    )
    network = planted.draw(0)
    inventory = network.inventory
    assert len(inventory) == 15 and network.formulas[2:] == (None, None)
    for name in inventory.names[10:]:
        original, near = name.split()[0], "nearly" in name
        kept, copied = inventory.words_of(original), inventory.words_of(name)
        support = inventory.support[inventory.place[original]]
        changed = int(np.bitwise_count(kept ^ copied).sum())
        assert changed == (2 * round(0.1 * support) if near else 0)
    assert len({name.split()[0] for name in inventory.names[10:]}) == 5
    assert all(0.02 * 0.8 < size / 2_000 < 0.5 * 1.1 for size in network.firing.size[2:])


def test_grain_gives_patches():
    network = Planted(lengths=(1,), units=1, concepts=3, inputs=5, shape=(7, 9), grain=4).draw(0)
    mask = network.inventory.mask_of(network.formulas[0])
    assert np.array_equal(mask[:, :4, :4].all(axis=(1, 2)), mask[:, :4, :4].any(axis=(1, 2)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"false_positives": 1.5}, "false_positives must be from 0 to 1; came 1.5."),
        ({"support": (0.4, 0.1)}, "support goes from a share above 0 to one of at most 1; came 0.4 to 0.1."),
        (
            {"concepts": 2},
            "2 concepts are fewer than a formula of length 3 names, or than the 0 of them that come again.",
        ),
        ({"inputs": 0}, "There must be an input, a concept and a unit at least."),
    ],
)
def test_settings_that_cannot_be_met(given, message):
    with pytest.raises(ConceptError) as caught:
        Planted(**given)
    assert caught.value.problem == message


def test_formulas_that_do_not_come_up_are_said():
    with pytest.raises(
        ConceptError, match=r"No formula of length 2 was found that holds at 90.0% to 95.0% of positions"
    ):
        Planted(lengths=(2,), concepts=5, inputs=200, support=(0.05, 0.1), fires=(0.9, 0.95)).draw(0)
