"""The rows of the table: an algorithm, a problem, and who runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from _problems import SHARED, Problem, autoregression, gaussian, network
from _score import marks_of

from aitia.graphs import Graph, completed, pag_of


@dataclass(frozen=True)
class Task:
    """One problem for one algorithm.

    Args:
        work: the algorithm, as the tables of `_ours` and `_peers` name it.
        name: the problem in words.
        make: rows and truth, given a seed.
        libraries: who runs it.
        seeds: over how many seeds accuracy is averaged.
        truth: what a perfect answer is: ``"class"``, ``"pag"``, ``"dag"`` or ``"lagged"``.
        skeleton: the library whose skeleton ours has to equal, or None.
        shared: whether it needs the shared networks.
    """

    work: str
    name: str
    make: Callable[[int], Problem]
    libraries: tuple[str, ...]
    seeds: int = 3
    truth: str = "class"
    skeleton: str | None = None
    shared: bool = False

    @property
    def available(self) -> bool:
        """Whether the data it needs are here."""
        return not self.shared or SHARED.exists()


def truth_of(task: Task, problem: Problem) -> np.ndarray:
    """The mark matrix of a perfect answer."""
    if task.truth == "lagged":
        lags, p = len(problem.parents) - 1, len(problem.names)
        parents = np.zeros((p * (lags + 1),) * 2, bool)
        for k in range(lags + 1):
            parents[k * p : (k + 1) * p, :p] = problem.parents[k]
        marks = np.zeros(parents.shape, int)
        marks[parents], marks.T[parents] = 2, 1
        return marks
    everything = problem.names
    if problem.hidden:
        everything = tuple(f"x{i}" for i in range(len(problem.parents)))
    edges = [(everything[i], everything[j]) for i, j in zip(*np.nonzero(problem.parents))]
    graph = Graph.build(everything, edges, latent=problem.hidden)
    if task.truth == "pag":
        graph = pag_of(graph)
    elif task.truth == "class":
        graph = completed(graph)
    return marks_of(graph, problem.names)


def er(p: int, n: int, **options) -> Callable[[int], Problem]:
    """Linear Gaussian rows over an Erdos-Renyi DAG of average degree 4."""
    return partial(gaussian, p, n, **options)


OURS, CAUSAL_LEARN, PGMPY = ("aitia",), ("aitia", "causal-learn"), ("aitia", "causal-learn", "pgmpy")

TASKS = [
    Task("pc", "ER, p = 20, n = 1e3", lambda s: gaussian(20, 1_000, s), PGMPY, skeleton="causal-learn"),
    Task(
        "pc", "ER, p = 50, n = 1e4", lambda s: gaussian(50, 10_000, s), CAUSAL_LEARN, skeleton="causal-learn"
    ),
    Task(
        "pc",
        "ER, p = 100, n = 1e4",
        lambda s: gaussian(100, 10_000, s),
        CAUSAL_LEARN,
        seeds=1,
        skeleton="causal-learn",
    ),
    Task(
        "pc",
        "scale-free, p = 100, n = 1e4",
        lambda s: gaussian(100, 10_000, s, graph="sf"),
        CAUSAL_LEARN,
        seeds=1,
        skeleton="causal-learn",
    ),
    Task("pc", "ER, p = 1,000, n = 1e4", lambda s: gaussian(1_000, 10_000, s), OURS, seeds=1),
    Task("pc", "ER, p = 100, n = 1e6", lambda s: gaussian(100, 1_000_000, s), OURS, seeds=1),
    Task(
        "pc bootstrap",
        "200 replicates, ER, p = 50, n = 1e5",
        lambda s: gaussian(50, 100_000, s),
        OURS,
        seeds=1,
    ),
    Task(
        "fci",
        "ER, p = 50 and 5 hidden, n = 1e4",
        lambda s: gaussian(50, 10_000, s, hidden=5),
        CAUSAL_LEARN,
        truth="pag",
    ),
    *(
        Task(work, f"{kind}, p = 50, n = {label}", make, CAUSAL_LEARN, seeds=1 if work == "ges" else 3)
        for work in ("boss", "grasp", "ges")
        for kind, label, make in (
            ("ER", "1e3", lambda s: gaussian(50, 1_000, s)),
            ("ER", "1e4", lambda s: gaussian(50, 10_000, s)),
            ("scale-free", "1e4", lambda s: gaussian(50, 10_000, s, graph="sf")),
        )
    ),
    *(
        Task(f"{work}, one order", f"{kind}, p = 50, n = {label}", make, OURS, seeds=3)
        for work in ("boss", "grasp")
        for kind, label, make in (
            ("ER", "1e3", lambda s: gaussian(50, 1_000, s)),
            ("ER", "1e4", lambda s: gaussian(50, 10_000, s)),
            ("scale-free", "1e4", lambda s: gaussian(50, 10_000, s, graph="sf")),
        )
    ),
    Task("boss default", "ER, p = 50, n = 1e3", lambda s: gaussian(50, 1_000, s), OURS),
    Task("boss default", "ER, p = 500, n = 1e4", lambda s: gaussian(500, 10_000, s), OURS, seeds=1),
    Task("ges", "ER, p = 200, n = 1e4", lambda s: gaussian(200, 10_000, s), OURS, seeds=1),
    *(
        Task(
            "pc discrete",
            f"{name}, n = 1e4",
            partial(network, name, 10_000),
            PGMPY if name == "asia" else CAUSAL_LEARN,
            seeds=1,
            skeleton="causal-learn",
            shared=True,
        )
        for name in ("asia", "child", "insurance", "alarm", "hailfinder")
    ),
    *(
        Task("boss discrete", f"{name}, n = 1e4", partial(network, name, 10_000), OURS, seeds=1, shared=True)
        for name in ("asia", "child", "insurance", "alarm", "hailfinder")
    ),
    *(
        Task(
            "directlingam",
            f"ER, exponential noise, p = {p}, n = 1e4",
            partial(gaussian, p, 10_000, noise="exponential"),
            ("aitia", "lingam"),
            seeds=1,
            truth="dag",
        )
        for p in (20, 50)
    ),
    Task("dagma", "ER, p = 20, n = 1e4", lambda s: gaussian(20, 10_000, s), ("aitia", "dagma"), truth="dag"),
    Task(
        "pcmci+",
        "10 series, 1,000 steps, 3 lags",
        lambda s: autoregression(10, 1_000, 3, s),
        ("aitia", "tigramite"),
        truth="lagged",
    ),
]
