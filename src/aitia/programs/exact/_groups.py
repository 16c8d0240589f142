"""Parameters that vary by group: a unit may be of any group, and what is known of it says which."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

import numpy as np

from aitia.programs._fitted import Fitted

MOST = 1_000_000
"""Draws of the parameters times groups, at most."""


@dataclass(frozen=True, eq=False)
class Memberships:
    """The draws of the parameters, each as a unit of each group sees it.

    Args:
        parameters: by node and name, shape (draws times memberships, ...).
        draws: how many draws there are.
        log_shares: the log share of units in each membership (a group of every grouping that matters).
    """

    parameters: dict[str, dict[str, np.ndarray]]
    draws: int
    log_shares: np.ndarray

    def __len__(self) -> int:
        return self.draws * len(self.log_shares)

    def log_weights(self, log_evidence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """From the log evidence, shape (draws times memberships,): log weights by membership, and log evidence by draw.

        Returns:
            Shapes (draws, memberships), each row summing to one outside of the logarithm; and (draws,).
        """
        both = log_evidence.reshape(self.draws, -1) + self.log_shares
        total = np.logaddexp.reduce(both, axis=1)
        with np.errstate(invalid="ignore"):
            return np.where(np.isfinite(total)[:, None], both - total[:, None], -np.inf), total


def memberships(fitted: Fitted, nodes: Iterable[str]) -> Memberships | None:
    """The memberships that matter for some nodes; None where there are too many.

    Args:
        fitted: the program and draws of its parameters.
        nodes: the nodes whose mechanisms are asked.
    """
    program, nodes = fitted.program, list(nodes)
    own = {node: fitted.parameters.get(node, {}) for node in nodes}
    per = {
        (node, name): program.mechanisms[node].parameters[name].per for node in nodes for name in own[node]
    }
    groupings = list(dict.fromkeys(name for name in per.values() if name is not None))
    sizes = [
        next(np.shape(own[node][name])[1] for (node, name), each in per.items() if each == grouping)
        for grouping in groupings
    ]
    count = prod(sizes)
    if fitted.n_draws * count > MOST:
        return None
    member = dict(zip(groupings, np.indices(sizes).reshape(len(sizes), count)))
    log_shares = np.zeros(count)
    for grouping, size in zip(groupings, sizes):
        shares = np.asarray(fitted.group_shares.get(grouping, np.ones(size)), dtype=float)
        with np.errstate(divide="ignore"):
            log_shares = log_shares + np.log(shares / shares.sum())[member[grouping]]
    found: dict[str, dict[str, np.ndarray]] = {}
    for (node, name), grouping in per.items():
        each = np.asarray(own[node][name])
        each = np.repeat(each[:, None], count, axis=1) if grouping is None else each[:, member[grouping]]
        found.setdefault(node, {})[name] = each.reshape(-1, *each.shape[2:])
    return Memberships(found, fitted.n_draws, log_shares)
