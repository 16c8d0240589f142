"""Thickness, slant and intensity from pixels: closed forms on drawn strokes, and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.programs import MechanismError
from aitia.programs.deep import morphology
from aitia.programs.deep._measure import _distance, _skeleton


def bar(width, slope=0.0, size=28, brightness=1.0):
    """An upright bar of this width whose middle moves right by `slope` pixels for each pixel up, with soft edges."""
    rows, columns = np.indices((size, size))
    middle = (size - 1) / 2
    across = np.abs(columns - middle + slope * (rows - middle))
    ink = np.clip(width / 2 + 0.5 - across, 0, 1) * (np.abs(rows - middle) < size / 2 - 4)
    return brightness * ink[None]


@pytest.mark.parametrize("width", [2.0, 3.0, 4.0, 5.0])
def test_the_thickness_of_a_bar_is_its_width(width):
    # The skeleton of a bar is its middle line, at half its width from the background. The ends are shorter, and the
    # grid of an eighth of a pixel rounds: half a pixel covers both.
    assert morphology(bar(width)).thickness[0] == pytest.approx(width, abs=0.5)


@pytest.mark.parametrize("slope", [-0.6, -0.2, 0.0, 0.3, 0.7])
def test_the_slant_of_a_sheared_bar_is_the_angle_of_its_shear(slope):
    # mu_11 = -slope mu_02 for a sheared upright stroke, so the slant is atan(slope), up to the pixels' grid.
    assert morphology(bar(3.0, slope)).slant[0] == pytest.approx(np.degrees(np.arctan(slope)), abs=0.3)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 50))
def test_a_darker_image_has_the_same_thickness_and_slant(seed, factor):
    image = np.random.default_rng(seed).integers(0, 17, (2, 8, 8)).astype(float)
    once, scaled = morphology(image), morphology(image * factor)
    np.testing.assert_allclose(scaled.slant, once.slant, atol=1e-8)
    np.testing.assert_allclose(scaled.intensity, once.intensity * factor, rtol=0.02)
    np.testing.assert_allclose(
        scaled.thickness, once.thickness, rtol=0.05
    )  # ties at the cut may round either way


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_a_mirrored_image_leans_the_other_way(seed):
    image = np.random.default_rng(seed).integers(0, 17, (2, 8, 8)).astype(float)
    once, mirrored = morphology(image), morphology(image[:, :, ::-1])
    np.testing.assert_allclose(mirrored.slant, -once.slant, atol=1e-8)
    np.testing.assert_allclose(mirrored.area, once.area)


def test_distances_are_those_to_the_nearest_background_pixel():
    stroke = np.random.default_rng(0).random((3, 9, 9)) < 0.8
    found = _distance(stroke)
    for image, distances in zip(stroke, found):
        outside = np.argwhere(~np.pad(image, 1)) - 1
        for row, column in np.argwhere(image):
            nearest = np.sqrt(((outside - [row, column]) ** 2).sum(axis=1).min())
            assert distances[row, column] == pytest.approx(nearest)


def test_a_skeleton_is_thin_keeps_the_pieces_and_lies_inside():
    from scipy.ndimage import label

    def pieces(image):
        return np.max(np.asarray(label(image, np.ones((3, 3)))[0]))  # pyright: ignore

    stroke = morphology_strokes()
    thin = _skeleton(stroke)
    for image, lines in zip(stroke, thin):
        assert not (lines & ~image).any()
        assert pieces(lines) == pieces(image)
        full = lines[:-1, :-1] & lines[1:, :-1] & lines[:-1, 1:] & lines[1:, 1:]
        assert not full.any()  # no square of ink is left
    # Images are thinned together or one at a time with the same outcome.
    np.testing.assert_array_equal(thin[1], _skeleton(stroke[1:2])[0])


def morphology_strokes():
    rows, columns = np.indices((30, 30))
    ring = np.abs(np.hypot(rows - 15, columns - 15) - 9) < 3
    cross = (np.abs(rows - 15) < 3) | (np.abs(columns - 12) < 2)
    cross &= (rows > 2) & (rows < 27) & (columns > 2) & (columns < 27)
    two = ((np.abs(columns - 7) < 2) | (np.abs(columns - 22) < 4)) & (rows > 3) & (rows < 26)
    return np.stack([ring, cross, two])


def test_an_image_without_ink_has_no_thickness():
    found = morphology(np.zeros((1, 8, 8)))
    assert np.isnan(found.thickness[0]) and found.intensity[0] == 0 and found.area[0] == 0
    assert np.isnan(found.slant[0])


def test_images_of_another_shape_are_refused():
    with pytest.raises(MechanismError, match=r"came \(8, 8\)"):
        morphology(np.zeros((8, 8)))
