"""From a table of counts to one row a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aitia.core import stream
from aitia.data import Table, read


def one_row_each(names: Sequence[str], counts: Mapping[tuple[Any, ...], int], source: str) -> Table:
    """A table with one row a person, in an order drawn once.

    Counts have no order. Rows sorted by their values would look to a test of independent rows as if neighbours
    belonged together.

    Args:
        names: the columns.
        counts: the number of persons with each combination of values, in the order of `names`.
        source: what to call the table.
    """
    rows = np.repeat(np.arange(len(counts)), list(counts.values()))
    rows = stream(0, "order of rows", source).permutation(rows)
    columns = {
        name: np.array([combination[i] for combination in counts])[rows] for i, name in enumerate(names)
    }
    return read(columns).named(source)
