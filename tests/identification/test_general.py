"""General identification against brute force: where there is a formula, it is right."""

from __future__ import annotations

import os

import numpy as np
import pytest
from causal_oracle import Model, random_graph

from aitia.core import stream
from aitia.identification import Symbol, evaluate
from aitia.identification._general import NoFormula, interventional

CASES = 600 if os.environ.get("AITIA_SLOW") else 150


def check_interventional(model: Model, outcomes, treatments, given, expression) -> None:
    """The formula on the exact observed distribution equals the distribution in the mutilated model."""
    factor = evaluate(expression, model.joint())
    for setting in np.ndindex(*(2,) * len(treatments)):
        do = dict(zip(treatments, setting))
        truth = model.distribution(model.solve(do), (*outcomes, *given))
        if given:
            truth = truth / truth.sum(axis=tuple(range(len(outcomes))), keepdims=True)
        # Symbols beyond these are those the formula does not truly depend on: all their values must agree.
        table = factor.table
        symbols = list(factor.symbols)
        for name, level in do.items():
            if Symbol(name) in symbols:
                table = table.take(level, axis=symbols.index(Symbol(name)))
                symbols.remove(Symbol(name))
        wanted = [Symbol(name) for name in (*outcomes, *given)]
        for name in wanted:
            if name not in symbols:
                table, symbols = np.stack([table, table], axis=-1), [*symbols, name]
        rest = [s for s in symbols if s not in wanted]
        table = table.transpose([symbols.index(s) for s in (*rest, *wanted)])
        np.testing.assert_allclose(table, np.broadcast_to(truth, table.shape), atol=1e-9)


@pytest.mark.parametrize("case", range(CASES))
def test_formula_equals_the_mutilated_model(case: int):
    rng = stream(case, "general")
    graph = random_graph(rng, "abcde"[: rng.integers(3, 6)], bidirected=rng.uniform(0.1, 0.5))
    names = list(rng.permutation(graph.nodes))
    outcomes = tuple(names[: rng.integers(1, 3)])
    treatments = tuple(names[len(outcomes) : len(outcomes) + rng.integers(1, 3)])
    given = tuple(names[len(outcomes) + len(treatments) :][: rng.integers(0, 3)])
    try:
        expression = interventional(graph, outcomes, treatments, given)
    except NoFormula:
        return
    check_interventional(Model(graph, rng), outcomes, treatments, given, expression)
