"""How a piece of work is timed."""

from __future__ import annotations

import time


def clocked(work) -> tuple[object, float, float]:
    """What the work returned, wall seconds and processor seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    answer = work()
    return answer, time.perf_counter() - wall, time.process_time() - processor


def best_of(work, times: int = 5) -> tuple[object, float, float]:
    """The same, the quickest of some runs after one that does not count."""
    work()
    return min((clocked(work) for _ in range(times)), key=lambda each: each[1])
