"""Seconds from a fresh process to a first answer: import, compile, fit by SVI, query.

    python benchmarks/programs/first_answer.py

Runs the small program of docs/rooms/programs.md in a process of its own, first with an empty cache of compiled code,
then again with what that run left. The table goes between its markers in ``benchmarks/README.md``.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from _tables import first_and_second_run, write

SCRIPT = """
import json, time
start = time.perf_counter()
import numpy as np
import numpyro.distributions as dist
from aitia.programs import Program, parameter
from aitia.programs.inference import SVI

def dose():
    return dist.Normal(0, 1)

def pain(dose, *, usual=parameter(dist.Normal(0, 5)), slope=parameter(dist.Normal(0, 5)),
         spread=parameter(dist.HalfNormal(5))):
    return dist.Normal(usual + slope * dose, spread)

def sleeps(pain, *, usual=parameter(dist.Normal(0, 2)), slope=parameter(dist.Normal(0, 2))):
    return dist.Bernoulli(logits=usual + slope * pain)

random = np.random.default_rng(0)
doses = random.normal(size=1000)
pains = 3 - 2 * doses + random.normal(size=1000)
slept = (random.random(1000) < 1 / (1 + np.exp(0.5 * pains - 1))).astype(int)
ready = time.perf_counter()
fitted = Program([dose, pain, sleeps]).fit({"dose": doses, "pain": pains, "sleeps": slept}, SVI())
fit = time.perf_counter()
answer = fitted.query("sleeps", do={"dose": 1.0})
done = time.perf_counter()
print(json.dumps({"import": ready - start, "fit": fit - ready, "query": done - fit, "mean": answer.mean}))
"""


def main() -> str:
    """The table."""
    lines = [
        "| | import s | fit by SVI s | query s | whole process s |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for words, found in first_and_second_run(SCRIPT, "XDG_CACHE_HOME"):
        lines.append(
            f"| {words} | {found['import']:.1f} | {found['fit']:.1f} | {found['query']:.1f} | {found['whole']:.1f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    table = main()
    print(table)
    write(table, "first answer")
