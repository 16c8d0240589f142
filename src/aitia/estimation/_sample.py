"""The rows a question needs, coded as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from aitia.core import Decision

if TYPE_CHECKING:
    from aitia.estimation._estimate import Diagnostic


class TreatmentKind(StrEnum):
    """How a treatment is coded."""

    BINARY = "binary"
    CATEGORICAL = "categorical"
    CONTINUOUS = "continuous"


@dataclass(frozen=True, eq=False)
class Sample:
    """The rows a question needs, coded as numbers.

    Args:
        outcome: y, shape (n,), float64.
        treatment: t, shape (n,), float64: 0/1 (control/treated of the contrast) for binary; codes 0..k-1 into
            `treatment_levels` for categorical; the values for continuous.
        treatment_kind: how `treatment` is coded.
        treatment_levels: the values behind the codes, as the data has them; (control, treated) for binary; empty
            for continuous.
        contrast: the (treated, control) values compared, in the coding of `treatment`.
        covariates: X, shape (n, p), Fortran order: the adjustment set, categorical columns one-hot without their baseline.
        covariate_names: the p encoded names (``"region[west]"``).
        covariate_groups: for each source column, its encoded columns' positions in `covariates`.
        mediators: shape (n, m), encoded like the covariates.
        mediator_names: the m encoded names.
        instruments: shape (n, q).
        instrument_names: the q encoded names.
        weights: survey weights, shape (n,), or None.
        clusters: integer cluster codes, shape (n,), or None.
        population: mask of the rows averaged over, shape (n,), for a subgroup; None averages over all rows.
        names: (treatment, outcome) as the data names them.
        decisions: what was done about missing values, baselines and the like.
        diagnostics: what was noticed while coding (a dropped constant column, say).
        fingerprint: of the data.
        seed: of the assignment of rows to blocks and folds.
    """

    outcome: np.ndarray
    treatment: np.ndarray
    treatment_kind: TreatmentKind
    treatment_levels: tuple[Any, ...] = ()
    contrast: tuple[float, float] = (1.0, 0.0)
    covariates: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    covariate_names: tuple[str, ...] = ()
    covariate_groups: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    mediators: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    mediator_names: tuple[str, ...] = ()
    instruments: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    instrument_names: tuple[str, ...] = ()
    weights: np.ndarray | None = None
    clusters: np.ndarray | None = None
    population: np.ndarray | None = None
    names: tuple[str, str] = ("treatment", "outcome")
    decisions: tuple[Decision, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    fingerprint: str = ""
    seed: int = 0

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.outcome)

    def rows(self, keep: np.ndarray) -> Sample:
        """The sample of the rows selected by a mask or by positions (positions may repeat)."""
        n = self.n

        def cut(each: np.ndarray | None) -> np.ndarray | None:
            return each[keep] if each is not None and len(each) == n else each

        return replace(
            self,
            outcome=self.outcome[keep],
            treatment=self.treatment[keep],
            covariates=cut(self.covariates),
            mediators=cut(self.mediators),
            instruments=cut(self.instruments),
            weights=cut(self.weights),
            clusters=cut(self.clusters),
            population=cut(self.population),
        )
