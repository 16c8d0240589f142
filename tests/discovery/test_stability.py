"""Stability: frequencies of edges and end marks over bootstrap replicates."""

from __future__ import annotations

import json
import math
import os
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Fixed, Hidden, Picky, Threshold, normal

from aitia.core import stats
from aitia.discovery import DiscoveryError, FisherZ, Knowledge, Observations, stability
from aitia.discovery._consensus import PLACE, consensus, nearest_graph, tally
from aitia.discovery.constraint import FCI, PC
from aitia.discovery.series import PCMCIPlus
from aitia.graphs import Edge, Graph, GraphKind, Mark, completed

QUIET = {"show_progress": False}


def test_the_share_of_an_edge_is_what_the_normal_distribution_says():
    data = normal(4000, 0.1, names=("a", "b"))
    found = float(data.correlation[0, 1])
    replicates = 2000
    for least in (found - 0.02, found, found + 0.01):
        got = stability(Threshold(least), data, replicates, **QUIET).adjacent[0, 1]
        # The bootstrap's Fisher z is normal about that of the data with variance 1 / n in normal data.
        expected = stats.norm.cdf((math.atanh(found) - math.atanh(least)) * math.sqrt(data.rows))
        # Monte-Carlo error of the share, the 3% of 500 blocks in the spread, and what the draw of rows adds to
        # the fourth moments.
        assert abs(got - expected) < 4 * math.sqrt(0.25 / replicates) + 0.02


def test_blocks_of_moments_agree_with_single_rows():
    data = normal(3000, 0.1)
    replicates = 600
    blocks = stability(Threshold(0.1), data, replicates, **QUIET)
    rows = stability(Threshold(0.1, rows_too=True), data, replicates, **QUIET)
    assert "moments" in blocks.resampled and rows.resampled == "single rows"
    assert 0.1 < rows.adjacent[0, 1] < 0.9, "a share near 0 or 1 would show nothing"
    # Two independent Monte-Carlo errors, and the 3% to which 500 blocks know the spread of a correlation.
    slack = 4.5 * math.sqrt(2 * 0.25 / replicates) + 0.01
    assert np.abs(blocks.adjacent - rows.adjacent).max() < slack


def test_blocks_of_moments_agree_with_single_rows_for_every_mark_of_pc():
    data = normal(800, 0.25)
    replicates = 400
    by_blocks = stability(PC(FisherZ()), data, replicates, **QUIET)
    draws = np.random.default_rng(5)
    graphs = [
        PC(FisherZ()).run(data.take(draws.integers(0, 800, 800)), allow_determined=True).graph
        for _ in range(replicates)
    ]
    slack = 4.5 * math.sqrt(2 * 0.25 / replicates) + 0.01
    assert np.abs(by_blocks.states - tally(graphs, data.names)).max() < slack


def test_the_spread_over_replicates_is_that_of_rows():
    from aitia.discovery._resample import resampled

    data, replicates = normal(3000, 0.3), 1000
    source = resampled(Threshold(), data, Threshold().run(data), Knowledge(), None, 0)
    drawn = np.array([each.correlation[np.triu_indices(4, 1)] for each in source.draws(replicates)])
    spread = np.arctanh(drawn).std(axis=0) * math.sqrt(data.rows)
    # 1 in normal data, each of six known to sqrt(1 / (2 * 500) + 1 / (2 * 1000)) = 4% by blocks and replicates.
    assert np.abs(spread - 1).max() < 4 * 0.04
    assert abs(np.mean([each.rows for each in source.draws(200)]) / 3000 - 1) < 0.01


def test_an_algorithm_that_answers_otherwise_on_moments_draws_rows():
    class TwoFaced(Threshold):
        def _search(self, data, knowledge, seed, show_progress):
            least = 0.1 if data.has_rows else 0.9
            return Threshold(least)._search(data, knowledge, seed, show_progress)

    found = stability(TwoFaced(), normal(300, 0.5), 5, **QUIET)
    assert found.resampled == "single rows" and found.adjacent[0, 1] == 1


