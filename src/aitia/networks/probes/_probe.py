"""Probes of layers for properties of their inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from aitia.core import Decision, listing, progress
from aitia.networks._activations import Activations
from aitia.networks._errors import ProbeError
from aitia.networks.probes._control import Control
from aitia.networks.probes._folds import targets_and_folds
from aitia.networks.probes._least_squares import LeastSquaresProbe
from aitia.networks.probes._method import Fit, Folds, Method
from aitia.networks.probes._probes import Probe, Probes
from aitia.networks.probes._quality import Quality
from aitia.networks.probes._rows import LayerRows, layers_of, rows_of
from aitia.networks.probes._target import Target, targets_of


def probe(
    activations: Activations | np.ndarray | Mapping[str, Activations | np.ndarray],
    targets: Any,
    *,
    method: Method | None = None,
    penalty: float | Sequence[float] | None = None,
    folds: int | np.ndarray = 5,
    control: Control | None = None,
    untrained: Activations | np.ndarray | Mapping[str, Activations | np.ndarray] | None = None,
    accuracy: bool = True,
    predictions: bool = False,
    seed: int = 0,
    show_progress: bool | None = None,
) -> Probes:
    """How well properties of the inputs can be predicted from each layer, on held-out rows.

    By default linear probes by least squares (`LeastSquaresProbe`): one pass over a layer's rows for all targets, all
    folds, all penalties and all control tasks; a second one for accuracies.

    Args:
        activations: a layer's `Activations` (or numbers of shape (inputs, units)), or layers by name, as `record` gives
            them.
        targets: an `Inventory` (each concept two classes); a data frame or a mapping from names to columns; or an array
            of shape (inputs,) or (inputs, targets). Floats are numbers; booleans, integers and text are classes. Values
            of shape (inputs, *positions) make each position a row; else rows are inputs, and units with positions are
            averaged over them.
        method: `LeastSquaresProbe()`, `Logistic()` or `Perceptron()`.
        penalty: on squared coefficients of units of variance 1, for a mean loss (see the method); of several,
            `LeastSquaresProbe` chooses by cross-validation within the folds. None for the method's own.
        folds: how many folds, drawn at random so that each has its share of every class of all targets; or the fold of
            each input.
        control: control tasks of each target, for the selectivity.
        untrained: activations of the same layers at the same inputs with weights that were not trained (`untrained`
            makes such a model); probed in the same folds.
        accuracy: whether measures of classes that need the predictions are wanted; without, only R^2 from moments.
        predictions: whether the held-out predictions are kept.
        seed: of folds, control tasks and perceptrons.
        show_progress: whether to show progress; None for where output is a terminal.

    Returns:
        A `Probe` for each layer and target.

    Raises:
        ActivationError: activations that are not finite numbers, or layers of different inputs.
        ProbeError: targets of other inputs, that do not vary, miss values, or have a class at fewer inputs than folds
            (of an inventory, those are set aside and named in `decisions`); folds or penalties that make no sense.

    Assumes:
        Inputs are exchangeable: none is a near copy of another (frames of a film), or such share a fold.

    Source:
        Alain and Bengio 2017; Hewitt and Liang 2019 (control tasks); Zhang and Bowman 2018 (untrained weights).

    Example:
        >>> import numpy as np
        >>> from aitia.networks import probe
        >>> draws = np.random.default_rng(0)
        >>> layer = draws.normal(size=(500, 8))
        >>> numbers = layer[:, 0] - layer[:, 1] + draws.normal(size=500)
        >>> found = probe(layer, {"size": numbers, "positive": numbers > 0})
        >>> print(found)  # doctest: +ELLIPSIS
        2 targets probed in 1 layer by a linear probe by least squares, 5-fold cross-validation over 500 rows...
          layer  target    measure   quality  chance
          layer  size      R²          0.631   0.000
          layer  positive  accuracy    0.790   0.510
        >>> found["layer", "size"].coefficients.shape
        (8, 1)
    """
    method = method or LeastSquaresProbe()
    penalties = checked_penalties(penalty, method)
    layers = layers_of(activations)
    arrays, decisions, lenient = targets_of(targets, next(iter(layers.values())).inputs)
    rows, averaged = rows_of(layers, arrays)
    flat = {name: rows.flat(values, f"The target {name!r}") for name, values in arrays.items()}
    least = 3 if len(penalties) > 1 else 2
    read, codes, count, aside = targets_and_folds(flat, folds, rows, least, seed, lenient)
    base = layers_of(untrained) if untrained is not None else {}
    _check_untrained(base, layers)
    controls = [control.tasks(each, rows, seed) if control else [] for each in read]
    held = Folds(codes, count, seed)
    found: list[Probe] = []
    warnings: list[str] = []
    made = (
        [Decision(f"chose among {len(penalties)} penalties by cross-validation", "of nested folds")]
        if len(penalties) > 1
        else []
    )
    with progress("probing", len(layers) + len(base), show_progress) as bar:
        for place, (name, given) in enumerate(layers.items()):
            layer = LayerRows(name, given, rows)
            made += _about(layer, held)
            everything = [*read, *(task for tasks in controls for task in tasks)]
            fits = method.fit(layer, everything, held, penalties, accuracy=accuracy, keep=predictions)
            bar.advance()
            fresh: list[Fit] = []
            if base:
                other = list(base.values())[place]
                fresh = method.fit(LayerRows(name, other, rows), read, held, penalties, accuracy=accuracy)
                bar.advance()
            beyond = iter(fits[len(read) :])
            for at, (target, tasks) in enumerate(zip(read, controls, strict=True)):
                of_tasks = [next(beyond).quality for _ in tasks]
                one = _found(name, target, fits[at], accuracy)
                found.append(
                    replace(
                        one,
                        control=Quality.mean(of_tasks) if of_tasks else None,
                        untrained=fresh[at].quality if fresh else None,
                    )
                )
            warnings += _notes(name, everything, fits)
    return Probes(
        tuple(found),
        tuple(layers),
        tuple(each.name for each in read),
        method.name,
        len(rows),
        count,
        (
            *(each for given in layers.values() for each in given.decisions),
            *decisions,
            *averaged,
            *aside,
            *made,
        ),
        tuple(warnings),
        seed,
    )


def checked_penalties(penalty: float | Sequence[float] | None, method: Method) -> tuple[float, ...]:
    """The penalties, or the method's own.

    Raises:
        ProbeError: there is none, or one that is negative or not finite.
    """
    if penalty is None:
        return method.penalties
    given = tuple(float(each) for each in np.atleast_1d(np.asarray(penalty, dtype=float)))
    if not given or not all(np.isfinite(each) and each >= 0 for each in given):
        raise ProbeError(
            f"Penalties must be finite and not negative; came {penalty}.", "Give one as 1e-3, or several."
        )
    return given


def _found(layer: str, target: Target, fit: Fit, accuracy: bool) -> Probe:
    # Where accuracies were not asked for, the quality is the R^2, and nothing is reached without the layer.
    chance = target.chance if accuracy else 0.0
    return Probe(
        layer,
        target.name,
        target.classes,
        chance,
        fit.quality,
        None,
        None,
        fit.penalty,
        fit.coefficients,
        fit.intercepts,
        fit.predictions,
    )


def _check_untrained(base: dict[str, Activations], layers: dict[str, Activations]) -> None:
    if not base:
        return
    if len(layers) == 1 and len(base) == 1:
        pairs = [(next(iter(base.values())), next(iter(layers.items())))]
    elif set(base) != set(layers):
        raise ProbeError(
            f"The untrained weights have layers {listing(list(base))}, the trained ones {listing(list(layers))}.",
            "Record the same layers of both.",
        )
    else:
        pairs = [(base[name], (name, layers[name])) for name in layers]
        for name in layers:
            base[name] = base.pop(name)  # in the order of the layers
    for other, (name, given) in pairs:
        if other.inputs != given.inputs or other.positions != given.positions:
            raise ProbeError(
                f"{name} with untrained weights has {other.inputs:,} inputs of positions {other.positions}, with "
                f"trained ones {given.inputs:,} of {given.positions}.",
                "Record both at the same inputs.",
            )


def _about(layer: LayerRows, held: Folds) -> list[Decision]:
    fewest = len(held.codes) - int(np.bincount(held.codes).max())
    if layer.units < fewest:
        return []
    what = f"fitted {layer.units:,} units of {layer.name} to {fewest:,} rows by their penalty alone"
    return [Decision(what, "there are at least as many units as rows of a fit")]


def _notes(layer: str, targets: list[Target], fits: list[Fit]) -> list[str]:
    said: dict[str, list[str]] = {}
    for target, fit in zip(targets, fits, strict=True):
        for note in fit.notes:
            said.setdefault(note, []).append(target.name)
    return [f"In {layer} the probe of {listing(names)} {note}." for note, names in said.items()]
