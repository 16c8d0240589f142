"""What the structure of a function says: affine or not, and its coefficients."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from aitia.programs._precision import double
from aitia.programs.exact import Dependence, affine_in, coefficients, dependences, depends_on

VECTOR = np.ones(3)
MATRIX = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]])


@jax.custom_jvp
def misleading(x):
    """Affine, with a rule of differentiation that says it is constant."""
    return 3.0 * x + 1.0


misleading.defjvp(lambda values, tangents: (misleading(*values), 0.0 * tangents[0]))

AFFINE = {
    "a sum": lambda x: 2.0 * x[0] - x[1] / 3.0 + 1.0,
    "matrix product": lambda x: jnp.asarray(MATRIX) @ x,
    "mean": jnp.mean,
    "cumulative": jnp.cumsum,
    "differences": jnp.diff,
    "taken by position": lambda x: x[jnp.array([2, 0])],
    "put together": lambda x: jnp.concatenate([x, jnp.stack([x, x])[1, :2]]),
    "chosen by a constant": lambda x: jnp.where(jnp.arange(3) > 1, x, 7.0),
    "one put in": lambda x: x.at[1].set(2.0),
    "added at": lambda x: jnp.zeros(5).at[jnp.array([1, 1, 4])].add(x),
    "first power": lambda x: x**1,
    "loop": lambda x: lax.fori_loop(0, 3, lambda i, sofar: 0.5 * sofar + x[i], 0.0),
    "scan": lambda x: lax.scan(lambda carry, each: (0.5 * carry + each, carry), 1.0, x),
    "branch on a constant": lambda x: lax.cond(jnp.sin(1.0) > 0, lambda y: y, lambda y: 2 * y, x),
    "inner jit": lambda x: jax.jit(lambda y: 3 * y)(x),
    "custom derivative": misleading,
    "moved about": lambda x: jnp.flip(jnp.pad(x, 2).reshape(7, 1).T),
}
NOT_AFFINE = {
    "product": lambda x: x[0] * x[1],
    "square": lambda x: x**2,
    "divisor": lambda x: 1.0 / x,
    "positive part": jax.nn.relu,
    "absolute": jnp.abs,
    "truncated": lambda x: x.astype(int),
    "compared": lambda x: x > 0,
    "chosen by itself": lambda x: jnp.where(x > 0, x, 0.0),
    "position from itself": lambda x: jnp.arange(3.0)[x[0].astype(int)],
    "multiplying scan": lambda x: lax.scan(lambda carry, each: (carry * each, carry), 1.0, x)[0],
    "carried into a product": lambda x: lax.scan(
        lambda carry, each: ((carry[0] + each, carry[0] * carry[0]), None), (0.0, 0.0), x
    )[0][1],
    "maximum": jnp.max,
    "sorted": jnp.sort,
    "custom derivative in a loop": lambda x: lax.fori_loop(0, 2, lambda i, y: misleading(y), x),
    "stopped gradient": lambda x: lax.stop_gradient(x),
}


@pytest.mark.parametrize("name", AFFINE)
@double
def test_affine_is_found_with_its_coefficients(name):
    function = AFFINE[name]
    assert affine_in(function, VECTOR)

    def flat(x):
        return jnp.concatenate([jnp.ravel(each) for each in jax.tree.leaves(function(x))])

    intercept, matrix = coefficients(flat, 3)
    for at in np.random.default_rng(0).normal(size=(4, 3)) * 10:
        np.testing.assert_allclose(flat(jnp.asarray(at)), intercept + matrix @ at, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NOT_AFFINE)
def test_what_is_not_affine_is_not_called_so(name):
    assert not affine_in(NOT_AFFINE[name], VECTOR)


def test_each_argument_may_be_held_constant():
    def bilinear(x, y):
        return x * y

    assert affine_in(bilinear, 1.0, 1.0, varying=[0]) and affine_in(bilinear, 1.0, 1.0, varying=[1])
    assert not affine_in(bilinear, 1.0, 1.0)


def test_outputs_are_told_apart():
    def outputs(x, y):
        return {"a": x * y, "b": x + y, "c": jnp.exp(y), "d": 3.0}

    kinds = [Dependence.OTHER, Dependence.AFFINE, Dependence.OTHER, Dependence.CONSTANT]
    assert dependences(outputs, 1.0, 1.0) == kinds
    assert not depends_on(lambda x, y: jnp.exp(y), 1.0, 1.0, varying=[0])
    assert depends_on(lambda x, y: jnp.exp(y), 1.0, 1.0)


def test_trees_are_arguments_too():
    assert affine_in(lambda tree: tree["a"] + tree["b"][0], {"a": 1.0, "b": (2.0, 3.0)})
    assert not affine_in(lambda tree: tree["a"] * tree["b"][0], {"a": 1.0, "b": (2.0, 3.0)})


OPERATIONS = {
    "double": (lambda x: 2.0 * x, True),
    "shift": (lambda x: x + 1.0, True),
    "turn": (lambda x: x[::-1], True),
    "mix": (lambda x: x - jnp.mean(x), True),
    "bend": (jnp.tanh, False),
    "square": (lambda x: x * x, False),
}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(sorted(OPERATIONS)), max_size=6))
def test_a_composition_is_affine_when_every_part_is(names):
    def composed(x):
        for name in names:
            x = OPERATIONS[name][0](x)
        return x

    assert affine_in(composed, VECTOR) == all(OPERATIONS[name][1] for name in names)
