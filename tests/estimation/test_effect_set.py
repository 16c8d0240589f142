"""Sets of effects: the members' values, the union interval, the deciding edge, and the linear fast path."""

from __future__ import annotations

import json
import math
import os

import numpy as np
import pytest

from aitia import Effect
from aitia.core import stream
from aitia.estimation import (
    EffectSet,
    NotApplicable,
    NothingEstimated,
    NotLinear,
    PlugIn,
    RegressionAdjustment,
    estimate_set,
    linear_effects,
    total_effects,
)
from aitia.graphs import Graph, completed, members
from aitia.identification import (
    Contrast,
    Interventional,
    Local,
    Optimal,
    possible_estimands,
    subgroup,
)
from aitia.statistics import Moments

TRIANGLE = Graph.parse("z -- x; x -- y; z -- y")
SEEDS = 2000 if os.environ.get("AITIA_SLOW") else 200


def linear_model(rng: np.random.Generator, names: str, density: float = 0.5) -> tuple[Graph, np.ndarray]:
    """A random DAG and its weights: [i, j] is the effect of i on j, in the order of `names`."""
    order = rng.permutation(len(names))
    weights = np.zeros((len(names), len(names)))
    for a, i in enumerate(order):
        for j in order[a + 1 :]:
            if rng.random() < density:
                weights[i, j] = rng.uniform(0.4, 1.2) * rng.choice([-1, 1])
    arrows = [(names[i], names[j]) for i, j in zip(*np.nonzero(weights))]
    return Graph.build(nodes=list(names), directed=arrows), weights


def population(weights: np.ndarray, names: str, n: int = 10**6) -> Moments:
    """The exact moments of the model with unit error variances."""
    onward = np.linalg.inv(np.eye(len(weights)) - weights)
    return Moments(tuple(names), n, float(n), np.zeros(len(weights)), n * onward.T @ onward)


def drawn(weights: np.ndarray, rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.normal(size=(n, len(weights))) @ np.linalg.inv(np.eye(len(weights)) - weights)


def effects_of(dag: Graph, moments: Moments, x: tuple[str, ...], y: str) -> np.ndarray:
    """Joint total effects if this DAG is true: path sums of least-squares coefficients on each node's parents."""
    names, cross = moments.names, moments.cross
    weights = np.zeros_like(cross)
    for node in names:
        if node not in x and (before := [names.index(p) for p in dag.parents(node)]):
            weights[before, names.index(node)] = np.linalg.solve(
                cross[np.ix_(before, before)], cross[before, names.index(node)]
            )
    onward = np.linalg.inv(np.eye(len(names)) - weights)
    return onward[[names.index(each) for each in x], names.index(y)]


def rounded(values) -> list[float]:
    return sorted(round(float(each), 8) + 0.0 for each in values)


@pytest.mark.parametrize("case", range(40))
def test_ida_on_a_population_is_the_multiset_over_the_members(case: int):
    rng = stream(case, "ida")
    dag, weights = linear_model(rng, "abcde")
    moments, graph = population(weights, "abcde"), completed(dag)
    x, y = rng.permutation(list("abcde"))[:2].tolist()
    every = list(members(graph))
    exact = rounded(effects_of(each, moments, (x,), y)[0] for each in every)
    found = linear_effects(moments, possible_estimands(graph, Effect(x, y)))
    got = [each.value for each in found.members for _ in range(each.possible.count)]
    assert rounded(got) == exact, (graph, x, y)
    assert len(found.distinct) == len(found.members) == len(set(exact))
    by_parents = linear_effects(moments, possible_estimands(graph, Effect(x, y), method=Optimal()))
    assert rounded([e.value for e in by_parents.members for _ in range(e.possible.count)]) == exact


@pytest.mark.parametrize("case", range(40))
def test_joint_ida_on_a_population_is_the_multiset_over_the_members(case: int):
    rng = stream(case, "joint ida")
    dag, weights = linear_model(rng, "abcde")
    moments, graph = population(weights, "abcde"), completed(dag)
    a, b, y = rng.permutation(list("abcde"))[:3].tolist()
    possible = possible_estimands(graph, Interventional((y,), (a, b)))
    for k, treatment in enumerate((a, b)):
        exact = rounded(effects_of(each, moments, (a, b), y)[k] for each in members(graph))
        found = linear_effects(moments, possible, treatment)
        got = [each.value for each in found.members for _ in range(each.possible.count)]
        assert rounded(got) == exact, (graph, a, b, y)


def test_total_effects_of_a_complete_dag_are_least_squares():
    # With the parents of x adjusted for and nothing else to use, G-regression is the regression on x and z.
    rng = stream(3, "least squares")
    rows = rng.normal(size=(300, 3)) @ rng.normal(size=(3, 3))
    moments = Moments.of(rows, ["z", "x", "y"])
    found = total_effects(moments, Graph.parse("z -> x; z -> y; x -> y"), ["x"], "y")
    design = np.column_stack([np.ones(300), rows[:, :2]])
    beta, residual, *_ = np.linalg.lstsq(design, rows[:, 2], rcond=None)
    error = np.sqrt(residual[0] / 297 * np.linalg.inv(design.T @ design)[2, 2])
    assert found.values[0] == pytest.approx(beta[2]) and found.std_errors[0] == pytest.approx(error)
    assert found.degrees_of_freedom == 297


def test_standard_errors_of_total_effects_are_those_of_repetition():
    # x -> m -> y with a second path, so that the delta method has to combine regressions.
    graph = Graph.parse("w -> x; x -> m; m -> y; w -> y; x -> k; k -> y")
    names = "wxmky"
    weights = np.zeros((5, 5))
    arrows = {"wx": 1.0, "xm": 0.8, "my": 0.7, "wy": 0.5, "xk": 0.6, "ky": 0.9}
    for (a, b), weight in arrows.items():
        weights[names.index(a), names.index(b)] = weight
    truth = 0.8 * 0.7 + 0.6 * 0.9
    values, errors, covered = [], [], 0
    for seed in range(SEEDS):
        rows = drawn(weights, stream(seed, "repetition"), 200)
        found = total_effects(Moments.of(rows, list(names)), graph, ["x"], "y")
        values.append(found.values[0])
        errors.append(found.std_errors[0])
        low, high = found.intervals()[0]
        covered += low <= truth <= high
    # The standard deviation over R repetitions is known to about 1 / sqrt(2 R) of itself; three times that.
    assert np.mean(errors) == pytest.approx(np.std(values), rel=3 / np.sqrt(2 * SEEDS))
    assert np.mean(values) == pytest.approx(truth, abs=3 * np.std(values) / np.sqrt(SEEDS))
    assert covered / SEEDS >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / SEEDS)


