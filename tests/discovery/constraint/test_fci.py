"""FCI and RFCI: exact (FCI) or sound (RFCI) with an oracle over graphs with hidden and selected nodes."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_worlds import linear_data, random_admg, random_dag, skeleton_of, structural_distance

from aitia.discovery import DiscoveryError, FisherZ, KnowledgeError, Observations, Oracle
from aitia.discovery._knowledge import NOTHING, Knowledge
from aitia.discovery.constraint import FCI, PC, RFCI
from aitia.discovery.constraint._fci import possible_d_sep
from aitia.discovery.constraint._pag import finish
from aitia.discovery.constraint._probe import Probe
from aitia.discovery.constraint._rfci import _Checks, discriminating_paths
from aitia.discovery.constraint._setting import Setting
from aitia.discovery.constraint._skeleton import Skeleton
from aitia.discovery.independence import Independence, IndependenceTest, Tester
from aitia.graphs import Graph, GraphKind, Mark, Marks, mag_of, pag_of

SLOW = bool(os.environ.get("AITIA_SLOW"))
GRAPHS = 3000 if SLOW else 250

# PC's skeleton has an edge here that no set of neighbours separates. Found by a random search over such graphs.
NEEDS_WIDE_SETS = Graph.parse(
    "v0 -> v1; v0 -> v2; v1 -> v5; v1 -> v6; v2 -> v3; v4 -> v5; v5 -> v6; v0 <-> v4; v2 <-> v5; v3 <-> v4; v4 <-> v6"
)
# RFCI and FCI differ here.
RFCI_KNOWS_LESS = Graph.parse(
    "v0 -> v1; v0 -> v3; v1 -> v2; v1 -> v5; v3 -> v4; v5 -> v6; v0 <-> v3; v1 <-> v2; v1 <-> v4; v2 <-> v3; "
    "v2 <-> v4; v3 <-> v5; v4 <-> v6"
)


def hidden_dags(seed: int, count: int, largest: int = 12):
    random = np.random.default_rng(seed)
    for at in range(count):
        if at % 2:
            yield random_admg(random, int(random.integers(4, 8)))
            continue
        nodes = int(random.integers(6, largest + 1))
        yield random_dag(
            random, nodes, random.uniform(1, 4.5), int(random.integers(0, 4)), int(random.integers(0, 2))
        )


def test_an_oracle_gives_the_pag_exactly():
    for truth in hidden_dags(1, GRAPHS):
        found = FCI(Oracle(truth)).run(Observations.of_names(truth.observed))
        assert found.graph == pag_of(truth)
        assert not found.warnings


def test_wide_sets_are_needed_and_found():
    data = Observations.of_names(NEEDS_WIDE_SETS.nodes)
    narrow = PC(Oracle(NEEDS_WIDE_SETS)).run(data)
    found = FCI(Oracle(NEEDS_WIDE_SETS)).run(data)
    assert skeleton_of(found.graph) < skeleton_of(narrow.graph)
    assert found.graph == pag_of(NEEDS_WIDE_SETS)


def test_rfci_cuts_an_edge_that_a_check_finds_independent():
    # Found by a random search: an unshielded triple of PC's skeleton has an edge that its own separating set cuts.
    truth = Graph.parse(
        "v4 -> v2; v2 -> v0; v5 -> v7; v0 -> v1; v3 -> v6; v0 -> v6; v7 -> v6; v2 <-> v5; v3 <-> v4; v0 <-> v7; "
        "v1 <-> v4; v1 <-> v5; v6 <-> v7"
    )
    data = Observations.of_names(truth.nodes)
    found = RFCI(Oracle(truth)).run(data)
    assert skeleton_of(found.graph) < skeleton_of(PC(Oracle(truth)).run(data).graph)
    assert skeleton_of(found.graph) >= skeleton_of(mag_of(truth))
    check_sound(found.graph, truth)


def test_an_edge_of_a_discriminating_path_is_cut_by_a_subset():
    truth = Graph.parse("a -> b -> c; d")
    probe = Probe(Setting.of(Observations.of_names("abcd"), Oracle(truth), NOTHING))
    skeleton = Skeleton.complete(probe.setting, np.zeros((4, 4), bool))
    checks = _Checks(probe, skeleton, np.zeros((4, 4), bool), 0.01)
    assert checks._cut_along((3, 0, 2, 1), (1,)) == [(3, 0), (0, 2)]
    assert skeleton.separator(0, 2) == (1,) and skeleton.separator(0, 3) == ()
    assert skeleton.adjacent[1, 2]


def test_a_repair_that_joins_a_pair_is_told_in_the_evidence():
    # a <-> b <-> c <-> d with b -> d and c -> a: a and d cannot be separated, yet they are apart.
    setting = Setting.of(Observations.of_names("abcd"), Oracle(Graph.parse("a; b; c; d")), NOTHING)
    apart = np.zeros((4, 4), bool)
    apart[0, 3] = apart[3, 0] = True
    skeleton = Skeleton.complete(setting, apart)
    marks = Marks(4)
    for u, v in ((0, 1), (1, 2), (2, 3)):
        marks.join(u, v, Mark.ARROW, Mark.ARROW)
    marks.orient(1, 3)
    marks.orient(2, 0)
    made = finish(skeleton, marks, {}, [])
    assert made.graph.edges_between("a", "d")
    assert made.repaired == {(0, 3): "joined by the repair"}
    assert skeleton.adjacent[0, 3] and "fit no graph" in made.warnings[0]


def check_sound(found: Graph, truth: Graph) -> None:
    """Arrowheads are at no ancestor of the other end or of selection, tails at ancestors."""
    for edge in found.edges:
        for here, there, mark in ((edge.a, edge.b, edge.mark_a), (edge.b, edge.a, edge.mark_b)):
            above = here in truth.ancestors({there} | set(truth.selected))
            assert not (mark is Mark.TAIL and not above), (edge, here)
            assert not (mark is Mark.ARROW and above), (edge, here)


def test_rfci_with_an_oracle_is_sound_and_has_every_edge():
    same = 0
    for truth in hidden_dags(3, GRAPHS):
        found = RFCI(Oracle(truth)).run(Observations.of_names(truth.observed))
        check_sound(found.graph, truth)
        assert skeleton_of(mag_of(truth)) <= skeleton_of(found.graph)
        assert not found.warnings
        same += found.graph == pag_of(truth)
    # Colombo et al. (2012, section 5): the two differ on few graphs.
    assert same > 0.95 * GRAPHS


@pytest.mark.parametrize("truth", [NEEDS_WIDE_SETS, RFCI_KNOWS_LESS])
def test_rfci_may_know_less_than_fci(truth):
    data = Observations.of_names(truth.nodes)
    wide, fast = FCI(Oracle(truth)).run(data), RFCI(Oracle(truth)).run(data)
    assert wide.graph == pag_of(truth) != fast.graph
    check_sound(fast.graph, truth)
    assert skeleton_of(fast.graph) >= skeleton_of(wide.graph)


@pytest.mark.parametrize("algorithm", [FCI, RFCI])
def test_true_knowledge_is_honoured_and_keeps_the_answer_right(algorithm):
    random = np.random.default_rng(4)
    for truth in hidden_dags(5, GRAPHS):
        if truth.selected:
            continue
        mag = mag_of(truth)
        order = [node for node in truth.topological_order() if node in truth.observed]
        cut = int(random.integers(1, len(order)))
        arrows = [(a, b) for b in order for a in sorted(mag.parents(b)) if random.random() < 0.2]
        absent = [
            (a, b) for a in order for b in order
            if a != b and a not in truth.ancestors(b) and random.random() < 0.1
        ]  # fmt: skip
        pairs = [tuple(sorted(pair)) for pair in skeleton_of(mag) if random.random() < 0.1]
        knowledge = Knowledge([order[:cut], order[cut:]], arrows, absent, latent_pairs=pairs)
        found = algorithm(Oracle(truth)).run(Observations.of_names(truth.observed), knowledge)
        plain = algorithm(Oracle(truth)).run(Observations.of_names(truth.observed))
        check_sound(found.graph, truth)
        if algorithm is FCI:
            assert skeleton_of(found.graph) == skeleton_of(mag)
        for a, b in arrows:
            assert a in found.graph.parents(b)
        for a, b in absent:
            assert a not in found.graph.parents(b)
        for edge in found.graph.edges:
            early, late = (edge.a, edge.b) if edge.a in order[:cut] else (edge.b, edge.a)
            if early in order[:cut] and late in order[cut:]:
                assert (edge.mark_a if edge.a == late else edge.mark_b) is Mark.ARROW
        # Nothing that was known without it is lost.
        if algorithm is FCI:
            known = {frozenset((e.a, e.b)): {e.a: e.mark_a, e.b: e.mark_b} for e in found.graph.edges}
            for edge in plain.graph.edges:
                after = known[frozenset((edge.a, edge.b))]
                for end, before in ((edge.a, edge.mark_a), (edge.b, edge.mark_b)):
                    assert before in (Mark.CIRCLE, after[end])
        assert not found.warnings


def test_forbidden_both_ways_leaves_a_common_cause():
    truth = Graph.parse("u -> x; u -> y; u [latent]")
    known = Knowledge(forbidden=[("x", "y"), ("y", "x")])
    found = FCI(Oracle(truth)).run(Observations.of_names("xy"), known)
    assert found.graph == Graph.parse("[pag]; x <-> y")
    apart = Knowledge(tiers=[["x", "y"]], apart_within=True)
    found = FCI(Oracle(truth)).run(Observations.of_names("xy"), apart)
    assert not found.graph.edges
    assert "allows no edge between x and y" in found.warnings[0]
    latent = Knowledge(tiers=[["x", "y"]], apart_within=True, latent_pairs=[("x", "y")])
    found = FCI(Oracle(truth)).run(Observations.of_names("xy"), latent)
    assert found.graph == Graph.parse("[pag]; x <-> y")


def test_a_latent_pair_stays_joined_against_the_data():
    found = FCI(Oracle(Graph.parse("x; y"))).run(
        Observations.of_names("xy"), Knowledge(latent_pairs=[("x", "y")])
    )
    assert len(found.graph.edges) == 1
    assert "keeps the edge between x and y" in found.warnings[0]


@pytest.mark.parametrize("algorithm", [FCI, RFCI])
def test_the_order_of_the_columns_does_not_matter(algorithm):
    random = np.random.default_rng(6)
    for _ in range(10):
        truth = random_dag(random, 14, 3.5, latent=2)
        data = linear_data(random, truth, 300)
        shuffled = data.subset([data.names[i] for i in random.permutation(12)])
        one, other = (algorithm(FisherZ(), 0.05).run(each) for each in (data, shuffled))
        assert one.graph == other.graph
        assert one.tests == other.tests


class _Chance(Tester):
    def __init__(self, names, seed) -> None:
        super().__init__(names, 0)
        self._seed = seed

    def _compute(self, x, y, given):
        p_value = float(np.random.default_rng([self._seed, x, y, *given]).random())
        return Independence(x, y, given, 1 - p_value, p_value)


@settings(max_examples=60 if not SLOW else 1000, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([FCI, RFCI]), st.booleans())
def test_tests_that_answer_at_random_still_give_a_valid_pag(seed, algorithm, informed):
    random = np.random.default_rng(seed)
    names = [f"v{i}" for i in range(int(random.integers(4, 9)))]

    class Chance(IndependenceTest):
        name = "chance"

        def on(self, data):
            return _Chance(data.names, seed)

    knowledge = None
    if informed:
        knowledge = Knowledge(tiers=[names[:2], names[2:]], required=[(names[0], names[3])])
    found = algorithm(Chance(), alpha=0.3).run(Observations.of_names(names), knowledge)
    assert found.graph.kind is GraphKind.PAG
    if knowledge is None:
        # Making the graph anew checks its form in full.
        assert Graph(found.graph.nodes, found.graph.edges, kind=GraphKind.PAG) == found.graph
    else:
        assert names[0] in found.graph.parents(names[3])
        for late in names[2:]:
            assert not found.graph.parents(names[:2]) & {late}
    for each in found.evidence:
        assert each.adjacent == bool(found.graph.edges_between(each.a, each.b))


def test_the_answer_nears_the_truth_with_more_rows():
    random = np.random.default_rng(7)
    worlds = [random_dag(random, 10, 2.5, latent=2) for _ in range(10)]
    distances, wrong_pairs = [], []
    for rows in (100, 50_000):
        total = wrong = 0
        for k, truth in enumerate(worlds):
            data = linear_data(np.random.default_rng(50 + k), truth, rows)
            found = FCI(FisherZ(), alpha=0.01 if rows < 5_000 else 0.001).run(data)
            total += structural_distance(found.graph, pag_of(truth))
            wrong += len(skeleton_of(found.graph) ^ skeleton_of(pag_of(truth)))
        distances.append(total)
        wrong_pairs.append(wrong)
    # Nearly all wrong edges are gone (hidden causes leave some weak ones); each that is left turns marks around it.
    assert wrong_pairs[1] < 0.25 * wrong_pairs[0]
    assert distances[1] < 0.7 * distances[0]


def test_possible_d_sep_sets_by_hand():
    # a -> b <- c <- d as marks: from a the collider b leads on to c, and c is no collider, so d is not reached.
    marks = Marks(4)
    for u, v in ((0, 1), (2, 1), (3, 2)):
        marks.orient(u, v)
    starts, entries = possible_d_sep(marks, None)
    sets = [set(entries[starts[i] : starts[i + 1]].tolist()) for i in range(4)]
    assert sets == [{1, 2}, {0, 2}, {0, 1, 3}, {2}]
    starts, entries = possible_d_sep(marks, 1)
    assert np.diff(starts).tolist() == [1, 2, 2, 1]


def test_a_discriminating_path_by_hand():
    # t -> a <-> b o-> c with a -> c: <t, a, b, c> discriminates b.
    marks = Marks(4)
    t, a, b, c = range(4)
    marks.orient(t, a)
    marks.join(a, b, Mark.ARROW, Mark.ARROW)
    marks.orient(a, c)
    marks.join(b, c, Mark.CIRCLE, Mark.ARROW)
    assert list(discriminating_paths(marks)) == [(t, a, b, c)]


def test_options_out_of_range_are_refused():
    with pytest.raises(DiscoveryError, match=r"max_path.*0"):
        FCI(max_path=0)
    with pytest.raises(DiscoveryError, match="alpha"):
        RFCI(alpha=0.0)
    with pytest.raises(KnowledgeError):
        FCI(Oracle(Graph.parse("a; b"))).run(Observations.of_names("ab"), Knowledge(required=[("a", "z")]))
