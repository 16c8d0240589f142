"""Simulated studies in which an assumption holds or is violated: what size and power of refuters are measured
on.

`benchmarks/effects/refuter_calibration.py` makes the table in the documentation from the same worlds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from sklearn.linear_model import LogisticRegression

import aitia
from aitia.estimation import IPW, Fit, RegressionAdjustment, Sample, TreatmentKind
from aitia.graphs import Graph
from aitia.identification import ALL, Effect, Estimand, Population, identify
from aitia.refutation import (
    Balance,
    BlockBootstrap,
    Case,
    DummyOutcome,
    EstimatorDisagreement,
    GraphFalsification,
    ImpliedIndependences,
    NegativeControlExposure,
    NegativeControlOutcome,
    Overlap,
    PlaceboTreatment,
    RandomCommonCause,
    RandomSubset,
    Refuter,
    SimulatedTruth,
)


@cache
def adjusting(names: tuple[str, ...], population: Population = ALL) -> Estimand:
    """The effect of t on y identified by adjusting for these covariates."""
    arrows = "; ".join(f"{name} -> t; {name} -> y" for name in names)
    found = identify(
        Graph.parse(f"{arrows}; t -> y"), Effect("t", "y", population=population), required=names
    )
    assert isinstance(found, Estimand) and set(found.adjustment) == set(names)
    return replace(found, adjustment=names)


GRAPH = Graph.parse("a -> t; b -> t; a -> y; b -> y; c -> y; t -> y")


@dataclass(frozen=True)
class Overconfident(RegressionAdjustment):
    """Regression adjustment that reports a standard error a quarter too small."""

    def _fit(self, estimand, sample, seed) -> Fit:
        fit = super()._fit(estimand, sample, seed)
        error = fit.std_error
        if error is None:
            assert fit.influence is not None
            error = float(np.sqrt((fit.influence**2).sum()) / sample.n)
        return replace(fit, std_error=0.75 * error, interval=None)


def study(
    x: np.ndarray,
    t: np.ndarray,
    y: np.ndarray,
    *,
    estimator=None,
    graph: Graph | None = None,
    extra: dict[str, np.ndarray] | None = None,
    clusters: np.ndarray | None = None,
) -> Case:
    """An estimated study of arrays; `extra` columns are in the table only."""
    names = (
        tuple("abcdefghijklmnopqrs"[: x.shape[1]])
        if x.shape[1] <= 19
        else tuple(f"x{j}" for j in range(x.shape[1]))
    )
    kind = TreatmentKind.BINARY if np.isin(t, (0.0, 1.0)).all() else TreatmentKind.CONTINUOUS
    sample = Sample(
        outcome=y,
        treatment=t,
        treatment_kind=kind,
        treatment_levels=(0.0, 1.0) if kind is TreatmentKind.BINARY else (),
        covariates=np.asfortranarray(x),
        covariate_names=names,
        covariate_groups={name: (j,) for j, name in enumerate(names)},
        clusters=clusters,
        names=("t", "y"),
    )
    estimand = adjusting(names)
    estimate = (estimator or RegressionAdjustment()).estimate(estimand, sample)
    table = None
    if extra is not None:
        table = aitia.read({**dict(zip(names, x.T, strict=True)), "t": t, "y": y, **extra})
    return Case(estimate, sample, graph, table)


def linear(
    random: np.random.Generator,
    n: int = 500,
    *,
    curved: float = 0.0,
    curved_treatment: float = 0.0,
    varying: float = 0.0,
    hidden: float = 0.0,
    edge: float = 0.0,
    site: float = 0.0,
    rare: float = 0.0,
    estimator=None,
) -> Case:
    """Three covariates, logistic treatment, linear outcome with effect 1; each option plants one violation.

    Args:
        random: draws everything.
        n: rows.
        curved: a^2 in the outcome.
        curved_treatment: a^2 in the treatment's log odds.
        varying: the effect varies by this times a.
        hidden: an unmeasured confounder.
        edge: c -> t, which `GRAPH` does not have.
        site: sites of 20 neighbouring rows share treatment and noise.
        rare: the log odds of treatment are lower by this.
        estimator: the estimator under attack.
    """
    x = random.normal(size=(n, 3))
    u = random.normal(size=n)
    sites = np.arange(n) // 20
    index = (
        0.8 * x[:, 0]
        - 0.4 * x[:, 1]
        + curved_treatment * (x[:, 0] ** 2 - 1)
        + hidden * u
        + edge * x[:, 2]
        - rare
    )
    if site:
        t = (random.random(sites.max() + 1) < 0.5)[sites].astype(float)
    else:
        t = (random.random(n) < 1 / (1 + np.exp(-index))).astype(float)
    noise = random.normal(size=n)
    if site:
        noise = noise + site * random.normal(size=sites.max() + 1)[sites]
    y = x @ [1.0, 0.5, 0.7] + curved * x[:, 0] ** 2 + (1 + varying * x[:, 0]) * t + hidden * u + noise
    extra = {
        "site": sites.astype(float),
        "earlier": x[:, 0] + hidden * u + random.normal(size=n),
        "exposure": x[:, 1] + hidden * u + random.normal(size=n),
    }
    return study(x, t, y, estimator=estimator, graph=GRAPH, extra=extra)


def crowded(random: np.random.Generator, n: int = 60, p: int = 27) -> Case:
    """Nearly as many covariates as rows in an arm."""
    x = random.normal(size=(n, p))
    t = np.zeros(n)
    t[random.permutation(n)[: n // 2]] = 1.0
    return study(x, t, x[:, 0] + t + random.normal(size=n))


def separated(random: np.random.Generator, n: int = 500) -> Case:
    """The first covariate nearly decides the treatment."""
    x = random.normal(size=(n, 2))
    t = (random.random(n) < 1 / (1 + np.exp(-6 * x[:, 0]))).astype(float)
    return study(x, t, x[:, 0] + t + random.normal(size=n))


def wrong_graph(random: np.random.Generator, n: int = 500) -> Case:
    """The right data with a graph whose names are shuffled."""
    case = linear(random, n)
    return Case(
        case.estimate, case.sample, Graph.parse("y -> b; t -> b; y -> c; t -> c; a -> c; b -> c"), case.table
    )


World = Callable[[np.random.Generator], Case]


@dataclass(frozen=True)
class Trial:
    """A refuter, a world in which what it attacks holds, and one in which it does not.

    Args:
        refuter: the attack.
        true: the world without the violation.
        violated: the world with it.
        violation: in words.
        power: the share of broken or p < 5% that the tests ask for under the violation.
    """

    refuter: Refuter
    true: World
    violated: World
    violation: str
    power: float


TRIALS: dict[str, Trial] = {
    "placebo treatment": Trial(
        PlaceboTreatment(clusters="site"),
        linear,
        lambda random: linear(random, site=0.7),
        "sites of 20 rows share treatment and noise (intraclass correlation 0.33), ignored by the estimate",
        0.9,
    ),
    "random common cause": Trial(
        RandomCommonCause(), linear, crowded, "27 covariates for 30 rows in each arm", 0.8
    ),
    "random subset": Trial(
        RandomSubset(),
        linear,
        lambda random: linear(random, estimator=Overconfident()),
        "a standard error a quarter too small",
        0.7,
    ),
    "block bootstrap": Trial(
        BlockBootstrap(),
        linear,
        lambda random: linear(random, site=0.7),
        "sites of 20 neighbouring rows share treatment and noise",
        0.7,
    ),
    "dummy outcome": Trial(
        DummyOutcome(),
        linear,
        lambda random: linear(random, curved=0.5, curved_treatment=0.6),
        "a squared covariate in treatment and outcome, adjusted for by a straight line",
        0.9,
    ),
    "simulated truth": Trial(
        SimulatedTruth(replicates=25),
        linear,
        lambda random: linear(random, curved=0.5, curved_treatment=0.6),
        "a squared covariate in treatment and outcome, adjusted for by a straight line",
        0.8,
    ),
    "estimator disagreement": Trial(
        EstimatorDisagreement(IPW(treatment=LogisticRegression(C=np.inf))),
        lambda random: linear(random, n=1000),
        lambda random: linear(
            random, n=1000, varying=1.0, rare=1.5, estimator=RegressionAdjustment(interactions=False)
        ),
        "an effect that varies and a regression without interactions, against weighting",
        0.5,
    ),
    "balance": Trial(
        Balance(),
        lambda random: linear(random, n=1000),
        lambda random: linear(random, n=1000, curved_treatment=0.6),
        "a squared covariate in the log odds of treatment",
        0.9,
    ),
    "implied independences": Trial(
        ImpliedIndependences(),
        linear,
        lambda random: linear(random, edge=0.5),
        "an edge c -> t that the graph lacks",
        0.9,
    ),
    "negative control outcome": Trial(
        NegativeControlOutcome("earlier"),
        linear,
        lambda random: linear(random, hidden=0.7),
        "an unmeasured confounder that also moves the control outcome",
        0.8,
    ),
    "negative control exposure": Trial(
        NegativeControlExposure("exposure"),
        linear,
        lambda random: linear(random, hidden=0.7),
        "an unmeasured confounder that also moves the control exposure",
        0.9,
    ),
}
"""Refuters with a p-value: uniform in `true`, small in `violated`."""

VERDICTS: dict[str, Trial] = {
    "overlap": Trial(Overlap(), linear, separated, "a covariate that nearly decides the treatment", 0.9),
    "graph falsification": Trial(
        GraphFalsification(), linear, wrong_graph, "a graph with the right shape and shuffled names", 0.9
    ),
}
"""Refuters without a p-value: they survive `true` and do not survive `violated`."""
