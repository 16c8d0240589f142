"""Which block or fold a row belongs to: a function of the seed and the row's position alone."""

from __future__ import annotations

import hashlib

import numpy as np

from aitia.statistics._errors import BadBlock


def _mixed(state: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64 (Steele, Lea & Flood 2014, figure 16), a bijection on 64 bits."""
    state = state ^ (state >> np.uint64(30))
    state = state * np.uint64(0xBF58476D1CE4E5B9)
    state = state ^ (state >> np.uint64(27))
    state = state * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def assign_blocks(
    start: int | np.ndarray,
    rows: int | None = None,
    n_blocks: int = 20,
    seed: int = 0,
    purpose: str = "blocks",
) -> np.ndarray:
    """The block of each row, drawn uniformly and independently by a hash of its position in the stream.

    The same row gets the same block however the stream is cut and whichever thread asks. Clusters are
    kept whole by giving their codes instead of positions.

    Args:
        start: position of the first row, or integer cluster codes, shape (rows,).
        rows: how many rows follow from `start`; None with cluster codes.
        n_blocks: how many blocks; block sizes are binomial, near n / n_blocks.
        seed: the study's seed.
        purpose: what the blocks are for; another purpose draws independently (``"folds"``).

    Returns:
        Integers 0..n_blocks-1, shape (rows,).

    Example:
        >>> whole = assign_blocks(0, 10, 3, seed=1)
        >>> bool((np.concatenate([assign_blocks(0, 4, 3, 1), assign_blocks(4, 6, 3, 1)]) == whole).all())
        True
        >>> clusters = np.array([7, 7, 2, 7, 2])
        >>> len(set(assign_blocks(clusters, n_blocks=50, seed=1).tolist()))
        2
    """
    if n_blocks < 1:
        raise BadBlock(
            f"There must be at least one block, but {n_blocks} were asked for.", "Ask for 2 or more."
        )
    if isinstance(start, np.ndarray):
        if not np.issubdtype(start.dtype, np.integer):
            raise BadBlock(
                f"Cluster codes must be integers, not {start.dtype}.", "Encode the clusters first."
            )
        index = start.astype(np.int64).view(np.uint64)
    else:
        if rows is None:
            raise BadBlock("The number of rows from the first position on is missing.", "Give rows=.")
        index = np.arange(start, start + rows, dtype=np.uint64)
    digest = hashlib.sha256(f"{seed}\x1f{purpose}".encode()).digest()
    key, offset = np.frombuffer(digest[:16], np.uint64)
    # Two rounds: consecutive counters differ in few bits, and seeds that differ little must not be related.
    hashed = _mixed(_mixed(index * np.uint64(0x9E3779B97F4A7C15) + key) ^ offset)
    # The high 32 bits scaled to 0..n_blocks-1 (Lemire 2019): bias below n_blocks / 2^32.
    return ((hashed >> np.uint64(32)) * np.uint64(n_blocks) >> np.uint64(32)).astype(np.int64)
