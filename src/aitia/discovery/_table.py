"""The one table of algorithms by name: what the command line and study files resolve texts with."""

from __future__ import annotations

import dataclasses
from importlib import import_module
from typing import Any

from aitia.core import nearest
from aitia.discovery._algorithm import Algorithm
from aitia.discovery._errors import DiscoveryError
from aitia.discovery._observations import Observations

# Name, package, class. A package is imported when one of its algorithms is asked for.
_TABLE: dict[str, tuple[str, str]] = {
    "pc": ("constraint", "PC"),
    "fci": ("constraint", "FCI"),
    "rfci": ("constraint", "RFCI"),
    "cdnod": ("constraint", "CDNOD"),
    "ges": ("search", "GES"),
    "gies": ("search", "GIES"),
    "grasp": ("search", "GRaSP"),
    "boss": ("search", "BOSS"),
    "exact": ("search", "ExactSearch"),
    "directlingam": ("functional", "DirectLiNGAM"),
    "icalingam": ("functional", "ICALiNGAM"),
    "varlingam": ("functional", "VARLiNGAM"),
    "resit": ("functional", "RESIT"),
    "dagma": ("functional", "DAGMA"),
    "pcmci": ("series", "PCMCI"),
    "pcmci+": ("series", "PCMCIPlus"),
    "gin": ("latent", "GIN"),
    "fofc": ("latent", "FactorClusters"),
}

# What the command line calls an option, and the fields that an algorithm may have for it.
_FIELDS = {
    "alpha": ("alpha",),
    "penalty": ("penalty", "discount", "score"),
    "max_lag": ("max_lag", "lags"),
    "time": ("time",),
    "unit": ("unit",),
    "context": ("context",),
}


def algorithms() -> dict[str, type[Algorithm]]:
    """Every algorithm by its name on the command line, in the order of the families.

    Example:
        >>> algorithms()["pc"].output
        <GraphKind.CPDAG: 'cpdag'>
    """
    return {name: _class(name) for name in _TABLE}


def algorithm_names() -> tuple[str, ...]:
    """The names alone, without importing any algorithm."""
    return tuple(_TABLE)


def takes(name: str, option: str) -> bool:
    """Whether the algorithm of that name has an option that `algorithm_named` takes, such as ``alpha``.

    Example:
        >>> takes("pc", "alpha"), takes("pc", "penalty")
        (True, False)
    """
    return _field(_class(name), option) is not None


def algorithm_named(
    name: str,
    data: Observations | None = None,
    *,
    alpha: float | None = None,
    penalty: float | None = None,
    max_lag: int | None = None,
    time: str | None = None,
    unit: str | None = None,
    context: str | None = None,
) -> Algorithm:
    """An algorithm by its name, with the options that texts can set; the rest keep their defaults.

    Args:
        name: such as ``"pc"``; capitals, hyphens and underscores do not matter.
        data: the observations, which say what score `penalty` belongs to; None takes columns of numbers.
        alpha: the level of the tests.
        penalty: the price of a parameter in units of BIC's own.
        max_lag: the longest lag in a time series, in rows.
        time: the column that holds the time, in a time series.
        unit: the column that says which series a row belongs to.
        context: the column that names the domain of a row, for CD-NOD.

    Raises:
        DiscoveryError: there is no such algorithm (the nearest is named), or it has no such option.

    Example:
        >>> algorithm_named("PC", alpha=0.05).alpha
        0.05
    """
    kind = _class(name)
    given = {
        "alpha": alpha,
        "penalty": penalty,
        "max_lag": max_lag,
        "time": time,
        "unit": unit,
        "context": context,
    }
    chosen: dict[str, Any] = {}
    for option, value in given.items():
        if value is None:
            continue
        field = _field(kind, option)
        if field is None:
            has = [each.name for each in dataclasses.fields(kind)]  # type: ignore[arg-type]
            raise DiscoveryError(
                f"{kind.name} has no option {option!r}.", f"It has: {', '.join(has) or 'no options'}."
            )
        chosen[field] = _priced(data, float(value)) if field == "score" else value
    return kind(**chosen)


def _class(name: str) -> type[Algorithm]:
    plain = name.casefold().replace("-", "").replace("_", "").replace(" ", "")
    if plain not in _TABLE:
        raise DiscoveryError(f"There is no algorithm {name!r}.", nearest(plain, _TABLE))
    package, what = _TABLE[plain]
    return getattr(import_module(f"aitia.discovery.{package}"), what)


def _field(kind: type[Algorithm], option: str) -> str | None:
    has = {each.name for each in dataclasses.fields(kind)}  # type: ignore[arg-type]
    return next((field for field in _FIELDS[option] if field in has), None)


def _priced(data: Observations | None, penalty: float) -> Any:
    """The BIC that fits the kinds of columns, at this price of a parameter."""
    from aitia.discovery.scores import DiscreteBIC, GaussianBIC, MixedBIC

    if data is None or not any(data.discrete):
        return GaussianBIC(penalty)
    return DiscreteBIC(penalty) if all(data.discrete) else MixedBIC(penalty)
