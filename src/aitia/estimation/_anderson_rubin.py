"""Anderson-Rubin intervals: they cover at their nominal rate however weak the instruments are."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from scipy import linalg

from aitia.core import stats
from aitia.estimation._estimate import Diagnostic
from aitia.estimation._estimator import Fit
from aitia.estimation._limited_information import LIML
from aitia.estimation._sample import Sample
from aitia.estimation._two_stage_least_squares import InstrumentalVariables, InstrumentRows, PartialledOut

Pieces = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class AndersonRubin(InstrumentalVariables):
    """The limited-information maximum likelihood estimate with the Anderson-Rubin interval.

    A slope b is in the confidence set if the instruments do not predict y - b t::

        AR(b) = g(b)' V(b)^-1 g(b) <= q F_{q, n - p - 1 - q}(level)      g(b) = z'(y - b t) / W

    with V(b) the robust covariance of g(b), from the residuals of the reduced form and the first stage. The set
    needs no strong instruments: its coverage does not depend on the first stage. It can be an interval, the whole
    line, two half-lines (where the instruments are weak), or, with more instruments than one, empty (where no
    single effect fits them all). The answer's interval is then the smallest interval that holds the set (the whole
    line for two half-lines and for an empty set), and the diagnostic ``"confidence set"`` gives the pieces.

    Args:
        robust: False takes the residual variances as constant, the classical test of Anderson & Rubin.

    Assumptions: exclusion and independence of the instruments, which may be weak; a linear effect that is the same for
    all rows.

    Source: Anderson & Rubin (1949), section 4; robust form as in Chernozhukov & Hansen (2008), Economics Letters
    100; boundaries as eigenvalues, see `confidence_set`.

    Example:
        >>> from aitia.estimation import TreatmentKind
        >>> from aitia.identification import Effect, Estimand, Rule
        >>> rng = np.random.default_rng(0)
        >>> z, u = rng.normal(size=(2, 300))
        >>> t = 0.02 * z + u
        >>> y = 2 * t + u + rng.normal(size=300)
        >>> sample = Sample(y, t, TreatmentKind.CONTINUOUS, instruments=z[:, None])
        >>> estimand = Estimand(Effect("t", "y"), Rule.INSTRUMENT, None, instruments=("z",))
        >>> AndersonRubin().estimate(estimand, sample).interval
        (-inf, inf)
    """

    robust: bool = True

    name: ClassVar[str] = "Anderson-Rubin"
    reference: ClassVar[str] = "Anderson & Rubin (1949), section 4; Chernozhukov & Hansen (2008)"

    def describe(self) -> str:
        """What reports call it."""
        return "instrumental variables (LIML) with Anderson-Rubin interval"

    def _kappa(self, fit: PartialledOut) -> np.ndarray:
        return LIML()._kappa(fit)

    def _answer(
        self, sample: Sample, fit: PartialledOut, rows: InstrumentRows, value: float, error: float
    ) -> Fit:
        q, n = fit.instruments, float(fit.count)
        step = sample.contrast[0] - sample.contrast[1]
        freedom = n - fit.covariates - 1 - q
        weight = float(fit.weight)
        if self.robust or sample.clustered:
            covariance = rows.reduced
            if sample.clustered:
                freedom = min(freedom, float(sample.n_clusters - 1))
        else:
            spread = np.array(
                [
                    [fit.yy - fit.explained_yy, fit.yt - fit.explained_ty],
                    [fit.yt - fit.explained_ty, fit.tt - fit.explained_tt],
                ]
            )
            covariance = np.kron(spread, fit.zz) / weight**2 / freedom
        top_y, top_t = fit.zy / weight, fit.zt / weight

        def pieces(level: float) -> Pieces:
            critical = q * float(stats.f.ppf(level, q, freedom))
            found = confidence_set(top_y, top_t, covariance, critical)
            ends = [sorted((low * step, high * step)) for low, high in found]
            return tuple(sorted((low, high) for low, high in ends))

        def hull(level: float) -> tuple[float, float]:
            found = pieces(level)
            if not found:
                return (-np.inf, np.inf)
            return (min(low for low, _ in found), max(high for _, high in found))

        answer = super()._answer(sample, fit, rows, value, error)
        diagnostics = (*answer.diagnostics, _confidence_set(pieces(0.95)))
        return replace(answer, interval=hull, diagnostics=diagnostics)


def confidence_set(top_y: np.ndarray, top_t: np.ndarray, covariance: np.ndarray, critical: float) -> Pieces:
    """The slopes b with g(b)' V(b)^-1 g(b) <= critical, as disjoint intervals in ascending order.

    With g(b) = a - b c and V(b) = V_aa - b (V_ac + V_ca) + b^2 V_cc the boundary lies where the matrix
    critical V(b) - g(b) g(b)' is singular (by the matrix determinant lemma): a quadratic eigenvalue problem, solved
    as a generalised one of twice the size. Between its real eigenvalues membership cannot change, so that one
    point of each stretch decides it: no boundary is missed, as a grid may.

    Args:
        top_y: a = z'y / W, shape (q,).
        top_t: c = z't / W, shape (q,).
        covariance: of (a, c), shape (2q, 2q).
        critical: the value not exceeded.

    Example:
        >>> one = np.array([1.0])
        >>> np.round(confidence_set(2 * one, one, np.diag([0.01, 0.0]), 4.0), 6).tolist()
        [[1.8, 2.2]]
    """
    q = len(top_y)
    scale = float(
        np.sqrt(np.trace(covariance[:q, :q]) / max(np.trace(covariance[q:, q:]), np.finfo(float).tiny))
    )
    slope = float(abs(top_y @ top_t) / max(top_t @ top_t, np.finfo(float).tiny))
    # Slopes are measured in a unit in which outcome and treatment vary alike, so that the pencil is balanced.
    unit = scale if 1e-8 < scale / (1 + slope) < 1e8 else max(slope, 1.0)
    a, c = top_y / unit, top_t
    v_aa, v_ac, v_cc = covariance[:q, :q] / unit**2, covariance[:q, q:] / unit, covariance[q:, q:]
    size = critical * (np.trace(v_aa) + np.trace(v_cc)) + a @ a + c @ c
    zero = (critical * v_aa - np.outer(a, a)) / size
    one = (np.outer(a, c) + np.outer(c, a) - critical * (v_ac + v_ac.T)) / size
    two = (critical * v_cc - np.outer(c, c)) / size
    eye, nil = np.eye(q), np.zeros((q, q))
    left = np.block([[nil, eye], [-zero, -one]])
    right = np.block([[eye, nil], [nil, two]])
    top, bottom = np.asarray(linalg.eigvals(left, right, homogeneous_eigvals=True))
    finite = np.abs(bottom) > 1e-13 * np.abs(top)
    roots = top[finite] / bottom[finite]
    real = np.sort(roots.real[np.abs(roots.imag) <= 1e-7 * (1 + np.abs(roots.real))])

    def inside(b: float) -> bool:
        gap = a - b * c
        spread = v_aa - b * (v_ac + v_ac.T) + b * b * v_cc
        return bool(gap @ np.linalg.lstsq(spread, gap, rcond=None)[0] <= critical)

    edges = [-np.inf, *real.tolist(), np.inf]
    found: list[list[float]] = []
    for low, high in itertools.pairwise(edges):
        if low == high:
            continue
        if np.isinf(low) and np.isinf(high):
            middle = 0.0
        elif np.isinf(low):
            middle = high - 1 - abs(high)
        elif np.isinf(high):
            middle = low + 1 + abs(low)
        else:
            middle = (low + high) / 2
        if not inside(middle):
            continue
        if found and found[-1][1] == low:
            found[-1][1] = high
        else:
            found.append([low, high])
    return tuple((float(low * unit), float(high * unit)) for low, high in found)


def _confidence_set(pieces: Pieces) -> Diagnostic:
    """The 95% set in words; a warning where it is not one finite interval."""
    shown = " and ".join(f"{low:.4g} to {high:.4g}" for low, high in pieces)
    finite = len(pieces) == 1 and bool(np.isfinite(pieces[0]).all())
    if not pieces:
        told = (
            "The 95% Anderson-Rubin set is empty: no single effect fits all instruments. At least one is invalid, or "
            "the effect varies. No interval is given (it is shown as the whole line)."
        )
    elif finite:
        told = f"The 95% Anderson-Rubin set is {shown}, valid however weak the instruments are."
    elif len(pieces) > 1:
        told = (
            f"The 95% Anderson-Rubin set is {shown}: the instruments are too weak to bound the effect from both "
            "sides, and the interval shown is the smallest that holds both parts."
        )
    else:
        told = f"The 95% Anderson-Rubin set is {shown}: the instruments are too weak to bound the effect."
    return Diagnostic("confidence set", None, told, warning=not finite, details={"pieces": pieces})
