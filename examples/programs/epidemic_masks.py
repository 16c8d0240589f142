"""An epidemic with masks: what masks change if they come at once, late, or never; and what would have been.

People are susceptible, exposed, infectious, recovered. Masks take a part of transmission away from a day on. If they
come at once and stay, the final size follows from an equation of one line (Kermack and McKendrick 1927): the share z
that is ever infected solves z = 1 - exp(-R z), with R the reproduction number that masks leave.
"""

from aitia.programs.time import Epidemic, Masks, Rates

PEOPLE = 1_000_000
DAYS = 400
RATES = Rates(reproduction=2.5, infectious_days=5.0, latent_days=3.0, seeds=10.0)
LEFT = 0.6  # of transmission, with masks

epidemic = Epidemic(PEOPLE)


def attacked(*measures: Masks) -> float:
    """The share of people ever infected."""
    course = epidemic.solve(RATES, DAYS, measures)
    return 1 - float(course.susceptible[-1].sum()) / PEOPLE


def answers() -> dict[str, float]:
    """What the example teaches, by name."""
    never, at_once, late = attacked(), attacked(Masks(0, LEFT)), attacked(Masks(60, LEFT))
    return {
        "ever infected without masks": never,
        "ever infected with masks from the first day": at_once,
        "ever infected with masks from day 60": late,
        "spared by masks from the first day rather than day 60": late - at_once,
    }


if __name__ == "__main__":
    for name, value in answers().items():
        print(f"{name}: {value:.4f}")
