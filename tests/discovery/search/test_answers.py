"""What a discovery by score tells: evidence, weights, warnings, knowledge, options."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search_worlds import PlainBIC, names_of, parents_of, population, random_weights, sample, shd, truth_of

from aitia.core import AssumptionKey
from aitia.discovery import (
    DiscoveryError,
    GaussianBIC,
    Knowledge,
    KnowledgeError,
    MixedBIC,
    Observations,
    default_score,
    discover,
)
from aitia.discovery.search import BOSS, GES, ExactSearch, GRaSP
from aitia.graphs import completed, members, restrict

ALL = [BOSS(), GES(), GRaSP(), ExactSearch()]
by_name = pytest.mark.parametrize("algorithm", ALL, ids=lambda each: each.name)


@by_name
@pytest.mark.parametrize("score", [GaussianBIC(), PlainBIC()], ids=["compiled", "plain"])
def test_evidence_is_what_the_total_loses_and_the_score_is_that_of_a_member(algorithm, score):
    random = np.random.default_rng(1)
    data = sample(random_weights(7, 3, random), 300, random)
    found = type(algorithm)(score).run(data)
    scorer = GaussianBIC().on(data)
    place = {name: i for i, name in enumerate(data.names)}
    totals = [
        scorer.total([[place[a] for a in dag.parents(name)] for name in data.names])
        for dag in members(found.graph)
    ]
    assert totals == pytest.approx([found.score] * len(totals), abs=1e-6)
    # The evidence is of the member whose causal order is given.
    rank = {name: i for i, name in enumerate(found.order)}
    pairs = [sorted((e.a, e.b), key=rank.__getitem__) for e in found.graph.edges]
    above = {name: [a for a, b in pairs if b == name] for name in data.names}
    assert len(found.evidence) == 21
    for each in found.evidence:
        cause, effect = sorted((each.a, each.b), key=rank.__getitem__)
        assert each.adjacent == bool(found.graph.edges_between(each.a, each.b))
        assert set(each.given) == set(above[effect]) - {cause}
        if each.score is None:
            assert isinstance(score, PlainBIC) and not each.adjacent
            continue
        rest = [place[a] for a in each.given]
        expected = scorer.local(place[effect], [*rest, place[cause]]) - scorer.local(place[effect], rest)
        assert each.score == pytest.approx(expected, abs=1e-6)
        assert (each.score > 0) == each.adjacent
    assert found.evidence[-1] == found.evidence[20]
    assert found.evidence[:2] == (found.evidence[0], found.evidence[1])


def test_weights_are_regression_coefficients_in_the_columns_units():
    random = np.random.default_rng(0)
    x, z = random.normal(size=(2, 4000)) * [[10.0], [0.1]]
    y = 3 * x + 500 * z + random.normal(size=4000)
    found = BOSS().run({"y": y, "x": x, "z": z})
    design = np.column_stack([np.ones(4000), x, z])
    expected = np.linalg.lstsq(design, y, rcond=None)[0]
    assert found.between("x", "y").weight == pytest.approx(expected[1])
    assert found.between("z", "y").weight == pytest.approx(expected[2])
    # Where a line leaves the parents open there is no one coefficient.
    chain = BOSS().run({"x": x, "y": y})
    assert chain.graph.edges[0].undirected and chain.between("x", "y").weight is None


@by_name
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_true_knowledge_gives_the_restricted_class(algorithm, seed):
    random = np.random.default_rng(seed)
    p = int(random.integers(3, 8))
    weights = random_weights(p, 2, random)
    data, truth = population(weights), truth_of(weights)
    names = names_of(p)
    order = list(truth.topological_order())
    cut = int(random.integers(0, p))
    required = [(e.a, e.b) for e in truth.edges if random.random() < 0.2]
    ruled = [(e.b, e.a) for e in truth.edges if random.random() < 0.2]
    known = Knowledge(
        tiers=[order[:cut], order[cut:]] if random.random() < 0.5 else [],
        required=required,
        forbidden=ruled,
        exogenous=[name for name in names if not truth.parents(name) and random.random() < 0.3],
    )
    found = algorithm.run(data, known)
    pairs = [(e.b, e.a) for e in truth.edges if known.forbids(e.b, e.a)]
    expected = restrict(completed(truth), required, pairs)
    if shd(found.graph, expected):
        # Nearly cancelling effects: another graph that agrees with the knowledge scores higher.
        assert found.score > default_score(data).on(data).total(parents_of(weights)) + 1
    for edge in found.graph.edges:
        assert not (edge.directed and known.forbids(edge.a, edge.b))
        assert not (edge.undirected and (known.forbids(edge.a, edge.b) or known.forbids(edge.b, edge.a)))


@by_name
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_any_knowledge_is_honoured(algorithm, seed):
    random = np.random.default_rng(seed)
    p = int(random.integers(3, 8))
    data = sample(random_weights(p, 3, random), 100, random)
    names = names_of(p)
    order = random.permutation(names).tolist()
    pairs = [(order[i], order[j]) for i in range(p) for j in range(i + 1, p)]
    required = [pair for pair in pairs if random.random() < 0.15]
    known = Knowledge(
        tiers=[order[: p // 2], order[p // 2 :]] if random.random() < 0.5 else [],
        required=required,
        forbidden=[(b, a) for a, b in pairs if random.random() < 0.3],
    )
    found = algorithm.run(data, known)
    for pair in required:
        edge = found.graph.edges_between(*pair)[0]
        assert edge.directed and (edge.a, edge.b) == pair
        assert found.between(*pair).reason == "required by knowledge"
    for edge in found.graph.edges:
        assert not (edge.directed and known.forbids(edge.a, edge.b))
        assert not (edge.undirected and (known.forbids(edge.a, edge.b) or known.forbids(edge.b, edge.a)))
    assert next(members(found.graph)) is not None  # a valid graph, which has a member


@by_name
def test_what_the_data_deny_is_honoured_with_a_warning(algorithm):
    random = np.random.default_rng(2)
    a, b = random.normal(size=(2, 500))
    data = {"a": a, "b": b, "c": a + random.normal(size=500)}
    found = algorithm.run(data, Knowledge(required=[("b", "a")], forbidden=[("a", "c"), ("c", "a")]))
    assert [str(edge) for edge in found.graph.edges if {edge.a, edge.b} == {"a", "b"}] == ["b -> a"]
    assert any("requires b -> a, but the score would rise by" in each for each in found.warnings)
    assert found.between("a", "c").reason == "apart by knowledge"
    hidden = algorithm.run(data, Knowledge(latent_pairs=[("a", "b")]))
    assert any("a and b share an unmeasured cause, but" in each for each in hidden.warnings)


@by_name
def test_knowledge_without_an_order_names_its_pieces(algorithm):
    known = Knowledge(tiers=[["a"], ["b"]], required=[("b", "c"), ("c", "a")])
    with pytest.raises(
        KnowledgeError,
        match="No causal order agrees with the knowledge: a is in an earlier tier than b; b -> c is required; "
        "c -> a is required",
    ):
        algorithm.run(Observations.of_covariance("abc", np.eye(3), 100), known)


def test_no_more_parents_than_allowed():
    random = np.random.default_rng(0)
    data = sample(random_weights(8, 5, random), 500, random)
    for algorithm in (BOSS(max_parents=2), GRaSP(max_parents=2), ExactSearch(max_parents=2)):
        found = algorithm.run(data)
        rank = {name: i for i, name in enumerate(found.order)}
        counts = dict.fromkeys(data.names, 0)
        for edge in found.graph.edges:
            counts[max(edge.a, edge.b, key=rank.__getitem__)] += 1
        assert max(counts.values()) == 2


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(DiscoveryError, match="starts is a whole number from 1, but came 0"):
        BOSS(starts=0)
    with pytest.raises(DiscoveryError, match=r"max_parents is a whole number from 0, but came 1\.5"):
        GES(max_parents=1.5)
    with pytest.raises(DiscoveryError, match="depth is a whole number from 1, but came 0"):
        GRaSP(depth=0)
    with pytest.raises(DiscoveryError, match="max_parents is a whole number from 0, but came -1"):
        ExactSearch(max_parents=-1)


def test_the_score_follows_the_kinds_of_columns_and_says_what_it_assumes():
    random = np.random.default_rng(0)
    x = random.normal(size=300)
    numbers = {"x": x, "y": x + random.normal(size=300)}
    mixed = {**numbers, "g": np.where(x + random.normal(size=300) > 0, "up", "down")}
    found = discover(numbers)
    assert found.algorithm.name == "boss" and AssumptionKey.LINEARITY in found.assumptions
    both = discover(mixed)
    assert AssumptionKey.LINEARITY not in both.assumptions
    assert both.score == pytest.approx(BOSS(MixedBIC()).run(mixed).score)
    for key in (AssumptionKey.FAITHFULNESS, AssumptionKey.CAUSAL_SUFFICIENCY, AssumptionKey.ACYCLICITY):
        assert key in both.assumptions


@by_name
def test_columns_that_determine_each_other_end_where_they_are_allowed(algorithm):
    """Their residual variances are rounding, which must not keep a search going for ever."""
    random = np.random.default_rng(0)
    a, b, c = random.normal(size=(3, 300))
    data = Observations.of_values("abcde", np.column_stack([a, b, c, a + b, c]))
    found = algorithm.run(data, allow_determined=True)
    assert found.graph.edges_between("c", "e")
    assert np.isfinite(found.score)
    few = sample(random_weights(12, 3, random), 11, random)  # fewer rows than columns
    assert np.isfinite(algorithm.run(few, allow_determined=True).score)


def test_two_columns_and_independent_columns():
    data = Observations.of_covariance("ab", np.eye(2), 100)
    for algorithm in ALL:
        found = algorithm.run(data)
        assert found.graph.edges == () and found.score == 0.0
