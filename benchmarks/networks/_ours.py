"""Ours, called as the documentation calls it."""

from __future__ import annotations

import itertools

import numpy as np
from _clock import best_of, clocked
from _problems import (
    CONCEPTS,
    PENALTIES,
    SIDE,
    Pictures,
    fires_at_top,
    fires_in_ranges,
    layers,
    network,
    pictures,
    sentence_concepts,
    sentence_units,
    small_images,
)

from aitia.networks import Beam, Exact, Firing, Inventory, Layout
from aitia.networks.search import Search

SHOWN = 10  # answers kept to compare with the peer's
EXACT_UNITS = 64
EXACT_FIVES = 16  # of these one takes seconds
LANES = 64  # units whose masks lie beside each other for the kernel


def _found(explanations) -> list[tuple[str, float]]:
    return [(str(each.formula), each.score) for each in explanations[:SHOWN]]


def _sentences(words: int, units: np.ndarray | None = None) -> tuple[Inventory, Firing]:
    names, masks = sentence_concepts(words)
    inventory = Inventory.from_masks(masks, names)
    return inventory, _firing(inventory.layout, sentence_units(masks, 1024) if units is None else units)


def _firing(layout: Layout, masks: np.ndarray) -> Firing:
    nothing = np.zeros(len(masks))
    return Firing(layout, tuple(range(len(masks))), layout.pack(masks), nothing, nothing + np.inf, "drawn")


def _some(firing: Firing, many: int) -> Firing:
    return Firing(
        firing.layout,
        firing.units[:many],
        firing.words[:many],
        firing.low[:many],
        firing.high[:many],
        firing.rule,
    )


def beam_sentences(units: int) -> dict:
    """The published beam, for the first units."""
    inventory, firing = _sentences(2000)
    search, chosen = Beam(length=5), _some(firing, units)
    search.explain(_some(firing, 1), inventory)
    found, wall, processor = best_of(lambda: search.explain(chosen, inventory, show_progress=False), 3)
    return {
        "seconds": wall / units,
        "processor": processor / units,
        "found": _found(found),
        "note": f"all {units:,} units in {wall:.1f} s" if units > 1 else "",
    }


def exact_sentences(words: int) -> dict:
    """Certified optima of the first units, and what a beam of ten misses of them."""
    inventory, firing = _sentences(words)
    return _exact(inventory, _some(firing, EXACT_UNITS))


def exact_five(words: int) -> dict:
    """The same at the length of the paper, for fewer units."""
    inventory, firing = _sentences(words)
    return _exact(inventory, _some(firing, EXACT_FIVES), Beam(length=5), length=5)


def exact_noise(words: int) -> dict:
    """Certified optima where there is next to nothing to find: the worst case."""
    inventory, firing = _sentences(words)
    masks = np.random.default_rng(7).random((4, firing.layout.inputs)) < 0.5
    return _exact(inventory, _firing(firing.layout, masks))


def exact_pictures(count: int) -> dict:
    """Certified optima over pictures."""
    problem = pictures(count, 64)
    return _exact(_inventory(problem), fires_at_top(problem, 8), Beam.vision(3))


def _exact(inventory: Inventory, firing: Firing, beam: Search | None = None, length: int = 3) -> dict:
    search = Exact(length)
    search.explain(_some(firing, 1), inventory)
    found, wall, processor = clocked(lambda: search.explain(firing, inventory, show_progress=False))
    rough = (beam or Beam(length=3)).explain(firing, inventory, show_progress=False)
    short = np.array([exact.score - each.score for exact, each in zip(found, rough, strict=True)])
    missed = short > 1e-12
    return {
        "seconds": wall / len(firing),
        "processor": processor / len(firing),
        "found": _found(found),
        "note": (
            f"{sum(each.certified for each in found)} of {len(found)} certified, the slowest "
            f"{max(each.seconds for each in found):.2g} s; the beam misses {missed.sum()}"
            + (
                f", by {short[missed].mean():.4f} on average, {short.max():.4f} at most"
                if missed.any()
                else ""
            )
        ),
    }


def _inventory(problem: Pictures) -> Inventory:
    layout = Layout(problem.count, (SIDE, SIDE))
    names = tuple(f"c{at}" for at in range(CONCEPTS))
    return Inventory(layout, names, problem.words)


