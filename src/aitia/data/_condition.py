"""Conditions such as ``age > 60 and region = 'west'``: read and evaluated without running anyone's code.

or_test    = and_test ("or" and_test)*
and_test   = not_test ("and" not_test)*
not_test   = "not" not_test | comparison
comparison = sum [("=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=") sum | ["not"] "in" "(" literals ")"]
sum        = product (("+" | "-") product)*
product    = factor (("*" | "/") factor)*
factor     = "-" factor | "(" or_test ")" | column | number | text | "true" | "false"
"""

from __future__ import annotations

import datetime
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from aitia.core import nearest
from aitia.data._arrow import plain
from aitia.data._errors import FormulaError
from aitia.data._kinds import Column, Storage
from aitia.data._profile import days

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?)"
    r"|(?P<quoted>`(?:[^`]|``)+`)"
    r"|(?P<text>'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")"
    r"|(?P<mark><=|>=|==|!=|<>|[=<>()+\-*/,\[\]&|~!])"
    r"|(?P<word>[^\W\d]\w*(?:\.\w+)*))"
)
_WORDS = {"and", "or", "not", "in", "true", "false"}
_SAME = {
    "&": "and",
    "&&": "and",
    "|": "or",
    "~": "not",
    "!": "not",
    "==": "=",
    "<>": "!=",
    "[": "(",
    "]": ")",
}
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": np.divide,
}


@dataclass(frozen=True)
class _Token:
    kind: str
    value: str
    position: int


@dataclass(frozen=True)
class _Value:
    """A part of a condition: its type, and how to compute it from columns."""

    type: str  # "number", "text", "date", "truth"
    compute: Callable[[Mapping[str, Any]], Any]
    literal: Any = None


