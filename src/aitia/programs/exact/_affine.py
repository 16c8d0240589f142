"""Is a function affine, told from its structure; and its coefficients.

A traced function is a list of primitive operations (a jaxpr). Walking it once tells for every intermediate value how
it depends on the inputs that are let vary: not at all, as an affine function, or in a way that is not known to be
affine. The answer "affine" holds for all values of the inputs; "not affine" may also mean that an operation is not on
the list below. No number is computed, so nothing can look affine by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend import core


class Dependence(IntEnum):
    """How a value depends on the inputs that vary; a larger one covers a smaller one."""

    CONSTANT = 0
    AFFINE = 1
    OTHER = 2


_ANY_LINEAR = frozenset(
    [
        "add",
        "add_any",
        "sub",
        "neg",
        "broadcast_in_dim",
        "reshape",
        "transpose",
        "squeeze",
        "expand_dims",
        "rev",
        "slice",
        "concatenate",
        "reduce_sum",
        "cumsum",
        "copy",
        "copy_p",
        "real",
        "imag",
        "pad",
        "stack",
        "unstack",
        "reduce_window_sum",
    ]
)
"""Linear in all operands together."""

_FIRST_ONLY = frozenset(["div", "dynamic_slice", "gather"])
"""Linear in the first operand, all others constant."""

_ONE_SIDE = frozenset(["mul", "dot_general", "conv_general_dilated"])
"""Linear in each operand while the other is constant."""

_CALLS = frozenset(
    [
        "pjit",
        "jit",
        "closed_call",
        "core_call",
        "remat",
        "checkpoint",
        "remat2",
        "custom_jvp_call",
        "custom_vjp_call",
    ]
)
"""Calls of an inner jaxpr on the same operands."""

_CUSTOM = frozenset(["custom_jvp_call", "custom_vjp_call"])
"""Those that bring their own derivative, which may be anything."""


def dependences(
    function: Callable[..., Any],
    *arguments: Any,
    varying: Sequence[int] | None = None,
    blocked: Sequence[int] = (),
) -> list[Dependence]:
    """How each output of a function depends on some of its arguments.

    Args:
        function: a function that JAX can trace.
        *arguments: its arguments (trees of arrays, or of `jax.ShapeDtypeStruct`); only their shapes matter.
        varying: the positions of the arguments that vary, the others are constants; None for all.
        blocked: the positions of arguments on which any dependence, affine or not, counts as `OTHER`.

    Returns:
        One for each leaf of the output, in the order of `jax.tree.leaves`.

    Example:
        >>> dependences(lambda x, y: (x * y, 3.0 * x, y), 1.0, 2.0, varying=[0])
        [<Dependence.AFFINE: 1>, <Dependence.AFFINE: 1>, <Dependence.CONSTANT: 0>]
    """
    closed = jax.make_jaxpr(function)(*arguments)
    return _walk(closed.jaxpr, _marked(arguments, varying, blocked))


def affine_in(function: Callable[..., Any], *arguments: Any, varying: Sequence[int] | None = None) -> bool:
    """Whether every output of a function is affine in some of its arguments taken together, the others constant.

    Args:
        function: a function that JAX can trace.
        *arguments: its arguments; only their shapes matter.
        varying: the positions of the arguments that vary; None for all.

    Returns:
        True only where that is proved by the structure. A constant counts as affine.

    Example:
        >>> affine_in(lambda x, y: 2.0 * x - y, 1.0, 1.0), affine_in(lambda x, y: x * y, 1.0, 1.0)
        (True, False)
    """
    return (
        max(dependences(function, *arguments, varying=varying), default=Dependence.CONSTANT)
        <= Dependence.AFFINE
    )


def depends_on(function: Callable[..., Any], *arguments: Any, varying: Sequence[int] | None = None) -> bool:
    """Whether any output of a function may depend on some of its arguments. False is certain.

    Example:
        >>> depends_on(lambda x, y: x + 0 * y, 1.0, 1.0, varying=[1]), depends_on(lambda x, y: x, 1.0, 1.0, varying=[1])
        (True, False)
    """
    return (
        max(dependences(function, *arguments, varying=varying), default=Dependence.CONSTANT)
        > Dependence.CONSTANT
    )


def coefficients(function: Callable[[jax.Array], jax.Array], size: int) -> tuple[jax.Array, jax.Array]:
    """Intercept b and matrix J of a function f(x) = b + J x that `affine_in` has found affine.

    The matrix is the derivative at zero, exact for an affine function. It is taken of the plain operations: the rules
    that somebody wrote for a function's derivative (``jax.custom_jvp``) are not asked.

    Args:
        function: from a vector of length `size` to a vector. May close over traced values.
        size: the length.

    Returns:
        The intercept, shape (outputs,), and the matrix, shape (outputs, size).
    """
    zero = jnp.zeros(size)
    plain = plainly(function, zero)
    intercept, push = jax.linearize(plain, zero)
    if size == 0:
        return intercept, jnp.zeros((*intercept.shape, 0), intercept.dtype)
    return intercept, jax.vmap(push, out_axes=-1)(jnp.eye(size))


def plainly(function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
    """The same function of flat outputs, custom rules of differentiation left out."""
    closed, shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
    tree = jax.tree.structure(shape)

    def run(*values: Any) -> Any:
        return jax.tree.unflatten(tree, _evaluate(closed.jaxpr, closed.consts, jax.tree.leaves(values)))

    return run


def _marked(
    arguments: Sequence[Any], varying: Sequence[int] | None, blocked: Sequence[int]
) -> list[Dependence]:
    mark = dict.fromkeys(range(len(arguments)) if varying is None else varying, Dependence.AFFINE)
    mark |= dict.fromkeys(blocked, Dependence.OTHER)
    return [
        mark.get(position, Dependence.CONSTANT)
        for position, each in enumerate(arguments)
        for _ in jax.tree.leaves(each)
    ]


def _walk(jaxpr: Any, inputs: Sequence[Dependence], looped: bool = False) -> list[Dependence]:
    """How the outputs of a jaxpr depend, from how its inputs do.

    In loops and branches (`looped`) `_evaluate` opens no calls, so that custom derivatives are not trusted there.
    """
    known: dict[Any, Dependence] = dict(zip(jaxpr.invars, inputs))

    def of(each: Any) -> Dependence:
        return Dependence.CONSTANT if isinstance(each, core.Literal) else known.get(each, Dependence.CONSTANT)

    for equation in jaxpr.eqns:
        operands = [of(each) for each in equation.invars]
        known.update(zip(equation.outvars, _step(equation, operands, looped)))
    return [of(each) for each in jaxpr.outvars]


def _step(equation: Any, operands: list[Dependence], looped: bool) -> list[Dependence]:
    """How the outputs of one operation depend."""
    name, count = equation.primitive.name, len(equation.outvars)
    most = max(operands, default=Dependence.CONSTANT)
    if most is Dependence.CONSTANT and not equation.effects:
        return [Dependence.CONSTANT] * count
    inner = _inner(equation)
    if inner is not None and len(inner.invars) == len(operands) and not (looped and name in _CUSTOM):
        return _walk(inner, operands, looped)
    if name == "cond":
        index, *rest = operands
        if index is Dependence.CONSTANT:
            each = [_walk(branch.jaxpr, rest, True) for branch in equation.params["branches"]]
            return [max(outputs) for outputs in zip(*each)]
    if name == "scan":
        return _scan(equation, operands)
    return [most if _linear(equation, name, operands, most) else Dependence.OTHER] * count


def _linear(equation: Any, name: str, operands: list[Dependence], most: Dependence) -> bool:
    constant = Dependence.CONSTANT
    if name in _ANY_LINEAR:
        return True
    if name in _FIRST_ONLY:
        whole = jnp.issubdtype(equation.outvars[0].aval.dtype, jnp.integer)
        return all(each is constant for each in operands[1:]) and not (name == "div" and whole)
    if name in _ONE_SIDE:
        return sum(each is not constant for each in operands) == 1
    if name == "select_n":
        return operands[0] is constant
    if name == "convert_element_type":
        # A float made whole is rounded; a number made a truth value is compared.
        source, target = equation.invars[0].aval.dtype, equation.params["new_dtype"]
        if jnp.issubdtype(target, jnp.inexact):
            return True
        return jnp.issubdtype(target, jnp.integer) and not jnp.issubdtype(source, jnp.inexact)
    if name == "integer_pow":
        return equation.params["y"] == 1
    if name == "dynamic_update_slice":
        return all(each is constant for each in operands[2:])
    if name in ("scatter", "scatter-add", "scatter_add"):
        return operands[1] is constant
    if name == "triangular_solve":
        return operands[0] is constant
    return False


def _inner(equation: Any) -> Any:
    """The jaxpr that a call runs on its operands, if it is a call."""
    if equation.primitive.name not in _CALLS:
        return None
    for key in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        found = equation.params.get(key)
        if found is not None:
            return getattr(found, "jaxpr", found)
    return None


def _scan(equation: Any, operands: list[Dependence]) -> list[Dependence]:
    """A loop: the carried values' dependence grows until it stays."""
    n_consts, n_carry = equation.params["num_consts"], equation.params["num_carry"]
    body = equation.params["jaxpr"].jaxpr
    consts, carry = operands[:n_consts], operands[n_consts : n_consts + n_carry]
    rest = operands[n_consts + n_carry :]
    while True:
        outputs = _walk(body, [*consts, *carry, *rest], True)
        grown = [max(pair) for pair in zip(carry, outputs[:n_carry])]
        if grown == carry:
            return outputs
        carry = grown


