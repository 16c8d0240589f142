"""One row of the table, in a process of its own: ``python _row.py TASK LIBRARY``; prints JSON.

The process warms up on a small problem of the same sort (imports, compilation, thread pools), then does the work on
the same rows as every other library.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from _problems import autoregression, gaussian, network
from _score import compare
from _tasks import TASKS, truth_of

sys.path.insert(0, str(Path(__file__).parents[1]))
from _measure import measure


def work_of(library: str, name: str):
    """The function that does this work."""
    if library == "aitia":
        from _ours import WORK
    else:
        from _peers import WORK as EVERYONE

        WORK = EVERYONE[library]
    return WORK[name]


def main(number: int, library: str) -> dict[str, object]:
    """Seconds, memory and tests on the first seed; accuracy averaged over seeds; the skeletons, for agreement."""
    task = TASKS[number]
    work = work_of(library, task.work)
    if task.shared:
        work(network("asia", 500, 99))
    elif task.truth == "lagged":
        work(autoregression(3, 300, 2, 99))
    else:
        work(gaussian(8, 500, 99, degree=2.0, noise="exponential" if task.truth == "dag" else "normal"))
    problem = task.make(0)
    (marks, tests), spent = measure(lambda: work(problem))
    accuracies = [compare(marks, truth_of(task, problem))]
    skeletons = [np.flatnonzero(np.triu(marks > 0).ravel()).tolist()]
    for seed in range(1, task.seeds):
        problem = task.make(seed)
        marks, _ = work(problem)
        accuracies.append(compare(marks, truth_of(task, problem)))
        skeletons.append(np.flatnonzero(np.triu(marks > 0).ravel()).tolist())
    mean = {key: float(np.nanmean([each[key] for each in accuracies])) for key in accuracies[0]}
    return {
        "work": task.work,
        "problem": task.name,
        "library": library,
        "tests": tests,
        "seeds": task.seeds,
        **spent,
        **mean,
        "skeletons": skeletons if task.skeleton else None,
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), sys.argv[2])))
