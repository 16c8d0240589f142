"""The questions: what a person may ask of a graph and a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias


class PopulationKind(StrEnum):
    """Over whom an effect is averaged."""

    ALL = "all"
    TREATED = "treated"
    UNTREATED = "untreated"
    SUBGROUP = "subgroup"


@dataclass(frozen=True)
class Population:
    """Over whom an effect is averaged.

    Args:
        kind: all rows (average effect), the treated (ATT), the untreated (ATU), or a described subgroup.
        condition: for a subgroup, an expression over columns, such as ``"age > 60"``.
        variables: for a subgroup, the columns that the condition reads; identification conditions on them.
    """

    kind: PopulationKind = PopulationKind.ALL
    condition: str = ""
    variables: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"rows where {self.condition}" if self.kind is PopulationKind.SUBGROUP else self.kind.value


ALL = Population()
TREATED = Population(PopulationKind.TREATED)
UNTREATED = Population(PopulationKind.UNTREATED)


def subgroup(condition: str, *variables: str) -> Population:
    """The rows for which `condition` (an expression over the columns `variables`) is true."""
    return Population(PopulationKind.SUBGROUP, condition, variables)


@dataclass(frozen=True)
class Contrast:
    """The two treatment values compared: the answer is treated minus control.

    Args:
        treated: the value under which the first mean is taken.
        control: the value under which the second mean is taken.
    """

    treated: object
    control: object

    def __str__(self) -> str:
        return f"{self.treated} minus {self.control}"


def _compared(contrast: Contrast | None) -> str:
    return "" if contrast is None else f" ({contrast})"


def _among(population: Population) -> str:
    return str(population) if population.kind is PopulationKind.SUBGROUP else f"the {population}"


@dataclass(frozen=True)
class Effect:
    """The average effect E[Y | do(T = treated)] - E[Y | do(T = control)] over a population.

    Args:
        treatment: the variable set.
        outcome: the variable that answers.
        contrast: the values compared; None takes 1 and 0 for a binary treatment, the last and first level (in
            sorted order) for two text values, and one unit up for a continuous one.
        population: over whom the effect is averaged.
    """

    treatment: str
    outcome: str
    contrast: Contrast | None = None
    population: Population = ALL

    def __str__(self) -> str:
        among = "" if self.population.kind is PopulationKind.ALL else f" among {_among(self.population)}"
        return f"average effect of {self.treatment} on {self.outcome}{_compared(self.contrast)}{among}"


@dataclass(frozen=True)
class ControlledDirect:
    """The controlled direct effect E[Y | do(t, m)] - E[Y | do(t', m)] with mediators held at given values.

    Args:
        treatment: the variable set.
        outcome: the variable that answers.
        mediators: the variables held fixed.
        levels: the value of each mediator, in the order of `mediators`.
        contrast: as for `Effect`.
    """

    treatment: str
    outcome: str
    mediators: tuple[str, ...]
    levels: tuple[object, ...]
    contrast: Contrast | None = None

    def __str__(self) -> str:
        held = ", ".join(f"{name} = {level}" for name, level in zip(self.mediators, self.levels))
        effect = f"controlled direct effect of {self.treatment} on {self.outcome}"
        return f"{effect}{_compared(self.contrast)} with {held} held fixed"


@dataclass(frozen=True)
class NaturalDirect:
    """The natural direct effect E[Y(t, M(t'))] - E[Y(t', M(t'))]: the part not carried by the mediators."""

    treatment: str
    outcome: str
    mediators: tuple[str, ...]
    contrast: Contrast | None = None

    def __str__(self) -> str:
        effect = f"natural direct effect of {self.treatment} on {self.outcome}"
        return f"{effect}{_compared(self.contrast)} past {', '.join(self.mediators)}"


@dataclass(frozen=True)
class NaturalIndirect:
    """The natural indirect effect E[Y(t, M(t))] - E[Y(t, M(t'))]: the part carried by the mediators.

    With `NaturalDirect` of the same contrast it adds up to the average effect exactly.
    """

    treatment: str
    outcome: str
    mediators: tuple[str, ...]
    contrast: Contrast | None = None

    def __str__(self) -> str:
        effect = f"natural indirect effect of {self.treatment} on {self.outcome}"
        return f"{effect}{_compared(self.contrast)} through {', '.join(self.mediators)}"


@dataclass(frozen=True)
class Interventional:
    """The distribution P(outcomes | do(treatments), given), as general identification (ID, IDC) answers it.

    Args:
        outcomes: the variables whose joint distribution is asked for.
        treatments: the variables set.
        given: the variables conditioned on after the intervention.
        contrast: for estimation with one treatment and one outcome, the treatment values compared.
        at: for estimation, the value of each variable in `given`.
    """

    outcomes: tuple[str, ...]
    treatments: tuple[str, ...]
    given: tuple[str, ...] = ()
    contrast: Contrast | None = None
    at: tuple[object, ...] = field(default=())

    def __str__(self) -> str:
        given = f", {', '.join(self.given)}" if self.given else ""
        return f"P({', '.join(self.outcomes)} | do({', '.join(self.treatments)}){given})"

    @property
    def treatment(self) -> str:
        """The first treatment; the only one, wherever an effect is estimated."""
        return self.treatments[0]

    @property
    def outcome(self) -> str:
        """The first outcome; the only one, wherever an effect is estimated."""
        return self.outcomes[0]


Question: TypeAlias = Effect | ControlledDirect | NaturalDirect | NaturalIndirect | Interventional
