"""The answer to a question asked of a program: a distribution, and how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from aitia.core import Assumption


@dataclass(frozen=True, eq=False)
class Answer:
    """The distribution of what was asked, over units and over what is not known of the parameters.

    Two things spread it, and they are kept apart. For each draw of the parameters the program says how people
    differ (`diversity`); between draws lies what the data leave open (`uncertainty`, `interval`).

    Args:
        question: what was asked, in the field's notation (``"P(Y_{H=2} | X=0.5, H=1, Y=1.5)"``).
        of: the name of what was asked for.
        rung: 1 seeing, 2 doing, 3 imagining.
        draws: shape (parameter draws, units, ...).
        log_weights: shape (parameter draws, units); equal where the units were drawn from the answer itself.
        method: how the evidence was conditioned on, in words.
        means: the mean for each draw of the parameters, shape (parameter draws, ...), where it is known better than
            the draws tell it (exact methods); None to take the weighted mean of the draws.
        variances: as `means`, for the variance among units.
        probabilities: the probability of each level, shape (parameter draws, levels), where the answer is discrete.
        levels: the values those probabilities belong to (levels' names, or numbers).
        assumptions: what the answer stands on, beyond the program itself.
        warnings: what a reader must know before using it, a sentence each.
        bounds: what a mean of an answer on the third rung may be under any form of noise that fits the same
            distributions (low, high); None where that was not worked out or does not arise.
    """

    question: str
    of: str
    rung: int
    draws: np.ndarray
    log_weights: np.ndarray
    method: str
    means: np.ndarray | None = None
    variances: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    levels: tuple[Any, ...] | None = None
    assumptions: tuple[Assumption, ...] = ()
    warnings: tuple[str, ...] = ()
    bounds: tuple[float, float] | None = None

    @cached_property
    def weights(self) -> np.ndarray:
        """The units' weights, each draw of the parameters summing to one; shape (parameter draws, units)."""
        shifted = np.exp(self.log_weights - self.log_weights.max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)

    @cached_property
    def mean_by_draw(self) -> np.ndarray:
        """The mean among units for each draw of the parameters; shape (parameter draws, ...)."""
        if self.means is not None:
            return self.means
        return np.einsum("su,su...->s...", self.weights, self.draws)

    @property
    def mean(self) -> Any:
        """The mean over units and draws of the parameters: a float, or an array for a node with a shape."""
        mean = self.mean_by_draw.mean(axis=0)
        return float(mean) if mean.ndim == 0 else mean

    @property
    def effective_sample_size(self) -> float:
        """(sum of w)² / sum of w² of the units' weights, the median over draws of the parameters (Kish 1965)."""
        return float(np.median(1 / (self.weights**2).sum(axis=1)))
