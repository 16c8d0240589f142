"""What can go wrong in a program, in its fit and in a question asked of it."""

from __future__ import annotations

from aitia.core import AitiaError


class ProgramError(AitiaError):
    """A program, or a mechanism in it, is not what it must be."""


class MechanismError(ProgramError):
    """A mechanism cannot be run: its signature, its branches on unknown values, what it returns."""


class UnknownParent(ProgramError):
    """A mechanism's parameter names no node of the program."""


class FitError(ProgramError):
    """A program cannot be fitted to these data."""


class QueryError(ProgramError):
    """A question does not fit the program: a node, a value or a level that it does not have."""


class ImpossibleEvidence(QueryError):
    """The evidence has probability zero (or no draw came near it) under the program."""


class NotInvertible(QueryError):
    """A value was seen whose noise the mechanism does not determine, and no method here can draw it."""
