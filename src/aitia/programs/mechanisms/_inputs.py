"""The row of numbers that a mechanism makes of its parents: standardised numbers, one-hot levels, products."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, product
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from aitia.core import nearest
from aitia.programs._errors import MechanismError
from aitia.programs.mechanisms._errors import ConstantParent, UnseenLevel, column, not_learned

Categorical: TypeAlias = "Mapping[str, int | Sequence[Any]] | Iterable[str]"
"""Which parents are categorical: names (levels are counted in the data), or names with their levels or how many."""

Interactions: TypeAlias = "bool | Iterable[tuple[str, ...]]"
"""Which products of parents are inputs too: none, all pairs (True), or the named ones."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """How a unit's parents become one row of numbers.

    A number x becomes (x - mean) / standard deviation, both learned from data (0 and 1 before). A categorical parent
    with k levels becomes k - 1 columns, one for each level but the first, which is the reference. An interaction is
    the products of its parents' columns.

    Args:
        parents: the parents, in order.
        n_levels: the number of levels of each categorical parent; None until it is counted.
        interactions: the parents of each product.
        centres: the mean of each parent that is a number (or an array of numbers).
        scales: its standard deviation.
    """

    parents: tuple[str, ...]
    n_levels: Mapping[str, int | None] = field(default_factory=dict)
    interactions: tuple[tuple[str, ...], ...] = ()
    centres: Mapping[str, np.ndarray] = field(default_factory=dict)
    scales: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(
        cls, parents: Sequence[str], categorical: Categorical = (), interactions: Interactions = False
    ) -> Inputs:
        """The inputs that a mechanism's arguments describe.

        Raises:
            MechanismError: a name is no parent, a parent is named twice, or a number of levels is below 2.
        """
        parents = tuple(parents)
        for name in parents:
            if not isinstance(name, str):
                raise MechanismError(
                    f"A parent is named by a text; came {name!r}.",
                    'Write the parents\' names first: Linear("school", "age").',
                )
        if len(set(parents)) < len(parents):
            raise MechanismError(
                f"A parent is named twice in {', '.join(parents)}.", "Name every parent once."
            )
        if isinstance(categorical, str):
            categorical = (categorical,)
        given: dict[str, Any] = (
            dict(categorical) if isinstance(categorical, Mapping) else dict.fromkeys(categorical)
        )
        n_levels = {}
        for name, levels in given.items():
            _is_parent(name, parents)
            count = levels if levels is None or isinstance(levels, int) else len(tuple(levels))
            if count is not None and count < 2:
                raise MechanismError(
                    f"The categorical parent {name!r} has {count} level.", "Give it at least two levels."
                )
            n_levels[name] = count
        if isinstance(interactions, bool):
            chosen = tuple(combinations(parents, 2)) if interactions else ()
        else:
            chosen = tuple(tuple(each) for each in interactions)
        for each in chosen:
            for name in each:
                _is_parent(name, parents)
            if len(each) < 2:
                raise MechanismError(
                    f"An interaction needs at least two parents; came {each!r}.",
                    'Write interactions=[("school", "age")].',
                )
        return cls(parents, n_levels, chosen)

    def learned(self, data: Mapping[str, Any]) -> Inputs:
        """The inputs with means, standard deviations and numbers of levels from the rows of `data`.

        A parent without data (a latent node) keeps mean 0 and standard deviation 1.

        Raises:
            ConstantParent: a parent has the same value in all rows.
            UnseenLevel: a value of a categorical parent is no position of its levels.
        """
        n_levels, centres, scales = dict(self.n_levels), {}, {}
        for name in self.parents:
            if name not in data:
                continue
            values = column(name, data[name])
            spread = values.std(axis=0)
            if not np.all(spread > 1e-12 * np.maximum(1.0, np.abs(values).max(axis=0))):
                raise ConstantParent(
                    f"The parent {name!r} has the same value in all {len(values):,} rows "
                    f"({values.reshape(len(values), -1)[0, 0]:.6g}): nothing can be learned of what it does.",
                    "Leave it out of the mechanism and the graph, or collect rows in which it varies.",
                )
            if name in self.n_levels:
                n_levels[name] = counted(name, values, self.n_levels[name])
            else:
                centres[name], scales[name] = values.mean(axis=0), spread
        return replace(self, n_levels=n_levels, centres=centres, scales=scales)

    @property
    def numbers(self) -> tuple[str, ...]:
        """The parents that are not categorical."""
        return tuple(name for name in self.parents if name not in self.n_levels)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns: ``("age", "region[1]", "age:region[1]")``."""
        blocks = {name: self._names(name) for name in self.parents}
        singles = [each for name in self.parents for each in blocks[name]]
        products = [
            ":".join(each)
            for parents in self.interactions
            for each in product(*(blocks[name] for name in parents))
        ]
        return (*singles, *products)

    def _names(self, name: str) -> list[str]:
        if name in self.n_levels:
            return [f"{name}[{level}]" for level in range(1, self.n_levels[name] or 1)]
        size = np.size(self.centres.get(name, 0.0))
        return [name] if size == 1 else [f"{name}[{i}]" for i in range(size)]

    def standardised(self, name: str, value: jax.Array) -> jax.Array:
        """One number (or array of them) on its standardised scale."""
        if name not in self.centres:
            return value
        return (value - self.centres[name]) / self.scales[name]

    def row(self, parents: Mapping[str, jax.Array]) -> jax.Array:
        """The row of one unit, shape (columns,).

        Raises:
            NotLearned: the levels of a categorical parent are not known yet.
        """
        blocks = {name: self._block(name, parents[name]) for name in self.parents}
        parts = [blocks[name] for name in self.parents]
        for each in self.interactions:
            made = blocks[each[0]]
            for name in each[1:]:
                made = (made[:, None] * blocks[name][None, :]).ravel()
            parts.append(made)
        return jnp.concatenate(parts) if parts else jnp.zeros(0)

    def rows(self, parents: Mapping[str, Any], n_rows: int) -> np.ndarray:
        """The rows of many units, shape (rows, columns): the same numbers in NumPy, without compiling.

        Args:
            parents: arrays of shape (rows, ...) by name.
            n_rows: how many there are.

        Raises:
            NotLearned: the levels of a categorical parent are not known yet.
        """
        blocks = {}
        for name in self.parents:
            values = np.asarray(parents[name], float)
            if name not in self.n_levels:
                if name in self.centres:
                    values = (values - self.centres[name]) / self.scales[name]
                blocks[name] = values.reshape(n_rows, -1)
                continue
            count = self.n_levels[name]
            if count is None:
                raise not_learned(f"the levels of its parent {name!r} are not known")
            blocks[name] = (values[:, None] == np.arange(1, count)).astype(float)
        parts = [blocks[name] for name in self.parents]
        for each in self.interactions:
            made = blocks[each[0]]
            for name in each[1:]:
                made = (made[:, :, None] * blocks[name][:, None, :]).reshape(n_rows, -1)
            parts.append(made)
        return np.concatenate(parts, axis=1) if parts else np.zeros((n_rows, 0))

    def _block(self, name: str, value: jax.Array) -> jax.Array:
        if name not in self.n_levels:
            return jnp.ravel(self.standardised(name, jnp.asarray(value)))
        count = self.n_levels[name]
        if count is None:
            raise not_learned(f"the levels of its parent {name!r} are not known")
        return (value == jnp.arange(1, count)).astype(float)


def counted(name: str, values: np.ndarray, given: int | None) -> int:
    """The number of levels: the given one, checked; else as many as the data have.

    Raises:
        UnseenLevel: a value is no whole number from 0, or is beyond the given levels.
    """
    wrong = (values != np.round(values)) | (values < 0)
    if given is not None:
        wrong |= values >= given
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        known = "0, 1, ..." if given is None else f"0 to {given - 1}"
        raise UnseenLevel(
            f"The categorical node {name!r} has the value {values.flat[row]:.6g} in row {row}; its levels are {known}.",
            "Give every level when the mechanism is made, or correct the row.",
        )
    return int(values.max()) + 1 if given is None else given


def _is_parent(name: str, parents: Sequence[str]) -> None:
    if name not in parents:
        raise MechanismError(f"{name!r} is not among the mechanism's parents.", nearest(str(name), parents))