class Condition:
    """A condition read against the columns of a table.

    Args:
        text: the condition.
        names: the names of all columns.
        column: looks a column up by name; raises `ColumnNotFound`.

    Raises:
        FormulaError: the condition cannot be read; the error points at the token.
    """

    def __init__(self, text: str, names: tuple[str, ...], column: Callable[[str], Column]) -> None:
        self.text = text
        self._names = names
        self._column = column
        self._read: dict[str, Column] = {}
        self._tokens = _tokens(text)
        self._at = 0
        value = self._or()
        if self._peek().kind != "end":
            raise self._wrong("The condition should end here, or go on with 'and' or 'or'.")
        if value.type != "truth":
            raise FormulaError("This is a value, not a condition that is true or false.", text, 0, _EXAMPLE)
        self._value = value

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the condition reads."""
        return tuple(self._read)

    def evaluate(self, columns: Mapping[str, pa.Array]) -> np.ndarray:
        """The condition in each row, as booleans; the columns hold no missing values."""
        arrays = {name: _numpy(columns[name], column) for name, column in self._read.items()}
        with np.errstate(divide="ignore", invalid="ignore"):
            result = self._value.compute(arrays)
        rows = len(next(iter(columns.values()))) if columns else 0
        return np.broadcast_to(np.asarray(result, bool), (rows,))

    def _peek(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, *values: str) -> str:
        """The next token's value where it is one of these, taken; else empty."""
        token = self._peek()
        if token.kind in ("mark", "reserved") and token.value in values:
            self._at += 1
            return token.value
        return ""

    def _wrong(self, what: str, token: _Token | None = None) -> FormulaError:
        token = token or self._peek()
        return FormulaError(what, self.text, token.position, _EXAMPLE)

    def _truth(self, value: _Value, token: _Token) -> _Value:
        if value.type != "truth":
            raise self._wrong("A comparison is expected here, such as age > 60.", token)
        return value

    def _or(self) -> _Value:
        token = self._peek()
        value = self._and()
        while self._take("or"):
            left = self._truth(value, token)
            token = self._peek()
            right = self._truth(self._and(), token)
            value = _Value("truth", lambda c, a=left, b=right: np.logical_or(a.compute(c), b.compute(c)))
        return value

    def _and(self) -> _Value:
        token = self._peek()
        value = self._not()
        while self._take("and"):
            left = self._truth(value, token)
            token = self._peek()
            right = self._truth(self._not(), token)
            value = _Value("truth", lambda c, a=left, b=right: np.logical_and(a.compute(c), b.compute(c)))
        return value

    def _not(self) -> _Value:
        if self._take("not"):
            token = self._peek()
            value = self._truth(self._not(), token)
            return _Value("truth", lambda c: np.logical_not(value.compute(c)))
        return self._comparison()

    def _comparison(self) -> _Value:
        left = self._sum()
        token = self._peek()
        if mark := self._take(*_COMPARE):
            left, right = self._alike(left, self._sum(), token)
            return _Value("truth", lambda c: _COMPARE[mark](left.compute(c), right.compute(c)))
        negated = self._take("not")
        if self._take("in"):
            options = self._options(left)
            return _Value(
                "truth",
                lambda c: np.isin(np.asarray(left.compute(c)), options, invert=bool(negated)),
            )
        if negated:
            raise self._wrong("'in' is expected after 'not' here.")
        return left

    def _options(self, left: _Value) -> np.ndarray:
        if not self._take("("):
            raise self._wrong("A list in parentheses is expected after 'in'.")
        values = []
        while True:
            token = self._peek()
            _, value = self._alike(left, self._sum(), token)
            if value.literal is None:
                raise self._wrong("Only numbers and quoted text can stand in a list.", token)
            values.append(value.literal)
            if self._take(")"):
                return np.array(values, dtype=object) if left.type == "text" else np.array(values)
            if not self._take(","):
                raise self._wrong("A comma or a closing parenthesis is expected here.")

    def _sum(self) -> _Value:
        return self._chain(self._product, "+", "-")

    def _product(self) -> _Value:
        return self._chain(self._factor, "*", "/")

    def _chain(self, part: Callable[[], _Value], *marks: str) -> _Value:
        start = self._peek()
        value = part()
        while True:
            token = self._peek()
            mark = self._take(*marks)
            if not mark:
                return value
            left = value
            right = part()
            if left.type != "number" or right.type != "number":
                raise self._wrong(
                    f"Only numbers can stand beside {mark!r}.", start if left.type != "number" else token
                )
            value = _Value(
                "number", lambda c, a=left, b=right, m=mark: _ARITHMETIC[m](a.compute(c), b.compute(c))
            )

    def _factor(self) -> _Value:
        token = self._peek()
        if self._take("-"):
            value = self._factor()
            if value.type != "number":
                raise self._wrong("Only a number can follow a minus.", token)
            literal = None if value.literal is None else -value.literal
            return _Value("number", lambda c: -value.compute(c), literal)
        if self._take("("):
            value = self._or()
            if not self._take(")"):
                raise self._wrong("A closing parenthesis is missing here.")
            return value
        if word := self._take("true", "false"):
            return _Value("truth", lambda c: word == "true")
        self._at += 1
        match token.kind:
            case "number":
                number = float(token.value)
                return _Value("number", lambda c: number, number)
            case "text":
                text = token.value
                return _Value("text", lambda c: text, text)
            case "name":
                return self._column_value(token)
        self._at -= 1
        raise self._wrong("A column, a number, quoted text or a parenthesis is expected here.")

    def _column_value(self, token: _Token) -> _Value:
        name = token.value
        if name not in self._names:
            raise FormulaError(
                f"There is no column {name!r} in the table.",
                self.text,
                token.position,
                nearest(name, self._names),
            )
        column = self._column(name)
        if column.storage is Storage.OTHER:
            raise self._wrong(f"The column {name!r} has {column.note}.", token)
        self._read[name] = column
        kind = {Storage.TEXT: "text", Storage.DATE: "date", Storage.BOOLEAN: "truth"}.get(
            column.storage, "number"
        )
        return _Value(kind, lambda c: c[name])

    def _alike(self, left: _Value, right: _Value, token: _Token) -> tuple[_Value, _Value]:
        """The two sides of a comparison in one type; quoted text beside a date is a date, beside a truth a truth."""
        left, right = self._meet(left, right.type, token), self._meet(right, left.type, token)
        if left.type != right.type:
            raise self._wrong(f"A {left.type} cannot be compared with a {right.type}.", token)
        return left, right

    def _meet(self, value: _Value, other: str, token: _Token) -> _Value:
        if value.literal is None or value.type == other:
            return value
        if other == "date" and value.type == "text":
            try:
                moment = datetime.datetime.fromisoformat(value.literal)
            except ValueError:
                raise self._wrong(f"{value.literal!r} is not a date like 2024-12-31.", token) from None
            day = (moment.replace(tzinfo=None) - datetime.datetime(1970, 1, 1)) / datetime.timedelta(days=1)
            return _Value("date", lambda c: day, day)
        if other == "truth" and value.type == "number" and value.literal in (0.0, 1.0):
            return _Value("truth", lambda c: bool(value.literal), bool(value.literal))
        return value


_EXAMPLE = (
    "Write conditions like: age > 60 and region in ('north', 'west'); odd column names stand in backticks."
)


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    end = len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if not found:
            position = at + len(text[at:]) - len(text[at:].lstrip())
            raise FormulaError(
                f"The character {text[position]!r} is not understood.", text, position, _EXAMPLE
            )
        kind, value = str(found.lastgroup), found[str(found.lastgroup)]
        position = found.start(kind)
        match kind:
            case "quoted":
                kind, value = "name", value[1:-1].replace("``", "`")
            case "text":
                value = value[1:-1].replace(value[0] * 2, value[0])
            case "word":
                reserved = value.lower() in _WORDS
                kind, value = ("reserved", value.lower()) if reserved else ("name", value)
            case "mark":
                value = _SAME.get(value, value)
        tokens.append(_Token(kind, value, position))
        at = found.end()
    return [*tokens, _Token("end", "", end)]


def _numpy(values: pa.Array, column: Column) -> np.ndarray:
    values = plain(values)
    match column.storage:
        case Storage.DATE:
            return days(values)
        case Storage.TEXT:
            return np.asarray(values.to_numpy(zero_copy_only=False), dtype=object)
        case Storage.BOOLEAN:
            return values.to_numpy(zero_copy_only=False).astype(bool)
        case _:
            return values.to_numpy(zero_copy_only=False)
