"""A trained network over street scenes: units of ResNet-20 (CIFAR-10), explained on frames of CamVid.

    python benchmarks/networks/street_scenes.py [--frames 20] [--layers layer2 layer3] [--write]

It needs ../shared/data/networks beside the repository (CamVid at 360 x 480 with labels of 11 classes, and the weights
of akamaster/pytorch_resnet_cifar10), PyTorch and Pillow. The network has seen neither streets nor images of this size.
With --write the tables go to benchmarks/README.md, between the markers of "street scenes".
"""

from __future__ import annotations

import argparse
import io
import sys
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aitia.networks import (
    Activations,
    Beam,
    Exact,
    Explanation,
    Firing,
    Inventory,
    Quantile,
    Search,
    overlap_of,
    permutation_null,
)
from aitia.networks.concepts import from_segmentation, join

sys.path.insert(0, str(Path(__file__).parents[1]))
from _tables import versions, write

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "networks"
WEIGHTS = DATA / "models" / "resnet20-12fca82f.th"
LABELS = DATA / "camvid" / "camvid_annotations_360x480.zip"
FRAMES = DATA / "camvid" / "camvid_train_rgb_240x180_jpg95.zip"

# The order of the classes in the label maps; 11 is what nobody labelled.
CLASSES = (
    *("sky", "building", "pole", "road", "pavement", "tree"),
    *("sign", "fence", "car", "pedestrian", "bicyclist"),
)
FILMS = ("0001TP", "0006R0", "0016E5")

# The means and deviations that the weights were trained with (akamaster/pytorch_resnet_cifar10, trainer.py).
MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)[:, None, None]
DEVIATION = np.array([0.229, 0.224, 0.225], dtype=np.float32)[:, None, None]


def there() -> bool:
    """Whether the data lie beside the repository."""
    return all(each.exists() for each in (WEIGHTS, LABELS, FRAMES))


