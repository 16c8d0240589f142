"""What the scripts that fill benchmarks/README.md share."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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


def run_row(script: Path, arguments: Sequence[str], label: str, limit: float | None = None) -> dict | None:
    """One row of a table, in a process of its own.

    Args:
        script: the file that does the row and prints it as JSON on its last line.
        arguments: its arguments.
        label: the row in words.
        limit: seconds that it may take; None for no limit.

    Returns:
        The row; {"unfinished": limit} where it was stopped at the limit; None where it failed. Both are said on
        standard error.
    """
    command = [sys.executable, str(script), *arguments]
    # A session of its own: a library's workers end with it.
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, cwd=script.parent, start_new_session=True, **pipes) as row:
        try:
            said, complaint = row.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(row.pid, signal.SIGKILL)
            print(f"{label}: not done in {limit} s", file=sys.stderr)
            return {"unfinished": limit}
        except BaseException:  # Ctrl-C no longer reaches it by itself
            os.killpg(row.pid, signal.SIGKILL)
            raise
    if row.returncode:
        print(f"{label}: failed\n{complaint[-2000:]}", file=sys.stderr)
        return None
    return json.loads(said.splitlines()[-1])


def replaced(
    results: Sequence[dict[str, Any]], found: dict[str, Any], key: Sequence[str]
) -> list[dict[str, Any]]:
    """The results with this row in place of an earlier one that agrees with it on `key`."""
    return [each for each in results if any(each[k] != found[k] for k in key)] + [found]


def write(text: str, marker: str, page: Path = README) -> None:
    """Put a table between its markers in the README, or in another page."""
    start, end = f"<!-- {marker}: made by", f"<!-- {marker}: end -->"
    head, rest = page.read_text().split(start, 1)
    first_line, rest = rest.split("\n", 1)
    page.write_text(f"{head}{start}{first_line}\n{text}\n{end}{rest.split(end, 1)[1]}")
