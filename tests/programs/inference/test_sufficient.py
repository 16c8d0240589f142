"""Cheaper terms of the likelihood are the same function of the parameters as the sum over rows."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from aitia.programs import Program, noise, parameter
from aitia.programs._fitted import draw_prior
from aitia.programs._precision import double
from aitia.programs.inference._encode import Encoded
from aitia.programs.inference._sufficient import DistinctRows, NormalMoments, sufficient_term
from aitia.programs.inference._terms import Rows

N, GROUPS = 3_000, 7
WIDE = dist.Normal(0, 3)


def x():
    return dist.Normal(0, 1)


def z():
    return dist.Bernoulli(0.4)


def affine(x, *, a=parameter(WIDE), b=parameter(WIDE), s=parameter(dist.HalfNormal(2))):
    return dist.Normal(a + b * x, s)


def by_level(x, z, *, a=parameter(WIDE.expand([2]).to_event(1)), s=parameter(dist.HalfNormal(2))):
    return dist.Normal(a[z] * x + a[1 - z], s + z)


def by_group(x, z, *, m=parameter(WIDE), b=parameter(lambda m: dist.Normal(m, 1), per="school")):
    return dist.Normal(b * x + z, 0.7)


def with_noise(x, z, *, b=parameter(WIDE), own=noise(dist.Normal(0.2, 1.3))):
    return b * x - 0.5 * z + 2.0 * own


def binary(z, *, p=parameter(WIDE.expand([2]).to_event(1))):
    return dist.Bernoulli(logits=p[z])


def count(z, *, p=parameter(lambda: dist.Normal(0, 0.5), per="school")):
    return dist.Poisson(jnp.exp(0.3 + p + 0.5 * z))


def curved(x, *, b=parameter(WIDE)):
    return dist.Normal(b * x**2, 1.0)


def uneven(x, *, b=parameter(WIDE)):
    return dist.Normal(b * x, jnp.exp(x))


def heavy(x, *, b=parameter(WIDE)):
    return dist.StudentT(4.0, b * x, 1.0)


def bent(x, *, b=parameter(WIDE), own=noise(dist.Normal(0, 1))):
    return b * x + jnp.sinh(own)


def steeper(x, *, b=parameter(WIDE), own=noise(dist.Normal(0, 1))):
    return b * x + (1 + x**2) * own


CHEAPER = {
    "affine": (affine, NormalMoments),
    "by_level": (by_level, NormalMoments),
    "by_group": (by_group, NormalMoments),
    "with_noise": (with_noise, NormalMoments),
    "binary": (binary, DistinctRows),
    "count": (count, DistinctRows),
}


def rows(mechanism) -> tuple[Program, Encoded]:
    random = np.random.default_rng(0)
    program = Program({"x": x, "z": z, "node": mechanism})
    node = (
        random.poisson(1.5, N)
        if mechanism is count
        else random.integers(0, 2, N)
        if mechanism is binary
        # Far from zero: moments about anything but the mean would lose digits.
        else 1e4 + random.normal(size=N)
    )
    values = {"x": 500 + random.normal(size=N), "z": random.integers(0, 2, N), "node": node}
    group = {"school": random.integers(0, GROUPS, N)}
    return program, Encoded(values, N, group_of_row=group, group_levels={"school": tuple(range(GROUPS))})


@pytest.mark.parametrize("name", CHEAPER)
@double
def test_value_and_gradient_are_those_of_the_rows(name: str):
    mechanism, kind = CHEAPER[name]
    program, data = rows(mechanism)
    term = sufficient_term(program.mechanisms["node"], "node", data)
    assert type(term) is kind
    whole = Rows(program.mechanisms["node"], "node", data)
    own = draw_prior(program, jax.random.key(1), {"school": GROUPS})["node"]
    value, gradient = jax.value_and_grad(term.log_likelihood)(own)
    expected, slope = jax.value_and_grad(whole.log_likelihood)(own)
    assert value == pytest.approx(float(expected), rel=1e-11)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9), gradient, slope)


@pytest.mark.parametrize("mechanism", [curved, uneven, heavy, bent, steeper])
@double
def test_what_has_no_short_form_keeps_its_rows(mechanism):
    program, data = rows(mechanism)
    assert sufficient_term(program.mechanisms["node"], "node", data) is None


@double
def test_the_price_does_not_grow_with_the_rows():
    program, data = rows(by_level)
    term = sufficient_term(program.mechanisms["node"], "node", data)
    assert isinstance(term, NormalMoments)
    assert term.cells.count.shape == (2,) and float(term.cells.count.sum()) == N


@double
def test_few_rows_are_left_as_they_are():
    program, data = rows(affine)
    few = Encoded({name: each[:50] for name, each in data.values.items()}, 50)
    assert sufficient_term(program.mechanisms["node"], "node", few) is None
