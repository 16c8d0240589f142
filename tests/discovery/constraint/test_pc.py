"""PC: exact with an oracle, whatever the rule for colliders; order independent; conflicts settled, never a crash."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_worlds import linear_data, random_dag, skeleton_of, structural_distance

from aitia.discovery import DiscoveryError, FisherZ, KnowledgeError, Observations, Oracle
from aitia.discovery._knowledge import Knowledge
from aitia.discovery.constraint import CDNOD, PC, Colliders
from aitia.discovery.independence import Independence, IndependenceTest, Tester
from aitia.graphs import Graph, GraphKind, Mark, completed, restrict

SLOW = bool(os.environ.get("AITIA_SLOW"))
GRAPHS = 3000 if SLOW else 200


@pytest.mark.parametrize("rule", list(Colliders))
def test_an_oracle_gives_the_class_exactly(rule):
    random = np.random.default_rng(1)
    for _ in range(GRAPHS):
        truth = random_dag(random, int(random.integers(3, 9)), random.uniform(1, 4))
        found = PC(Oracle(truth), colliders=rule).run(Observations.of_names(truth.nodes))
        assert found.graph == completed(truth)
        assert not found.warnings
        assert found.tests > 0


def test_an_oracle_with_true_knowledge_gives_the_restricted_class():
    random = np.random.default_rng(2)
    for _ in range(GRAPHS):
        truth = random_dag(random, int(random.integers(3, 9)), random.uniform(1, 4))
        knowledge = true_knowledge(random, truth)
        found = PC(Oracle(truth)).run(Observations.of_names(truth.nodes), knowledge)
        joined = skeleton_of(truth)
        forbidden = [
            (a, b)
            for a in truth.nodes
            for b in truth.nodes
            if a != b and frozenset((a, b)) in joined and knowledge.forbids(a, b)
        ]
        assert found.graph == restrict(completed(truth), knowledge.required, forbidden)
        assert not found.warnings


def true_knowledge(random: np.random.Generator, truth: Graph) -> Knowledge:
    """Pieces of every sort that hold in the truth."""
    order = list(truth.topological_order())
    arrows = [(a, b) for b in truth.nodes for a in sorted(truth.parents(b))]
    absent = [(a, b) for a in truth.nodes for b in truth.nodes if a != b and (a, b) not in arrows]
    pick = lambda pairs: [pairs[i] for i in np.flatnonzero(random.random(len(pairs)) < 0.15)]  # noqa: E731
    tiers = []
    if random.random() < 0.5:
        # Cut the causal order in two or three, and leave one variable free.
        cuts = sorted(random.integers(1, len(order), 2).tolist())
        tiers = [tier for tier in (order[: cuts[0]], order[cuts[0] : cuts[1]], order[cuts[1] :]) if tier]
        tiers[0] = tiers[0][1:]
        tiers = [tier for tier in tiers if tier]
    exogenous = [order[0]] if random.random() < 0.3 else []
    return Knowledge(tiers, pick(arrows), pick(absent), exogenous)


@pytest.mark.parametrize("rule", list(Colliders))
def test_the_order_of_the_columns_does_not_matter(rule):
    random = np.random.default_rng(3)
    for _ in range(10):
        truth = random_dag(random, 12, 4)
        data = linear_data(random, truth, 300)
        shuffled = data.subset([data.names[i] for i in random.permutation(12)])
        one, other = (PC(FisherZ(), 0.05, rule).run(each) for each in (data, shuffled))
        assert one.graph == other.graph
        assert one.tests == other.tests
        assert {frozenset((e.a, e.b)): (e.given, e.reason) for e in one.evidence} == {
            frozenset((e.a, e.b)): (e.given, e.reason) for e in other.evidence
        }


def test_the_answer_nears_the_truth_with_more_rows():
    random = np.random.default_rng(4)
    worlds = [random_dag(random, 10, 2) for _ in range(12)]
    distances = []
    for rows in (100, 1_000, 20_000):
        total = 0
        for k, truth in enumerate(worlds):
            data = linear_data(np.random.default_rng(100 + k), truth, rows)
            found = PC(FisherZ(), alpha=0.01 if rows < 5_000 else 0.001).run(data)
            total += structural_distance(found.graph, completed(truth))
        distances.append(total)
    assert distances[0] > distances[1] > distances[2]
    # 12 graphs of about 35 absent pairs at level 0.001: about 0.4 wrong edges are expected, near-cancelling paths
    # add one or two, and each turns up to five marks around it. Twelve is one pair a graph; 100 rows leave about 47.
    assert distances[2] <= 12


def test_too_high_a_level_keeps_as_many_false_edges_as_it_says():
    # Independent columns: level 0 alone keeps alpha of all pairs, further levels only cut some of these.
    random = np.random.default_rng(5)
    kept, pairs = 0, 0
    for _ in range(40):
        data = Observations.of_values([f"v{i}" for i in range(12)], random.standard_normal((200, 12)))
        kept += len(PC(FisherZ(), alpha=0.1, max_given=0).run(data).graph.edges)
        pairs += 66
    # Binomial: mean 264, standard error 15.4 (pairs of independent normal columns are pairwise independent).
    assert abs(kept - 0.1 * pairs) < 4 * np.sqrt(pairs * 0.1 * 0.9)


class Stated(IndependenceTest):
    """Says what it is told: the pairs and sets that are independent, with their p-values."""

    name = "stated"

    def __init__(self, independent: dict[tuple[str, str, str], float]) -> None:
        self.independent = independent

    def on(self, data: Observations) -> Tester:
        return _Stated(self.independent, data.names)


class _Stated(Tester):
    def __init__(self, independent, names) -> None:
        super().__init__(names, 0)
        self._independent = independent

    def _compute(self, x, y, given):
        a, b = sorted((self.names[x], self.names[y]))
        p_value = self._independent.get((a, b, "".join(sorted(self.names[v] for v in given))), 0.0)
        return Independence(x, y, given, 1.0 - p_value, p_value)


def test_two_colliders_on_one_edge_the_better_supported_stands():
    # a - b - c - d with a, c apart given nothing (a -> b <- c) and b, d apart given nothing (b -> c <- d).
    pairs = {("a", "c", ""): 0.9, ("b", "d", ""): 0.6, ("a", "d", ""): 0.5}
    found = PC(Stated(pairs)).run(Observations.of_names("abcd"))
    assert found.graph == Graph.parse("a -> b <- c; d -- c", "mpdag") or found.graph.parents("b") == {
        "a",
        "c",
    }
    assert "b -> c <- d" in found.warnings[0] and "left out" in found.warnings[0]
    mirrored = {("a", "c", ""): 0.6, ("b", "d", ""): 0.9, ("a", "d", ""): 0.5}
    found = PC(Stated(mirrored)).run(Observations.of_names("abcd"))
    assert found.graph.parents("c") == {"b", "d"}
    assert "a -> b <- c" in found.warnings[0]


def test_the_three_rules_for_colliders_by_hand():
    # c and d lie between a and b. Sets that separate a and b: {c} and {c, d}, so c is in all and d in half of them.
    apart = {("a", "b", "c"): 0.9, ("a", "b", "cd"): 0.5}
    answers = {
        rule: PC(Stated(apart), colliders=rule).run(Observations.of_names("abcd")) for rule in Colliders
    }
    assert answers[Colliders.SEPARATING_SET].graph.parents("d") >= {"a", "b"}
    for rule in (Colliders.CONSERVATIVE, Colliders.MAJORITY):
        assert "1 unshielded triples are ambiguous" in answers[rule].warnings[0]
        assert "a -> d <- b" in answers[rule].warnings[0]
        assert answers[rule].graph.parents("d") < {"a", "b", "c"}
    # Now {}, {c} and {d}: each is in one of three, a collider by majority and ambiguous when cautious.
    apart = {("a", "b", ""): 0.9, ("a", "b", "c"): 0.5, ("a", "b", "d"): 0.5}
    majority = PC(Stated(apart), colliders=Colliders.MAJORITY).run(Observations.of_names("abcd"))
    assert majority.graph.parents("c") >= {"a", "b"} <= majority.graph.parents("d")
    cautious = PC(Stated(apart), colliders=Colliders.CONSERVATIVE).run(Observations.of_names("abcd"))
    assert "2 unshielded triples are ambiguous" in cautious.warnings[0]


def test_a_square_without_colliders_is_repaired_to_a_class():
    # a - b - c - d - a without chords or colliders fits no DAG: one collider has to come in.
    found = PC(Stated({("a", "c", "bd"): 0.9, ("b", "d", "ac"): 0.9})).run(Observations.of_names("abcd"))
    assert found.graph.kind is GraphKind.CPDAG
    assert Graph(found.graph.nodes, found.graph.edges, kind=GraphKind.CPDAG) == found.graph
    assert skeleton_of(found.graph) == {frozenset(pair) for pair in ("ab", "bc", "cd", "ad")}
    assert "No directed acyclic graph has exactly the colliders" in found.warnings[0]


@settings(max_examples=60 if not SLOW else 1000, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(list(Colliders)), st.booleans())
def test_tests_that_answer_at_random_still_give_a_valid_class(seed, rule, informed):
    random = np.random.default_rng(seed)
    names = [f"v{i}" for i in range(int(random.integers(4, 10)))]

    class Chance(IndependenceTest):
        name = "chance"

        def on(self, data):
            return _Chance(data.names, seed)

    knowledge = None
    if informed:
        knowledge = Knowledge(
            tiers=[names[:2], names[2:]], required=[(names[0], names[3])], forbidden=[(names[1], names[2])]
        )
    found = PC(Chance(), alpha=0.3, colliders=rule).run(Observations.of_names(names), knowledge)
    # Making the graph anew checks its form in full.
    assert Graph(found.graph.nodes, found.graph.edges, kind=found.graph.kind) == found.graph
    assert found.graph.kind in (GraphKind.CPDAG, GraphKind.MPDAG, GraphKind.DAG)
    if knowledge is not None:
        assert names[0] in found.graph.parents(names[3])
        assert names[1] not in found.graph.parents(names[2])
        for late in names[2:]:
            assert not found.graph.parents(names[:2]) & {late}


class _Chance(Tester):
    def __init__(self, names, seed) -> None:
        super().__init__(names, 0)
        self._seed = seed

    def _compute(self, x, y, given):
        p_value = float(np.random.default_rng([self._seed, x, y, *given]).random())
        return Independence(x, y, given, 1 - p_value, p_value)


# Knowledge that the data contradict.


def test_a_required_edge_stays_and_the_person_is_told():
    truth = Graph.parse("a -> b; c")
    found = PC(Oracle(truth)).run(Observations.of_names("abc"), Knowledge(required=[("c", "b")]))
    assert found.graph.parents("b") >= {"c"}
    assert found.warnings[0] == (
        "The knowledge keeps the edge between b and c, but the data find them independent given nothing (p = 1)."
    )
    evidence = found.between("b", "c")
    assert evidence is not None and evidence.adjacent and evidence.reason == "required by knowledge"


def test_a_forbidden_pair_is_apart_and_the_person_is_told():
    truth = Graph.parse("a -> b; b -> c")
    known = Knowledge(forbidden=[("a", "b"), ("b", "a")])
    found = PC(Oracle(truth)).run(Observations.of_names("abc"), known)
    assert not found.graph.edges_between("a", "b")
    assert "allows no edge between a and b" in found.warnings[0]
    evidence = found.between("a", "b")
    assert evidence is not None and evidence.reason == "apart by knowledge"


def test_knowledge_against_a_collider_wins_with_a_warning():
    truth = Graph.parse("a -> b <- c")
    found = PC(Oracle(truth)).run(Observations.of_names("abc"), Knowledge(required=[("b", "a")]))
    assert found.graph.parents("a") == {"b"}
    assert "a -> b <- c" in found.warnings[0] and "the knowledge" in found.warnings[0]


def test_a_collider_that_only_knowledge_makes_is_named():
    truth = Graph.parse("a -> b -> c")
    found = PC(Oracle(truth)).run(Observations.of_names("abc"), Knowledge(required=[("a", "b"), ("c", "b")]))
    assert found.graph.parents("b") == {"a", "c"}
    assert found.warnings == ("The knowledge makes colliders that the tests deny: a -> b <- c.",)


def test_forbidden_edges_that_leave_only_a_cycle_are_an_error_that_names_them():
    truth = Graph.parse("a -> b -> c; a -> c")
    known = Knowledge(forbidden=[("a", "b"), ("b", "c"), ("c", "a")])
    with pytest.raises(KnowledgeError, match=r"a -> b is forbidden") as caught:
        PC(Oracle(truth)).run(Observations.of_names("abc"), known)
    assert "c -> a is forbidden" in str(caught.value) and "b -> c is forbidden" in str(caught.value)


# Options and what stands beside the graph.


def test_options_out_of_range_are_refused():
    with pytest.raises(DiscoveryError, match=r"alpha.*1\.5"):
        PC(alpha=1.5)
    with pytest.raises(DiscoveryError, match=r"max_given.*-1"):
        PC(max_given=-1)
    with pytest.raises(ValueError):
        PC(colliders="often")  # type: ignore[arg-type]


def test_few_rows_limit_the_sets_and_that_is_said():
    random = np.random.default_rng(6)
    data = Observations.of_values(list("abcdefghijkl"), random.standard_normal((12, 12)))
    found = PC(FisherZ(), alpha=0.5).run(data)
    assert any("at most 8 variables" in each.what for each in found.decisions)


def test_evidence_is_made_when_asked_for():
    truth = Graph.parse("a -> b -> c")
    found = PC(Oracle(truth)).run(Observations.of_names("abc"))
    assert len(found.evidence) == 3
    assert [(e.a, e.b, e.adjacent, e.given) for e in found.evidence] == [
        ("a", "b", True, ()), ("a", "c", False, ("b",)), ("b", "c", True, ()),
    ]  # fmt: skip
    assert found.evidence[-1] == found.between("c", "b")
    assert found.evidence[:2] == tuple(found.evidence)[:2]
    with pytest.raises(IndexError):
        found.evidence[3]
    collider = PC(Oracle(Graph.parse("a -> b <- c"))).run(Observations.of_names("abc"))
    assert collider.evidence[0].reason == "collider"


def test_the_ledger_has_the_lines_of_pc():
    data = linear_data(np.random.default_rng(7), Graph.parse("a -> b -> c"), 200)
    keys = {str(line.key.value) for line in PC(FisherZ()).run(data).assumptions}
    assert keys >= {"markov", "faithfulness", "causal-sufficiency", "acyclicity", "linearity"}


def test_the_test_that_fits_is_taken_and_named():
    data = linear_data(np.random.default_rng(8), Graph.parse("a -> b -> c"), 500)
    found = PC().run(data)
    assert isinstance(found.algorithm.test, FisherZ)  # type: ignore[attr-defined]
    assert found.graph == PC(FisherZ()).run(data).graph
    assert all(edge.mark_a in (Mark.TAIL, Mark.ARROW) for edge in found.graph.edges)


def test_known_latent_pairs_have_no_place_and_that_is_said():
    known = Knowledge(latent_pairs=[("a", "b")])
    rows = np.random.default_rng(0).normal(size=(100, 3))
    for algorithm in (PC(), CDNOD(context="c")):
        found = algorithm.run(Observations.of_values("abc", rows), known)
        assert any("a and b share an unmeasured cause" in each for each in found.warnings)
