"""Checks of mechanisms as one line of a test: each raises an AssertionError that says what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aitia.core import Status
from aitia.programs._mechanism import Mechanism
from aitia.programs._precision import double
from aitia.programs.checking import Check, Finding, check
from aitia.programs.checking._calibration import calibration, calibration_finding
from aitia.programs.checking._piece import piece_of
from aitia.programs.composition._valid import as_mechanism

if TYPE_CHECKING:
    from aitia.programs.inference import Engine


def assert_mechanism(
    mechanism: Mechanism | Callable[..., Any],
    parents: Mapping[str, Any] | None = None,
    observed: Any = None,
    *,
    strict: bool = False,
    replicates: int = 0,
    **options: Any,
) -> Check:
    """Asserts that no check of a mechanism is broken.

    Args:
        mechanism: a mechanism, or a function.
        parents: values of its parents, arrays by name.
        observed: values of its own node.
        strict: whether a check that cannot tell fails too.
        replicates: data sets simulated to calibrate the engine; `assert_calibrated` does that alone.
        options: further arguments of `aitia.programs.checking.check`.

    Returns:
        The check, to look at.

    Raises:
        AssertionError: a check is broken; the message has a sentence for each.

    Example:
        >>> import numpyro.distributions as dist
        >>> check = assert_mechanism(lambda age: dist.Normal(age, 1), parents={"age": [20, 30, 40]})
    """
    found = check(as_mechanism("value", mechanism), parents, observed, replicates=replicates, **options)
    _assert(found.findings, strict)
    return found


@double
def assert_calibrated(
    mechanism: Mechanism | Callable[..., Any],
    parents: Mapping[str, Any] | None = None,
    *,
    rows: int | None = None,
    groups: Mapping[str, Any] | None = None,
    engine: Engine | None = None,
    replicates: int = 100,
    together: bool = True,
    alpha: float = 0.01,
    seed: int = 0,
) -> Finding:
    """Asserts that an engine finds the parameters that made the data (simulation-based calibration).

    Args:
        mechanism: a mechanism, or a function, with parameters.
        parents: values of its parents, arrays by name.
        rows: the number of rows where there are no parents.
        groups: the group of each row, by the group's name, where parameters vary by group.
        engine: the engine; None takes NUTS.
        replicates: data sets simulated.
        together: fit them in one call (see `aitia.programs.checking`); False calls the engine for each.
        alpha: the level: how often a right engine fails over seeds.
        seed: the seed.

    Returns:
        The finding, to look at.

    Raises:
        AssertionError: the ranks are not uniform; the message says how the engine errs, and about what.
    """
    made = as_mechanism("value", mechanism)
    if not made.parameters:
        raise AssertionError("The mechanism has no parameters, so there is nothing to calibrate.")
    node = getattr(made, "name", "") or "value"
    piece, _ = piece_of(made, parents, None, rows, groups, "value" if node == "<lambda>" else node)
    found = calibration(
        piece, engine, replicates=replicates, seed=seed, together=together, show_progress=False
    )
    finding = calibration_finding(found, piece.node, alpha)
    _assert((finding,), False)
    return finding


def _assert(findings: tuple[Finding, ...], strict: bool) -> None:
    refused = (Status.BROKEN, Status.INCONCLUSIVE) if strict else (Status.BROKEN,)
    bad = [each for each in findings if each.verdict in refused]
    if bad:
        raise AssertionError("\n".join(map(repr, bad)))
