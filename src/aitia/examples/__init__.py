"""Bundled examples: a table, a question, a graph, and what is known of the answer.

>>> from aitia import examples
>>> examples.names()
('kidney_stones', 'berkeley_admissions', 'cholesterol', 'rand_hie', 'coffee_and_sleep')
>>> stones = examples.load("kidney_stones")
>>> stones.table().n_rows
700
>>> round(stones.answers["effect"].value, 4)
0.0537
"""

from __future__ import annotations

from ._berkeley_admissions import berkeley_admissions as berkeley_admissions
from ._cholesterol import cholesterol as cholesterol
from ._coffee_and_sleep import coffee_and_sleep as coffee_and_sleep
from ._example import Answer as Answer
from ._example import Example as Example
from ._example import ExampleNotFound as ExampleNotFound
from ._example import find
from ._kidney_stones import kidney_stones as kidney_stones
from ._rand_hie import rand_hie as rand_hie

_ALL = {
    each.name: each for each in (kidney_stones, berkeley_admissions, cholesterol, rand_hie, coffee_and_sleep)
}


def names() -> tuple[str, ...]:
    """The names of the bundled examples."""
    return tuple(_ALL)


def load(name: str) -> Example:
    """The bundled example of that name.

    Args:
        name: one of `names`.

    Raises:
        ExampleNotFound: there is no such example; the error names the closest one.

    Example:
        >>> load("cholesterol").answers["effect"].value
        -4.0
    """
    return find(name, _ALL)
