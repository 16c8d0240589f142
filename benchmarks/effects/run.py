"""Make the table of effects benchmarks: ours beside the peer, on the same rows.

    python benchmarks/effects/run.py                # everything that is installed; about half an hour on two cores
    python benchmarks/effects/run.py --only refuters
    python benchmarks/effects/run.py --rows 100000  # no more rows than that

Rows run one after the other, each in a process of its own, warm. Results go to ``results.json`` beside this file
and, as a table, between the markers in ``benchmarks/README.md``. Needs ``pip install dowhy econml doubleml
statsmodels`` beside aitia; a library that is missing is left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from _tasks import SMALL, TASKS

sys.path.insert(0, str(Path(__file__).parents[1]))
from _tables import replaced, run_row, version, versions, write

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PACKAGE = {
    "aitia": "aitia",
    "DoWhy": "dowhy",
    "EconML": "econml",
    "DoubleML": "doubleml",
    "statsmodels": "statsmodels",
}


def run(arguments: argparse.Namespace) -> list[dict]:
    """Run the rows asked for; rows run earlier stay in the results."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    for task in TASKS:
        if arguments.only and arguments.only not in task.name:
            continue
        for rows in task.sizes:
            if rows > arguments.rows:
                continue
            for library in task.libraries:
                if not version(PACKAGE[library]):
                    continue
                seeds = arguments.seeds if task.coverage and rows == SMALL else 0
                label = f"{task.name} | {library} | {rows:,}"
                found = run_row(HERE / "_row.py", [task.name, library, str(rows), str(seeds)], label)
                if found is None:
                    continue
                print(f"{label} | {found['seconds']:.3f} s", flush=True)
                results = replaced(results, found, ("task", "library", "rows"))
                RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    return results


def table(results: list[dict]) -> str:
    """The results as Markdown, ratios to ours."""
    lines = [
        "| work | rows | library | seconds | times ours | processor s | peak GB | value (error) | bias | coverage |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |",
    ]
    for task in TASKS:
        for rows in task.sizes:
            here = [each for each in results if each["task"] == task.name and each["rows"] == rows]
            ours = next((each["seconds"] for each in here if each["library"] == "aitia"), None)
            for library in task.libraries:
                for each in (one for one in here if one["library"] == library):
                    ratio = f"{each['seconds'] / ours:.3g}" if ours else ""
                    accuracy = (
                        f"{each['bias']:+.4f} | {each['coverage']:.2f}" if "coverage" in each else " | "
                    )
                    lines.append(
                        f"| {task.name} | {rows:,} | {library} | {each['seconds']:.3g} | {ratio} | "
                        f"{each['processor_seconds']:.3g} | {each['gigabytes']:.2f} | "
                        f"{each['value']:.4f} ({each['std_error']:.4f}) | {accuracy} |"
                    )
    return "\n".join([*lines, "", versions(PACKAGE)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help="run the tasks whose name contains this")
    parser.add_argument("--rows", type=int, default=10**9, help="the most rows")
    parser.add_argument("--seeds", type=int, default=200, help="seeds behind bias and coverage")
    write(table(run(parser.parse_args())), "effects")
