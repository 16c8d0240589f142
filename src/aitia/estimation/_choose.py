"""The one table of estimators, and which of them is the default where."""

from __future__ import annotations

import importlib
from functools import cache

import numpy as np

from aitia.core import AitiaError
from aitia.estimation._estimator import Estimator, NotApplicable
from aitia.estimation._sample import Sample, TreatmentKind
from aitia.estimation._two_stage_least_squares import STRONG, PartialledOut, effective_f, instrument_rows
from aitia.identification import Estimand, Rule

# The name by which the command line knows an estimator, and where its class lives. A new estimator adds its line
# here; the command line, the docs' table and the report read it.
_TABLE: dict[str, tuple[str, str]] = {
    "regression-adjustment": ("_regression_adjustment", "RegressionAdjustment"),
    "aipw": ("_aipw", "AIPW"),
    "tmle": ("_tmle", "TMLE"),
    "ipw": ("_weighting", "IPW"),
    "standardisation": ("_standardisation", "Standardisation"),
    "partially-linear": ("_partially_linear", "PartiallyLinear"),
    "matching": ("_matching", "Matching"),
    "stratification": ("_stratification", "Stratification"),
    "dose-response": ("_dose_response", "DoseResponse"),
    "two-stage-least-squares": ("_two_stage_least_squares", "TwoStageLeastSquares"),
    "liml": ("_limited_information", "LIML"),
    "anderson-rubin": ("_anderson_rubin", "AndersonRubin"),
    "partially-linear-instrument": ("_partially_linear", "PartiallyLinearInstrument"),
    "interactive-instrument": ("_interactive_instrument", "InteractiveInstrument"),
    "front-door-linear": ("_front_door", "FrontDoorLinear"),
    "mediation-linear": ("_mediation", "MediationLinear"),
    "plug-in": ("_plug_in", "PlugIn"),
}

_FEW_ROWS = 20  # rows a coefficient below which five folds leave too little to learn nuisances from
_FEW_IN_CELL = 5  # rows of each arm in every stratum, for the normal approximation of a stratified mean


@cache
def estimators() -> dict[str, type[Estimator]]:
    """Every estimator by the name that the command line knows it by.

    Example:
        >>> estimators()["regression-adjustment"].__name__
        'RegressionAdjustment'
    """
    return {name: _class_of(name) for name in _TABLE}


def _class_of(name: str) -> type[Estimator]:
    module, made = _TABLE[name]
    return getattr(importlib.import_module(f"aitia.estimation.{module}"), made)


def choose(estimand: Estimand, sample: Sample) -> tuple[Estimator, str]:
    """The default estimator for an estimand and a sample, and why, in words.

    The rule, in order, for each way of identification:

    * adjustment, rows too many to load: regression adjustment with interactions, which streams;
    * adjustment, nothing to adjust for or one categorical column: regression adjustment, which is then the exact
      comparison within levels;
    * adjustment for categorical columns alone with enough rows in every combination: stratification, exact likewise;
    * adjustment with fewer than 20 rows a column in the smallest arm: regression adjustment, because there is too
      little to learn nuisance models from;
    * adjustment otherwise: the doubly robust estimator with cross-fitting (AIPW), whose defaults follow curves;
      for a continuous treatment the dose response;
    * instruments: Anderson-Rubin where the effective first-stage F is below 104.7, else two-stage least squares;
    * front door and mediation: the plug-in where all columns are discrete with few values, else the linear form;
    * general identification: the plug-in.

    Args:
        estimand: what to estimate.
        sample: the rows.

    Raises:
        NotApplicable: no estimator handles this combination.
    """
    candidates = {
        Rule.ADJUSTMENT: _adjustment,
        Rule.INSTRUMENT: _instrument,
        Rule.FRONT_DOOR: _discrete_or("front-door-linear"),
        Rule.MEDIATION: _discrete_or("mediation-linear"),
        Rule.GENERAL: _discrete_or(None),
    }[estimand.rule](estimand, sample)
    refusals = []
    for name, reason in candidates:
        estimator = _class_of(name)()
        refusal = estimator.refusal(estimand, sample)
        if not refusal:
            return estimator, reason
        refusals.append(refusal)
    raise NotApplicable(
        f"No estimator handles this estimand and a {sample.treatment_kind.value} treatment: {refusals[0]}",
        "See the table of estimators in the documentation.",
    )


Candidates = list[tuple[str, str]]


