"""Front-door sets against enumeration by the criterion's definition, and the formula against exact models."""

from __future__ import annotations

import os
from itertools import chain, combinations

import pytest
from causal_oracle import Model, random_graph

from aitia.core import stream
from aitia.graphs import Graph, m_separated
from aitia.identification import Effect, Rule, evaluate, front_door_set, identify, is_front_door

CASES = 600 if os.environ.get("AITIA_SLOW") else 200


def by_definition(graph: Graph, x: str, y: str, z: tuple[str, ...]) -> bool:
    """Pearl's three conditions, with the separations asked of the graphs room."""
    intercepted = y not in graph.without(z).descendants(x)
    if not z:
        return intercepted
    unconfounded = m_separated(graph.without_outgoing(x), x, z)
    return intercepted and unconfounded and m_separated(graph.without_outgoing(z), z, y, x)


@pytest.mark.parametrize("case", range(CASES))
def test_sets_are_those_that_enumeration_finds(case: int):
    rng = stream(case, "front door")
    graph = random_graph(rng, "abcdef", directed=0.35, bidirected=0.15)
    x, y = rng.permutation(graph.nodes)[:2].tolist()
    rest = [each for each in graph.nodes if each not in (x, y)]
    every = chain.from_iterable(combinations(rest, k) for k in range(len(rest) + 1))
    valid = [z for z in every if by_definition(graph, x, y, z)]
    assert all(is_front_door(graph, x, y, z) == (z in valid) for z in valid)
    largest = front_door_set(graph, x, y, minimal=False)
    found = front_door_set(graph, x, y)
    assert (largest is None) == (found is None) == (not valid)
    if found is None or largest is None:
        return
    assert all(set(z) <= set(largest) for z in valid)
    assert by_definition(graph, x, y, found) and by_definition(graph, x, y, largest)
    assert not any(set(z) < set(found) for z in valid)
    must = rest[:1]
    kept = front_door_set(graph, x, y, required=must)
    assert (kept is None) == (not any(must[0] in z for z in valid))


def test_formula_is_the_exact_answer():
    used = 0
    for case in range(CASES):
        rng = stream(case, "front door formula")
        graph = random_graph(rng, "abcd", directed=0.5, bidirected=0.05)
        t, y = graph.topological_order()[0], graph.topological_order()[-1]
        graph = graph.with_edges(f"{t} <-> {y}")
        found = identify(graph, Effect(t, y), rules=[Rule.FRONT_DOOR])
        if found.identified:
            model = Model(graph, rng)
            truth = model.mean(model.solve({t: 1})[y] - model.solve({t: 0})[y])
            value = float(evaluate(found.expression, model.joint(), at={t: 1, t + "'": 0}))
            assert value == pytest.approx(truth, abs=1e-9)
            used += 1
    assert used > CASES / 20


def test_latent_and_forbidden_variables_are_not_used():
    graph = Graph.parse("x -> a -> b -> y; u -> x; u -> y; u [latent]")
    assert front_door_set(graph, "x", "y", forbidden=["b"]) == ("a",)
    assert front_door_set(graph.with_flags(latent=["u", "a", "b"]), "x", "y") is None
    assert front_door_set(graph, "x", "y", minimal=False) == ("a", "b")
