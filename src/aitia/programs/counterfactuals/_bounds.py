"""Bounds on probabilities of causation from an experiment and observation together, in closed form."""

from __future__ import annotations

from dataclasses import dataclass

from aitia.programs._errors import QueryError


@dataclass(frozen=True)
class Causation:
    """Bounds (low, high) on the probabilities of causation.

    Args:
        necessity: P(Y_{x'} = y' | x, y): of those treated who have the outcome, who would not have had it untreated.
        sufficiency: P(Y_x = y | x', y'): of those untreated without it, who would have had it treated.
        both: P(Y_x = y, Y_{x'} = y'): who has it if and only if treated.
    """

    necessity: tuple[float, float]
    sufficiency: tuple[float, float]
    both: tuple[float, float]


def tian_pearl(
    joint: dict[tuple[bool, bool], float], do_treated: float, do_control: float, *, monotone: bool = False
) -> Causation:
    """The sharp bounds on probabilities of causation given experimental and observational probabilities.

    For a treatment with two values. Tian and Pearl 2000, "Probabilities of causation: bounds and identification",
    sections 4.2.3 (bounds) and 4.3 (monotone: they are then points); Pearl 2009, equations 9.14 to 9.29.

    Args:
        joint: P(treatment, outcome) as seen, by (treated, with the outcome); the four sum to one.
        do_treated: P(outcome | do(treated)).
        do_control: P(outcome | do(control)).
        monotone: whether the treatment prevents the outcome for nobody.

    Raises:
        QueryError: the numbers are no probabilities, or contradict each other (or monotonicity).

    Example:
        Pearl 2009, section 9.4, table 9.2: a drug whose users died no more often than non-users.

        >>> seen = {(True, True): 0.001, (True, False): 0.499, (False, True): 0.014, (False, False): 0.486}
        >>> found = tian_pearl(seen, do_treated=0.016, do_control=0.014)
        >>> [round(each, 3) for each in found.necessity + found.both]
        [1.0, 1.0, 0.002, 0.016]
    """
    xy, x_, _y, __ = (joint[key] for key in ((True, True), (True, False), (False, True), (False, False)))
    slack = 1e-9
    if min(xy, x_, _y, __) < -slack or abs(xy + x_ + _y + __ - 1) > 1e-6:
        raise QueryError(f"The joint probabilities {joint} are none.", "The four must sum to one.")
    # P(y_x) holds those seen treated with the outcome, and at most all seen untreated besides.
    for name, do, low, high in (
        ("do_treated", do_treated, xy, 1 - x_),
        ("do_control", do_control, _y, 1 - __),
    ):
        if not low - slack <= do <= high + slack:
            raise QueryError(
                f"{name} is {do:.6g}, but what is seen allows {low:.6g} to {high:.6g}.",
                "The experiment and the observations are of different populations, or one is off by chance.",
            )
    y = xy + _y

    def ratio(low: float, high: float, by: float) -> tuple[float, float]:
        if by <= 0:
            return (0.0, 1.0)
        return (min(1.0, max(0.0, low / by)), max(0.0, min(1.0, high / by)))

    if monotone:
        both, pn, ps = do_treated - do_control, y - do_control, do_treated - y
        if min(both, pn, ps) < -slack:
            raise QueryError(
                "The probabilities contradict monotonicity: the treatment must prevent the outcome for some.",
                "Leave monotone out.",
            )
        return Causation(ratio(pn, pn, xy), ratio(ps, ps, __), (max(both, 0.0), max(both, 0.0)))
    low = max(0.0, do_treated - do_control, y - do_control, do_treated - y)
    high = min(do_treated, 1 - do_control, xy + __, do_treated - do_control + x_ + _y)
    return Causation(
        ratio(y - do_control, 1 - do_control - __, xy),
        ratio(do_treated - y, do_treated - xy, __),
        (low, high),
    )
