"""Formulas over observed variables: the syntax tree, how it prints, and how symbols are bound and renamed."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import final


class _Unbound:
    def __repr__(self) -> str:
        return "UNBOUND"

    def __reduce__(self) -> str:  # one object, also after pickling to another process
        return "UNBOUND"


UNBOUND = _Unbound()
_BAR = r" \mid "


@dataclass(frozen=True)
class Symbol:
    """A value of a variable, as it stands in a formula.

    The same variable may stand in one formula with several values: the treated value t and the control value t'
    of an effect, or the t'' that a sum runs over.

    Args:
        name: the variable.
        primes: how many primes tell this value from the others of the same variable.
        value: the level it is fixed at, or `UNBOUND`.

    Example:
        >>> Symbol("t", 1).text(), Symbol("t", value=1).text()
        ("t'", 't=1')
    """

    name: str
    primes: int = 0
    value: object = UNBOUND

    @property
    def free(self) -> bool:
        """Whether the symbol stands for any level, rather than a given one."""
        return self.value is UNBOUND

    def text(self) -> str:
        """The symbol in plain text."""
        name = self.name if re.fullmatch(r"\w[\w .\-]*", self.name) else repr(self.name)
        return name + ("'" * self.primes if self.free else f"={self.value}")

    def latex(self) -> str:
        """The symbol in LaTeX."""
        name = self.name if re.fullmatch(r"[A-Za-z]", self.name) else rf"\text{{{latex_escape(self.name)}}}"
        return name + ("'" * self.primes if self.free else rf"{{=}}\text{{{latex_escape(str(self.value))}}}")


_LATEX = {
    "\\": r"\textbackslash{}",
    **{each: "\\" + each for each in "#$%&_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def latex_escape(words: str) -> str:
    """Any text as LaTeX shows it literally, on one line."""
    return "".join(_LATEX.get(each, each) for each in " ".join(words.split()))


def symbols(names: Iterable[str], primes: int = 0) -> tuple[Symbol, ...]:
    """A symbol for each variable name.

    Example:
        >>> [each.text() for each in symbols(["a", "b"], primes=1)]
        ["a'", "b'"]
    """
    return tuple(Symbol(name, primes) for name in names)


class Expression(ABC):
    """A formula over observed variables.

    The nodes are `Probability`, `Expectation`, `Covariance`, `Sum`, `Mean`, `Product`, `Ratio` and `Difference`.
    Sums bind their symbols lexically. `evaluate` computes a formula from an exact discrete joint distribution.
    """

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of all variables in the formula, in order of first appearance."""
        return tuple(dict.fromkeys(each.name for each in self._occurrences()))

    @property
    def free(self) -> tuple[Symbol, ...]:
        """The symbols that no sum binds and no level fixes, in order of first appearance.

        The formula is a function of these. A variable that is neither treatment nor outcome is free where the
        answer is the same whatever its value.
        """
        return tuple(dict.fromkeys(self._free(frozenset())))

    def bind(self, levels: Mapping[Symbol | str, object]) -> Expression:
        """The formula with free symbols fixed at given levels.

        Args:
            levels: the level of each symbol; a plain text such as ``"t'"`` names variable and primes. Symbols that are
                not free in the formula change nothing.

        Example:
            >>> Probability(symbols("y"), symbols("t")).bind({"t": 1}).text()
            'P(y | t=1)'
        """
        free = {each.text(): each for each in self.free}
        chosen: dict[Symbol, Symbol] = {}
        for key, level in levels.items():
            symbol = free.get(key) if isinstance(key, str) else key
            if symbol is None and isinstance(key, str):
                symbol = next((s for s in self.free if s.name + "'" * s.primes == key), None)
            if symbol is not None:
                chosen[symbol] = replace(symbol, primes=0, value=level)
        return self.rename(chosen)

    def rename(self, mapping: Mapping[Symbol, Symbol]) -> Expression:
        """The formula with free symbols replaced; bound ones step aside where they would capture a new one."""
        return self._rename(dict(mapping)) if mapping else self

    def distinct(self) -> Expression:
        """The same formula with bound symbols primed so that no two values of one variable look alike.

        Example:
            >>> front_door = Product((Probability(symbols("m"), symbols("t")),
            ...     Sum(symbols("t"), Product((Probability(symbols("y"), symbols("mt")), Probability(symbols("t")))))))
            >>> front_door.distinct().text()
            "P(m | t) Σ_{t'} P(y | m, t') P(t')"
        """
        return self._distinct(frozenset(self.free))

    def __str__(self) -> str:
        return self.text()

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"

    @abstractmethod
    def text(self) -> str:
        """The formula in plain text."""

    @abstractmethod
    def latex(self) -> str:
        """The formula in LaTeX, without the surrounding dollar signs."""

    @abstractmethod
    def _occurrences(self) -> Iterator[Symbol]: ...

    @abstractmethod
    def _free(self, bound: frozenset[Symbol]) -> Iterator[Symbol]: ...

    @abstractmethod
    def _rename(self, mapping: dict[Symbol, Symbol]) -> Expression: ...

    def _distinct(self, taken: frozenset[Symbol]) -> Expression:
        return self


