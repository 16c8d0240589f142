"""Which rows are held out together: folds in which every class has its share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from aitia.core import Decision, listing, stream
from aitia.networks._errors import ProbeError
from aitia.networks.probes._rows import Rows
from aitia.networks.probes._target import Target, inputs_of_classes, readable


def targets_and_folds(
    arrays: dict[str, np.ndarray], folds: int | np.ndarray, rows: Rows, least: int, seed: int, lenient: bool
) -> tuple[list[Target], np.ndarray, int, tuple[Decision, ...]]:
    """The targets, the fold of each row, how many folds there are, and what was decided.

    Positions of an input share its fold. Folds that are drawn are stratified by the classes of all targets together.

    Args:
        arrays: the targets' values by name, shape (rows,).
        folds: how many, of nearly equal size and drawn at random; or the fold of each input, shape (inputs,).
        rows: the rows.
        least: how many folds there must be.
        seed: of the draw.
        lenient: whether targets that cannot be probed for are set aside and named in a decision.

    Raises:
        ProbeError: too few folds, more folds than inputs, or codes that do not fit; targets that cannot be probed for.
    """
    given, count = _checked(folds, rows, least)
    targets, aside = readable(arrays, count, rows.input_of, lenient)
    codes = stratified(targets, rows, count, seed) if given is None else given
    of_row = codes[rows.input_of]
    targets, alone = _in_several_folds(targets, of_row, count, lenient)
    return targets, of_row, count, (*aside, *alone)


def _checked(folds: int | np.ndarray, rows: Rows, least: int) -> tuple[np.ndarray | None, int]:
    """The fold of each input where it is given, and how many folds there are."""
    codes = None
    if isinstance(folds, int | np.integer):
        count = int(folds)
    else:
        codes = np.asarray(folds)
        if codes.shape != (rows.inputs,):
            raise ProbeError(
                f"Folds of shape {codes.shape} for {rows.inputs:,} inputs.",
                "Give a number, or a fold for each input.",
            )
        codes = np.unique(codes, return_inverse=True)[1]
        count = int(codes.max()) + 1
    if not least <= count <= rows.inputs:
        raise ProbeError(
            f"{count} folds of {rows.inputs:,} inputs; there must be from {least} to one an input.",
            "A penalty chosen by cross-validation within cross-validation needs three folds; one that is given, two.",
        )
    return codes, count


def stratified(targets: Sequence[Target], rows: Rows, count: int, seed: int) -> np.ndarray:
    """A fold for each input, drawn so that every fold has its share of every class.

    Classes are gone through from the one at the fewest inputs on; of each, the inputs without a fold go to the folds
    that have the fewest of the class, of these to the smallest. Of one target with a class an input, the inputs of a
    class in two folds differ by one at most, and so do the folds' sizes. (Sechidis, Tsoumakas and Vlahavas 2011, with
    the order of classes fixed at the start.) Where all targets are numbers, the folds are drawn without regard to them.

    Args:
        targets: their classes.
        rows: the rows.
        count: how many folds.
        seed: of the draw.

    Returns:
        The fold of each input, shape (inputs,).
    """
    draws = stream(seed, "probe folds")
    order = draws.permutation(rows.inputs)
    if not any(each.classes for each in targets):
        return order % count
    lot = draws.permutation(count)  # who comes first of folds that are alike
    folds, sizes = np.full(rows.inputs, -1), np.zeros(count, dtype=np.int64)
    for at in _rarest_first(targets, rows):
        free = order[at[order] & (folds[order] < 0)]
        if not len(free):
            continue
        has = np.bincount(folds[at & (folds >= 0)], minlength=count)
        # The highest level to which all folds that are below it can be filled; one more to as many as there are left.
        levels = np.sort(has)
        filled = levels * np.arange(1, count + 1) - np.cumsum(
            levels
        )  # to fill the first so many to the next level
        reached = int(np.searchsorted(filled, len(free), side="right"))
        level = levels[reached - 1] + (len(free) - filled[reached - 1]) // reached
        more = np.maximum(0, level - has)
        open_ = np.flatnonzero(has + more == level)
        open_ = open_[np.lexsort((lot[open_], (sizes + more)[open_]))]
        more[open_[: len(free) - int(more.sum())]] += 1
        folds[free] = np.repeat(np.arange(count), more)
        sizes += more
        if sizes.sum() == rows.inputs:
            break
    return folds


def _rarest_first(targets: Sequence[Target], rows: Rows) -> Iterator[np.ndarray]:
    """At which inputs each class is, from the rarest class on, and at last all inputs; made one by one."""
    classes = [
        (int(many), place, code)
        for place, each in enumerate(targets)
        for code, many in enumerate(inputs_of_classes(each, rows.input_of, rows.inputs).sum(axis=1))
    ]
    for _, place, code in sorted(classes):
        at = np.zeros(rows.inputs, dtype=bool)
        at[rows.input_of[targets[place].values == code]] = True
        yield at
    yield np.ones(rows.inputs, dtype=bool)


def _in_several_folds(
    targets: list[Target], codes: np.ndarray, count: int, lenient: bool
) -> tuple[list[Target], tuple[Decision, ...]]:
    """The targets of which no class is in one fold alone: without that fold there would be nothing to learn it from."""
    kept, aside = [], []
    for target in targets:
        places = target.values * count + codes if target.classes else np.zeros(0, dtype=np.int64)
        has = np.bincount(places, minlength=len(target.classes) * count).reshape(-1, count) > 0
        lone = np.flatnonzero(has.sum(axis=1) == 1)
        if not len(lone):
            kept.append(target)
        elif lenient:
            aside.append(target.name)
        else:
            raise ProbeError(
                f"The class {target.classes[lone[0]]!r} of the target {target.name!r} is in one fold alone, so that "
                "without this fold no probe can learn it.",
                "Give folds that share it, or a number of folds: these are drawn so that classes are spread.",
            )
    if not kept:
        raise ProbeError(
            f"Each of the {len(targets):,} concepts is present, or absent, in one fold alone.",
            "Give folds that share them, or a number of folds.",
        )
    if not aside:
        return kept, ()
    what = f"set aside {len(aside):,} of {len(targets):,} concepts: {listing(aside)}"
    return kept, (Decision(what, "they are present, or absent, in one fold alone"),)
