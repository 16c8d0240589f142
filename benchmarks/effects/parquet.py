"""Regression adjustment over 20 million rows of Parquet: seconds and the peak memory of the whole process.

    python benchmarks/effects/parquet.py [--rows 20000000]

Writes the rows to a temporary file a million at a time, then reads, draws and estimates in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from _generator import GRAPH, TRUTH, generate

sys.path.insert(0, str(Path(__file__).parents[1]))
from _tables import write

WORK = """
import json, resource, sys, time
import aitia
from aitia.graphs import Graph
from aitia.identification import Effect, identify
from aitia.estimation import RegressionAdjustment, Sample
started = time.perf_counter()
estimand = identify(Graph.parse(sys.argv[2]), Effect("t", "y"))
found = RegressionAdjustment().estimate(estimand, Sample.draw(aitia.read(sys.argv[1]), estimand))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps([time.perf_counter() - started, peak, found.value, found.std_error]))
"""


def main(rows: int) -> None:
    """Write the file, run, and put the row into the README."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        writer = None
        for start in range(0, rows, 1_000_000):
            part = pa.table(generate(min(1_000_000, rows - start), seed=start))
            writer = writer or pq.ParquetWriter(path, part.schema)
            writer.write_table(part)
        assert writer is not None
        writer.close()
        size = path.stat().st_size / 1e9
        done = subprocess.run(
            [sys.executable, "-c", WORK, str(path), GRAPH], capture_output=True, text=True, check=True
        )
    seconds, peak, value, error = json.loads(done.stdout)
    lines = [
        "| rows | file GB | seconds, read to estimate | peak memory of the process, GiB | value (error) | off by |",
        "| ---: | ---: | ---: | ---: | --- | ---: |",
        f"| {rows:,} | {size:.2f} | {seconds:.1f} | {peak:.2f} | {value:.5f} ({error:.5f}) | {value - TRUTH:+.5f} |",
    ]
    print("\n".join(lines))
    write("\n".join(lines), "parquet")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=20_000_000)
    main(parser.parse_args().rows)
