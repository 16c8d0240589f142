"""For all tests: what is not installed is left out, compiled code is dropped before it fills what may be mapped."""

from __future__ import annotations

import gc
import importlib.util
import re
import signal
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

MOST_MAPS = 20_000
"""Linux allows a process 65,530 mappings. Each small program that JAX compiles takes a few, and a process that has none
left is ended without a word."""

EVERY = 10
"""Tests between two looks."""

_tests = count(1)

_NETWORKS = Path(__file__).parent / "src" / "aitia" / "networks"

# Examples in docstrings are tests, and a module that needs PyTorch cannot be imported without it.
collect_ignore = (
    [
        str(path)
        for path in _NETWORKS.rglob("*.py")
        if re.search(r"^(import|from) torch\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    if importlib.util.find_spec("torch") is None
    else []
)


@pytest.fixture
def hears_ctrl_c() -> Iterator[None]:
    """Ctrl-C is heard, here and by programs that the test starts; what runs in the background may have it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def pytest_runtest_teardown() -> None:
    """Drops what JAX has compiled where it has grown too much."""
    jax, maps = sys.modules.get("jax"), Path("/proc/self/maps")
    if jax is None or next(_tests) % EVERY or not maps.exists():
        return
    if maps.read_bytes().count(b"\n") > MOST_MAPS:
        jax.clear_caches()
        gc.collect()
