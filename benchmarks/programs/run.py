"""Make the table of benchmarks of programs: ours beside the peers, on the same problems, in one run.

    python benchmarks/programs/run.py                 # everything that is installed
    python benchmarks/programs/run.py --only fit      # tasks whose key contains this
    python benchmarks/programs/run.py --library aitia

Rows run one after the other, each in a process of its own. Compilation (or a first call) is told apart from a warm
run. Results go to ``results.json`` beside this file and, as a table, between the markers in ``benchmarks/README.md``.
Needs ``pip install chirho pyro-ppl pymc nutpie dowhy arviz`` beside ``aitia[programs]``; a library that is missing is
left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from _tasks import TASKS

sys.path.insert(0, str(Path(__file__).parents[1]))
from _tables import replaced, run_row, version, versions, write

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PACKAGES = {
    "aitia": "aitia",
    "NumPyro": "numpyro",
    "PyMC": "pymc",
    "nutpie": "nutpie",
    "ChiRho": "chirho",
    "dowhy.gcm": "dowhy",
    "JAX": "jax",
    "torch": "torch",
}


def run(arguments: argparse.Namespace) -> list[dict]:
    """Run the rows asked for; rows run earlier stay in the results."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    for number, task in enumerate(TASKS):
        if arguments.only and arguments.only not in task.key:
            continue
        for library in task.libraries:
            if not version(PACKAGES[library]) or (arguments.library and library != arguments.library):
                continue
            label = f"{task.words} | {library}"
            found = run_row(HERE / "_row.py", [str(number), library], label, arguments.limit)
            if found is None:
                continue
            if "unfinished" in found:
                found |= {"task": task.key, "rows": task.rows, "library": library}
            else:
                print(f"{label} | {found['run']:.4f} s | error {found['error']:.3g}", flush=True)
            results = replaced(results, found, ("task", "rows", "library"))
            RESULTS.write_text(json.dumps(results) + "\n")
    return results


def table(results: list[dict]) -> str:
    """The results as Markdown, ratios to ours."""
    lines = [
        "| work | rows | library | compile s | run s | times ours | effective draws / s | error | peak GB | |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for task in TASKS:
        here = [each for each in results if (each["task"], each["rows"]) == (task.key, task.rows)]
        ours = next((each for each in here if each["library"] == "aitia"), None)
        for library in task.libraries:
            for each in (one for one in here if one["library"] == library):
                if "unfinished" in each:
                    seconds = each["unfinished"]
                    ratio = f"> {seconds / ours['run']:.3g}" if ours else ""
                    lines.append(
                        f"| {task.words} | {task.rows:,} | {library} | | > {seconds:g} | {ratio} | | | | not done in "
                        f"{seconds:g} s |"
                    )
                    continue
                rate = each.get("effective_a_second")
                ratio = f"{each['run'] / ours['run']:.3g}" if ours else ""
                lines.append(
                    f"| {task.words} | {task.rows:,} | {library} | {each['compile']:.3g} | {each['run']:.3g} | "
                    f"{ratio} | {'' if rate is None else format(rate, ',.0f')} | {each['error']:.2g} | "
                    f"{each['gigabytes']:.2f} | {each.get('note', '')} |"
                )
    return "\n".join([*lines, "", versions(PACKAGES)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help="run the tasks whose key contains this")
    parser.add_argument("--library", help="run this library alone")
    parser.add_argument("--limit", type=float, default=1800, help="seconds for one row")
    write(table(run(parser.parse_args())), "programs")
