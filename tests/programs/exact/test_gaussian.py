"""Linear algebra of Gaussian noise: the textbook formula, degenerate evidence, intervals, groups."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from aitia.programs import Program, above, between, noise, parameter
from aitia.programs._errors import ImpossibleEvidence, QueryError
from aitia.programs._events import at_most
from aitia.programs._fitted import Fitted
from aitia.programs._interventions import AsIn
from aitia.programs._worlds import World
from aitia.programs.conditioning import Problem
from aitia.programs.exact import GaussianConditioning

EXACT = GaussianConditioning()


def a(*, own=noise(dist.Normal(1.0, 2.0))):
    return own


def b(a, *, one=noise(dist.Normal(0.0, 1.0)), two=noise(dist.Normal(0.5, 0.5))):
    return 0.5 * a + one - 2.0 * two


def c(a, b):
    return dist.Normal(a - 0.3 * b + 1.0, 0.7)


def d(b, c):
    return b + 2.0 * c


def e(d):
    return dist.Normal(0.1 * d, 1.5)


PROGRAM = Program([a, b, c, d, e])
NODES = "abcde"


def joint() -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of all nodes, from v = W v + k + u."""
    weights = np.zeros((5, 5))
    weights[1, 0], weights[2, [0, 1]], weights[3, [1, 2]], weights[4, 3] = 0.5, [1, -0.3], [1, 2], 0.1
    inverse = np.linalg.inv(np.eye(5) - weights)
    variances = np.array([4.0, 1.0 + 4 * 0.25, 0.49, 0.0, 2.25])
    return inverse @ np.array([1.0, -1.0, 1.0, 0.0, 0.0]), inverse @ np.diag(variances) @ inverse.T


def problem(worlds, of, program=PROGRAM, draws=1000) -> Problem:
    return Problem(program.unfitted, worlds, of, draws, 0)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.floats(-5, 5), min_size=4, max_size=4),
    st.sampled_from([("a", "b"), ("e",), ("a", "e"), ("b", "c", "e"), ()]),
)
def test_seeing_is_the_textbook_formula(numbers, known):
    values = dict(zip(known, numbers))
    mean, covariance = joint()
    seen = [NODES.index(node) for node in known]
    for of in NODES:
        if of in known:
            continue
        at = NODES.index(of)
        gain = covariance[at, seen] @ np.linalg.inv(covariance[np.ix_(seen, seen)])
        expected = mean[at] + gain @ (np.array(list(values.values())) - mean[seen])
        spread = covariance[at, at] - gain @ covariance[seen, at]
        found = EXACT.run(problem({"w": World.of(given=values)}, ("w", of)))
        assert found.means[0] == pytest.approx(expected, abs=1e-10)
        assert found.variances[0] == pytest.approx(spread, abs=1e-10)
        if seen:
            density = stats.multivariate_normal(mean[seen], covariance[np.ix_(seen, seen)])
            assert found.log_evidence[0] == pytest.approx(density.logpdf(list(values.values())), abs=1e-9)


def test_a_twin_is_abduction_action_prediction_by_hand():
    # b has two noises: given a and b its own part u = b - a / 2 is known, and stays in the other world
    values = {"a": 1.5, "b": 0.25, "c": 2.0, "e": 1.0}
    u_c = values["c"] - (values["a"] - 0.3 * values["b"] + 1)
    u_b = values["b"] - 0.5 * values["a"]
    a_new = 3.0
    b_new = 0.5 * a_new + u_b
    d_new = b_new + 2 * (a_new - 0.3 * b_new + 1 + u_c)
    worlds = {"seen": World.of(given=values), "done": World.of(do={"a": a_new})}
    found = EXACT.run(problem(worlds, ("done", "d")))
    assert found.means[0] == pytest.approx(d_new, abs=1e-10)
    assert found.variances[0] == pytest.approx(0.0, abs=1e-12)
    assert np.ptp(found.draws) < 1e-9


