"""aitia answers "why?": causal effects in the world and explanations of models.

Model the assumptions, identify what the data can say, estimate it, try to refute it. Every answer carries a
ledger of the assumptions it stands on.

The names below load on first use, so that ``import aitia`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from aitia.core import AitiaError as AitiaError
    from aitia.data import read as read
    from aitia.discovery import discover as discover
    from aitia.estimation import regress as regress
    from aitia.graphs import Graph as Graph
    from aitia.identification import Effect as Effect
    from aitia.identification import identify as identify
    from aitia.study import Study as Study

_ROOM_OF = {
    "AitiaError": "aitia.core",
    "Effect": "aitia.identification",
    "Graph": "aitia.graphs",
    "Study": "aitia.study",
    "discover": "aitia.discovery",
    "identify": "aitia.identification",
    "read": "aitia.data",
    "regress": "aitia.estimation",
}
__all__ = [*_ROOM_OF, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'aitia' has no attribute {name!r}; it has {', '.join(_ROOM_OF)}")
    return getattr(importlib.import_module(_ROOM_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