def _given(of: str, given: Iterable[str], bar: str) -> str:
    conditions = ", ".join(given)
    return f"{of}{bar}{conditions}" if conditions else of


class _Leaf(Expression):
    """A node read straight off the distribution."""

    def _free(self, bound: frozenset[Symbol]) -> Iterator[Symbol]:
        return (each for each in self._occurrences() if each.free and each not in bound)


@final
@dataclass(frozen=True)
class Probability(_Leaf):
    """The probability P(of | given).

    Args:
        of: the symbols whose joint probability it is.
        given: the symbols conditioned on.
        where: a condition over columns that the rows also meet, such as ``"age > 60"``; empty for none.
        reads: the columns that `where` reads.
    """

    of: tuple[Symbol, ...]
    given: tuple[Symbol, ...] = ()
    where: str = ""
    reads: tuple[str, ...] = ()

    def _occurrences(self) -> Iterator[Symbol]:
        yield from self.of
        yield from self.given
        yield from (Symbol(name, value=True) for name in self.reads)

    def _rename(self, mapping: dict[Symbol, Symbol]) -> Probability:
        return replace(self, of=_mapped(self.of, mapping), given=_mapped(self.given, mapping))

    def text(self) -> str:
        given = [each.text() for each in self.given] + ([self.where] if self.where else [])
        return f"P({_given(', '.join(each.text() for each in self.of), given, ' | ')})"

    def latex(self) -> str:
        given = [each.latex() for each in self.given]
        if self.where:
            given.append(rf"\text{{{latex_escape(self.where)}}}")
        return f"P({_given(', '.join(each.latex() for each in self.of), given, _BAR)})"


@final
@dataclass(frozen=True)
class Expectation(_Leaf):
    """The conditional mean E[outcome | given] (the outcome's symbol is averaged over, so it is not free)."""

    outcome: str
    given: tuple[Symbol, ...] = ()

    def _occurrences(self) -> Iterator[Symbol]:
        yield Symbol(self.outcome, value=True)
        yield from self.given

    def _rename(self, mapping: dict[Symbol, Symbol]) -> Expectation:
        return replace(self, given=_mapped(self.given, mapping))

    def text(self) -> str:
        return f"E[{_given(Symbol(self.outcome).text(), (each.text() for each in self.given), ' | ')}]"

    def latex(self) -> str:
        inner = _given(Symbol(self.outcome).latex(), (each.latex() for each in self.given), _BAR)
        return rf"\mathbb{{E}}[{inner}]"


@final
@dataclass(frozen=True)
class Covariance(_Leaf):
    """The average conditional covariance E[Cov(first, second | given)]; nothing in it is free."""

    first: str
    second: str
    given: tuple[str, ...] = ()

    def _occurrences(self) -> Iterator[Symbol]:
        yield from (Symbol(name, value=True) for name in (self.first, self.second, *self.given))

    def _rename(self, mapping: dict[Symbol, Symbol]) -> Covariance:
        return self

    def text(self) -> str:
        first, second, *given = (Symbol(each).text() for each in (self.first, self.second, *self.given))
        inner = f"Cov({_given(f'{first}, {second}', given, ' | ')})"
        return f"E[{inner}]" if given else inner

    def latex(self) -> str:
        first, second, *given = (Symbol(each).latex() for each in (self.first, self.second, *self.given))
        inner = rf"\operatorname{{Cov}}({_given(f'{first}, {second}', given, _BAR)})"
        return rf"\mathbb{{E}}[{inner}]" if given else inner


