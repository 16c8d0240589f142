"""Bounds over forms of noise: published formulas, random forms that never leave them, ends that are reached."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.programs import Program, parameter
from aitia.programs._fitted import Fitted
from aitia.programs._worlds import World
from aitia.programs.conditioning import Problem
from aitia.programs.exact import Enumeration, bounds_of


def cause(*, p=parameter(dist.Beta(1, 1))):
    return dist.Bernoulli(p)


def effect(cause, *, without=parameter(dist.Beta(1, 1)), with_=parameter(dist.Beta(1, 1))):
    return dist.Bernoulli(jnp.where(cause == 1, with_, without))


PAIR = Program([cause, effect])


def problem(program, parameters, worlds, of):
    arrays = {
        node: {name: np.atleast_1d(each) for name, each in own.items()} for node, own in parameters.items()
    }
    return Problem(Fitted(program, arrays, engine="by hand"), worlds, of, 1, 0)


def pair(p0, p1, worlds, of):
    return problem(PAIR, {"cause": {"p": 0.5}, "effect": {"without": p0, "with_": p1}}, worlds, of)


chances = st.floats(0.05, 0.95)
ACTED = {"one": World.of(do={"cause": 1}), "none": World.of(do={"cause": 0})}
NECESSITY = {"seen": World.of(given={"cause": 1, "effect": 1}), "none": World.of(do={"cause": 0})}
SUFFICIENCY = {"seen": World.of(given={"cause": 0, "effect": 0}), "one": World.of(do={"cause": 1})}


@settings(max_examples=10, deadline=None)
@given(chances, chances)
def test_necessity_and_sufficiency_are_those_of_tian_and_pearl(p0, p1):
    """Tian and Pearl 2000, equations 12 to 17 under exogeneity; under monotonicity (theorem 3) point values."""
    both = bounds_of(pair(p0, p1, ACTED, lambda v: v["one"]["effect"] * (1 - v["none"]["effect"])))
    assert both.pair == pytest.approx((max(0, p1 - p0), min(p1, 1 - p0)), abs=1e-9)
    necessity = bounds_of(pair(p0, p1, NECESSITY, lambda v: 1 - v["none"]["effect"]))
    assert necessity.pair == pytest.approx((max(0, (p1 - p0) / p1), min(1, (1 - p0) / p1)), abs=1e-9)
    sufficiency = bounds_of(pair(p0, p1, SUFFICIENCY, ("one", "effect")))
    assert sufficiency.pair == pytest.approx((max(0, (p1 - p0) / (1 - p0)), min(1, p1 / (1 - p0))), abs=1e-9)
    assert both.sharp and both.linking == ("effect",) and "effect" in both.sentence
    monotone = Enumeration().run(pair(p0, p1, NECESSITY, lambda v: 1 - v["none"]["effect"]))
    assert monotone.means[0] == pytest.approx(max(0.0, (p1 - p0) / p1), abs=1e-9)


def draw_law(generator, margins):
    """A random law of response functions with these margins: a value for each configuration, and the mass.

    The unit interval is cut into pieces that every configuration takes in an order of its own, and cuts at its margin.
    Few pieces give forms of noise far from independent.
    """
    pieces, steps = generator.integers(1, 12), 1000
    mass = generator.dirichlet(np.ones(pieces))
    within = (np.arange(steps) + 0.5) / steps
    values = []
    for margin in margins:
        order = generator.permutation(pieces)
        begin = np.empty(pieces)
        begin[order] = np.cumsum(mass[order]) - mass[order]
        points = begin[:, None] + mass[:, None] * within
        values.append(np.searchsorted(np.cumsum(margin)[:-1], points).ravel())
    return np.stack(values), np.repeat(mass / steps, steps)


def m(t, *, p=parameter(dist.Dirichlet(jnp.ones((2, 3))))):
    return dist.Categorical(p[t])


def t():
    return dist.Bernoulli(0.5)


def y(m, *, q=parameter(dist.Uniform(jnp.zeros(3), 1.0).to_event(1))):
    return dist.Bernoulli(q[m])


CHAIN = Program([t, m, y])
SEEN = {"seen": World.of(given={"t": 1, "y": 1}), "none": World.of(do={"t": 0})}


@pytest.mark.parametrize("seed", range(2))
def test_no_form_of_noise_leaves_the_bounds_of_a_chain(seed):
    """Two linking nodes, three levels: random couplings lie within, and vertices reach the ends."""
    generator = np.random.default_rng(seed)
    p, q = generator.dirichlet(np.ones(3), size=2), generator.uniform(size=3)
    asked = problem(CHAIN, {"m": {"p": p[None]}, "y": {"q": q[None]}}, SEEN, ("none", "y"))
    found = bounds_of(asked)
    assert found.sharp and set(found.linking) == {"m", "y"}
    of_m, of_y = [], []
    for _ in range(400):
        (m0, m1), mass = draw_law(generator, p)
        together = np.zeros((3, 3))
        np.add.at(together, (m0, m1), mass)
        of_m.append(together)
        response, mass = draw_law(generator, np.stack([1 - q, q], axis=1))
        of_y.append(np.einsum("r,jr,kr->jk", mass, response, response))
    top = np.einsum("ajk,bjk->ab", of_m, of_y)
    bottom = np.einsum("ajk,bkk->ab", of_m, of_y)  # a response is 0 or 1: its square is itself
    drawn = top / bottom
    # The random laws hold their margins to one in 1,000.
    assert (drawn >= found.low - 0.004).all() and (drawn <= found.high + 0.004).all()
    # And forms do differ: among 160,000 some come near the ends.
    assert drawn.max() - drawn.min() > 0.9 * (found.high - found.low) > 0
    point = Enumeration().run(asked).means[0]
    assert found.low - 1e-9 <= point <= found.high + 1e-9


def test_one_node_by_linear_programme_agrees_with_its_vertices(monkeypatch):
    from aitia.programs.exact import _bounds

    generator = np.random.default_rng(5)
    p, q = generator.dirichlet(np.ones(3), size=2), np.array([0.2, 0.5, 0.9])
    worlds = {"seen": World.of(given={"t": 1, "y": 1}), "none": World.of(do={"t": 0})}

    def asked():
        return problem(CHAIN, {"m": {"p": p[None]}, "y": {"q": q[None]}}, worlds, ("none", "m"))

    by_vertices = bounds_of(asked())
    monkeypatch.setattr(_bounds, "BASES", 0)
    by_programme = bounds_of(asked())
    assert by_programme.pair == pytest.approx(by_vertices.pair, abs=1e-8)
    assert by_programme.sharp and by_programme.linking == ("m",)


def test_without_vertices_the_bounds_of_several_nodes_still_hold(monkeypatch):
    from aitia.programs.exact import _bounds

    generator = np.random.default_rng(6)
    p, q = generator.dirichlet(np.ones(3), size=2), generator.uniform(size=3)

    def asked():
        return problem(CHAIN, {"m": {"p": p[None]}, "y": {"q": q[None]}}, SEEN, ("none", "y"))

    sharp = bounds_of(asked())
    monkeypatch.setattr(_bounds, "BASES", 0)
    outer = bounds_of(asked())
    assert not outer.sharp and "may be wider" in outer.sentence
    assert outer.low <= sharp.low + 1e-9 and outer.high >= sharp.high - 1e-9
    assert outer.high - outer.low < 1.0  # and they say something


def test_bounds_arise_only_where_worlds_are_linked():
    point = {"cause": {"p": 0.5}, "effect": {"without": 0.2, "with_": 0.7}}
    assert bounds_of(problem(PAIR, point, {"w": World.of(do={"cause": 1})}, ("w", "effect"))) is None
    roots_only = {"seen": World.of(given={"cause": 1}), "acted": World.of(do={"cause": 0})}
    assert bounds_of(problem(PAIR, point, roots_only, ("acted", "effect"))) is None
    same = {"seen": World.of(given={"cause": 1, "effect": 1}), "acted": World.of(do={"cause": 1})}
    assert bounds_of(problem(PAIR, point, same, ("acted", "effect"))) is None


def test_draws_of_parameters_have_their_own_bounds():
    draws = {"cause": {"p": [0.5, 0.5]}, "effect": {"without": [0.2, 0.6], "with_": [0.7, 0.8]}}
    found = bounds_of(problem(PAIR, draws, NECESSITY, lambda v: 1 - v["none"]["effect"]))
    np.testing.assert_allclose(found.lows, [0.5 / 0.7, 0.2 / 0.8], atol=1e-9)
    assert found.low == pytest.approx(np.mean(found.lows))
