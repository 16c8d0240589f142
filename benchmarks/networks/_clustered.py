"""The search of La Rosa et al. 2023 with its heuristic (MMESH), written from the paper, in PyTorch.

Masks are dense and in memory (theirs are sparse on disk, made dense for each visited formula). For each candidate, an
upper bound of its score comes from what is known of its two sides picture by picture: pixels, pixels shared with the
unit, the box around the mask and a rectangle within it. Candidates are visited in the order of their bounds until the
bound falls below the worst of the beam.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numba import njit

OR, AND, AND_NOT = range(3)
WORDS = ("OR", "AND", "AND NOT")


@dataclass(frozen=True, eq=False)
class Known:
    """What the heuristic knows of a mask, of each picture.

    Args:
        mask: bool, shape (pictures, pixels).
        size: how many pixels.
        both: of them, where the unit fires.
        around: the box around the mask: first row, first column, last row, last column (empty: last before first).
        within: the largest rectangle of pixels that are all in the mask, in the same order.
    """

    mask: torch.Tensor
    size: torch.Tensor
    both: torch.Tensor
    around: torch.Tensor
    within: torch.Tensor


@njit(cache=True)
def _boxes(mask, around, within):
    """Boxes of each picture of a mask of shape (pictures, height, width); the largest rectangle by its histogram."""
    pictures, height, width = mask.shape
    depth = np.zeros(width + 1, np.int64)
    stack = np.zeros(width + 2, np.int64)
    for picture in range(pictures):
        top, left, bottom, right = height, width, -1, -1
        best = 0
        within[picture] = np.array([0, 0, -1, -1])
        depth[:] = 0
        for y in range(height):
            for x in range(width):
                if mask[picture, y, x]:
                    depth[x] += 1
                    top, bottom = min(top, y), max(bottom, y)
                    left, right = min(left, x), max(right, x)
                else:
                    depth[x] = 0
            held = 0
            for x in range(width + 1):
                while held and depth[stack[held - 1]] >= depth[x]:
                    high = depth[stack[held - 1]]
                    held -= 1
                    begin = stack[held - 1] + 1 if held else 0
                    if high * (x - begin) > best:
                        best = high * (x - begin)
                        within[picture] = np.array([y - high + 1, begin, y, x - 1])
                stack[held] = x
                held += 1
        around[picture] = np.array([top, left, bottom, right])


def boxes(mask: torch.Tensor, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The box around a mask, and the largest rectangle within, of each picture: shape (pictures, 4)."""
    maps = mask.numpy().reshape(len(mask), side, side)
    around, within = np.zeros((2, len(mask), 4), np.int64)
    _boxes(maps, around, within)
    return torch.from_numpy(around), torch.from_numpy(within)


def _shared(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """How many pixels two boxes share in each picture."""
    sides = torch.minimum(one[:, 2:], other[:, 2:]) - torch.maximum(one[:, :2], other[:, :2]) + 1
    return sides.clamp(min=0).prod(dim=1)


def _bound(old: Known, new: Known, operator: int, fires: torch.Tensor) -> float:
    """No formula of these two sides scores higher."""
    if operator == OR:
        both = torch.minimum(old.both + new.both, fires)
        size = torch.maximum(old.size, new.size)
        size = torch.maximum(size, old.size + new.size - _shared(old.around, new.around))
    elif operator == AND:
        both = torch.minimum(old.both, new.both)
        size = _shared(old.within, new.within)
    else:
        both = torch.minimum(old.both, fires - new.both)
        size = old.size - torch.minimum(_shared(old.around, new.around), torch.minimum(old.size, new.size))
    size = torch.maximum(size, both)
    most = both.sum()
    return int(most) / int(fires.sum() + size.sum() - most)


def _score(both: torch.Tensor, size: torch.Tensor, fires: int) -> float:
    shared = int(both.sum())
    return shared / (int(size.sum()) + fires - shared)


def _joined(old: torch.Tensor, new: torch.Tensor, operator: int) -> torch.Tensor:
    return old | new if operator == OR else old & new if operator == AND else old & ~new


def explain(
    names: Sequence[str],
    concepts: Sequence[tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]],
    unit: torch.Tensor,
    side: int,
    length: int = 3,
    width: int = 5,
) -> tuple[str, float, int]:
    """Formula, score and how many formulas were visited, for where a unit fires in one range of activation.

    The first beam has 2 x `width` concepts, the last one formula, as in the paper's code.

    Args:
        names: of the concepts.
        concepts: of each its mask, pixels of each picture and boxes (known once for all units).
        unit: bool, shape (pictures, pixels).
        side: of a picture.
        length: concepts of a formula.
        width: of the beam.
    """
    fires = unit.sum(dim=1)
    total = int(fires.sum())
    known = [
        Known(mask, size, (mask & unit).sum(dim=1), around, within) for mask, size, around, within in concepts
    ]
    scores = [_score(each.both, each.size, total) for each in known]
    order = sorted(range(len(names)), key=lambda at: -scores[at])
    beam = [
        (scores[at], names[at], frozenset([at]), known[at]) for at in order[: 2 * width] if scores[at] > 0
    ]
    visited = 0
    for step in range(1, length):
        room = 1 if step == length - 1 else width
        space = [
            (_bound(old, known[at], operator, fires), text, named, old, at, operator)
            for _, text, named, old in beam
            for at in range(len(names))
            if at not in named
            for operator in (OR, AND, AND_NOT)
        ]
        space.sort(key=lambda each: -each[0])
        found = sorted(beam, key=lambda each: -each[0])[:room]
        for bound, text, named, old, at, operator in space:
            if len(found) == room and bound < found[-1][0]:
                break
            mask = _joined(old.mask, known[at].mask, operator)
            both = (mask & unit).sum(dim=1)
            size = mask.sum(dim=1)
            score = _score(both, size, total)
            visited += 1
            if len(found) < room or score > found[-1][0]:
                new = (score, f"({text} {WORDS[operator]} {names[at]})", named | {at}, (mask, size, both))
                found = sorted([*found, new], key=lambda each: -each[0])[:room]
        beam = [
            (
                score,
                text,
                named,
                what if isinstance(what, Known) else Known(*what, *boxes(what[0], side)),
            )
            for score, text, named, what in found
        ]
    return beam[0][1], beam[0][0], visited
