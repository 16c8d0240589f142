"""One streaming pass over the rows: blocks in, moments by group out."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import numpy as np

from aitia.statistics._errors import BadBlock, locate_non_finite
from aitia.statistics._grouped import Accumulating, GroupedMoments
from aitia.statistics._moments import centred, checked_block, checked_weights, two_sum

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

PerRow = np.ndarray | Callable[[np.ndarray, int], np.ndarray]
"""One value a row of the whole stream, shape (n,), or a function of (block, position of its first row)."""

_CHUNK = 1 << 19  # numbers in a chunk: 4 MiB, which two cores share in the last level of cache
_LARGEST = 1 << 22  # numbers in a chunk at most: 32 MiB
# Groups of few numbers are summed all at once (`_sums_of_few`), larger ones by a matrix product each. Where the two
# take equally long was measured for 1 to 512 variables and 1 to 512 rows a group, on one core: at about 1,000 numbers
# a group up to 16 variables (time of the first over the second at 100 numbers: 0.05 to 0.3, at 8,000: 2 or more), at
# 512 for 32; for 64 and more variables the products win for groups of any size, by 2 to 10 times.
_NUMBERS = 1024
_VARIABLES = 32


def accumulate(
    blocks: Iterable[np.ndarray],
    names: Sequence[str],
    *,
    groups: PerRow | None = None,
    n_groups: int = 1,
    weights: PerRow | None = None,
    threads: int | None = None,
    shift: np.ndarray | None = None,
) -> GroupedMoments:
    """The moments of every group of rows, from one pass over a stream of blocks.

    Each block is cut into chunks that stay in cache. A chunk's rows are ordered by group and centred at
    their own group's mean before one matrix product squares them; chunks are merged in stream order, so
    the answer does not depend on the number of threads. A value that is not finite shows in the products,
    so looking for one costs nothing until there is one.

    Args:
        blocks: float64 blocks of shape (rows, k), in either memory order.
        names: the k variables.
        groups: integer codes 0..n_groups-1, one a row; None puts every row in group 0.
        n_groups: G.
        weights: non-negative weights, one a row, or None.
        threads: how many chunks to work on at once; None takes the processors this process may use.
        shift: a value near the mean of each variable, shape (k,), to centre at instead of each chunk's
            own mean; saves a sum, and costs digits where it is far from the data. Used only where
            `groups` is None.

    Returns:
        Moments of G groups.

    Raises:
        BadBlock: a block, its groups or its weights are misshapen, or a code is out of range.
        NonFiniteRows: a value is not finite; names column, row and value.

    Example:
        >>> rows = np.array([[1.0, 2.0], [3.0, 5.0], [5.0, 5.0], [7.0, 4.0]])
        >>> by_arm = accumulate([rows[:3], rows[3:]], ["x", "y"], groups=np.array([0, 1, 0, 1]), n_groups=2)
        >>> by_arm.means.tolist()
        [[3.0, 3.5], [5.0, 4.5]]
    """
    names = tuple(names)
    growing = Accumulating(names, n_groups)
    many = n_groups > 1 or groups is not None
    pieces = _pieces(blocks, names, groups, n_groups, weights, shift)
    for start, chunk, part in in_order(pieces, _grouped_piece if many else _whole_piece, threads):
        at, counts, weight, means, lows, crosses = part
        if not np.isfinite(np.einsum("gii->", crosses)):
            raise locate_non_finite(chunk, names, start)
        growing.merge(at, counts, weight, means, lows, crosses)
    return growing.frozen()


@dataclass(frozen=True)
class _Piece:
    """A chunk of one block with what belongs to its rows."""

    start: int
    block: np.ndarray
    groups: np.ndarray | None
    weights: np.ndarray | None
    shift: np.ndarray | None


def _pieces(
    blocks: Iterable[np.ndarray],
    names: tuple[str, ...],
    groups: PerRow | None,
    n_groups: int,
    weights: PerRow | None,
    shift: np.ndarray | None,
) -> Iterator[_Piece]:
    start = 0
    k = max(len(names), 1)
    # Where a chunk holds few rows of each group, merging groups is most of the work: larger chunks. (Of 4, 32, 128, 512
    # and 2,048 rows a group this took the shortest or nearly so for 2 to 1,024 variables and 5 to 20,000 groups: 3.3 s
    # against 15 s with 4 for 60,000 rows of 1,024 variables in 5 groups.)
    step = max(256, _CHUNK // k, min(512 * n_groups, _LARGEST // k))
    for given in blocks:
        block, _ = checked_block(given, names)
        rows = len(block)
        codes = per_row(groups, block, start, "groups")
        if codes is not None:
            codes = checked_groups(codes, rows, n_groups)
        weight = checked_weights(per_row(weights, block, start, "weights"), rows, start)
        for low in range(0, rows, step):
            at = slice(low, low + step)
            yield _Piece(
                start + low,
                block[at],
                None if codes is None else codes[at],
                None if weight is None else weight[at],
                shift,
            )
        start += rows
    for given, what in ((groups, "groups"), (weights, "weights")):
        if isinstance(given, np.ndarray) and len(given) != start:
            raise BadBlock(f"There are {len(given):,} {what} for {start:,} rows.", "Give one a row.")


def per_row(given: PerRow | None, block: np.ndarray, start: int, what: str) -> np.ndarray | None:
    """What belongs to a block's rows: a slice of an array over the stream, or what a function answers."""
    if given is None:
        return None
    if callable(given):
        return given(block, start)
    given = np.asarray(given)
    if start + len(block) > len(given):
        raise BadBlock(
            f"The stream has more rows than the {len(given):,} {what} given.",
            f"Give one of the {what} a row.",
        )
    return given[start : start + len(block)]


