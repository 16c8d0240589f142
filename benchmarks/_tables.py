"""What the scripts that fill benchmarks/README.md share."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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


def run_tasks(
    script: Path,
    tasks: Sequence[Any],
    arguments: argparse.Namespace,
    size: str,
    say: Callable[[dict], str],
    installed: Callable[[str], object] = bool,
) -> list[dict[str, Any]]:
    """Run the rows asked for, one after the other; rows run earlier stay in the ``results.json`` beside the script.

    Args:
        script: does a row: ``script TASK LIBRARY``.
        tasks: each with a key, words, libraries, and a size.
        arguments: of `row_parser`.
        size: the name of the tasks' size, by which tasks of one key are told apart.
        say: what of a row is said in the terminal.
        installed: whether a library can run.
    """
    kept = script.parent / "results.json"
    results = json.loads(kept.read_text()) if kept.exists() else []
    for number, task in enumerate(tasks):
        if arguments.only and arguments.only not in task.key:
            continue
        for library in task.libraries:
            if not installed(library) or (arguments.library and library != arguments.library):
                continue
            label = f"{task.words} | {library}"
            found = run_row(script, [str(number), library], label, arguments.limit)
            if found is None:
                continue
            if "skipped" in found:
                print(f"{label}: left out, {found['skipped']}", file=sys.stderr)
                continue
            if "unfinished" in found:
                found |= {"task": task.key, size: getattr(task, size), "library": library}
            else:
                print(f"{label} | {say(found)}", flush=True)
            results = replaced(results, found, ("task", size, "library"))
            kept.write_text(json.dumps(results) + "\n")
    return results


def row_parser(description: str | None) -> argparse.ArgumentParser:
    """The options of a script that runs tasks: which ones, whose, for how long."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help="run the tasks whose key contains this")
    parser.add_argument("--library", help="run this library alone")
    parser.add_argument("--limit", type=float, default=1800, help="seconds for one row")
    return parser


def first_and_second_run(program: str, cache: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a program prints as JSON on its last line, in two processes: nothing cached, then what the first one left.

    Args:
        program: Python.
        cache: the environment variable that says where compiled code is kept.

    Yields:
        Which run, and what it printed with ``"whole"``, the seconds of the process.
    """
    with tempfile.TemporaryDirectory() as folder:
        for words in ("first run, nothing compiled", "second run"):
            start = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", program],
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, cache: folder},
            )
            whole = time.perf_counter() - start
            yield words, {**json.loads(done.stdout.splitlines()[-1]), "whole": whole}


def write(text: str, marker: str, page: Path = README) -> None:
    """Put a table between its markers in the README, or in another page."""
    start, end = f"<!-- {marker}: made by", f"<!-- {marker}: end -->"
    head, rest = page.read_text().split(start, 1)
    first_line, rest = rest.split("\n", 1)
    page.write_text(f"{head}{start}{first_line}\n{text}\n{end}{rest.split(end, 1)[1]}")
