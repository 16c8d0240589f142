"""What others do on the same input, each function named after its task and library."""

from __future__ import annotations

import itertools

import numpy as np
from _clock import best_of, clocked
from _problems import (
    CONCEPTS,
    PENALTIES,
    SIDE,
    fires_at_top,
    fires_in_ranges,
    layers,
    network,
    pictures,
    sentence_concepts,
    sentence_units,
    small_images,
)

BATCH = 128


def beam_sentences_published(units: int) -> dict:
    """The published beam, unit by unit."""
    from _published import sentences

    names, masks = sentence_concepts(2000)
    chosen = sentence_units(masks, 1024)[:units]
    found, wall, processor = clocked(lambda: [sentences(names, masks, unit, 5, 10) for unit in chosen])
    return {"seconds": wall / units, "processor": processor / units, "found": found}


def beam_pictures_published(count: int) -> dict:
    """The published beam on one unit, masks by runs."""
    from _published import pictures as published
    from pycocotools import mask as runs

    problem = pictures(count, 64)

    def encoded(maps: np.ndarray) -> dict:
        return runs.encode(np.asfortranarray(maps.reshape(-1, SIDE).astype(np.uint8)))

    masks = [encoded(problem.concept(at)) for at in range(CONCEPTS)]
    inverted = [encoded(~problem.concept(at)) for at in range(CONCEPTS)]
    firing = fires_at_top(problem, 1)
    unit = encoded(firing.layout.unpack(firing.words[0]))
    names = [f"c{at}" for at in range(CONCEPTS)]
    found, wall, processor = clocked(lambda: published(names, masks, inverted, unit, 10, 5))
    return {"seconds": wall, "processor": processor, "found": [found]}


def clustered_pictures_published(count: int) -> dict:
    """The search of La Rosa et al. on the ranges of two units."""
    import torch
    from _clustered import boxes, explain

    problem = pictures(count, 64)
    concepts = []
    for at in range(CONCEPTS):
        mask = torch.from_numpy(problem.concept(at).reshape(count, -1).copy())
        concepts.append((mask, mask.sum(dim=1), *boxes(mask, SIDE)))
    firing = fires_in_ranges(problem)
    masks = [torch.from_numpy(firing.layout.unpack(words).reshape(count, -1)) for words in firing.words]
    names = [f"c{at}" for at in range(CONCEPTS)]
    found, wall, processor = clocked(lambda: [explain(names, concepts, mask, SIDE) for mask in masks])
    visited = np.mean([each[2] for each in found])
    return {
        "seconds": wall / len(masks),
        "processor": processor / len(masks),
        "found": [each[:2] for each in found],
        "note": f"{visited:,.0f} formulas visited",
    }


def kernel_numpy(_: int) -> dict:
    """Words a second by NumPy, one pair of masks in cache at a time, one core."""
    draw = np.random.default_rng(0)
    one, other = draw.integers(0, 2**63, (2, 4096), dtype=np.uint64)
    times = 2000

    def work() -> int:
        return sum(int(np.bitwise_count(one & other).sum()) for _ in range(times))

    _, wall, processor = best_of(work)
    return {"rate": times * len(one) / wall, "seconds": wall, "processor": processor}


def kernel_read(_: int) -> dict:
    """Words a second that both cores read from memory and do next to nothing with."""
    from concurrent.futures import ThreadPoolExecutor

    halves = np.ones((2, 1 << 26), dtype=np.uint64)

    def work() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(np.max, halves))

    _, wall, processor = best_of(work)
    return {"rate": halves.size / wall, "seconds": wall, "processor": processor}


def record_maps_bare(count: int) -> dict:
    """The forward pass alone, in the same batches."""
    import torch

    model, images = network(), torch.from_numpy(small_images(count))

    def work() -> None:
        with torch.inference_mode():
            for at in range(0, count, BATCH):
                model(images[at : at + BATCH])

    _, wall, processor = best_of(work, 9)
    return {"seconds": wall, "processor": processor}


def probe_one_sklearn(rows: int) -> dict:
    """Ridge regression refitted for each layer, target and fold."""
    return _refitted(rows, chosen=False)


def probe_chosen_sklearn(rows: int) -> dict:
    """The same, the penalty chosen by four-fold cross-validation within each fold."""
    return _refitted(rows, chosen=True)


def _refitted(rows: int, chosen: bool) -> dict:
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV, PredefinedSplit, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    problem = layers(rows)
    probes = list(itertools.product(problem.values, problem.targets))
    timed = probes[:: len(probes) // 4 - 1][:4] if chosen else probes
    split = PredefinedSplit(problem.fold)

    def fitted(layer: str, target: str) -> float:
        values, wanted = problem.values[layer].astype(float), problem.targets[target]
        if chosen:
            # A penalty on the mean loss is this many times larger on the sum that scikit-learn takes.
            grid = {"ridge__alpha": [each * rows * 0.8 * 0.75 for each in PENALTIES]}
            probe = GridSearchCV(make_pipeline(StandardScaler(), Ridge()), grid, cv=4)
        else:
            probe = make_pipeline(StandardScaler(), Ridge(alpha=0.01 * rows * 0.8))
        predicted = cross_val_predict(probe, values, wanted, cv=split)
        return 1 - float(((wanted - predicted) ** 2).sum() / ((wanted - wanted.mean()) ** 2).sum())

    found, wall, processor = clocked(lambda: [(f"{each[0]}, {each[1]}", fitted(*each)) for each in timed])
    share = len(probes) / len(timed)
    note = (
        "" if share == 1 else f"{len(timed)} of {len(probes)} probes timed, and multiplied; other inner folds"
    )
    return {"seconds": wall * share, "processor": processor * share, "found": found, "note": note}
