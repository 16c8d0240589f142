"""Laws of identification: what must not change the answer."""

from __future__ import annotations

import time

import pytest
from causal_oracle import Model, random_graph
from hypothesis import given, settings
from hypothesis import strategies as st
from test_oracle import questions

from aitia.core import stream
from aitia.graphs import Edge, Graph, GraphKindError, UnknownNode
from aitia.identification import (
    TREATED,
    Contrast,
    ControlledDirect,
    Effect,
    Interventional,
    InvalidQuestion,
    NaturalDirect,
    OpenSelection,
    PostTreatment,
    Rule,
    RulesExhausted,
    identify,
    subgroup,
)

cases = st.integers(0, 10_000)


def drawn(case: int):
    rng = stream(case, "laws")
    graph = random_graph(rng, "abcde", bidirected=rng.uniform(0, 0.4))
    asked = list(questions(graph, rng))
    return graph, asked[int(rng.integers(len(asked)))]


def answer(graph: Graph, question):
    found = identify(graph, question)
    if not found.identified:
        return found.witness, found.sentence
    every = [found, *found.alternatives]
    return [(each.rule, each.text(), each.adjustment, each.mediators, each.instruments) for each in every]


@settings(max_examples=60, deadline=None)
@given(cases)
def test_the_order_of_edges_does_not_matter(case: int):
    graph, question = drawn(case)
    again = Graph(graph.nodes, graph.edges[::-1], kind=graph.kind)
    assert answer(graph, question) == answer(again, question)


@settings(max_examples=60, deadline=None)
@given(cases)
def test_an_isolated_node_changes_nothing(case: int):
    graph, question = drawn(case)
    wider = Graph((*graph.nodes, "z"), graph.edges, kind=graph.kind)
    assert answer(graph, question) == answer(wider, question)


@settings(max_examples=60, deadline=None)
@given(cases)
def test_a_latent_leaf_changes_nothing(case: int):
    graph, question = drawn(case)
    wider = graph.with_edges([Edge(name, "leaf") for name in graph.nodes]).with_flags(latent=["leaf"])
    first, second = identify(graph, question), identify(wider, question)
    assert first.identified == second.identified
    if first.identified:
        assert (first.rule, first.text()) == (second.rule, second.text())


@settings(max_examples=60, deadline=None)
@given(cases)
def test_renaming_commutes(case: int):
    graph, question = drawn(case)
    names = {name: name.upper() for name in graph.nodes}

    def up(each):
        return tuple(names[name] for name in each)

    match question:
        case Effect(t, y):
            population = question.population
            if population.variables:
                population = subgroup(
                    population.condition.upper().replace(" AND ", " and "), *up(population.variables)
                )
            renamed = Effect(names[t], names[y], population=population)
        case ControlledDirect(t, y, m, levels):
            renamed = ControlledDirect(names[t], names[y], up(m), levels)
        case _:
            renamed = type(question)(
                names[question.treatment], names[question.outcome], up(question.mediators)
            )
    first, second = identify(graph, question), identify(graph.relabel(names), renamed)
    assert first.identified == second.identified
    if first.identified:
        assert second.rule is first.rule
        assert second.adjustment == up(first.adjustment)
        for old, new in names.items():
            assert new in second.expression.variables or old not in first.expression.variables


@settings(max_examples=60, deadline=None)
@given(cases)
def test_explicit_latent_causes_and_bidirected_edges_are_the_same(case: int):
    graph, question = drawn(case)
    causes = [(f"u{i}", edge) for i, edge in enumerate(e for e in graph.edges if e.bidirected)]
    explicit = graph.without_edges([edge for _, edge in causes])
    if causes:
        explicit = explicit.with_edges([Edge(u, end) for u, edge in causes for end in (edge.a, edge.b)])
        explicit = explicit.with_flags(latent=[u for u, _ in causes])
    first, second = identify(graph, question), identify(explicit, question)
    assert first.identified == second.identified
    if first.identified:
        assert (first.rule, first.text()) == (second.rule, second.text())


@settings(max_examples=30, deadline=None)
@given(cases)
def test_a_forbidden_variable_is_never_read(case: int):
    graph, question = drawn(case)
    spare = [n for n in graph.nodes if n not in str(question).replace("Effect", "").replace("treat", "")]
    spare = [n for n in spare if f"'{n}'" not in repr(question)]
    for name in spare:
        found = identify(graph, question, forbidden=[name])
        if found.identified:
            assert all(name not in each.variables for each in (found, *found.alternatives))


def test_costs_choose_the_cheapest_set():
    graph = Graph.parse("a -> b -> x; a -> y; x -> y")
    assert identify(graph, Effect("x", "y")).adjustment == ("a",)
    found = identify(graph, Effect("x", "y"), costs={"a": 10.0, "b": 1.0})
    assert found.adjustment == ("b",) and "costs" in found.reason
    assert ("a",) in [each.adjustment for each in found.alternatives]


def test_a_required_variable_that_no_set_can_hold_is_told():
    graph = Graph.parse("x -> y; x -> w; y -> w")
    assert "No valid adjustment set holds w" in identify(graph, Effect("x", "y"), required=["w"]).reason
    wider = Graph.parse("x -> y; a -> y")
    assert identify(wider, Effect("x", "y"), required=["a"]).adjustment == ("a",)