def _adjustment(estimand: Estimand, sample: Sample) -> Candidates:
    treatment = sample.names[0]
    linear = (
        "regression-adjustment",
        "It is the estimator that answers for this kind of treatment and population.",
    )
    if not sample.loaded:
        return [
            (
                "regression-adjustment",
                f"The {sample.n:,} rows stay on disk and are read as a stream, which least squares can; it takes means "
                "as linear in the covariates within each arm. Ask for aipw to have rows loaded and curves followed.",
            )
        ]
    if sample.treatment_kind is TreatmentKind.CONTINUOUS:
        return [
            (
                "dose-response",
                f"{treatment} is a number: its mean response is followed along the dose without assuming a line.",
            ),
            linear,
        ]
    moments = sample.arm_moments()
    p = moments.columns.covariates
    if not p:
        return [
            (
                "regression-adjustment",
                "There is nothing to adjust for: it is the difference of the arms' means.",
            )
        ]
    if len(sample.covariate_groups) == 1 and _dummies(sample):
        column = next(iter(sample.covariate_groups))
        return [
            (
                "regression-adjustment",
                f"{column} is categorical, so that the regression within each arm compares like with like exactly.",
            )
        ]
    if _dummies(sample) and (cells := _cells(sample)):
        return [
            (
                "stratification",
                f"All columns adjusted for are categorical and each of their {cells} combinations holds rows of "
                "every arm: like is compared with like exactly, with no model.",
            ),
            linear,
        ]
    smallest = int(moments.count.min())
    if smallest < _FEW_ROWS * (p + 1):
        return [
            (
                "regression-adjustment",
                f"The smallest arm has {smallest:,} rows for {p} columns, too few to learn curved models from: it "
                "takes means as linear within each arm.",
            )
        ]
    return [
        (
            "aipw",
            "It is right if either the outcome or the treatment model is, follows curves, and its interval accounts "
            "for learning both (doubly robust with cross-fitting).",
        ),
        linear,
    ]


def _instrument(estimand: Estimand, sample: Sample) -> Candidates:
    fit = PartialledOut(sample.arm_moments())
    strength = effective_f(fit, instrument_rows(sample, fit))
    if strength < STRONG:
        return [
            (
                "anderson-rubin",
                f"The effective first-stage F is {strength:.4g}, below {STRONG:g}: only an interval that does not lean "
                "on strong instruments covers as it says.",
            )
        ]
    return [
        (
            "two-stage-least-squares",
            f"The effective first-stage F is {strength:.4g}: the instruments are strong, the usual interval covers.",
        )
    ]


def _discrete_or(otherwise: str | None):
    """The plug-in where everything is discrete, else the linear form."""

    def candidates(estimand: Estimand, sample: Sample) -> Candidates:
        linear = (
            []
            if otherwise is None
            else [
                (
                    otherwise,
                    "Some columns are numbers with many values: the formula is taken in its linear form.",
                )
            ]
        )
        discrete = (
            "plug-in",
            "All columns are discrete, so that every probability in the formula is counted and nothing is modelled.",
        )
        if otherwise is None:
            return [
                (discrete[0], "The formula is general; its probabilities are counted over discrete columns.")
            ]
        return [discrete, *linear] if _few_cells(estimand, sample) else linear

    return candidates


def _dummies(sample: Sample) -> bool:
    """Whether every covariate takes the values 0 and 1 only: x (1 - x) sums to zero exactly then."""
    moments = sample.moments()
    p = len(sample.covariate_names)
    mean, variance = moments.mean[:p], np.diagonal(moments.cross)[:p] / moments.weight
    if not np.allclose(variance, mean * (1 - mean), rtol=1e-6, atol=1e-12):
        return False
    return all(bool(np.isin(chunk.covariates, (0.0, 1.0)).all()) for chunk in sample.chunks())


def _cells(sample: Sample) -> int:
    """How many combinations of 0/1 covariates there are, if each holds enough rows of each arm; else 0."""
    p, arms = len(sample.covariate_names), sample.arms
    if p > 62:
        return 0
    code = (sample.covariates @ (2.0 ** np.arange(min(p, 52)))) if p <= 52 else None
    if code is None:
        return 0
    _, cell = np.unique(code, return_inverse=True)
    cells = int(cell.max()) + 1
    if cells * arms * _FEW_IN_CELL > sample.n:
        return 0
    counts = np.bincount(cell * arms + sample.treatment.astype(np.int64), minlength=cells * arms)
    return cells if counts.min() >= _FEW_IN_CELL else 0


def _few_cells(estimand: Estimand, sample: Sample, most: float = 0.1) -> bool:
    """Whether all columns but the outcome are discrete, with combinations few beside the rows."""
    if sample.treatment_kind is TreatmentKind.CONTINUOUS:
        return False
    columns = [sample.covariates, sample.mediators, sample.instruments]
    cells = float(sample.arms)
    for block in columns:
        for column in block.T:
            levels = len(np.unique(column[:1000]))
            if levels > 20:
                return False
            cells *= max(len(np.unique(column)), 1)
    if cells > most * sample.n:
        return False
    outcome = len(np.unique(sample.outcome))
    if outcome > 50:
        return False
    try:
        # Cells that the formula conditions on may still be empty; the plug-in says so.
        _class_of("plug-in")().estimate(estimand, sample)
    except AitiaError:
        return False
    return True
