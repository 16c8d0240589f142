"""Deep mechanisms for images, in the manner of deep structural causal models (Pawlowski, Castro and Glocker 2020).

Needs the extra ``aitia[programs]``. The names below load on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from aitia.core import MissingExtra

if TYPE_CHECKING:
    from ._counterfactual import counterfactual as counterfactual
    from ._figure import figure as figure
    from ._flow import ConditionalImageFlow as ConditionalImageFlow
    from ._image_mechanism import ImageMechanism as ImageMechanism
    from ._measure import Morphology as Morphology
    from ._measure import morphology as morphology
    from ._soundness import Axiom as Axiom
    from ._soundness import Soundness as Soundness
    from ._soundness import soundness as soundness
    from ._training import Training as Training
    from ._training import TrainingRecord as TrainingRecord
    from ._vae import ConditionalHierarchicalVAE as ConditionalHierarchicalVAE

_HOME = {
    "_counterfactual": ("counterfactual",),
    "_figure": ("figure",),
    "_flow": ("ConditionalImageFlow",),
    "_image_mechanism": ("ImageMechanism",),
    "_measure": ("Morphology", "morphology"),
    "_soundness": ("Axiom", "Soundness", "soundness"),
    "_training": ("Training", "TrainingRecord"),
    "_vae": ("ConditionalHierarchicalVAE",),
}

_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
__all__ = list(_MODULE_OF)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'aitia.programs.deep' has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(f"aitia.programs.deep.{_MODULE_OF[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in ("jax", "numpyro", "optax", "equinox"):
            raise MissingExtra(str(error.name), "programs") from error
        raise


def __dir__() -> list[str]:
    return sorted(__all__)
