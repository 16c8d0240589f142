"""The exit codes of every command."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What the process's exit status says. Scripts may rely on it."""

    ANSWERED = 0
    """The command did what was asked."""
    INTERNAL = 1
    """aitia itself failed: a defect worth reporting."""
    BAD_INPUT = 2
    """The command line, the data, the graph or the study file is wrong; the message names the remedy."""
    NOT_IDENTIFIED = 3
    """The graph does not let the data answer the question; the witness is printed."""
    BROKEN = 4
    """With ``--strict``: answered, but something tested broke (a refuter, an implied independence)."""
    NOT_WRITTEN = 5
    """The report could not be written; an old one is unchanged."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C."""


class Stopped(Exception):
    """Ctrl-C stopped a command that has printed what it had found by then: the exit code says it, nothing else does."""
