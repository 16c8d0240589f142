"""What every benchmark measures of a piece of work: seconds, processor seconds, memory."""

from __future__ import annotations

import resource
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Peak:
    """The largest resident memory while it is open, sampled, above what was resident before, in GB."""

    def __enter__(self) -> Peak:
        self._before = _resident()
        self._most = self._before
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._stop.wait(0.005):
            self._most = max(self._most, _resident())

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.gigabytes = (max(self._most, _resident()) - self._before) / 1e9


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def measure(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """What the work returned, and the median of its times; short work is repeated, so that it means something."""
    walls: list[float] = []
    processors: list[float] = []
    repeats, gigabytes, answer = 1, 0.0, None
    while len(walls) < repeats:
        with Peak() as peak:
            cpu, wall = time.process_time(), time.perf_counter()
            answer = work()
            walls.append(time.perf_counter() - wall)
            processors.append(time.process_time() - cpu)
        gigabytes = max(gigabytes, peak.gigabytes)
        repeats = 5 if walls[0] < 2 else 3 if walls[0] < 10 else 1
    return answer, {
        "seconds": statistics.median(walls),
        "processor_seconds": statistics.median(processors),
        "gigabytes": gigabytes,
    }
