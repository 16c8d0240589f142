"""The contract between a posterior and an engine that draws from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from aitia.core import Assumption, Decision
from aitia.programs._fitted import Diagnostic
from aitia.programs.inference._posterior import Posterior


@dataclass(frozen=True, eq=False)
class Drawn:
    """What an engine drew.

    Args:
        draws: draws of the posterior's unconstrained point (a tree whose leaves have a leading axis of draws; chains
            one after the other).
        diagnostics: what tells whether to trust them.
        seconds: wall-clock seconds by stage: ``{"compile": ..., "run": ...}``.
        assumptions: what this engine stands on beyond the model (that a normal approximates the posterior, say).
        details: what a curious reader may want: the trace of the ELBO, the number of steps, by name.
        chains: how many chains the draws come from, one after the other; 0 where draws are independent.
        decisions: what the engine decided on the way.
        uses_prior: whether the priors entered; False for maximum likelihood.
    """

    draws: Any
    diagnostics: tuple[Diagnostic, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    assumptions: tuple[Assumption, ...] = ()
    details: Mapping[str, np.ndarray | float] = field(default_factory=dict)
    chains: int = 0
    decisions: tuple[Decision, ...] = ()
    uses_prior: bool = True


class Engine(ABC):
    """A way to draw from a posterior. It sees a log density over unconstrained numbers, and knows no program.

    Attributes:
        minds_centring: whether it draws better where group values that the data know well are sampled as they are.
    """

    minds_centring: ClassVar[bool] = False

    @abstractmethod
    def draw(self, posterior: Posterior, *, seed: int, show_progress: bool | None = None) -> Drawn:
        """Draws from the posterior.

        Args:
            posterior: the log density and where to start.
            seed: the seed; the same seed gives the same draws.
            show_progress: whether to show a bar; None shows it on a terminal.

        Raises:
            FitError: the log density is not finite where the engine starts.
        """

    @property
    @abstractmethod
    def description(self) -> str:
        """The engine in words, with its settings (``"NUTS, 4 chains of 1,000 draws"``)."""
