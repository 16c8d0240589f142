"""Sums over all cases, against a full table written out by hand and against the field's known answers."""

from __future__ import annotations

from itertools import product

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.programs import Program, above, noise, one_of, parameter
from aitia.programs._errors import ImpossibleEvidence
from aitia.programs._fitted import Fitted
from aitia.programs._interventions import AsIn
from aitia.programs._precision import double
from aitia.programs._worlds import World
from aitia.programs.conditioning import Problem, Weighting
from aitia.programs.exact import Enumeration

EXACT = Enumeration()

P_T = np.array([0.2, 0.7])
P_M = np.array([[[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]], [[0.1, 0.1, 0.8], [0.3, 0.4, 0.3]]])
P_Y = np.array([[0.1, 0.3], [0.5, 0.4], [0.9, 0.6]])


def u():
    return dist.Bernoulli(0.4)


def t(u):
    return dist.Bernoulli(jnp.asarray(P_T)[u])


def m(t, u):
    return dist.Categorical(jnp.asarray(P_M)[t, u])


def y(m, u):
    return dist.Bernoulli(jnp.asarray(P_Y)[m, u])


PROGRAM = Program([u, t, m, y])


def table(do: dict[str, int] | None = None) -> dict[tuple[int, int, int, int], float]:
    """The joint of u, t, m, y by the truncated factorisation."""
    do = do or {}

    def chance(name, value, probability):
        return float(value == do[name]) if name in do else probability

    return {
        (a, b, c, e): chance("u", a, [0.6, 0.4][a])
        * chance("t", b, [1 - P_T[a], P_T[a]][b])
        * chance("m", c, P_M[b, a, c])
        * chance("y", e, [1 - P_Y[c, a], P_Y[c, a]][e])
        for a, b, c, e in product(range(2), range(2), range(3), range(2))
    }


def problem(worlds, of, program=PROGRAM, draws=20_000) -> Problem:
    return Problem(program.unfitted, worlds, of, draws, 0)


NAMES = ("u", "t", "m", "y")


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(st.sampled_from(NAMES), st.integers(0, 1), max_size=2),
    st.dictionaries(st.sampled_from(NAMES), st.integers(0, 1), max_size=2),
    st.sampled_from(NAMES),
)
def test_seeing_and_doing_are_sums_of_the_table(do, seen, of):
    seen = {name: value for name, value in seen.items() if name not in do}
    full = table(do)
    agree = {c: p for c, p in full.items() if all(c[NAMES.index(n)] == v for n, v in seen.items())}
    total = sum(agree.values())
    expected = sum(p * cell[NAMES.index(of)] for cell, p in agree.items()) / total
    found = EXACT.run(problem({"w": World.of(do=do, given=seen)}, ("w", of), draws=100))
    assert found.means[0] == pytest.approx(expected, abs=1e-6)  # the tables are held in single precision
    assert found.log_evidence[0] == pytest.approx(np.log(total), abs=1e-5)


def test_events_policies_and_drawn_actions():
    worlds = {"w": World.of(do={"t": lambda u: 1 - u}, given={"m": above(0), "u": one_of(0, 1)})}
    cells = {c: p for a in (0, 1) for c, p in table({"t": 1 - a}).items() if c[0] == a and c[2] > 0}
    found = EXACT.run(problem(worlds, ("w", "y")))
    expected = sum(p * c[3] for c, p in cells.items()) / sum(cells.values())
    assert found.means[0] == pytest.approx(expected, abs=1e-6)
    drawn = EXACT.run(problem({"w": World.of(do={"t": dist.Bernoulli(0.25)})}, ("w", "m")))
    one, none = table({"t": 1}), table({"t": 0})
    for level in range(3):
        expected = 0.25 * sum(p for c, p in one.items() if c[2] == level)
        expected += 0.75 * sum(p for c, p in none.items() if c[2] == level)
        assert drawn.probabilities[0, level] == pytest.approx(expected, abs=1e-6)
    np.testing.assert_array_equal(drawn.values, [0, 1, 2])
    # 5 standard errors of a share of 20,000 draws
    for level in range(3):
        assert abs(np.mean(drawn.draws == level) - drawn.probabilities[0, level]) < 5 * 0.5 / np.sqrt(20_000)


