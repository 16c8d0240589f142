"""Replicates of data for the bootstrap: sums of block moments where an algorithm needs no more, else rows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from aitia.core import stream
from aitia.discovery._algorithm import Algorithm
from aitia.discovery._discovery import Discovery
from aitia.discovery._errors import DiscoveryError
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.statistics import GroupedMoments, Moments, accumulate, bootstrap_multiplicities

MOST_BLOCKS = 500
"""The spread of a statistic over replicates of B blocks is itself known to about 1 / sqrt(2 B): 3% at 500."""
_MOST_BYTES = 2**29


@dataclass(frozen=True, eq=False)
class Resampled:
    """Where replicates come from.

    Args:
        data: the data, in a time series those of the lagged design.
        groups: the moments of the blocks; None where rows are drawn.
        member: the block of each row; None where every row is a block of its own, and with `groups`.
        blocks: how many blocks are drawn from.
        words: how, in a sentence's end.
        seed: of the draws.
    """

    data: Observations
    groups: GroupedMoments | None
    member: np.ndarray | None
    blocks: int
    words: str
    seed: int

    def draws(self, replicates: int) -> Iterator[Observations]:
        """So many replicates, one after another."""
        if self.groups is not None:
            times = bootstrap_multiplicities(len(self.groups), replicates, self.seed)
            size = max(1, _MOST_BYTES // 4 // max(1, 8 * len(self.data.names) ** 2))
            for first in range(0, replicates, size):
                for moments in self.groups.sums(times[first : first + size]):
                    yield moments_only(self.data, moments)
            return
        for replicate in range(replicates):
            random = stream(self.seed, "discovery bootstrap", replicate)
            times = random.multinomial(self.blocks, np.full(self.blocks, 1 / self.blocks))
            each = times if self.member is None else times[self.member]
            yield self.data.take(np.repeat(np.arange(self.data.rows), each))


def moments_only(data: Observations, moments: Moments) -> Observations:
    """The variables of `data`, of which only these moments are known."""
    return Observations(data.names, moments.count, data.discrete, data.levels, moments=moments)


def resampled(
    algorithm: Algorithm,
    data: Observations,
    found: Discovery,
    known: Knowledge,
    blocks: int | None,
    seed: int,
) -> Resampled:
    """Where the replicates of `algorithm` on `data` come from.

    The algorithm is asked whether it needs the rows: it is run once on the moments of the whole. Where it refuses, or
    finds something else than on the rows, rows are drawn; else replicates are sums of block moments, at no pass.

    Raises:
        DiscoveryError: there are no rows; fewer than two blocks.
    """
    if blocks is not None and blocks < 2:
        raise DiscoveryError(
            f"A bootstrap needs two blocks, but {blocks} were asked for.", "Leave blocks=None."
        )
    if not data.has_rows:
        raise DiscoveryError(
            "Replicates need the rows, but only moments or names are known.", "Give the data themselves."
        )
    ordered = algorithm.past > 0
    wide = _lagged(algorithm, data) if ordered else data
    n, p = wide.rows, len(wide.names)
    most = max(20, _MOST_BYTES // (8 * p * p))
    if ordered:
        # Long enough that what depends on the past stays together (Politis & Romano 1994: of order n^(1/3)).
        length = max(algorithm.past + 1, math.ceil(2 * n ** (1 / 3)))
        wanted = max(2, n // length)
    else:
        wanted = min(n, MOST_BLOCKS)
    count = min(wanted, most) if blocks is None else min(blocks, n)
    what = f"{count:,} blocks of consecutive rows" if ordered else f"{count:,} random blocks of rows"
    if wide.is_complete and not all(wide.discrete):
        groups = _consecutive(wide, count) if ordered else wide.block_moments(count, seed)
        groups = groups.select(groups.weights > 0)
        if _moments_suffice(algorithm, wide, groups.total(), found, known, seed):
            return Resampled(wide, groups, None, len(groups), f"{what}, whose moments are added up", seed)
    if ordered:
        member = np.arange(n) * count // n
        return Resampled(wide, None, member, count, what, seed)
    if blocks is None:
        return Resampled(wide, None, None, n, "single rows", seed)
    member = stream(seed, "discovery blocks of rows").permutation(n) * count // n
    return Resampled(wide, None, member, count, what, seed)


def _lagged(algorithm: Algorithm, data: Observations) -> Observations:
    """The lagged design of a series algorithm, so that no window of time runs over the joint of two blocks."""
    from aitia.discovery.series._lagged import lag_depth, lagged

    if lag_depth(data.names):
        return data
    return lagged(
        data, algorithm.past, time=getattr(algorithm, "time", None), unit=getattr(algorithm, "unit", None)
    )


def _consecutive(data: Observations, blocks: int) -> GroupedMoments:
    n = data.rows
    return accumulate(
        data._stream(),
        data.names,
        groups=lambda block, start: (start + np.arange(len(block))) * blocks // n,
        n_groups=blocks,
    )


def _moments_suffice(
    algorithm: Algorithm, data: Observations, moments: Moments, found: Discovery, known: Knowledge, seed: int
) -> bool:
    try:
        again = algorithm.run(
            moments_only(data, moments), known, seed=seed, show_progress=False, allow_determined=True
        )
    except DiscoveryError:
        return False
    return again.graph == found.graph
