"""A search for a flat to rent: is the dearer flat better, or do better streets make flats dear?

The street's quality is not measured; it moves the rent and the tenant's satisfaction. What tenants report of dear
flats (seeing) is not what a higher rent for the same flat would bring (doing). And a tenant who knows their flat
can ask what the same flat, two rooms larger, would have meant for them (imagining). Everything is in standard
deviations and linear, so that matrix algebra has the answers.
"""

import numpyro.distributions as dist

from aitia.programs import Program, noise


def street(*, own=noise(dist.Normal(0, 1))):
    """Quality of the street; nobody measures it."""
    return own


def rooms(*, own=noise(dist.Normal(0, 1))):
    """Size of the flat."""
    return own


def rent(street, rooms, *, own=noise(dist.Normal(0, 0.5))):
    """Rent."""
    return 0.8 * street + 0.6 * rooms + own


def satisfaction(street, rooms, rent, *, own=noise(dist.Normal(0, 0.6))):
    """Satisfaction of the tenant."""
    return 0.9 * street + 0.5 * rooms - 0.4 * rent + own


program = Program([street, rooms, rent, satisfaction])


def answers() -> dict[str, float]:
    """What the example teaches, by name."""
    flat = {"rooms": 0.0, "rent": 1.0, "satisfaction": 0.5}
    seen = [program.query("satisfaction", given={"rent": rent}).mean for rent in (1.0, 0.0)]
    return {
        "satisfaction seen with one unit more rent": seen[0] - seen[1],
        "satisfaction with one unit more rent for the same flats": program.contrast(
            "satisfaction", do={"rent": 1.0}, versus={"rent": 0.0}
        ).mean,
        "quality of the street of a flat with rent 1, satisfaction 0.5": program.query(
            "street", given=flat
        ).mean,
        "satisfaction of that tenant, had the flat been two larger at the rent that follows": program.query(
            "satisfaction", evidence=flat, do={"rooms": 2.0}
        ).mean,
    }


if __name__ == "__main__":
    for name, value in answers().items():
        print(f"{name}: {value:.4f}")
