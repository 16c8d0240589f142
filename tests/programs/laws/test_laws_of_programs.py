"""The laws that hold for every program, over one table of instances.

Numbers from draws are compared within five standard errors of the effective sample size; exact ones to 1e-8.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from aitia.identification import Contrast, Effect, Joint, evaluate, identify
from aitia.programs import ImpossibleEvidence, Program
from aitia.programs._fitted import prior_draws
from aitia.programs._precision import double
from aitia.programs._worlds import World
from aitia.programs.conditioning import Problem, Weighting
from aitia.programs.exact import Enumeration, GaussianConditioning
from aitia.study import Study

sys.path.insert(0, str(Path(__file__).parent))
from program_instances import INSTANCES

UNITS = 6_000
DEGENERATE = "collider"
"""Its evidence stands on a deterministic node of continuous causes."""
EXACT = (GaussianConditioning(), Enumeration())
SLOW = os.environ.get("AITIA_SLOW") == "1"
ALIKE = {
    "chain": "collider", "fork": "collider", "confounded": "learned", "kidney_stones": "front_door",
    "levels": "learned_rates", "mixed": "drawn_class",
}  # fmt: skip
"""Programs of one kind: where a law is costly to compile, the second stands for the first unless AITIA_SLOW=1."""
every = pytest.mark.parametrize("name", INSTANCES)
of_each_kind = pytest.mark.parametrize("name", [name for name in INSTANCES if SLOW or name not in ALIKE])


def close(one, other) -> None:
    """Two answers agree: means by draw of the parameters, within what their draws can tell."""
    difference = np.abs(np.asarray(one.mean_by_draw) - np.asarray(other.mean_by_draw))
    allowed = 1e-8 + sum((error(each) for each in (one, other)), start=np.zeros_like(difference))
    assert (difference <= 5 * allowed).all(), (difference, allowed)


def error(answer) -> np.ndarray:
    """The standard error of the mean by draw of the parameters; 0 for an exact one."""
    if answer.means is not None:
        return np.zeros_like(np.asarray(answer.means, dtype=float))
    weights, mean = answer.weights, np.asarray(answer.mean_by_draw)
    spread = np.einsum("su,su...->s...", weights, (answer.draws - mean[:, None]) ** 2)
    size = 1 / (weights**2).sum(axis=1)
    return np.sqrt(spread / size.reshape(-1, *(1 for _ in spread.shape[1:])))


@of_each_kind
def test_doing_to_a_root_is_seeing_it(name):
    each = INSTANCES[name]
    root, value = each.root
    done = each.fitted.query(each.outcome, do={root: value}, draws=UNITS)
    seen = each.fitted.query(each.outcome, given={root: value}, draws=UNITS)
    close(done, seen)


@every
def test_actions_on_different_nodes_commute(name):
    """Doing b in the program where a is a constant is doing a in the program where b is: unit by unit."""
    each = INSTANCES[name]

    def then(first, second):
        node, value = first
        laws = each.program.mechanisms | {node: lambda: value}
        program = Program({key: laws[key] for key in each.program.nodes})
        fitted = prior_draws(program, draws=2, seed=3)
        problem = Problem(fitted, {"w": World.of(do=dict([second]))}, ("w", each.outcome), 40, 0)
        return double(Weighting(units_each=40).run)(problem).draws

    np.testing.assert_allclose(
        np.broadcast_to(then(each.first, each.second), (2, 40)),
        np.broadcast_to(then(each.second, each.first), (2, 40)),
        atol=1e-9,
    )


def largest_gap(values, fact, world):
    return np.max([np.abs(values[world][node] - value) for node, value in fact.items()], axis=0)


@of_each_kind
@pytest.mark.parametrize("method", ["weighted", "chosen"])
def test_no_action_and_the_action_taken_return_the_evidence(name, method):
    """Composition and consistency (Galles and Pearl 1998), for the units that agree with the evidence."""
    each = INSTANCES[name]
    node = next(node for node in (each.first[0], *each.fact) if node in each.fact)
    worlds = {
        "seen": World.of(given=each.fact),
        "nothing": World.of(),
        "same": World.of(do={node: each.fact[node]}),
    }

    def asked(values):
        return np.maximum(largest_gap(values, each.fact, "nothing"), largest_gap(values, each.fact, "same"))

    chosen = Weighting() if method == "weighted" else None
    if name == DEGENERATE and chosen is not None:
        with pytest.raises(
            ImpossibleEvidence
        ):  # no draw meets an exact value of a sum of numbers: linear algebra does
            each.fitted.worlds(worlds, asked, draws=200, method=chosen)
        return
    found = each.fitted.worlds(worlds, asked, draws=200, method=chosen)
    assert (found.draws[found.weights > 0] < 1e-6).all()
    assert found.draws.size


@of_each_kind
def test_counterfactuals_average_to_the_intervention(name):
    """E[Y_x] = sum over e of P(e) E[Y_x | e], the evidence one of two events."""
    each = INSTANCES[name]
    target, value = each.first
    done = each.fitted.query(each.outcome, do={target: value}, draws=UNITS)
    total, allowed = 0.0, 5 * error(done) + 1e-8
    for evidence in each.split:
        share = probability(each, evidence)
        part = each.fitted.query(each.outcome, evidence=evidence, do={target: value}, draws=UNITS)
        total = total + share * np.asarray(part.mean_by_draw)
        # a share from draws: its own standard error, times how far the parts are from the whole
        loose = np.sqrt(share * (1 - share) / UNITS * len(share))
        allowed = allowed + 5 * (share * error(part) + loose * np.abs(part.mean_by_draw - done.mean_by_draw))
    assert (np.abs(total - done.mean_by_draw) <= allowed).all(), (total, done.mean_by_draw, allowed)


def probability(each, evidence) -> np.ndarray:
    """The probability of an event of one node, by draw of the parameters."""
    worlds = {"w": World.of(given=evidence)}
    problem = Problem(each.fitted, worlds, ("w", next(iter(evidence))), 1, 0)
    for method in EXACT:
        if double(method.refuses)(problem) is None:
            return np.exp(double(method.run)(problem).log_evidence)
    (node,) = evidence
    free = each.fitted.query(node, draws=UNITS)
    event = worlds["w"].given[node]
    inside = (free.draws > event.low) if event.low > -np.inf else (free.draws <= event.high)
    return inside.mean(axis=1)


@of_each_kind
def test_exact_methods_agree_with_weighting(name):
    """On the third rung, evidence and action together; where an exact method applies."""
    each = INSTANCES[name]
    target, value = each.first
    evidence = {
        node: known for node, known in each.fact.items() if not (name == DEGENERATE and node == "total")
    }
    worlds = {"seen": World.of(given=evidence), "acted": World.of(do={target: value, **dict([each.second])})}
    problem = Problem(each.fitted, worlds, ("acted", each.outcome), UNITS // each.fitted.n_draws, 0)
    exact = [method for method in EXACT if double(method.refuses)(problem) is None]
    if not exact:
        assert name in ("mixed", "counts", "nonlinear", "drawn_class"), name
        return
    drawn = each.fitted.worlds(worlds, ("acted", each.outcome), draws=UNITS, method=Weighting())
    for method in exact:
        close(each.fitted.worlds(worlds, ("acted", each.outcome), draws=UNITS, method=method), drawn)


DISCRETE = {
    "kidney_stones": ("treatment", "success", ()),
    "front_door": ("smoking", "cancer", ("hidden",)),
    "levels": ("kind", "grade", ()),
}


@pytest.mark.parametrize("name", DISCRETE)
def test_formulas_of_identification_give_the_programs_own_answer(name):
    """The estimand on the exact joint of what is observed, beside the program's own intervention."""
    treatment, outcome, hidden = DISCRETE[name]
    each = INSTANCES[name]
    observed = [node for node in each.program.nodes if node not in hidden]
    shape = tuple(len(each.program.facts[node].support) for node in observed)
    table = np.zeros(shape)
    for cell in np.ndindex(*shape):
        worlds = {"w": World.of(given=dict(zip(observed, cell)))}
        table[cell] = np.exp(_exactly(each, worlds, outcome, evidence_only=True))
    assert table.sum() == pytest.approx(1.0, abs=1e-8)
    graph = each.program.graph.with_flags(latent=hidden)
    estimand = identify(graph, Effect(treatment, outcome, Contrast(1, 0)))
    formula = float(
        evaluate(estimand.expression, Joint(tuple(observed), table), at={treatment: 1, f"{treatment}'": 0})
    )
    effect = [_exactly(each, {"w": World.of(do={treatment: level})}, outcome) for level in (1, 0)]
    assert formula == pytest.approx(
        effect[0] - effect[1], abs=1e-6
    )  # the tables are held in single precision


def _exactly(each, worlds, of, evidence_only=False) -> float:
    done = double(Enumeration().run)(Problem(each.fitted, worlds, ("w", of), 1, 0))
    return float(done.log_evidence[0] if evidence_only else done.means[0])


@pytest.mark.parametrize(
    ("name", "treatment", "outcome"), [("fork", "x", "y"), ("kidney_stones", "treatment", "success")]
)
def test_estimates_from_the_programs_data_cover_its_effect(name, treatment, outcome):
    """Rows drawn from the program, estimated by what `identify` says; 4 standard errors (one seed)."""
    each = INSTANCES[name]
    nodes = each.program.nodes
    rows = each.fitted.worlds(
        {"w": World.of()}, lambda v: np.stack([v["w"][n] for n in nodes], -1), draws=4_000
    )
    data = dict(zip(nodes, np.asarray(rows.draws, dtype=float)[0].T))
    one, none = (each.fitted.query(outcome, do={treatment: level}).mean for level in (1, 0))
    estimate = (
        Study(data, Effect(treatment, outcome, Contrast(1, 0)), each.program.graph.to_text())
        .estimate()
        .result
    )
    assert abs(estimate.value - (one - none)) < 4 * estimate.std_error
    assert estimate.std_error < 0.1
