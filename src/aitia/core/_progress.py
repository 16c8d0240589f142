"""Progress of long work: shown on a terminal, silent elsewhere, off by argument."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """What long work calls as it goes."""

    def advance(self, steps: float = 1.0) -> None:
        """Say that `steps` more of the total are done."""
        ...


class _Silent:
    def advance(self, steps: float = 1.0) -> None:
        pass


class _Bar:
    def __init__(self, bar, task) -> None:
        self._bar, self._task = bar, task

    def advance(self, steps: float = 1.0) -> None:
        self._bar.advance(self._task, steps)


@contextmanager
def progress(what: str, total: float, show: bool | None = None) -> Iterator[Progress]:
    """A progress bar on standard error for work of `total` steps.

    Args:
        what: the words beside the bar.
        total: how many steps there are.
        show: True or False to force it; None shows it only where standard error is a terminal.

    Yields:
        An object whose ``advance(steps)`` moves the bar. Ctrl-C removes the bar and passes through.

    Example:
        >>> with progress("counting", total=3, show=False) as bar:
        ...     for _ in range(3):
        ...         bar.advance()
    """
    if not (sys.stderr.isatty() if show is None else show):
        yield _Silent()
        return
    from rich.console import Console
    from rich.progress import Progress as RichProgress

    with RichProgress(console=Console(stderr=True), transient=True) as bar:
        yield _Bar(bar, bar.add_task(what, total=total))
