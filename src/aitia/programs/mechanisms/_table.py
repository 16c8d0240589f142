"""Discrete tables: a probability for each level, for each combination of the parents' levels."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

from aitia.core import nearest
from aitia.programs._conditional import Conditional
from aitia.programs._errors import MechanismError
from aitia.programs._mechanism import Mechanism, Values
from aitia.programs._terms import Parameter
from aitia.programs.forms import conditional_of
from aitia.programs.mechanisms._errors import column, not_learned
from aitia.programs.mechanisms._inputs import counted
from aitia.programs.mechanisms._regression import Priors

MOST_CELLS = 100_000
"""A table with more combinations of parents' levels than this is refused."""


class Table(Mechanism):
    """P(v = k | parents) as a table of its own for each combination of the parents' levels.

    Parameter and default prior: ``probabilities``, shape (combinations, levels): a Dirichlet with `concentration` in
    every cell, for each combination apart. Given data the posterior is Dirichlet with the counts added, in closed
    form (`posterior_counts`). Combinations are in the order of the parents, the last one varying fastest.

    Args:
        parents: the names of the parents; all are levels, given as their positions 0, 1, ...
        levels: the names of the node's levels; or None to count them in the data.
        parent_levels: the number (or names) of levels by parent; those left out are counted in the data.
        concentration: the prior's weight in every cell; 1 is uniform over all tables (Laplace's rule).
        priors: a prior in place of the Dirichlet, as ``{"probabilities": ...}``, of the table's shape.

    Raises:
        MechanismError: a name is no parent; fewer than two levels; a table too large.

    Example:
        >>> from aitia.programs.mechanisms import Table
        >>> rain = Table("season", levels=("no", "yes"), parent_levels={"season": 4})
        >>> rain.parameters["probabilities"].prior.shape()
        (4, 2)
    """

    needs_data = False  # levels that were given need no rows

    def __init__(
        self,
        *parents: str,
        levels: Sequence[Any] | None = None,
        parent_levels: Mapping[str, int | Sequence[Any]] | None = None,
        concentration: float = 1.0,
        priors: Priors | None = None,
    ) -> None:
        self.parents = tuple(parents)
        self.levels = None if levels is None else tuple(levels)
        self.n_levels = None if levels is None else len(tuple(levels))
        self.concentration = float(concentration)
        self.priors = dict(priors or {})
        self.parent_levels: dict[str, int] = {}
        for name, each in (parent_levels or {}).items():
            if name not in self.parents:
                raise MechanismError(
                    f"{name!r} is not among the mechanism's parents.", nearest(name, self.parents)
                )
            self.parent_levels[name] = each if isinstance(each, int) else len(tuple(each))
        for name in self.priors:
            if name != "probabilities":
                raise MechanismError(
                    f"There is a prior for {name!r}, and a table has no such parameter.",
                    "Its parameter is called probabilities.",
                )
        if not self.concentration > 0:
            raise MechanismError(
                f"The concentration {concentration} is not positive.", "Use 1, or 0.5 (Jeffreys)."
            )
        if self.n_levels is not None and self.n_levels < 2:
            raise MechanismError(f"A table needs two levels; came {self.levels}.", "Give every level.")
        self._check_size()

    @property
    def description(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        if not self.parents:
            return "a probability for each level"
        return f"a table of probabilities for each combination of {', '.join(self.parents)}"

    @property
    def known(self) -> bool:
        """Whether the levels of the node and of every parent are known."""
        return self.n_levels is not None and all(name in self.parent_levels for name in self.parents)

    @property
    def _shape(self) -> tuple[int, ...]:
        return tuple(self.parent_levels.get(name, 2) for name in self.parents)

    def _check_size(self) -> None:
        cells = int(np.prod(self._shape, dtype=float)) * (self.n_levels or 2)
        if cells > MOST_CELLS:
            raise MechanismError(
                f"The table would have {cells:,} cells.",
                "Use GeneralisedLinear(family=Categorical(...)), which shares strength between combinations.",
            )

    @property
    def parameters(self) -> dict[str, Parameter]:  # pyright: ignore[reportIncompatibleVariableOverride]
        if "probabilities" in self.priors:
            return {"probabilities": Parameter(self.priors["probabilities"])}
        cells = jnp.full((int(np.prod(self._shape, dtype=int)), self.n_levels or 2), self.concentration)
        return {"probabilities": Parameter(dist.Dirichlet(cells).to_event(1))}

    def _combination(self, parents: Mapping[str, Any]) -> Any:
        """The position of a combination of parents' levels among the table's rows."""
        at: Any = 0
        for name, size in zip(self.parents, self._shape):
            at = at * size + parents[name]
        return at

    def at(self, parents: Values, parameters: Values) -> Conditional:
        if not self.known:
            raise not_learned(self.description)
        row = jnp.asarray(self._combination(parents)).astype(int)
        chosen = jnp.take(parameters["probabilities"], row, axis=0, mode="clip")
        # Two levels as a Bernoulli: the same law, with one threshold.
        law: Any = dist.Bernoulli(probs=chosen[1]) if self.n_levels == 2 else dist.Categorical(probs=chosen)
        return conditional_of(law)

    def learned(
        self, parents: Mapping[str, Any], values: Any, *, seed: int = 0, show_progress: bool | None = None
    ) -> Table:
        changed = copy.copy(self)
        changed.parent_levels = dict(self.parent_levels)
        for name in self.parents:
            if name in parents:
                seen = column(name, parents[name])
                changed.parent_levels[name] = counted(name, seen, self.parent_levels.get(name))
        if values is not None:
            own = column("the node itself", values)
            changed.n_levels = max(2, counted("the node itself", own, self.n_levels))
        changed._check_size()
        return changed

    def counts(
        self, parents: Mapping[str, Any], values: Any, weights: jax.Array | np.ndarray | None = None
    ) -> jax.Array:
        """How many rows fall in each cell; shape (combinations, levels).

        Args:
            parents: arrays of levels' positions by name.
            values: the node's levels' positions.
            weights: a weight for each row; None for one each.
        """
        row = jnp.zeros(jnp.shape(values), int) + jnp.asarray(self._combination(parents)).astype(int)
        cell = row * (self.n_levels or 2) + jnp.asarray(values).astype(int)
        size = int(np.prod(self._shape, dtype=int)) * (self.n_levels or 2)
        total = jnp.zeros(size).at[cell].add(1.0 if weights is None else weights)
        return total.reshape(-1, self.n_levels or 2)

    def posterior_counts(self, parents: Mapping[str, Any], values: Any) -> np.ndarray:
        """The concentrations of the posterior Dirichlet: counts plus `concentration`; shape (combinations, levels)."""
        if not self.known:
            raise not_learned(self.description)
        return np.asarray(self.counts(parents, values)) + self.concentration

    def __repr__(self) -> str:
        return f"Table({', '.join(map(repr, self.parents))})"
