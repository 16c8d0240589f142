"""E-value: how strong unmeasured confounding would have to be, on the risk-ratio scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.core import AssumptionKey
from aitia.refutation._base import Case, Refutation, Refuter, Verdict

# VanderWeele & Ding 2017, table 2: a standardised difference d of a continuous outcome stands for the risk
# ratio exp(0.91 d), with limits exp(0.91 d -+ 1.78 se(d)).
_RATIO_PER_D = 0.91
_LIMIT_PER_SE = 1.78


def e_value(risk_ratio: float) -> float:
    """The E-value of a risk ratio, RR + sqrt(RR (RR - 1)), after 1/RR where RR is below one.

    The smallest risk ratio that an unmeasured confounder would need with treatment and with outcome, beyond
    the measured covariates, to explain the association away.

    Args:
        risk_ratio: the risk ratio, positive.

    Returns:
        The E-value, at least 1 (1 means that nothing is needed).

    Raises:
        ValueError: the ratio is not positive.

    Source: VanderWeele & Ding 2017, Annals of Internal Medicine 167:268, equation 1.

    Example:
        >>> round(e_value(3.9), 2)
        7.26
    """
    if not risk_ratio > 0:
        raise ValueError(f"A risk ratio is positive; this one is {risk_ratio}.")
    ratio = max(risk_ratio, 1 / risk_ratio)
    return float(ratio + np.sqrt(ratio * (ratio - 1)))


@dataclass(frozen=True)
class EValue(Refuter):
    """How strong an unmeasured confounder would have to be to explain the answer away (E-value).

    Attacks: no unmeasured confounding. No data can test it; this only bounds it. Survivors show an E-value
    far from 1 for the interval's limit nearest to no effect. A binary outcome uses the risk ratio of the two
    potential means; a continuous one the standardised difference d = effect / sd(Y) as exp(0.91 d). Neither
    needs further data. Cannot notice: a confounder that is there; that takes negative controls or knowledge
    of the subject.

    Margin: the E-value of the interval's limit (1 where the interval includes no effect).

    Verdict: inconclusive where the interval already includes no effect or the E-value of the limit is below
    `weak`; survived otherwise. Never broken.

    Args:
        weak: E-values of the limit below this count as weak, 1.25 by default: a confounder that raises
            treatment and outcome by a quarter would do.

    Details: ``risk_ratio``, ``risk_ratio_interval``, ``e_value``, ``e_value_limit``, ``scale``.
    """

    weak: float = 1.25

    name: ClassVar[str] = "E-value"
    attacks: ClassVar[AssumptionKey] = AssumptionKey.NO_UNMEASURED_CONFOUNDING
    reference: ClassVar[str] = "VanderWeele & Ding 2017, Annals of Internal Medicine 167:268"

    def _refute(self, case: Case, seed: int) -> Refutation:
        estimate, sample = case.estimate, case.sample
        y = sample.outcome
        low, high = estimate.interval
        binary = bool(np.isin(y, (0.0, 1.0)).all())
        base = self._control_mean(case) if binary else None
        if base is not None and base > 0 and base + estimate.value > 0:
            # The control mean is held at its estimate: its own error is small beside the effect's.
            ratio = (base + estimate.value) / base
            limits = tuple(max((base + limit) / base, 1e-6) for limit in (low, high))
            scale = "risk ratio of the two potential means, the control mean held at its estimate"
        else:
            spread = float(np.sqrt(np.cov(y, aweights=sample.weights)))
            if spread == 0:
                return self._nothing("The outcome does not vary, so there is no effect to explain away.")
            d, error = estimate.value / spread, estimate.std_error / spread
            ratio = float(np.exp(_RATIO_PER_D * d))
            limits = tuple(float(np.exp(_RATIO_PER_D * d + sign * _LIMIT_PER_SE * error)) for sign in (-1, 1))
            scale = "exp(0.91 d) of the standardised difference d"
        point = e_value(ratio)
        crosses = limits[0] <= 1 <= limits[1]
        limit = 1.0 if crosses else e_value(limits[0] if ratio > 1 else limits[1])
        if crosses:
            said = (
                "The interval already includes no effect, so no confounding is needed to explain "
                "the answer away."
            )
        else:
            said = (
                f"To explain the answer away, an unmeasured cause would have to raise both treatment and outcome "
                f"by a factor of {point:.3g}; to make the interval touch no effect, by {limit:.3g}."
            )
        return Refutation(
            name=self.name,
            attacks=self.attacks,
            tried="Computed how strong an unmeasured confounder would have to be on the risk-ratio scale.",
            expected=f"an E-value of the interval's limit of at least {self.weak:.3g}",
            observed=f"E-value {point:.3g}, of the limit {limit:.3g}",
            verdict=Verdict.SURVIVED if limit >= self.weak else Verdict.INCONCLUSIVE,
            sentence=said,
            margin=limit,
            cost="closed form",
            bounds=True,
            details={
                "risk_ratio": ratio,
                "risk_ratio_interval": limits,
                "e_value": point,
                "e_value_limit": limit,
                "scale": scale,
            },
        )

    @staticmethod
    def _control_mean(case: Case) -> float | None:
        profile, sample = case.estimate.profile, case.sample
        control = sample.contrast[1]
        if profile is not None and not profile.continuous:
            level = sample.treatment_levels[int(control)] if sample.treatment_levels else control
            for point, mean in zip(profile.points, profile.means, strict=True):
                if point == level:
                    return float(mean)
        untreated = sample.treatment == control
        return float(np.average(sample.outcome[untreated])) if untreated.any() else None
