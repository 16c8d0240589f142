"""A dissection that none of us made: a trained network's units over street scenes that people labelled."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from aitia.networks import Above, Activations, Beam, Exact, Quantile, equivalent, explain, overlap_of, parse

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "benchmarks" / "networks"))
street_scenes = importlib.import_module("street_scenes")

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

pytestmark = pytest.mark.skipif(
    not street_scenes.there(), reason="CamVid and the trained weights are not beside the repository"
)

# Of each of three films: 9 frames, 1.6 million pixels; 20 make the tables of the documentation.
EACH_FILM = 20 if os.environ.get("AITIA_SLOW") == "1" else 3
LAYERS = ("layer2", "layer3")


@pytest.fixture(scope="module")
def scenes():
    colours, maps, _ = street_scenes.read(EACH_FILM)
    labelled = street_scenes.objects(maps)
    return {
        "maps": maps,
        "objects": labelled,
        "all": street_scenes.with_colour_and_place(labelled, colours),
        "recorded": street_scenes.activations(colours, LAYERS),
    }


@pytest.fixture(scope="module", params=LAYERS)
def dissected(request, scenes):
    firing = Quantile(0.005).fire(scenes["recorded"][request.param], scenes["objects"].layout)
    found = {
        name: (
            Beam.vision(5).explain(firing, scenes[name], show_progress=False),
            Exact(2).explain(firing, scenes[name], show_progress=False),
        )
        for name in ("objects", "all")
    }
    return scenes["recorded"][request.param], firing, found


def test_sky_is_at_the_top_and_road_at_the_bottom(scenes):
    """The order of the classes is not in the files: where they lie, and how much they hold, tells it."""
    inventory = scenes["objects"]
    height = inventory.layout.shape[0]
    rows = {
        name: np.argwhere(mask)[:, 1].mean() / height
        for name, mask in zip(inventory.names, inventory.layout.unpack(inventory.words), strict=True)
    }
    assert rows["sky"] < 0.25 and rows["road"] > 0.75
    assert rows["sky"] < rows["building"] < rows["pole"] < rows["car"] < rows["pavement"] < rows["road"]
    assert inventory.support.sum() == (scenes["maps"] != 11).sum()


def test_masks_are_the_published_ones(dissected):
    """PIL's bilinear resizing of each map, then the threshold: what the published code does, map by map."""
    activations, firing, _ = dissected
    height, width = firing.layout.shape
    masks = firing.layout.unpack(firing.words[::7])
    different = 0
    for place, unit in enumerate(range(0, len(firing), 7)):
        values = activations.values[:, unit]
        threshold = firing.low[unit]
        assert (values > threshold).sum() == int(0.005 * values.size)
        for one, mask in zip(values, masks[place], strict=True):
            resized = np.asarray(image.fromarray(one).resize((width, height), image.Resampling.BILINEAR))
            different += int(((resized > threshold) != mask).sum())
    # PIL keeps single precision between the two directions: a pixel in a million may fall on the other side.
    assert different <= 1e-6 * masks.size


def test_scores_are_those_of_the_maps(scenes, dissected):
    """The best concept of each unit by plain counting over the label maps, as network dissection does."""
    _, firing, found = dissected
    masks = firing.layout.unpack(firing.words)
    labels = scenes["maps"]
    held = np.bincount(labels.ravel(), minlength=12)[:11]
    names = scenes["objects"].names
    for mask, beam, exact in zip(masks, *found["objects"], strict=True):
        both = np.bincount(labels[mask], minlength=12)[:11]
        scores = both / (held + mask.sum() - both)
        for each in (beam, exact):
            assert each.by_length[0].score == pytest.approx(scores.max(), rel=1e-9)
            assert str(each.by_length[0].formula) == names[int(scores.argmax())]


@pytest.mark.parametrize("concepts", ["objects", "all"])
def test_longer_and_proven_formulas_score_no_less(scenes, dissected, concepts):
    _, firing, found = dissected
    beams, exacts = found[concepts]
    for beam, exact in zip(beams, exacts, strict=True):
        scores = [each.score for each in beam.by_length]
        assert scores == sorted(scores)
        assert exact.certified
        assert exact.score >= beam.by_length[1].score
        assert beam.by_length[1].score <= exact.bound
        for each in (beam, exact):
            overlap = overlap_of(each.formula, scenes[concepts], firing)[firing.units.index(each.unit)]
            assert overlap == each.overlap
    # Classes exclude each other, so that only OR can add to one; colours and places cut across them.
    gain = np.mean([each.by_length[4].score for each in beams]) / np.mean(
        [each.by_length[0].score for each in beams]
    )
    assert (gain < 1.1) if concepts == "objects" else (gain > 1.5)


def test_a_planted_detector_of_the_sky_is_found_among_the_units(scenes):
    """Two channels beside the network's, in its maps: one sees the sky, one cars that are not in the middle."""
    activations = scenes["recorded"]["layer3"]
    inventory = scenes["all"]
    truth = [parse(each, inventory.names) for each in ("sky", "car AND NOT centre")]
    height, width = activations.positions
    seen = np.stack([inventory.mask_of(each) for each in truth], axis=1).astype(np.float32)
    tall, wide = seen.shape[2] // height, seen.shape[3] // width
    small = seen.reshape(*seen.shape[:2], height, tall, width, wide).mean(axis=(3, 5))
    noise = np.random.default_rng(0).normal(0, 0.1, small.shape)
    values = np.concatenate([activations.values[:, :6], small + noise], axis=1)
    units = Activations(values, "layer3 and two more", (*range(6), 100, 101))
    found = explain(units, inventory, search=Exact(2), binarise=Above(0.5), null=0, show_progress=False)
    for unit, formula in zip((100, 101), truth, strict=True):
        explanation = found.of_unit(unit)
        # Pixels of the sky that are dark lie at its borders, which the cells of 8 x 8 pixels blur: taking them out is
        # a little better, so the sky is looked for at its own length.
        assert equivalent(explanation.by_length[formula.length - 1].formula, formula)
        assert (
            explanation.score
            >= overlap_of(formula, inventory, found.firing)[unit - 94].intersection_over_union
        )
        assert explanation.score > (0.9 if unit == 100 else 0.5)
    assert max(found.of_unit(unit).score for unit in range(6)) < found.of_unit(101).score
