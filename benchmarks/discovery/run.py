"""Make the table of discovery benchmarks: ours beside the peers, on the same rows.

    python benchmarks/discovery/run.py              # everything that is installed
    python benchmarks/discovery/run.py --only "pc"  # tasks whose name contains this
    python benchmarks/discovery/run.py --library aitia

Rows run one after the other, each in a process of its own, warm. Results go to ``results.json`` beside this file
and, as a table, between the markers in ``benchmarks/README.md``. Needs ``pip install causal-learn pgmpy lingam
tigramite dagma`` beside aitia; a library that is missing is left out. The discrete networks are read from files
beside the repository and left out where those are absent.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

from _tasks import TASKS

sys.path.insert(0, str(Path(__file__).parents[1]))
from _tables import replaced, run_row, version, versions, write

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
LIBRARIES = ("aitia", "causal-learn", "pgmpy", "lingam", "tigramite", "dagma")


def run(arguments: argparse.Namespace) -> list[dict]:
    """Run the rows asked for; rows run earlier stay in the results."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    for number, task in enumerate(TASKS):
        label = f"{task.work}: {task.name}"
        if (arguments.only and arguments.only not in label) or not task.available:
            continue
        for library in task.libraries:
            if not version(library) or (arguments.library and library != arguments.library):
                continue
            found = run_row(HERE / "_row.py", [str(number), library], f"{label} | {library}", arguments.limit)
            if found is None or "unfinished" in found:
                continue
            print(f"{label} | {library} | {found['seconds']:.4f} s | SHD {found['shd']:.1f}", flush=True)
            results = replaced(results, found, ("work", "problem", "library"))
            RESULTS.write_text(json.dumps(results) + "\n")
    return results


def table(results: list[dict]) -> str:
    """The results as Markdown, ratios to ours."""
    lines = [
        "| work | library | seconds | times ours | tests | peak GB | SHD | adjacency P / R | arrow P / R | skeleton |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- | --- | --- |",
    ]
    for task in TASKS:
        here = [each for each in results if (each["work"], each["problem"]) == (task.work, task.name)]
        ours = next((each for each in here if each["library"] == "aitia"), None)
        for library in task.libraries:
            for each in (one for one in here if one["library"] == library):
                ratio = f"{each['seconds'] / ours['seconds']:.3g}" if ours else ""
                same = ""
                if task.skeleton and ours and library == task.skeleton:
                    differing = sum(
                        len(set(a) ^ set(b)) for a, b in zip(ours["skeletons"], each["skeletons"])
                    )
                    same = "same" if not differing else f"{differing} pairs differ"
                lines.append(
                    f"| {task.work}: {task.name} | {library} | {each['seconds']:.3g} | {ratio} | "
                    f"{'' if each['tests'] is None else format(each['tests'], ',')} | {each['gigabytes']:.2f} | "
                    f"{each['shd']:.3g} | {two(each, 'adjacency')} | {two(each, 'arrow')} | {same} |"
                )
    return "\n".join([*lines, "", versions({each: each for each in LIBRARIES})])


def two(each: dict, what: str) -> str:
    """Precision and recall in one cell."""
    values = (each[f"{what}_precision"], each[f"{what}_recall"])
    return " / ".join("-" if math.isnan(value) else f"{value:.2f}" for value in values)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help="run the tasks whose name contains this")
    parser.add_argument("--library", help="run this library alone")
    parser.add_argument(
        "--limit", type=float, default=1800, help="seconds for one row, all its seeds together"
    )
    write(table(run(parser.parse_args())), "discovery")
