"""Pieces tested alone: predictive checks, calibration on held-out rows, simulation-based calibration of the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitia.programs._on_use import on_use

if TYPE_CHECKING:
    from ._calibration import Calibration as Calibration
    from ._check import Check as Check
    from ._check import Finding as Finding
    from ._mechanism import check as check
    from ._program import check_program as check_program
    from ._uniformity import Uniformity as Uniformity
    from ._uniformity import uniformity as uniformity

_HOME = {
    "_calibration": ("Calibration",),
    "_check": (
        "Check",
        "Finding",
    ),
    "_mechanism": ("check",),
    "_program": ("check_program",),
    "_uniformity": (
        "Uniformity",
        "uniformity",
    ),
}
"""Where each public name lives; a new one joins here and in the block for type checkers above."""

__getattr__, __dir__, __all__ = on_use(__name__, _HOME)  # pyright: ignore[reportUnsupportedDunderAll]
