"""Inputs that belong together: checked, added up, and moved whole."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import ceil, isnan, lgamma, log, log2
from typing import Any

import numpy as np

from aitia.networks._errors import SearchError
from aitia.networks._firing import Firing
from aitia.networks._layout import Layout
from aitia.networks.concepts._inventory import Inventory

FEWEST = 4  # groups of one size whose 4! = 24 orders alone let a p-value be as low as 0.05
MANY = log(1e9)  # as many arrangements are enough for any p-value that can be drawn


def group_of_inputs(groups: Any, inputs: int) -> np.ndarray:
    """Each input's group, counted from 0; each input is its own where none are given.

    Args:
        groups: labels, shape (inputs,), or None.
        inputs: how many inputs there are.

    Returns:
        int64 (inputs,).

    Raises:
        SearchError: labels of other inputs, of fewer than two groups, or missing ones.
    """
    if groups is None:
        return np.arange(inputs)
    labels = np.asarray(groups)
    if labels.dtype == object:
        given = labels.ravel().tolist()
        missing = sum(_is_missing(each) for each in given)
        # Labels of several types cannot be sorted by themselves.
        names = sorted(dict.fromkeys(given), key=str)
        place = {name: at for at, name in enumerate(names)}
        group = np.array([place[each] for each in given], dtype=np.int64)
    else:
        missing = int(np.sum(labels != labels))  # only a NaN differs from itself
        names, group = np.unique(labels, return_inverse=True)
    if missing:
        raise SearchError(
            f"{missing:,} of {inputs:,} inputs have no group.",
            "Give each input's group by its name or number; one that belongs to none is a group of its own.",
        )
    if labels.shape != (inputs,) or len(names) < 2:
        raise SearchError(
            f"Expected a group for each of {inputs:,} inputs, two groups or more; came {len(names)} in shape "
            f"{labels.shape}.",
            "Give each input's group by its name or number, or None.",
        )
    return group.astype(np.int64)


def _is_missing(label: Any) -> bool:
    return (
        label is None
        or type(label).__name__ in ("NAType", "NaTType")
        or (isinstance(label, float) and isnan(label))
    )


def groups_to_draw(groups: Any, inputs: int, level: float) -> np.ndarray | None:
    """Each input's group, for intervals that draw groups; None where none are given.

    Were both signs as likely, k independent groups would all have the same with probability 2^(1 - k): where that is
    more than 1 - level, no interval of that level can lie on one side for what the groups say.

    Raises:
        SearchError: labels that are none, or so few groups.
    """
    if groups is None:
        return None
    group = group_of_inputs(groups, inputs)
    count, needed = int(group.max()) + 1, ceil(1 - log2(1 - level))
    if count < needed:
        raise SearchError(
            f"An interval over {count} groups says nothing; it takes {needed} or more.",
            "Give inputs of more groups.",
        )
    return group


def sums_of_groups(columns: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Numbers of inputs added up in groups: from shape (..., inputs, columns) to (..., groups, columns)."""
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    return np.add.reduceat(columns[..., order, :], starts, axis=-2)


def drawn(columns: np.ndarray, group: np.ndarray | None) -> np.ndarray:
    """The numbers of what is drawn: of inputs, shape (inputs, columns), or of groups of them."""
    return columns if group is None else sums_of_groups(columns, group)


