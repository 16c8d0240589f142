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

import sys
from pathlib import Path

from _tasks import TASKS

sys.path.insert(0, str(Path(__file__).parents[1]))
from _tables import row_parser, run_tasks, version, versions, write

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
    results = run_tasks(
        Path(__file__).with_name("_row.py"),
        TASKS,
        row_parser(__doc__).parse_args(),
        "rows",
        lambda found: f"{found['run']:.4f} s | error {found['error']:.3g}",
        lambda library: version(PACKAGES[library]),
    )
    write(table(results), "programs")
