"""From formulas and what units do to the outputs, to edits of inputs that should change answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from aitia.core import nearest, prose
from aitia.networks._activations import Activations
from aitia.networks._errors import ActivationError, NetworkError
from aitia.networks._explanation import Explanation
from aitia.networks._firing import Firing
from aitia.networks.concepts._inventory import Inventory
from aitia.networks.edits._edit import Edit
from aitia.networks.formulas._formula import Concept, Formula, Neighbors
from aitia.networks.recording._actions import ablate
from aitia.networks.recording._effects import ablation_effects
from aitia.networks.refutation._case import Network, matching
from aitia.networks.refutation._resampling import per_input

LEAST = 1e-9  # predicted changes below are none
PENALTY = (
    0.002  # of squared coefficients, for each input: that of a concept at 1% of the inputs shrinks by a sixth
)


def effects_from_weights(
    weights: np.ndarray, activations: Activations, explanations: Sequence[Explanation]
) -> np.ndarray:
    """What each unit does to each logit when it begins to fire, where the next layer is the last and linear.

    The change of logit k is w_uk (mean of a_u where it fires - mean of a_u where it is silent).

    Args:
        weights: the last layer's, shape (units, classes): rows in the order of `activations.units`. PyTorch's
            ``Linear.weight`` is the transpose.
        activations: what the units did, one value for each input.
        explanations: the explanations; each one's thresholds say when its unit fires.

    Returns:
        Shape (explanations, classes).

    Raises:
        ActivationError: weights of other units, or activations with positions.
    """
    weights = np.asarray(weights, dtype=np.float64)
    if activations.positions or weights.ndim != 2 or len(weights) != len(activations.units):
        raise ActivationError(
            f"Expected weights of shape (units, classes) for {len(activations.units)} units with one value for each "
            f"input; came {weights.shape} and positions {activations.positions}.",
            "Transpose PyTorch's weights; for layers that are not the last, use measured_effects.",
        )
    found = np.zeros((len(explanations), weights.shape[1]))
    for place, each in enumerate(explanations):
        at = activations.units.index(each.unit)
        values = np.asarray(activations.values[:, at], dtype=np.float64)
        fires = (values > each.low) & (values <= each.high)
        if fires.any():
            found[place] = weights[at] * (
                values[fires].mean() - (values[~fires].mean() if not fires.all() else 0.0)
            )
    return found


def measured_effects(
    network: Network,
    explanations: Sequence[Explanation],
    firing: Firing,
    *,
    batch: int = 128,
    show_progress: bool | None = None,
) -> np.ndarray:
    """What each unit does to each logit when it begins to fire, measured: minus the change when it is ablated.

    Args:
        network: the network, at the inputs of `firing`.
        explanations: the explanations.
        firing: the units' masks; the change is the mean over inputs where the unit fires.
        batch: how many inputs a forward pass takes.
        show_progress: whether to show progress.

    Returns:
        Shape (explanations, classes).
    """
    masks = matching(explanations, firing)
    found: list[np.ndarray] = []
    for place, each in enumerate(explanations):
        active = per_input(masks.words[place], masks.layout) > 0
        effects = ablation_effects(
            network.model,
            network.layer,
            [each.unit],
            network.inputs,
            action=ablate(),
            by_input=True,
            batch=batch,
            show_progress=show_progress,
        ).on_outputs_by_input
        assert effects is not None
        found.append(-effects[0][active].mean(axis=0) if active.any() else np.zeros(effects.shape[2]))
    return np.array(found, dtype=np.float64)


def suggest_edits(
    explanations: Sequence[Explanation],
    class_: int | str,
    *,
    firing: Firing,
    inventory: Inventory,
    effects: np.ndarray,
    answers: np.ndarray,
    logits: np.ndarray | None = None,
    classes: Sequence[str] = (),
    replacing: bool = True,
    least_inputs: int = 10,
    most: int = 20,
) -> tuple[Edit, ...]:
    """Which concepts, put in or taken out, should change answers to a class.

    For each concept c that a formula names and each input x whose answer y(x) is another class, the formulas F_u are
    evaluated once more with c present everywhere (or nowhere) in x. Where F_u comes to hold, the unit fires more often
    by P(U|F) - P(U|not F), and the logit difference changes as it does when the unit fires:

        predicted(x) = sum_u [F_u(x; c) - F_u(x)] (P(U|F) - P(U|not F)) (e_u,class - e_u,y(x)).

    The prediction of an edit is the mean over the inputs it can be made on. A formula holds in an input where it holds
    at one of its positions. This is the part of the change that goes through formulas that name the concept: mostly far
    less than what the edit does, as it moves other units too, and moves units without making them fire.

    With `logits`, each edit also has what can be expected whatever the formulas say, from the coefficients b_c of a
    ridge regression of the logits on the presence of all concepts in the inputs:

        expected(x) = b_c,class - b_c,y(x)   (minus that for taking out, their sum for a replacement).

    Where the layer is the last but one, that is the sum over all its units of weight times expected change of
    activation. It ranks edits better than the part through formulas does, and tells their size better. The two err in
    different ways, so with both, edits stand in the order of their geometric mean, those that they disagree about last.
    Concepts that mostly come together (a word, and a group of words with it) share a coefficient.

    Args:
        explanations: the explanations of a layer's units.
        class_: the class that answers should become, by place or by name.
        firing: the masks that were explained.
        inventory: the concepts.
        effects: what each unit does to each logit when it begins to fire, shape (explanations, classes):
            `effects_from_weights` where the layer is the last but one, `measured_effects` elsewhere.
        answers: the network's answer at each input, as a place among the outputs, shape (inputs,).
        logits: the network's logits at each input, shape (inputs, classes); `answers_of` gives both.
        classes: the names of the classes.
        replacing: whether pairs of concepts of one category are suggested too, one in the place of the other; each
            concept in its best pair only.
        least_inputs: edits that can be made on fewer inputs are left out.
        most: how many are returned.

    Returns:
        Edits whose prediction through formulas is positive, by `Edit.rank`, the highest first.

    Raises:
        NetworkError: there is no such class; effects, answers or logits of another shape.

    Assumes:
        Units add up, and other concepts stay as they are: what `try_edits` puts to the test, and `TriedEdits.fit` says
        how well it came out.

    Example:
        >>> from aitia.networks import Above, Activations, Beam, Inventory
        >>> from aitia.networks.edits import effects_from_weights, suggest_edits
        >>> says_not = np.arange(90) % 3 == 0
        >>> inventory = Inventory.from_masks(np.stack([says_not, np.arange(90) % 2 == 0]), ["not", "dog"])
        >>> activations = Activations(says_not[:, None].astype(float))
        >>> firing = Above(0.0).fire(activations)
        >>> found = Beam(1).explain(firing, inventory)
        >>> effects = effects_from_weights(np.array([[-1.0, 2.0]]), activations, found)
        >>> edit, = suggest_edits(found, 1, firing=firing, inventory=inventory, effects=effects,
        ...                       answers=says_not.astype(int), classes=("follows", "contradicts"))
        >>> edit.action, edit.predicted, edit.class_name
        ("put in 'not'", 3.0, 'contradicts')
    """
    layout = firing.layout
    effects, answers = np.asarray(effects, dtype=np.float64), np.asarray(answers)
    masks = matching(explanations, firing)
    if effects.ndim != 2 or len(effects) != len(explanations) or answers.shape != (layout.inputs,):
        raise NetworkError(
            f"Expected effects of shape ({len(explanations)}, classes) and {layout.inputs:,} answers; came shapes "
            f"{effects.shape} and {answers.shape}.",
            "Give effects of the same explanations, and answers at the inputs of the concepts.",
        )
    if logits is not None and np.shape(logits) != (layout.inputs, effects.shape[1]):
        raise NetworkError(
            f"Expected logits of shape ({layout.inputs:,}, {effects.shape[1]}); came {np.shape(logits)}.",
            "Give what answers_of(network) returns.",
        )
    names = tuple(classes) or tuple(f"class {at}" for at in range(effects.shape[1]))
    to = _class(class_, names)
    other = answers != to
    present = {
        name: per_input(inventory.words_of(name), layout) > 0
        for name in dict.fromkeys(name for each in explanations for name in _named(each.formula))
    }
    gains: dict[tuple[str, bool], dict[int, np.ndarray]] = {}
    for place, each in enumerate(explanations):
        sure = _sureness(each, masks.words[place], inventory, layout)
        gain = sure * (effects[place, to] - effects[place][np.clip(answers, 0, effects.shape[1] - 1)])
        if not np.abs(gain[other]).max(initial=0.0) > LEAST:
            continue
        before = _anywhere(each.formula, inventory, layout)
        for name in dict.fromkeys(_named(each.formula)):
            for put_in in (True, False):
                change = _anywhere(each.formula, inventory, layout, name, put_in) - before
                if change.any():
                    gains.setdefault((name, put_in), {})[place] = change * gain
    edits: list[Edit] = []
    for (name, put_in), parts in gains.items():
        rows = other & (~present[name] if put_in else present[name])
        said = _edit(explanations, name if put_in else "", "" if put_in else name, rows, parts, to, names)
        edits.append(said)
    if replacing:
        edits += _replacements(
            explanations, inventory, gains, present, other, to, names, max(1, least_inputs)
        )
    good = [each for each in edits if each.predicted > LEAST and each.inputs >= least_inputs]
    if logits is not None:
        good = _with_expected(good, inventory, layout, np.asarray(logits, dtype=np.float64), answers, present)
    return tuple(sorted(good, key=lambda each: (-each.rank, -each.predicted, each.action))[:most])


def _with_expected(
    edits: Sequence[Edit],
    inventory: Inventory,
    layout: Any,
    logits: np.ndarray,
    answers: np.ndarray,
    present: Mapping[str, np.ndarray],
) -> list[Edit]:
    """Edits with what the regression of logits on the presence of all concepts leads to expect."""
    held = np.stack([per_input(inventory.words_of(name), layout) > 0 for name in inventory.names], axis=1)
    coefficients = _ridge(held.astype(np.float64), logits)
    found = []
    for each in edits:
        rows = answers != each.to
        change = np.zeros(logits.shape[1])
        for name, way in ((each.put_in, 1.0), (each.taken_out, -1.0)):
            if name:
                rows = rows & (present[name] != (way > 0))
                change += way * coefficients[inventory.place[name]]
        found.append(replace(each, expected=float((change[each.to] - change[answers[rows]]).mean())))
    return found


def _ridge(columns: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Coefficients (columns, targets) of a ridge regression with an intercept that is not penalised."""
    columns, targets = columns - columns.mean(axis=0), targets - targets.mean(axis=0)
    gram = columns.T @ columns
    gram[np.diag_indices_from(gram)] += PENALTY * len(columns)
    return np.linalg.solve(gram, columns.T @ targets)