def test_evidence_in_three_worlds_and_nested_actions():
    """Against the joint normal of the noises, written out apart from the library."""
    worlds = {
        "seen": World.of(given={"e": 2.0}),
        "one": World.of(do={"a": 0.0}, given={"c": 1.0}),
        "two": World.of(do={"b": lambda a: 2 * a + 1}, given={"d": 3.0}),
        "asked": World({"b": AsIn("two"), ("a", "c"): World.of(do={"a": -1.0}).do["a"]}),
    }
    # noises: u_a ~ N(1, 4), u_b ~ N(-1, 2), u_c ~ N(0, 0.49), u_e ~ N(0, 2.25)
    mean, variance = np.array([1.0, -1.0, 0.0, 0.0]), np.diag([4.0, 2.0, 0.49, 2.25])
    unit = np.eye(4)
    c_seen = unit[0] - 0.3 * (0.5 * unit[0] + unit[1]) + unit[2]
    d_seen = 0.5 * unit[0] + unit[1] + 2 * c_seen
    rows = np.stack([0.1 * d_seen + unit[3], -0.3 * unit[1] + unit[2]])
    constants = np.array([0.1 * 2 * 1.0, 1.0])
    b_two = 2 * unit[0]  # plus 1
    d_two = b_two + 2 * (unit[0] - 0.3 * b_two + unit[2])  # plus 1 + 2 * (1 - 0.3)
    rows, constants = np.vstack([rows, d_two]), np.append(constants, 1 + 2 * 0.7)
    asked = b_two + 2 * (-0.3 * b_two + unit[2])  # plus 1 + 2 * (-1 - 0.3 + 1)
    gap = np.array([2.0, 1.0, 3.0]) - constants - rows @ mean
    gain = asked @ variance @ rows.T @ np.linalg.inv(rows @ variance @ rows.T)
    expected = asked @ mean + 1 + 2 * (-0.3) + gain @ gap
    spread = asked @ variance @ asked - gain @ rows @ variance @ asked
    found = EXACT.run(problem(worlds, ("asked", "d")))
    assert found.means[0] == pytest.approx(expected, abs=1e-10)
    assert found.variances[0] == pytest.approx(spread, abs=1e-10)


def test_a_contrast_of_worlds_has_its_own_variance():
    worlds = {"low": World.of(do={"a": 0.0}), "high": World.of(do={"a": dist.Normal(1.0, 2.0)})}
    found = EXACT.run(problem(worlds, lambda v: v["high"]["c"] - v["low"]["c"], draws=20_000))
    assert found.means[0] == pytest.approx(0.85, abs=1e-12)
    assert found.variances[0] == pytest.approx((0.85 * 2) ** 2, abs=1e-10)
    # the standard error of a mean of 20,000 draws of standard deviation 1.7 is 0.012
    assert found.draws.mean() == pytest.approx(0.85, abs=0.05)
    assert EXACT.run(problem(worlds, lambda v: v["low"]["c"] ** 2)).means is None


def test_degenerate_evidence_that_agrees_adds_nothing():
    once = EXACT.run(problem({"w": World.of(given={"b": 1.0, "c": 2.0})}, ("w", "e")))
    twice = EXACT.run(problem({"w": World.of(given={"b": 1.0, "c": 2.0, "d": 5.0})}, ("w", "e")))
    assert twice.means[0] == pytest.approx(once.means[0], abs=1e-10)
    assert twice.log_evidence[0] == pytest.approx(once.log_evidence[0], abs=1e-10)
    through = {"w": World.of(given={"b": 1.0, "d": 5.0}), "same": World.of(given={"c": 2.0})}
    assert EXACT.run(problem(through, ("same", "e"))).means[0] == pytest.approx(once.means[0], abs=1e-10)


@pytest.mark.parametrize(
    "worlds",
    [
        {"w": World.of(given={"b": 1.0, "c": 2.0, "d": 5.1})},
        {"w": World.of(given={"a": 1.0}), "again": World.of(given={"a": 2.0})},
        {"w": World.of(do={"a": 1.0}, given={"a": 2.0})},
        {"w": World.of(do={"a": 1.0}, given={"a": above(2.0)})},
    ],
)
def test_contradictions_are_impossible(worlds):
    with pytest.raises(ImpossibleEvidence):
        EXACT.run(problem(worlds, ("w", "e")))


@pytest.mark.parametrize(
    "event", [above(3.0), between(-1.0, 0.5), at_most(-9.0), between(20.0, 20.001), above(60.0)]
)
def test_one_interval_is_a_truncated_normal(event):
    """Against numerical integration over the interval; above(60) is 17 standard deviations out."""
    mean, covariance = joint()
    centre, spread = mean[1], np.sqrt(covariance[1, 1])
    low, high = max(event.low, centre - 40 * spread), min(event.high, centre + 40 * spread)
    peak = min(max(low, centre), high)
    width = spread**2 / max(abs(peak - centre), spread)
    low, high = max(low, peak - 40 * width), min(high, peak + 40 * width)

    def moment(power):
        def integrand(v):
            return (v - peak) ** power * np.exp(-((v - centre) ** 2 - (peak - centre) ** 2) / (2 * spread**2))

        return integrate.quad(integrand, low, high, points=[peak], epsabs=0, epsrel=1e-12, limit=200)[0]

    total = moment(0)
    truncated = peak + moment(1) / total
    inner = moment(2) / total - (moment(1) / total) ** 2
    slope = covariance[4, 1] / covariance[1, 1]
    found = EXACT.run(problem({"w": World.of(given={"b": event})}, ("w", "e"), draws=20_000))
    assert found.means[0] == pytest.approx(mean[4] + slope * (truncated - centre), rel=1e-8)
    expected = covariance[4, 4] - slope**2 * covariance[1, 1] + slope**2 * inner
    assert found.variances[0] == pytest.approx(expected, rel=1e-8)
    # 5 standard errors of a mean of 20,000 draws
    assert abs(found.draws.mean() - found.means[0]) < 5 * np.sqrt(expected / 20_000)
    log_probability = (
        np.log(total) - (peak - centre) ** 2 / (2 * spread**2) - np.log(spread * np.sqrt(2 * np.pi))
    )
    assert found.log_evidence[0] == pytest.approx(log_probability, abs=1e-8)
    itself = EXACT.run(problem({"w": World.of(given={"b": event})}, ("w", "b")))
    assert (itself.draws >= event.low - 1e-9).all() and (itself.draws <= event.high + 1e-9).all()


