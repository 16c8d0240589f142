"""Names that load on use: a room that needs JAX can be imported without it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from aitia.core import MissingExtra

_OF_THE_EXTRA = ("jax", "jaxlib", "numpyro", "optax", "equinox", "flowjax", "diffrax")


def on_use(
    room: str, home: Mapping[str, tuple[str, ...]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """A module's ``__getattr__``, ``__dir__`` and ``__all__``.

    Args:
        room: the module's own name (``__name__``).
        home: where each public name lives: names by private module.

    Returns:
        A function that imports a name when it is first asked for, and raises `MissingExtra` where a package of
        ``aitia[programs]`` is absent; one that lists the names; the names.
    """
    module_of = {name: module for module, names in home.items() for name in names}

    def load(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        try:
            return getattr(importlib.import_module(f"{room}.{module_of[name]}"), name)
        except ModuleNotFoundError as error:
            package = (error.name or "").split(".")[0]
            if package in _OF_THE_EXTRA:
                raise MissingExtra(package, "programs") from error
            raise

    return load, lambda: sorted(module_of), list(module_of)