def _class(class_: int | str, names: Sequence[str]) -> int:
    if isinstance(class_, str):
        if class_ not in names:
            raise NetworkError(f"There is no class {class_!r}.", nearest(class_, names))
        return list(names).index(class_)
    if not -1 < class_ < len(names):
        raise NetworkError(f"There is no class {class_}.", f"There are {len(names)}, counted from 0.")
    return int(class_)


def _named(formula: Formula) -> Iterator[str]:
    """All concepts whose masks a formula reads, those of NEIGHBORS too."""
    if isinstance(formula, Concept):
        yield formula.name
    elif isinstance(formula, Neighbors):
        yield from (formula.name, *formula.others)
    for part in formula.parts:
        yield from _named(part)


def _anywhere(
    formula: Formula, inventory: Inventory, layout: Any, name: str = "", put_in: bool = False
) -> np.ndarray:
    """Whether a formula holds in each input, as 0 or 1; with a concept put in everywhere, or taken out."""
    valid = layout.valid

    def of(each: str) -> np.ndarray:
        if each == name:
            return valid if put_in else np.zeros_like(valid)
        return inventory.words_of(each)

    return (per_input(formula.mask(of, valid) & valid, layout) > 0).astype(np.int64)


def _sureness(found: Explanation, unit: np.ndarray, inventory: Inventory, layout: Any) -> float:
    """P(U|F) - P(U|not F) over inputs."""
    holds = _anywhere(found.formula, inventory, layout) > 0
    fires = per_input(unit, layout) > 0
    if holds.all() or not holds.any():
        return 0.0
    return max(0.0, float(fires[holds].mean() - fires[~holds].mean()))


