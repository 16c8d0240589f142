"""A generator fitted to a sample: treatment and outcome models from which worlds with a known effect are drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from aitia.estimation import Sample
from aitia.refutation._base import Case
from aitia.refutation._linear import curvature_that_matters, expand, logistic
from aitia.refutation._overlap import population_kind, treated_mask


@dataclass(frozen=True, eq=False)
class Generator:
    """Worlds that look like a sample but whose effect is known.

    Covariates are rows of the sample drawn with replacement (whole clusters, where there are any). Treatment
    follows a logistic (binary) or linear (continuous) model, the outcome a regression in each arm; both have
    the covariates and the curvature (squares, cubes, products) that the data show beyond doubt. Outcome noise
    is drawn from the residuals (by cluster with a random sign, where there are clusters). A binary outcome is
    drawn from its probability.

    Args:
        sample: the sample it was fitted to.
        propensity: the chance of treatment of each row; for a continuous treatment its mean.
        means: the outcome's mean of each row under control and treatment, shape (2, n); for a continuous
            treatment under zero and the slope per unit.
        residuals: of the outcome, shape (n,).
        treatment_residuals: for a continuous treatment, shape (n,).
        truth: the effect in these worlds.
        curved: how many curvature terms the treatment and the outcome model have.
    """

    sample: Sample
    propensity: np.ndarray
    means: np.ndarray
    residuals: np.ndarray
    treatment_residuals: np.ndarray | None
    truth: float
    curved: tuple[int, int]

    @staticmethod
    def fit(case: Case, effect: float | None = None) -> Generator:
        """Fit to the sample of a case.

        Args:
            case: the study; its question says over whom the effect is averaged.
            effect: the effect to plant; None plants the estimate's value.
        """
        sample = case.sample
        planted = case.estimate.value if effect is None else effect
        x, y, n = sample.covariates, sample.outcome, sample.n
        extra = expand(x)
        if sample.treatment_kind.value == "continuous":
            return Generator._continuous(sample, x, y, extra, planted)
        treated, _ = treated_mask(case)
        t = treated.astype(float)
        of_treatment = curvature_that_matters(t, x, extra)
        propensity = np.clip(
            logistic(np.column_stack([x, extra[:, of_treatment]]), t, sample.weights), 0.001, 0.999
        )
        of_outcome = curvature_that_matters(y, np.column_stack([x, t, x * t[:, None]]), extra)
        design = np.column_stack([np.ones(n), x, extra[:, of_outcome]])
        means = np.empty((2, n))
        for arm in (0, 1):
            rows = treated == bool(arm)
            means[arm] = design @ np.linalg.lstsq(design[rows], y[rows], rcond=1e-10)[0]
        binary = bool(np.isin(y, (0.0, 1.0)).all())
        weights = _target(case, propensity)
        # The whole of arm one is shifted, so that the average effect over the population asked for is the
        # planted one.
        means[1] += planted - float(np.average(means[1] - means[0], weights=weights))
        if binary:
            means = np.clip(means, 0.005, 0.995)
        truth = float(np.average(means[1] - means[0], weights=weights))
        fitted = np.where(treated, means[1], means[0])
        residuals = y - fitted
        for arm in (0, 1):
            rows = treated == bool(arm)
            residuals[rows] -= residuals[rows].mean()
            # Residuals are a little smaller than the noise they stand for.
            residuals[rows] *= np.sqrt(rows.sum() / max(rows.sum() - design.shape[1], 1))
        return Generator(
            sample, propensity, means, residuals, None, truth, (len(of_treatment), len(of_outcome))
        )

    @staticmethod
    def _continuous(
        sample: Sample, x: np.ndarray, y: np.ndarray, extra: np.ndarray, planted: float
    ) -> Generator:
        n, t = sample.n, sample.treatment
        of_treatment = curvature_that_matters(t, x, extra)
        design = np.column_stack([np.ones(n), x, extra[:, of_treatment]])
        mean = design @ np.linalg.lstsq(design, t, rcond=1e-10)[0]
        left = (t - mean) * np.sqrt(n / max(n - design.shape[1], 1))
        of_outcome = curvature_that_matters(y, np.column_stack([x, t]), extra)
        base = np.column_stack([np.ones(n), x, extra[:, of_outcome]])
        coefficients = np.linalg.lstsq(np.column_stack([base, t]), y, rcond=1e-10)[0]
        residuals = (y - np.column_stack([base, t]) @ coefficients) * np.sqrt(
            n / max(n - base.shape[1] - 1, 1)
        )
        slope = planted / (sample.contrast[0] - sample.contrast[1])
        means = np.vstack([base @ coefficients[:-1], np.full(n, slope)])
        return Generator(sample, mean, means, residuals, left, planted, (len(of_treatment), len(of_outcome)))

    def draw(self, random: np.random.Generator) -> Sample:
        """One world of as many rows (with clusters: as many clusters)."""
        sample, n = self.sample, self.sample.n
        if sample.clusters is None:
            rows = random.integers(0, n, n)
            clusters = None
        else:
            codes = np.unique(sample.clusters, return_inverse=True)[1]
            order = np.argsort(codes, kind="stable")
            starts = np.searchsorted(codes[order], np.arange(int(codes.max()) + 2))
            drawn = random.integers(0, int(codes.max()) + 1, int(codes.max()) + 1)
            pieces = [order[starts[g] : starts[g + 1]] for g in drawn]
            rows = np.concatenate(pieces)
            clusters = np.repeat(np.arange(len(drawn)), [len(piece) for piece in pieces])
        world = sample.rows(rows)
        continuous = self.treatment_residuals is not None
        if continuous:
            assert self.treatment_residuals is not None
            t = self.propensity[rows] + self._noise(self.treatment_residuals, rows, clusters, random)
            y = self.means[0][rows] + self.means[1][rows] * t
            binary = False
        else:
            chance = self.propensity[rows]
            if clusters is not None and _constant_within(world.treatment, clusters):
                share = np.bincount(clusters, chance) / np.bincount(clusters)
                t = (random.random(len(share)) < share)[clusters].astype(float)
            else:
                t = (random.random(len(rows)) < chance).astype(float)
            y = np.where(t > 0, self.means[1][rows], self.means[0][rows])
            binary = bool(np.isin(sample.outcome, (0.0, 1.0)).all())
        if binary:
            y = (random.random(len(rows)) < y).astype(float)
        elif continuous or clusters is not None:
            y = y + self._noise(self.residuals, rows, clusters, random)
        else:
            treated = sample.treatment == sample.contrast[0]
            noise = np.empty(len(rows))
            for arm in (0, 1):
                pool = self.residuals[treated == bool(arm)]
                here = t == arm
                noise[here] = pool[random.integers(0, len(pool), int(here.sum()))]
            y = y + noise
        treatment = t if continuous else np.where(t > 0, sample.contrast[0], sample.contrast[1])
        return replace(world, treatment=treatment, outcome=y, clusters=clusters)

    @staticmethod
    def _noise(
        pool: np.ndarray, rows: np.ndarray, clusters: np.ndarray | None, random: np.random.Generator
    ) -> np.ndarray:
        if clusters is None:
            return pool[random.integers(0, len(pool), len(rows))]
        signs = random.choice((-1.0, 1.0), int(clusters.max()) + 1)
        return signs[clusters] * pool[rows]


def _target(case: Case, propensity: np.ndarray) -> np.ndarray:
    """How much each row counts in the population that the effect is averaged over, in the generator's worlds."""
    sample = case.sample
    weights = np.ones(sample.n) if sample.weights is None else sample.weights.astype(float)
    kind = population_kind(case)
    if kind == "treated":
        weights = weights * propensity
    elif kind == "untreated":
        weights = weights * (1 - propensity)
    return weights if sample.population is None else weights * sample.population


def _constant_within(values: np.ndarray, clusters: np.ndarray) -> bool:
    first = np.empty(int(clusters.max()) + 1)
    first[clusters[::-1]] = values[::-1]
    return bool((values == first[clusters]).all())
