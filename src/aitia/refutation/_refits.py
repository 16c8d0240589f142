"""Full refits: the general way to replicate an estimate, bounded by time and counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from aitia.core import AitiaError, progress
from aitia.estimation import Estimate, Sample
from aitia.refutation._base import Case


@dataclass(frozen=True, eq=False)
class Refits:
    """What full refits gave.

    Args:
        values: the estimates, shape (R,).
        std_errors: their standard errors, shape (R,).
        covered: whether each interval holds the truth given for it; None where none was given.
        cost: how many there were and what they cost, in words.
    """

    values: np.ndarray
    std_errors: np.ndarray
    covered: np.ndarray | None
    cost: str


def refit(
    case: Case,
    make: Callable[[int], tuple[Sample, float | None]],
    replicates: int,
    *,
    show_progress: bool | None = False,
    what: str = "refits",
) -> Refits:
    """Run the estimator of the case again on other samples.

    Args:
        case: the study; its estimator is run.
        make: gives the sample of a replicate, and the truth that its interval should cover (or None).
        replicates: how many are made.
        show_progress: as `aitia.core.progress` has it.
        what: the words beside the progress bar.

    Raises:
        AitiaError: more than a tenth of the refits failed, with the first failure's problem.
    """
    started = time.perf_counter()
    estimator, estimand, level = case.estimate.estimator.light(), case.estimand, case.estimate.level
    done: list[tuple[Estimate, float | None]] = []
    failed: list[AitiaError] = []
    with progress(what, replicates, show_progress) as bar:
        for r in range(replicates):
            sample, truth = make(r)
            try:
                done.append(
                    (estimator.estimate(estimand, sample, level=level, seed=case.estimate.seed), truth)
                )
            except AitiaError as error:
                failed.append(error)
                if len(failed) > max(2, replicates // 10):
                    break
            bar.advance()
    spent = time.perf_counter() - started
    if len(failed) > max(1, (len(done) + len(failed)) // 10):
        raise AitiaError(
            f"{len(failed)} of {len(done) + len(failed)} refits failed, the first because: {failed[0].problem}",
            failed[0].next_step,
        )
    covered = None
    if done and done[0][1] is not None:
        covered = np.array(
            [each.interval[0] <= truth <= each.interval[1] for each, truth in done if truth is not None]
        )
    return Refits(
        np.array([each.value for each, _ in done]),
        np.array([each.std_error for each, _ in done]),
        covered,
        f"{len(done)} full refits in {spent:.2g} s",
    )
