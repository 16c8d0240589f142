"""Online coding of classes, by the probabilities of a probe."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from aitia.core import stream
from aitia.networks.probes._method import Method
from aitia.networks.probes._target import Target


def order_of(input_of: np.ndarray, inputs: int, seed: int, order: int) -> np.ndarray:
    """Rows in random order, those of an input after each other."""
    place = stream(seed, "order of online coding", order).permutation(inputs)
    return np.argsort(place[input_of], kind="stable")


def class_bits(
    units: np.ndarray,
    target: Target,
    orders: list[np.ndarray],
    ends: np.ndarray,
    method: Method | None,
    penalty: float,
    seed: int,
) -> np.ndarray:
    """The bits of each portion of a target of classes, means over orders.

    Args:
        units: shape (rows, units).
        target: the classes.
        orders: of the rows.
        ends: after how many rows each portion ends.
        method: a probe with probabilities; None for the shares of the classes, which do not look at the units.
        penalty: of the probe.
        seed: of the probe.

    Returns:
        Shape (portions,).
    """
    classes = len(target.classes)
    bits = np.zeros((len(orders), len(ends)))
    for each, order in enumerate(orders):
        values, rows = target.values[order], units[order]
        bits[each, 0] = ends[0] * np.log2(classes)
        for place, (start, end) in enumerate(pairwise(ends.tolist())):
            if method is None:
                share = np.bincount(values[:start], minlength=classes) / start
                chances = np.broadcast_to(share, (end - start, classes))
            else:
                of_fit = int(stream(seed, "online coding", target.name, each, place).integers(2**31))
                chances = method.probabilities(
                    rows[:start], values[:start], classes, rows[start:end], penalty, of_fit
                )
            mixed = (start * chances + 1.0) / (start + classes)
            bits[each, place + 1] = -np.log2(mixed[np.arange(end - start), values[start:end]]).sum()
    return bits.mean(axis=0)
