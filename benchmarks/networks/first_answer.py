"""Seconds from a fresh process to the first explanations: import, compile, search.

    python benchmarks/networks/first_answer.py

Two hundred concepts, 2,000 inputs, eight units; the beam of length 3, then the exact search of length 3, in one
process; first with an empty cache of compiled code, then again with what that run left. The table goes between its
markers in ``benchmarks/README.md``.
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
from aitia.networks import Activations, Above, Beam, Exact, Inventory

random = np.random.default_rng(0)
masks = random.random((200, 2000)) < 0.2
inventory = Inventory.from_masks(masks, [f"c{each}" for each in range(200)])
values = masks.T @ random.normal(size=(200, 8)) + random.normal(size=(2000, 8))
firing = Above(1.0).fire(Activations(values))
ready = time.perf_counter()
Beam(length=3).explain(firing, inventory)
beam = time.perf_counter()
found = Exact(length=3).explain(firing, inventory)
done = time.perf_counter()
print(json.dumps({"import": ready - start, "beam": beam - ready, "exact": done - beam, "score": found[0].score}))
"""


def main() -> str:
    """The table."""
    lines = [
        "| | import s | beam s | exact s | whole process s |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for words, found in first_and_second_run(SCRIPT, "NUMBA_CACHE_DIR"):
        lines.append(
            f"| {words} | {found['import']:.1f} | {found['beam']:.1f} | {found['exact']:.2f} | {found['whole']:.1f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    table = main()
    print(table)
    write(table, "first explanation")
