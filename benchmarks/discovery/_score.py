"""How far an estimated graph is from the truth: mark matrices and the counts on them.

A mark matrix has at [i, j] the mark at j of the edge i - j: 0 no edge, 1 tail, 2 arrow, 3 circle.
"""

from __future__ import annotations

import numpy as np

from aitia.graphs import Graph, Mark

CODE = {Mark.TAIL: 1, Mark.ARROW: 2, Mark.CIRCLE: 3}


def marks_of(graph: Graph, names: tuple[str, ...]) -> np.ndarray:
    """The mark matrix of a graph over these names."""
    index = {name: i for i, name in enumerate(names)}
    marks = np.zeros((len(names), len(names)), int)
    for edge in graph.edges:
        if edge.a in index and edge.b in index:
            marks[index[edge.a], index[edge.b]] = CODE[edge.mark_b]
            marks[index[edge.b], index[edge.a]] = CODE[edge.mark_a]
    return marks


def of_adjacency(parents: np.ndarray) -> np.ndarray:
    """The mark matrix of a DAG or CPDAG given as booleans, [i, j] for i -> j, both ways for i -- j."""
    parents = np.asarray(parents, bool)
    marks = np.zeros(parents.shape, int)
    joined = parents | parents.T
    marks[joined] = 1
    marks[parents & ~parents.T] = 2
    return marks


def compare(found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Structural Hamming distance (a pair counts once, whatever is wrong), precision and recall.

    Adjacency: over pairs joined. Arrowheads: over ends with an arrow.
    """
    upper = np.triu_indices(len(truth), 1)
    wrong = (found != truth) | (found != truth).T
    joined, true_joined = found[upper] > 0, truth[upper] > 0
    arrows, true_arrows = found == 2, truth == 2

    def share(part: np.ndarray, whole: np.ndarray) -> float:
        return float(part.sum() / whole.sum()) if whole.sum() else float("nan")

    return {
        "shd": int(wrong[upper].sum()),
        "adjacency_precision": share(joined & true_joined, joined),
        "adjacency_recall": share(joined & true_joined, true_joined),
        "arrow_precision": share(arrows & true_arrows, arrows),
        "arrow_recall": share(arrows & true_arrows, true_arrows),
    }
