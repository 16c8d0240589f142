"""Double precision and a compilation cache, for this room's own calls only."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import jax

_P = ParamSpec("_P")
_R = TypeVar("_R")


def double(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The same function with JAX in 64 bits while it runs.

    Answers owe six digits, and JAX defaults to 32 bits. The switch is made where a call enters this room, and
    undone where it leaves: the user's other JAX code keeps the precision it had.
    """

    @functools.wraps(function)
    def within(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        _keep_compiled_code()
        with jax.enable_x64(True):
            return function(*args, **kwargs)

    return within


@functools.cache
def _keep_compiled_code() -> None:
    """Let JAX keep compiled code between runs, unless the user has said where (or that it must not)."""
    if os.environ.get("JAX_COMPILATION_CACHE_DIR") or getattr(jax.config, "jax_compilation_cache_dir", None):
        return
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    jax.config.update("jax_compilation_cache_dir", str(Path(home) / "aitia" / "jax"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
