"""aitia, as a user would call it; each function returns a mark matrix and the number of tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from _problems import Problem
from _score import marks_of

from aitia import discovery
from aitia.discovery import Algorithm, Observations

Found = tuple[np.ndarray, int]


def observed(problem: Problem) -> Observations:
    """The rows as the library takes them; moments are not yet made."""
    discrete = [problem.discrete] * len(problem.names)
    return Observations.of_values(problem.names, problem.values, discrete)


def run(algorithm: Algorithm, problem: Problem) -> Found:
    """One algorithm on fresh observations: the pass over the rows is counted."""
    # Networks hold columns that others determine; the peers search all the same.
    found = algorithm.run(observed(problem), show_progress=False, allow_determined=True)
    return marks_of(found.graph, problem.names), found.tests


def pc(problem: Problem) -> Found:
    """PC-stable with Fisher's z."""
    return run(discovery.PC(discovery.FisherZ(), alpha=0.01), problem)


def pc_discrete(problem: Problem) -> Found:
    """PC-stable with G2, degrees of freedom as the peer counts them."""
    return run(discovery.PC(discovery.GSquared(thin=0), alpha=0.01), problem)


def fci(problem: Problem) -> Found:
    """FCI with all ten rules."""
    return run(discovery.FCI(discovery.FisherZ(), alpha=0.01), problem)


# causal-learn's BOSS and GRaSP price a parent at 2 log n unless told otherwise: four times BIC's own price.
SAME_PRICE = discovery.GaussianBIC(discount=4)


def boss(problem: Problem) -> Found:
    """BOSS with BIC at the peer's price."""
    return run(discovery.BOSS(SAME_PRICE), problem)


def boss_once(problem: Problem) -> Found:
    """The same from one order alone, as the peer does."""
    return run(discovery.BOSS(SAME_PRICE, starts=1), problem)


def boss_default(problem: Problem) -> Found:
    """BOSS as it comes: the extended BIC."""
    return run(discovery.BOSS(), problem)


def grasp(problem: Problem) -> Found:
    """GRaSP with BIC at the peer's price."""
    return run(discovery.GRaSP(SAME_PRICE), problem)


def grasp_once(problem: Problem) -> Found:
    """The same from one order alone, as the peer does."""
    return run(discovery.GRaSP(SAME_PRICE, starts=1), problem)


def ges(problem: Problem) -> Found:
    """GES with BIC at the same price."""
    return run(discovery.GES(SAME_PRICE), problem)


def boss_discrete(problem: Problem) -> Found:
    """BOSS with BDeu."""
    return run(discovery.BOSS(discovery.BDeu()), problem)


def direct_lingam(problem: Problem) -> Found:
    """DirectLiNGAM with the pairwise likelihood ratio."""
    return run(discovery.DirectLiNGAM(), problem)


def dagma(problem: Problem) -> Found:
    """DAGMA on standardised columns."""
    return run(discovery.DAGMA(), problem)


def pcmci_plus(problem: Problem) -> Found:
    """PCMCI+ with partial correlations; the marks of all lags side by side."""
    lags = len(problem.parents) - 1
    found = discovery.PCMCIPlus(max_lag=lags, alpha=0.01).run(observed(problem), show_progress=False)
    names = [*problem.names, *(f"{name}.lag{k}" for k in range(1, lags + 1) for name in problem.names)]
    return lagged_marks(marks_of(found.graph, tuple(names)), len(problem.names), lags), found.tests


def lagged_marks(marks: np.ndarray, p: int, lags: int) -> np.ndarray:
    """The edges into the present, lag by lag: shape ((lags + 1) p, p) padded to a square with nothing."""
    out = np.zeros_like(marks)
    out[:, :p] = marks[:, :p]
    out[:p, p:] = marks[:p, p:]
    return out


def bootstrap_pc(problem: Problem) -> Found:
    """200 block-bootstrap replicates of PC."""
    found = discovery.stability(
        discovery.PC(discovery.FisherZ(), alpha=0.01), observed(problem), replicates=200, show_progress=False
    )
    return marks_of(found.consensus, problem.names), 0


WORK: dict[str, Any] = {
    "pc": pc,
    "pc discrete": pc_discrete,
    "fci": fci,
    "boss": boss,
    "boss default": boss_default,
    "boss, one order": boss_once,
    "grasp": grasp,
    "grasp, one order": grasp_once,
    "ges": ges,
    "boss discrete": boss_discrete,
    "directlingam": direct_lingam,
    "dagma": dagma,
    "pcmci+": pcmci_plus,
    "pc bootstrap": bootstrap_pc,
}
