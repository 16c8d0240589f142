"""The contract between a question and a way to condition on its evidence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from aitia.programs._fitted import Fitted
from aitia.programs._worlds import World

WorldsOf = Callable[[Mapping[str, Mapping[str, Any]]], Any]
"""What is asked for, as a function of the values by world and node (arrays over draws and units)."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A question in its plainest form.

    Args:
        fitted: the program and draws of its parameters.
        worlds: the worlds by name, levels already as positions.
        of: what is asked for: a node of a world (world, node), or a function of all worlds' values.
        draws: how many units to draw for each draw of the parameters.
        seed: the seed.
    """

    fitted: Fitted
    worlds: Mapping[str, World]
    of: tuple[str, str] | WorldsOf
    draws: int
    seed: int


@dataclass(frozen=True, eq=False)
class Conditioned:
    """What a method made of a problem; the fields are those of `Answer`.

    Args:
        draws: shape (parameter draws, units, ...).
        log_weights: shape (parameter draws, units).
        method: how it was done, in words.
        means: exact means by draw of the parameters, or None.
        variances: exact variances among units by draw of the parameters, or None.
        probabilities: exact probabilities of `values`, shape (parameter draws, values), or None.
        values: what the probabilities belong to.
        log_evidence: the log probability (or density) of the evidence by draw of the parameters, or None.
        warnings: what a reader must know, a sentence each.
        notes: what else helps to read it, a sentence each.
        effective_by_draw: the effective sample size for each draw of the parameters, where the weights do not tell it;
            else None.
    """

    draws: np.ndarray
    log_weights: np.ndarray
    method: str
    means: np.ndarray | None = None
    variances: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    values: np.ndarray | None = None
    log_evidence: np.ndarray | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    effective_by_draw: np.ndarray | None = None


class Conditioning(ABC):
    """A way to condition on evidence."""

    @abstractmethod
    def refuses(self, problem: Problem) -> str | None:
        """Why it does not apply to this problem, in words; None where it does."""

    @abstractmethod
    def run(self, problem: Problem) -> Conditioned:
        """The distribution of what is asked for, given the evidence.

        Raises:
            ImpossibleEvidence: the evidence has probability zero.
        """
