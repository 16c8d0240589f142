"""Conditional instruments against enumeration, and their ratio against linear models."""

from __future__ import annotations

import os
from itertools import chain, combinations

import numpy as np
import pytest
from causal_oracle import random_graph
from test_adjustment import linear_covariance

from aitia.core import AssumptionKey, stream
from aitia.graphs import Graph, m_separated
from aitia.identification import (
    Contrast,
    Effect,
    Rule,
    conditional_instruments,
    identify,
    proper_backdoor_graph,
)

CASES = 600 if os.environ.get("AITIA_SLOW") else 200


def is_instrument(graph: Graph, z: str, w: tuple[str, ...], x: str, y: str) -> bool:
    """The definition, with the separations asked of the graphs room."""
    cut = proper_backdoor_graph(graph, x, y)
    after = graph.descendants(x)
    return not {z, *w} & after and m_separated(cut, z, y, w) and not m_separated(cut, z, x, w)


@pytest.mark.parametrize("case", range(CASES))
def test_found_if_and_only_if_there_is_one(case: int):
    rng = stream(case, "instrument")
    graph = random_graph(rng, "abcdef", directed=0.3, bidirected=0.2)
    x, y = rng.permutation(graph.nodes)[:2].tolist()
    found = conditional_instruments(graph, x, y)
    for group in found:
        assert group.instruments
        for z in group.instruments:
            assert is_instrument(graph, z, group.given, x, y)
    rest = [each for each in graph.nodes if each not in (x, y)]
    exists = any(
        is_instrument(graph, z, w, x, y)
        for z in rest
        for w in chain.from_iterable(combinations([e for e in rest if e != z], k) for k in range(len(rest)))
    )
    assert bool(found) == exists
    # In a linear model with an effect of its own size, cov(z, y | w) / cov(z, x | w) is the total effect.
    names = list(graph.nodes)
    covariance = linear_covariance(graph, stream(case, "instrument model"))
    total = total_effect(graph, stream(case, "instrument model"), x, y)
    for group in found:
        given = [names.index(each) for each in group.given]
        for z in group.instruments:
            i = names.index(z)
            ratio = partial(covariance, i, names.index(y), given) / partial(
                covariance, i, names.index(x), given
            )
            assert ratio == pytest.approx(total, abs=1e-8)


def partial(covariance: np.ndarray, i: int, j: int, given: list[int]) -> float:
    if not given:
        return covariance[i, j]
    block = covariance[np.ix_(given, given)]
    return covariance[i, j] - covariance[i, given] @ np.linalg.solve(block, covariance[given, j])


def total_effect(graph: Graph, rng: np.random.Generator, x: str, y: str) -> float:
    """The sum over directed paths of products of the coefficients that `linear_covariance` draws."""
    names = list(graph.nodes)
    k = len(names)
    coefficients = np.zeros((k, k))
    rng.uniform(0.5, 2.0, k)
    for edge in graph.edges:
        size = rng.uniform(0.4, 1.5) * rng.choice([-1, 1])
        if edge.directed:
            coefficients[names.index(edge.b), names.index(edge.a)] = size
        else:
            rng.uniform(0.4, 1.5)
    return float(np.linalg.inv(np.eye(k) - coefficients)[names.index(y), names.index(x)])


def test_several_instruments_share_a_set():
    graph = Graph.parse("z -> x; q -> x; x -> y; x <-> y; w -> z; w -> y")
    groups = conditional_instruments(graph, "x", "y")
    assert groups[0].instruments == ("q",) and groups[0].given == ()
    assert set(groups[1].instruments) == {"z", "q"} and groups[1].given == ("w",)


def test_the_estimand_states_its_parametric_assumption():
    graph = Graph.parse("z -> x -> y; x <-> y")
    found = identify(graph, Effect("x", "y", Contrast(3, 1)))
    assert found.rule is Rule.INSTRUMENT and found.instruments == ("z",)
    assert found.text() == "2 [Cov(z, y) / Cov(z, x)]"
    keys = {each.key for each in found.assumptions}
    assert {
        AssumptionKey.HOMOGENEITY,
        AssumptionKey.MONOTONICITY,
        AssumptionKey.EXCLUSION_RESTRICTION,
    } <= keys
