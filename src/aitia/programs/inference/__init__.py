"""Inference apart from the model: a program and data make a posterior; an engine draws from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitia.programs._on_use import on_use

if TYPE_CHECKING:
    from ._centring import ByGroupSize as ByGroupSize
    from ._centring import Centred as Centred
    from ._centring import Centring as Centring
    from ._centring import NonCentred as NonCentred
    from ._centring import Only as Only
    from ._encode import MissingCells as MissingCells
    from ._engine import Drawn as Drawn
    from ._engine import Engine as Engine
    from ._guides import FlowGuide as FlowGuide
    from ._guides import FullRank as FullRank
    from ._guides import Guide as Guide
    from ._guides import MeanField as MeanField
    from ._importance import Importance as Importance
    from ._laplace import Laplace as Laplace
    from ._maximum_likelihood import MaximumLikelihood as MaximumLikelihood
    from ._nutpie import Nutpie as Nutpie
    from ._nuts import NUTS as NUTS
    from ._smc import SMC as SMC
    from ._svi import SVI as SVI

_HOME = {
    "_centring": (
        "ByGroupSize",
        "Centred",
        "Centring",
        "NonCentred",
        "Only",
    ),
    "_encode": ("MissingCells",),
    "_engine": (
        "Drawn",
        "Engine",
    ),
    "_guides": (
        "FlowGuide",
        "FullRank",
        "Guide",
        "MeanField",
    ),
    "_importance": ("Importance",),
    "_laplace": ("Laplace",),
    "_maximum_likelihood": ("MaximumLikelihood",),
    "_nutpie": ("Nutpie",),
    "_nuts": ("NUTS",),
    "_smc": ("SMC",),
    "_svi": ("SVI",),
}
"""Where each public name lives; a new one joins here and in the block for type checkers above."""

__getattr__, __dir__, __all__ = on_use(__name__, _HOME)  # pyright: ignore[reportUnsupportedDunderAll]
