"""The contract of a likelihood's terms: one for each node, a function of its mechanism's parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import jax


class Term(ABC):
    """The log likelihood of one node's column, as a function of its mechanism's parameters.

    Attributes:
        cost: how many log densities one evaluation computes; an engine is chosen by it.
    """

    cost: int = 0

    @abstractmethod
    def log_likelihood(self, parameters: Mapping[str, jax.Array]) -> jax.Array:
        """The log likelihood; parameters that vary by group have a leading axis of groups."""
