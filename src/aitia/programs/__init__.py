"""Generative causal programs: see, do, imagine. Needs the extra ``aitia[programs]`` (JAX, NumPyro, Optax).

An engineer writes how the world works as small mechanisms, tests each alone, fits them with an engine that can be
swapped, and asks any question on the three rungs. The names below load on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from aitia.core import MissingExtra

if TYPE_CHECKING:
    from ._answer import Answer as Answer
    from ._events import above as above
    from ._events import at_least as at_least
    from ._events import at_most as at_most
    from ._events import below as below
    from ._events import between as between
    from ._events import one_of as one_of
    from ._fitted import Diagnostic as Diagnostic
    from ._fitted import Fitted as Fitted
    from ._interventions import AsIn as AsIn
    from ._interventions import DrawFrom as DrawFrom
    from ._interventions import Policy as Policy
    from ._interventions import SetTo as SetTo
    from ._interventions import ShiftBy as ShiftBy
    from ._mechanism import FunctionMechanism as FunctionMechanism
    from ._mechanism import Mechanism as Mechanism
    from ._program import Program as Program
    from ._query import query as query
    from ._query import worlds as worlds
    from ._terms import noise as noise
    from ._terms import parameter as parameter
    from ._worlds import World as World
    from .composition._input import Input as Input
    from .composition._join import CyclicProgram as CyclicProgram
    from .composition._join import compose as compose
    from .composition._plate import plate as plate
    from .composition._simulated import simulated as simulated

_HOME = {
    "_answer": ("Answer",),
    "_errors": (
        "FitError",
        "ImpossibleEvidence",
        "MechanismError",
        "NotInvertible",
        "ProgramError",
        "QueryError",
        "UnknownParent",
    ),
    "_events": ("above", "at_least", "at_most", "below", "between", "one_of"),
    "_fitted": ("Diagnostic", "Fitted"),
    "_interventions": ("AsIn", "DrawFrom", "Policy", "SetTo", "ShiftBy"),
    "_mechanism": ("FunctionMechanism", "Mechanism"),
    "_program": ("Program",),
    "_query": ("query", "worlds"),
    "_terms": ("noise", "parameter"),
    "_worlds": ("World",),
    "composition._input": ("Input",),
    "composition._join": ("CyclicProgram", "compose"),
    "composition._plate": ("plate",),
    "composition._simulated": ("simulated",),
}
"""Where each public name lives; a new one joins here and in the block for type checkers above."""

_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
__all__ = list(_MODULE_OF)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'aitia.programs' has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(f"aitia.programs.{_MODULE_OF[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in ("jax", "numpyro", "optax", "equinox", "flowjax", "diffrax"):
            raise MissingExtra(str(error.name), "programs") from error
        raise


def __dir__() -> list[str]:
    return sorted(__all__)
