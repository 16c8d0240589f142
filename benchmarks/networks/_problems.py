"""The inputs of the rows: masks of concepts and of units, the same for every library.

Sentences: the pairs of SNLI's development set, and "word in premise", "word in hypothesis" for the most common words of
each side, with three quartiles of overlap (Mu and Andreas 2020, section 4). Units are random projections of the
concepts, each firing at 20% to 50% of the pairs: no trained network of the paper is at hand, and what a search costs
depends on how well concepts tell when a unit fires, which projections make neither easy nor hopeless.

Pictures: maps as Broden has them (Bau et al. 2017), drawn: each picture of 112 x 112 pixels has objects (of 200, by
Zipf's law), parts of them (60), a colour at each pixel (11) and a scene (29). A unit adds up three concepts on a grid
of 7 x 7 with noise, and fires at its top 0.5%, upsampled bilinearly.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from aitia.networks import Activations, Clusters, Firing, Layout, Quantile

SHARED = Path(__file__).parents[3] / "shared" / "data" / "networks"
PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0)  # of which probes choose
SIDE, CELLS = 112, 7  # pixels and cells of a picture's side
OBJECTS, PARTS, COLOURS, SCENES = 200, 60, 11, 29
CONCEPTS = OBJECTS + PARTS + COLOURS + SCENES
WORDS = SIDE * SIDE // 64  # 64-bit words of a picture's mask


class NoData(Exception):
    """The data set of a row is not on this machine."""


def sentence_concepts(words: int) -> tuple[list[str], np.ndarray]:
    """Names and masks of shape (concepts, pairs): the most common words of each side, and the overlap.

    Args:
        words: how many words of each side.
    """
    path = SHARED / "snli" / "snli_1.0_dev.tok"
    if not path.exists():
        raise NoData("the pairs of sentences of SNLI are not on this machine")
    lines = [line.lower().split() for line in path.read_text().splitlines()]
    premises, hypotheses = lines[0::2], lines[1::2]
    names: list[str] = []
    masks: list[np.ndarray] = []
    for side, sentences in (("premise", premises), ("hypothesis", hypotheses)):
        counts = Counter(word for sentence in sentences for word in dict.fromkeys(sentence))
        place = {word: at for at, (word, _) in enumerate(counts.most_common(words))}
        held = np.zeros((len(place), len(sentences)), dtype=bool)
        for pair, sentence in enumerate(sentences):
            held[[place[word] for word in set(sentence) if word in place], pair] = True
        names += [f"{side}:{word}" for word in place]
        masks.append(held)
    pairs = zip(premises, hypotheses, strict=True)
    overlap = np.array([len(set(one) & set(other)) / max(1, len(set(other))) for one, other in pairs])
    quartiles = np.quantile(overlap, [0.25, 0.5, 0.75])
    names += [f"overlap above {quartile:.2f}" for quartile in quartiles]
    return names, np.concatenate([*masks, np.stack([overlap > quartile for quartile in quartiles])])


def sentence_units(masks: np.ndarray, units: int, seed: int = 4) -> np.ndarray:
    """Masks of shape (units, pairs) of random projections; common concepts weigh less."""
    draw = np.random.default_rng(seed)
    held = masks.T.astype(np.float32)
    weights = draw.normal(size=(held.shape[1], units)).astype(np.float32)
    weights *= ((1 / np.sqrt(1 + held.sum(axis=0))) ** 0.3)[:, None]
    values = held @ weights
    rates = draw.uniform(0.2, 0.5, size=units)
    thresholds = [np.quantile(values[:, unit], 1 - rate) for unit, rate in enumerate(rates)]
    return (values > np.array(thresholds)).T


@dataclass(frozen=True)
class Pictures:
    """Concepts as packed masks on disk, and units as values on the grid.

    Args:
        words: uint64 of shape (concepts, pictures x 196), 64 pixels in a word, the first in the lowest bit.
        values: activations of shape (pictures, units, 7, 7).
    """

    words: np.ndarray
    values: np.ndarray

    @property
    def count(self) -> int:
        """How many pictures."""
        return len(self.values)

    def concept(self, at: int) -> np.ndarray:
        """A concept's mask, bool of shape (pictures, 112, 112)."""
        return unpacked(self.words[at], self.count)


def unpacked(words: np.ndarray, pictures: int) -> np.ndarray:
    """A mask as bool of shape (pictures, 112, 112)."""
    bits = np.unpackbits(np.ascontiguousarray(words).view(np.uint8), bitorder="little")
    return bits.reshape(pictures, SIDE, SIDE).view(bool)


