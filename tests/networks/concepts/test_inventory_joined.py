"""Inventories joined, described, with neighbours, and with rare concepts set aside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.networks import ConceptError, Inventory
from aitia.networks.concepts import join, with_neighbors


def drawn(seed, concepts, inputs, shape=()):
    random = np.random.default_rng(seed)
    masks = random.random((concepts, inputs, *shape)) < random.random(concepts).reshape(
        -1, *[1] * (1 + len(shape))
    )
    return masks, Inventory.from_masks(masks, [f"c{at}" for at in range(concepts)])


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 14), st.integers(1, 90), st.integers(1, 8))
def test_the_most_alike_are_those_of_a_naive_search(seed, concepts, inputs, most):
    masks, inventory = drawn(seed, concepts, inputs)
    found = inventory.describe(most)
    seen, distinct = set(), []
    for at, mask in enumerate(masks):
        if mask.any() and mask.tobytes() not in seen:
            seen.add(mask.tobytes())
            distinct.append(at)
    naive = sorted(
        (
            (masks[one] & masks[other]).sum() / (masks[one] | masks[other]).sum()
            for place, one in enumerate(distinct)
            for other in distinct[:place]
        ),
        reverse=True,
    )
    naive = [score for score in naive if score > 0][:most]
    assert np.allclose([score for *_, score in found.overlaps], naive)
    for one, other, score in found.overlaps:
        a, b = masks[inventory.place[one]], masks[inventory.place[other]]
        assert score == pytest.approx((a & b).sum() / (a | b).sum())
    assert set(found.empty) == {f"c{at}" for at, mask in enumerate(masks) if not mask.any()}
    for group in found.duplicates:
        assert len({masks[inventory.place[name]].tobytes() for name in group}) == 1


def test_descriptions_are_shown():
    inventory = Inventory.from_masks(
        np.array([[1, 1, 0], [1, 1, 0], [0, 0, 0]], dtype=bool), ["a<b", "c", "d"], categories=["x", "x", "y"]
    )
    found = inventory.describe()
    assert "3 concepts in 2 categories over 3 inputs" in repr(found)
    assert any("1 concept holds nowhere: d" in each for each in found.warnings)
    assert any("a<b, c have the same mask" in each for each in found.warnings)
    assert "a&lt;b" in found._repr_html_() and "a<b" not in found._repr_html_()
    assert found.table()["support"].tolist() == [2, 2, 0]


def test_rare_concepts_are_set_aside_and_said():
    masks = np.array([[1, 1, 1], [0, 0, 0], [1, 0, 0]], dtype=bool)
    inventory = Inventory.from_masks(masks, ["water", "boat", "sky"], categories=["a", "b", "c"])
    kept = inventory.enough(2)
    assert kept.names == ("water",) and kept.categories == ("a",)
    assert "set aside 2 of 3 concepts with too little support: boat, sky" in kept.decisions[-1].what
    assert inventory.enough(0) is inventory


def test_joined_masks_are_those_of_the_parts():
    one, other = drawn(0, 3, 70)[1], drawn(1, 2, 70)[1]
    renamed = Inventory(other.layout, ("x", "y"), other.words)
    both = join(one, renamed)
    assert both.names == ("c0", "c1", "c2", "x", "y")
    assert np.array_equal(both.words, np.concatenate([one.words, other.words]))
    with pytest.raises(ConceptError, match="'c0' comes twice"):
        join(one, other)
    with pytest.raises(ConceptError, match="70 inputs"):
        join(one, drawn(0, 3, 71)[1])


def test_neighbours_are_the_nearest_of_their_category():
    random = np.random.default_rng(3)
    names = [f"w{at} in {role}" for role in ("premise", "hypothesis") for at in range(6)]
    inventory = Inventory.from_masks(
        random.random((12, 9)) < 0.5, names, categories=["word in premise"] * 6 + ["word in hypothesis"] * 6
    )
    vectors = {f"w{at}": random.normal(size=4) for at in range(5)}
    found = with_neighbors(inventory, vectors, k=2, key=lambda name: name.split()[0])
    for name in names:
        word, _, role = name.split()
        if word not in vectors:
            assert name not in found.neighbors
            continue
        cosine = {
            other: vectors[word]
            @ vectors[other]
            / np.linalg.norm(vectors[word])
            / np.linalg.norm(vectors[other])
            for other in vectors
            if other != word
        }
        nearest = sorted(cosine, key=lambda other: -cosine[other])[:2]
        assert found.neighbors[name] == tuple(f"{other} in {role}" for other in nearest)
    assert "2 of 12 concepts have no neighbours" in found.decisions[-1].what
    with pytest.raises(ConceptError, match="No concept has a vector"):
        with_neighbors(inventory, {"z": np.ones(2)})


def test_vectors_that_are_not_finite_are_named():
    inventory = Inventory.from_masks(np.eye(3, dtype=bool), ["a", "b", "c"])
    with pytest.raises(ConceptError, match="The vector of 'b' holds a value that is not a finite number"):
        with_neighbors(inventory, {"a": np.ones(2), "b": np.array([1.0, np.nan]), "c": np.ones(2)}, k=1)
