"""How often searches find planted formulas, by noise and length: the table of docs/rooms/networks.md.

    python benchmarks/networks/recovery.py                                       # the table of the page
    python benchmarks/networks/recovery.py --units 4 --seeds 1 --lengths 1 2 3   # a minute, printed only

The whole table (100 units a cell) takes four minutes and replaces the one between the markers of the page. A smaller
run is printed and changes nothing.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from aitia.networks import Beam, Exact, Planted, Search, recovery
from aitia.networks.planted import Recovered

sys.path.insert(0, str(Path(__file__).parents[1]))
from _tables import version, write

PAGE = Path(__file__).parents[2] / "docs" / "rooms" / "networks.md"

NOISE = (0.0, 0.05, 0.1, 0.2)
LENGTHS = (1, 2, 3, 4, 5)
UNITS, SEEDS = 20, 5
SECONDS = 20.0  # a unit that noise has made hard may take the exact search longer

SEARCHES: dict[str, Callable[[int], Search]] = {
    "`Beam` as published": Beam,
    "`silent`": lambda length: Beam(length, silent=True),
    "`silent, distinct`, width 100": lambda length: Beam(length, 100, silent=True, distinct=True),
    "`silent, negations`": lambda length: Beam(length, silent=True, negations=True),
    "`Exact`": lambda length: Exact(length, seconds=SECONDS),
}


def planted(noise: float, length: int, units: int) -> Planted:
    """Networks of one length: 60 concepts in correlated groups of five, and as much noise of both kinds."""
    return Planted(
        lengths=(length,),
        units=units,
        concepts=60,
        inputs=2000,
        group=5,
        correlation=0.3,
        false_positives=noise,
        false_negatives=noise,
    )


def cell(found: Recovered) -> str:
    """The share found again and, in parentheses, the share that scores at least what the planted formula does."""
    return f"{found.exact.value:.2f} ({found.at_least_truth.value:.2f})"


def main() -> None:
    """The table, and the certified shares of the exact search."""
    parser = argparse.ArgumentParser(description="How often searches find planted formulas.")
    parser.add_argument("--units", type=int, default=UNITS, help="of each network, of each length")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="networks a cell")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--noise", type=float, nargs="+", default=NOISE)
    given = parser.parse_args()
    rows, unsure, widest = [], 0, 0.0
    begun = time.process_time()
    for noise in given.noise:
        for length in given.lengths:
            cells = []
            for name, search_of in SEARCHES.items():
                networks = planted(noise, length, given.units)
                (found,) = recovery(
                    search_of(length), networks, seeds=range(given.seeds), show_progress=False
                ).rows
                low, high = found.exact.interval()
                widest = max(widest, high - found.exact.value, found.exact.value - low)
                if name == "`Exact`":
                    unsure += found.certified.trials - found.certified.hits
                cells.append(cell(found))
            rows.append(f"| {noise:g} | {length} | {' | '.join(cells)} |")
            print(rows[-1], flush=True)
    lines = [
        f"| noise | length | {' | '.join(SEARCHES)} |",
        f"| --- | --- |{' --- |' * len(SEARCHES)}",
        *rows,
        "",
        f"{given.units * given.seeds} units a cell: the 95% Wilson intervals reach at most {widest:.2f} to each side. "
        f"`Exact` had {SECONDS:g} seconds a unit and certified {f'all but {unsure}' if unsure else 'all'} of its "
        f"answers. aitia {version('aitia')}, {time.process_time() - begun:.0f} s of processor time.",
    ]
    whole = (given.units, given.seeds, tuple(given.lengths), tuple(given.noise)) == (
        UNITS,
        SEEDS,
        LENGTHS,
        NOISE,
    )
    if whole:
        write("\n".join(lines), "recovery", PAGE)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