def test_the_union_interval_covers_whatever_member_is_true():
    """The truth is drawn anew among random models; the class is right, its graph is not told."""
    covered, hull = 0, 0
    for seed in range(SEEDS):
        rng = stream(seed, "union")
        dag, weights = linear_model(rng, "abcd", 0.6)
        x, y = rng.permutation(list("abcd"))[:2].tolist()
        truth = float(np.linalg.inv(np.eye(4) - weights)["abcd".index(x), "abcd".index(y)])
        moments = Moments.of(drawn(weights, rng, 150), list("abcd"))
        found = linear_effects(moments, possible_estimands(completed(dag), Effect(x, y)))
        covered += any(low <= truth <= high for low, high in found.intervals)
        hull += found.interval[0] <= truth <= found.interval[1]
    # Binomial error of SEEDS draws at 95%, three standard errors.
    assert covered / SEEDS >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / SEEDS)
    assert hull >= covered


def sample(n: int = 400) -> dict[str, np.ndarray]:
    rng = stream(1, "sample")
    z = rng.normal(size=n)
    x = (z + rng.normal(size=n) > 0).astype(float)
    return {"z": z, "x": x, "y": 1.5 * x + z + rng.normal(size=n)}


def test_each_distinct_estimand_is_estimated_once_and_as_alone():
    data = sample()
    possible = possible_estimands(TRIANGLE, Effect("x", "y"))
    found = estimate_set(possible, data, RegressionAdjustment(), seed=4)
    assert [each.possible.zero for each in found.members] == [False, False, True]
    for each in found.members[:2]:
        alone = estimate_set(
            possible_estimands(each.possible.graph, Effect("x", "y")), data, RegressionAdjustment(), seed=4
        )
        assert each.value == pytest.approx(alone.members[0].value, rel=1e-12)
        assert each.interval == pytest.approx(alone.members[0].interval, rel=1e-12)
    assert found.minimum == 0.0 and found.maximum == max(each.value for each in found.members)
    assert found.interval == (0.0, max(each.interval[1] for each in found.members))
    assert found.distinct[0] == (0.0, 0.5)
    low, high = found.members[1].interval
    assert low < 1.5 < high  # z -> x is the truth
    by_parents = estimate_set(
        possible_estimands(TRIANGLE, Effect("x", "y"), method=Local()), data, RegressionAdjustment()
    )
    assert len({id(each.estimate) for each in by_parents.members if each.estimate}) == 2


def test_the_deciding_edge_is_the_one_that_shrinks_the_set_most():
    found = estimate_set(possible_estimands(TRIANGLE, Effect("x", "y")), sample(), RegressionAdjustment())
    deciding = found.deciding_edge
    first, second, _ = (each.value for each in found.members)
    # By hand: x -- y decides between no effect and the two values; the others leave zero possible either way.
    assert {deciding.edge.a, deciding.edge.b} == {"x", "y"}
    assert deciding.shares == pytest.approx({"x -> y": 0.5, "y -> x": 0.5})
    assert deciding.widths == pytest.approx({"x -> y": abs(first - second), "y -> x": 0.0})
    assert deciding.expected == pytest.approx(abs(first - second) / 2)
    assert deciding.worst == pytest.approx(abs(first - second)) and deciding.width == found.width
    assert "Settling x -- y" in found.sentence and "no effect" in found.sentence