def read(each_film: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """So many frames of each film, evenly spread over it.

    Returns:
        Colours, uint8 (frames, 180, 240, 3); labels, uint8 (frames, 360, 480); and each frame's film by its number.
    """
    from PIL import Image

    with zipfile.ZipFile(FRAMES) as frames, zipfile.ZipFile(LABELS) as labels:
        names = sorted(frames.namelist())
        of_film = [[name for name in names if name.startswith(film)] for film in FILMS]
        chosen = [film[at] for film in of_film for at in np.linspace(0, len(film) - 1, each_film).astype(int)]
        colours = [np.asarray(Image.open(io.BytesIO(frames.read(name)))) for name in chosen]
        maps = [
            np.asarray(Image.open(io.BytesIO(labels.read(f"CamVid/trainannot/{Path(name).stem}.png"))))
            for name in chosen
        ]
    return np.stack(colours), np.stack(maps), np.repeat(np.arange(len(FILMS)), each_film)


def activations(colours: np.ndarray, layers: Sequence[str]) -> dict[str, Activations]:
    """What the units of some layers do at the frames."""
    from aitia.networks import record
    from aitia.networks.examples import resnet20

    inputs = (colours.transpose(0, 3, 1, 2).astype(np.float32) / 255 - MEAN) / DEVIATION
    return record(resnet20(WEIGHTS), list(layers), inputs, batch=8)


def objects(maps: np.ndarray) -> Inventory:
    """What people labelled: 11 classes, of which each pixel has one at most."""
    return from_segmentation({"object": maps}, {"object": dict(enumerate(CLASSES))}, unlabelled=11)


def with_colour_and_place(labelled: Inventory, colours: np.ndarray) -> Inventory:
    """These and six colours of the pixels and six places in the frame.

    Dark, grey and bright are thirds of the luminance of all pixels; red, green and blue are where that channel is the
    largest and above the smallest by 40 of 255. Places are thirds of the height and of the width.
    """
    height, width = labelled.layout.shape
    pixels = colours.repeat(2, axis=1).repeat(2, axis=2).astype(np.int32)
    red, green, blue = (pixels[..., channel] for channel in range(3))
    luminance = (299 * red + 587 * green + 114 * blue) // 1000
    low, high = np.quantile(luminance, [1 / 3, 2 / 3])
    strong = pixels.max(axis=-1) - pixels.min(axis=-1) >= 40
    largest = pixels.argmax(axis=-1)
    seen = [luminance <= low, (luminance > low) & (luminance <= high), luminance > high]
    seen += [strong & (largest == channel) for channel in range(3)]
    down = np.arange(height)[:, None] * 3 // height + np.zeros((1, width), dtype=int)
    across = np.arange(width) * 3 // width + np.zeros((height, 1), dtype=int)
    places = [down == third for third in range(3)] + [across == third for third in range(3)]
    lies = [np.broadcast_to(place, seen[0].shape) for place in places]
    named = ("dark", "grey", "bright", "red", "green", "blue")
    where = ("top", "middle", "bottom", "left", "centre", "right")
    return join(
        labelled,
        Inventory.from_masks(np.stack(seen), named, categories=["colour"] * 6),
        Inventory.from_masks(np.stack(lies), where, categories=["place"] * 6),
    )


def over_films(
    search: Search, firing: Firing, inventory: Inventory, film: np.ndarray
) -> tuple[float, float, float]:
    """Mean scores: in search on all films but one, of these formulas on that film, and of what is best there."""
    inside, outside, best = [], [], []
    for held in range(len(FILMS)):
        rest, out = np.flatnonzero(film != held), np.flatnonzero(film == held)
        found = search.explain(firing.of_inputs(rest), inventory.of_inputs(rest), show_progress=False)
        there, concepts = firing.of_inputs(out), inventory.of_inputs(out)
        inside += [each.score for each in found]
        outside += [
            overlap_of(each.formula, concepts, there)[place].intersection_over_union
            for place, each in enumerate(found)
        ]
        best += [each.score for each in search.explain(there, concepts, show_progress=False)]
    return float(np.mean(inside)), float(np.mean(outside)), float(np.mean(best))


def beats_chance(
    found: Sequence[Explanation],
    firing: Firing,
    inventory: Inventory,
    search: Search,
    film: np.ndarray,
    replicates: int,
) -> tuple[int, ...]:
    """Of how many units a beam finds more than on shuffled frames: shifted too, only shuffled, and whole films shifted.

    Three films have six orders: without shifts, no p could be 0.05.
    """
    counts = []
    for shift, groups in ((True, None), (False, None), (True, film)):
        trials = permutation_null(
            found,
            firing,
            inventory,
            search,
            replicates=replicates,
            shift=shift,
            null_search=Beam(3),
            groups=groups,
            show_progress=False,
        )
        counts.append(sum(each.p_value is not None and each.p_value <= 0.05 for each in trials))
    return tuple(counts)


def main() -> None:
    """Both tables."""
    parser = argparse.ArgumentParser(description="Explain units of ResNet-20 on frames of CamVid.")
    parser.add_argument("--frames", type=int, default=20, help="of each of the three films")
    parser.add_argument("--layers", nargs="+", default=["layer2", "layer3"])
    parser.add_argument("--replicates", type=int, default=99, help="of the null; 0 for none")
    parser.add_argument("--write", action="store_true", help="put the tables into README.md")
    given = parser.parse_args()
    colours, maps, film = read(given.frames)
    labelled = objects(maps)
    inventories = {"objects": labelled, "and colours, places": with_colour_and_place(labelled, colours)}
    recorded = activations(colours, given.layers)
    beam, exact = Beam.vision(5), Exact(3)
    rows, best = [], []
    for layer in given.layers:
        firing = Quantile(0.005).fire(recorded[layer], labelled.layout)
        for name, inventory in inventories.items():
            begun = time.process_time()
            grown = beam.explain(firing, inventory, show_progress=False)
            middle = time.process_time()
            found = exact.explain(firing, inventory, show_progress=False)
            took = middle - begun, time.process_time() - middle
            means = [np.mean([each.by_length[at].score for each in grown]) for at in range(5)]
            three = np.array([each.by_length[2].score for each in grown])
            optimum = np.array([each.score for each in found])
            better = optimum > three + 1e-9
            inside, outside, there = over_films(Beam.vision(3), firing, inventory, film)
            chance = (
                beats_chance(found, firing, inventory, exact, film, given.replicates)
                if given.replicates
                else ("", "", "")
            )
            rows.append(
                f"| {layer} | {name} ({len(inventory)}) | {' | '.join(f'{each:.4f}' for each in means)} | "
                f"{optimum.mean():.4f} ({sum(each.certified for each in found)} of {len(found)}) | {better.sum()}, "
                f"{(optimum - three).max():.4f} | {', '.join(map(str, chance))} | {inside:.4f}, {outside:.4f}, "
                f"{there:.4f} | {took[0]:.1f}, {took[1]:.1f} |"
            )
            top = sorted(found, key=lambda each: -each.score)[:5]
            best += [
                f"| {layer} | {name} | {each.unit} | {each.by_length[0].formula} ({each.by_length[0].score:.3f}) | "
                f"{each.formula} ({each.score:.3f}) |"
                for each in top
            ]
            print(rows[-1], *best[-5:], sep="\n", flush=True)
    text = "\n".join(
        [
            f"{len(film)} frames, {labelled.layout.total / 1e6:.1f} million positions; units fire above the value "
            "exceeded at 0.005 of the recorded positions.",
            "",
            "| layer | concepts | 1 | 2 | 3 | 4 | 5 | exact, 3 (certified) | units it does better on, most | "
            "beat chance: shifted, not, whole films shifted | films: in search, held out, best there | "
            "processor s: beam, exact |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
            "| layer | concepts | unit | best concept | best formula of length 3 |",
            "| --- | --- | --- | --- | --- |",
            *best,
            "",
            versions({"aitia": "aitia", "PyTorch": "torch", "numba": "numba"}),
        ]
    )
    if given.write:
        write(text, "street scenes")
    print(text)


if __name__ == "__main__":
    main()
