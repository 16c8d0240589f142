"""Concepts from label maps and boxes hold exactly where the labels lie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.networks import ConceptError
from aitia.networks.concepts import from_boxes, from_segmentation


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 10_000),
    st.integers(1, 5),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from([None, 0, 2]),
)
def test_each_label_is_a_mask(seed, inputs, height, width, unlabelled):
    maps = np.random.default_rng(seed).integers(0, 4, size=(inputs, height, width))
    inventory = from_segmentation(maps, ["a", "b", "c", "d"], unlabelled=unlabelled)
    assert inventory.names == tuple(name for at, name in enumerate("abcd") if at != unlabelled)
    for label, name in enumerate("abcd"):
        if label != unlabelled:
            held = inventory.layout.unpack(inventory.words_of(name))
            assert np.array_equal(held, maps == label)
    assert not (inventory.words & ~inventory.layout.valid).any()


def test_several_categories_layers_and_whole_images():
    colour = np.array([[[1, 2]], [[2, 2]]])
    both = np.array([[[[1, 0]], [[2, 2]]], [[[0, 0]], [[1, 1]]]])  # a pixel may have two labels
    inventory = from_segmentation(
        {"colour": colour, "part": both, "scene": np.array([1, 0])},
        {"colour": {1: "red", 2: "blue"}, "part": {1: "wheel", 2: "car"}, "scene": {1: "street"}},
        parents={"wheel": "car"},
    )
    assert inventory.names == ("red", "blue", "wheel", "car", "street")
    assert inventory.categories == ("colour", "colour", "part", "part", "scene")
    assert inventory.parents == {"wheel": "car"}
    held = dict(zip(inventory.names, inventory.layout.unpack(inventory.words).tolist(), strict=True))
    assert held["wheel"] == [[[True, False]], [[True, True]]]
    assert held["car"] == [[[True, True]], [[False, False]]]
    assert held["street"] == [[[True, True]], [[False, False]]]


def test_masks_in_a_file_are_those_in_memory(tmp_path):
    maps = np.random.default_rng(0).integers(0, 3, size=(4, 11, 13))
    held = from_segmentation(maps, ["none", "a", "b"])
    filed = from_segmentation(maps, ["none", "a", "b"], to=tmp_path / "masks.npy")
    assert isinstance(filed.words, np.memmap)
    assert np.array_equal(held.words, filed.words)


def test_maps_of_another_size_are_sampled_at_the_nearest_pixel():
    maps = np.kron(np.array([[1, 2], [2, 1]]), np.ones((3, 3), dtype=int))[None]
    inventory = from_segmentation(maps, {1: "a", 2: "b"}, shape=(2, 2))
    assert inventory.layout.unpack(inventory.words_of("a"))[0].tolist() == [[True, False], [False, True]]
    # Centres of two places over three pixels lie at 0.75 and 2.25: in the first and in the last.
    row = from_segmentation(np.diag([1, 2, 3])[None], {1: "a", 2: "b", 3: "c"}, shape=(2, 2))
    assert [row.support[at] for at in range(3)] == [1, 0, 1]


@pytest.mark.parametrize(
    ("maps", "names", "said"),
    [
        (np.array([[[7]]]), {1: "a"}, "The label 7 of input 0 has no name"),
        (np.array([[[0.5]]]), {1: "a"}, "float64, not integers"),
        (
            {"x": np.zeros((2, 1, 1), int), "y": np.zeros((3, 1, 1), int)},
            {"x": [], "y": []},
            "different count",
        ),
        ({"x": np.zeros((1, 1, 1), int)}, {"z": ["a"]}, "'x' has no names"),
        (
            {"x": np.zeros((1, 1, 1), int), "y": np.zeros((1, 1, 1), int)},
            {"x": {1: "red"}, "y": {1: "red"}},
            "'red' stands for two labels",
        ),
        ([np.zeros((2, 2), int), np.zeros((2, 3), int)], {1: "a"}, "not of the form"),
    ],
)
def test_bad_maps_are_named(maps, names, said):
    with pytest.raises(ConceptError, match=said):
        from_segmentation(maps, names)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_boxes_hold_at_the_pixels_inside(seed):
    random = np.random.default_rng(seed)
    corner, size = random.uniform(-2, 8, (6, 2)), random.uniform(0.1, 6, (6, 2))
    boxes, rows = np.hstack([corner, corner + size]), random.integers(0, 3, 6)
    labels = random.choice(["a", "b"], 6).tolist()
    inventory = from_boxes(rows, boxes, labels, count=3, shape=(7, 9))
    naive = {name: np.zeros((3, 7, 9), dtype=bool) for name in labels}
    for row, (left, top, right, bottom), label in zip(rows, boxes, labels, strict=True):
        for down in range(7):
            for across in range(9):
                if left <= across + 0.5 < right and top <= down + 0.5 < bottom:
                    naive[label][row, down, across] = True
    for name in inventory.names:
        assert np.array_equal(inventory.layout.unpack(inventory.words_of(name)), naive[name])


@pytest.mark.parametrize(
    ("inputs", "boxes", "labels", "said"),
    [
        ([0], [[0, 0, 1]], ["a"], "do not fit each other"),
        ([5], [[0, 0, 1, 1]], ["a"], "lies on input 5"),
        ([0], [[2, 0, 1, 1]], ["a"], "ends before it begins"),
    ],
)
def test_bad_boxes_are_named(inputs, boxes, labels, said):
    with pytest.raises(ConceptError, match=said):
        from_boxes(inputs, np.array(boxes), labels, count=2, shape=(3, 3))


def test_a_pixel_is_in_a_box_where_its_centre_is():
    """Edges at centres: the one a box begins with is inside, the one it ends with is not."""
    boxes = np.array([[0.5, 0.5, 1.5, 2.5]])
    inventory = from_boxes([0], boxes, ["a"], count=1, shape=(3, 3))
    held = inventory.layout.unpack(inventory.words)[0, 0]
    assert np.argwhere(held).tolist() == [[0, 0], [1, 0]]
