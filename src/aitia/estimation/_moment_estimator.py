"""Estimators that are functions of moments: one set of lines answers for a sample and for R replicates of it."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from aitia.core import Assumption, AssumptionKey
from aitia.estimation._arm_moments import ArmMoments
from aitia.estimation._estimator import Estimator
from aitia.estimation._sample import Sample
from aitia.identification import ALL, Estimand, Population


class MomentEstimator(Estimator):
    """An estimator that needs the rows only through their moments within each arm.

    A subclass writes `_values`, in which every array may carry a leading axis of R replicates, and `_fit`, which
    adds what a single answer has besides: robust errors and influence values from a pass over the rows.
    """

    @abstractmethod
    def _values(
        self, estimand: Estimand, sample: Sample, moments: ArmMoments
    ) -> tuple[np.ndarray, np.ndarray]:
        """The effect and a standard error that needs moments alone, for every replicate.

        Args:
            estimand: what to estimate.
            sample: for how it is coded (contrast, levels); its rows are not read.
            moments: the rows' moments; arrays may have a leading axis R.

        Returns:
            Values and standard errors, shapes (...). The errors take residuals as independent of the regressors
            (separately in each arm where arms are fitted apart); they know neither clusters nor
            heteroskedasticity within an arm.
        """

    def products(self, sample: Sample) -> bool:
        """Whether the moments must hold products of treatment and covariates, centred by `product_center`."""
        return False

    def from_moments(
        self, estimand: Estimand, sample: Sample, moments: ArmMoments
    ) -> tuple[np.ndarray, np.ndarray]:
        """Values and moment-based standard errors of R replicates at once; see `aitia.estimation.replicate`.

        Args:
            estimand: what to estimate.
            sample: for how it is coded; its rows are not read.
            moments: arm moments with a leading axis R, or of one data set.
        """
        return self._values(estimand, sample, moments)


def product_center(sample: Sample) -> tuple[np.ndarray, float]:
    """Where the products of a continuous treatment with the covariates are centred: the means of both."""
    moments = sample.arm_moments()
    return moments.mean[0, moments.columns.x], float(moments.mean[0, moments.columns.t])


def population_of(estimand: Estimand) -> Population:
    """Over whom the question averages; all rows for questions that do not say."""
    return getattr(estimand.question, "population", ALL)


def rows_assumption(sample: Sample, source: str) -> Assumption:
    """What the standard error assumes about dependence between rows."""
    what = "Clusters of rows are" if sample.clustered else "Rows are"
    return Assumption(
        AssumptionKey.INDEPENDENT_ROWS,
        f"{what} independent of each other, so that the standard error measures the chance in the answer.",
        testable=True,
        source=source,
    )