def _evaluate(jaxpr: Any, consts: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
    """The values of a jaxpr's outputs, inner calls opened."""
    known: dict[Any, Any] = dict(zip(jaxpr.constvars, consts)) | dict(zip(jaxpr.invars, arguments))

    def of(each: Any) -> Any:
        return each.val if isinstance(each, core.Literal) else known[each]

    for equation in jaxpr.eqns:
        operands = [of(each) for each in equation.invars]
        inner = _inner(equation)
        if inner is not None and len(inner.invars) == len(operands):
            closed = next(
                (
                    equation.params[key]
                    for key in ("jaxpr", "call_jaxpr", "fun_jaxpr")
                    if key in equation.params
                ),
                None,
            )
            found = _evaluate(inner, getattr(closed, "consts", ()), operands)
        else:
            found = _bind(equation, operands)
        known.update(zip(equation.outvars, found))
    return [of(each) for each in jaxpr.outvars]


def _bind(equation: Any, operands: Sequence[Any]) -> list[Any]:
    """The outputs of one operation."""
    parameters = equation.primitive.get_bind_params(equation.params)
    if isinstance(parameters, tuple):  # JAX up to 0.9 gives inner functions apart
        inner, parameters = parameters
        operands = [*inner, *operands]
    found = equation.primitive.bind(*operands, **parameters)
    return list(found) if equation.primitive.multiple_results else [found]