def test_a_contrast_is_bound_into_the_formula():
    graph = Graph.parse("z -> t; z -> y; t -> y")
    found = identify(graph, Effect("t", "y", Contrast("open", "closed"), TREATED))
    assert found.text() == "Σ_{z} (E[y | t=open, z] - E[y | t=closed, z]) P(z | t=open)"
    joint = Model(graph, stream(0, "contrast")).joint(("z", "t", "y"))
    assert joint.table.shape == (2, 2, 2)


def test_a_subgroup_described_after_treatment_is_refused_with_the_reason():
    graph = Graph.parse("t -> w -> y; t -> y")
    found = identify(graph, Effect("t", "y", population=subgroup("w > 1", "w")))
    assert found.witness == PostTreatment(("w",)) and "which t changes" in found.sentence


def test_selection_that_cannot_be_undone_is_told():
    graph = Graph.parse("t -> y; t -> s; y -> s; s [selected]")
    found = identify(graph, Effect("t", "y"))
    assert isinstance(found.witness, OpenSelection) and "not proved" in found.sentence
    # Selection by the treatment alone does no harm.
    assert identify(Graph.parse("t -> y; t -> s; s [selected]"), Effect("t", "y")).rule is Rule.ADJUSTMENT


def test_rules_can_be_limited():
    found = identify(Graph.parse("x -> z -> y; x <-> y"), Effect("x", "y"), rules=[Rule.ADJUSTMENT])
    assert found.witness == RulesExhausted(("adjustment",))


def test_suggestions_name_what_to_measure():
    graph = Graph.parse("u -> x; u -> y; x -> y; v -> x; u [latent]; v [latent]")
    helps = identify(graph, Effect("x", "y")).suggestions
    assert helps[0] == "measure u" and "measure v" not in helps
    helps = identify(Graph.parse("x -> y; x <-> y"), Effect("x", "y")).suggestions
    assert "x <-> y" in helps[0] and any("instrument" in each for each in helps)


@pytest.mark.parametrize(
    ("question", "error", "words"),
    [
        (Effect("x", "outcom"), UnknownNode, "Did you mean 'outcome'"),
        (Effect("x", "x"), InvalidQuestion, "two roles"),
        (Effect("u", "outcome"), InvalidQuestion, "not measured"),
        (Effect("x", "outcome", population=subgroup("x > 1", "x")), InvalidQuestion, "two roles"),
        (ControlledDirect("x", "outcome", ("m",), ()), InvalidQuestion, "0 levels"),
        (NaturalDirect("x", "outcome", ()), InvalidQuestion, "at least one mediator"),
        (Interventional((), ("x",)), InvalidQuestion, "at least one outcome"),
        ("x on y", InvalidQuestion, "A question was expected"),
    ],
)
def test_bad_questions_are_named(question, error, words):
    graph = Graph.parse("x -> m -> outcome; u -> x; u [latent]")
    with pytest.raises(error, match=words):
        identify(graph, question)


def test_what_is_no_causal_graph_is_refused():
    with pytest.raises(GraphKindError, match="undirected"):
        identify(Graph.parse("x -- y", kind="undirected"), Effect("x", "y"))


@pytest.mark.parametrize("kind", ["dag", "admg", "latent"])
def test_two_hundred_nodes_take_less_than_a_second(kind: str):
    rng = stream(0, "large", kind)
    n = 200
    names = [f"v{i}" for i in range(n)]
    pairs = {tuple(sorted(rng.choice(n, 2, replace=False).tolist())) for _ in range(3 * n)}
    bows = {
        tuple(sorted(rng.choice(n, 2, replace=False).tolist()))
        for _ in range(n // 4 if kind == "admg" else 0)
    }
    latent = [name for name in names[:50] if kind == "latent" and rng.random() < 0.4]
    graph = Graph.build(
        names,
        [(names[a], names[b]) for a, b in pairs],
        [(names[a], names[b]) for a, b in bows],
        latent=latent,
    )
    question = Effect("v60", "v150")
    started = time.perf_counter()
    identify(graph, question)
    identify(graph, question, rules=[Rule.GENERAL])
    assert time.perf_counter() - started < 2.0


def test_hostile_names_come_through_and_stay_harmless():
    name = '<script>alert("x")</script>; a -> b\n'
    graph = Graph.build(directed=[(name, "t"), (name, "y"), ("t", "y")])
    found = identify(graph, Effect("t", "y"))
    assert found.adjustment == (name,)
    assert "<script>" not in found._repr_html_() and "&lt;script&gt;" in found._repr_html_()
    assert "\n" not in found.text() and "\n" not in found.latex()
    lost = identify(Graph.build(directed=[("t", name)], bidirected=[("t", name)]), Effect("t", name))
    assert "<script>" not in lost._repr_html_()


def test_the_ledger_speaks_of_these_variables():
    found = identify(Graph.parse("age -> care; age -> visits; care -> visits"), Effect("care", "visits"))
    statements = {each.key.value: each.statement for each in found.assumptions}
    assert statements["no-unmeasured-confounding"] == (
        "Nothing unmeasured moves both care and visits among rows alike in age."
    )
    assert statements["positivity"].startswith("Every compared value of care occurs among rows alike in age")
    # A complete graph forbids nothing, so no data can contradict it.
    assert not next(each for each in found.assumptions if each.key == "graph").testable
