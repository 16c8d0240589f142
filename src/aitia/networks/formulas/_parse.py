"""Formulas from text."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from aitia.core import nearest
from aitia.networks._errors import FormulaError
from aitia.networks.formulas._formula import KEYWORDS, And, Concept, Constant, Formula, Neighbors, Not, Or

DEEPEST = 100  # parentheses and NOTs inside each other
LONGEST = 250  # mentions of concepts: a chain is as deep as it is long

_TOKEN = re.compile(r'\s*(?:(?P<mark>[()])|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<word>[^\s()"]+))', re.DOTALL)


def parse(
    text: str,
    concepts: Collection[str] | None = None,
    neighbors: Mapping[str, tuple[str, ...]] | None = None,
) -> Formula:
    """Reads a formula.

    NOT binds tighter than AND, and AND tighter than OR; chains group from the left. A name of several words needs no
    quotes; one that holds parentheses, quotes or a keyword does, and a quote or backslash inside quotes is written
    after a backslash: ``"pool (blue)" AND NOT river``. A name that begins with a word in quotes and goes on without is
    written as it is: ``NOT "not" in hypothesis`` speaks of the concept ``"not" in hypothesis``.
    For every formula f, ``parse(str(f), neighbors=...) == f``.

    Args:
        text: the formula.
        concepts: the names that exist; None to take any name.
        neighbors: for NEIGHBORS(c): the nearest concepts of c, by its name.

    Raises:
        FormulaError: the text is no formula (the error points at the place), names an unknown concept, is nested
            deeper than 100, or names more than 250 concepts.

    Example:
        >>> parse("(water OR swimming pool) AND NOT river").length
        3
    """
    if not isinstance(text, str):
        raise FormulaError(
            f"A formula is a text; came {type(text).__name__}.",
            "Formulas are written like: (water OR river) AND NOT boat.",
        )
    return _Reader(text, concepts, neighbors or {}).whole()


@dataclass(frozen=True)
class _Token:
    kind: str  # "(", ")", a keyword, "name", or "end"
    text: str
    start: int
    end: int
    quoted: bool = False


class _Reader:
    """Reads a formula from left to right, a method for each level of binding."""

    def __init__(
        self, text: str, concepts: Collection[str] | None, neighbors: Mapping[str, tuple[str, ...]]
    ) -> None:
        self.text = text
        self.concepts = concepts
        self.neighbors = neighbors
        self.tokens = self._tokens()
        self.at = 0
        self.depth = 0

    def whole(self) -> Formula:
        named = sum(token.kind == "name" for token in self.tokens)
        if named > LONGEST:
            raise FormulaError(
                f"The formula names {named:,} concepts; more than {LONGEST} are not read.",
                "Make a concept of a part of it: Inventory.from_masks(inventory.mask_of(part)[None], [name]).",
            )
        formula = self._disjunction()
        if self._next.kind != "end":
            raise self._error(self._next, "expected AND, OR or the end")
        return formula

    def _tokens(self) -> list[_Token]:
        found: list[_Token] = []
        at, end = 0, len(self.text.rstrip())
        while at < end:
            match = _TOKEN.match(self.text, at)
            if match is None:
                start = at + len(self.text[at:]) - len(self.text[at:].lstrip())
                raise self._error(
                    _Token("?", self.text[start:end], start, end), "a quote that does not close"
                )
            at = match.end()
            if match["mark"]:
                found.append(_Token(match["mark"], match["mark"], at - 1, at))
            elif match["quoted"] is not None:
                name = re.sub(r'\\(["\\])', r"\1", match["quoted"])
                found.append(_Token("name", name, match.start("quoted") - 1, at, quoted=True))
            elif (word := match["word"]) in KEYWORDS:
                found.append(_Token(word, word, at - len(word), at))
            elif found and found[-1].kind == "name":
                # A name of several words, the first of which may be a word in quotes.
                begun = f'"{found[-1].text}"' if found[-1].quoted else found[-1].text
                found[-1] = _Token("name", f"{begun} {word}", found[-1].start, at)
            else:
                found.append(_Token("name", word, at - len(word), at))
        return [*found, _Token("end", "the end", end, end)]

    @property
    def _next(self) -> _Token:
        return self.tokens[self.at]

    def _taken(self, *kinds: str, expected: str = "") -> _Token | None:
        """The next token, passed over, if it is of this kind; else None, or an error if it had to be."""
        token = self._next
        if token.kind in kinds:
            self.at += 1
            return token
        if expected:
            raise self._error(token, expected)
        return None

    def _disjunction(self) -> Formula:
        left = self._conjunction()
        while self._taken("OR"):
            left = Or(left, self._conjunction())
        return left

    def _conjunction(self) -> Formula:
        left = self._factor()
        while self._taken("AND"):
            left = And(left, self._factor())
        return left

    def _factor(self) -> Formula:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self._error(self._next, f"it is nested deeper than {DEEPEST}")
        found = self._atom()
        self.depth -= 1
        return found

    def _atom(self) -> Formula:
        if self._taken("NOT"):
            return Not(self._factor())
        if self._taken("("):
            inside = self._disjunction()
            self._taken(")", expected="expected AND, OR or a closing parenthesis")
            return inside
        if token := self._taken("TRUE", "FALSE"):
            return Constant(token.kind == "TRUE")
        if self._taken("NEIGHBORS"):
            self._taken("(", expected="expected a concept in parentheses after NEIGHBORS")
            name = self._name("expected a concept in parentheses after NEIGHBORS")
            self._taken(")", expected="expected a closing parenthesis")
            return Neighbors(name, tuple(self.neighbors.get(name, ())))
        return Concept(self._name("expected a concept, NOT or an opening parenthesis"))

    def _name(self, expected: str) -> str:
        token = self._next
        self._taken("name", expected=expected)
        if self.concepts is not None and token.text not in self.concepts:
            raise self._error(token, "no such concept", nearest(token.text, self.concepts))
        return token.text

    def _error(self, token: _Token, expected: str, hint: str = "") -> FormulaError:
        # Line breaks and tabs take one place each, so that the mark stands below the token.
        shown = re.sub(r"\s", " ", self.text)
        marked = f"  {shown}\n  {' ' * token.start}{'^' * max(1, token.end - token.start)}"
        return FormulaError(
            f"The formula cannot be read at {token.text!r}: {expected}.\n{marked}",
            hint or "Formulas are written like: (water OR river) AND NOT boat.",
        )
