"""Grow-shrink trees: the parents that a variable takes among any set of others, remembered, for any score.

The plain counterpart of the compiled paths: same choices, by `Scorer.local` alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from aitia.discovery.search._setting import Setting


@dataclass
class _Branch:
    """A set of parents on the way of growing.

    Args:
        parents: bits of the set.
        score: its local score.
        gains: the scores of the sets with one parent more, by that parent, where they are better.
        seen: bits of the variables that were tried.
        below: the branches made so far, by the parent that leads there.
        shrunk: what shrinking leaves of the set, with its score, once asked for.
    """

    parents: int
    score: float
    gains: dict[int, float] = field(default_factory=dict)
    better: int = 0
    seen: int = 0
    below: dict[int, _Branch] = field(default_factory=dict)
    shrunk: tuple[float, int] | None = None


class Trees:
    """The grow-shrink trees of all variables (Andrews et al. 2023, section 3.1).

    Args:
        setting: the search's variables, score and knowledge.
        most: the largest number of parents.
    """

    def __init__(self, setting: Setting, most: int) -> None:
        self._setting = setting
        self._most = most
        self._allowed = [mask(row) for row in setting.allowed]
        self._required = [mask(row) for row in setting.required]
        self._roots = [_Branch(needed, self._local(v, needed)) for v, needed in enumerate(self._required)]

    def project(self, v: int, before: int) -> tuple[float, int]:
        """The local score and the parents (bits) of v where the variables in `before` stand before it."""
        tolerance = self._setting.tolerance
        branch = self._roots[v]
        open_to = before & self._allowed[v]
        while branch.parents.bit_count() < self._most:
            free = open_to & ~branch.parents
            fresh = free & ~branch.seen
            if fresh:
                branch.seen |= fresh
                for c in bits(fresh):
                    score = self._local(v, branch.parents | 1 << c)
                    if score > branch.score + tolerance:
                        branch.gains[c] = score
                        branch.better |= 1 << c
            best, chosen = branch.score, -1
            for c in bits(free & branch.better):
                if chosen < 0 or branch.gains[c] > best + tolerance:
                    best, chosen = branch.gains[c], c
            if chosen < 0:
                break
            below = branch.below.get(chosen)
            if below is None:
                below = branch.below[chosen] = _Branch(branch.parents | 1 << chosen, best)
            branch = below
        if branch.shrunk is None:
            branch.shrunk = self._shrink(v, branch)
        return branch.shrunk

    def _shrink(self, v: int, branch: _Branch) -> tuple[float, int]:
        tolerance = self._setting.tolerance
        parents, score = branch.parents, branch.score
        while True:
            best, worst = score, -1
            for c in bits(parents & ~self._required[v]):
                without = self._local(v, parents & ~(1 << c))
                if without > best + tolerance:
                    best, worst = without, c
            if worst < 0:
                return score, parents
            parents, score = parents & ~(1 << worst), best

    def _local(self, v: int, parents: int) -> float:
        return self._setting.local(v, bits(parents))


def bits(value: int) -> Iterator[int]:
    """The positions of the bits that are set, from the lowest."""
    while value:
        lowest = value & -value
        yield lowest.bit_length() - 1
        value ^= lowest


def mask(flags) -> int:
    """Bits for the positions whose flag is set."""
    return sum(1 << i for i, flag in enumerate(flags) if flag)