@dataclass(frozen=True, eq=False)
class Blocks:
    """Groups of inputs as they change places: whole, each with those of its size.

    A cell is what a group is counted in: an input; of inputs of different length (token sequences) a position, so that
    a text is the run of its tokens, wherever its sentences end. Cells of a group keep their order.

    Args:
        kept: the inputs that can change places, int64.
        lengths: how many positions of each of them can, for inputs of different length; else None.
        group: each kept input's group, counted from 0.
        strata: for each size, the cells of the groups of that size, int64 (groups, size): numbers of kept inputs, or
            input * positions + position.
        whole: whether nothing is left out.
    """

    kept: np.ndarray = field(repr=False)
    lengths: np.ndarray | None = field(repr=False)
    group: np.ndarray = field(repr=False)
    strata: tuple[np.ndarray, ...] = field(repr=False)
    whole: bool

    @property
    def groups(self) -> int:
        """How many groups change places."""
        return sum(len(cells) for cells in self.strata)

    def cut(self, firing: Firing, inventory: Inventory) -> tuple[Firing, Inventory]:
        """Units and concepts over what can change places."""
        if self.whole:
            return firing, inventory
        firing, inventory = firing.of_inputs(self.kept), inventory.of_inputs(self.kept)
        if self.lengths is None:
            return firing, inventory
        layout = Layout(len(self.kept), firing.layout.shape, self.lengths)
        return (
            replace(firing, layout=layout, words=firing.words & layout.valid),
            replace(inventory, layout=layout, words=np.asarray(inventory.words) & layout.valid),
        )

    def sources(self, random: np.random.Generator, cells: int, turn: bool = False) -> np.ndarray:
        """For each cell the one that comes there, int64 (cells,); cells of no group stay.

        Args:
            random: where draws come from.
            cells: how many there are.
            turn: whether each group's cells are also turned around, those that leave at the end entering in front.
        """
        source = np.arange(cells)
        for at in self.strata:
            groups, size = at.shape
            came = at[random.permutation(groups)]
            if turn:
                by = random.integers(0, size, (groups, 1))
                came = np.take_along_axis(came, (np.arange(size) - by) % size, axis=1)
            source[at] = came
        return source

    def arrangements(self, layout: Layout, words: np.ndarray, shift: bool) -> np.ndarray:
        """In how many different ways groups and shifts can lay out each mask, as logarithms, float64 (masks,).

        Groups in which a mask is the same are counted as one. Counting ends where there are more than enough.
        """
        found = np.zeros(len(words))
        for at, mask in enumerate(words):
            rows = self._rows(layout, mask)
            for cells in self.strata:
                if found[at] > MANY:
                    break
                held = rows[cells].reshape(len(cells), -1)
                same = np.unique(held, axis=0, return_counts=True)[1]
                found[at] += lgamma(len(cells) + 1) - sum(lgamma(each + 1) for each in same)
                if shift and layout.shape:
                    places = cells.shape[1] if self.lengths is not None else layout.positions
                    found[at] += held.any(axis=1).sum() * log(places)
        return found

    def _rows(self, layout: Layout, mask: np.ndarray) -> np.ndarray:
        """What a mask says of each cell, shape (cells, ...)."""
        if self.lengths is not None:
            return layout.unpack(mask).reshape(-1)
        return mask.reshape(layout.inputs, -1) if layout.shape else layout.unpack(mask)


def blocks_of(groups: Any, layout: Layout) -> Blocks | None:
    """How groups can change places; None where each input is a group of its own.

    Groups of one size change places with each other. Where fewer than four have the same size, larger ones are cut to
    the size of smaller ones (their first inputs stay), so that as few inputs as possible are left out.

    Raises:
        SearchError: labels of other inputs, of fewer than two groups, or missing ones.
    """
    group = group_of_inputs(groups, layout.inputs)
    count = int(group.max()) + 1
    if count == layout.inputs:
        return None
    order = np.argsort(group, kind="stable")
    if layout.lengths is None:
        cells, owner = order, group[order]
    else:
        lengths = layout.lengths.astype(np.int64)[order]
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        cells = np.repeat(order, lengths) * layout.positions + within
        owner = np.repeat(group[order], lengths)
    sizes = np.bincount(owner, minlength=count)
    cut = cut_sizes(sizes, min(FEWEST, count))
    rank = np.arange(len(owner)) - (np.cumsum(sizes) - sizes)[owner]
    stays = rank < cut[owner]
    cells, owner = cells[stays], owner[stays]
    inputs = cells if layout.lengths is None else cells // layout.positions
    kept = np.unique(inputs)
    clipped = None
    place = np.searchsorted(kept, inputs)
    if layout.lengths is None:
        cells = place
    else:
        clipped = np.bincount(place, minlength=len(kept))
        cells = place * layout.positions + cells % layout.positions
    strata = tuple(cells[cut[owner] == size].reshape(-1, size) for size in np.unique(cut[cut > 0]))
    return Blocks(kept, clipped, np.unique(group[kept], return_inverse=True)[1], strata, bool(stays.all()))


def cut_sizes(sizes: np.ndarray, fewest: int) -> np.ndarray:
    """The size each group is cut to, so that `fewest` or more have each size and least is left out; 0 leaves one out.

    Groups of one size are cut alike; sizes that are cut to the same follow each other. Among those ways the best is
    found by dynamic programming over sizes.

    Args:
        sizes: of the groups, int64 (groups,).
        fewest: how many groups at least are to have the same size.
    """
    different, at, several = np.unique(sizes, return_inverse=True, return_counts=True)
    before = np.concatenate([[0], np.cumsum(several)])  # groups of smaller sizes
    best, first = np.zeros(len(different) + 1, dtype=np.int64), np.full(len(different), -1)
    for last in range(len(different)):
        # The largest are never left out where they can be cut to the size of those before.
        starts = np.flatnonzero(before[last + 1] - before[: last + 1] >= fewest)
        if len(starts):
            kept = best[starts] + (before[last + 1] - before[starts]) * different[starts]
            most = int(np.argmax(kept))
            best[last + 1], first[last] = kept[most], starts[most]
    cut = np.zeros(len(different), dtype=np.int64)
    last = len(different) - 1
    while last >= 0:
        if first[last] >= 0:
            cut[first[last] : last + 1] = different[first[last]]
            last = first[last]
        last -= 1
    return cut[at]
