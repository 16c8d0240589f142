"""Programs over time: dynamics with interventions and policies, forecasts under decisions, interruptions, epidemics.

The names below load on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitia.programs._on_use import on_use

if TYPE_CHECKING:
    from ._components import Component as Component
    from ._components import Events as Events
    from ._components import FourierSeason as FourierSeason
    from ._components import LocalLevel as LocalLevel
    from ._components import LocalLinearTrend as LocalLinearTrend
    from ._components import Regression as Regression
    from ._components import Seasonal as Seasonal
    from ._dynamics import Dynamics as Dynamics
    from ._dynamics import Lag as Lag
    from ._dynamics import lag as lag
    from ._epidemic import Course as Course
    from ._epidemic import Epidemic as Epidemic
    from ._epidemic import Masks as Masks
    from ._epidemic import Measure as Measure
    from ._epidemic import Rates as Rates
    from ._epidemic import Reaction as Reaction
    from ._epidemic import final_size as final_size
    from ._feedback import PolicyForecast as PolicyForecast
    from ._feedback import forecast_under as forecast_under
    from ._fit import FittedDynamics as FittedDynamics
    from ._fit import final as final
    from ._fit import total as total
    from ._interruption import Interruption as Interruption
    from ._interruption import interruption as interruption
    from ._outbreak import FittedOutbreak as FittedOutbreak
    from ._outbreak import Outbreak as Outbreak
    from ._outbreak import OutbreakWhatIf as OutbreakWhatIf
    from ._outbreak import delay_weights as delay_weights
    from ._plans import at_step as at_step
    from ._plans import during as during
    from ._plans import from_step as from_step
    from ._plans import path as path
    from ._regimes import Regimes as Regimes
    from ._regimes import compare as compare
    from ._sequential import SequentialBackdoor as SequentialBackdoor
    from ._sequential import sequential_backdoor as sequential_backdoor
    from ._series import panel as panel
    from ._structural import FittedSeries as FittedSeries
    from ._structural import Forecast as Forecast
    from ._structural import StructuralSeries as StructuralSeries
    from ._trajectories import Trajectories as Trajectories
    from ._trajectories import counterfactual as counterfactual

_HOME = {
    "_components": (
        "Component",
        "Events",
        "FourierSeason",
        "LocalLevel",
        "LocalLinearTrend",
        "Regression",
        "Seasonal",
    ),
    "_dynamics": ("Dynamics", "Lag", "lag"),
    "_epidemic": ("Course", "Epidemic", "Masks", "Measure", "Rates", "Reaction", "final_size"),
    "_feedback": ("PolicyForecast", "forecast_under"),
    "_fit": ("FittedDynamics", "final", "total"),
    "_interruption": ("Interruption", "interruption"),
    "_outbreak": ("FittedOutbreak", "Outbreak", "OutbreakWhatIf", "delay_weights"),
    "_plans": ("at_step", "during", "from_step", "path"),
    "_regimes": ("Regimes", "compare"),
    "_sequential": ("SequentialBackdoor", "sequential_backdoor"),
    "_series": ("panel",),
    "_structural": ("FittedSeries", "Forecast", "StructuralSeries"),
    "_trajectories": ("Trajectories", "counterfactual"),
}
"""Where each public name lives; a new one joins here and in the block for type checkers above."""

__getattr__, __dir__, __all__ = on_use(__name__, _HOME)  # pyright: ignore[reportUnsupportedDunderAll]
