"""Sortability in closed form, and the baselines that use it."""

from __future__ import annotations

import numpy as np
import pytest
from linear_models import found_weights, observed, random_weights, rows_of

from aitia.discovery import DiscoveryError, Observations, SortBy, SortRegress, r2_sortability, varsortability


def chain(slope: float, p: int = 4) -> Observations:
    """The population of a chain with noise of variance one."""
    weights = np.diag(np.full(p - 1, slope), 1)
    mixed = np.linalg.inv(np.eye(p) - weights)
    return Observations.of_covariance("abcdefgh"[:p], mixed.T @ mixed, 1000)


def test_closed_forms():
    graph = "a -> b; b -> c; c -> d"
    assert varsortability(chain(1.0), graph) == 1.0  # variances 1, 2, 3, 4
    assert varsortability(chain(1.0), "d -> c; c -> b; b -> a") == 0.0
    standard = Observations.of_covariance("abcd", chain(1.0).correlation, 1000)
    assert varsortability(standard, graph) == 0.5  # all ties
    # The inner ones of a chain of equal correlations are explained from both sides, the ends from one: of the paths
    # a-b, b-c, c-d, a-c, b-d, a-d: R2 grows, ties, falls, grows, falls, ties.
    equal = Observations.of_covariance("abcd", 0.6 ** np.abs(np.subtract.outer(range(4), range(4))), 1000)
    assert r2_sortability(equal, graph) == pytest.approx((1 + 0.5 + 0 + 1 + 0 + 0.5) / 6)


def test_paths_of_each_length_count_once():
    # a -> b -> d and a -> c -> d: four edges, and one pair (a, d) joined by paths of two edges.
    covariance = np.diag([1.0, 2.0, 0.5, 3.0])
    data = Observations.of_covariance("abcd", covariance, 1000)
    assert varsortability(data, "a -> b; a -> c; b -> d; c -> d") == pytest.approx(4 / 5)


def test_without_edges_there_is_nothing_to_sort():
    assert np.isnan(varsortability(chain(1.0), "a; b; c; d"))
    with pytest.raises(DiscoveryError, match="no variable 'q'"):
        varsortability(chain(1.0), "a -> q")


def test_simulated_graphs_are_varsortable_until_they_are_standardised():
    # Random graphs of average degree 4 with weights of size 0.5 to 1.5: varsortability near one on the raw scale
    # (Reisach et al. 2021, section 3.4), exactly one half once standardised.
    raw, standard, r2 = [], [], []
    for seed in range(30):
        weights = random_weights(10, np.random.default_rng(seed), 4 / 9)
        mixed = np.linalg.inv(np.eye(10) - weights)
        names = [f"x{i}" for i in range(10)]
        data = Observations.of_covariance(names, mixed.T @ mixed, 1000)
        graph = "; ".join(f"{names[i]} -> {names[j]}" for i, j in zip(*np.nonzero(weights)))
        raw.append(varsortability(data, graph))
        same = Observations.of_covariance(names, data.correlation, 1000)
        standard.append(varsortability(same, graph))
        r2.append((r2_sortability(data, graph), r2_sortability(same, graph)))
    assert np.mean(raw) > 0.9
    assert standard == [0.5] * 30
    assert all(a == pytest.approx(b) for a, b in r2)  # no units in it


def test_sorting_by_variance_wins_on_raw_simulations_and_loses_on_standardised_ones():
    wrong = {"raw": 0, "standard": 0}
    for seed in range(5):
        rng = np.random.default_rng(seed)
        weights = random_weights(8, rng, 0.4)
        values = rows_of(weights, rng.normal(size=(3000, 8)))
        for which, rows in (("raw", values), ("standard", values / values.std(axis=0) * (1 + rng.random(8)))):
            data = observed(rows)
            made = found_weights(SortRegress().run(data), data.names)
            wrong[which] += int(((made != 0) != (weights != 0)).sum())
    assert wrong["raw"] * 5 < wrong["standard"]


def test_the_criteria_order_as_they_say():
    rng = np.random.default_rng(0)
    a = rng.normal(size=500)
    columns = {"a": 9 * a, "b": a + rng.normal(size=500), "c": 4 * rng.normal(size=500)}
    assert SortRegress().run(columns).order == ("b", "c", "a")
    by_r2 = SortRegress(SortBy.R2).run(columns)
    assert by_r2.order[0] == "c"
    random = {SortRegress("random").run(columns, seed=seed).order for seed in range(20)}
    assert len(random) > 3
    assert any("baseline" in each for each in by_r2.warnings)
