"""Ctrl-C that always arrives, breaks nothing on its way, and a process that then always ends.

Python raises KeyboardInterrupt wherever the main thread happens to be. That goes wrong in two places.

- In the middle of an import, which most of the first seconds of a command are: CPython can leave the lock of
  all imports taken (threads that import later wait for ever), and C extensions swallow the interrupt, stay
  half loaded or end the process. So an interrupt waits until the import is done.
- In a callback of the interpreter (a weak reference's, ``__del__``, a C function that can't raise) it is
  written to standard error and forgotten. So it is raised again, once the callback is left.
"""

from __future__ import annotations

import _thread
import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_AGAIN_AFTER = 0.05
_LONGEST_IMPORT = 5.0
_LONGEST_EXIT = 3.0
_came = False


@contextmanager
def heard() -> Iterator[None]:
    """Within it, Ctrl-C raises KeyboardInterrupt outside of imports and callbacks.

    A program that has its own way with the signal, or ignores it, keeps it.
    """
    global _came
    _came = False
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    waiting_since: float | None = None
    other_hook = sys.unraisablehook

    def arrived(number: int, frame: FrameType | None) -> None:
        nonlocal waiting_since
        waiting_since = waiting_since or time.monotonic()
        if _imports(frame) and time.monotonic() - waiting_since < _LONGEST_IMPORT:
            _later(_AGAIN_AFTER, _interrupt)
            return
        global _came
        waiting_since, _came = None, True
        raise KeyboardInterrupt

    def once_more(unraisable: Any) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            _later(_AGAIN_AFTER, _interrupt)
        else:
            other_hook(unraisable)

    signal.signal(signal.SIGINT, arrived)
    sys.unraisablehook = once_more
    try:
        yield
    finally:
        sys.unraisablehook = other_hook
        signal.signal(signal.SIGINT, signal.default_int_handler)


def came() -> bool:
    """Whether Ctrl-C has come since `heard` began."""
    return _came


def deaf_at_exit() -> None:
    """Ctrl-C while Python takes itself apart changes nothing: all that was asked for is printed by then."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)


def leave_soon(code: int) -> None:
    """The process ends with `code`, also where Python would wait for a thread that goes on for long."""
    sys.stdout.flush()
    sys.stderr.flush()
    _later(_LONGEST_EXIT, lambda: os._exit(code))


def _later(seconds: float, work: Callable[[], object]) -> None:
    """Do `work` after so many seconds, unless the process has ended by then."""
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()


def _interrupt() -> None:
    main = threading.main_thread().ident
    # To the thread itself where that can be: it may wait for a lock.
    if main is not None and hasattr(signal, "pthread_kill"):
        signal.pthread_kill(main, signal.SIGINT)
    else:
        _thread.interrupt_main()


def _imports(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
