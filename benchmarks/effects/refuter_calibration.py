"""Size and power of every refuter, measured on simulated studies; prints the table of docs/rooms/refutation.md.

python benchmarks/effects/refuter_calibration.py --studies 1000
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "refutation"))

from worlds import TRIALS, VERDICTS, Trial, World

from aitia.refutation import Verdict


def attack(trial: Trial, world: World, studies: int, start: int) -> tuple[np.ndarray, np.ndarray, float]:
    """p-values (nan where there is none), verdicts as text, seconds a study."""
    p_values, verdicts, seconds = [], [], 0.0
    for study in range(studies):
        case = world(np.random.default_rng(start + study))
        started = time.perf_counter()
        found = trial.refuter.refute(case, seed=study)
        seconds += time.perf_counter() - started
        p_values.append(np.nan if found.p_value is None else found.p_value)
        verdicts.append(found.verdict)
    return np.array(p_values), np.array(verdicts), seconds / studies


def measure(name: str, trial: Trial, studies: int) -> dict[str, object]:
    p, verdicts, seconds = attack(trial, trial.true, studies, 10_000)
    _, violated, _ = attack(trial, trial.violated, max(studies // 3, 30), 50_000)
    tested = bool(np.isfinite(p).all())
    return {
        "refuter": name,
        "size_at_5_percent": float((p < 0.05).mean()) if tested else None,
        "size_at_1_percent": float((p < 0.01).mean()) if tested else None,
        "uniform_p": float(stats.kstest(p, "uniform").pvalue) if tested else None,
        "broken_when_true": float((verdicts == Verdict.BROKEN).mean()),
        "broken_when_violated": float((violated == Verdict.BROKEN).mean()),
        "not_survived_when_violated": float((violated != Verdict.SURVIVED).mean()),
        "violation": trial.violation,
        "milliseconds": 1000 * seconds,
        "studies": studies,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--json", type=Path, help="write the numbers here too")
    chosen = parser.parse_args()
    rows = []
    print("| refuter | p < 5% | p < 1% | uniform (KS p) | broken, true | broken, violated | violation |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, trial in {**TRIALS, **VERDICTS}.items():
        row = measure(name, trial, chosen.studies if name in TRIALS else max(chosen.studies // 3, 30))
        rows.append(row)
        sizes = [row["size_at_5_percent"], row["size_at_1_percent"]]
        cells = ["" if size is None else f"{size:.1%}" for size in sizes]
        uniform = "" if row["uniform_p"] is None else f"{row['uniform_p']:.2f}"
        print(
            f"| {name} | {cells[0]} | {cells[1]} | {uniform} | {row['broken_when_true']:.1%} | "
            f"{row['broken_when_violated']:.0%} | {row['violation']} |",
            flush=True,
        )
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