@final
@dataclass(frozen=True)
class Number(_Leaf):
    """A constant."""

    value: float

    def _occurrences(self) -> Iterator[Symbol]:
        return iter(())

    def _rename(self, mapping: dict[Symbol, Symbol]) -> Number:
        return self

    def text(self) -> str:
        return f"{self.value:g}"

    def latex(self) -> str:
        return f"{self.value:g}"


class _Binder(Expression):
    """A node that binds symbols in its body."""

    body: Expression

    @property
    @abstractmethod
    def _bound(self) -> tuple[Symbol, ...]: ...

    @abstractmethod
    def _with(self, bound: tuple[Symbol, ...], body: Expression) -> Expression: ...

    def _occurrences(self) -> Iterator[Symbol]:
        yield from self.body._occurrences()
        yield from self._bound

    def _free(self, bound: frozenset[Symbol]) -> Iterator[Symbol]:
        return self.body._free(bound | set(self._bound))

    def _rename(self, mapping: dict[Symbol, Symbol]) -> Expression:
        inner = {old: new for old, new in mapping.items() if old not in self._bound}
        inner = {old: new for old, new in inner.items() if old in set(self.body.free)}
        if not inner:
            return self
        captured = set(inner.values())
        taken = captured | set(self.body.free) | set(self._bound)
        bound = []
        for each in self._bound:
            if each in captured:
                inner[each] = fresh(each, taken)
                taken.add(inner[each])
            bound.append(inner.get(each, each))
        return self._with(tuple(bound), self.body._rename(inner))

    def _distinct(self, taken: frozenset[Symbol]) -> Expression:
        mapping: dict[Symbol, Symbol] = {}
        used = set(taken)
        for each in self._bound:
            mapping[each] = fresh(each, used) if each in used else each
            used.add(mapping[each])
        body = self.body.rename({old: new for old, new in mapping.items() if old != new})
        return self._with(tuple(mapping.values()), body._distinct(frozenset(used)))


@final
@dataclass(frozen=True)
class Sum(_Binder):
    """The sum of the body over all levels of some symbols (an integral, where they are continuous)."""

    over: tuple[Symbol, ...]
    body: Expression

    @property
    def _bound(self) -> tuple[Symbol, ...]:
        return self.over

    def _with(self, bound: tuple[Symbol, ...], body: Expression) -> Sum:
        return Sum(bound, body)

    def text(self) -> str:
        return f"Σ_{{{', '.join(each.text() for each in self.over)}}} {self.body.text()}"

    def latex(self) -> str:
        return rf"\sum_{{{', '.join(each.latex() for each in self.over)}}} {self.body.latex()}"


@final
@dataclass(frozen=True)
class Mean(_Binder):
    """The mean of a variable under a distribution: the sum over y of y times body(y)."""

    outcome: Symbol
    body: Expression

    @property
    def _bound(self) -> tuple[Symbol, ...]:
        return (self.outcome,)

    def _with(self, bound: tuple[Symbol, ...], body: Expression) -> Mean:
        return Mean(bound[0], body)

    def text(self) -> str:
        y = self.outcome.text()
        return f"Σ_{{{y}}} {y} {_grouped(self.body, last=True)}"

    def latex(self) -> str:
        y = self.outcome.latex()
        return rf"\sum_{{{y}}} {y} \, {_grouped(self.body, last=True, latex=True)}"