def test_a_pair_that_is_independent_is_joined_more_often_than_the_level_says():
    # The z of a replicate is normal about that of the data, which is normal about 0: variance 2 together, so that
    # |z| > 2.576 has probability 2 (1 - Phi(2.576 / sqrt 2)) = 6.9% where the level says 1%.
    seeds, cut = 150, math.tanh(2.5758 / math.sqrt(197))
    shares = [
        stability(Threshold(cut), normal(200, 0.0, seed, ("a", "b")), 60, **QUIET).adjacent[0, 1]
        for seed in range(seeds)
    ]
    expected = 2 * stats.norm.sf(2.5758 / math.sqrt(2))
    assert abs(np.mean(shares) - expected) < 4 * np.std(shares) / math.sqrt(seeds)
    assert np.mean(shares) > 0.02


def test_frequencies_are_consistent():
    found = stability(PC(FisherZ()), normal(500, 0.3), 50, **QUIET)
    assert np.allclose(found.states, found.states.transpose(1, 0, 3, 2))
    assert found.adjacent.max() <= 1 + 1e-12 and found.adjacent.max() > 0.5
    assert np.allclose(found.marks.sum(axis=2), found.adjacent)
    assert np.allclose(found.directed, found.states[:, :, PLACE[Mark.TAIL], PLACE[Mark.ARROW]])
    assert found.replicates == len(found.graphs) == 50
    ab = found.between("a", "b")
    joined = [graph.edges_between("a", "b") for graph in found.graphs]
    assert ab.adjacent == pytest.approx(np.mean([bool(each) for each in joined]))
    assert ab.forward == pytest.approx(np.mean([each == (Edge("a", "b"),) for each in joined]))
    assert found.std_error(0.5) == pytest.approx(math.sqrt(0.25 / 50))


def test_the_order_of_columns_does_not_matter():
    data = normal(600, 0.3)
    turned = Observations.of_values(data.names[::-1], np.asfortranarray(data.values[:, ::-1]))
    one, other = (stability(PC(FisherZ()), each, 40, **QUIET) for each in (data, turned))
    assert one.found.graph == other.found.graph and one.consensus == other.consensus
    assert np.allclose(one.states, other.states[::-1, ::-1])


def test_same_seed_same_answer():
    data = normal(300, 0.12)
    one, again, other = (stability(Threshold(0.12), data, 60, seed=seed, **QUIET) for seed in (1, 1, 2))
    assert (one.states == again.states).all()
    assert (one.states != other.states).any()


def test_every_replicate_honours_knowledge():
    known = Knowledge(forbidden=[("a", "b"), ("b", "a")], tiers=[["c"], ["b"]])
    found = stability(PC(FisherZ()), normal(500, 0.5), 30, knowledge=known, **QUIET)
    free = stability(PC(FisherZ()), normal(500, 0.5), 30, **QUIET)
    assert free.adjacent[0, 1] == 1 and found.adjacent[0, 1] == 0
    assert found.between("b", "c").forward == 0 and found.between("b", "c").backward > 0.9


def test_replicates_that_fail_are_counted():
    data = normal(400, 0.2)
    least = float(data.correlation[0, 1])
    found = stability(Picky(0.1, refuses_below=least - 1e-9), data, 60, **QUIET)
    failed = 60 - found.replicates
    assert 10 < failed < 50 and found.warnings[0].startswith(f"{failed} of 60 replicates have no graph")
    with pytest.raises(DiscoveryError, match="failed in every replicate; the first said: Codes of 'a'"):
        stability(Broken(0.1), data, 5, **QUIET)


class Broken(Threshold):
    """Fails on every draw of rows."""

    def _search(self, data, knowledge, seed, show_progress):
        if len(set(data.values[:, 0])) < data.rows:
            raise DiscoveryError("Codes of 'a' repeat.", "")
        return super()._search(data, knowledge, seed, show_progress)


def test_what_cannot_be_bootstrapped_says_so():
    data = normal(100, 0.5)
    with pytest.raises(DiscoveryError, match="Replicates need the rows"):
        stability(Threshold(), Observations.of_moments(data.moments), 10, **QUIET)
    with pytest.raises(DiscoveryError, match="needs two blocks, but 1"):
        stability(Threshold(), data, 10, blocks=1, **QUIET)
    with pytest.raises(DiscoveryError, match="At least one replicate"):
        stability(Threshold(), data, 0, **QUIET)
    with pytest.raises(DiscoveryError, match="The threshold is a share"):
        stability(Threshold(), data, 10, threshold=1.0, **QUIET)
    assert "Only 20 blocks" in stability(Threshold(), data, 10, blocks=20, **QUIET).warnings[0]
    with pytest.raises(DiscoveryError, match="no variable 'e'"):
        stability(Threshold(), data, 10, **QUIET).between("a", "e")


