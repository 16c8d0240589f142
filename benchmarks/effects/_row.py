"""One row of the table, in a process of its own: ``python _row.py TASK LIBRARY ROWS SEEDS``; prints JSON.

The process warms up on a small sample (imports, compilation, thread pools), then does the work on the same
generated rows as every other library, and reads its own peak memory.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import threading
import time
from pathlib import Path

from _generator import TRUTH, generate
from _tasks import TASKS


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


def main(task_name: str, library: str, rows: int, seeds: int) -> dict[str, object]:
    """Seconds (wall and processor), memory, and over seeds bias and coverage."""
    task = next(each for each in TASKS if each.name == task_name)
    work = task.libraries[library]()
    work(generate(2_000, seed=1))
    columns = generate(rows)
    walls, processors = [], []
    repeats = 1
    while len(walls) < repeats:
        with Peak() as peak:
            cpu, wall = time.process_time(), time.perf_counter()
            value, error = work(columns)
            walls.append(time.perf_counter() - wall)
            processors.append(time.process_time() - cpu)
        # Short work is repeated, so that the median means something.
        repeats = 5 if walls[0] < 2 else 3 if walls[0] < 10 else 1
    found = {
        "task": task_name,
        "library": library,
        "rows": rows,
        "seconds": statistics.median(walls),
        "processor_seconds": statistics.median(processors),
        "gigabytes": peak.gigabytes,
        "value": value,
        "std_error": error,
    }
    if seeds:
        answers = [work(generate(rows, seed=100 + seed)) for seed in range(seeds)]
        found["seeds"] = seeds
        found["bias"] = statistics.fmean(value for value, _ in answers) - TRUTH
        found["coverage"] = statistics.fmean(abs(value - TRUTH) < 1.96 * error for value, error in answers)
    return found


if __name__ == "__main__":
    name, who, n, count = sys.argv[1:]
    print(json.dumps(main(name, who, int(n), int(count))))
