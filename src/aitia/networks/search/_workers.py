"""Both cores for a search: compiled kernels that let go of the interpreter, in threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np

TASKS = 8  # a round's work is cut in so many pieces, however many cores there are
LONGEST_ROUND = 256  # first concepts of formulas that are looked through between two looks at the clock


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def workers(count: int | None = None) -> Iterator[Callable[..., list]]:
    """A function that calls `work(*arguments)` for several arguments at once and gives the results in their order.

    It is called as `run(work, several)`; or as `run(work, several, stop)` for work that may take long and looks at
    the array `stop`, which is filled with 1 when Ctrl-C comes: such work never runs in the thread that hears it.
    """
    count = cores() if count is None else count
    with ThreadPoolExecutor(count) as pool:

        def run(work: Callable[..., Any], several: Sequence[tuple], stop: np.ndarray | None = None) -> list:
            if stop is None and (count == 1 or len(several) == 1):
                return [work(*arguments) for arguments in several]
            begun = [pool.submit(work, *arguments) for arguments in several]
            try:
                return [each.result() for each in begun]
            except BaseException:
                if stop is not None:
                    stop.fill(1)
                for each in begun:
                    each.cancel()
                wait(begun)  # what is under way writes into arrays that the caller still reads
                raise

        yield run


def shares(start: int, end: int, count: int) -> list[tuple[int, int]]:
    """A range cut in at most `count` ranges of about equal length."""
    count = max(1, min(count, end - start))
    cuts = [start + (end - start) * each // count for each in range(count + 1)]
    return list(pairwise(cuts))