def pictures(count: int, units: int) -> Pictures:
    """The pictures and units; masks are drawn once and kept in the folder for temporary files."""
    folder = Path(tempfile.gettempdir())
    path = folder / f"aitia-benchmark-pictures-{count}.npy"
    if not path.exists():
        # Written elsewhere first: a run that is stopped leaves no half-drawn masks under the name.
        drawing = folder / f"aitia-benchmark-drawing-{count}.npy"
        _draw(drawing, count)
        drawing.rename(path)
    words = np.load(path, mmap_mode="r")
    draw = np.random.default_rng(1)
    values = draw.normal(size=(count, units, CELLS, CELLS)).astype(np.float32) * 0.6
    step = SIDE // CELLS
    for unit in range(units):
        for concept in draw.choice(CONCEPTS, 3, replace=False):
            held = unpacked(words[concept], count).reshape(count, CELLS, step, CELLS, step)
            values[:, unit] += held.mean(axis=(2, 4), dtype=np.float32) * np.float32(draw.uniform(0.5, 2))
    return Pictures(words, values)


def _draw(path: Path, count: int) -> None:
    draw = np.random.default_rng(0)
    out = open_memmap(path, "w+", np.uint64, (CONCEPTS, count * WORDS))
    common = 1 / np.arange(1, OBJECTS + 1) ** 0.8
    common /= common.sum()
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for picture in range(count):
        objects = np.full((SIDE, SIDE), -1)
        parts = np.full((SIDE, SIDE), -1)
        for each in draw.choice(OBJECTS, size=draw.integers(4, 12), replace=False, p=common):
            (x, y), (wide, high) = draw.uniform(0, SIDE, 2), draw.uniform(6, 50, 2)
            ragged = 0.3 * np.sin(columns / draw.uniform(3, 9)) * np.sin(rows / draw.uniform(3, 9))
            distance = ((columns - x) / wide) ** 2 + ((rows - y) / high) ** 2
            inside = distance + ragged < 1
            objects[inside] = each
            if draw.random() < 0.4:
                parts[inside & (4 * distance < 1)] = OBJECTS + each % PARTS
        coarse, fine = draw.normal(size=(14, 14)), draw.normal(size=(56, 56))
        shade = np.kron(coarse, np.ones((8, 8))) + 0.3 * np.kron(fine, np.ones((2, 2)))
        colours = OBJECTS + PARTS + np.clip((shade + 2.5) / 5 * COLOURS, 0, COLOURS - 1).astype(int)
        scene = np.full((SIDE, SIDE), CONCEPTS - 1 - draw.integers(SCENES))
        for labels in (objects, parts, colours, scene):
            for label in np.unique(labels[labels >= 0]):
                bits = np.packbits((labels == label).reshape(-1), bitorder="little").view(np.uint64)
                out[label, picture * WORDS : (picture + 1) * WORDS] = bits
    out.flush()


@dataclass(frozen=True)
class Layers:
    """Layers to probe.

    Args:
        values: activations of each layer, shape (rows, 256).
        targets: numbers to predict, shape (rows,) each.
        fold: each row's fold of five.
    """

    values: dict[str, np.ndarray]
    targets: dict[str, np.ndarray]
    fold: np.ndarray


def layers(rows: int, count: int = 4, width: int = 256, targets: int = 50) -> Layers:
    """Four layers that know ever less of what fifty targets depend on."""
    draw = np.random.default_rng(0)
    first = draw.normal(size=(rows, width))
    values = {
        f"layer {depth}": (
            first @ draw.normal(size=(width, width)) / 16 + depth * draw.normal(size=first.shape)
        ).astype(np.float32)
        for depth in range(count)
    }
    wanted = {
        f"target {each}": first @ draw.normal(size=width) / 8 + draw.normal(size=rows)
        for each in range(targets)
    }
    return Layers(values, wanted, draw.permutation(rows) % 5)


def fires_at_top(problem: Pictures, units: int) -> Firing:
    """Where the first units fire: above the threshold that 0.5% of the cells exceed."""
    values = Activations(problem.values[:, :units])
    return Quantile(0.005).fire(values, layout=Layout(problem.count, (SIDE, SIDE)))


def fires_in_ranges(problem: Pictures) -> Firing:
    """Where two units fire in each of five ranges of activation."""
    return Clusters(5).fire(Activations(problem.values[:, :2]), layout=Layout(problem.count, (SIDE, SIDE)))


def network():
    """ResNet-20 with weights that were not trained: what it costs does not depend on them."""
    import torch

    from aitia.networks.examples._resnet import ResidualNetwork

    torch.manual_seed(0)
    return ResidualNetwork().eval()


def small_images(count: int) -> np.ndarray:
    """Images of noise, shape (count, 3, 32, 32)."""
    return np.random.default_rng(0).normal(size=(count, 3, 32, 32)).astype(np.float32)
