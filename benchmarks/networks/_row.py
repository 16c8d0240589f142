"""One row of the table, in a process of its own: ``python _row.py TASK LIBRARY``; prints JSON.

A function of `_ours` or `_peers` gives seconds and processor seconds for one unit (or layer, or probe: what the row's
words count) beside what it found; this file adds the most memory that the process ever held.
"""

from __future__ import annotations

import json
import resource
import sys

from _problems import NoData
from _tasks import LIBRARIES, TASKS


def main(number: int, library: str) -> dict[str, object]:
    """Times, memory and answers of one library on one task."""
    task = TASKS[number]
    if library == "aitia":
        import _ours as work
    else:
        import _peers as work
    function = getattr(work, task.key + LIBRARIES[library])
    try:
        found = function(task.size)
    except NoData as reason:
        return {"skipped": str(reason)}
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {"task": task.key, "size": task.size, "library": library, "gigabytes": held, **found}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), sys.argv[2])))