def test_thresholds_couple_worlds_by_rank():
    """A binary and a three-valued ordered node: noise uniform, integrated by hand over its cut points."""

    def dose():
        return dist.Bernoulli(0.5)

    def grade(dose):
        return dist.Binomial(2, 0.3 + 0.4 * dose)

    program = Program([dose, grade])
    p0, p1 = (np.cumsum([(1 - p) ** 2, 2 * p * (1 - p), p * p]) for p in (0.3, 0.7))
    worlds = {"seen": World.of(given={"dose": 1, "grade": 1}), "done": World.of(do={"dose": 0})}
    found = EXACT.run(problem(worlds, ("done", "grade"), program))
    low, high = p1[0], p1[1]
    expected = [
        max(0.0, min(high, p0[k]) - max(low, p0[k - 1] if k else 0.0)) / (high - low) for k in range(3)
    ]
    for value, probability in zip(found.values, found.probabilities[0]):
        assert probability == pytest.approx(expected[int(value)], abs=1e-6)
    assert found.probabilities[0].sum() == pytest.approx(1.0, abs=1e-12)


def test_unordered_levels_share_gumbel_noise():
    """Against many draws of the noise itself: 5 standard errors of a share of the units that agree."""
    worlds = {"seen": World.of(given={"t": 0, "m": 0}), "done": World.of(do={"t": 1})}
    found = EXACT.run(problem(worlds, ("done", "m")))
    generator = np.random.default_rng(0)
    gumbel = generator.gumbel(size=(400_000, 3))
    counts = np.zeros(3)
    for a, share in ((0, 0.6 * (1 - P_T[0])), (1, 0.4 * (1 - P_T[1]))):
        factual = np.argmax(np.log(P_M[0, a]) + gumbel, axis=1)
        done = np.argmax(np.log(P_M[1, a]) + gumbel, axis=1)
        counts += share * np.bincount(done[factual == 0], minlength=3) / len(gumbel)
    np.testing.assert_allclose(found.probabilities[0], counts / counts.sum(), atol=5 * 0.5 / np.sqrt(80_000))
    three = worlds | {"more": World.of(do={"t": 1, "u": 1})}
    # the third world's own draw matters only if it is asked for or known
    assert EXACT.refuses(problem(three, ("done", "m"))) is None


def test_explicit_noise_and_rules_are_enumerated():
    """The firing squad (Pearl 2009, section 7.1.2): had A not shot, the prisoner would still be dead."""

    def order():
        return dist.Bernoulli(0.5)

    def nervous():
        return dist.Bernoulli(0.2)

    def first(order, nervous):
        return jnp.maximum(order, nervous)

    def second(order, *, slip=noise(dist.Bernoulli(0.1))):
        return jnp.where(slip == 1, 1 - order, order)

    def dead(first, second):
        return jnp.maximum(first, second)

    program = Program([order, nervous, first, second, dead])
    worlds = {"seen": World.of(given={"dead": 1}), "done": World.of(do={"first": 0})}
    found = EXACT.run(problem(worlds, ("done", "dead"), program))
    second_shot = 0.5 * 0.9 + 0.5 * 0.1
    alive = 0.5 * 0.8 * 0.9  # no order, not nervous, no slip
    assert found.means[0] == pytest.approx(second_shot / (1 - alive), abs=1e-7)


def test_nested_worlds_and_arrows():
    """A natural direct effect: t reaches y through m as if t were 0. By the formula of nested expectations."""
    direct = {
        "base": World.of(do={"t": 0}),
        "asked": World({"t": World.of(do={"t": 1}).do["t"], "m": AsIn("base")}),
    }
    found = EXACT.run(problem(direct, ("asked", "y")))
    expected = sum(pu * P_M[0, a, c] * P_Y[c, a] for a, pu in ((0, 0.6), (1, 0.4)) for c in range(3))
    assert found.means[0] == pytest.approx(expected, abs=1e-6)
    arrow = {"w": World.of(do={("u", "y"): 1})}
    found = EXACT.run(problem(arrow, ("w", "y")))
    expected = sum(p * P_Y[c[2], 1] for c, p in table().items() if c[3] == 0) + sum(
        p * P_Y[c[2], 1] for c, p in table().items() if c[3] == 1
    )
    assert found.means[0] == pytest.approx(expected, abs=1e-6)


