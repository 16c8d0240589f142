"""What the scripts that fill benchmarks/README.md share."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Mapping
from pathlib import Path

README = Path(__file__).parent / "README.md"


def version(package: str) -> str | None:
    """The version of an installed package, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def versions(packages: Mapping[str, str]) -> str:
    """The versions of those that are installed, and the machine, as the last line of a table.

    Args:
        packages: the package behind each library's name.
    """
    held = ", ".join(f"{name} {found}" for name, each in packages.items() if (found := version(each)))
    return f"{held}; {os.cpu_count()} cores, Python {platform.python_version()}."


def write(text: str, marker: str) -> None:
    """Put a table between its markers in the README."""
    start, end = f"<!-- {marker}: made by", f"<!-- {marker}: end -->"
    page = README.read_text()
    head, rest = page.split(start, 1)
    first_line, rest = rest.split("\n", 1)
    README.write_text(f"{head}{start}{first_line}\n{text}\n{end}{rest.split(end, 1)[1]}")
