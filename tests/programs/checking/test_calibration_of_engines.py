"""Simulation-based calibration: a right engine passes, one that is off by a fifth does not."""

from __future__ import annotations

import os
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from aitia.core import Status
from aitia.programs import FunctionMechanism, parameter
from aitia.programs._precision import double
from aitia.programs._random import seed_key
from aitia.programs.checking import uniformity
from aitia.programs.checking._calibration import LIKELIHOOD, calibration, calibration_finding
from aitia.programs.checking._piece import piece_of
from aitia.programs.forms import conditional_of
from aitia.programs.inference import Drawn, Engine
from aitia.programs.testing import assert_calibrated, assert_mechanism

ROWS = 10


def score(*, level=parameter(dist.Normal(0, 1))):
    return dist.Normal(level, 1)


MECHANISM = FunctionMechanism(score)


@dataclass(frozen=True)
class Conjugate(Engine):
    """Exact draws of a normal posterior by its gradient and curvature, made wrong on purpose.

    Args:
        scale: what the standard deviation is multiplied by.
        shift: what is added, in posterior standard deviations.
        blind: draw from the prior, as if there were no data.
    """

    scale: float = 1.0
    shift: float = 0.0
    blind: bool = False

    @property
    def description(self) -> str:
        return "exact draws"

    def draw(self, posterior, *, seed, show_progress=None):
        density = posterior.log_prior if self.blind else posterior.log_density
        zero = jax.tree.map(jnp.zeros_like, posterior.initial(seed_key(0)))
        (level,) = jax.tree.leaves(zero)
        rebuild = jax.tree.structure(zero).unflatten
        at = lambda x: density(rebuild([x.reshape(level.shape)]))  # noqa: E731
        flat = level.ravel()
        # Data sets are independent: the Hessian is diagonal, and one product with ones shows it.
        gradient, product = jax.jvp(jax.grad(at), (flat,), (jnp.ones_like(flat),))
        curvature = -product
        mean, sd = gradient / curvature, 1 / jnp.sqrt(curvature)
        noise = jax.random.normal(seed_key(seed, "exact"), (99, *flat.shape))
        draws = mean + sd * (self.shift + self.scale * noise)
        return Drawn(jax.vmap(lambda x: rebuild([x.reshape(level.shape)]))(draws))


@double
def calibrated(engine, replicates=300, seed=0, mechanism=MECHANISM, **options):
    piece, _ = piece_of(mechanism, None, None, ROWS, None, "score")
    return calibration(piece, engine, replicates=replicates, seed=seed, show_progress=False, **options)


def test_a_right_engine_passes_at_the_nominal_rate():
    found = calibrated(Conjugate(), 6_000)
    p_values = np.asarray(
        [
            min(
                1.0,
                2 * min(uniformity(each[k : k + 100], ranks_of=99).p_value for each in found.ranks.values()),
            )
            for k in range(0, 6_000, 100)
        ]
    )
    # Two quantities and Bonferroni: no more than 0.1 below 0.1; five standard errors over 60 above is 0.29.
    assert (p_values < 0.1).mean() < 0.29
    assert (p_values < 0.5).mean() > 0.1  # the check is alive
    assert found.p_value > 0.01


@pytest.mark.parametrize(
    ("engine", "says"),
    [
        (Conjugate(scale=0.8), "the draws are too narrow (overconfident)"),
        (Conjugate(scale=1.25), "the draws are too wide (underconfident)"),
        (Conjugate(shift=0.4), "the draws are too high"),
        (Conjugate(shift=-0.4), "the draws are too low"),
    ],
)
def test_engines_a_fifth_off_are_told_and_how(engine, says):
    found = calibrated(engine, 600)
    finding = calibration_finding(found, "score", 0.01)
    assert finding.verdict is Status.BROKEN
    assert found.uniform["level"].p_value < 0.01 and says in finding.sentence


def test_an_engine_that_does_not_look_at_the_data_is_seen_by_the_likelihood():
    """Modrák et al. 2023: ranks of parameters are uniform when draws come from the prior; the likelihood's not."""
    found = calibrated(Conjugate(blind=True))
    assert found.uniform["level"].p_value > 0.01
    assert found.worst == LIKELIHOOD and found.p_value < 0.001


class Misstated(FunctionMechanism):
    """Draws with a standard deviation of 1 and states a likelihood with one of 0.8."""

    def at(self, parents, parameters):
        true = conditional_of(dist.Normal(parameters["level"], 1.0))
        stated = conditional_of(dist.Normal(parameters["level"], 0.8))
        true.log_prob = stated.log_prob
        return true


def test_a_likelihood_that_does_not_fit_its_draws_is_told():
    found = calibrated(Conjugate(), 600, mechanism=Misstated(score))
    assert found.p_value < 0.01


def test_one_data_set_at_a_time_agrees():
    together, apart = calibrated(Conjugate(), 5), calibrated(Conjugate(), 5, together=False)
    # The same data; other random numbers in the engine: ranks agree up to their own spread (99 draws: under 25).
    assert np.abs(together.ranks["level"] - apart.ranks["level"]).max() < 25
    assert together.ranked == apart.ranked == 99


def test_one_line_assertions():
    assert assert_calibrated(score, rows=ROWS, engine=Conjugate()).verdict is Status.SURVIVED
    with pytest.raises(AssertionError, match="disagree about level: the draws are too narrow"):
        assert_calibrated(score, rows=ROWS, engine=Conjugate(scale=0.6))
    with pytest.raises(AssertionError, match="no parameters"):
        assert_calibrated(lambda: dist.Normal(0, 1))
    y = np.random.default_rng(0).normal(size=100)
    assert_mechanism(lambda: dist.Normal(0, 1), observed=y)
    with pytest.raises(AssertionError, match="location is too"):
        assert_mechanism(lambda: dist.Normal(2, 1), observed=y)
    with pytest.raises(AssertionError, match="20 or more"):
        assert_mechanism(lambda: dist.Normal(0, 1), observed=y[:10], strict=True)


def test_the_default_engine_is_calibrated_on_a_regression():
    def wage(school, *, slope=parameter(dist.Normal(0, 1)), spread=parameter(dist.HalfNormal(1))):
        return dist.Normal(slope * school, spread)

    slow = bool(os.environ.get("AITIA_SLOW"))
    finding = assert_calibrated(wage, {"school": np.linspace(-1, 1, 12)}, replicates=300 if slow else 8)
    assert set(finding.details["p_values"]) == {"slope", "spread", LIKELIHOOD}
