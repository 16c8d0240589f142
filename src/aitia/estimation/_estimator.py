"""What an estimator is: from an estimand and a sample to an estimate."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.core import AitiaError, Assumption, Decision, stats
from aitia.estimation._estimate import Diagnostic, Estimate, Profile
from aitia.estimation._sample import Sample
from aitia.identification import Estimand, Rule


class NotApplicable(AitiaError):
    """An estimator was asked for an estimand or a kind of data that it does not handle."""


@dataclass(frozen=True, eq=False)
class Fit:
    """What the author of an estimator returns; `Estimator.estimate` makes the `Estimate` of it.

    Args:
        value: the effect.
        std_error: its standard error; None computes it from `influence` (clusters and weights respected).
        interval: None makes the symmetric one from value, standard error and degrees of freedom; a function is
            called with the level.
        influence: per-row influence values, as `Estimate` defines them.
        profile: mean outcomes under each treatment value.
        degrees_of_freedom: of the reference t distribution.
        diagnostics: as `Estimate` has them.
        assumptions: as `Estimate` has them.
        decisions: what was decided on the way (trimming, a learner chosen).
        n: rows used where that is not all of them.
    """

    value: float
    std_error: float | None = None
    interval: tuple[float, float] | Callable[[float], tuple[float, float]] | None = None
    influence: np.ndarray | None = None
    profile: Profile | None = None
    degrees_of_freedom: float = np.inf
    diagnostics: tuple[Diagnostic, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    decisions: tuple[Decision, ...] = ()
    n: int | None = None


class Estimator(ABC):
    """From an estimand and a sample to an estimate.

    A new estimator is a frozen dataclass of its options that sets `name`, `rules` and `needs`, and writes
    `_fit`: the mathematics alone. Validation, timing and intervals are done here.
    """

    name: ClassVar[str]
    """What reports call it."""
    rules: ClassVar[frozenset[Rule]]
    """The identification rules whose estimands it can estimate."""
    treatments: ClassVar[frozenset[str]] = frozenset({"binary"})
    """Kinds of treatment it handles: ``"binary"``, ``"categorical"``, ``"continuous"``."""
    row_scores: ClassVar[bool] = False
    """Whether value + influence is a score of each row, with the effect given its covariates as conditional mean."""
    learns: ClassVar[bool] = False
    """Whether it fits nuisance models, so that a refit costs much more than a least-squares fit."""
    reference: ClassVar[str] = ""
    """The paper and theorem it follows."""

    def refusal(self, estimand: Estimand, sample: Sample) -> str:
        """Why this estimator cannot answer here; empty where it can."""
        if estimand.rule not in self.rules:
            return f"{self.name} does not estimate what {estimand.rule} identifies."
        if sample.treatment_kind.value not in self.treatments:
            return f"{self.name} does not handle a {sample.treatment_kind.value} treatment."
        return ""

    @abstractmethod
    def _fit(self, estimand: Estimand, sample: Sample, seed: int) -> Fit: ...

    def estimate(
        self, estimand: Estimand, sample: Sample, *, level: float = 0.95, seed: int = 0, reason: str = ""
    ) -> Estimate:
        """Estimate the estimand from the sample.

        Args:
            estimand: what to estimate.
            sample: the rows, drawn for this estimand by `Sample.draw`.
            level: nominal coverage of the interval, strictly between 0 and 1.
            seed: the seed of every random draw (folds, learners).
            reason: why this estimator was chosen, kept in the answer.

        Raises:
            NotApplicable: the estimator does not handle this estimand or kind of treatment.
        """
        refusal = self.refusal(estimand, sample)
        if refusal:
            raise NotApplicable(
                refusal, "See the table of estimators in the documentation for one that does."
            )
        started = time.perf_counter()
        fit = self._fit(estimand, sample, seed)
        error = fit.std_error
        if error is None:
            if fit.influence is None:
                raise TypeError(f"{self.name}._fit returned neither a standard error nor influence values")
            error = influence_error(fit.influence, sample.weights, sample.clusters)
        freedom = fit.degrees_of_freedom
        if sample.clustered:
            freedom = min(freedom, float(max(sample.n_clusters - 1, 1)))
        interval = fit.interval
        if callable(interval):
            interval = interval(level)
        half = float(stats.t.ppf(0.5 + level / 2, freedom)) * error
        return Estimate(
            value=float(fit.value),
            std_error=float(error),
            interval=interval or (float(fit.value) - half, float(fit.value) + half),
            level=level,
            method=self.describe(),
            estimator=self,
            estimand=estimand,
            n=fit.n or sample.n,
            compared=sample.contrast_levels,
            degrees_of_freedom=freedom,
            influence=fit.influence,
            profile=fit.profile,
            diagnostics=(*sample.diagnostics, *fit.diagnostics),
            assumptions=fit.assumptions,
            decisions=(*sample.decisions, *fit.decisions),
            seed=seed,
            fingerprint=sample.fingerprint,
            seconds=time.perf_counter() - started,
            reason=reason,
        )

    def describe(self) -> str:
        """The estimator with the options that matter, as reports show it."""
        return self.name

    def light(self) -> Estimator:
        """The same estimator without what is slow and seldom matters: what refuters refit a dozen times."""
        return self


def influence_error(
    influence: np.ndarray, weights: np.ndarray | None = None, clusters: np.ndarray | None = None
) -> float:
    """The standard error of a mean of influence values.

    With independent rows sqrt(sum (w_i psi_i)^2) / sum w_i; with clusters the sums of w_i psi_i within each of
    the G clusters take the rows' place, times sqrt(G / (G - 1)).

    Args:
        influence: psi, shape (n,).
        weights: survey weights w, shape (n,), or None.
        clusters: cluster codes, shape (n,), or None.
    """
    return float(np.sqrt(influence_covariance(influence[:, None], weights, clusters)[0, 0]))


def influence_covariance(
    influence: np.ndarray, weights: np.ndarray | None = None, clusters: np.ndarray | None = None
) -> np.ndarray:
    """The joint covariance of k means of influence values, shape (k, k); see `influence_error`.

    Args:
        influence: one column a quantity, shape (n, k).
        weights: survey weights w, shape (n,), or None.
        clusters: cluster codes, shape (n,), or None.
    """
    weighted = influence if weights is None else influence * weights[:, None]
    total = len(influence) if weights is None else float(weights.sum())
    factor = 1.0
    if clusters is not None:
        codes = np.unique(clusters, return_inverse=True)[1].reshape(-1)
        weighted = np.column_stack([np.bincount(codes, weights=column) for column in weighted.T])
        factor = len(weighted) / max(len(weighted) - 1, 1)
    return factor * (weighted.T @ weighted) / total**2


def first_applicable(candidates: Sequence[Estimator], estimand: Estimand, sample: Sample) -> Estimator | None:
    """The first of the candidates that can answer, or None."""
    return next((each for each in candidates if not each.refusal(estimand, sample)), None)
