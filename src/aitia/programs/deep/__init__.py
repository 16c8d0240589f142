"""Deep mechanisms for images, in the manner of deep structural causal models (Pawlowski, Castro and Glocker 2020).

Needs the extra ``aitia[programs]``. The names below load on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitia.programs._on_use import on_use

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
"""Where each public name lives; a new one joins here and in the block for type checkers above."""

__getattr__, __dir__, __all__ = on_use(__name__, _HOME)  # pyright: ignore[reportUnsupportedDunderAll]
