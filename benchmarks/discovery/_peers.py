"""The peers, each as its documentation calls it; each function returns a mark matrix and the number of tests or None.

Peers that print or draw progress are told not to.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
from _problems import Problem
from _score import of_adjacency

Found = tuple[np.ndarray, int | None]


def _of_causal_learn(graph: np.ndarray) -> np.ndarray:
    """causal-learn keeps the mark at i of the edge i - j at [i, j]: -1 tail, 1 arrow, 2 circle."""
    marks = np.zeros(graph.shape, int)
    marks[graph.T == -1], marks[graph.T == 1], marks[graph.T == 2] = 1, 2, 3
    return marks


def _quietly(work: Callable[[], Any]) -> Any:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return work()


def causal_learn_pc(problem: Problem) -> Found:
    """PC-stable with Fisher's z or G2."""
    from causallearn.search.ConstraintBased.PC import pc

    test = "gsq" if problem.discrete else "fisherz"
    found = _quietly(
        lambda: pc(np.ascontiguousarray(problem.values), 0.01, test, stable=True, show_progress=False)
    )
    return _of_causal_learn(found.G.graph), None


def causal_learn_fci(problem: Problem) -> Found:
    """FCI with Fisher's z."""
    from causallearn.search.ConstraintBased.FCI import fci

    graph, _ = _quietly(
        lambda: fci(np.ascontiguousarray(problem.values), "fisherz", 0.01, show_progress=False)
    )
    return _of_causal_learn(graph.graph), None


def causal_learn_boss(problem: Problem) -> Found:
    """BOSS with its BIC: 2 log n a parent."""
    from causallearn.search.PermutationBased.BOSS import boss

    graph = _quietly(lambda: boss(problem.values, "local_score_BIC_from_cov", verbose=False))
    return _of_causal_learn(graph.graph), None


def causal_learn_grasp(problem: Problem) -> Found:
    """GRaSP with its BIC: 2 log n a parent."""
    from causallearn.search.PermutationBased.GRaSP import grasp

    graph = _quietly(lambda: grasp(problem.values, "local_score_BIC_from_cov", verbose=False))
    return _of_causal_learn(graph.graph), None


def causal_learn_ges(problem: Problem) -> Found:
    """GES with BIC at the price of the other two."""
    from causallearn.search.ScoreBased.GES import ges

    found = _quietly(lambda: ges(problem.values, "local_score_BIC", parameters={"lambda_value": 2}))
    return _of_causal_learn(found["G"].graph), None


def pgmpy_pc(problem: Problem) -> Found:
    """PC-stable of pgmpy."""
    import pandas as pd
    from pgmpy.estimators import PC

    frame = pd.DataFrame(problem.values, columns=list(problem.names))
    if problem.discrete:
        frame = frame.astype(int).astype("category")
    test = "g_sq" if problem.discrete else "pearsonr"
    found = _quietly(
        lambda: PC(frame).estimate(
            variant="stable",
            ci_test=test,
            significance_level=0.01,
            return_type="cpdag",
            show_progress=False,
            max_cond_vars=10,
        )
    )
    index = {name: i for i, name in enumerate(problem.names)}
    parents = np.zeros((len(index), len(index)), bool)
    for a, b in found.directed_edges:
        parents[index[a], index[b]] = True
    for a, b in found.undirected_edges:
        parents[index[a], index[b]] = parents[index[b], index[a]] = True
    return of_adjacency(parents), None


def lingam_direct(problem: Problem) -> Found:
    """DirectLiNGAM of the package lingam."""
    import lingam

    model = lingam.DirectLiNGAM()
    _quietly(lambda: model.fit(problem.values))
    return of_adjacency(np.abs(model.adjacency_matrix_.T) > 0.05), None


def dagma_linear(problem: Problem) -> Found:
    """DAGMA's linear model with its defaults."""
    from dagma.linear import DagmaLinear

    weights = _quietly(lambda: DagmaLinear(loss_type="l2").fit(problem.values, lambda1=0.02))
    return of_adjacency(np.abs(weights) > 0), None


def tigramite_pcmci_plus(problem: Problem) -> Found:
    """PCMCI+ with partial correlations."""
    from tigramite import data_processing
    from tigramite.independence_tests.parcorr import ParCorr
    from tigramite.pcmci import PCMCI

    p, lags = len(problem.names), len(problem.parents) - 1
    frame = data_processing.DataFrame(np.ascontiguousarray(problem.values))
    found = _quietly(
        lambda: PCMCI(dataframe=frame, cond_ind_test=ParCorr()).run_pcmciplus(tau_max=lags, pc_alpha=0.01)
    )
    marks = np.zeros((p * (lags + 1), p * (lags + 1)), int)
    for i, j, k in zip(*np.nonzero(found["graph"] != "")):
        link = found["graph"][i, j, k]
        a, b = i + k * p, j
        marks[a, b] = 2 if link[2] == ">" else 1
        marks[b, a] = 2 if link[0] == "<" else 1
    return marks, None


WORK: dict[str, dict[str, Any]] = {
    "causal-learn": {
        "pc": causal_learn_pc,
        "pc discrete": causal_learn_pc,
        "fci": causal_learn_fci,
        "boss": causal_learn_boss,
        "grasp": causal_learn_grasp,
        "ges": causal_learn_ges,
    },
    "pgmpy": {"pc": pgmpy_pc, "pc discrete": pgmpy_pc},
    "lingam": {"directlingam": lingam_direct},
    "dagma": {"dagma": dagma_linear},
    "tigramite": {"pcmci+": tigramite_pcmci_plus},
}
