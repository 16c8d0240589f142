"""Predictive checks of every node of a fitted program at once."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from aitia.core import Status
from aitia.programs._fitted import Fitted
from aitia.programs._precision import double
from aitia.programs.checking._check import Check, Finding
from aitia.programs.checking._piece import Piece
from aitia.programs.checking._predictive import posterior_predictive
from aitia.programs.composition._input import Input
from aitia.programs.inference._encode import encode

MOST_ROWS = 2_000
"""Rows looked at, evenly spread over the data."""


@double
def check_program(
    fitted: Fitted, data: Any, *, ordered: bool = False, alpha: float = 0.01, seed: int = 0
) -> Check:
    """Predictive checks of every node of a program, each given its parents as the data have them.

    The likelihood is a product over nodes, so that a piece that does not fit is found where it stands. The checks
    are conservative where the data are those of the fit; on new data they have their level.

    Args:
        fitted: the program and draws of its parameters.
        data: a table with the program's nodes.
        ordered: whether the rows have an order, so that neighbours are compared.
        alpha: the level of each node's check.
        seed: the seed.

    Returns:
        A `Check` with one finding a node; nodes without data, or with parents without data, are told as
        inconclusive.

    Raises:
        FitError: the data do not fit the program.
    """
    started = time.perf_counter()
    program = fitted.program
    encoded = encode(program, data)
    kept = np.unique(np.linspace(0, encoded.n_rows - 1, min(MOST_ROWS, encoded.n_rows)).astype(int))
    missing = getattr(encoded, "missing", {})
    for node in missing:
        kept = kept[~np.asarray(missing[node])[kept]]
    findings = []
    for node in program.order:
        mechanism = program.mechanisms[node]
        if isinstance(mechanism, Input):
            continue
        unseen = [name for name in (node, *mechanism.parents) if name not in encoded.values]
        if unseen:
            sentence = f"There are no data on {unseen[0]}, so nothing to compare with."
            findings.append(Finding("posterior predictive", Status.INCONCLUSIVE, sentence, None, node))
            continue
        at, levels = {}, {}
        for each in mechanism.parameters.values():
            if each.per is not None:
                known = fitted.group_levels.get(each.per, encoded.group_levels[each.per])
                place = {name: k for k, name in enumerate(known)}
                names = encoded.group_levels[each.per]
                at[each.per] = np.asarray([place.get(names[k], 0) for k in encoded.group_of_row[each.per]])[
                    kept
                ]
                levels[each.per] = tuple(known)
        parents = {name: np.asarray(encoded.values[name])[kept] for name in mechanism.parents}
        whole = program.facts[node].discrete
        values = np.asarray(encoded.values[node])[kept]
        values = values.astype(int) if whole else values
        piece = Piece(mechanism, node, parents, len(kept), at, levels, ordered)
        findings.append(posterior_predictive(piece, values, fitted.parameters.get(node, {}), alpha, seed))
    return Check("The program, node by node", tuple(findings), fitted, alpha, time.perf_counter() - started)
