"""What a mechanism that learns outside of an engine offers, so that comparing it stays cheap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class CrossFitted(Protocol):
    """A mechanism for numbers that scores rows it did not learn from, a fold at a time.

    The plain way (learn from the other folds, then score) costs a compiled form for each fold, and trees would be
    cross-fitted within each; these mechanisms know better ways.

    Attributes:
        slow_to_score: whether each fold is work worth saving where the first folds leave no hope.
    """

    slow_to_score: bool

    def held_out(
        self, parents: Mapping[str, Any], values: Any, fold: np.ndarray, *, seed: int
    ) -> Iterator[np.ndarray]:
        """log p(value | parents) of the rows of each fold in turn, after learning without them.

        Args:
            parents: the parents' columns.
            values: the node's column.
            fold: each row's fold, 0, 1, ...
            seed: the seed of training.
        """
        ...
