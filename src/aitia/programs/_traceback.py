"""What went wrong inside a user's function, told with the function's own line."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import jax

from aitia.core import AitiaError
from aitia.programs._errors import MechanismError


@contextmanager
def translated(function: Callable[..., Any], name: str) -> Iterator[None]:
    """Turns what is raised inside `function`, the mechanism of the node `name`, into a `MechanismError`.

    The error shows the file, the line and its code: of the function itself, or of the helper nearest to the fault
    that is not part of a library that the function called.

    Raises:
        MechanismError: anything but an error of ours was raised.
    """
    try:
        yield
    except AitiaError:
        raise
    except Exception as error:
        where = _line(error.__traceback__, function)
        problem, next_step = _explained(error)
        raise MechanismError(f"The mechanism of {name!r} {problem}{where}", next_step) from error


def _explained(error: Exception) -> tuple[str, str]:
    if isinstance(error, jax.errors.TracerBoolConversionError):
        return (
            "branches on a number that is not known while it is traced",
            "Write jnp.where(condition, a, b) in place of `if condition: a else: b` (and jnp.logical_and, "
            "jnp.logical_or, jnp.clip for `and`, `or`, `min`, `max`); both sides are computed, and one is taken.",
        )
    if isinstance(error, jax.errors.TracerArrayConversionError):
        return (
            "hands a number that is not known while it is traced to NumPy or another library",
            "Use jax.numpy (import jax.numpy as jnp; jnp.exp for np.exp). What cannot be traced, such as a model of "
            "scikit-learn, comes in as a mechanism of its own.",
        )
    if isinstance(error, jax.errors.TracerIntegerConversionError):
        return (
            "uses a number that is not known while it is traced as an index or a size",
            "Index with jnp.take(array, position) or jnp.asarray(array)[position]; a size must be a constant.",
        )
    if isinstance(error, jax.errors.ConcretizationTypeError):
        return (
            "asks for the value of a number that is not known while it is traced (float(X), int(X), X.item())",
            "Leave it out: arrays work as numbers. Use jax.numpy in place of math and NumPy.",
        )
    if isinstance(error, jax.errors.UnexpectedTracerError):
        return (
            "uses a number that it kept from an earlier run",
            "Keep nothing between runs (no global, no list that grows): return what is needed.",
        )
    text = str(error).strip().split("\n")[0]
    return (
        f"raised {type(error).__name__}: {text}",
        "It sees one unit: every parent is an array of its node's shape (a number has the shape ()).",
    )


def _line(trace: TracebackType | None, function: Callable[..., Any]) -> str:
    """The file, line and code of the fault, as far down as the author's own code goes."""
    own = getattr(getattr(function, "__code__", None), "co_filename", None)
    frames = traceback.extract_tb(trace)
    mine = [each for each in frames if each.filename == own]
    if not mine:
        return "."
    frame = mine[-1]
    code = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
    return f", at {frame.filename}, line {frame.lineno}:\n      {code}"
