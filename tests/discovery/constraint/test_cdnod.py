"""CD-NOD: changing mechanisms are found, and tell causes that no independence among the variables tells."""

from __future__ import annotations

import numpy as np
import pytest
from random_worlds import random_dag

from aitia.discovery import (
    ConditionalGaussian,
    DiscoveryError,
    KnowledgeError,
    Observations,
    Oracle,
    TestWise,
)
from aitia.discovery._knowledge import Knowledge
from aitia.discovery.constraint import CDNOD
from aitia.discovery.constraint._change import independent_change
from aitia.graphs import Edge, Graph, Mark, completed, restrict


def test_an_oracle_gives_the_class_with_an_exogenous_context():
    random = np.random.default_rng(1)
    for _ in range(150):
        world = random_dag(random, int(random.integers(3, 8)), random.uniform(1, 3))
        touched = [node for node in world.nodes if random.random() < 0.4]
        truth = Graph(
            (*world.nodes, "site"),
            world.edges + tuple(Edge("site", v, Mark.TAIL, Mark.ARROW) for v in touched),
        )
        found = CDNOD(Oracle(truth), context="site").run(Observations.of_names(truth.nodes))
        assert found.graph == restrict(completed(truth), required=[("site", v) for v in touched])
        assert set(found.details["changing"]) == set(touched)


def two_mechanisms(seed: int, domains: int = 24, rows: int = 150):
    """x -> y -> w; the mean of x and the strength of x -> y differ between sites, w's mechanism does not."""
    random = np.random.default_rng(seed)
    site = np.repeat(np.arange(domains), rows)
    mean, slope = random.normal(size=domains), random.uniform(0.2, 2.0, domains)
    x = mean[site] + random.normal(size=len(site))
    y = slope[site] * x + random.normal(size=len(site))
    w = 0.8 * y + random.normal(size=len(site))
    return x, y, w, site


def test_changing_mechanisms_point_the_edges():
    right = 0
    for seed in range(6):
        x, y, w, site = two_mechanisms(seed)
        data = Observations.of({"w": w, "y": y, "x": x, "site": [f"s{each}" for each in site]})
        found = CDNOD(ConditionalGaussian(), context="site").run(data)
        assert set(found.details["changing"]) >= {"x", "y"}
        right += found.graph.parents("y") == {"x", "site"} and found.graph.parents("w") == {"y"}
        if found.graph.parents("y") == {"x", "site"}:
            evidence = found.between("x", "y")
            assert evidence is not None and evidence.reason == "independent change"
        assert found.graph.parents("site") == frozenset()
    # Where the two mechanisms happen to change alike the edge stays open (level 0.05), and w - site is cut with
    # level 0.01 a site: one miss in six is allowed.
    assert right >= 5


def test_missing_values_are_passed_over_by_the_test_of_change_too():
    x, y, w, site = two_mechanisms(0)
    y[::11], w[::13] = np.nan, np.nan
    table = {"w": w, "y": y, "x": x, "site": [f"s{each}" for each in site]}
    table["site"][:40] = [None] * 40
    data = Observations.of(table, missing="keep")
    found = CDNOD(TestWise(ConditionalGaussian()), context="site").run(data)
    assert found.graph.parents("y") == {"x", "site"} and found.graph.parents("w") == {"y"}


def test_without_the_test_of_change_the_edge_stays_open():
    x, y, w, site = two_mechanisms(0)
    data = Observations.of({"w": w, "y": y, "x": x, "site": [f"s{each}" for each in site]})
    found = CDNOD(ConditionalGaussian(), context="site", change=0.0).run(data)
    assert "x" not in found.graph.parents("y") and "y" not in found.graph.parents("x")
    assert found.graph.edges_between("x", "y")


def test_independent_change_is_calibrated_and_has_power():
    forward, backward = [], []
    for seed in range(30):
        x, y, _, site = two_mechanisms(seed, rows=60)
        found = independent_change(x, y, np.empty((len(x), 0)), site, seed, "x", "y")
        assert found is not None
        forward.append(found.forward)
        backward.append(found.backward)
    # Uniform p-values forward: of 30 about 6 below 0.2, standard error 2.2. Backward most are small.
    assert abs(np.sum(np.array(forward) < 0.2) - 6) < 4 * 2.2
    assert np.mean(np.array(backward) < 0.05) > 0.6


def test_too_few_domains_leave_the_edge_open():
    x, y, _w, site = two_mechanisms(0, domains=4)
    assert independent_change(x, y, np.empty((len(x), 0)), site, 0) is None


def test_time_is_added_where_no_context_is_named():
    random = np.random.default_rng(2)
    n = 4_000
    drift = np.linspace(-2, 2, n)
    x = drift + random.normal(size=n)
    y = x + random.normal(size=n)
    found = CDNOD(alpha=0.001).run({"x": x, "y": y})
    assert found.details == {"context": "time", "changing": ("x",)}
    assert found.graph == Graph.parse("time -> x; x -> y", "mpdag")


def test_nothing_changes_and_that_is_said():
    random = np.random.default_rng(3)
    x = random.normal(size=2_000)
    found = CDNOD(alpha=0.001).run({"x": x, "y": x + random.normal(size=2_000)})
    assert found.details["changing"] == ()
    assert "No mechanism was found to change with time" in found.warnings[-1]


def test_same_seed_same_answer_whatever_the_columns_order():
    x, y, w, site = two_mechanisms(4)
    columns = {"w": w, "y": y, "x": x, "site": [f"s{each}" for each in site]}
    one = CDNOD(ConditionalGaussian(), context="site").run(Observations.of(columns))
    other = CDNOD(ConditionalGaussian(), context="site").run(Observations.of(dict(reversed(columns.items()))))
    assert one.graph == other.graph


def test_bad_options_and_knowledge_are_named():
    names = Observations.of_names(["x", "y", "site"])
    truth = Oracle(Graph.parse("site -> x -> y"))
    with pytest.raises(DiscoveryError, match=r"'sit'"):
        CDNOD(truth, context="sit").run(names)
    with pytest.raises(KnowledgeError, match="x -> site is required"):
        CDNOD(truth, context="site").run(names, Knowledge(required=[("x", "site")]))
    with pytest.raises(DiscoveryError, match="windows"):
        CDNOD(windows=1)
    with pytest.raises(DiscoveryError, match="'time'"):
        CDNOD().run({"time": [float(i % 7) for i in range(50)], "x": [float(i % 5) for i in range(50)]})
