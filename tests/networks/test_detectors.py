"""Units that detect a concept, beside the published results of network dissection."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from aitia.networks import Beam, Concept, Explanation, Firing, Found, Inventory, Overlap, detectors

RESULTS = Path(__file__).parents[3] / "shared" / "data" / "networks" / "netdissect_results"
CATEGORIES = ("color", "object", "part", "material", "scene", "texture")

# Units, those of score 0.04 and more, and different labels among them by category: counted from the published columns
# `score`, `label` and `category` with
#   awk -F, '$4 >= 0.04 && NR > 1 { units++; if (!seen[$2 $3]++) unique[$2]++ }
#            END { print units; for (c in unique) print c, unique[c] }'
PUBLISHED = {
    "resnet18_places365_layer1": (64, 6, {"color": 2, "texture": 2}),
    "resnet18_places365_layer4": (
        512,
        434,
        {"scene": 105, "object": 48, "texture": 23, "part": 8, "material": 2, "color": 1},
    ),
    "resnet18_places365_fc": (365, 364, {"scene": 178, "object": 10, "texture": 7}),
    "resnet50_imagenet_layer1": (
        256,
        61,
        {"texture": 9, "color": 7, "object": 2, "material": 1, "scene": 1},
    ),
    "resnet50_imagenet_layer4": (
        2048,
        1355,
        {"object": 56, "scene": 55, "texture": 42, "part": 23, "material": 8, "color": 2},
    ),
}


def explained(row: dict[str, str]) -> tuple[Explanation, str]:
    """A unit's best concept of all categories, from the published counts; and its category."""
    overlaps = {
        category: Overlap(
            *(int(float(row[f"{category}-{of}"])) for of in ("intersect", "truth", "activation")), total=10**9
        )
        for category in CATEGORIES
        if row[f"{category}-label"]  # without a label nothing of the category overlaps at all
    }
    best = max(overlaps, key=lambda category: overlaps[category].intersection_over_union)
    for category, overlap in overlaps.items():
        # They print nine digits after the point, below 1e-4 only three in all.
        assert overlap.intersection_over_union == pytest.approx(float(row[f"{category}-iou"]), abs=5e-8)
    formula, score = Concept(row[f"{best}-label"]), overlaps[best].intersection_over_union
    found = (Found(1, formula, score),)
    return Explanation(int(row["unit"]), formula, overlaps[best], score, True, score, found), best


@pytest.mark.skipif(not RESULTS.exists(), reason="the published results are not beside the repository")
@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_published_detectors_follow_from_the_published_counts(name):
    with open(RESULTS / f"{name}.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    units, interpretable, unique = PUBLISHED[name]
    explanations, category = [], {}
    for row in rows:
        explanation, kind = explained(row)
        assert (str(explanation.formula.concepts[0]), kind) == (row["label"], row["category"])
        explanations.append(explanation)
        category[row["label"]] = kind
    inventory = Inventory.from_masks(
        np.zeros((len(category), 1), dtype=bool), tuple(category), categories=tuple(category.values())
    )
    found = detectors(explanations, inventory)
    assert (found.units, len(found)) == (units, interpretable)
    assert found.unique == unique
    assert sum(found.by_category.values()) == interpretable
    assert dict(zip(found.table()["category"], found.table()["unique"], strict=True)) == unique


def instance():
    masks = np.zeros((3, 40), dtype=bool)
    masks[0, :10] = masks[1, 10:20] = masks[2, 5:20] = True
    inventory = Inventory.from_masks(masks, ["sea", "sky", "blue"], categories=["object", "object", "colour"])
    fires = np.stack([masks[0], masks[0], masks[1] & masks[2], masks[0] & ~masks[2], np.arange(40) == 39])
    words = inventory.layout.pack(fires)
    firing = Firing(inventory.layout, (3, 4, 5, 6, 7), words, np.zeros(5), np.full(5, np.inf), "made up")
    return Beam.vision(2).explain(firing, inventory), inventory


def test_labels_count_once_and_formulas_have_all_categories_of_their_concepts():
    explanations, inventory = instance()
    one = detectors(explanations, inventory)
    assert [(each.unit, each.label, each.category) for each in one.detectors] == [
        (3, "sea", "object"),
        (4, "sea", "object"),
        (5, "sky", "object"),
        (6, "sea", "object"),
    ]
    assert (one.by_category, one.unique) == ({"object": 4}, {"object": 2})
    assert one.sentence == (
        "4 of 5 units score above 0.04 with a formula of length 1, 2 labels in all: 2 object."
    )
    two = detectors(explanations, inventory, length=2)
    assert two.detectors[3].label == "sea AND NOT blue" and two.detectors[3].score == pytest.approx(1.0)
    assert two.by_category == {"object": 3, "colour and object": 1}
    assert "<td>colour and object</td>" in two._repr_html_()


def test_a_detector_exceeds_the_threshold():
    explanations, inventory = instance()
    score = explanations[3].by_length[0].score
    assert len(detectors(explanations, inventory, threshold=score)) == 3
    assert len(detectors(explanations, inventory, threshold=np.nextafter(score, 0))) == 4
    none = detectors(explanations, inventory, threshold=1.0)
    assert len(none) == 0 and none.unique == {} and none.sentence.endswith("0 labels in all.")
