"""What background knowledge means for a causal order: which edges may be, and who must stand before whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aitia.discovery._knowledge import Knowledge


@dataclass(frozen=True, eq=False)
class OrderLimits:
    """Knowledge about p variables as matrices indexed [cause, effect].

    Args:
        allowed: whether a direct edge may be.
        required: whether a direct edge is known.
        reaches: whether the cause may act on the effect at all, directly or through others.
        before: whether the cause must stand before the effect in a causal order.
    """

    allowed: np.ndarray
    required: np.ndarray
    reaches: np.ndarray
    before: np.ndarray

    @classmethod
    def of(cls, knowledge: Knowledge, names: Sequence[str]) -> OrderLimits:
        """The limits that knowledge sets.

        Allowed edges alone say that a stands before b where a may reach b and b cannot reach a: every acyclic graph of
        allowed edges has an order like that. Required edges add their own.
        """
        p = len(names)
        forbidden, required = knowledge.forbidden_matrix(names), knowledge.required_matrix(names)
        allowed = ~forbidden & ~np.eye(p, dtype=bool)
        if not forbidden.any() and not required.any():
            return cls(allowed, required, allowed.copy(), np.zeros((p, p), bool))
        # A required path a -> ... -> b also rules out every edge b -> a.
        forced = closure(required)
        allowed &= ~forced.T
        reaches = closure(allowed) & ~np.eye(p, dtype=bool)
        before = closure((reaches & ~reaches.T) | required)
        # What must stand before the other is not caused by it.
        return cls(allowed & ~before.T, required, reaches & ~before.T, before)

    def candidates(self, remaining: np.ndarray) -> np.ndarray:
        """Which of the remaining positions (booleans, shape (p,)) may stand first among them."""
        return remaining & ~(self.before[remaining].any(axis=0))

    def rows(self, at: Sequence[int]) -> OrderLimits:
        """The limits among some of the variables."""
        inside = np.ix_(at, at)
        return OrderLimits(
            self.allowed[inside], self.required[inside], self.reaches[inside], self.before[inside]
        )


def closure(edges: np.ndarray) -> np.ndarray:
    """Which nodes are reached by one edge or more, shape (p, p)."""
    reached = edges.copy()
    for k in range(len(edges)):
        reached |= np.outer(reached[:, k], reached[k])
    return reached