def beam_pictures(count: int) -> dict:
    """The published beam over pictures, for all units; masks are read from disk."""
    problem = pictures(count, 64)
    inventory, firing = _inventory(problem), fires_at_top(problem, 64)
    search = Beam.vision(length=10)
    search.explain(_some(firing, 1), inventory)
    found, wall, processor = clocked(lambda: search.explain(firing, inventory, show_progress=False))
    return {
        "seconds": wall / len(firing),
        "processor": processor / len(firing),
        "found": _found(found),
        "note": f"all {len(firing)} units in {wall:.1f} s",
    }


def clustered_pictures(count: int) -> dict:
    """The published beam over pictures, for each range of activation."""
    problem = pictures(count, 64)
    inventory, firing = _inventory(problem), fires_in_ranges(problem)
    search = Beam.vision(length=3)
    found, wall, processor = best_of(lambda: search.explain(firing, inventory, show_progress=False), 3)
    return {"seconds": wall / len(firing), "processor": processor / len(firing), "found": _found(found)}


def kernel(_: int) -> dict:
    """Words that are joined with a unit's and counted, in a second: dense masks against 64 units at once.

    From memory (64 MB of masks), and again and again the same few, which stay in a core's caches: what the instructions
    alone allow.
    """
    _, wall, processor = rate_of(rows=256, inputs=1 << 21, times=1)
    _, cached, _ = rate_of(rows=512, inputs=1 << 12, times=256)
    words = 256 * (1 << 21) // 64
    return {
        "rate": words * LANES / wall,
        "seconds": wall,
        "processor": processor,
        "note": (
            f"{words / wall:.2g} words read a second, each against {LANES} units; with all in cache "
            f"{2 * 512 * 64 * 256 * LANES / cached:.2g} words / s"
        ),
    }


def rate_of(rows: int, inputs: int, times: int) -> tuple[object, float, float]:
    """Wall and processor seconds of counting masks of noise against units, in blocks over both cores."""
    from aitia.networks.search._rows import Rows
    from aitia.networks.search._sparse_kernel import count_against
    from aitia.networks.search._workers import cores, shares, workers

    draw = np.random.default_rng(0)
    masks = draw.integers(0, 2**63, (rows, inputs // 64), dtype=np.uint64)
    layout = Layout(inputs)
    words = draw.integers(0, 2**63, (LANES, layout.words), dtype=np.uint64)
    held = Rows(Inventory(layout, tuple(map(str, range(rows))), masks), False)
    ((_, sparse),) = held.each_part()
    blocks = len(sparse.begin) - 1
    # Few masks are one block, which each core counts for itself; of many, each core takes half the blocks.
    parts = shares(0, blocks, cores()) if times == 1 else [(0, blocks)] * 2

    with workers() as run:

        def count(first: int, last: int) -> None:
            dense = np.zeros((held.longest, LANES), dtype=np.uint64)
            counts = np.zeros((rows, LANES), dtype=np.int64)
            for _ in range(times):
                count_against(sparse, np.array([first, last]), words, 0, LANES, dense, counts)

        return best_of(lambda: run(count, parts))


def record_maps(count: int) -> dict:
    """The maps of two layers."""
    from aitia.networks import record

    model, images = network(), small_images(count)
    _, wall, processor = best_of(lambda: record(model, ["layer2", "layer3"], images, show_progress=False), 9)
    return {"seconds": wall, "processor": processor}


def probe_one(rows: int) -> dict:
    """All layers and targets at one penalty."""
    return _probed(rows, 0.01)


def probe_chosen(rows: int) -> dict:
    """All layers and targets, the penalty chosen within the folds."""
    return _probed(rows, PENALTIES)


def _probed(rows: int, penalty) -> dict:
    from aitia.networks import probe

    problem = layers(rows)

    def work():
        return probe(
            problem.values,
            problem.targets,
            folds=problem.fold,
            penalty=penalty,
            accuracy=False,
            show_progress=False,
        )

    probes, wall, processor = best_of(work, 3)
    found = [
        (f"{layer}, {target}", probes[layer, target].quality.value)
        for layer, target in itertools.product(problem.values, problem.targets)
    ]
    return {"seconds": wall, "processor": processor, "found": found}
