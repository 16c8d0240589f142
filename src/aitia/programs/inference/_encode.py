"""A table's columns as a program's nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aitia.core import Decision, nearest
from aitia.programs._errors import FitError
from aitia.programs._program import Program


@dataclass(frozen=True, eq=False)
class Encoded:
    """Data as numbers, by node.

    Args:
        values: arrays of shape (rows, ...) by node; levels as their positions. Nodes without data are absent.
        n_rows: the number of rows.
        levels: the names of the values 0, 1, ..., by categorical node.
        group_of_row: the number of each row's group, by the group's name.
        group_levels: the names of the groups, by the group's name.
        decisions: what was decided while reading.
    """

    values: Mapping[str, np.ndarray]
    n_rows: int
    levels: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    group_of_row: Mapping[str, np.ndarray] = field(default_factory=dict)
    group_levels: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    decisions: tuple[Decision, ...] = ()


def encode(program: Program, data: Any) -> Encoded:
    """The columns of `data` that the program's nodes and groups name.

    Args:
        program: the program.
        data: anything that `aitia.data.read` takes; or a mapping of arrays, whose columns may have more than one axis.
    """
    columns = {name: np.asarray(data[name]) for name in data}
    missing = [node for node in program.nodes if node not in columns]
    if missing:
        raise FitError(f"The data have no column for the node {missing[0]!r}.", nearest(missing[0], columns))
    groups = {each.per for m in program.mechanisms.values() for each in m.parameters.values() if each.per}
    group_of_row, group_levels = {}, {}
    for name in sorted(groups | set(program.groups)):
        names, at = np.unique(columns[name], return_inverse=True)
        group_of_row[name], group_levels[name] = at, tuple(names.tolist())
    values = {node: columns[node].astype(float) for node in program.nodes}
    return Encoded(values, len(next(iter(values.values()))), {}, group_of_row, group_levels)
