"""Training a network by stochastic gradients, with early stopping on held-out images."""

from __future__ import annotations

import functools
import time
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

Loss = Callable[[Any, jax.Array, jax.Array, jax.Array], jax.Array]
"""loss(network, key, image, context): the bound on -log p(image | parents) of one image, in nats."""

_AVERAGING = 0.99
"""Weights are averaged over steps with this decay (Polyak averaging); it is the average that is kept."""

_CHECKS = 4
"""Draws of the noise for the held-out loss of every epoch; the same in every epoch."""


@dataclass(frozen=True)
class Training:
    """How a network is trained: AdamW (Loshchilov and Hutter 2019), a cosine schedule, early stopping.

    Args:
        epochs: passes over the training images, at most.
        batch: images in a step.
        learning_rate: the largest step size; it rises over the first twentieth of the steps, then falls as a cosine.
        weight_decay: how fast weights shrink, per unit of step size.
        held_out: the share of images that are kept apart to tell when to stop.
        patience: epochs without a better held-out loss after which training stops.
    """

    epochs: int = 200
    batch: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    held_out: float = 0.1
    patience: int = 30

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1 or self.patience < 1:
            raise FitError(
                f"Training needs at least one epoch, one image in a batch and a patience of one; came {self}.",
                "Give whole numbers above zero.",
            )
        if not 0 < self.held_out < 1:
            raise FitError(
                f"The share of images held out is {self.held_out:g}.", "Give a share between 0 and 1."
            )


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """What a training did.

    Args:
        losses: the loss on the training images by epoch, in nats per image.
        held_out_losses: the loss of the averaged weights on the held-out images by epoch, in nats per image.
        best_epoch: the epoch whose weights were kept, from 0.
        n_training: images trained on.
        n_held_out: images held out.
        pixels: values in an image.
        seconds: wall-clock seconds: ``{"compile": ..., "run": ...}``.
    """

    losses: np.ndarray
    held_out_losses: np.ndarray
    best_epoch: int
    n_training: int
    n_held_out: int
    pixels: int
    seconds: dict[str, float]

    @property
    def held_out_nats(self) -> float:
        """The bound on -log p of a held-out image, in nats, the mean over images."""
        return float(self.held_out_losses[self.best_epoch])

    @property
    def held_out_bits_per_pixel(self) -> float:
        """`held_out_nats` in bits for each pixel."""
        return self.held_out_nats / (self.pixels * np.log(2))

    @property
    def sentence(self) -> str:
        """What the training did, in words."""
        seconds = sum(self.seconds.values())
        return (
            f"Trained on {self.n_training:,} images for {len(self.losses)} epochs ({seconds:.0f} s); the weights of "
            f"epoch {self.best_epoch + 1} did best on {self.n_held_out:,} held-out images: "
            f"{self.held_out_nats:.1f} nats per image ({self.held_out_bits_per_pixel:.3f} bits per pixel)."
        )

    def __repr__(self) -> str:
        return f"TrainingRecord({self.sentence!r})"


