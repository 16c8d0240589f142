"""What every command prints with: one JSON object for machines, Rich for people."""

from __future__ import annotations

import json
from typing import Any


def print_json(value: Any) -> None:
    """Print one JSON object on standard output; numbers that are not finite become null."""
    from aitia.report import plain

    print(json.dumps(plain(value), allow_nan=False))


def print_rich(*parts: Any) -> None:
    """Print Rich renderables to standard output, as wide as the terminal (100 columns elsewhere)."""
    from aitia.report import console

    screen = console()
    for part in parts:
        screen.print(part)
