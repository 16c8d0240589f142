"""Interventional classes against brute force, and what the options do."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from search_worlds import (
    MANY,
    all_dags,
    covariance_of,
    names_of,
    parents_of,
    population,
    random_weights,
    sample,
)

from aitia.discovery import DiscoveryError, Knowledge, KnowledgeError, Observations
from aitia.discovery.search import GES, GIES, Environment
from aitia.discovery.search._gies import InterventionalScorer, _gaussian
from aitia.graphs import Edge, Mark

DAGS = {p: all_dags(p) for p in (3, 4)}


def form(parents, targets=()) -> tuple[frozenset, frozenset]:
    """Skeleton and unshielded colliders of a DAG without the arrows into targets."""
    above = [() if v in targets else each for v, each in enumerate(parents)]
    joined = frozenset(frozenset((a, v)) for v, each in enumerate(above) for a in each)
    colliders = frozenset(
        (frozenset((a, b)), v)
        for v, each in enumerate(above)
        for a, b in combinations(each, 2)
        if frozenset((a, b)) not in joined
    )
    return joined, colliders


def equivalent(parents, other, family) -> bool:
    """Hauser & Bühlmann (2012), theorem 10 (iii): same skeleton and colliders, and same skeletons after each
    intervention."""
    return form(parents) == form(other) and all(
        form(parents, targets)[0] == form(other, targets)[0] for targets in family
    )


def essential(parents, family, names) -> set[Edge]:
    """The union of all DAGs that are equivalent."""
    arrows = {
        (a, v)
        for other in DAGS[len(parents)]
        if equivalent(parents, other, family)
        for v, above in enumerate(other)
        for a in above
    }
    edges = set()
    for a, v in arrows:
        if (v, a) not in arrows:
            edges.add(Edge(names[a], names[v]))
        elif a < v:
            edges.add(Edge(names[a], names[v], Mark.TAIL, Mark.TAIL))
    return edges


def plain(edges) -> set:
    return {frozenset({(e.a, e.mark_a), (e.b, e.mark_b)}) for e in edges}


@pytest.mark.parametrize("seed", range(40))
def test_populations_give_the_interventional_essential_graph(seed):
    random = np.random.default_rng(seed)
    p = 3 + seed % 2
    weights = random_weights(p, random.uniform(1, p - 1), random)
    names = names_of(p)
    family = [
        tuple(random.choice(p, random.integers(1, 3), replace=False).tolist())
        for _ in range(random.integers(0, 3))
    ]
    environments = [
        Environment(population(weights, targets=targets), [names[v] for v in targets]) for targets in family
    ]
    truth = tuple(map(tuple, parents_of(weights)))
    for restarts in (0, 3):
        found = GIES(environments=environments, restarts=restarts).run(population(weights))
        assert plain(found.graph.edges) == plain(essential(truth, family, names))


@pytest.mark.parametrize("seed", range(6))
def test_without_interventions_it_is_ges(seed):
    random = np.random.default_rng(seed)
    data = sample(random_weights(7, 3, random), 300, random)
    for restarts in (0, 2):
        found, usual = GIES(restarts=restarts).run(data), GES(restarts=restarts).run(data)
        assert found.score == pytest.approx(usual.score, abs=1e-6)
        assert found.graph == usual.graph


def stacked(seed: int = 0):
    """One table with a column of environments, and the same as two tables."""
    random = np.random.default_rng(seed)
    x = random.normal(size=400)
    y = x + random.normal(size=400)
    mark = np.repeat(["watched", "set y"], 200)
    y[200:] = random.normal(size=200) + 1
    whole = {"x": x, "y": y, "mark": mark}
    return whole, {"x": x[:200], "y": y[:200]}, {"x": x[200:], "y": y[200:]}


def test_a_column_of_environments_says_the_same_as_tables():
    whole, watched, done = stacked()
    by_column = GIES(column="mark", targets={"set y": ["y"]}).run(whole)
    by_tables = GIES(environments=[Environment(done, ["y"])]).run(watched)
    assert by_column.graph == by_tables.graph
    assert [str(edge) for edge in by_column.graph.edges] == ["x -> y"]
    assert by_column.score == pytest.approx(by_tables.score)
    assert by_column.between("x", "y").reason == "directed by an intervention on one end"
    assert "400 rows in 2 environments" in by_column.decisions[-1].what
    # Where nothing was set, the same rows settle no direction.
    assert GIES(column="mark").run(whole).graph.edges[0].undirected


def test_numbers_can_mark_environments():
    whole, _, _ = stacked()
    whole["mark"] = np.where(np.array(whole["mark"]) == "set y", 2.5, 1.5)
    found = GIES(column="mark", targets={2.5: ["y"]}).run(whole)
    assert [str(edge) for edge in found.graph.edges] == ["x -> y"]


def test_each_variable_is_scored_where_it_was_not_set():
    """The closed form: a sum over variables of n_v / 2 log residual variance, from the untouched rows only."""
    random = np.random.default_rng(2)
    weights = random_weights(3, 2, random)
    names = names_of(3)
    first, second = sample(weights, 100, random), sample(weights, 50, random)
    groups = [(first.moments, ()), (second.moments, (names[1],))]
    gaussian = _gaussian(groups, names, 2.0)
    scorer = InterventionalScorer(names, 150, gaussian)
    rows = np.vstack([first.values, second.values])
    for v, used in ((0, rows), (1, first.values), (2, rows)):
        others = [a for a in range(3) if a != v]
        design = np.column_stack([np.ones(len(used)), used[:, others]])
        residual = used[:, v] - design @ np.linalg.lstsq(design, used[:, v], rcond=None)[0]
        expected = -len(used) / 2 * np.log(residual.var() / used[:, v].var()) - 2 * 2.0
        assert scorer.local(v, others) == pytest.approx(expected, abs=1e-8)


def test_mistakes_are_named():
    whole, watched, done = stacked()
    with pytest.raises(DiscoveryError, match=r"which is no value of 'mark'\.\s+Did you mean 'set y'"):
        GIES(column="mark", targets={"sety": ["y"]}).run(whole)
    with pytest.raises(DiscoveryError, match=r"targets name 'z', which is no variable"):
        GIES(column="mark", targets={"set y": ["z"]}).run(whole)
    with pytest.raises(DiscoveryError, match=r"There is no variable 'marks'\.\s+Did you mean 'mark'"):
        GIES(column="marks").run(whole)
    with pytest.raises(DiscoveryError, match="came the text 'y'"):
        Environment(done, "y")
    with pytest.raises(DiscoveryError, match="a column of environments or further tables, but came both"):
        GIES(column="mark", environments=[Environment(done, ["y"])])
    with pytest.raises(DiscoveryError, match="no column"):
        GIES(targets={"set y": ["y"]})
    with pytest.raises(DiscoveryError, match="'y' was set in every environment"):
        GIES(column="mark", targets={"set y": ["y"], "watched": ["y"]}).run(whole)
    with pytest.raises(DiscoveryError, match="Environment 1 lacks y"):
        GIES(environments=[Environment({"x": done["x"], "w": done["y"]}, ["y"])]).run(watched)
    with pytest.raises(KnowledgeError, match="names 'mark'"):
        GIES(column="mark").run(whole, Knowledge(required=[("mark", "y")]))


def test_knowledge_is_honoured_beside_interventions():
    weights = np.zeros((4, 4))
    weights[1, 0] = weights[2, 1] = weights[3, 2] = 1.0
    names = names_of(4)
    watched = Observations.of_covariance(names, covariance_of(weights), MANY)
    done = Observations.of_covariance(names, covariance_of(weights, [3]), MANY)
    found = GIES(environments=[Environment(done, [names[3]])]).run(
        watched, Knowledge(forbidden=[(names[1], names[0])])
    )
    assert all(edge.directed for edge in found.graph.edges)
    assert len(found.graph.edges) == 3
