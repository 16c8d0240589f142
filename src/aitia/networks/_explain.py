"""From activations and concepts to explanations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aitia.core import Decision, either, many
from aitia.networks._activations import Activations
from aitia.networks._errors import ConceptError, SearchError
from aitia.networks._explanation import Explanation
from aitia.networks._explanations import Explanations
from aitia.networks._firing import Binarisation, Firing
from aitia.networks._fitted import fitted
from aitia.networks.concepts._inventory import Inventory
from aitia.networks.firing import Above
from aitia.networks.refutation import Trial, permutation_null
from aitia.networks.refutation._groups import group_of_inputs
from aitia.networks.refutation._permutation_null import SECONDS, repeated, seconds_a_replicate
from aitia.networks.search import Exact, Search

MOST = 99
LEAST = 19  # with fewer, no p-value can be as low as 0.05
LONGEST = 180  # seconds of one core for a null of so few, about, beyond which none is made


def explain(
    activations: Activations | np.ndarray,
    concepts: Inventory,
    *,
    search: Search | None = None,
    binarise: Binarisation | None = None,
    units: Sequence[int] | None = None,
    null: int | None = None,
    null_search: Search | None = None,
    groups: npt.ArrayLike | None = None,
    least: int = 1,
    seed: int = 0,
    show_progress: bool | None = None,
) -> Explanations:
    """For each unit, the formula over concepts that describes best when it fires, and whether it beats chance.

    The units' activations are made into masks, and the search looks for the formula whose mask is most like each: of
    highest intersection over union |F and U| / |F or U|. The null (`permutation_null`) says how high that score gets
    where a unit has nothing to do with the concepts: masks are exchanged between inputs and shifted within them, and
    searched again.

    Args:
        activations: what the units did, from `record`; or numbers of shape (inputs, units, *positions).
        concepts: what holds at the same inputs, in the same order.
        search: how to look; None for `Exact(3)`.
        binarise: where units fire; None for `Above(0.0)`.
        units: the units explained, by their numbers; None for all.
        null: the most replicates of the null; 0 for none; None for 99, or as many as can be made in about a minute, but
            19 at least, and none where these would take minutes (judged by sizes and by what the search tried).
        null_search: the search that the null repeats on the units' masks and on shuffled ones; None for the same
            search, or a beam search in the place of an exact one that would take more than about a minute. What was
            repeated is said in `decisions` and in every trial of the null.
        groups: what inputs belong together (frames of a film, sentences of a text, rows of a person), as a label for
            each input, shape (inputs,): the null then moves groups whole. None where each input stands for itself.
        least: concepts that hold at fewer positions are set aside.
        seed: of the shuffles.
        show_progress: whether to show progress; None for where output is a terminal.

    Returns:
        An explanation for each unit. After Ctrl-C those of the units that were begun, with `interrupted` set.

    Raises:
        ActivationError: activations that are not numbers, of other inputs than the concepts, or a unit that is not
            there.
        ConceptError: no concept holds often enough, or masks that are no `Inventory`.
        SearchError: groups of other inputs, or fewer than two of them; what is no search, or no binarisation.

    Assumes:
        For the null: inputs are exchangeable; with `groups`, groups of one size (`PermutationNull`).

    Source:
        Mu and Andreas 2020, Compositional Explanations of Neurons.

    Example:
        >>> from aitia.networks import Inventory, equivalent, explain, parse
        >>> draws = np.random.default_rng(0)
        >>> inventory = Inventory.from_masks(draws.random((5, 400)) < 0.3, ["water", "boat", "sky", "sand", "bird"])
        >>> water, boat = inventory.layout.unpack(inventory.words)[:2]
        >>> activations = np.where(water & ~boat, 1.0, -1.0)[:, None]
        >>> found = explain(activations, inventory, null=19)
        >>> equivalent(found[0].formula, parse("water AND NOT boat"))
        True
        >>> found[0].score, found[0].certified, found.null_p
        (1.0, True, (0.05,))
    """
    search, binarise = search or Exact(3), binarise or Above(0.0)
    _check_kinds(concepts, search, binarise)
    if null is not None and null < 0:
        raise SearchError(f"The null cannot have {null} replicates.", "Give 0 for none.")
    given = activations if isinstance(activations, Activations) else Activations(np.asarray(activations))
    if units is not None:
        given = given.only(units)
    group_of_inputs(groups, given.inputs)
    firing, inventory = fitted(binarise.fire(given, concepts.layout), concepts)
    inventory = inventory.enough(least)
    if not len(inventory):
        rare = f"None of {many(len(concepts), 'concept')} holds at {many(least, 'position')} or more."
        lower = ", or lower least" if least > 1 else ""
        raise ConceptError(
            rare if len(concepts) else "There are no concepts.",
            f"Check that the annotations were read{lower}.",
        )
    found = search.explain(firing, inventory, show_progress=show_progress)
    decisions = [*given.decisions, *inventory.decisions, *firing.decisions]
    warnings = _warnings(firing)
    # Out of time is a limit that was asked for; without one, only Ctrl-C stops a search.
    limited = getattr(search, "seconds", None) is not None
    interrupted = len(found) < len(firing) or (not limited and any(each.stopped for each in found))
    trials: tuple[Trial, ...] = ()
    if interrupted:
        warnings.append(
            f"The search was stopped: {len(found)} of {many(len(firing), 'unit')} {either(len(found), 'was', 'were')} "
            "begun, and no null was made."
        )
        return _made(found, inventory, firing, given, trials, decisions, warnings, seed, interrupted)
    late = sum(each.stopped for each in found)
    if late:
        warnings.append(
            f"{late} of {many(len(found), 'search', 'searches')} ended for want of time: "
            f"{either(late, 'its formula is', 'their formulas are')} the best so far, with a gap."
        )
    repeat, count = _null(search, null_search, found, inventory, null)
    if count:
        try:
            trials = permutation_null(
                found,
                firing,
                inventory,
                search,
                replicates=count,
                null_search=repeat,
                groups=groups,
                seed=seed,
                show_progress=show_progress,
            )
            decisions += _said(search, repeat, null_search is None, null is None, count)
            if groups is not None:
                decisions.append(Decision("the null moved groups of inputs whole", "groups were given"))
                warnings += _without_p(found, trials)
        except KeyboardInterrupt:
            interrupted = True
            warnings.append("The null was stopped: whether the explanations beat chance is not known.")
    elif null is None:
        warnings.append(
            "No null was made: for so many units and concepts it would take long. Ask for replicates (19 or more), or "
            "for fewer units."
        )
    return _made(found, inventory, firing, given, trials, decisions, warnings, seed, interrupted)


def _check_kinds(concepts: object, search: object, binarise: object) -> None:
    if not isinstance(concepts, Inventory):
        raise ConceptError(
            f"Expected an Inventory of concepts; came {type(concepts).__name__}.",
            "Make one: Inventory.from_masks(masks, names), with masks of shape (concepts, inputs, ...).",
        )
    if isinstance(search, type) or not isinstance(search, Search):
        raise SearchError(f"Expected a search; came {search!r}.", "Give Exact(3), or Beam(3).")
    if isinstance(binarise, type) or not isinstance(binarise, Binarisation):
        raise SearchError(
            f"Expected a rule of where units fire; came {binarise!r}.", "Give Above(0.0), or Quantile(0.005)."
        )


def _made(
    found: Sequence[Explanation],
    inventory: Inventory,
    firing: Firing,
    activations: Activations,
    trials: tuple[Trial, ...],
    decisions: Sequence[Decision],
    warnings: Sequence[str],
    seed: int,
    interrupted: bool,
) -> Explanations:
    return Explanations(
        tuple(found),
        inventory,
        _first(firing, len(found)),
        activations,
        trials,
        tuple(decisions),
        tuple(warnings),
        seed,
        interrupted,
    )


def _null(
    search: Search,
    asked: Search | None,
    found: Sequence[Explanation],
    inventory: Inventory,
    replicates: int | None,
) -> tuple[Search, int]:
    """Which search the null repeats, and how often at most; 0 where 19 replicates would take minutes."""
    if replicates is not None:
        return asked or repeated(search, found, inventory, replicates), replicates
    repeat = asked or repeated(search, found, inventory, LEAST)
    each = seconds_a_replicate(repeat, found, inventory)
    if LEAST * each > LONGEST:
        return repeat, 0
    return repeat, int(min(MOST, max(LEAST, SECONDS / each)))


def _said(search: Search, repeat: Search, by_us: bool, usual: bool, count: int) -> list[Decision]:
    """What was decided about the null."""
    made = [
        Decision(
            f"searched at most {count} shuffles of each unit for its null",
            "the default" if usual else "asked for",
        )
    ]
    if repeat != search:
        made.append(
            Decision(
                f"the null compares what {repeat.description} finds, on the units' own masks and on shuffled ones; the "
                f"explanations are those of {search.description}",
                "repeating that would take long or depend on the clock" if by_us else "asked for",
            )
        )
    return made


def _without_p(found: Sequence[Explanation], trials: Sequence[Trial]) -> list[str]:
    """That some units that fire have no p for want of groups."""
    fires = [each.overlap.unit > 0 for each in found]
    without = [each for each, any_ in zip(trials, fires, strict=True) if any_ and each.p_value is None]
    if not without:
        return []
    first = without[0].sentence
    return [
        f"{len(without)} of {many(len(trials), 'unit')} {either(len(without), 'has', 'have')} no p. {first}"
    ]


def _warnings(firing: Firing) -> list[str]:
    total = firing.layout.total
    found = []
    for word, those in (("never", firing.size == 0), ("always", firing.size == total)):
        at = np.flatnonzero(those)
        if len(at):
            named = ", ".join(str(firing.units[each]) for each in at[:8]) + (", ..." if len(at) > 8 else "")
            found.append(
                f"{len(at)} of {many(len(firing), 'unit')} {word} {either(len(at), 'fires', 'fire')} ({named}): "
                f"{either(len(at), 'its formula says', 'their formulas say')} nothing."
            )
    return found


def _first(firing: Firing, count: int) -> Firing:
    if count == len(firing):
        return firing
    from dataclasses import replace

    return replace(
        firing,
        units=firing.units[:count],
        words=firing.words[:count],
        low=firing.low[:count],
        high=firing.high[:count],
    )
