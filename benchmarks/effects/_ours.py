"""The same work by aitia."""

from __future__ import annotations

import numpy as np
from _generator import GRAPH
from _peers import FOLDS, Answer, learners

import aitia
from aitia.estimation import AIPW, Estimator, PartiallyLinear, RegressionAdjustment, Sample
from aitia.graphs import Graph
from aitia.identification import Effect, Estimand, identify
from aitia.refutation import (
    BlockBootstrap,
    Case,
    DummyOutcome,
    PlaceboTreatment,
    RandomCommonCause,
    RandomSubset,
    battery,
)


def _estimand() -> Estimand:
    found = identify(Graph.parse(GRAPH), Effect("t", "y"))
    assert isinstance(found, Estimand)
    return found


def _estimate(columns: dict[str, np.ndarray], estimator: Estimator) -> Answer:
    estimand = _estimand()
    found = estimator.estimate(estimand, Sample.draw(aitia.read(columns), estimand))
    return found.value, found.std_error


def regression(columns: dict[str, np.ndarray]) -> Answer:
    """Identification, reading, and regression adjustment with interactions and robust errors."""
    return _estimate(columns, RegressionAdjustment())


def refuted(columns: dict[str, np.ndarray], replicates: int) -> Answer:
    """The same, and the five replicate refuters."""
    estimand = _estimand()
    table = aitia.read(columns)
    sample = Sample.draw(table, estimand)
    found = RegressionAdjustment().estimate(estimand, sample)
    five = [PlaceboTreatment(), RandomCommonCause(), RandomSubset(), BlockBootstrap(), DummyOutcome()]
    tried = battery(Case(found, sample, Graph.parse(GRAPH), table), five, replicates, show_progress=False)
    assert all(each.replicates == replicates for each in tried)
    return found.value, found.std_error


def interactive(columns: dict[str, np.ndarray], kind: str) -> Answer:
    """AIPW with the nuisance models named."""
    outcome, treatment = learners(kind)
    return _estimate(columns, AIPW(outcome=outcome, treatment=treatment, folds=FOLDS))


def partially_linear(columns: dict[str, np.ndarray], kind: str) -> Answer:
    """Partially linear DML with the models named; the treatment by least squares where linear, as for the peers."""
    from sklearn.linear_model import LinearRegression

    outcome, treatment = learners(kind)
    treatment = LinearRegression() if kind == "linear" else treatment
    return _estimate(columns, PartiallyLinear(outcome=outcome, treatment=treatment, folds=FOLDS))


def study(columns: dict[str, np.ndarray], replicates: int) -> Answer:
    """Everything, as a user runs it, with every default."""
    done = aitia.Study(columns, Effect("t", "y"), GRAPH)
    done = done.identify().estimate().refute(replicates=replicates, show_progress=False)
    assert len(done.ledger) > 0
    return done.result.value, done.result.std_error
