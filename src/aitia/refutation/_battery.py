"""All refuters at once, and the one table of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from aitia.core import progress
from aitia.refutation._balance import Balance
from aitia.refutation._base import Case, Refutation, Refuter
from aitia.refutation._block_bootstrap import BlockBootstrap
from aitia.refutation._dummy_outcome import DummyOutcome
from aitia.refutation._e_value import EValue
from aitia.refutation._estimator_disagreement import EstimatorDisagreement
from aitia.refutation._graph_falsification import GraphFalsification
from aitia.refutation._implied_independences import ImpliedIndependences
from aitia.refutation._leave_one_covariate_out import LeaveOneCovariateOut
from aitia.refutation._negative_control import NegativeControlExposure, NegativeControlOutcome
from aitia.refutation._omitted_variable import OmittedVariable
from aitia.refutation._overlap import Overlap
from aitia.refutation._placebo_treatment import PlaceboTreatment
from aitia.refutation._random_common_cause import RandomCommonCause
from aitia.refutation._random_subset import RandomSubset
from aitia.refutation._rosenbaum import RosenbaumBounds
from aitia.refutation._simulated_truth import SimulatedTruth

_TABLE: tuple[type[Refuter], ...] = (
    PlaceboTreatment,
    RandomCommonCause,
    RandomSubset,
    BlockBootstrap,
    DummyOutcome,
    SimulatedTruth,
    EstimatorDisagreement,
    Overlap,
    Balance,
    ImpliedIndependences,
    GraphFalsification,
    NegativeControlOutcome,
    NegativeControlExposure,
    LeaveOneCovariateOut,
    OmittedVariable,
    EValue,
    RosenbaumBounds,
)


def refuters() -> dict[str, type[Refuter]]:
    """Every refuter by name, in the order in which the battery runs them.

    The class tells the rest: ``attacks`` (the assumption), ``reference`` (the paper), its docstring and its
    options.

    Example:
        >>> refuters()["placebo treatment"].attacks.value
        'honest-interval'
    """
    return {each.name: each for each in _TABLE}


def battery(
    case: Case,
    refuters: Sequence[Refuter] | None = None,
    replicates: int = 100,
    seed: int = 0,
    show_progress: bool | None = None,
) -> tuple[Refutation, ...]:
    """Attack a case with every refuter that has something to say about it.

    Where all assumptions hold, each test still breaks one by chance with probability 1% (`alpha` of each
    refuter), so a whole battery of about a dozen tests does so about once in ten studies.

    Args:
        case: the study up to its estimate.
        refuters: the attacks to make; None makes all with their default options, and leaves out those that do
            not apply (a negative control needs its column named, Rosenbaum bounds a binary treatment).
            Attacks that are named always answer, if only why they do not apply.
        replicates: for the default refuters that draw replicates, how many.
        seed: the seed of every random draw; each refuter has its own stream.
        show_progress: True or False to force a progress bar; None shows it on a terminal only.

    Returns:
        One refutation for each attack, in order.

    Example:
        >>> import numpy as np
        >>> from aitia.estimation import RegressionAdjustment, Sample, TreatmentKind
        >>> from aitia.identification import Effect, Estimand, Rule
        >>> random = np.random.default_rng(0)
        >>> x = random.normal(size=(500, 1))
        >>> t = (random.random(500) < 1 / (1 + np.exp(-x[:, 0]))).astype(float)
        >>> sample = Sample(x[:, 0] + t + random.normal(size=500), t, TreatmentKind.BINARY, covariates=x)
        >>> estimand = Estimand(Effect("t", "y"), Rule.ADJUSTMENT, None, ("x",))
        >>> estimate = RegressionAdjustment().estimate(estimand, sample)
        >>> found = battery(Case(estimate, sample), (PlaceboTreatment(), EValue()))
        >>> [each.verdict.value for each in found]
        ['survived', 'survived']
    """
    chosen = list(refuters) if refuters is not None else _defaults(replicates)
    found = []
    with progress("refuting", len(chosen), show_progress) as bar:
        for refuter in chosen:
            result = refuter.refute(case, seed)
            # Of the default refuters, one that does not apply would only be noise in the report.
            if refuters is not None or result.attempted or not refuter.applies(case):
                found.append(result)
            bar.advance()
    return tuple(found)


def _defaults(replicates: int) -> list[Refuter]:
    made: list[Refuter] = []
    for kind in _TABLE:
        has = {each.name for each in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set()
        made.append(kind(replicates=replicates) if "replicates" in has else kind())  # type: ignore[call-arg]
    return made
