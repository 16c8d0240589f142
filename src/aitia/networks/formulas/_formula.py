"""Formulas over concepts: what they are, how they print, and which mask they have."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import final

import numpy as np


class Formula(ABC):
    """A logical formula over named concepts. Formulas are values: equal where they are written alike.

    `aitia.networks.simplified` gives the canonical form, which equivalent formulas share.
    """

    @property
    @abstractmethod
    def parts(self) -> tuple[Formula, ...]:
        """What the outermost operator joins."""

    @abstractmethod
    def mask(self, of: Callable[[str], np.ndarray], valid: np.ndarray) -> np.ndarray:
        """Where the formula holds.

        Args:
            of: the words of a concept, by its name, uint64 of shape (words,).
            valid: the words of everything that exists; what NOT is taken within.

        Returns:
            uint64 of shape (words,).
        """

    @abstractmethod
    def _written(self) -> tuple[str, int]:
        """The formula in words, and how tightly its outermost operator binds (OR 1, AND 2, NOT 3, a name 4)."""

    def __str__(self) -> str:
        return self._written()[0]

    @property
    def length(self) -> int:
        """How many times concepts are named (NEIGHBORS counts as its concept)."""
        return sum(part.length for part in self.parts) if self.parts else 1

    @property
    def concepts(self) -> tuple[str, ...]:
        """The concepts named, each once, in the order they are first named."""
        return tuple(dict.fromkeys(self._named()))

    def _named(self) -> Iterator[str]:
        for part in self.parts:
            yield from part._named()

    def __and__(self, other: Formula) -> And:
        return And(self, other)

    def __or__(self, other: Formula) -> Or:
        return Or(self, other)

    def __invert__(self) -> Not:
        return Not(self)


@final
@dataclass(frozen=True)
class Concept(Formula):
    """A concept by its name.

    Example:
        >>> from aitia.networks import Concept
        >>> str(Concept("water") & ~Concept("river"))
        'water AND NOT river'
    """

    name: str

    @property
    def parts(self) -> tuple[Formula, ...]:
        return ()

    def mask(self, of: Callable[[str], np.ndarray], valid: np.ndarray) -> np.ndarray:
        return of(self.name)

    def _named(self) -> Iterator[str]:
        yield self.name

    def _written(self) -> tuple[str, int]:
        return quoted(self.name), 4


@final
@dataclass(frozen=True)
class Neighbors(Formula):
    """The OR over a concept and its nearest in an embedding: NEIGHBORS(c).

    Args:
        name: the concept.
        others: its nearest concepts that are in the inventory, nearest first.
    """

    name: str
    others: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[Formula, ...]:
        return ()

    def mask(self, of: Callable[[str], np.ndarray], valid: np.ndarray) -> np.ndarray:
        found = of(self.name).copy()
        for other in self.others:
            found |= of(other)
        return found

    def _named(self) -> Iterator[str]:
        yield self.name

    def _written(self) -> tuple[str, int]:
        return f"NEIGHBORS({quoted(self.name)})", 4


@final
@dataclass(frozen=True)
class Constant(Formula):
    """What holds everywhere (TRUE) or nowhere (FALSE): what some formulas simplify to.

    Args:
        value: whether it holds.
    """

    value: bool

    @property
    def parts(self) -> tuple[Formula, ...]:
        return ()

    def mask(self, of: Callable[[str], np.ndarray], valid: np.ndarray) -> np.ndarray:
        return valid.copy() if self.value else np.zeros_like(valid)

    @property
    def length(self) -> int:
        return 0

    def _named(self) -> Iterator[str]:
        yield from ()

    def _written(self) -> tuple[str, int]:
        return ("TRUE" if self.value else "FALSE"), 4


@final
@dataclass(frozen=True)
class Not(Formula):
    """Where the part does not hold."""

    part: Formula

    @property
    def parts(self) -> tuple[Formula, ...]:
        return (self.part,)

    def mask(self, of: Callable[[str], np.ndarray], valid: np.ndarray) -> np.ndarray:
        return valid & ~self.part.mask(of, valid)

    def _written(self) -> tuple[str, int]:
        return f"NOT {_inside(self.part, 3)}", 3


@final
@dataclass(frozen=True)
class And(Formula):
    """Where both parts hold."""

    left: Formula
    right: Formula

    @property
    def parts(self) -> tuple[Formula, ...]:
        return (self.left, self.right)

    def mask(self, of: Callable[[str], np.ndarray], valid: np.ndarray) -> np.ndarray:
        return self.left.mask(of, valid) & self.right.mask(of, valid)

    def _written(self) -> tuple[str, int]:
        # A chain is written as it was built, from the left: what was built from the right keeps its parentheses.
        return f"{_inside(self.left, 2)} AND {_inside(self.right, 3)}", 2


@final
@dataclass(frozen=True)
class Or(Formula):
    """Where one part holds at least."""

    left: Formula
    right: Formula

    @property
    def parts(self) -> tuple[Formula, ...]:
        return (self.left, self.right)

    def mask(self, of: Callable[[str], np.ndarray], valid: np.ndarray) -> np.ndarray:
        return self.left.mask(of, valid) | self.right.mask(of, valid)

    def _written(self) -> tuple[str, int]:
        return f"{_inside(self.left, 1)} OR {_inside(self.right, 2)}", 1


KEYWORDS = ("AND", "OR", "NOT", "NEIGHBORS", "TRUE", "FALSE")


def quoted(name: str) -> str:
    """A name as a formula writes it: in quotes where it would be read as something else.

    Example:
        >>> from aitia.networks.formulas import quoted
        >>> quoted("swimming pool"), quoted("NOT"), quoted("pool (blue)"), quoted('"not" in premise')
        ('swimming pool', '"NOT"', '"pool (blue)"', '"not" in premise')
    """
    # A word in quotes that others follow is read as part of the name, whatever it holds.
    rest = re.fullmatch(r'"[^"\\]*" (.+)', name, re.DOTALL)
    plain = _plain(rest[1] if rest else name)
    # "not" and its like can be told from operators by their letters alone, which is not easy to read.
    if plain and name.upper() not in KEYWORDS:
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _plain(name: str) -> bool:
    """Whether a name is read as it is written."""
    words = name.split(" ")
    return not re.search(r'[()"\\]|[^\S ]', name) and all(word and word not in KEYWORDS for word in words)


def _inside(part: Formula, least: int) -> str:
    """A part in words, in parentheses where it binds less tightly than `least`."""
    text, tightness = part._written()
    return text if tightness >= least else f"({text})"
