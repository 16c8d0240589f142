"""The beam search gives the formula and the score of the published one, ties, duplicates and quirks included."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published_search import apart, pictures, sentences
from search_cases import firing_of, tied

from aitia.networks import Beam, Constant, Inventory

few = settings(max_examples=60, deadline=None)


def agrees(found, expected):
    formula, score = expected
    assert found.score == score
    assert found.formula == (Constant(False) if formula is None else formula)


@few
@given(tied(), st.integers(1, 5), st.integers(1, 10), st.sampled_from([1.0, 0.95]))
def test_as_published_for_sentences(instance, length, width, penalty):
    masks, names, units = instance
    inventory = Inventory.from_masks(masks, names)
    for unit, found in zip(
        units,
        Beam(length, width, penalty=penalty).explain(firing_of(inventory, units), inventory),
        strict=True,
    ):
        agrees(found, sentences(masks, names, unit, length, width, penalty=penalty))


@few
@given(tied(), st.integers(1, 4), st.data())
def test_as_published_with_neighbors(instance, length, data):
    masks, names, units = instance
    near = {
        name: tuple(data.draw(st.lists(st.sampled_from([*names, "absent"]), max_size=2, unique=True)))
        for name in names[: data.draw(st.integers(1, len(names)))]
    }
    inventory = Inventory.from_masks(masks, names)
    inventory = Inventory(inventory.layout, inventory.names, inventory.words, neighbors=near)
    for unit, found in zip(units, Beam(length).explain(firing_of(inventory, units), inventory), strict=True):
        agrees(found, sentences(masks, names, unit, length, neighbors=near))


@few
@given(
    tied(most_inputs=5, shape=(5, 20)),
    st.integers(1, 5),
    st.sampled_from([None, 1, 3]),
    st.sampled_from([1.0, 0.95]),
)
def test_as_published_for_pictures(instance, length, candidates, penalty):
    masks, names, units = instance
    inventory = Inventory.from_masks(masks, names)
    search = Beam.vision(length, candidates=candidates, penalty=penalty)
    for unit, found in zip(units, search.explain(firing_of(inventory, units), inventory), strict=True):
        agrees(found, pictures(masks, names, unit, length, candidates=candidates, penalty=penalty))


@few
@given(
    tied(most_concepts=8),
    st.integers(1, 4),
    st.integers(1, 6),
    st.booleans(),
    st.booleans(),
    st.sampled_from([1.0, 0.8]),
)
def test_one_of_equal_counts_as_plainly_written(instance, length, width, silent, negations, penalty):
    """`distinct`: formulas of equal counts are one, those of equal score but other counts are two."""
    masks, names, units = instance
    inventory = Inventory.from_masks(masks, names)
    search = Beam(length, width, penalty=penalty, silent=silent, distinct=True, negations=negations)
    for unit, found in zip(units, search.explain(firing_of(inventory, units), inventory), strict=True):
        agrees(found, apart(masks, names, unit, length, width, silent, negations, penalty))


@pytest.mark.parametrize("inputs", [700, 40_000])
def test_as_published_over_many_words(inputs):
    """Masks of several blocks, and units of which some skip blocks."""
    rng = np.random.default_rng(inputs)
    masks = rng.random((12, inputs)) < rng.random((12, 1)) ** 2
    masks[:6, inputs // 3 :] = False
    units = np.stack([masks[0] | masks[7] & ~masks[8], masks[1] & masks[9], rng.random(inputs) < 0.3])
    units ^= rng.random(units.shape) < 0.1
    units[1, : inputs // 2] = False
    names = [f"c{concept}" for concept in range(12)]
    inventory = Inventory.from_masks(masks, names)
    for unit, found in zip(units, Beam(4).explain(firing_of(inventory, units), inventory), strict=True):
        agrees(found, sentences(masks, names, unit, 4))


def test_units_that_fire_too_seldom():
    masks = np.eye(4, dtype=bool)
    inventory = Inventory.from_masks(masks, list("abcd"))
    units = np.array([[1, 0, 0, 0], [1, 1, 0, 0]], dtype=bool)
    seldom, often = Beam(2, least_firing=2).explain(firing_of(inventory, units), inventory)
    assert seldom.formula == Constant(False) and seldom.score == 0 and not seldom.certified
    assert str(often.formula) == "a OR b" and often.certified