def checked_groups(codes: np.ndarray, rows: int, n_groups: int) -> np.ndarray:
    """Group codes in the smallest type that holds them (ordering them is then a counting sort)."""
    codes = np.asarray(codes)
    if codes.shape != (rows,) or not np.issubdtype(codes.dtype, np.integer):
        raise BadBlock(
            f"Groups must be integers of shape ({rows},), but they are {codes.dtype} of shape {codes.shape}.",
            "Give one integer code a row.",
        )
    if rows and not (codes.min() >= 0 and codes.max() < n_groups):
        raise BadBlock(
            f"Group codes must lie in 0..{n_groups - 1}, but they run from {codes.min()} to {codes.max()}.",
            "Set n_groups to one more than the largest code.",
        )
    return codes.astype(np.uint16 if n_groups <= 1 << 16 else np.int64, copy=False)


_Part = tuple[np.ndarray | slice, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _whole_piece(piece: _Piece) -> tuple[int, np.ndarray, _Part]:
    count, weight, mean, low, cross = centred(piece.block, piece.weights, piece.shift)
    part = (slice(None), np.array([count]), np.array([weight]), mean[None], low[None], cross[None])
    return piece.start, piece.block, part


def _grouped_piece(piece: _Piece) -> tuple[int, np.ndarray, _Part]:
    block, codes, k = piece.block, piece.groups, piece.block.shape[1]
    assert codes is not None
    order = np.argsort(codes, kind="stable")
    codes = codes[order]
    starts = (
        np.flatnonzero(np.concatenate(([True], codes[1:] != codes[:-1]))) if len(codes) else np.zeros(0, int)
    )
    present = codes[starts].astype(np.intp)
    weights = None if piece.weights is None else piece.weights[order]
    rows = _ordered(block, order)
    small = k <= _VARIABLES and rows.size < _NUMBERS * len(starts)
    summed = _sums_of_few if small else _sums_of_many
    with np.errstate(over="ignore", invalid="ignore"):
        return piece.start, block, (present, *summed(rows, weights, starts))


_scratch = threading.local()


def _ordered(block: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The block's rows in that order, in memory that this thread's next chunk will use again.

    Fresh memory of this size costs more in page faults than the copy itself.
    """
    size = block.size
    if getattr(_scratch, "size", 0) < size:
        _scratch.size, _scratch.first, _scratch.second = size, np.empty(size), np.empty(size)
    rows = _scratch.first[:size].reshape(block.shape)
    np.copyto(rows, block)
    # mode="clip" lets NumPy write straight into `out`; the order is a permutation, so nothing is clipped.
    return np.take(rows, order, axis=0, out=_scratch.second[:size].reshape(block.shape), mode="clip")


def _sums_of_many(rows: np.ndarray, weights: np.ndarray | None, starts: np.ndarray):
    """Groups of many rows each: one matrix product a group."""
    groups, k = len(starts), rows.shape[1]
    ends = np.append(starts[1:], len(rows))
    counts, weight = np.zeros(groups, np.int64), np.zeros(groups)
    means, lows, crosses = np.zeros((groups, k)), np.zeros((groups, k)), np.zeros((groups, k, k))
    for g, (start, end) in enumerate(zip(starts.tolist(), ends.tolist())):
        part = centred(rows[start:end], None if weights is None else weights[start:end])
        counts[g], weight[g], means[g], lows[g], crosses[g] = part
    return counts, weight, means, lows, crosses


def _sums_of_few(rows: np.ndarray, weights: np.ndarray | None, starts: np.ndarray):
    """Groups of a few rows each (small clusters): all pairs of variables multiplied, then summed by group."""
    sizes = np.diff(np.append(starts, len(rows)))
    by_variable = np.ascontiguousarray(rows.T)
    unit = np.ones(len(rows)) if weights is None else weights
    weight = np.add.reduceat(unit, starts)
    counts = np.add.reduceat((unit > 0).astype(np.int64), starts)
    safe = np.where(weight > 0, weight, 1.0)
    mean = np.add.reduceat(by_variable * unit, starts, axis=1) / safe
    by_variable -= np.repeat(mean, sizes, axis=1)
    weighted = by_variable * unit
    left = np.add.reduceat(weighted, starts, axis=1) / safe
    k = len(by_variable)
    crosses = np.empty((len(starts), k, k))
    for j in range(k):
        products = np.add.reduceat(weighted[j] * by_variable[j:], starts, axis=1)
        crosses[:, j, j:] = products.T
        crosses[:, j:, j] = products.T
    crosses -= (left * weight).T[:, :, None] * left.T[:, None, :]
    diagonal = np.einsum("gjj->gj", crosses)
    np.maximum(diagonal, 0.0, out=diagonal)
    means, lows = two_sum(mean.T, left.T)
    empty = weight <= 0
    means[empty], lows[empty], crosses[empty] = 0.0, 0.0, 0.0
    return counts, weight, means, lows, crosses


# -- chunks on several cores, results in order -------------------------------------------------------------


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _blas():
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


_using = threading.Lock()
_users: list[Any] = []


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Linear algebra on one thread a call, until the last of those who asked for it is done.

    The setting belongs to the process: if each set and reset it alone, two that overlap would leave it at one.
    """
    with _using:
        if not _users:
            _users.append(_blas().limit(limits=1, user_api="blas"))
        _users.append(None)
    try:
        yield
    finally:
        with _using:
            _users.pop()
            if len(_users) == 1:
                _users.pop().restore_original_limits()


def in_order(
    items: Iterable[_Item], work: Callable[[_Item], _Result], threads: int | None = None
) -> Generator[_Result, None, None]:
    """``map(work, items)`` on several threads, results in the order of the items, a few items ahead at most.

    The linear algebra library keeps to one thread a chunk meanwhile: chunks are too small to be split
        further.
    """
    threads = processors() if threads is None else max(1, threads)
    items = iter(items)
    first = next(items, None)
    if first is None:
        return
    second = next(items, None)
    if second is None:
        yield work(first)
        return
    with _one_thread_each():
        if threads == 1:
            yield work(first)
            yield work(second)
            yield from map(work, items)
            return
        with ThreadPoolExecutor(threads) as pool:
            ahead: deque[Future] = deque([pool.submit(work, first), pool.submit(work, second)])
            try:
                for item in items:
                    ahead.append(pool.submit(work, item))
                    if len(ahead) > 2 * threads:
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            finally:
                for each in ahead:
                    each.cancel()
