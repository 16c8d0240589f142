"""Samples and estimands that the tests of nuisance estimators share."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from aitia.estimation import Sample, TreatmentKind
from aitia.identification import ALL, Effect, Estimand, Population, Rule
from aitia.identification._expression import Expectation, Symbol

EFFECTS = Path(__file__).parents[2] / ".." / "shared" / "data" / "effects"


def estimand(population: Population = ALL, rule: Rule = Rule.ADJUSTMENT) -> Estimand:
    return Estimand(
        question=Effect("t", "y", population=population),
        rule=rule,
        expression=Expectation("y", (Symbol("t"),)),
    )


def sample(
    x: np.ndarray,
    t: np.ndarray,
    y: np.ndarray,
    kind: TreatmentKind = TreatmentKind.BINARY,
    levels: tuple = (0, 1),
    **more,
) -> Sample:
    names = tuple(f"x{j}" for j in range(x.shape[1]))
    return Sample(
        outcome=np.asarray(y, float),
        treatment=np.asarray(t, float),
        treatment_kind=kind,
        treatment_levels=levels if kind is not TreatmentKind.CONTINUOUS else (),
        covariates=np.asfortranarray(x, dtype=float),
        covariate_names=names,
        covariate_groups={name: (j,) for j, name in enumerate(names)},
        names=("t", "y"),
        **more,
    )


def confounded(n: int, seed: int, p: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Covariates, logistic treatment and an outcome with effect 1 + x0 (average 1, by the symmetry of x0)."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, p))
    t = (rng.random(n) < 1 / (1 + np.exp(-0.6 * x[:, 0] + 0.4 * x[:, 1]))).astype(float)
    y = x @ np.linspace(1, -0.5, p) + (1 + x[:, 0]) * t + rng.standard_normal(n)
    return x, t, y


def strata(seed: int, n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Three strata, each with both arms: (stratum, its two dummies, t, y)."""
    rng = np.random.default_rng(seed)
    s = np.repeat([0, 1, 2], n // 3)
    t = (rng.random(len(s)) < np.array([0.3, 0.5, 0.7])[s]).astype(float)
    for each in range(3):
        t[np.flatnonzero(s == each)[:4]] = [0, 0, 1, 1]
    y = s * 1.5 + t * (1 + s) + rng.standard_normal(len(s))
    return s, np.column_stack([s == 1, s == 2]).astype(float), t, y


def stratified(s, t, y, weights=None, member=None) -> float:
    """The effect within strata, averaged over the (weighted) members."""
    w = np.ones(len(y)) if weights is None else weights
    d = np.ones(len(y), bool) if member is None else member
    total, answer = (w * d).sum(), 0.0
    for each in np.unique(s):
        a, b = (s == each) & (t == 1), (s == each) & (t == 0)
        effect = np.average(y[a], weights=w[a]) - np.average(y[b], weights=w[b])
        answer += (w * d)[s == each].sum() / total * effect
    return float(answer)


def _honest_defaults():
    path = Path(__file__).parents[2] / "benchmarks" / "effects" / "honest_defaults.py"
    spec = importlib.util.spec_from_file_location("honest_defaults", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


honest_defaults = _honest_defaults()
linear_design, nonlinear_design = honest_defaults.linear, honest_defaults.nonlinear
