"""Everything that was done to break explanations, and what they are worth."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from aitia.core import prose
from aitia.networks._activations import Activations
from aitia.networks._errors import SearchError
from aitia.networks._explanation import Explanation
from aitia.networks._firing import Firing
from aitia.networks.concepts._inventory import Inventory
from aitia.networks.refutation._activation_coverage import ActivationCoverage
from aitia.networks.refutation._bootstrap import Bootstrap
from aitia.networks.refutation._case import Case, Network, Refuter
from aitia.networks.refutation._consequence import Consequence
from aitia.networks.refutation._groups import group_of_inputs
from aitia.networks.refutation._held_out import HeldOut
from aitia.networks.refutation._minimality import Minimality
from aitia.networks.refutation._permutation_null import PermutationNull
from aitia.networks.refutation._threshold_stability import ThresholdStability
from aitia.networks.refutation._trial import Trial, Verdict
from aitia.networks.search._search import Search

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Worth:
    """What the explanation of a unit is worth: the attempts to break it, and a verdict in words.

    Args:
        explanation: the explanation.
        trials: what was tried, in the order of the battery.
        broken_words: what is said of an explanation that a trial broke, by the trial's name.
    """

    explanation: Explanation
    trials: tuple[Trial, ...]
    broken_words: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def broken(self) -> tuple[Trial, ...]:
        """The trials it did not survive."""
        return tuple(trial for trial in self.trials if trial.verdict is Verdict.BROKEN)

    @property
    def stands(self) -> bool:
        """Whether it was tried and nothing broke it."""
        return not self.broken and any(trial.attempted for trial in self.trials)

    @property
    def verdict(self) -> str:
        """The verdict in words: ``"stands"``, or what is wrong with it."""
        if self.broken:
            return "; ".join(self.broken_words.get(trial.name, trial.name) for trial in self.broken)
        survived = sum(trial.verdict is Verdict.SURVIVED for trial in self.trials)
        if not survived:
            return "not clear" if self.stands else "not tried"
        return "stands" if survived == len(self.trials) else "stands as far as could be told"

    @property
    def sentence(self) -> str:
        """The verdict in a sentence."""
        name = f"That unit {self.explanation.unit} fires where {self.explanation.formula}"
        if self.broken:
            return f"{name}: {self.verdict}. {' '.join(trial.sentence for trial in self.broken)}"
        survived = [trial.name for trial in self.trials if trial.verdict is Verdict.SURVIVED]
        unclear = [trial.name for trial in self.trials if trial.verdict is Verdict.INCONCLUSIVE]
        said = f"{name} {self.verdict}" if survived else f"{name}: {self.verdict}"
        said += f": it survived {prose(survived)}." if survived else "."
        return said + (f" Nothing could be told from {prose(unclear)}." if unclear else "")

    def __getitem__(self, name: str) -> Trial:
        """The trial of a name.

        Raises:
            SearchError: there was no such trial.
        """
        for trial in self.trials:
            if trial.name == name:
                return trial
        names = prose(trial.name for trial in self.trials)
        raise SearchError(f"There was no trial {name!r}.", f"Tried were {names}.")

    def __repr__(self) -> str:
        head = f"unit {self.explanation.unit}: {self.explanation.formula} ({self.explanation.score:.3f})"
        return "\n".join([f"{head}: {self.verdict}", *(f"  {trial!r}" for trial in self.trials)])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td style='text-align:left'>{trial.name}</td><td>{trial.verdict.value}</td>"
            f"<td>{'' if trial.p_value is None else f'{trial.p_value:.3g}'}</td>"
            f"<td style='text-align:left'>{html.escape(trial.sentence)}</td></tr>"
            for trial in self.trials
        )
        heads = "".join(f"<th>{head}</th>" for head in ("trial", "verdict", "p", "in words"))
        formula = html.escape(str(self.explanation.formula))
        return (
            f"<p>Unit {self.explanation.unit}: <code>{formula}</code>, {html.escape(self.verdict)}</p>"
            f"<table><tr>{heads}</tr>{rows}</table>"
        )

    def figure(self) -> Figure:
        """The numbers behind the trials, a panel each.

        Raises:
            SearchError: no trial has anything to draw.
        """
        from aitia.networks.refutation._figures import worth_figure

        return worth_figure(self)


def battery(*, activations: bool = True, network: bool = True) -> tuple[Refuter, ...]:
    """All refuters with their defaults.

    Args:
        activations: with those that need activations.
        network: with the one that needs the network.
    """
    found: list[Refuter] = [PermutationNull(), Bootstrap(), HeldOut(), Minimality()]
    if activations:
        found += [ThresholdStability(), ActivationCoverage()]
    return (*found, Consequence()) if network else tuple(found)


def refute(
    explanations: Sequence[Explanation],
    firing: Firing,
    inventory: Inventory,
    search: Search,
    *,
    activations: Activations | None = None,
    network: Network | None = None,
    refuters: Sequence[Refuter] | None = None,
    groups: npt.ArrayLike | None = None,
    seed: int = 0,
    show_progress: bool | None = None,
) -> tuple[Worth, ...]:
    """Tries to break explanations, in every way there is.

    Args:
        explanations: what a search found; `explain` gives them, with `firing`, `inventory` and `activations`.
        firing: the masks that were searched.
        inventory: the concepts that were searched.
        search: the search.
        activations: what the units did; without them, thresholds and ranges are not tried.
        network: the network, with inputs, labels and classes: one of `aitia.networks.examples`, or a `Subject`; without
            it, whether units matter is not tried.
        refuters: what is tried; None for all that have what they need.
        groups: what inputs belong together (frames of a film, sentences of a text, rows of a person), as a label for
            each input, shape (inputs,); given to every refuter that knows groups and has none of its own. None where
            each input stands for itself.
        seed: of every random draw.
        show_progress: whether to show progress; None for where output is a terminal.

    Returns:
        What each explanation is worth, in order.

    Raises:
        SearchError: an explanation whose mask is not in `firing`; groups of other inputs, or fewer than two of them.

    Assumes:
        Verdicts are each at their own level, for each unit: of a hundred units that chance explains, about five
        survive the permutation null.

    Example:
        >>> from aitia.networks import Beam, Planted
        >>> from aitia.networks.refutation import refute
        >>> planted = Planted(lengths=(2,), units=1, distractors=1, concepts=8, inputs=400).draw(seed=1)
        >>> search = Beam(length=2)
        >>> found = search.explain(planted.firing, planted.inventory)
        >>> known, noise = refute(found, planted.firing, planted.inventory, search)
        >>> known.verdict, noise.verdict.split(";")[0]
        ('stands', 'chance would do as well')
    """
    case = Case(tuple(explanations), firing, inventory, search, activations, network, show_progress)
    if refuters is None:
        refuters = battery(activations=activations is not None, network=network is not None)
    if groups is not None:
        group_of_inputs(groups, case.firing.layout.inputs)
        refuters = [_grouped(each, groups) for each in refuters]
    words = {refuter.name: refuter.verdict for refuter in refuters}
    tried = [refuter.refute(case, seed) for refuter in refuters]
    return tuple(
        Worth(found, tuple(trials[place] for trials in tried), words)
        for place, found in enumerate(case.explanations)
    )


def _grouped(refuter: Any, groups: npt.ArrayLike) -> Refuter:
    """The refuter, told what inputs belong together where it asks for that and does not know."""
    asks = getattr(refuter, "groups", groups) is None
    return replace(refuter, groups=groups) if asks else refuter