def test_the_set_shows_itself_and_travels_as_plain_data():
    found = estimate_set(possible_estimands(TRIANGLE, Effect("x", "y")), sample(), RegressionAdjustment())
    assert json.loads(json.dumps(found.to_dict()))["deciding_edge"]["edge"] == "x -- y"
    assert repr(found).count("\n") == 3 and "<table>" in found._repr_html_()
    assert sum(found.reweighted([3, 1, 0]).weights) == 1 and found.reweighted([3, 1, 0]).weights[0] == 0.75


@pytest.mark.parametrize("shares", [[0, 0, 0], [1, 1], [2, -1, 1], [math.nan, 1, 1], [math.inf, 1, 1]])
def test_shares_that_are_none_are_refused(shares):
    found = estimate_set(possible_estimands(TRIANGLE, Effect("x", "y")), sample(), RegressionAdjustment())
    with pytest.raises(NotApplicable, match="3 shares were expected"):
        found.reweighted(shares)


def test_what_the_data_cannot_answer_makes_no_bound():
    pag = Graph.parse("x o-> y; z o-> y", kind="pag")
    possible = possible_estimands(pag, Effect("x", "y"))
    assert {each.answer.identified for each in possible} == {True, False}
    found = estimate_set(possible, sample(), RegressionAdjustment())
    assert found.interval == (-math.inf, math.inf) and not found.complete
    assert "do not answer" in found.sentence and found.to_dict()["interval"] == [None, None]


def test_one_answer_is_said_as_one():
    found = estimate_set(possible_estimands(Graph.parse("x -> y; z -> y"), Effect("x", "y")), sample())
    assert isinstance(found, EffectSet) and len(found) == 1 and "in every graph" in found.sentence
    zero = estimate_set(possible_estimands(Graph.parse("x -> y; z -> y"), Effect("y", "x")), sample())
    assert zero.values.tolist() == [0.0] and "is zero in every graph" in zero.sentence


def test_contrasts_scale_linear_effects():
    _, weights = linear_model(stream(0, "scale"), "zxy", 1.0)
    moments = population(weights, "zxy")
    one = linear_effects(moments, possible_estimands(TRIANGLE, Effect("x", "y")))
    three = linear_effects(moments, possible_estimands(TRIANGLE, Effect("x", "y", Contrast(0, 3))))
    assert three.values == pytest.approx(-3 * one.values)
    assert all(each.interval[0] <= each.value <= each.interval[1] for each in three.members)


def test_bad_requests_are_named():
    moments = population(np.zeros((3, 3)), "zxy")
    with pytest.raises(NotLinear, match="may be causal or not"):
        total_effects(moments, TRIANGLE, ["x"], "y")
    with pytest.raises(NotLinear, match="Linear total effects answer"):
        linear_effects(
            moments, possible_estimands(TRIANGLE, Effect("x", "y", population=subgroup("z > 0", "z")))
        )
    with pytest.raises(NotLinear, match="no treatment"):
        linear_effects(moments, possible_estimands(TRIANGLE, Effect("x", "y")), "z")
    with pytest.raises(NotLinear, match="graphs of each part"):
        linear_effects(moments, possible_estimands(TRIANGLE, Effect("x", "y"), method=Local()))
    with pytest.raises(NotLinear, match="per unit of a number"):
        linear_effects(moments, possible_estimands(TRIANGLE, Effect("x", "y", Contrast("a", "b"))))
    joint = possible_estimands(Graph.parse("x -> y; z -> y"), Interventional(("y",), ("x", "z")))
    with pytest.raises(NothingEstimated, match="one treatment"):
        estimate_set(joint, sample(), PlugIn())


def test_a_deciding_edge_says_where_graphs_have_no_answer():
    from dataclasses import replace

    mix = np.array([[1, 0.5, 0.2], [0, 1, 0.4], [0, 0, 1.0]])
    rows = np.random.default_rng(0).normal(size=(400, 3)) @ mix
    possible = possible_estimands(Graph.parse("z -- x; x -- y; z -- y"), Effect("x", "y"))
    effects = estimate_set(possible, dict(zip("xyz", rows.T)))
    failing = next(i for i, each in enumerate(effects.members) if not each.possible.zero)
    members = list(effects.members)
    members[failing] = replace(members[failing], value=None)
    broken = replace(effects, members=tuple(members))
    deciding = broken.deciding_edge
    assert deciding is not None
    assert max(deciding.unanswered.values()) > 0 and "have no answer" in deciding.sentence
    whole = effects.deciding_edge
    assert whole is not None and not any(whole.unanswered.values()) and "no answer" not in whole.sentence
