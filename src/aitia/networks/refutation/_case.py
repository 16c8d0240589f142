"""What a refuter of explanations is, and what it may look at."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Protocol

import numpy as np

from aitia.core import AitiaError, nearest
from aitia.networks._activations import Activations
from aitia.networks._errors import ActivationError, ConceptError, SearchError
from aitia.networks._explanation import Explanation
from aitia.networks._firing import Firing
from aitia.networks._fitted import fitted
from aitia.networks.concepts._inventory import Inventory
from aitia.networks.formulas._formula import Formula
from aitia.networks.refutation._trial import Trial, Verdict
from aitia.networks.search._search import Search


class Network(Protocol):
    """A trained network with inputs it is tried on; `aitia.networks.examples.TrainedNetwork` is one.

    The inputs are those the concepts are known at, in the same order.
    """

    @property
    def model(self) -> Any:
        """The model, as `record` takes it."""
        ...

    @property
    def layer(self) -> Any:
        """The layer whose units are explained."""
        ...

    @property
    def inputs(self) -> Any:
        """The inputs, as `record` takes them."""
        ...

    @property
    def labels(self) -> np.ndarray:
        """Each input's class, as its place among the outputs, shape (inputs,)."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the outputs."""
        ...


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained network with inputs it is tried on.

    Args:
        model: the model, as `record` takes it.
        layer: the layer whose units are explained.
        inputs: the inputs the concepts are known at, in the same order, as `record` takes them.
        labels: each input's class, as its place among the outputs, shape (inputs,).
        classes: the names of the classes, in the order of the outputs.
    """

    model: Any = field(repr=False)
    layer: Any
    inputs: Any = field(repr=False)
    labels: np.ndarray = field(repr=False)
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Case:
    """What refuters may look at: explanations, and what they came from.

    Args:
        explanations: the explanations under attack.
        firing: the masks of their units; others are left aside.
        inventory: the concepts that were searched.
        search: the search that found them.
        activations: what the units did; refuters that change thresholds need it.
        network: the network; refuters that intervene need it.
        show_progress: whether to show progress; None for where output is a terminal.

    Raises:
        SearchError: an explanation of a unit that `firing` does not have.
        ConceptError: a formula that names a concept that the inventory does not have.
    """

    explanations: tuple[Explanation, ...]
    firing: Firing
    inventory: Inventory
    search: Search
    activations: Activations | None = None
    network: Network | None = None
    show_progress: bool | None = None
    _memory: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "explanations", tuple(self.explanations))
        firing = matching(self.explanations, self.firing)
        firing, inventory = fitted(firing, self.inventory)
        for each in self.explanations:
            missing = [name for name in each.formula.concepts if name not in inventory.place]
            if missing:
                raise ConceptError(
                    f"Unit {each.unit} was explained by {missing[0]!r}, which is not in the inventory.",
                    f"Give the inventory that was searched. {nearest(missing[0], inventory.names)}",
                )
        object.__setattr__(self, "inventory", inventory)
        object.__setattr__(self, "firing", firing)

    def __len__(self) -> int:
        return len(self.explanations)

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """The formulas under attack."""
        return tuple(each.formula for each in self.explanations)

    @cached_property
    def columns(self) -> np.ndarray:
        """Where each explained unit stands among the activations, shape (explanations,).

        Raises:
            ActivationError: activations were not given, or of other units or inputs.
        """
        if self.activations is None:
            raise ActivationError("The activations were not given.", "Pass activations=...")
        if self.activations.inputs != self.firing.layout.inputs:
            raise ActivationError(
                f"Activations of {self.activations.inputs:,} inputs were given for masks over "
                f"{self.firing.layout.inputs:,}.",
                "Give those the units' masks were made of.",
            )
        place = {unit: at for at, unit in enumerate(self.activations.units)}
        missing = [each.unit for each in self.explanations if each.unit not in place]
        if missing:
            raise ActivationError(
                f"There are no activations of unit {missing[0]}.", "Give those of all units."
            )
        return np.array([place[each.unit] for each in self.explanations])

    def remembered(self, key: Any, make: Callable[[], Any]) -> Any:
        """What `make` gives, made once for all refuters of this case."""
        if key not in self._memory:
            self._memory[key] = make()
        return self._memory[key]


def matching(explanations: Sequence[Explanation], firing: Firing) -> Firing:
    """The masks of the explained units, in the order of the explanations.

    Raises:
        SearchError: an explanation whose unit or threshold `firing` does not have.
    """
    masks = zip(firing.units, firing.low.tolist(), firing.high.tolist(), strict=True)
    place = {mask: at for at, mask in enumerate(masks)}
    chosen = []
    for each in explanations:
        at = place.get((each.unit, each.low, each.high))
        if at is None:
            raise SearchError(
                f"Unit {each.unit} above {each.low:g} was explained, but its mask was not given.",
                "Give the masks that were searched.",
            )
        chosen.append(at)
    if chosen == list(range(len(firing))):
        return firing
    return firing_at(firing, np.array(chosen, dtype=np.int64))


def firing_at(firing: Firing, places: np.ndarray, words: np.ndarray | None = None) -> Firing:
    """Some of the masks, by their places; or other words under their numbers."""
    return replace(
        firing,
        units=tuple(firing.units[place] for place in places),
        words=firing.words[places] if words is None else words,
        low=firing.low[places],
        high=firing.high[places],
        decisions=(),
    )


class Refuter(ABC):
    """An attempt to break explanations, all units together.

    A new refuter is a frozen dataclass of its options that sets `name`, `verdict` and `reference` and writes `_refute`
    (and `applies`, where it cannot attack every case).
    """

    name: ClassVar[str]
    """What reports call it."""
    verdict: ClassVar[str]
    """What is said of an explanation that it broke."""
    reference: ClassVar[str] = ""
    """The paper and theorem it follows."""

    def applies(self, case: Case) -> str:
        """Why this refuter has nothing to say about this case; empty where it does."""
        return ""

    @abstractmethod
    def _refute(self, case: Case, seed: int) -> Sequence[Trial]:
        """One trial for each explanation, in their order."""

    def refute(self, case: Case, seed: int = 0) -> tuple[Trial, ...]:
        """Attack all explanations of a case.

        Args:
            case: the explanations and what they came from.
            seed: the seed of every random draw; the same seed gives the same answer.

        Returns:
            What was tried, expected and observed, and the verdict, for each explanation in order. Where the refuter
            does not apply, or could not be carried out, inconclusive trials that say why.
        """
        started = time.perf_counter()
        try:
            refusal = self.applies(case)
            trials = [self._nothing(refusal)] * len(case) if refusal else list(self._refute(case, seed))
        except AitiaError as error:
            # One attack that cannot be carried out must not hide what the others found.
            trials = [self._nothing(f"This could not be tried: {error.problem}")] * len(case)
        each = (time.perf_counter() - started) / max(1, len(case))
        return tuple(replace(trial, seconds=each) for trial in trials)

    def _nothing(self, why: str) -> Trial:
        return Trial(self.name, "Nothing.", "", "", Verdict.INCONCLUSIVE, why)
