"""Counterfactual quantities with names: causes of effects, mediation, paths, nested counterfactuals, many worlds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitia.programs._on_use import on_use

if TYPE_CHECKING:
    from ._bounds import Causation as Causation
    from ._bounds import tian_pearl as tian_pearl
    from ._causation import attributable_fraction as attributable_fraction
    from ._causation import effect_of_treatment_on_treated as effect_of_treatment_on_treated
    from ._causation import probability_of_disablement as probability_of_disablement
    from ._causation import probability_of_enablement as probability_of_enablement
    from ._causation import probability_of_necessity as probability_of_necessity
    from ._causation import (
        probability_of_necessity_and_sufficiency as probability_of_necessity_and_sufficiency,
    )
    from ._causation import probability_of_sufficiency as probability_of_sufficiency
    from ._mediation import controlled_direct_effect as controlled_direct_effect
    from ._mediation import natural_direct_effect as natural_direct_effect
    from ._mediation import natural_indirect_effect as natural_indirect_effect
    from ._mediation import total_effect as total_effect
    from ._nested import WouldBe as WouldBe
    from ._nested import nested as nested
    from ._paths import path_specific_effect as path_specific_effect
    from ._paths import recanting_witness as recanting_witness
    from ._units import individual_effect as individual_effect
    from ._units import many_worlds as many_worlds

_HOME = {
    "_bounds": (
        "Causation",
        "tian_pearl",
    ),
    "_causation": (
        "attributable_fraction",
        "effect_of_treatment_on_treated",
        "probability_of_disablement",
        "probability_of_enablement",
        "probability_of_necessity",
        "probability_of_necessity_and_sufficiency",
        "probability_of_sufficiency",
    ),
    "_mediation": (
        "controlled_direct_effect",
        "natural_direct_effect",
        "natural_indirect_effect",
        "total_effect",
    ),
    "_nested": (
        "WouldBe",
        "nested",
    ),
    "_paths": (
        "path_specific_effect",
        "recanting_witness",
    ),
    "_units": (
        "individual_effect",
        "many_worlds",
    ),
}
"""Where each public name lives; a new one joins here and in the block for type checkers above."""

__getattr__, __dir__, __all__ = on_use(__name__, _HOME)  # pyright: ignore[reportUnsupportedDunderAll]
