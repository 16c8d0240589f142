"""One row of the table, in a process of its own: ``python _row.py TASK LIBRARY ROWS SEEDS``; prints JSON.

The process warms up on a small sample (imports, compilation, thread pools), then does the work on the same
generated rows as every other library, and reads its own peak memory.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

from _generator import TRUTH, generate
from _tasks import TASKS

sys.path.insert(0, str(Path(__file__).parents[1]))
from _measure import measure


def main(task_name: str, library: str, rows: int, seeds: int) -> dict[str, object]:
    """Seconds (wall and processor), memory, and over seeds bias and coverage."""
    task = next(each for each in TASKS if each.name == task_name)
    work = task.libraries[library]()
    work(generate(2_000, seed=1))
    columns = generate(rows)
    (value, error), spent = measure(lambda: work(columns))
    found = {
        "task": task_name,
        "library": library,
        "rows": rows,
        **spent,
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