def test_known_values_free_what_depends_on_them():
    """A nonlinear program is linear in the noise once the right values are known."""

    def t():
        return dist.Bernoulli(0.3)

    def x():
        return dist.Normal(0.0, 1.0)

    def y(t, x):
        return dist.Normal(jnp.where(t == 1, x, 3 * x) + t, 1.0 + t)

    def z(y):
        return dist.Normal(y**2, 1.0)

    program = Program([t, x, y, z])
    found = EXACT.run(problem({"w": World.of(given={"t": 1, "y": 2.0})}, ("w", "x"), program))
    assert found.means[0] == pytest.approx(1 / 5, abs=1e-12)  # y = x + 1 + 2 u
    assert found.log_evidence[0] == pytest.approx(
        np.log(0.3) + stats.norm.logpdf(2, 1, np.sqrt(5)), abs=1e-12
    )
    worlds = {"seen": World.of(given={"t": 1, "y": 2.0, "z": 5.0}), "done": World.of(do={"y": 0.0})}
    assert EXACT.run(problem(worlds, ("done", "z"), program)).means[0] == pytest.approx(1.0, abs=1e-12)
    refused = EXACT.refuses(problem({"w": World()}, ("w", "y"), program))
    assert refused is not None and "t is not" in refused
    with pytest.raises(QueryError):
        EXACT.run(problem({"w": World()}, ("w", "y"), program))


def test_vectors_are_rows_too():
    covariance = np.array([[2.0, 0.6], [0.6, 1.0]])

    def pair():
        return dist.MultivariateNormal(jnp.array([1.0, -1.0]), jnp.asarray(covariance))

    def total(pair):
        return dist.Normal(pair @ jnp.array([1.0, 2.0]), 0.5)

    found = EXACT.run(problem({"w": World.of(given={"total": 3.0})}, ("w", "pair"), Program([pair, total])))
    weights = np.array([1.0, 2.0])
    gain = covariance @ weights / (weights @ covariance @ weights + 0.25)
    np.testing.assert_allclose(found.means[0], np.array([1.0, -1.0]) + gain * (3.0 + 1.0), atol=1e-6)
    np.testing.assert_allclose(
        found.variances[0], np.diag(covariance) - gain * (weights @ covariance), atol=1e-6
    )
    assert found.draws.shape == (1, 1000, 2)


def test_groups_are_a_mixture_and_draws_stay_apart():
    def x(*, centre=parameter(dist.Normal(0, 1), per="school")):
        return dist.Normal(centre, 1.0)

    def y(x, *, slope=parameter(dist.Normal(0, 1))):
        return dist.Normal(slope * x, 1.0)

    centres, slopes, shares = np.array([[0.0, 4.0], [1.0, 1.0]]), np.array([1.0, 2.0]), np.array([0.75, 0.25])
    fitted = Fitted(
        Program([x, y]),
        {"x": {"centre": centres}, "y": {"slope": slopes}},
        engine="by hand",
        group_levels={"school": ("A", "B")},
        group_shares={"school": shares},
    )
    found = EXACT.run(Problem(fitted, {"w": World.of(given={"y": 3.0})}, ("w", "x"), 20_000, 0))
    for draw in range(2):
        weights, means = [], []
        for centre, share in zip(centres[draw], shares):
            spread = np.sqrt(slopes[draw] ** 2 + 1)
            weights.append(share * stats.norm.pdf(3.0, slopes[draw] * centre, spread))
            means.append(centre + slopes[draw] / spread**2 * (3.0 - slopes[draw] * centre))
        expected = np.average(means, weights=weights)
        assert found.means[draw] == pytest.approx(expected, abs=1e-10)
        assert found.log_evidence[draw] == pytest.approx(np.log(sum(weights)), abs=1e-10)
        # 5 standard errors of a mean of 20,000 draws
        assert abs(found.draws[draw].mean() - expected) < 5 * np.sqrt(found.variances[draw] / 20_000)
