"""Does the unit matter to what the network answers?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np
import numpy.typing as npt

from aitia.core import many
from aitia.networks._activations import Activations
from aitia.networks._errors import NetworkError
from aitia.networks._explanation import Explanation
from aitia.networks.recording._actions import set_to
from aitia.networks.recording._effects import ablation_effects
from aitia.networks.recording._metrics import Accuracy
from aitia.networks.recording._record import record
from aitia.networks.refutation._bootstrap import counts
from aitia.networks.refutation._case import Case, Network, Refuter
from aitia.networks.refutation._groups import groups_to_draw, sums_of_groups
from aitia.networks.refutation._resampling import Interval, difference_of_shares, wilson
from aitia.networks.refutation._trial import Trial, Verdict

MEMORY = 1 << 27  # changes of outputs that are held at once
LEAST = 10  # inputs a mean's interval is made of


@dataclass(frozen=True)
class Effect:
    """How much an intervention on a unit changes the logit of a class.

    Args:
        of: the class.
        everywhere: the mean change over all inputs.
        active: over inputs where the unit fires.
        where_it_holds: over inputs where the formula holds somewhere.
        elsewhere: over the others.
    """

    of: str
    everywhere: Interval
    active: Interval
    where_it_holds: Interval
    elsewhere: Interval


@final
@dataclass(frozen=True)
class Consequence(Refuter):
    """Ablates the unit and drives it, and sees what that does to the logits.

    Two interventions: the unit is set to 0 (to `value`), and to the mean of its activations where it fires. Each gives
    the mean change of every class's logit with a t interval over inputs: over all inputs, over those where the unit
    fires, and, conditioned on the concepts, over those where the formula holds somewhere and over the others. Beside it
    stands the network's accuracy where the unit fires and where it does not (score intervals; their difference by
    Newcombe 1998): an association, no effect.

    The unit matters where ablating it at the inputs where it fires changes a logit, taken from the mean of all logits
    (where there are several), by more than `least` standard deviations that this logit has over inputs, for some class
    and by the near end of its interval; it does not where no class's interval reaches that far. Intervals are widened
    for the number of classes (Bonferroni).

    Args:
        least: how small a change does not matter, in standard deviations of the logit over inputs.
        value: what an ablated unit is set to.
        drive: whether the unit is also driven.
        level: of intervals.
        batch: how many inputs a forward pass takes.
        groups: what inputs belong together, as each one's film, shape (inputs,): intervals of changes are then over
            groups. Those of accuracies, which the verdict does not stand on, stay over inputs.

    Assumes:
        The network's outputs are one row of logits for each input. Inputs, or groups of them, are drawn independently.

    Source:
        Mu and Andreas 2020, section 5 (accuracy when a unit is active); effects are those of the do-operator, see
        `ablation_effects`.
    """

    name: ClassVar[str] = "intervention"
    verdict: ClassVar[str] = "does not matter to the outputs"

    least: float = 0.05
    value: float = 0.0
    drive: bool = True
    level: float = 0.95
    batch: int = 128
    groups: npt.ArrayLike | None = field(default=None, repr=False, compare=False)

    def applies(self, case: Case) -> str:
        return "" if case.network is not None else "The network was not given."

    def _refute(self, case: Case, seed: int) -> Sequence[Trial]:
        assert case.network is not None
        network, layout = case.network, case.firing.layout
        group = groups_to_draw(self.groups, layout.inputs, self.level)
        units = list(dict.fromkeys(each.unit for each in case.explanations))
        recorded, outputs = record(
            network.model,
            network.layer,
            network.inputs,
            units=units,
            outputs=True,
            batch=self.batch,
            show_progress=case.show_progress,
        )
        if len(outputs) != layout.inputs or outputs.ndim != 2:
            raise NetworkError(
                f"The network has outputs of shape {outputs.shape}; concepts are known at {layout.inputs:,} inputs.",
                "Give one row of logits for each input, at the inputs of the concepts.",
            )
        outputs = outputs.astype(np.float64)
        right = Accuracy(np.asarray(network.labels))(outputs) > 0.5
        ablated = dict.fromkeys(units, set_to(self.value))
        driven = {unit: set_to(_when_firing(recorded, unit, self._threshold(case, unit))) for unit in units}
        trials: dict[int, Trial] = {}
        step = max(1, MEMORY // (4 * outputs.size))
        for start in range(0, len(units), step):
            some = units[start : start + step]
            changes = [
                _changes(network, some, actions, self.batch, case.show_progress)
                for actions in ((ablated, driven) if self.drive else (ablated,))
            ]
            for place, found in enumerate(case.explanations):
                if found.unit in some:
                    own = [each[some.index(found.unit)] for each in changes]
                    trials[place] = self._trial(case, place, found, outputs, right, own, group)
        return [trials[place] for place in range(len(case))]

    def _threshold(self, case: Case, unit: int) -> float:
        return min(each.low for each in case.explanations if each.unit == unit)

    def _trial(
        self,
        case: Case,
        place: int,
        found: Explanation,
        outputs: np.ndarray,
        right: np.ndarray,
        changes: list[np.ndarray],
        group: np.ndarray | None,
    ) -> Trial:
        assert case.network is not None
        columns = counts(case, place)
        active, holds = columns[:, 2] > 0, columns[:, 1] > 0
        if active.sum() < LEAST:
            return self._nothing(
                f"Unit {found.unit} fires at {many(int(active.sum()), 'input')}, too few to see an effect."
            )
        classes = _names_of_outputs(case.network.classes, outputs.shape[1])
        level = 1 - (1 - self.level) / len(classes)
        # A change that all logits share changes no answer.
        centred = _centred(outputs)
        spread = centred.std(axis=0)
        own = _centred(changes[0].astype(np.float64))[active] / np.where(spread > 0, spread, 1.0)
        sized = [_mean(own[:, at], level, group, active) for at in range(len(classes))]
        near = [max(each.low, -each.high, 0.0) for each in sized]
        far = [max(abs(each.low), abs(each.high)) for each in sized]
        verdict = (
            Verdict.SURVIVED
            if max(near) > self.least
            else Verdict.BROKEN
            if max(far) < self.least
            else Verdict.INCONCLUSIVE
        )
        top = int(np.argmax([abs(each.value) for each in sized]))
        after = outputs + changes[0]
        flips = _answers(after) != _answers(outputs)
        when, otherwise = (
            wilson(int(right[those].sum()), int(those.sum()), self.level) for those in (active, ~active)
        )
        difference = difference_of_shares(when, otherwise) if (~active).any() else None
        effects = [
            tuple(
                Effect(
                    name,
                    *(
                        _mean(each[those, at].astype(np.float64), self.level, group, those)
                        for those in (np.ones(len(active), dtype=bool), active, holds, ~holds)
                    ),
                )
                for at, name in enumerate(classes)
            )
            for each in changes
        ]
        shown = effects[0][top].active
        words = {
            Verdict.SURVIVED: "The unit matters",
            Verdict.BROKEN: "The unit does not matter to the outputs",
            Verdict.INCONCLUSIVE: "Whether the unit matters is not clear",
        }[verdict]
        accuracy = f"The network is right on {when.value:.1%} of the inputs where the unit fires" + (
            f" and {otherwise.value:.1%} of the others." if difference is not None else ", which are all."
        )
        return Trial(
            self.name,
            f"The unit was set to {self.value:g}"
            + (" and to the mean of its activations where it fires." if self.drive else "."),
            f"Ablated where it fires, some logit changes by more than {self.least:g} of its standard deviations.",
            f"{classes[top]}: {sized[top].value:+.3f} standard deviations ({sized[top].low:+.3f} to "
            f"{sized[top].high:+.3f}); {flips[active].mean():.1%} of answers change.",
            verdict,
            f"{words}: ablated where it fires, it changes the logit of {classes[top]} by {shown.value:+.3g} "
            f"({shown.low:+.3g} to {shown.high:+.3g}) and {flips[active].mean():.1%} of the answers. {accuracy}",
            None,
            {
                "ablated": effects[0],
                "driven": effects[1] if self.drive else (),
                "accuracy_when_active": when,
                "accuracy_otherwise": otherwise,
                "difference": difference,
                "flips": float(flips[active].mean()),
                "sized": dict(zip(classes, sized, strict=True)),
            },
        )


def _changes(network: Network, units: list[int], actions: dict, batch: int, show: bool | None) -> np.ndarray:
    """What interventions on units change in each output at each input, float32 (units, inputs, outputs)."""
    found = ablation_effects(
        network.model,
        network.layer,
        units,
        network.inputs,
        action=actions,
        by_input=True,
        batch=batch,
        show_progress=show,
    )
    assert found.on_outputs_by_input is not None
    return found.on_outputs_by_input


def _when_firing(recorded: Activations, unit: int, threshold: float) -> float:
    values = recorded.values[:, recorded.units.index(unit)]
    if recorded.lengths is not None:
        values = values[np.arange(values.shape[1]) < recorded.lengths[:, None]]
    firing = values[values > threshold]
    return float(firing.mean(dtype=np.float64)) if len(firing) else 0.0


def _centred(logits: np.ndarray) -> np.ndarray:
    return logits if logits.shape[1] == 1 else logits - logits.mean(axis=1, keepdims=True)


def _answers(logits: np.ndarray) -> np.ndarray:
    return logits[:, 0] > 0 if logits.shape[1] == 1 else logits.argmax(axis=1)


def _names_of_outputs(classes: Sequence[str], outputs: int) -> tuple[str, ...]:
    """A name for each output; the one output of a network that tells two classes apart speaks for the second."""
    if len(classes) == 2 and outputs == 1:
        return (classes[1],)
    return tuple(classes) if len(classes) == outputs else tuple(f"output {at}" for at in range(outputs))


def _mean(values: np.ndarray, level: float, group: np.ndarray | None, those: np.ndarray) -> Interval:
    """A mean with its t interval, over inputs or over groups of them; without ends where there are fewer than two.

    With groups its variance is that of the sums of deviations in groups (Liang and Zeger 1986).

    Args:
        values: of some inputs, shape (count,).
        level: of the interval.
        group: each input's group, shape (inputs,), or None.
        those: which inputs, booleans of shape (inputs,).
    """
    from scipy.special import stdtrit

    count = len(values)
    mean = float(values.mean()) if count else float("nan")
    apart = values[:, None] - mean
    if group is not None and count:
        apart = sums_of_groups(apart, group[those])
    drawn = len(apart)
    if drawn < 2:
        return Interval(mean, -np.inf, np.inf, level)
    error = float(np.sqrt(drawn / (drawn - 1) * (apart**2).sum())) / count
    half = float(stdtrit(drawn - 1, 0.5 + level / 2)) * error
    return Interval(mean, mean - half, mean + half, level)
