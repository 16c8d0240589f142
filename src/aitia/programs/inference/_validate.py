"""What the program says of its nodes, held against the data: kinds, levels, shapes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from aitia.core import listing
from aitia.programs._errors import FitError
from aitia.programs._program import Program
from aitia.programs.inference._encode import Encoded


def with_levels(program: Program, encoded: Encoded) -> Program:
    """The program with the levels that were taken from the data; itself where there are none."""
    levels = {**program.levels, **encoded.levels}
    return program if levels == program.levels else replaced(program, levels=levels)


def replaced(program: Program, **attributes) -> Program:
    """A copy of the program with other mechanisms or levels, and nothing remembered of the old ones."""
    import copy
    from functools import cached_property

    new = copy.copy(program)
    for name, value in attributes.items():
        setattr(new, name, value)
    for name in list(new.__dict__):
        if isinstance(getattr(type(new), name, None), cached_property):
            del new.__dict__[name]
    return new


def validated(program: Program, data: Encoded) -> Encoded:
    """The data with discrete nodes as integers and continuous ones as floats.

    Raises:
        FitError: text in a node of numbers, a value that is not whole or not among the node's values, a shape that
            is not the node's, or more levels than the node has values.
    """
    values = dict(data.values)
    for node, column in data.values.items():
        facts = program.facts[node]
        if column.shape[1:] != facts.shape:
            raise FitError(
                f"A value of the node {node!r} has the shape {facts.shape}, and its column has {column.shape[1:]}.",
                "Reshape the column to (rows, *shape).",
            )
        if not facts.discrete:
            if node in data.from_text:
                row, value = data.from_text[node]
                raise FitError(
                    f"The node {node!r} is a number, and its column holds the text {value!r} in row {row + 1:,}.",
                    "Write numbers, or give the node a mechanism for levels.",
                )
            values[node] = column.astype(float)
            continue
        whole = np.round(column)
        if (whole != column).any():
            row = int(np.argwhere(whole != column)[0][0])
            raise FitError(
                f"The node {node!r} holds whole numbers, and its column holds {column[row]} in row {row + 1:,}.",
                "Round the column, or give the node a mechanism for continuous values.",
            )
        values[node] = whole.astype(np.int64)
        if facts.support is None or np.ndim(facts.support) != 1:
            continue
        if node in data.from_text and len(data.levels[node]) != len(facts.support):
            raise FitError(
                f"The column {node!r} holds {len(data.levels[node])} levels "
                f"({listing([repr(each) for each in data.levels[node]], most=6)}), and the node has "
                f"{len(facts.support)} values.",
                f'Name them in order: Program(..., levels={{"{node}": (...)}}).',
            )
        outside = ~np.isin(values[node], facts.support)
        if outside.any():
            row = int(np.argwhere(outside)[0][0])
            raise FitError(
                f"The node {node!r} can be {listing(facts.support.tolist(), most=6)}, and its column holds "
                f"{values[node][row]} in row {row + 1:,}.",
                "Correct the value, or the mechanism.",
            )
    return replace(data, values=values)
