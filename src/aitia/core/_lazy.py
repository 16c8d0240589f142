"""Modules that take long to import, loaded when something first asks for one of their names."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scipy import interpolate as interpolate
    from scipy import optimize as optimize
    from scipy import spatial as spatial
    from scipy import stats as stats
else:

    class _Lazy:
        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, attribute: str) -> Any:
            return getattr(importlib.import_module(self._name), attribute)

    # Together most of a second of every start, for a handful of functions.
    interpolate = _Lazy("scipy.interpolate")
    optimize = _Lazy("scipy.optimize")
    spatial = _Lazy("scipy.spatial")
    stats = _Lazy("scipy.stats")
