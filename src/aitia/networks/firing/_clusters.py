"""Units fire in ranges of activation, a mask for each range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from aitia.core import Decision, either, listing, many
from aitia.networks._activations import Activations
from aitia.networks._errors import ActivationError
from aitia.networks._firing import Binarisation, Firing
from aitia.networks._layout import Layout
from aitia.networks.firing._compare import extremes, masks_above
from aitia.networks.firing._values import BUDGET, blocks, layout_of

MOST = 1_000  # ends of ranges are sought among so many values of a unit


@final
@dataclass(frozen=True)
class Clusters(Binarisation):
    """A unit fires in several ranges of its positive activations, found by k-means; each range is a mask of its own.

    Explanations of one unit's ranges say what it does at weak and at strong activation (La Rosa et al. 2023). The
    ranges of a unit follow each other: low < a <= high, the first from 0, the last without end, so its masks are
    disjoint and cover its positive activations. A range ends at the largest activation of its cluster. On a line the
    best clusters are intervals, and dynamic programming finds them (Wang and Song 2011): the sum of squares is the
    least possible for units with at most 1,000 distinct positive activations, and for others the least with ends at
    1,000 quantiles, improved by Lloyd's iterations over all values. No random start is involved.

    Args:
        ranges: how many for each unit; fewer for a unit with fewer distinct positive activations.

    Raises:
        ActivationError: fewer than one range.

    Example:
        >>> from aitia.networks import Activations, Clusters
        >>> values = np.array([[-1.0], [0.1], [0.2], [5.0], [5.5]])
        >>> firing = Clusters(2).fire(Activations(values))
        >>> firing.units, firing.low, firing.high
        ((0, 0), array([0. , 0.2]), array([0.2, inf]))
    """

    ranges: int = 5

    def __post_init__(self) -> None:
        if self.ranges < 1:
            raise ActivationError(f"A unit has one range at least; came {self.ranges}.", "Use Clusters(5).")

    def fire(self, activations: Activations, layout: Layout | None = None) -> Firing:
        layout = layout_of(activations, layout)
        columns: list[int] = []
        low: list[float] = []
        high: list[float] = []
        fewer: list[int] = []
        for column, values in _positive(activations, layout.lengths):
            ends = range_ends(values, self.ranges)
            if len(ends) + 1 < self.ranges:
                fewer.append(activations.units[column])
            columns += [column] * (len(ends) + 1)
            low += [0.0, *ends]
            high += [*ends, np.inf]
        at = np.array(columns)
        units = tuple(activations.units[column] for column in columns)
        words = masks_above(activations, layout, at, np.array(low))
        # The next range's threshold is this one's end: what exceeds it too belongs there.
        same = at[:-1] == at[1:]
        words[:-1][same] &= ~words[1:][same]
        said = extremes(layout, units, words)
        if fewer:
            count = (
                f"{len(fewer)} of {many(len(activations.units), 'unit')} {either(len(fewer), 'has', 'have')}"
            )
            what = f"{count} fewer than {many(self.ranges, 'range')}: {listing(fewer)}"
            why = f"{either(len(fewer), 'it has', 'they have')} fewer distinct positive activations"
            said = (Decision(what, why), *said)
        rule = f"ranges of positive activation by k-means, {self.ranges} for each unit"
        return Firing(layout, units, words, np.array(low), np.array(high), rule, said)


def _positive(activations: Activations, lengths: np.ndarray | None):
    """Each unit's positive activations, unit by unit; many units are read together where they fit in memory."""
    units = len(activations.units)
    total = max(1, activations.values.size // units)
    step = max(1, min(units, 4 * BUDGET // total))
    for first in range(0, units, step):
        columns = slice(first, min(first + step, units))
        found: list[list[np.ndarray]] = [[] for _ in range(columns.start, columns.stop)]
        for _, block, exists in blocks(activations, lengths, columns):
            wanted = block > 0 if exists is None else (block > 0) & exists[:, None]
            for place, parts in enumerate(found):
                parts.append(block[:, place][wanted[:, place]])
        for place, parts in enumerate(found):
            yield first + place, np.concatenate(parts).astype(np.float64)


def range_ends(values: np.ndarray, ranges: int) -> list[float]:
    """Where k-means of numbers on a line parts them: the largest value of each cluster but the last.

    Args:
        values: the numbers, shape (count,).
        ranges: how many clusters; fewer where there are fewer distinct numbers.
    """
    levels, weight = np.unique(values, return_counts=True)
    if len(levels) <= ranges:
        return [float(level) for level in levels[:-1]]
    # Groups of neighbouring levels stand for them: `last` is where each group ends.
    mass = np.cumsum(weight)
    last = np.arange(len(levels))
    if len(levels) > MOST:
        last = np.unique(np.searchsorted(mass, np.linspace(0, mass[-1], MOST + 1)[1:]))
    centre = np.average(levels, weights=weight)  # about which squares lose the least to rounding
    count = np.concatenate([[0.0], mass])
    first = np.concatenate([[0.0], np.cumsum(weight * (levels - centre))])
    second = np.concatenate([[0.0], np.cumsum(weight * (levels - centre) ** 2)])
    edges = np.concatenate([[0], last + 1])
    ends = _best_edges(count[edges], first[edges], second[edges], ranges)
    cuts = edges[ends]
    if len(last) < len(levels):
        cuts = _lloyd(levels - centre, count, first, cuts)
    return [float(levels[cut - 1]) for cut in cuts]


def _best_edges(count: np.ndarray, first: np.ndarray, second: np.ndarray, ranges: int) -> np.ndarray:
    """Which edges part the groups with the least sum of squares: dynamic programming over the last cluster."""
    size = len(count) - 1
    many = count[None, :] - count[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        cost = (second[None, :] - second[:, None]) - (first[None, :] - first[:, None]) ** 2 / many
    cost = np.where(
        many > 0, np.maximum(cost, 0.0), np.inf
    )  # [i, j]: the groups from edge i to edge j in one cluster
    best = cost[0].copy()
    back = []
    for _ in range(ranges - 1):
        total = best[:, None] + cost
        came = total.argmin(axis=0)
        best = total[came, np.arange(size + 1)]
        back.append(came)
    ends, at = [], size
    for came in reversed(back):
        at = int(came[at])
        ends.append(at)
    return np.array(ends[::-1], dtype=np.int64)


def _lloyd(levels: np.ndarray, count: np.ndarray, first: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Lloyd's iterations over all levels: cuts move to the middle between the means beside them, until they stay."""
    for _ in range(100):
        edges = np.concatenate([[0], cuts, [len(levels)]])
        mean = np.diff(first[edges]) / np.diff(count[edges])
        moved = np.searchsorted(levels, (mean[:-1] + mean[1:]) / 2, side="right")
        if np.array_equal(moved, cuts) or len(np.unique(np.concatenate([[0], moved, [len(levels)]]))) < len(
            edges
        ):
            return cuts
        cuts = moved
    return cuts