def _edit(
    explanations: Sequence[Explanation],
    put_in: str,
    taken_out: str,
    rows: np.ndarray,
    parts: dict[int, np.ndarray],
    to: int,
    names: Sequence[str],
) -> Edit:
    count = int(rows.sum())
    each = {place: float(part[rows].mean()) if count else 0.0 for place, part in parts.items()}
    order = sorted((place for place in each if abs(each[place]) > LEAST), key=lambda place: -abs(each[place]))
    because = tuple((explanations[place].unit, each[place]) for place in order)
    listed = [
        f"unit {explanations[place].unit} ({explanations[place].formula}) {each[place]:+.2f}"
        for place in order[:2]
    ]
    more = f" and {len(order) - 2} more" if len(order) > 2 else ""
    reason = f"It follows from {prose(listed) if not more else ', '.join(listed) + more}." if listed else ""
    return Edit(put_in, taken_out, to, names[to], sum(each.values()), count, because, reason)


def _replacements(
    explanations: Sequence[Explanation],
    inventory: Inventory,
    gains: dict[tuple[str, bool], dict[int, np.ndarray]],
    present: dict[str, np.ndarray],
    other: np.ndarray,
    to: int,
    names: Sequence[str],
    least_inputs: int,
) -> list[Edit]:
    """One concept in the place of another of its category, where putting in and taking out both should help.

    Each concept comes in one pair: the best of those whose concepts are not yet in a better one.
    """
    found = []
    category = dict(zip(inventory.names, inventory.categories, strict=True))
    outs = [name for name, put_in in gains if not put_in and category.get(name)]
    for new in (name for name, put_in in gains if put_in and category.get(name)):
        for old in outs:
            if new == old or category[new] != category[old]:
                continue
            rows = other & present[old] & ~present[new]
            if rows.sum() < least_inputs:
                continue
            one, two = gains[new, True], gains[old, False]
            if (
                min(sum(p[rows].mean() for p in one.values()), sum(p[rows].mean() for p in two.values()))
                <= LEAST
            ):
                continue
            parts = {
                place: one.get(place, np.zeros(len(rows))) + two.get(place, np.zeros(len(rows)))
                for place in {**one, **two}
            }
            found.append(_edit(explanations, new, old, rows, parts, to, names))
    kept: list[Edit] = []
    used: set[str] = set()
    for each in sorted(found, key=lambda each: (-each.rank, -each.predicted, each.action)):
        if not used & {each.put_in, each.taken_out}:
            kept.append(each)
            used |= {each.put_in, each.taken_out}
    return kept
