"""What may be wrong with data before a search starts: named errors, and warnings for the answer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg

from aitia.core import listing
from aitia.discovery._errors import DiscoveryError
from aitia.discovery._observations import Observations

if TYPE_CHECKING:
    from aitia.discovery._algorithm import Algorithm

FEWEST_ROWS = 10
"""With fewer rows nothing can be told from data."""
_EXACT = 1e-10
"""Share of a column's variance left by others below which it counts as their linear function."""
_NEAR = 1e-5
_TIED = 0.2
_TRIES = 20_000


class DeterministicRelation(DiscoveryError):
    """A column is a function of others, so that faithfulness fails and no data can orient it."""

    def __init__(self, name: str, others: Sequence[str]) -> None:
        super().__init__(
            f"{name} is determined by {listing(list(others))}: given these it has nothing left to depend on, which "
            "breaks faithfulness.",
            f"Leave out {name!r} (or one of the others), or allow it (allow_determined=True, --allow-determined) and "
            "search all the same.",
        )
        self.name = name
        self.others = tuple(others)


def check(data: Observations, algorithm: Algorithm, allow_determined: bool = False) -> tuple[str, ...]:
    """Look at data before a search.

    Errors: fewer than ten rows; missing values that the test does not read; a column of categories nearly all
    different; a column that is an exact linear function of others, or a relabelling of another. Warnings: fewer rows
    than columns, near-singular correlations, columns of numbers with many ties, constant columns, a discrete column
    that is a function of one or two others.

    Args:
        data: what was given.
        algorithm: its `test` or `score` says whether missing values can be read.
        allow_determined: only warn of determined columns.

    Returns:
        The warnings, a sentence each.

    Raises:
        DiscoveryError: see above.
        DeterministicRelation: names the column and what determines it.
    """
    if not data.rows:  # names alone, for an oracle
        return ()
    if data.rows < FEWEST_ROWS:
        raise DiscoveryError(
            f"Discovery needs at least {FEWEST_ROWS} rows, but there are {data.rows}.", "Give more rows."
        )
    if not data.is_complete and not _reads_missing(algorithm):
        data.require_complete(f"This search by {algorithm.name}")
    warnings = [*_levels(data)]
    if data.rows <= len(data.names):
        warnings.append(
            f"There are {data.rows:,} rows for {len(data.names):,} columns: every column is a linear function of "
            "enough others, so only tests given few variables mean anything."
        )
    for error in (*_linear(data, warnings), *_copies(data)):
        if not allow_determined:
            raise error
        warnings.append(error.problem)
    warnings.extend(_functions(data))
    warnings.extend(_ties(data))
    return tuple(warnings)


def _reads_missing(algorithm: Algorithm) -> bool:
    if getattr(algorithm, "test", algorithm) is None:  # the test that it takes by default reads what it finds
        return True
    return any(getattr(getattr(algorithm, part, None), "reads_missing", False) for part in ("test", "score"))


def _levels(data: Observations) -> Iterator[str]:
    for name, size in zip(data.names, data.sizes):
        if size > 2 and 2 * size > data.rows:
            raise DiscoveryError(
                f"{name!r} is categorical with {size:,} different values in {data.rows:,} rows, like an identifier.",
                "Leave it out, merge its levels, or set its kind to continuous if it holds numbers.",
            )
        if 5 * size > data.rows:
            yield f"{name} has {size:,} levels in {data.rows:,} rows: fewer than five rows a level tell little."


