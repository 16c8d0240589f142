"""What deep mechanisms of images have in common: reading parents, training, saving, loading."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from aitia.core import nearest
from aitia.programs._conditional import Conditional
from aitia.programs._errors import FitError, MechanismError
from aitia.programs._mechanism import Mechanism, Values
from aitia.programs._precision import double
from aitia.programs._random import seed_key
from aitia.programs.deep._training import Loss, Training, TrainingRecord, split, train


class Context(eqx.Module):
    """The parents of an image as the numbers that its network reads.

    Categories become indicators; numbers are standardised by the training images' mean and spread. Fixed, not
    trained.

    Args:
        categories: the number of categories of each parent, None for a number; in the order of the parents.
        means: the mean of each parent; 0 for categories.
        spreads: the standard deviation of each parent; 1 for categories.
    """

    categories: tuple[int | None, ...] = eqx.field(static=True)
    means: tuple[float, ...] = eqx.field(static=True)
    spreads: tuple[float, ...] = eqx.field(static=True)

    @property
    def size(self) -> int:
        return sum(each or 1 for each in self.categories)

    def __call__(self, values: Sequence[jax.Array]) -> jax.Array:
        """The features of one unit."""
        parts = []
        for value, count, mean, spread in zip(values, self.categories, self.means, self.spreads):
            if count is None:
                parts.append((jnp.reshape(jnp.asarray(value), (1,)) - mean) / spread)
            else:
                parts.append((jnp.reshape(jnp.asarray(value), (1,)) == jnp.arange(count)) * 1.0)
        return jnp.concatenate(parts) if parts else jnp.zeros(0)


class ImageMechanism(Mechanism):
    """A mechanism whose node is an image, learned by a network outside of any engine.

    An image is an array of any shape. With `grey_levels` its pixels are whole numbers 0 .. grey_levels - 1, else
    numbers. The network is trained in 32 bits on the parents and images that `learned` gets; `at` then works like
    any mechanism's.

    Args:
        parents: the names of the nodes that the image comes from.
        categories: how many values a categorical parent has (0, 1, ...), by its name; other parents are numbers.
        grey_levels: how many whole values a pixel has; None for pixels that are numbers.
        training: how the network is trained.

    Raises:
        MechanismError: `categories` names no parent, or a count is below 2.
    """

    def __init__(
        self,
        parents: Sequence[str],
        *,
        categories: Mapping[str, int] | None = None,
        grey_levels: int | None = None,
        training: Training | None = None,
    ) -> None:
        self.parents = (parents,) if isinstance(parents, str) else tuple(parents)
        self.categories = dict(categories or {})
        for name, count in self.categories.items():
            if name not in self.parents:
                raise MechanismError(
                    f"The categories name {name!r}, which is no parent of the image.",
                    nearest(name, self.parents),
                )
            if count < 2:
                raise MechanismError(
                    f"The parent {name!r} is said to have {count} categories.",
                    "Give two or more, or leave it out of the categories if it is a number.",
                )
        if grey_levels is not None and grey_levels < 2:
            raise MechanismError(
                f"The image is said to have {grey_levels} grey levels.",
                "Give two or more, or None for pixels that are numbers.",
            )
        self.grey_levels = grey_levels
        self.training = training or Training()
        self.network: Any = None
        self.shape: tuple[int, ...] = ()
        self.context: Context | None = None
        self.record: TrainingRecord | None = None

    @property
    @abstractmethod
    def options(self) -> dict[str, Any]:
        """The keyword arguments that make this mechanism again (those of its own class), as plain numbers."""

    @abstractmethod
    def network_for(self, key: jax.Array, shape: tuple[int, ...], context_size: int) -> Any:
        """A new network with random weights."""

    @abstractmethod
    def prepared(self, network: Any, images: np.ndarray) -> Any:
        """The network with what is not trained by gradients (the pixels' marginal laws) read off the images."""

    @property
    @abstractmethod
    def loss(self) -> Loss:
        """The loss of one image; a function of a module."""

    @abstractmethod
    def conditional(self, context: jax.Array) -> Conditional:
        """The image's conditional for one unit, given what the network knows of its parents."""

    def at(self, parents: Values, parameters: Values) -> Conditional:
        return self.conditional(self._trained()([parents[name] for name in self.parents]))

    @double
    def learned(
        self, parents: Mapping[str, Any], values: Any, *, seed: int, show_progress: bool | None = None
    ) -> Self:
        """This mechanism with a trained network.

        Args:
            parents: arrays of shape (rows,), by name.
            values: the images, shape (rows, ...).
            seed: the seed; the same seed on the same machine gives the same weights.
            show_progress: whether to show a bar; None shows it on a terminal.

        Raises:
            FitError: a parent is missing or of another length; a value is missing (NaN); a category or a grey level
                is out of range; there are fewer than ten images; the training diverged.
        """
        images, columns = self._checked(parents, values)
        rows = split(len(images), self.training.held_out, seed)
        context = self._context(columns, rows[0])
        with jax.enable_x64(False):
            features = np.asarray(
                jax.vmap(lambda *unit: context(unit))(*(jnp.asarray(each, jnp.float32) for each in columns))
                if columns
                else np.zeros((len(images), 0)),
                dtype=np.float32,
            )
            network = self.network_for(seed_key(seed, "weights"), images.shape[1:], context.size)
            network = self.prepared(network, images[rows[0]])
            network, record = train(
                network,
                self.loss,
                images.astype(np.float32),
                features,
                rows,
                self.training,
                seed=seed,
                show_progress=show_progress,
            )
        return self._with(network, images.shape[1:], context, record)

    def save(self, path: str | Path) -> None:
        """Write the trained mechanism to one file (a line of settings, then the weights by Equinox).

        Args:
            path: the file.

        Raises:
            MechanismError: it is not trained.
        """
        context = self._trained()
        settings = {
            "kind": type(self).__name__,
            "parents": self.parents,
            "categories": self.categories,
            "grey_levels": self.grey_levels,
            "options": self.options,
            "shape": self.shape,
            "means": context.means,
            "spreads": context.spreads,
        }
        with open(path, "wb") as file:
            file.write((json.dumps(settings) + "\n").encode())
            eqx.tree_serialise_leaves(file, self.network)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The mechanism that `save` wrote; how it was trained is not kept, only what came of it.

        Args:
            path: the file.

        Raises:
            MechanismError: the file holds something else.
        """
        with open(path, "rb") as file:
            try:
                settings = json.loads(file.readline())
                kind = settings["kind"]
            except (ValueError, KeyError, TypeError):
                raise MechanismError(
                    f"The file {str(path)!r} holds no mechanism of an image.",
                    "Give a file that save(path) wrote.",
                ) from None
            if kind != cls.__name__:
                raise MechanismError(
                    f"The file {str(path)!r} holds a {kind}, not a {cls.__name__}.", f"Use {kind}.load(path)."
                )
            made = cls(
                settings["parents"],
                categories=settings["categories"],
                grey_levels=settings["grey_levels"],
                **settings["options"],
            )
            shape = tuple(settings["shape"])
            context = Context(
                tuple(made.categories.get(name) for name in made.parents),
                tuple(settings["means"]),
                tuple(settings["spreads"]),
            )
            with jax.enable_x64(False):
                blank = made.network_for(jax.random.key(0), shape, context.size)
                network = eqx.tree_deserialise_leaves(file, blank)
        return made._with(network, shape, context, None)

    def _with(self, network, shape, context, record) -> Self:
        made = type(self)(
            self.parents,
            categories=self.categories,
            grey_levels=self.grey_levels,
            training=self.training,
            **self.options,
        )
        # Plain arrays: they belong to no precision setting, and a jitted question takes them as constants.
        made.network = jax.tree.map(lambda leaf: np.asarray(leaf) if eqx.is_array(leaf) else leaf, network)
        made.shape, made.context, made.record = tuple(shape), context, record
        return made

    def _trained(self) -> Context:
        if self.context is None:
            raise MechanismError(
                f"The {type(self).__name__} of {', '.join(self.parents) or 'no parents'} is not trained.",
                "Train it: mechanism.learned(parents, images, seed=0), or fit the program.",
            )
        return self.context

    def _checked(self, parents: Mapping[str, Any], values: Any) -> tuple[np.ndarray, list[np.ndarray]]:
        images = np.asarray(values, dtype=float)
        if images.ndim < 2 or len(images) < 10:
            raise FitError(
                f"Images are an array (rows, ...) with ten rows or more; came the shape {images.shape}.",
                "Give one array with the images along the first axis.",
            )
        _no_gaps("images", images)
        if self.grey_levels is not None:
            bad = (images != np.floor(images)) | (images < 0) | (images >= self.grey_levels)
            if bad.any():
                at = np.argwhere(bad)[0]
                raise FitError(
                    f"Pixels are whole numbers from 0 to {self.grey_levels - 1}; image {at[0]} holds "
                    f"{images[tuple(at)]:g} at {tuple(int(each) for each in at[1:])}.",
                    "Round or scale the images, or say grey_levels=None for pixels that are numbers.",
                )
        columns = []
        for name in self.parents:
            if name not in parents:
                raise FitError(
                    f"There is no column for the image's parent {name!r}.", nearest(name, list(parents))
                )
            column = np.asarray(parents[name], dtype=float)
            if column.shape != (len(images),):
                raise FitError(
                    f"The parent {name!r} has the shape {column.shape}; {len(images)} images need one number each.",
                    "Give one value for every image; split a parent of more axes into nodes.",
                )
            _no_gaps(name, column)
            count = self.categories.get(name)
            if (
                count is not None
                and (bad := (column != np.floor(column)) | (column < 0) | (column >= count)).any()
            ):
                row = int(np.argmax(bad))
                raise FitError(
                    f"The parent {name!r} has the categories 0 to {count - 1}; row {row} holds {column[row]:g}.",
                    "Number its categories from 0, or say how many there are.",
                )
            columns.append(column)
        return images, columns

    def _context(self, columns: list[np.ndarray], rows: np.ndarray) -> Context:
        categories = tuple(self.categories.get(name) for name in self.parents)
        means, spreads = [], []
        for column, count in zip(columns, categories):
            means.append(0.0 if count is not None else float(column[rows].mean()))
            spreads.append(1.0 if count is not None else float(column[rows].std()) or 1.0)
        return Context(categories, tuple(means), tuple(spreads))

    def __repr__(self) -> str:
        state = "not trained" if self.context is None else f"image of shape {self.shape}"
        return f"{type(self).__name__}({', '.join(self.parents)}; {state})"


def _no_gaps(name: str, column: np.ndarray) -> None:
    bad = ~np.isfinite(column)
    if bad.any():
        row = int(np.argwhere(bad)[0][0])
        raise FitError(
            f"The column {name!r} holds {column[bad][0]} in row {row}.",
            "Leave out rows with missing values, or fill them in, and say so.",
        )
