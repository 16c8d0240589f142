"""Generative causal programs: see, do, imagine. Needs the extra ``aitia[programs]`` (JAX, NumPyro, Optax).

An engineer writes how the world works as small mechanisms, tests each alone, fits them with an engine that can be
swapped, and asks any question on the three rungs. The names below load on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitia.programs._on_use import on_use

if TYPE_CHECKING:
    from ._answer import Answer as Answer
    from ._choice import Automatic as Automatic
    from ._contrast import Contrasts as Contrasts
    from ._contrast import contrast as contrast
    from ._contrast import contrast_by as contrast_by
    from ._contrast import difference as difference
    from ._contrast import ratio as ratio
    from ._counterfactuals import Counterfactuals as Counterfactuals
    from ._errors import FitError as FitError
    from ._errors import ImpossibleEvidence as ImpossibleEvidence
    from ._errors import MechanismError as MechanismError
    from ._errors import NotInvertible as NotInvertible
    from ._errors import ProgramError as ProgramError
    from ._errors import QueryError as QueryError
    from ._errors import UnknownParent as UnknownParent
    from ._events import above as above
    from ._events import at_least as at_least
    from ._events import at_most as at_most
    from ._events import below as below
    from ._events import between as between
    from ._events import one_of as one_of
    from ._fitted import Diagnostic as Diagnostic
    from ._fitted import Fitted as Fitted
    from ._groups import NewGroup as NewGroup
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
    from .conditioning import Tempered as Tempered
    from .conditioning import Weighting as Weighting
    from .exact import Bounds as Bounds
    from .exact import Enumeration as Enumeration
    from .exact import GaussianConditioning as GaussianConditioning
    from .exact import bounds_of as bounds_of
    from .forms import GumbelMax as GumbelMax
    from .forms import Rank as Rank
    from .forms import Threshold as Threshold
    from .forms import with_noise as with_noise
    from .inference._centring import ByGroupSize as ByGroupSize
    from .inference._centring import Centred as Centred
    from .inference._centring import NonCentred as NonCentred
    from .inference._centring import Only as Only
    from .inference._encode import MissingCells as MissingCells
    from .inference._fit import fit as fit
    from .inference._guides import FlowGuide as FlowGuide
    from .inference._guides import FullRank as FullRank
    from .inference._guides import MeanField as MeanField
    from .inference._importance import Importance as Importance
    from .inference._laplace import Laplace as Laplace
    from .inference._maximum_likelihood import MaximumLikelihood as MaximumLikelihood
    from .inference._nutpie import Nutpie as Nutpie
    from .inference._nuts import NUTS as NUTS
    from .inference._smc import SMC as SMC
    from .inference._svi import SVI as SVI

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
    "exact": ("Bounds", "Enumeration", "GaussianConditioning", "bounds_of"),
    "_fitted": ("Diagnostic", "Fitted"),
    "forms": ("GumbelMax", "Rank", "Threshold", "with_noise"),
    "_interventions": ("AsIn", "DrawFrom", "Policy", "SetTo", "ShiftBy"),
    "_mechanism": ("FunctionMechanism", "Mechanism"),
    "_program": ("Program",),
    "_contrast": ("Contrasts", "contrast", "contrast_by", "difference", "ratio"),
    "_groups": ("NewGroup",),
    "_choice": ("Automatic",),
    "_counterfactuals": ("Counterfactuals",),
    "conditioning": ("Tempered", "Weighting"),
    "_query": ("query", "worlds"),
    "_terms": ("noise", "parameter"),
    "_worlds": ("World",),
    "composition._input": ("Input",),
    "composition._join": ("CyclicProgram", "compose"),
    "composition._plate": ("plate",),
    "composition._simulated": ("simulated",),
    "inference._centring": ("ByGroupSize", "Centred", "NonCentred", "Only"),
    "inference._encode": ("MissingCells",),
    "inference._fit": ("fit",),
    "inference._guides": ("FlowGuide", "FullRank", "MeanField"),
    "inference._importance": ("Importance",),
    "inference._laplace": ("Laplace",),
    "inference._maximum_likelihood": ("MaximumLikelihood",),
    "inference._nutpie": ("Nutpie",),
    "inference._nuts": ("NUTS",),
    "inference._smc": ("SMC",),
    "inference._svi": ("SVI",),
}
"""Where each public name lives; a new one joins here and in the block for type checkers above."""

__getattr__, __dir__, __all__ = on_use(__name__, _HOME)  # pyright: ignore[reportUnsupportedDunderAll]