class _Compound(Expression):
    """A node made of others, binding nothing."""

    @property
    @abstractmethod
    def parts(self) -> tuple[Expression, ...]: ...

    @abstractmethod
    def _of(self, parts: tuple[Expression, ...]) -> Expression: ...

    def _occurrences(self) -> Iterator[Symbol]:
        for part in self.parts:
            yield from part._occurrences()

    def _free(self, bound: frozenset[Symbol]) -> Iterator[Symbol]:
        for part in self.parts:
            yield from part._free(bound)

    def _rename(self, mapping: dict[Symbol, Symbol]) -> Expression:
        return self._of(tuple(part._rename(mapping) for part in self.parts))

    def _distinct(self, taken: frozenset[Symbol]) -> Expression:
        return self._of(tuple(part._distinct(taken) for part in self.parts))


@final
@dataclass(frozen=True)
class Product(_Compound):
    """The product of its factors; without factors it is 1."""

    factors: tuple[Expression, ...]

    @property
    def parts(self) -> tuple[Expression, ...]:
        return self.factors

    def _of(self, parts: tuple[Expression, ...]) -> Product:
        return Product(parts)

    def _join(self, latex: bool) -> str:
        # Means go first, as they are written; sums go last, so that their reach is plain without brackets.
        def rank(each: Expression) -> int:
            first = (Number, Expectation, Difference, Ratio)
            return 2 if isinstance(each, _Binder) else 0 if isinstance(each, first) else 1

        ordered = sorted(self.factors, key=rank)
        last = len(ordered) - 1
        words = (_grouped(each, last=i == last, latex=latex) for i, each in enumerate(ordered))
        return (r" \, " if latex else " ").join(words) or "1"

    def text(self) -> str:
        return self._join(latex=False)

    def latex(self) -> str:
        return self._join(latex=True)


@final
@dataclass(frozen=True)
class Ratio(_Compound):
    """The ratio of two formulas; undefined where the denominator is zero."""

    numerator: Expression
    denominator: Expression

    @property
    def parts(self) -> tuple[Expression, ...]:
        return (self.numerator, self.denominator)

    def _of(self, parts: tuple[Expression, ...]) -> Ratio:
        return Ratio(*parts)

    def text(self) -> str:
        top, bottom = (
            f"[{each.text()}]" if isinstance(each, _Binder | _Compound) else each.text()
            for each in self.parts
        )
        return f"{top} / {bottom}"

    def latex(self) -> str:
        return rf"\frac{{{self.numerator.latex()}}}{{{self.denominator.latex()}}}"


@final
@dataclass(frozen=True)
class Difference(_Compound):
    """One formula minus another: a contrast."""

    first: Expression
    second: Expression

    @property
    def parts(self) -> tuple[Expression, ...]:
        return (self.first, self.second)

    def _of(self, parts: tuple[Expression, ...]) -> Difference:
        return Difference(*parts)

    def _join(self, latex: bool) -> str:
        def side(each: Expression) -> str:
            if isinstance(each, _Binder | Difference):
                return _bracketed(each, latex)
            return each.latex() if latex else each.text()

        return f"{side(self.first)} - {side(self.second)}"

    def text(self) -> str:
        return self._join(latex=False)

    def latex(self) -> str:
        return self._join(latex=True)


ONE = Product(())


def _bracketed(each: Expression, latex: bool) -> str:
    return rf"\left[{each.latex()}\right]" if latex else f"[{each.text()}]"


def _grouped(each: Expression, *, last: bool, latex: bool = False) -> str:
    if isinstance(each, Difference) and not latex:
        return f"({each.text()})"
    open_ended = isinstance(each, _Binder) and not last
    if open_ended or isinstance(each, Difference) or (isinstance(each, Ratio) and not latex):
        return _bracketed(each, latex)
    return each.latex() if latex else each.text()


def _mapped(each: tuple[Symbol, ...], mapping: Mapping[Symbol, Symbol]) -> tuple[Symbol, ...]:
    return tuple(mapping.get(symbol, symbol) for symbol in each)


def fresh(symbol: Symbol, taken: Iterable[Symbol]) -> Symbol:
    """The same variable with the fewest primes that make it differ from every symbol taken."""
    taken = set(taken)
    primes = 0
    while Symbol(symbol.name, primes) in taken:
        primes += 1
    return Symbol(symbol.name, primes)