def test_discrete_columns_draw_rows():
    random = np.random.default_rng(0)
    a = random.integers(0, 3, 400)
    data = Observations.of({"a": a.astype(str), "b": ((a + random.integers(0, 2, 400)) % 3).astype(str)})
    from aitia.discovery import GSquared

    found = stability(PC(GSquared()), data, 10, **QUIET)
    assert found.resampled == "single rows" and found.adjacent[0, 1] == 1


def test_time_series_draw_blocks_of_the_lagged_design():
    random = np.random.default_rng(0)
    x, y = np.zeros(400), np.zeros(400)
    for t in range(1, 400):
        x[t] = 0.6 * x[t - 1] + random.normal()
        y[t] = 0.5 * y[t - 1] + 0.5 * x[t - 1] + random.normal()
    found = stability(PCMCIPlus(max_lag=1), {"x": x, "y": y}, 20, **QUIET)
    assert "blocks of consecutive rows" in found.resampled
    assert found.between("x.lag1", "y").forward == 1.0
    assert found.between("y.lag1", "x").adjacent < 0.5


def test_inferred_variables_are_matched_by_what_they_stand_behind():
    found = stability(Hidden(), normal(300, 0.3), 40, **QUIET)
    assert set(found.graphs) == {found.found.graph}
    assert found.consensus == found.found.graph and found.consensus.latent == {"L1", "L2"}


# Consensus


@st.composite
def dags(draw: st.DrawFn, p: int) -> Graph:
    order = draw(st.permutations(range(p)))
    edges = [
        (f"v{order[i]}", f"v{order[j]}")
        for i in range(p)
        for j in range(i + 1, p)
        if draw(st.integers(0, 2)) == 0
    ]
    return Graph.build([f"v{i}" for i in range(p)], edges, kind="dag")


@settings(max_examples=150, deadline=None)
@given(st.lists(dags(6), min_size=1, max_size=7), st.sampled_from([0.3, 0.5]), st.booleans())
def test_a_consensus_has_the_form_of_its_kind_and_the_pairs_that_are_frequent(graphs, threshold, classes):
    if classes:
        graphs = [completed(each) for each in graphs]
    nodes = graphs[0].nodes
    states = tally(graphs, nodes)
    made = consensus(states, nodes, graphs[0], graphs, threshold)
    checked = Graph(
        made.graph.nodes, made.graph.edges, kind=made.graph.kind
    )  # raises where the form is wrong
    allowed = (GraphKind.CPDAG, GraphKind.MPDAG) if classes else (GraphKind.DAG,)
    assert checked.kind in allowed
    adjacent = states.sum(axis=(2, 3))
    frequent = {
        frozenset((nodes[i], nodes[j])) for i, j in np.argwhere(np.triu(adjacent > threshold, 1)).tolist()
    }
    joined = {frozenset((edge.a, edge.b)) for edge in checked.edges}
    if classes:
        assert joined == frequent
    else:
        assert joined <= frequent and len(frequent) - len(joined) == len(made.notes)


@settings(max_examples=60, deadline=None)
@given(dags(6))
def test_what_all_replicates_agree_on_is_the_consensus(dag):
    for graph in (dag, completed(dag)):
        made = consensus(tally([graph] * 3, graph.nodes), graph.nodes, graph, [graph] * 3, 0.5)
        assert made.graph == graph and made.notes == ()


@pytest.mark.parametrize("seed", range(4))
def test_the_consensus_keeps_to_knowledge(seed: int):
    random = np.random.default_rng(seed)
    names = [f"v{i}" for i in range(9)]
    weights = np.triu(random.random((9, 9)) < 0.4, 1) * 0.4
    values = random.normal(size=(250, 9)) @ np.linalg.inv(np.eye(9) - weights)
    # Tiers that contradict the order the data come from, so that knowledge has something to do.
    known = Knowledge(tiers=[names[6:], names[:3], names[3:6]], forbidden=[("v0", "v1")])
    found = stability(
        PC(FisherZ(), alpha=0.05), Observations.of_values(names, values), 40, knowledge=known, **QUIET
    )
    assert len(found.consensus.edges) > 4
    for edge in found.consensus.edges:
        ways = [(edge.a, edge.b)] if edge.directed else [(edge.a, edge.b), (edge.b, edge.a)]
        assert not any(known.forbids(*way) for way in ways), str(edge)


