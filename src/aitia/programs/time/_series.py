"""Series as a dynamics reads them: arrays of shape (units, steps) by node, and where they have gaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aitia.core import Decision, nearest
from aitia.programs._errors import FitError

if TYPE_CHECKING:
    from aitia.programs.time._dynamics import Dynamics


@dataclass(frozen=True, eq=False)
class Series:
    """Observed series.

    Args:
        values: arrays of shape (units, steps) by node of the step, and (units,) by node of the baseline; zero where
            nothing was seen.
        seen: where something was seen, arrays of the same shapes.
        n_units: the number of units.
        steps: the number of steps.
        decisions: what was decided while reading.
    """

    values: Mapping[str, np.ndarray]
    seen: Mapping[str, np.ndarray]
    n_units: int
    steps: int
    decisions: tuple[Decision, ...] = ()


def read_series(dynamics: Dynamics, data: Any, *, complete: bool = False) -> Series:
    """Series by node.

    Args:
        dynamics: the dynamics.
        data: columns by node, each of shape (steps,) for one unit or (units, steps) for many; a baseline column has
            shape () or (units,). NaN stands for what was not seen.
        complete: whether every node must be there, save latent ones.

    Raises:
        FitError: a column is missing, is not of numbers, or has another shape than the others.
    """
    columns = {name: data[name] for name in data}
    known = [*dynamics.nodes, *dynamics.baseline]
    for name in columns:
        if name not in known and not complete:
            raise FitError(f"The dynamics have no node {name!r}.", nearest(name, known))
    values, seen, shape = {}, {}, None
    decisions: list[Decision] = []
    for name in [*dynamics.nodes, *dynamics.baseline]:
        if name not in columns:
            if complete and name not in dynamics.latent:
                raise FitError(
                    f"The data have no column for the node {name!r}.",
                    f"{nearest(name, columns)} If it is never measured, name it in latent.",
                )
            continue
        try:
            array = np.asarray(columns[name], dtype=float)
        except (TypeError, ValueError):
            raise FitError(
                f"The column {name!r} holds something that is not a number.",
                "Give levels as their positions.",
            ) from None
        if name in dynamics.step:
            array = np.atleast_2d(array)
            if array.ndim != 2:
                raise FitError(
                    f"The column {name!r} has {array.ndim} axes; expected (units, steps).",
                    "Give one row for each unit.",
                )
            if shape is None:
                shape = array.shape
            elif array.shape != shape:
                raise FitError(
                    f"The column {name!r} has the shape {array.shape}; the others have {shape}.",
                    "All series are of one length; write NaN where nothing was seen.",
                )
        else:
            array = np.atleast_1d(array)
        if np.isinf(array).any():
            raise FitError(
                f"The column {name!r} holds an infinite value.", "Write NaN where nothing was seen."
            )
        seen[name] = ~np.isnan(array)
        values[name] = np.where(seen[name], array, 0.0)
        missing = int((~seen[name]).sum())
        if missing:
            decisions.append(
                Decision(
                    f"{missing:,} of {array.size:,} values of {name} were not seen and are inferred with the rest.",
                    "a gap in a series is an unknown value of the model",
                )
            )
    if shape is None:
        raise FitError("The data have no series of any node.", f"Available nodes: {', '.join(known)}.")
    for name in dynamics.baseline:
        if name in values and values[name].shape != (shape[0],):
            raise FitError(
                f"The baseline column {name!r} has the shape {values[name].shape}; there are {shape[0]} units.",
                "Give one value for each unit.",
            )
    return Series(values, seen, shape[0], shape[1], tuple(decisions))


def panel(table: Any, unit: str, time: str) -> dict[str, np.ndarray]:
    """A long table, a row for each unit and step, as arrays of shape (units, steps); what is absent is NaN.

    Args:
        table: a mapping of columns, or a data frame.
        unit: the column that says which unit a row belongs to.
        time: the column of the step's number (whole numbers).

    Raises:
        FitError: a column is missing, times are not whole numbers, or a unit has a step twice.

    Example:
        >>> long = {"shop": ["a", "a", "b"], "week": [1, 2, 2], "sold": [3.0, 4.0, 5.0]}
        >>> panel(long, unit="shop", time="week")["sold"]
        array([[ 3.,  4.],
               [nan,  5.]])
    """
    columns = {name: np.asarray(table[name]) for name in table}
    for name in (unit, time):
        if name not in columns:
            raise FitError(f"The table has no column {name!r}.", nearest(name, columns))
    times = np.asarray(columns[time], dtype=float)
    if not np.array_equal(times, np.round(times)):
        raise FitError(f"The column {time!r} holds times that are not whole numbers.", "Number the steps.")
    names, row = np.unique(columns[unit], return_inverse=True)
    at = (times - times.min()).astype(int)
    steps = int(at.max()) + 1
    place = row * steps + at
    order, counts = np.unique(place, return_counts=True)
    if (counts > 1).any():
        twice = int(order[counts > 1][0])
        raise FitError(
            f"The unit {names[twice // steps]!r} has the {time} {int(times.min()) + twice % steps} twice.",
            "Keep one row for each unit and step.",
        )
    made = {}
    for name, column in columns.items():
        if name not in (unit, time):
            wide = np.full(len(names) * steps, np.nan)
            wide[place] = column.astype(float)
            made[name] = wide.reshape(len(names), steps)
    return made
