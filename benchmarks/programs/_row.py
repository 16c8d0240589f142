"""One row of the table, in a process of its own: ``python _row.py TASK LIBRARY``; prints JSON.

A function of `_ours` or `_peers` returns its own compile and run seconds (compilation is told apart where a library
compiles) beside what accuracy needs; this file adds memory.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from _tasks import TASKS

sys.path.insert(0, str(Path(__file__).parents[1]))
from _measure import Peak


def main(number: int, library: str) -> dict[str, object]:
    """Seconds, memory and accuracy of one library on one task."""
    task = TASKS[number]
    if library == "aitia":
        import _ours as work
    else:
        import _peers as work
    function = getattr(
        work, task.key if library == "aitia" else f"{task.key}_{library.lower().replace('.', '_')}"
    )
    with Peak() as peak:
        found = function(task.rows)
    return {"task": task.key, "rows": task.rows, "library": library, "gigabytes": peak.gigabytes, **found}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), sys.argv[2])))
