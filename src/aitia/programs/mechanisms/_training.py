"""Training outside of any engine: maximum likelihood by Optax, with early stopping."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from aitia.core import progress
from aitia.programs._errors import FitError
from aitia.programs._random import seed_key
from aitia.programs.mechanisms._errors import TooFewRows


@dataclass(frozen=True)
class Training:
    """How a network is trained.

    Args:
        epochs: passes over the rows, at most.
        batch: rows a step.
        learning_rate: the step size of Adam at the start; it falls to a hundredth along a cosine.
        validation: the share of rows held out to stop early.
        patience: stop after so many passes without a better held-out likelihood.
        weight_decay: how strongly weights are pulled to zero.
    """

    epochs: int = 400
    batch: int = 128
    learning_rate: float = 5e-3
    validation: float = 0.15
    patience: int = 60
    weight_decay: float = 1e-4


@functools.cache
def _optimiser(decay: float) -> optax.GradientTransformation:
    # Cached: the compiled step is found again only for the same optimiser. Its rate is 1; the schedule's comes after,
    # as data, so that another number of steps compiles nothing.
    return optax.chain(optax.clip_by_global_norm(5.0), optax.adamw(1.0, weight_decay=decay))


@eqx.filter_jit
def _epoch(model, state, batches, rates, steps, arrays, held_out, loss, optimiser):
    """One pass over the first `steps` batches, and the loss on the rows held out."""
    trained, fixed = eqx.partition(model, eqx.is_inexact_array)

    def step(at, carry):
        trained, state = carry
        chosen = tuple(each[batches[at]] for each in arrays)
        gradient = jax.grad(lambda own: loss(eqx.combine(own, fixed), *chosen))(trained)
        updates, state = optimiser.update(gradient, state, trained)
        updates = jax.tree.map(lambda each: rates[at] * each, updates)
        return optax.apply_updates(trained, updates), state

    trained, state = jax.lax.fori_loop(0, steps, step, (trained, state))
    model = eqx.combine(trained, fixed)
    return model, state, loss(model, *(each[held_out] for each in arrays))


def train(
    make: Callable[[jax.Array], Any],
    loss: Callable[..., jax.Array],
    arrays: tuple[np.ndarray, ...],
    how: Training,
    *,
    seed: int,
    rows: np.ndarray | None = None,
    show_progress: bool | None = None,
    what: str = "training",
) -> tuple[Any, float]:
    """A model with the least held-out loss along its training.

    Args:
        make: the untrained model, from a random key.
        loss: the mean loss of a model on rows (a function of the module, so that its compiled form is kept).
        arrays: the data, rows first.
        how: epochs, batches and rates.
        seed: the seed.
        rows: the rows to learn from; None for all. Leaving some out this way compiles nothing new.
        show_progress: whether to show a bar; None shows it on a terminal.
        what: the words beside the bar.

    Returns:
        The model, its numbers in 64 bits (trained in 32); the held-out loss.

    Raises:
        TooFewRows: fewer than 20 rows.
        FitError: the loss is not finite.
    """
    n = len(arrays[0])
    if n < 20:
        raise TooFewRows(f"A network needs 20 rows; there are {n}.", "Use Linear with few rows.")
    random = np.random.default_rng([seed, 7])
    order = random.permutation(n if rows is None else rows)
    stop = max(5, int(how.validation * n))
    held_out, rest = order[:stop], order[stop:]
    batch = min(how.batch, len(rest))
    steps = len(rest) // batch
    most = max(steps, (n - stop) // batch)  # batches are padded to those of all rows
    batches = np.zeros((most, batch), int)
    with jax.enable_x64(False):
        data = tuple(jnp.asarray(each, jnp.float32) for each in arrays)
        optimiser = _optimiser(how.weight_decay)
        model = make(seed_key(seed, "network"))
        state = optimiser.init(eqx.filter(model, eqx.is_inexact_array))
        best, least, waited = model, np.inf, 0
        with progress(what, how.epochs, show_progress) as bar:
            for epoch in range(how.epochs):
                batches[:steps] = random.permutation(rest)[: steps * batch].reshape(steps, batch)
                done = (epoch * steps + np.arange(most)) / (steps * how.epochs)
                rates = how.learning_rate * (0.01 + 0.99 * (1 + np.cos(np.pi * np.minimum(done, 1.0))) / 2)
                model, state, loss_now = _epoch(
                    model, state, jnp.asarray(batches), jnp.asarray(rates, jnp.float32), jnp.asarray(steps),
                    data, jnp.asarray(held_out), loss, optimiser,
                )  # fmt: skip
                bar.advance()
                if float(loss_now) < least - 1e-5:
                    best, least, waited = model, float(loss_now), 0
                else:
                    waited += 1
                    if waited >= how.patience:
                        break
        if not np.isfinite(least):
            raise FitError(
                "Training gave no finite likelihood.",
                "Look for extreme values in the node's column, or give a smaller learning rate.",
            )
        wide = jax.tree.map(
            lambda leaf: np.asarray(leaf, np.float64) if eqx.is_inexact_array(leaf) else leaf, best
        )
    return wide, least


def as_arrays(model: Any) -> Any:
    """A trained model with JAX arrays in the precision that now holds."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf, model)
