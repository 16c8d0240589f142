"""Identification time by size of the graph, beside DoWhy.

    python benchmarks/effects/identification.py

Random directed graphs in which each node has two parents on average, one in five nodes unmeasured; the effect of a
middle node on the last one that it reaches. Each library gets the same graphs and answers the same question; DoWhy runs
in a process of its own with a time limit, since its search enumerates subsets.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import time
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from _tables import write

LIMIT = 20.0
SIZES = (10, 20, 40, 80, 200)


def random_graph(nodes: int, seed: int) -> tuple[list[tuple[str, str]], list[str], str, str]:
    """Edges, latent nodes, treatment and outcome."""
    random = np.random.default_rng(seed)
    names = [f"v{i}" for i in range(nodes)]
    edges = [
        (names[i], names[j]) for j in range(nodes) for i in range(j) if random.random() < min(1.0, 4 / nodes)
    ]
    treatment = names[nodes // 2]
    reached = {treatment}
    for a, b in edges:
        if a in reached:
            reached.add(b)
    outcome = max(reached - {treatment} or {names[-1]}, key=names.index)
    latent = [name for name in names if name not in (treatment, outcome) and random.random() < 0.2]
    return edges, latent, treatment, outcome


def ours(edges: list, latent: list[str], treatment: str, outcome: str, nodes: int) -> tuple[float, str]:
    """Seconds from edges to estimand, and the rule."""
    from aitia.graphs import Graph
    from aitia.identification import Effect, identify

    started = time.perf_counter()
    graph = Graph.build([f"v{i}" for i in range(nodes)], edges, latent=latent)
    found = identify(graph, Effect(treatment, outcome))
    return time.perf_counter() - started, str(getattr(found, "rule", "not identified"))


def _dowhy(pipe, edges: list, latent: list[str], treatment: str, outcome: str, nodes: int) -> None:
    warnings.simplefilter("ignore")
    import logging

    import networkx
    from dowhy.causal_identifier import AutoIdentifier, BackdoorAdjustment, EstimandType

    logging.disable(logging.CRITICAL)
    graph = networkx.DiGraph(edges)
    graph.add_nodes_from(f"v{i}" for i in range(nodes))
    observed = [name for name in graph.nodes if name not in latent]
    identifier = AutoIdentifier(EstimandType.NONPARAMETRIC_ATE, BackdoorAdjustment.BACKDOOR_DEFAULT)
    pipe.send("ready")
    started = time.perf_counter()
    found = identifier.identify_effect(
        graph, action_nodes=[treatment], outcome_nodes=[outcome], observed_nodes=observed
    )
    rule = next((kind for kind, each in (found.estimands or {}).items() if each), "not identified")
    pipe.send((time.perf_counter() - started, rule))


def dowhy(*arguments: object) -> tuple[float, str]:
    """The same by DoWhy, or the limit."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_dowhy, args=(there, *arguments))
    process.start()
    here.recv()
    answer = here.recv() if here.poll(LIMIT) else (LIMIT, "out of time")
    process.terminate()
    process.join()
    return answer


def main(graphs: int) -> None:
    """Time every size and write the table."""
    lines = [
        "| nodes | graphs | aitia, median ms | aitia, worst ms | DoWhy, median ms | DoWhy, worst ms | times ours |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    results = []
    ours(*random_graph(10, 0), 10)
    for nodes in SIZES:
        mine = [ours(*random_graph(nodes, seed), nodes)[0] for seed in range(graphs)]
        theirs = (
            [dowhy(*random_graph(nodes, seed), nodes)[0] for seed in range(graphs)] if nodes <= 80 else []
        )
        row = {"nodes": nodes, "ours": mine, "dowhy": theirs}
        results.append(row)
        cells = [f"{statistics.median(mine) * 1e3:.3g}", f"{max(mine) * 1e3:.3g}"]
        if theirs:
            late = f" ({sum(t >= LIMIT for t in theirs)} of {graphs} stopped at {LIMIT:g} s)"
            stopped = late if max(theirs) >= LIMIT else ""
            cells += [f"{statistics.median(theirs) * 1e3:.4g}", f"{max(theirs) * 1e3:.4g}{stopped}"]
            cells += [f"{statistics.median(theirs) / statistics.median(mine):.3g}"]
        else:
            cells += ["", "", ""]
        lines.append(f"| {nodes} | {graphs} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    Path(__file__).with_name("identification.json").write_text(json.dumps(results) + "\n")
    write("\n".join(lines), "identification")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--graphs", type=int, default=20, help="random graphs of each size")
    main(parser.parse_args().graphs)
