"""What an example is: a table with a question, a graph and the answer that is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aitia.core import AitiaError, nearest
from aitia.data import Table


class ExampleNotFound(AitiaError):
    """There is no bundled example of that name."""


@dataclass(frozen=True)
class Answer:
    """A number that is known about an example.

    Args:
        what: what the number is, in words.
        value: the number.
        source: where it comes from.
    """

    what: str
    value: float
    source: str


@dataclass(frozen=True)
class Example:
    """A bundled data set with its question, its graph and what is known of the answer.

    Args:
        name: the name by which `load` finds it.
        title: a title for people.
        question: the question in one sentence.
        graph: the causal graph as text, as `aitia.Graph` reads it.
        treatment: the column set.
        outcome: the column that answers.
        contrast: the (treated, control) values compared; None for one unit more of a numeric treatment.
        columns: what each column holds, with units.
        answers: known numbers, by a short name; ``"effect"`` is the effect of the contrast where it is known.
        citation: where the data come from.
        notes: what to bear in mind.
        clusters: the column that says which rows depend on each other, or None.
        mediators: for a direct effect, the mediators held fixed; empty for a total effect.
    """

    name: str
    title: str
    question: str
    graph: str
    treatment: str
    outcome: str
    contrast: tuple[Any, Any] | None
    columns: Mapping[str, str]
    answers: Mapping[str, Answer]
    citation: str
    notes: str = ""
    mediators: tuple[str, ...] = ()
    clusters: str | None = None
    _make: Callable[[], Table] = field(default=lambda: Table.of({}), repr=False, compare=False)

    def table(self) -> Table:
        """The rows."""
        return self._make()


def find(name: str, examples: Mapping[str, Example]) -> Example:
    """The example of that name.

    Raises:
        ExampleNotFound: there is none.
    """
    if name not in examples:
        raise ExampleNotFound(f"There is no example {name!r}.", nearest(name, examples))
    return examples[name]