def _linear(data: Observations, warnings: list[str]) -> list[DeterministicRelation]:
    """The columns that are linear functions of others; what comes near one is added to the warnings."""
    if not data.is_complete:
        return []
    # The codes of three levels and more are no numbers.
    at = [i for i, size in enumerate(data.sizes) if size <= 2]
    if len(at) < 2:
        return []
    spread = np.diag(data.moments.cross)
    constant = [i for i in at if spread[i] <= 0]
    if constant:
        warnings.append(f"{listing([data.names[i] for i in constant])}: constant in these rows.")
        at = [i for i in at if spread[i] > 0]
    correlation = data.correlation[np.ix_(at, at)]
    names = [data.names[i] for i in at]
    if data.rows <= len(data.names):
        # More columns than rows depend on each other without meaning it; a copy is still a copy.
        strong = np.argwhere(np.triu(np.abs(correlation) > 1 - 1e-12, 1))
        return [DeterministicRelation(names[strong[0, 1]], [names[strong[0, 0]]])] if len(strong) else []
    (pivoted_cholesky,) = linalg.get_lapack_funcs(("pstrf",), (correlation,))
    _, order, rank, _ = pivoted_cholesky(correlation, tol=_NEAR, lower=1)
    if rank == len(at):
        return []
    order = order - 1
    kept = order[:rank]
    inside = linalg.cho_factor(correlation[np.ix_(kept, kept)], lower=True)
    exact = []
    for target in sorted(order[rank:].tolist()):
        slopes = linalg.cho_solve(inside, correlation[kept, target])
        left = float(1 - correlation[kept, target] @ slopes)
        # What weighs no more than the noise that is left is no part of the relation.
        weighs = max(1e-4 * np.abs(slopes).max(), 3 * math.sqrt(max(left, 0.0)))
        # Which of them counts as determined is a matter of taste: the last one in the columns' order.
        *others, last = (names[i] for i in sorted([*kept[np.abs(slopes) > weighs].tolist(), target]))
        if left <= _EXACT:
            exact.append(DeterministicRelation(last, others))
        else:
            warnings.append(
                f"{last} is nearly a linear function of {listing(others)} ({left:.1g} of the variance is left): tests "
                "given these are unstable."
            )
    return exact


def _copies(data: Observations) -> list[DeterministicRelation]:
    """The first discrete column of several levels that another one is a relabelling of."""
    for a, b in combinations([i for i, size in enumerate(data.sizes) if size], 2):
        if data.sizes[a] == data.sizes[b] > 2 and _determines(data, [a], b) and _determines(data, [b], a):
            return [DeterministicRelation(data.names[b], [data.names[a]])]
    return []


def _functions(data: Observations) -> Iterator[str]:
    """Discrete columns that are a function of one or two others in rows enough to mean it.

    A warning, not an error: tests and scores of counts stay defined, and logical relations between categories are
    common. But an edge to the determined column may be lost.
    """
    discrete = [i for i, size in enumerate(data.sizes) if size]
    if len(discrete) < 2 or not data.has_rows:
        return
    tries = 0
    for target in discrete:
        others = [i for i in discrete if i != target]
        if not _determines(data, others, target, support=0.0):
            continue  # two rows differ in it alone: nothing here determines it
        for given in (*((i,) for i in others), *combinations(others, 2)):
            tries += 1
            if tries > _TRIES:
                return
            if _determines(data, given, target):
                yield (
                    f"{data.names[target]} is determined by {listing([data.names[i] for i in given])}: given these it "
                    "has nothing left to depend on, so some of its edges may be missing."
                )
                break


def _determines(data: Observations, given: Sequence[int], target: int, support: float = 5.0) -> bool:
    """Whether the target has one value within each combination of the others, with `support` rows a combination."""
    from aitia.discovery._contingency import determines

    rows = data.distinct
    return bool(
        determines(rows.codes, rows.weights, rows.sizes, target, np.array(given, np.int64), float(support))
    )


def _ties(data: Observations) -> Iterator[str]:
    if not data.has_rows:
        return
    first = next(iter(data._stream()))
    block = first[:: max(len(first) // 2000, 1)]
    if len(block) < 50:
        return
    for i, name in enumerate(data.names):
        if data.sizes[i]:
            continue
        values, counts = np.unique(block[:, i][~np.isnan(block[:, i])], return_counts=True)
        if len(counts) and len(values) > 2 and counts.max() > _TIED * len(block):
            yield (
                f"{name} holds the value {values[counts.argmax()]:g} in {counts.max() / len(block):.0%} of the rows "
                "looked at: tests and scores for numbers take it as continuous."
            )
