"""Predictive checks of every node of a fitted program at once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aitia.core import Status
from aitia.programs._fitted import Fitted
from aitia.programs._precision import double
from aitia.programs.checking._check import Check, Finding
from aitia.programs.checking._piece import Piece
from aitia.programs.checking._predictive import posterior_predictive
from aitia.programs.composition._input import Input
from aitia.programs.inference._encode import Encoded, MissingCells, encode

MOST_ROWS = 1_000
"""Rows looked at of each node, at most, evenly spread over the data."""


@double
def check_program(
    fitted: Fitted, data: Any, *, ordered: bool = False, alpha: float = 0.01, seed: int = 0
) -> Check:
    """Predictive checks of every node of a program, each given its parents as the data have them.

    The likelihood is a product over nodes, so that a piece that does not fit is found where it stands. The checks
    are conservative where the data are those of the fit; on new data they have their level.

    Args:
        fitted: the program and draws of its parameters.
        data: a table with the program's nodes. Of more than `MOST_ROWS` rows, so many are looked at; the notes say so.
        ordered: whether the rows have an order, so that neighbours are compared.
        alpha: the level of each node's check.
        seed: the seed.

    Returns:
        A `Check` with one finding a node; nodes without data, or with parents without data, are told as
        inconclusive. A node with one value for all units of a group is looked at once for each group.

    Raises:
        FitError: the data do not fit the program.
    """
    started = time.perf_counter()
    program = fitted.program
    table, names = _read(data)
    encoded = encode(
        program,
        table,
        latent=[node for node in program.nodes if node not in names],
        missing=MissingCells.LATENT,
    )
    findings: list[Finding] = []
    notes: dict[str, None] = {}
    for node in program.order:
        mechanism = program.mechanisms[node]
        if isinstance(mechanism, Input):
            continue
        unseen = [name for name in (node, *mechanism.parents) if name not in encoded.values]
        if unseen:
            findings.append(_unsure(node, f"There are no data on {unseen[0]}, so nothing to compare with."))
            continue
        groups = {each.per for each in mechanism.parameters.values() if each.per is not None}
        rows = _rows(fitted, encoded, node, groups, notes)
        if not len(rows):
            findings.append(_unsure(node, "No row has a value of it and of all that it reads."))
            continue
        piece = Piece(
            mechanism,
            node,
            {name: np.asarray(encoded.values[name])[rows] for name in mechanism.parents},
            len(rows),
            {name: _places(fitted, encoded, name)[rows] for name in groups},
            {name: tuple(_known(fitted, encoded, name)) for name in groups},
            ordered,
        )
        values = np.asarray(encoded.values[node])[rows]
        values = values.astype(int) if program.facts[node].discrete else values
        findings.append(posterior_predictive(piece, values, fitted.parameters.get(node, {}), alpha, seed))
    return Check(
        "The program, node by node",
        tuple(findings),
        fitted,
        alpha,
        time.perf_counter() - started,
        tuple(notes),
    )


def _read(data: Any) -> tuple[Any, set[str]]:
    """The data, opened once, and the names of their columns."""
    if isinstance(data, Mapping):
        return data, set(data)
    from aitia.data import read

    table = read(data)
    return table, set(table.names)


def _rows(
    fitted: Fitted, encoded: Encoded, node: str, groups: set[str], notes: dict[str, None]
) -> np.ndarray:
    """The rows that a node is looked at on; what is left out joins the notes."""
    mechanism = fitted.program.mechanisms[node]
    once = encoded.rows_of(node)
    rows = np.arange(encoded.n_rows) if once is None else np.asarray(once)
    whole = len(rows)
    for name in (node, *mechanism.parents):
        if name in encoded.missing:
            rows = rows[~np.asarray(encoded.missing[name])[rows]]
    if len(rows) < whole:
        notes[f"{node}: {whole - len(rows):,} of {whole:,} rows have a missing value and are left out."] = (
            None
        )
    for name in sorted(groups):
        at = _places(fitted, encoded, name)[rows]
        if (at < 0).any():
            notes[
                f"{node}: {int((at < 0).sum()):,} rows are of a {name} that the fit has not seen; left out."
            ] = None
            rows = rows[at >= 0]
    if len(rows) > MOST_ROWS:
        notes[f"{node}: {MOST_ROWS:,} of {len(rows):,} rows are looked at, evenly spread."] = None
        rows = rows[np.linspace(0, len(rows) - 1, MOST_ROWS).astype(int)]
    return rows


def _known(fitted: Fitted, encoded: Encoded, group: str) -> Sequence[Any]:
    """The names of a group's values, in the order of the parameters."""
    return fitted.group_levels.get(group, encoded.group_levels[group])


def _places(fitted: Fitted, encoded: Encoded, group: str) -> np.ndarray:
    """The number of each row's group among those of the fit; -1 where the fit has not seen it."""
    place = {name: k for k, name in enumerate(_known(fitted, encoded, group))}
    return np.asarray([place.get(name, -1) for name in encoded.group_levels[group]])[
        encoded.group_of_row[group]
    ]


def _unsure(node: str, sentence: str) -> Finding:
    return Finding("posterior predictive", Status.INCONCLUSIVE, sentence, None, node)
