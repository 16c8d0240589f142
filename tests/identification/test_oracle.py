"""Every kind of question against worlds whose answers are known exactly.

For random small graphs and random models of them: if `identify` gives a formula, then the formula (and each
alternative), evaluated on the exact observed distribution, is the exact answer from solving the model with
the equations replaced.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from causal_oracle import Model, random_graph

from aitia.core import stream
from aitia.graphs import Graph
from aitia.identification import (
    TREATED,
    UNTREATED,
    ControlledDirect,
    Effect,
    Estimand,
    NaturalDirect,
    NaturalIndirect,
    Rule,
    evaluate,
    identify,
    subgroup,
)

CASES = 400 if os.environ.get("AITIA_SLOW") else 200
PARAMETRIC = {Rule.INSTRUMENT}


def formulas(found) -> list[Estimand]:
    """The estimand and its alternatives, without those that hold under parametric assumptions only."""
    if not found.identified:
        return []
    every = [found, *found.alternatives]
    return [each for each in every if each.rule not in PARAMETRIC]


def value(estimand: Estimand, model: Model, selected: str | None = None) -> float:
    t = estimand.question.treatment
    joint = model.joint(selected=selected)
    return float(evaluate(estimand.expression, joint, at={t: 1, t + "'": 0}))


def truth(question, model: Model) -> float:
    t, y = question.treatment, question.outcome
    natural = model.solve()
    match question:
        case Effect():
            one, zero = model.solve({t: 1})[y], model.solve({t: 0})[y]
            among = {
                "all": np.ones(len(one)),
                "treated": natural[t] == 1,
                "untreated": natural[t] == 0,
            }.get(question.population.kind.value)
            if among is None:
                among = np.all([natural[name] == 1 for name in question.population.variables], axis=0)
            return model.mean(one - zero, among)
        case ControlledDirect(mediators=mediators, levels=levels):
            held = dict(zip(mediators, levels))
            return model.mean(model.solve({t: 1, **held})[y] - model.solve({t: 0, **held})[y])
        case NaturalDirect(mediators=mediators) | NaturalIndirect(mediators=mediators):
            one, zero = model.solve({t: 1}), model.solve({t: 0})
            crossed = model.solve({t: 1, **{m: zero[m] for m in mediators}})[y]
            if isinstance(question, NaturalDirect):
                return model.mean(crossed - zero[y])
            return model.mean(one[y] - crossed)
    raise TypeError(question)


def questions(graph: Graph, rng: np.random.Generator):
    t, y, *rest = rng.permutation(graph.nodes).tolist()
    yield Effect(t, y)
    yield Effect(t, y, population=TREATED)
    yield Effect(t, y, population=UNTREATED)
    some = tuple(rest[: rng.integers(1, 3)])
    yield Effect(t, y, population=subgroup(" and ".join(f"{name} == 1" for name in some), *some))
    yield ControlledDirect(t, y, some, tuple(int(v) for v in rng.integers(0, 2, len(some))))
    mediators = tuple(each for each in some if each in graph.descendants(t)) or some
    yield NaturalDirect(t, y, mediators)
    yield NaturalIndirect(t, y, mediators)


@pytest.mark.parametrize("case", range(CASES))
def test_every_formula_is_the_exact_answer(case: int):
    rng = stream(case, "oracle")
    graph = random_graph(rng, "abcde"[: rng.integers(3, 6)], bidirected=rng.uniform(0.0, 0.4))
    model = Model(graph, rng)
    for question in questions(graph, rng):
        right = truth(question, model)
        for rules in (None, [Rule.GENERAL]):
            for each in formulas(identify(graph, question, rules=rules)):
                assert value(each, model) == pytest.approx(right, abs=1e-9), (graph, question, each.text())


@pytest.mark.parametrize("case", range(CASES))
def test_formulas_from_selected_rows_answer_for_everyone(case: int):
    rng = stream(case, "selection")
    graph = random_graph(rng, "abcd", bidirected=rng.uniform(0.0, 0.3))
    depends = [each for each in "abcd" if rng.random() < 0.4]
    graph = graph.with_edges("; ".join(f"{each} -> s" for each in depends) or "s").with_flags(selected=["s"])
    model = Model(graph, rng)
    for question in questions(graph.subgraph(tuple("abcd")), rng):
        right = truth(question, model)
        for rules in (None, [Rule.GENERAL]):
            for each in formulas(identify(graph, question, rules=rules)):
                assert value(each, model, selected="s") == pytest.approx(right, abs=1e-9), (
                    graph,
                    question,
                    each.text(),
                )
