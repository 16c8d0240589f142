"""What can go wrong in a mechanism of this library, and the checks of the columns it learns from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aitia.programs._errors import FitError, MechanismError


class NotLearned(MechanismError):
    """A mechanism that learns outside of an engine was run before it saw data."""


class ConstantParent(FitError):
    """A parent has one value in all rows, so that nothing can be learned of what it does."""


class TooFewRows(FitError):
    """There are fewer rows, or fewer distinct values, than a mechanism needs."""


class UnseenLevel(FitError):
    """A categorical value lies outside the levels that a mechanism was given."""


class NotConvertible(FitError):
    """A scikit-learn estimator cannot be evaluated inside a program."""


def not_learned(what: str) -> NotLearned:
    """The error of a mechanism that must see data first."""
    return NotLearned(
        f"The mechanism ({what}) has not seen data, and without them it is not defined.",
        "Fit the program (program.fit(data)), or call mechanism.learned(parents, values, seed=0).",
    )


def column(name: str, values: Any, rows: int | None = None) -> np.ndarray:
    """A column as an array of finite numbers.

    Raises:
        FitError: it is empty, holds text, is of another length than `rows`, or holds what is not finite.
    """
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise FitError(
            f"The column {name!r} holds values that are no numbers.",
            "Give levels as their positions 0, 1, ...; program.fit(data) does so by itself.",
        ) from None
    if array.ndim == 0 or not len(array):
        raise TooFewRows(f"The column {name!r} has no rows.", "Give at least two rows.")
    if rows is not None and len(array) != rows:
        raise FitError(
            f"The column {name!r} has {len(array):,} rows where {rows:,} were expected.",
            "Give columns of one table, of the same length.",
        )
    bad = ~np.isfinite(array.reshape(len(array), -1)).all(axis=1)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise FitError(
            f"The column {name!r} has {int(bad.sum()):,} missing or infinite values; the first is in row {row}.",
            "Leave these rows out or fill them in before.",
        )
    return array


def fingerprint(parents: Mapping[str, np.ndarray], values: np.ndarray) -> str:
    """A name for the data that a mechanism learned from: learning from the same again would change nothing."""
    digest = hashlib.sha256()
    for name in sorted(parents):
        digest.update(f"{name} {parents[name].shape} ".encode())
        digest.update(np.ascontiguousarray(parents[name], float).tobytes())
    digest.update(np.ascontiguousarray(values, float).tobytes())
    return digest.hexdigest()


def columns(
    names: Sequence[str], parents: Mapping[str, Any], values: Any
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The columns of the named parents and of the node itself, checked.

    Raises:
        FitError: a parent's column is missing, or a column is not as `column` wants it.
    """
    if values is None:
        raise FitError(
            "A mechanism that learns outside of an engine was given to a node without data.",
            "Give latent nodes a mechanism with parameters only (Linear, Root).",
        )
    own = column("the node itself", values)
    lacking = [name for name in names if name not in parents]
    if lacking:
        raise FitError(
            f"There are no data on the parent {lacking[0]!r}.",
            "A mechanism that learns outside of an engine needs every parent measured; "
            "use one with parameters only (Linear) under a latent parent.",
        )
    return {name: column(name, parents[name], len(own)) for name in names}, own