def split(n: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on and rows to hold out."""
    order = np.random.default_rng([seed, n]).permutation(n)
    kept = min(max(1, round(share * n)), n - 1)
    return np.sort(order[kept:]), np.sort(order[:kept])


def train(
    network: Any,
    loss: Loss,
    images: np.ndarray,
    contexts: np.ndarray,
    rows: tuple[np.ndarray, np.ndarray],
    training: Training,
    *,
    seed: int,
    show_progress: bool | None = None,
) -> tuple[Any, TrainingRecord]:
    """The network with the weights that do best on the held-out images.

    Args:
        network: an Equinox module; its floating-point arrays are trained.
        loss: the loss of one image; a function of a module, so that another training does not compile it again.
        images: shape (rows, ...), 32 bits.
        contexts: what the network knows of each image's parents, shape (rows, features), 32 bits.
        rows: the rows trained on and the rows held out.
        training: how.
        seed: the seed.
        show_progress: whether to show a bar; None shows it on a terminal.

    Raises:
        FitError: the loss is not a number.
    """
    learn, check = (tuple(jnp.asarray(each[at], jnp.float32) for each in (images, contexts)) for at in rows)
    batch = min(training.batch, len(rows[0]))
    steps = len(rows[0]) // batch
    optimiser = _optimiser(training, steps)
    state = optimiser.init(eqx.filter(network, eqx.is_inexact_array))
    key, checks = jax.random.split(seed_key(seed, "training"))
    average, best = network, network
    losses, held_out, clock = [], [], []
    with progress("training", training.epochs, show_progress) as bar:
        for epoch in range(training.epochs):
            begin = time.perf_counter()
            network, average, state, value, checked = _epoch(
                network,
                average,
                state,
                jax.random.fold_in(key, epoch),
                checks,
                learn,
                check,
                loss,
                optimiser,
                batch,
            )
            losses.append(float(value))
            held_out.append(float(checked))
            clock.append(time.perf_counter() - begin)
            bar.advance()
            if not np.isfinite(losses[-1]) or not np.isfinite(held_out[-1]):
                raise FitError(
                    f"The training diverged in epoch {epoch + 1}: the loss is {losses[-1]}.",
                    f"Train with a smaller step: Training(learning_rate={training.learning_rate / 4:.2g}).",
                )
            if held_out[-1] <= min(held_out):
                best = average
            elif epoch - int(np.argmin(held_out)) >= training.patience:
                break
    ordinary = float(np.median(clock[1:])) if len(clock) > 1 else 0.0
    compiling = max(clock[0] - ordinary, 0.0) if len(clock) > 1 else 0.0
    return best, TrainingRecord(
        np.array(losses),
        np.array(held_out),
        int(np.argmin(held_out)),
        len(rows[0]),
        len(rows[1]),
        int(np.prod(images.shape[1:])),
        {"compile": compiling, "run": sum(clock) - compiling},
    )


@functools.cache
def _optimiser(training: Training, steps: int) -> optax.GradientTransformation:
    total = training.epochs * steps
    warm = max(1, total // 20)
    schedule = optax.warmup_cosine_decay_schedule(
        0.0, training.learning_rate, warm, max(total, warm + 1), training.learning_rate / 50
    )
    return optax.chain(
        optax.clip_by_global_norm(10.0), optax.adamw(schedule, weight_decay=training.weight_decay)
    )


@eqx.filter_jit
def _epoch(network, average, state, key, checks, learn, check, loss, optimiser, batch):
    """One pass over the training images, and the averaged weights' loss on the held-out ones."""
    steps = len(learn[0]) // batch
    order_key, noise_key = jax.random.split(key)
    order = jax.random.permutation(order_key, len(learn[0]))[: steps * batch].reshape(steps, batch)
    weights, fixed = eqx.partition(network, eqx.is_inexact_array)
    averaged, _ = eqx.partition(average, eqx.is_inexact_array)

    def mean_loss(weights, key, images, contexts):
        keys = jax.random.split(key, len(images))
        losses = jax.vmap(loss, in_axes=(None, 0, 0, 0))(eqx.combine(weights, fixed), keys, images, contexts)
        return losses.mean()

    def step(carry, at):
        weights, averaged, state, key = carry
        key, own = jax.random.split(key)
        value, slope = jax.value_and_grad(mean_loss)(weights, own, learn[0][at], learn[1][at])
        change, state = optimiser.update(slope, state, weights)
        weights = optax.apply_updates(weights, change)
        averaged = optax.incremental_update(weights, averaged, 1 - _AVERAGING)
        return (weights, averaged, state, key), value

    (weights, averaged, state, _), values = jax.lax.scan(step, (weights, averaged, state, noise_key), order)
    checked = jax.lax.map(lambda own: mean_loss(averaged, own, *check), jax.random.split(checks, _CHECKS))
    return (
        eqx.combine(weights, fixed),
        eqx.combine(averaged, fixed),
        state,
        values.mean(),
        checked.mean(),
    )
