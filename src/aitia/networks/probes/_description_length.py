"""Description length by online coding: how few bits a property takes for someone who sees the layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aitia.core import Decision, listing, nearest, progress
from aitia.networks._activations import Activations
from aitia.networks._errors import ProbeError
from aitia.networks.probes._class_code import class_bits, order_of
from aitia.networks.probes._control import Control
from aitia.networks.probes._gaussian_code import Cells, gaussian_bits
from aitia.networks.probes._least_squares import LeastSquaresProbe
from aitia.networks.probes._lengths import DescriptionLength, DescriptionLengths
from aitia.networks.probes._logistic import Logistic
from aitia.networks.probes._method import Method
from aitia.networks.probes._probe import checked_penalties
from aitia.networks.probes._rows import LayerRows, layers_of, rows_of
from aitia.networks.probes._target import Target, readable, targets_of

# Voita and Titov 2020, section 3.2.
PORTIONS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.0625, 0.125, 0.25, 0.5, 1.0)
_STEP = 0.01  # the precision of numbers, as a share of their standard deviation


def description_length(
    activations: Activations | np.ndarray | Mapping[str, Activations | np.ndarray],
    targets: Any,
    *,
    method: Method | None = None,
    penalty: float | None = None,
    portions: Sequence[float] = PORTIONS,
    precision: float | Mapping[str, float] | None = None,
    orders: int = 1,
    control: Control | None = None,
    seed: int = 0,
    show_progress: bool | None = None,
) -> DescriptionLengths:
    """How many bits it takes to send the values of a target to someone who knows the layer, by online coding.

    Rows come in random order in growing portions t_1 < t_2 < ... < t_S = n. The first portion is sent uniformly; each
    later one by the probabilities of a probe fitted to all rows before it,

        L = t_1 log2 K - sum_s sum_{t_s < i <= t_(s+1)} log2 p_s(y_i | x_i).

    A property that is easy to read from few rows has a short code: quality and the effort of reaching it are one
    number, and a probe cannot hide behind its size.

    **Classes.** K is their number, and q_s the probabilities of a logistic or perceptron probe. So that a class which a
    portion lacks can be sent at all, they are mixed with one uniform row a class: p_s = (t_s q_s + 1) / (t_s + K). (Of
    units that say nothing this is Laplace's rule of succession.)

    **Numbers** have no length in bits until it is said how precisely they are sent. They are rounded to steps of
    `precision`, so that there are K = (highest - lowest) / precision + 1 values, and q_s is the mass of a value's step
    under Student's t that linear regression predicts,

        y | z ~ t_t(mean y + b'(z - mean z), Q/t (1 + 1/t + (z - mean z)'(G + k)^-1 (z - mean z))),
        b = (G + k)^-1 P,   Q = S - P'b + precision^2

    with z the units of variance 1, G and P the centred products of t rows and S the squares of y. This is exact Bayes
    with slopes b ~ N(0, s^2/k) and, as a first guess of s, one row with the error `precision`. k is not chosen: n times
    each of the probe's penalties, and no slopes at all, are mixed by their evidence in the rows before. One uniform row
    is mixed in here too, p_s = (t_s q_s + 1/K) / (t_s + 1). For large n and normal errors of size s

        L = n log2(s sqrt(2 pi e) / precision) + (slopes + 4)/2 log2 n + O(1)

    where a fit is made anew after each row. Halving the precision adds a bit a row to all codes: compare bits `saved`.

    Args:
        activations: a layer, or layers by name.
        targets: classes or numbers, as for `probe`.
        method: `Logistic()` or `Perceptron()` for classes, `LeastSquaresProbe()` for numbers; None for `Logistic()` and
            `LeastSquaresProbe()`.
        penalty: of the probe; None for its own.
        portions: where portions end, as shares of the rows, growing to 1.
        precision: of numbers, one or by the target's name; None for a hundredth of the target's standard deviation.
        orders: over how many random orders lengths are averaged.
        control: control tasks; their compression stands beside.
        seed: of the orders.
        show_progress: whether to show progress.

    Returns:
        A `DescriptionLength` for each layer and target.

    Raises:
        ProbeError: targets that cannot be read, portions that do not grow to 1, a method that does not fit the targets,
            or a precision that is no positive number or tells nothing apart.
        ActivationError: activations that are not finite numbers.

    Assumes:
        For numbers: errors around a linear function that are about normal; with others the code is longer, not wrong.

    Source:
        Voita and Titov 2020, Information-theoretic probing with minimum description length, section 3.2; Blier and
        Ollivier 2018. Numbers: prequential coding (Dawid 1984; Rissanen 1984) with the predictive distribution of
        conjugate linear regression.

    Example:
        >>> import numpy as np
        >>> from aitia.networks import description_length
        >>> draws = np.random.default_rng(0)
        >>> layer = draws.normal(size=(1000, 4))
        >>> found = description_length({"last": layer}, {"positive": layer[:, 0] > 0, "coin": draws.random(1000) < 0.5})
        >>> found[0].compression > 4, 0.9 < found[1].compression < 1
        (True, True)
        >>> size = description_length(layer, layer[:, 0] + draws.normal(size=1000), precision=0.1)[0]
        >>> 400 < size.saved < 500  # about n/2 log2(2)
        True
    """
    shares = np.asarray(portions, dtype=float)
    if (
        shares.ndim != 1
        or not len(shares)
        or shares[-1] != 1
        or shares[0] <= 0
        or (np.diff(shares) <= 0).any()
    ):
        raise ProbeError(
            f"Portions must grow from above 0 to 1; came {tuple(portions)}.", "Use (0.1, 0.2, 0.4, 0.8, 1)."
        )
    if orders < 1:
        raise ProbeError(f"There cannot be {orders} orders of the rows.", "Give orders=1 or more.")
    layers = layers_of(activations)
    arrays, decisions, lenient = targets_of(targets, next(iter(layers.values())).inputs)
    rows, averaged = rows_of(layers, arrays)
    flat = {name: rows.flat(values, f"The target {name!r}") for name, values in arrays.items()}
    read, aside = readable(flat, 1, rows.input_of, lenient)
    _check_method(method, read)
    cells = {each.name: _cells_of(each, precision) for each in read if not each.classes}
    tasks = [control.tasks(each, rows, seed) if control else [] for each in read]
    permutations = [order_of(rows.input_of, rows.inputs, seed, order) for order in range(orders)]
    ends = np.unique(np.maximum(1, np.rint(shares * len(rows)).astype(np.int64)))
    found = []
    with progress("coding", len(layers) * len(read), show_progress) as bar:
        for name, given in layers.items():
            units = LayerRows(name, given, rows).whole()
            numbers = _of_numbers(units, read, tasks, cells, permutations, ends, method, penalty)
            for place, (target, controls) in enumerate(zip(read, tasks, strict=True)):
                if target.classes:
                    probe = method or Logistic()
                    strength = probe.one_penalty(checked_penalties(penalty, probe))
                    by_portion, *others = (
                        class_bits(units, each, permutations, ends, probe, strength, seed)
                        for each in [target, *controls]
                    )
                    plain = class_bits(units, target, permutations, ends, None, 0.0, seed)
                else:
                    by_portion, plain, *others = numbers[place]
                found.append(
                    DescriptionLength(
                        name,
                        target.name,
                        len(rows),
                        len(target.classes) or cells[target.name].count,
                        float(by_portion.sum()),
                        tuple(ends.tolist()),
                        by_portion,
                        float(plain.sum()),
                        float(np.mean([each.sum() for each in others])) if others else None,
                        None if target.classes else cells[target.name].precision,
                    )
                )
                bar.advance()
    of_layers = (each for given in layers.values() for each in given.decisions)
    said = (*of_layers, *decisions, *averaged, *aside, *_said(cells, precision))
    return DescriptionLengths(tuple(found), _method_name(method, read), said)


def _check_method(method: Method | None, targets: Sequence[Target]) -> None:
    """Raises a ProbeError where a method does not fit a target."""
    for each in targets:
        if not each.classes and not isinstance(method, LeastSquaresProbe | None):
            raise ProbeError(
                f"The target {each.name!r} is numbers, for which the {method.name} gives no probabilities.",
                "Use LeastSquaresProbe(), or give integers, booleans or text where it is classes.",
            )
        if each.classes and isinstance(method, LeastSquaresProbe):
            raise ProbeError(
                f"The {method.name} gives no probabilities of classes as those of {each.name!r}.",
                "Use Logistic() or Perceptron(), or give floats where the target is numbers.",
            )


def _method_name(method: Method | None, targets: Sequence[Target]) -> str:
    if method is not None:
        return method.name
    kinds = {Logistic.name if each.classes else LeastSquaresProbe.name for each in targets}
    return " and a ".join(sorted(kinds, reverse=True))


def _cells_of(target: Target, precision: float | Mapping[str, float] | None) -> Cells:
    """What is told apart of a target of numbers."""
    if isinstance(precision, Mapping):
        if target.name not in precision:
            raise ProbeError(
                f"There is no precision for the target {target.name!r}.",
                nearest(target.name, list(precision)),
            )
        precision = precision[target.name]
    step = float(target.values.std()) * _STEP if precision is None else float(precision)
    if not (np.isfinite(step) and step > 0):
        raise ProbeError(
            f"A precision must be above 0; came {precision}.", "Give the step that matters, as 0.1."
        )
    cells = Cells.of(target.values, step)
    if cells.count < 2:
        raise ProbeError(
            f"To a precision of {step:g} all values of {target.name!r} are the same.",
            "Give a smaller precision.",
        )
    return cells


def _said(cells: Mapping[str, Cells], precision: float | Mapping[str, float] | None) -> list[Decision]:
    if precision is not None or not cells:
        return []
    return [
        Decision(
            f"sent {listing([f'{name} to a precision of {each.precision:.3g}' for name, each in cells.items()])}",
            "a hundredth of the standard deviation; bits saved hardly depend on it",
        )
    ]


def _of_numbers(
    units: np.ndarray,
    targets: Sequence[Target],
    tasks: Sequence[Sequence[Target]],
    cells: Mapping[str, Cells],
    orders: list[np.ndarray],
    ends: np.ndarray,
    method: Method | None,
    penalty: float | None,
) -> dict[int, list[np.ndarray]]:
    """The bits by portion of each target of numbers, by its place: given the layer, without it, and of its controls."""
    probe = method if isinstance(method, LeastSquaresProbe) else LeastSquaresProbe()
    places = [place for place, each in enumerate(targets) if not each.classes]
    if not places:
        return {}
    penalties = checked_penalties(penalty, probe)
    if min(penalties) <= 0:
        raise ProbeError("Without a penalty slopes have no prior.", "Give one above 0, as 1e-4, or None.")
    of = [(place, each) for place in places for each in (targets[place], *tasks[place])]
    values, steps = [each.values for _, each in of], [cells[targets[place].name] for place, _ in of]
    bits = gaussian_bits(units, values, steps, orders, ends, penalties, probe.standardise)
    own = [targets[place].values for place in places], [cells[targets[place].name] for place in places]
    plain = gaussian_bits(units[:, :0], *own, orders, ends, ())
    found: dict[int, list[np.ndarray]] = {place: [] for place in places}
    for (place, _), each in zip(of, bits, strict=True):
        found[place].append(each)
    for place, each in zip(places, plain, strict=True):
        found[place].insert(1, each)
    return found
