"""A posterior's log density as compiled code that takes the data as an argument."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import eval_jaxpr

from aitia.core import listing
from aitia.programs._errors import FitError
from aitia.programs._random import seed_key
from aitia.programs.inference._posterior import Posterior

STARTS = 50
"""Random points tried before a fit gives up on finding one where the log density is finite."""


@dataclass(frozen=True, eq=False)
class Density:
    """A function of a vector, and the arrays it reads, apart.

    The data are arguments, not constants of the compiled code: compiling is quick whatever their size, and compiled
    code serves other data of the same shape, in this process and (kept on disk) in the next.

    Args:
        code: the function from the arrays and a vector to the value, with what was compiled of it.
        data: the arrays.
    """

    code: Code
    data: Any

    @property
    def function(self) -> Callable[[Any, jax.Array], jax.Array]:
        """From the arrays and a vector to the value."""
        return self.code.function

    def value(self, vector: np.ndarray) -> float:
        """The value at a vector."""
        return float(self.code.value(self.data, vector))

    def value_and_gradient(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """The value and its gradient at a vector."""
        value, gradient = self.code.value_and_gradient(self.data, vector)
        return float(value), np.asarray(gradient)

    def values_and_gradients(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The values and gradients at a few vectors at once: shapes (count,) and (count, size)."""
        values, gradients = self.code.values_and_gradients(self.data, vectors)
        return np.asarray(values), np.asarray(gradients)

    def values(self, vectors: np.ndarray) -> np.ndarray:
        """The values at many vectors: from shape (count, size) to (count,)."""
        return np.asarray(self.code.values(self.data, vectors))

    def products(self, vector: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """The Hessian at a vector times each direction, shape (directions, size)."""
        return np.asarray(self.code.products(self.data, vector, directions))

    def hessian(self, vector: np.ndarray, blocks: tuple[np.ndarray, ...] | None = None) -> list[np.ndarray]:
        """The Hessian, a block at a time: entries between blocks are zero and are not computed.

        One Hessian-vector product serves one direction of every block at once, since blocks do not touch.
        """
        blocks = blocks or (np.arange(len(vector)),)
        width = max(len(block) for block in blocks)
        directions = np.zeros((width, len(vector)))
        for block in blocks:
            directions[np.arange(len(block)), block] = 1.0
        rows = self.products(vector, directions)
        found = [rows[: len(block)][:, block] for block in blocks]
        return [(each + each.T) / 2 for each in found]


class Code:
    """A function of arrays and a vector, and what was compiled of it; one object for one text of the function.

    Args:
        function: the function.
    """

    def __init__(self, function: Callable[[Any, jax.Array], jax.Array]) -> None:
        self.function = function
        self.value = jax.jit(function)
        self.value_and_gradient = jax.jit(jax.value_and_grad(function, argnums=1))
        self.values_and_gradients = jax.jit(jax.vmap(jax.value_and_grad(function, argnums=1), (None, 0)))
        self.values = jax.jit(
            lambda data, many: jax.lax.map(lambda each: function(data, each), many, batch_size=64)
        )
        gradient = jax.grad(function, argnums=1)

        def product(data, at, direction):
            return jax.jvp(lambda each: gradient(data, each), (at,), (direction,))[1]

        self.products = jax.jit(
            lambda data, at, many: jax.lax.map(lambda each: product(data, at, each), many)
        )
        self._built: dict[Any, Any] = {}

    def build(self, settings: Any, make: Callable[[], Any]) -> Any:
        """What `make` returns, made once for these settings: an engine's compiled steps."""
        if settings not in self._built:
            self._built[settings] = make()
        return self._built[settings]


KEPT = 64
"""Functions whose compiled code is kept in memory, at most; the one used longest ago goes first."""

_codes: OrderedDict[str, Code] = OrderedDict()


def density(function: Callable[[jax.Array], jax.Array], size: int) -> Density:
    """The function of a vector of `size` numbers with the arrays it closes over taken out.

    Functions whose lowered text is the same (the same program, fitted to other data of the same shape) share their
    compiled code.
    """
    closed = jax.make_jaxpr(function)(jnp.zeros(size))

    def apart(data, vector):
        return eval_jaxpr(closed.jaxpr, data, vector)[0]

    text = jax.jit(apart).lower(closed.consts, jnp.zeros(size)).as_text()
    key = hashlib.sha256(text.encode()).hexdigest()
    if key not in _codes:
        _codes[key] = Code(apart)
        while len(_codes) > KEPT:
            _codes.popitem(last=False)
    _codes.move_to_end(key)
    return Density(_codes[key], closed.consts)


_shared: OrderedDict[str, Any] = OrderedDict()


def shared(function: Callable[[Any], Any], argument: Any) -> Any:
    """What the function returns for the argument, compiled once for one text of it, as `density` does."""
    closed, shape = jax.make_jaxpr(function, return_shape=True)(argument)
    tree = jax.tree.structure(shape)

    def apart(data, argument):
        return jax.tree.unflatten(tree, eval_jaxpr(closed.jaxpr, data, *jax.tree.leaves(argument)))

    lowered = jax.jit(apart).lower(closed.consts, argument)
    key = hashlib.sha256(f"{jax.tree.structure(argument)} {tree} {lowered.as_text()}".encode()).hexdigest()
    if key not in _shared:
        _shared[key] = lowered.compile()
        while len(_shared) > KEPT:
            _shared.popitem(last=False)
    _shared.move_to_end(key)
    return _shared[key](closed.consts, argument)


def starting_points(posterior: Posterior, whole: Density, seed: int, count: int) -> np.ndarray:
    """Random points at which the log density and its gradient are finite, shape (count, size).

    Raises:
        FitError: there is none among `STARTS` points; the error names the node and the first row at fault.
    """
    found: list[np.ndarray] = []
    for attempt in range(STARTS * count):
        point = np.asarray(posterior.start(seed_key(seed, "start", attempt)))
        value, gradient = whole.value_and_gradient(point)
        if np.isfinite(value) and np.isfinite(gradient).all():
            found.append(point)
        if len(found) == count:
            return np.stack(found)
        if attempt == STARTS and not found:
            break
    raise _not_finite(posterior, seed)


def _not_finite(posterior: Posterior, seed: int) -> FitError:
    """What to say where no start is finite: the parts at fault, and a row that is impossible at every start."""
    points = [posterior.initial(seed_key(seed, "start", attempt)) for attempt in range(10)]
    parts = [posterior.parts(point) for point in points]
    bad = [name for name in parts[0] if not any(np.isfinite(np.asarray(each[name])) for each in parts)]
    for node in bad:
        term = posterior.terms.get(node)
        by_row = getattr(term, "by_row", None)
        if by_row is None:
            continue
        rows = np.stack([np.asarray(by_row(posterior.constrain(point).get(node, {}))) for point in points])
        never = ~np.isfinite(rows).any(axis=0)
        if never.any():
            row = int(np.argmax(never))
            value = np.asarray(getattr(term, "values", rows[0]))[row]
            return FitError(
                f"The value {value} of the node {node!r} in row {row + 1:,} is impossible under its mechanism, "
                f"whatever its parameters ({int(never.sum()):,} such rows).",
                "Correct the data, or choose a mechanism whose values include it.",
            )
    named = listing([repr(name) for name in bad]) if bad else "the whole"
    return FitError(
        f"The log density of {named} is not finite at any of {STARTS} random starts.",
        "Check the mechanism for logarithms or roots of negative numbers, and the priors for their scale.",
    )
