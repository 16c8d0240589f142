"""A soccer trade: a club sold its striker in winter and then scored few goals. Was it the sale?

Form (the team's shape this season, in standard deviations) moves both: a team in bad form sells its striker more
often, and scores less anyway. Goals are counts, so what the season would have brought with the striker depends on
how a count keeps its luck: the program says by rank, and the answer names that assumption.
"""

import jax.numpy as jnp
import numpyro.distributions as dist

from aitia.programs import Program


def form():
    """The team's form."""
    return dist.Normal(0, 1)


def sold(form):
    """Whether the striker is sold: more likely in bad form."""
    return dist.Bernoulli(logits=-1.5 * form)


def goals(form, sold):
    """Goals in the second half of the season."""
    return dist.Poisson(jnp.exp(3.2 + 0.25 * form - 0.2 * sold))


program = Program([form, sold, goals])


def answers() -> dict[str, float]:
    """What the example teaches, by name."""
    season = {"form": -1.0, "sold": 1, "goals": 14}
    kept = program.query("goals", evidence=season, do={"sold": 0})
    return {
        "goals seen with the striker sold, less with him kept": program.query("goals", given={"sold": 1}).mean
        - program.query("goals", given={"sold": 0}).mean,
        "goals that a sale costs": program.contrast("goals", do={"sold": 1}, versus={"sold": 0}).mean,
        "goals of a season with form -1 and 14 goals after a sale, had he been kept": kept.mean,
    }


if __name__ == "__main__":
    for name, value in answers().items():
        print(f"{name}: {value:.3f}")