def test_a_measured_number_tells_of_its_class():
    def kind():
        return dist.Categorical(jnp.array([0.2, 0.5, 0.3]))

    def size(kind):
        return dist.Normal(1.0 * kind, 0.5)

    def count(kind):
        return dist.Poisson(2.0 + kind)

    program = Program([kind, size, count])
    found = EXACT.run(problem({"w": World.of(given={"size": 1.2, "count": 4})}, ("w", "kind"), program))
    levels = np.arange(3)
    weights = np.array([0.2, 0.5, 0.3]) * np.exp(-((1.2 - levels) ** 2) / 0.5) * (2.0 + levels) ** 4
    weights *= np.exp(-(2.0 + levels))
    np.testing.assert_allclose(found.probabilities[0], weights / weights.sum(), atol=1e-6)
    assert EXACT.refuses(problem({"w": World.of(given={"kind": 1})}, ("w", "size"), program)) is not None


def test_functions_of_worlds_are_asked_exactly():
    worlds = {"one": World.of(do={"t": 1}), "none": World.of(do={"t": 0})}
    found = EXACT.run(problem(worlds, lambda v: v["one"]["y"] - v["none"]["y"]))
    expected = sum(p * c[3] for c, p in table({"t": 1}).items())
    expected -= sum(p * c[3] for c, p in table({"t": 0}).items())
    assert found.means[0] == pytest.approx(expected, abs=1e-6)
    np.testing.assert_array_equal(found.values, [-1, 0, 1])


def test_draws_of_parameters_and_groups():
    def x(*, rate=parameter(dist.Beta(1, 1), per="site")):
        return dist.Bernoulli(rate)

    def y(x, *, lift=parameter(dist.Beta(1, 1))):
        return dist.Bernoulli(0.2 + lift * x)

    rates, lifts, shares = np.array([[0.1, 0.9], [0.5, 0.4]]), np.array([0.3, 0.7]), np.array([2, 1])
    fitted = Fitted(
        Program([x, y]),
        {"x": {"rate": rates}, "y": {"lift": lifts}},
        engine="by hand",
        group_levels={"site": ("A", "B")},
        group_shares={"site": shares},
    )
    found = EXACT.run(Problem(fitted, {"w": World.of(given={"y": 1})}, ("w", "x"), 100, 0))
    for draw in range(2):
        rate = rates[draw] @ shares / 3
        one, none = rate * (0.2 + lifts[draw]), (1 - rate) * 0.2
        assert found.means[draw] == pytest.approx(one / (one + none), abs=1e-7)
        assert found.log_evidence[draw] == pytest.approx(np.log(one + none), abs=1e-7)


def test_impossible_and_too_large_are_said():
    def sure(t):
        return t

    program = Program([u, t, sure])
    with pytest.raises(ImpossibleEvidence, match="probability zero"):
        EXACT.run(problem({"w": World.of(given={"t": 0, "sure": 1})}, ("w", "u"), program))
    assert Enumeration(largest=20).refuses(problem({"w": World()}, ("w", "m"))) is None
    reason = Enumeration(largest=2).refuses(problem({"w": World()}, ("w", "m")))
    assert reason is not None and "cells" in reason


@double
def test_weighting_agrees():
    worlds = {"seen": World.of(given={"y": 1, "t": 0}), "done": World.of(do={"t": 1})}
    exact = EXACT.run(problem(worlds, ("done", "y")))
    drawn = Weighting().run(problem(worlds, ("done", "y"), draws=40_000))
    weights = np.exp(drawn.log_weights - drawn.log_weights.max())
    mean = (weights * drawn.draws).sum() / weights.sum()
    size = weights.sum() ** 2 / (weights**2).sum()
    assert abs(mean - exact.means[0]) < 5 * np.sqrt(exact.variances[0] / size)
    assert drawn.log_evidence[0] == pytest.approx(exact.log_evidence[0], abs=0.03)
