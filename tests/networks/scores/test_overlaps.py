"""Scores of masks: what counting by hand gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.networks import (
    Above,
    Activations,
    Beam,
    ConceptError,
    Exact,
    Inventory,
    explain,
    overlap_of,
    parse,
)

FORMULAS = ["a", "a AND NOT b", "NOT (a OR b) OR c", "TRUE", "FALSE", "NOT c"]


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1), st.sampled_from(FORMULAS), st.sampled_from([(), (5,), (3, 9)]), st.booleans()
)
def test_scores_are_those_of_sets_and_of_scikit_learn(seed, text, shape, ragged):
    from sklearn.metrics import balanced_accuracy_score, jaccard_score, precision_score, recall_score

    draws = np.random.default_rng(seed)
    inputs = int(draws.integers(1, 150))
    lengths = draws.integers(1, 6, inputs) if shape == (5,) and ragged else None
    inventory = Inventory.from_masks(draws.random((3, inputs, *shape)) < 0.4, "abc", lengths=lengths)
    firing = Above(0.7).fire(Activations(draws.normal(size=(inputs, 3, *shape)), lengths=lengths))
    exists = inventory.layout.unpack(inventory.layout.valid)
    formula = inventory.mask_of(parse(text))[exists]
    for words, found in zip(firing.words, overlap_of(parse(text), inventory, firing), strict=True):
        unit = firing.layout.unpack(words)[exists]
        assert found.intersection_over_union == pytest.approx(jaccard_score(unit, formula, zero_division=0))
        assert found.precision == pytest.approx(precision_score(unit, formula, zero_division=0))
        assert found.recall == pytest.approx(recall_score(unit, formula, zero_division=0))
        if 0 < unit.sum() < len(unit):
            assert found.detection_accuracy == pytest.approx(balanced_accuracy_score(unit, formula))
        assert found.total == len(unit)


@pytest.mark.parametrize("side", ["units", "concepts"])
def test_what_one_side_has_no_lengths_for_does_not_exist_past_the_others(side):
    """Concepts annotated for padded inputs, or units recorded so: as if both had the lengths."""
    draws = np.random.default_rng(3)
    lengths = draws.integers(1, 6, 50)
    masks, values = draws.random((4, 50, 5)) < 0.4, draws.normal(size=(50, 2, 5))
    given = {"units": lengths, "concepts": lengths, side: None}
    whole = Inventory.from_masks(masks, "abcd", lengths=lengths)
    padded = Inventory.from_masks(masks, "abcd", lengths=given["concepts"])
    units = Above(0.3).fire(Activations(values, lengths=lengths))
    fires = Above(0.3).fire(Activations(values, lengths=given["units"]))
    for text in ("a", "NOT a OR b", "TRUE"):
        assert overlap_of(parse(text), padded, fires) == overlap_of(parse(text), whole, units)
    for search in (Beam(2), Exact(2)):
        expected = search.explain(units, whole)
        for found, each in zip(search.explain(fires, padded), expected, strict=True):
            assert (found.formula, found.overlap, found.score) == (each.formula, each.overlap, each.score)
    found = explain(Activations(values, lengths=given["units"]), padded, binarise=Above(0.3), null=0)
    expected = explain(Activations(values, lengths=lengths), whole, binarise=Above(0.3), null=0)
    assert found.to_dict()[0]["formula"] == expected.to_dict()[0]["formula"]
    assert [each.overlap for each in found] == [each.overlap for each in expected]


def test_inputs_of_other_lengths_are_refused():
    masks = np.ones((1, 4, 3), dtype=bool)
    inventory = Inventory.from_masks(masks, ["a"], lengths=np.array([3, 2, 1, 3]))
    firing = Above().fire(Activations(np.ones((4, 1, 3)), lengths=np.array([3, 2, 2, 3])))
    for wrong in (
        lambda: overlap_of(parse("a"), inventory, firing),
        lambda: Beam(1).explain(firing, inventory),
    ):
        with pytest.raises(
            ConceptError, match="Input 2 has 2 positions for the units and 1 for the concepts"
        ):
            wrong()


def test_scores_by_hand():
    inventory = Inventory.from_masks(np.array([[1, 1, 1, 0, 0, 0, 0, 0]]) == 1, ["a"])
    firing = Above().fire(Activations(np.array([1.0, 1, 0, 1, 1, 0, 0, 0])[:, None]))
    (found,) = overlap_of(parse("a"), inventory, firing)
    assert (found.both, found.formula, found.unit, found.total) == (2, 3, 4, 8)
    assert found.intersection_over_union == 2 / 5
    assert (found.precision, found.recall, found.detection_accuracy) == (2 / 3, 2 / 4, (2 / 4 + 3 / 4) / 2)


def test_masks_over_other_inputs_are_refused():
    inventory = Inventory.from_masks(np.ones((1, 4), dtype=bool), ["a"])
    firing = Above().fire(Activations(np.ones((5, 1))))
    with pytest.raises(ConceptError, match=r"Units fire over 5 inputs .* concepts are known over 4 inputs"):
        overlap_of(parse("a"), inventory, firing)
    with pytest.raises(ConceptError, match="There is no concept 'b'"):
        overlap_of(parse("b"), inventory, Above().fire(Activations(np.ones((4, 1)))))
