"""Exact answers: affine Gaussian programs by linear algebra, finite discrete ones by enumeration; and bounds.

The names load on first use: forms of noise read `_affine`, which stands below everything else in here.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._affine import Dependence as Dependence
    from ._affine import affine_in as affine_in
    from ._affine import coefficients as coefficients
    from ._affine import dependences as dependences
    from ._affine import depends_on as depends_on
    from ._bounds import Bounds as Bounds
    from ._bounds import bounds_of as bounds_of
    from ._enumeration import Enumeration as Enumeration
    from ._gaussian import GaussianConditioning as GaussianConditioning

_HOME = {
    "_affine": ("Dependence", "affine_in", "coefficients", "dependences", "depends_on"),
    "_bounds": ("Bounds", "bounds_of"),
    "_enumeration": ("Enumeration",),
    "_gaussian": ("GaussianConditioning",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
__all__ = list(_MODULE_OF)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'aitia.programs.exact' has no attribute {name!r}")
    return getattr(importlib.import_module(f"aitia.programs.exact.{_MODULE_OF[name]}"), name)
