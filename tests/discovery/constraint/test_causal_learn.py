"""The same skeletons as causal-learn, given the same test and level; where they differ, the truth says who is right.

The references were made with causal-learn 0.1.4.8:

    from causallearn.search.ConstraintBased.PC import pc
    from causallearn.search.ConstraintBased.FCI import fci
    pc(codes, 0.01, "gsq", True, 0).G.graph        # asia: the codes of each column in alphabetic order of values
    pc(rows, 0.01, "fisherz", True, 0).G.graph     # the rows of `gaussian` below
    fci(rows[:, SHOWN], "fisherz", 0.01)[0].graph
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from random_worlds import skeleton_of

from aitia.discovery import FisherZ, GSquared, Observations, Oracle
from aitia.discovery.constraint import FCI, PC
from aitia.graphs import Graph, pag_of

ASIA = (
    Path(__file__).parents[3]
    / ".."
    / "shared"
    / "data"
    / "discovery"
    / "bnlearn_discrete_10000"
    / "data"
    / "asia.txt"
)
ASIA_PAIRS = [(1, 5), (2, 3), (2, 4), (3, 5), (4, 7)]
GAUSSIAN_PAIRS = [
    (0, 2), (0, 5), (0, 7), (0, 10), (1, 4), (1, 9), (1, 14), (2, 3), (2, 4), (2, 6), (2, 8), (2, 12), (3, 14),
    (4, 9), (4, 14), (5, 9), (6, 14), (7, 12), (8, 10), (9, 11), (11, 13), (13, 14),
]  # fmt: skip
SHOWN = [i for i in range(15) if i not in (0, 4)]
FCI_PAIRS = [
    (0, 7), (0, 12), (1, 2), (1, 3), (1, 4), (1, 8), (1, 10), (2, 12), (3, 5), (3, 7), (3, 8), (4, 12), (5, 8),
    (5, 10), (6, 8), (7, 9), (9, 11), (11, 12),
]  # fmt: skip


def gaussian() -> tuple[np.ndarray, np.ndarray]:
    """2,000 rows of a linear model over 15 variables, and its coefficients."""
    random = np.random.default_rng(12)
    weights = (
        np.triu(random.random((15, 15)) < 3.5 / 14, 1)
        * random.uniform(0.3, 1, (15, 15))
        * random.choice([-1.0, 1.0], (15, 15))
    )
    noise = random.standard_normal((2000, 15))
    return np.linalg.solve((np.eye(15) - weights).T, noise.T).T, weights


def named(pairs) -> set[frozenset[str]]:
    return {frozenset((f"x{a}", f"x{b}")) for a, b in pairs}


@pytest.mark.parametrize("alpha", [0.01, 0.05])
@pytest.mark.skipif(not ASIA.exists(), reason="the shared data are not beside the repository")
def test_asia_by_g2(alpha):
    raw = np.loadtxt(ASIA, skiprows=1, dtype=str)
    codes = np.column_stack([np.unique(column, return_inverse=True)[1] for column in raw.T])
    data = Observations.of_values([f"x{i}" for i in range(8)], codes, [True] * 8)
    assert skeleton_of(PC(GSquared(), alpha).run(data).graph) == named(ASIA_PAIRS)


def test_a_linear_gaussian_model_by_fisher_z():
    rows, _ = gaussian()
    data = Observations.of_values([f"x{i}" for i in range(15)], rows)
    assert skeleton_of(PC(FisherZ()).run(data).graph) == named(GAUSSIAN_PAIRS)


def test_the_same_model_with_two_hidden_variables_by_fci():
    rows, weights = gaussian()
    names = [f"x{i}" for i in range(15)]
    data = Observations.of_values([names[i] for i in SHOWN], np.asfortranarray(rows[:, SHOWN]))
    ours = skeleton_of(FCI(FisherZ()).run(data).graph)
    theirs = named([(SHOWN[a], SHOWN[b]) for a, b in FCI_PAIRS])
    truth = Graph.build(
        names, [(names[a], names[b]) for a, b in zip(*weights.nonzero())], latent=["x0", "x4"]
    )
    # causal-learn also tests sets of variables that cannot be ancestors, and one of these cuts x9 - x12: rightly, as
    # the truth says; that pair is our error at this size. Over 25 such worlds of 3,000 rows 17 skeletons were the
    # same, and ours had 66 wrong pairs where causal-learn's had 65.
    assert ours ^ theirs == named([(9, 12)])
    assert not ours & named([(9, 12)]) & skeleton_of(pag_of(truth))
    exact = FCI(Oracle(truth)).run(Observations.of_names(truth.observed))
    assert exact.graph == pag_of(truth)
