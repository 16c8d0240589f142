"""Make the table of benchmarks of networks: ours beside the published searches and what else users would take.

    python benchmarks/networks/run.py                      # everything that is installed
    python benchmarks/networks/run.py --only sentences     # tasks whose key contains this
    python benchmarks/networks/run.py --library aitia

Rows run one after the other, each in a process of its own, after a first call that compiles. Results go to
``results.json`` beside this file and, as a table, between the markers in ``benchmarks/README.md``. Needs
``pip install pycocotools`` beside ``aitia[networks]``, and the pairs of sentences of SNLI; rows that miss something are
left out, with the reason.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from _tasks import TASKS

sys.path.insert(0, str(Path(__file__).parents[1]))
from _tables import row_parser, run_tasks, versions, write

PACKAGES = {
    "aitia": "aitia",
    "NumPy": "numpy",
    "pycocotools": "pycocotools",
    "scikit-learn": "scikit-learn",
    "PyTorch": "torch",
}


def table(results: list[dict]) -> str:
    """The results as Markdown, ratios to ours."""
    lines = [
        "| work | library | seconds | processor s | times ours | answers | peak GB | |",
        "| --- | --- | ---: | ---: | ---: | --- | ---: | --- |",
    ]
    for task in TASKS:
        here = {
            each["library"]: each for each in results if (each["task"], each["size"]) == (task.key, task.size)
        }
        ours = here.get("aitia")
        ours = None if ours is None or "unfinished" in ours else ours
        for library in task.libraries:
            if library not in here:
                continue
            each = here[library]
            if "unfinished" in each:
                lines.append(f"| {task.words} | {library} | > {each['unfinished']:g} | | | | | stopped |")
                continue
            if "rate" in each:
                said = f"{each['rate']:.2g} words / s"
                ratio = f"{ours['rate'] / each['rate']:.3g}" if ours else ""
            else:
                said = _agreement(ours["found"], each["found"]) if ours and each.get("found") else ""
                ratio = f"{each['processor'] / ours['processor']:,.3g}" if ours else ""
            lines.append(
                f"| {task.words} | {library} | {each['seconds']:.3g} | {each['processor']:.3g} | {ratio} | {said} | "
                f"{each['gigabytes']:.2f} | {each.get('note', '')} |"
            )
    return "\n".join([*lines, "", versions(PACKAGES)])


def _agreement(ours: list, theirs: list) -> str:
    """What was found, beside ours."""
    if ours is theirs:
        return ""
    if {name for name, _ in theirs} <= {name for name, _ in ours} and len(theirs[0][0]) < 30:
        held = dict(map(tuple, ours))
        return f"equal to {max(abs(held[name] - value) for name, value in theirs):.0e}"
    pairs = list(zip(ours, theirs, strict=False))
    scores = sum(abs(one[1] - other[1]) < 1e-12 for one, other in pairs)
    both = sum(one[0] == other[0] and abs(one[1] - other[1]) < 1e-12 for one, other in pairs)
    if both == len(pairs):
        return f"the same formula and score, {both} of {len(pairs)}"
    if scores == len(pairs):
        return f"the same score, {scores} of {len(pairs)}"
    means = [np.mean([pair[side][1] for pair in pairs]) for side in (1, 0)]
    return f"the same score in {scores} of {len(pairs)}; {means[0]:.4f} on average, ours {means[1]:.4f}"


if __name__ == "__main__":
    results = run_tasks(
        Path(__file__).with_name("_row.py"),
        TASKS,
        row_parser(__doc__).parse_args(),
        "size",
        lambda found: f"{found['seconds']:.4g} s",
    )
    write(table(results), "networks")
