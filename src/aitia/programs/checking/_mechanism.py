"""All checks of one mechanism by itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from aitia.core import Status, stream
from aitia.programs._mechanism import Mechanism
from aitia.programs._precision import double
from aitia.programs.checking._calibration import calibration, calibration_finding
from aitia.programs.checking._check import Check, Finding
from aitia.programs.checking._held_out import held_out, split
from aitia.programs.checking._piece import piece_of
from aitia.programs.checking._predictive import posterior_predictive, prior_predictive
from aitia.programs.inference._fit import fit

if TYPE_CHECKING:
    from aitia.programs.inference import Engine

REPLICATES = 100
"""Data sets simulated for calibration, unless told otherwise."""

CALIBRATION_ROWS = 50
"""Rows of each of them, at most: calibration is about the engine, and few rows are harder for it than many."""


@double
def check(
    mechanism: Mechanism,
    parents: Mapping[str, Any] | None = None,
    observed: Any = None,
    *,
    rows: int | None = None,
    groups: Mapping[str, Any] | None = None,
    node: str = "",
    engine: Engine | None = None,
    replicates: int = REPLICATES,
    ordered: bool = False,
    alpha: float = 0.01,
    seed: int = 0,
    show_progress: bool | None = None,
) -> Check:
    """Checks a mechanism by itself, since the likelihood of a program is a product over its mechanisms.

    Without observed values: the prior predictive check and simulation-based calibration. With them also a fit of the
    mechanism alone, the posterior predictive check, and calibration on rows held out. The tests have level
    `alpha` each.

    Args:
        mechanism: the mechanism.
        parents: values of its parents, arrays of n rows by name (levels as positions).
        observed: values of its own node, shape (n, ...).
        rows: n, where there are no parents and no observed values; 100 unless told.
        groups: the group of each row, by the group's name, where parameters vary by group.
        node: what to call the node; the function's name unless told.
        engine: the engine that fits and is calibrated; None takes NUTS.
        replicates: data sets simulated for calibration; 0 leaves it out.
        ordered: whether the rows have an order (time, place), so that neighbours are compared.
        alpha: the level of each check.
        seed: the seed.
        show_progress: whether to show bars; None shows them on a terminal.

    Returns:
        A `Check`: findings with verdicts in words, and a figure.

    Raises:
        ProgramError: parents, groups or values are missing, unknown or of different lengths.
        FitError: the mechanism cannot be fitted to these values.

    Example:
        >>> import numpyro.distributions as dist
        >>> from aitia.programs import FunctionMechanism
        >>> def wage(school):
        ...     return dist.Normal(0.1 * school, 1)
        >>> FunctionMechanism(wage).check(parents={"school": [9, 12, 16]}).verdict.value
        'survived'
    """
    started = time.perf_counter()
    named = getattr(mechanism, "name", "")
    called = node or (named if named and named != "<lambda>" else "value")
    piece, values = piece_of(mechanism, parents, observed, rows, groups, called, ordered)
    findings: list[Finding] = [prior_predictive(piece, values, alpha, seed)]
    fitted = None
    if values is not None:
        learns = bool(mechanism.parameters)
        fitting, held = split(piece, seed) if learns else (np.arange(0), _all_rows(piece.n, ordered, seed))
        half = None
        if learns:
            fitted = fit(piece.program, piece.data(values), engine, seed=seed, show_progress=show_progress)
            findings.append(_fit_finding(fitted, called))
            part = piece.rows(fitting)
            half = fit(
                part.program, part.data(values[fitting]), engine, seed=seed, show_progress=show_progress
            )
            # The fit may have learned outside of the engine; the piece is then what it became.
        own = {} if fitted is None else fitted.parameters.get(called, {})
        findings.append(posterior_predictive(piece, values, own, alpha, seed))
        findings.append(held_out(piece, values, half, held, alpha, seed))
    if mechanism.parameters and replicates:
        small = piece.rows(np.sort(stream(seed, "calibration").permutation(piece.n)[:CALIBRATION_ROWS]))
        small = piece if mechanism_has_groups(mechanism) else small
        found = calibration(small, engine, replicates=replicates, seed=seed, show_progress=show_progress)
        findings.append(calibration_finding(found, called, alpha))
    return Check(f"The mechanism of {called}", tuple(findings), fitted, alpha, time.perf_counter() - started)


def mechanism_has_groups(mechanism: Mechanism) -> bool:
    """Whether a parameter varies by group (all groups must then keep rows)."""
    return any(each.per for each in mechanism.parameters.values())


def _all_rows(n: int, ordered: bool, seed: int) -> np.ndarray:
    order = np.arange(n) if ordered else stream(seed, "held out").permutation(n)
    return order[:1_000]


def _fit_finding(fitted, node: str) -> Finding:
    bad = [each for each in fitted.diagnostics if not each.good]
    if bad:
        return Finding("fit", Status.INCONCLUSIVE, " ".join(each.sentence for each in bad), None, node)
    means = {
        name: np.asarray(each).reshape(len(each), -1)[:, 0]
        for name, each in fitted.parameters.get(node, {}).items()
    }
    told = ", ".join(f"{name} {each.mean():.3g} ± {each.std():.2g}" for name, each in [*means.items()][:6])
    return Finding("fit", Status.SURVIVED, f"Fitted by itself ({fitted.engine}): {told}.", None, node)
