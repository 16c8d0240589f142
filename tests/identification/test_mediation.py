"""Natural and controlled effects: covariates against enumeration, witnesses of the published failures."""

from __future__ import annotations

from itertools import chain, combinations

import pytest
from causal_oracle import random_graph

from aitia.core import AssumptionKey, stream
from aitia.graphs import Graph, m_separated
from aitia.identification import (
    ControlledDirect,
    Hedge,
    NaturalDirect,
    NaturalIndirect,
    RecantingDistrict,
    RecantingWitness,
    Rule,
    identify,
    mediation_covariates,
)


@pytest.mark.parametrize("case", range(150))
def test_covariates_are_found_if_and_only_if_there_are_some(case: int):
    rng = stream(case, "mediation")
    graph = random_graph(rng, "abcdef", directed=0.4, bidirected=0.12)
    t, y, *rest = rng.permutation(graph.nodes).tolist()
    mediators = tuple(rest[: rng.integers(1, 3)])
    others = [each for each in rest if each not in mediators and each not in graph.descendants(t)]
    works = [
        c
        for c in chain.from_iterable(combinations(others, k) for k in range(len(others) + 1))
        if m_separated(graph.without_outgoing(t), t, (*mediators, y), c)
        and m_separated(graph.without_outgoing(mediators), mediators, y, (t, *c))
    ]
    found = mediation_covariates(graph, t, y, mediators)
    assert (found is None) == (not works)
    if found is not None:
        assert set(found) in [set(c) for c in works]


def test_simple_mediation_prints_the_mediation_formula():
    graph = Graph.parse("t -> m -> y; t -> y; c -> t; c -> m; c -> y")
    direct = identify(graph, NaturalDirect("t", "y", ("m",)))
    indirect = identify(graph, NaturalIndirect("t", "y", ("m",)))
    assert direct.rule is Rule.MEDIATION and direct.adjustment == ("c",) and direct.mediators == ("m",)
    assert direct.text() == "Σ_{m, c} (E[y | t, m, c] - E[y | t', m, c]) P(m | t', c) P(c)"
    assert indirect.text() == "Σ_{m, c} E[y | t, m, c] (P(m | t, c) - P(m | t', c)) P(c)"
    assert AssumptionKey.CROSS_WORLD in {each.key for each in direct.assumptions}


def test_recanting_witness():
    # Avin, Shpitser & Pearl 2005, figure 1b: w is affected by t and confounds m and y.
    graph = Graph.parse("t -> w; w -> m; w -> y; t -> m; m -> y; t -> y")
    found = identify(graph, NaturalDirect("t", "y", ("m",)))
    assert found.witness == RecantingWitness("w")
    assert "w would have to take its value under two values of t at once" in found.sentence
    # The controlled effect needs no second world: Robins' g-formula.
    held = identify(graph, ControlledDirect("t", "y", ("m",), (1,)))
    assert held.rule is Rule.GENERAL
    assert held.text() == "[Σ_{w} E[y | t, w, m=1] P(w | t)] - [Σ_{w} E[y | t', w, m=1] P(w | t')]"


def test_recanting_district():
    # Shpitser 2013, figure 4 in spirit: mediator and outcome share a hidden cause.
    graph = Graph.parse("t -> m -> y; t -> y; m <-> y")
    found = identify(graph, NaturalDirect("t", "y", ("m",)))
    assert found.witness == RecantingDistrict(("m", "y"), ("m", "y"))


def test_natural_effects_need_the_effect_itself():
    found = identify(Graph.parse("t -> m -> y; t -> y; t <-> y"), NaturalIndirect("t", "y", ("m",)))
    assert isinstance(found.witness, Hedge)


def test_mediator_confounded_through_a_front_door():
    # Pearl 2014, figure 5-like: t and m confounded, but a measured z between t and m carries t's effect on m.
    graph = Graph.parse("t -> z -> m -> y; t -> y; t <-> m")
    found = identify(graph, NaturalDirect("t", "y", ("m",)))
    assert found.identified and found.rule is Rule.GENERAL
