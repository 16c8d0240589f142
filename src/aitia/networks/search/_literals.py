"""The concepts of an inventory as exact search needs them: each mask once, in the polarity that holds more seldom."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from aitia.networks.concepts._inventory import Inventory
from aitia.networks.formulas._formula import Formula, Not
from aitia.networks.search._rows import KEPT, Rows, compressed
from aitia.networks.search._sparse import Sparse


@dataclass(frozen=True)
class Literals:
    """The different masks among concepts, their neighbourhoods, and the opposites of either.

    A formula may use a concept or its NOT, so a concept may stand for its opposite; and of concepts with one mask any
    may stand for all (the first in the inventory does). What holds nowhere or everywhere is left out: it adds nothing
    to a formula that the constants FALSE and TRUE do not.

    Args:
        source: the rows of the inventory.
        rows: the row of the inventory (as in `Rows`) that each literal comes from.
        opposite: booleans (literals,): whether the literal holds where its row does not.
        sparse: the literals' masks as a `Sparse` of one block, an entry each.
        held: int64 (literals,): how many positions each literal holds at; at most half of all.
        everything: a formula of one concept that holds at every position, if there is one.
    """

    source: Rows
    rows: np.ndarray
    opposite: np.ndarray
    sparse: Sparse
    held: np.ndarray
    everything: Formula | None

    @classmethod
    def of(cls, inventory: Inventory) -> Literals:
        """The literals of an inventory."""
        source = Rows(inventory, bool(inventory.neighbors))
        valid, total = inventory.layout.valid, inventory.layout.total
        sizes = source.sizes
        source.forget()  # what it holds are the masks in one polarity; here they are needed in the rarer one
        # Two bits decide: which polarity is the rarer one. At exactly half, the one that is false at the first
        # position, so that a mask and its opposite are still told to be one.
        first = int(np.flatnonzero(valid)[0]) if total else 0
        low = valid[first] & (~valid[first] + np.uint64(1)) if total else np.uint64(0)
        at_first = (np.asarray(inventory.words[:, first]) & low) != 0
        if source.neighbors:
            around = [at_first[row] or at_first[others].any() for row, others in enumerate(source.others)]
            at_first = np.append(at_first, around)
        opposite = (2 * sizes > total) | ((2 * sizes == total) & at_first)
        digests = [hashlib.blake2b(digest_size=16) for _ in sizes]
        lengths = np.zeros(len(sizes), dtype=np.int64)
        parts = _Parts(source, opposite)
        for begin, sparse in parts:
            lengths[sparse.row] += np.diff(sparse.first)
            for entry, row in enumerate(sparse.row):
                words = slice(sparse.first[entry], sparse.first[entry + 1])
                for piece in (np.int64(begin), sparse.place[words], sparse.word[words]):
                    digests[row].update(piece.tobytes())
        held = np.where(opposite, total - sizes, sizes)
        seen: dict[bytes, int] = {}
        for row in np.flatnonzero(held):
            seen.setdefault(digests[row].digest(), int(row))
        rows = np.array(sorted(seen.values()), dtype=np.int64)
        constant = np.flatnonzero(held == 0)
        everything = None
        if constant.size:
            leaf = source.formula(int(constant[0]))
            everything = leaf if opposite[constant[0]] else Not(leaf)
        place_of = np.full(len(sizes), -1)
        place_of[rows] = np.arange(len(rows))
        start = np.append(0, np.cumsum(lengths[rows]))
        place, word = np.zeros(start[-1], np.uint32), np.zeros(start[-1], np.uint64)
        filled = start[:-1].copy()
        for begin, sparse in parts:
            for entry, row in enumerate(sparse.row):
                literal = place_of[row]
                if literal >= 0:
                    words = slice(sparse.first[entry], sparse.first[entry + 1])
                    goes = slice(filled[literal], filled[literal] + words.stop - words.start)
                    place[goes] = sparse.place[words] + np.uint32(begin)
                    word[goes] = sparse.word[words]
                    filled[literal] = goes.stop
        one_block = Sparse(
            np.array([0, len(rows)], dtype=np.int64),
            np.arange(len(rows), dtype=np.int32),
            start,
            place,
            word,
            np.array([0, inventory.layout.words], dtype=np.int64),
        )
        return cls(
            source,
            rows,
            opposite[rows],
            one_block,
            held[rows],
            everything,
        )

    @property
    def inventory(self) -> Inventory:
        """The concepts."""
        return self.source.inventory

    def __len__(self) -> int:
        return len(self.rows)

    def formula(self, literal: int, holds: bool) -> Formula:
        """A literal, or its opposite, as a formula."""
        leaf = self.source.formula(int(self.rows[literal]))
        return leaf if holds != bool(self.opposite[literal]) else Not(leaf)


class _Parts:
    """The parts of an inventory's rows, each row in one polarity: its first word, and its rows as a `Sparse`.

    What fits in memory beside the literals is kept for the next time; the rest is read again.
    """

    def __init__(self, source: Rows, opposite: np.ndarray) -> None:
        self.source, self.opposite = source, opposite
        self.kept: dict[int, Sparse] = {}
        self.bytes = 0

    def __iter__(self) -> Iterator[tuple[int, Sparse]]:
        valid = self.source.inventory.layout.valid
        for part in range(len(self.source.parts)):
            span = self.source.span(part)
            sparse = self.kept.get(part)
            if sparse is None:
                dense = self.source.dense(span)
                dense[self.opposite] = valid[span] & ~dense[self.opposite]
                sparse = compressed(dense, (span.start, span.stop))
                size = sum(each.nbytes for each in sparse)
                if self.bytes + size <= KEPT:
                    self.kept[part] = sparse
                    self.bytes += size
            yield span.start, sparse