def test_a_consensus_is_closed_under_meeks_rules():
    texts = ("[mpdag]; a -> b -> c", "a -> b <- c", "[mpdag]; a -> b; c")
    graphs = [Graph.parse(text) for text in texts]
    nodes = ("a", "b", "c")
    made = consensus(tally(graphs, nodes), nodes, Graph.parse("a -> b <- c", kind="cpdag"), graphs, 0.5)
    # b and c are joined in two of three and neither direction leads; a -> b with a and c apart settles it.
    assert made.graph == Graph.parse("[mpdag]; a -> b -> c") and made.notes == ()


def test_a_pag_that_the_frequent_marks_do_not_make_gives_way_to_the_nearest_replicate():
    one = Graph.parse("a o-> b; c o-> b; b -> d", kind="pag")
    other = Graph.parse("a o-o b; b o-o c; c o-o d; a o-o d; a o-o c", kind="pag")
    graphs = [one, one, other]
    states = tally(graphs, one.nodes)
    assert nearest_graph(states, one.nodes, graphs) == one
    assert consensus(states, one.nodes, one, graphs, 0.5).graph == one
    # Each is one side short of a square, so that all four sides are frequent; and a square of circles is no PAG.
    sides = ["a o-o b", "b o-o c", "c o-o d", "a o-o d"]
    nodes = ("a", "b", "c", "d")
    graphs = [
        Graph(nodes, Graph.parse("; ".join(side for side in sides if side != gone)).edges, kind=GraphKind.PAG)
        for gone in sides
    ]
    made = consensus(tally(graphs, nodes), nodes, graphs[0], graphs, 0.5)
    assert made.graph in graphs and "stands in" in made.notes[0]


def test_fci_is_bootstrapped_too():
    found = stability(FCI(FisherZ()), normal(500, 0.5), 20, **QUIET)
    assert found.consensus.kind is GraphKind.PAG
    assert found.marks[:, :, PLACE[Mark.CIRCLE]].max() > 0.5


# What a person sees


def test_display_names_the_least_stable_edge():
    chain, fork = Graph.parse("a -> b -> c; d"), Graph.parse("a -> b; d; c")
    found = stability(Fixed((chain, fork)), normal(200, 0.5), 60, **QUIET)
    text = repr(found)
    assert "Over 60 bootstrap replicates" in text
    if found.found.graph == chain:
        assert "the least stable, b -> c, in" in text
    assert "a -> b" in text and found._repr_html_().startswith("<div>")
    held = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert held["replicates"] == 60 and held["consensus"]["kind"] == "dag"
    assert {"a", "b", "adjacent", "forward", "backward", "state", "share"} <= set(held["edges"][0])
    widths = found.widths(chain)
    assert widths[Edge("a", "b")] > widths[Edge("b", "c")]
    assert found.draw(title="a $title").axes


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("AITIA_SLOW"), reason="measures speed; set AITIA_SLOW=1")
def test_two_hundred_replicates_of_pc_take_under_ten_seconds():
    random = np.random.default_rng(0)
    p, n = 50, 100_000
    weights = np.triu(random.random((p, p)) < 4 / (p - 1), 1) * random.uniform(-1, 1, (p, p))
    values = random.normal(size=(n, p)) @ np.linalg.inv(np.eye(p) - weights)
    data = Observations.of_values([f"x{i}" for i in range(p)], np.asfortranarray(values))
    stability(PC(FisherZ()), normal(500, 0.5), 2, **QUIET)  # compiles
    started = time.perf_counter()
    stability(PC(FisherZ()), data, 200, **QUIET)
    assert time.perf_counter() - started < 10


def test_blocks_of_a_series_are_stretches_of_time():
    from aitia.discovery._resample import resampled
    from aitia.discovery.series import lagged

    data = normal(300, 0.3, names=("a", "b"))
    method = PCMCIPlus(max_lag=1)
    source = resampled(method, data, method.run(data), Knowledge(), 7, 0)
    wide = lagged(data, 2)
    assert source.groups is not None and source.groups.names == wide.names
    start = 0
    for rows, mean in zip(source.groups.counts.astype(int), source.groups.means):
        assert np.allclose(mean, wide.values[start : start + rows].mean(axis=0))
        start += rows
    assert start == wide.rows and len(source.groups) == 7
