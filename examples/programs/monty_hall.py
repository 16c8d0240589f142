"""Monty Hall: a prize behind one of three doors, a first choice, a door that the host opens, stay or switch.

The host never opens the chosen door nor the prize's. To switch wins two times in three; a host who opens at random
and happens to reveal no prize leaves it at one half. Same sight, other mechanism, other answer.
"""

import jax.numpy as jnp
import numpyro.distributions as dist

from aitia.programs import Program

THIRDS = jnp.ones(3) / 3


def prize():
    """The door with the prize."""
    return dist.Categorical(THIRDS)


def choice():
    """The player's first door."""
    return dist.Categorical(THIRDS)


def opened(prize, choice):
    """The host opens a door that is neither the player's nor the prize's."""
    allowed = (jnp.arange(3) != prize) & (jnp.arange(3) != choice)
    return dist.Categorical(allowed / allowed.sum())


def careless(choice):
    """A host who does not know, and opens any door but the player's."""
    allowed = jnp.arange(3) != choice
    return dist.Categorical(allowed / allowed.sum())


def switch():
    """Whether the player switches."""
    return dist.Bernoulli(0.5)


def final(choice, opened, switch):
    """The player's last door: the third one after a switch."""
    return jnp.where(switch == 1, 3 - choice - opened, choice)


def wins(final, prize):
    """Whether the prize is behind the last door."""
    return (final == prize).astype(int)


program = Program([prize, choice, opened, switch, final, wins])
careless_host = Program(
    {"prize": prize, "choice": choice, "opened": careless, "switch": switch, "final": final, "wins": wins}
)


def answers() -> dict[str, float]:
    """What the example teaches, by name."""
    seen = {"choice": 0, "opened": 2}
    # The careless host has shown no prize: the prize is behind door 0 or 1.
    no_prize = {**seen, "prize": {0, 1}}
    return {
        "win by switching": program.query("wins", do={"switch": 1}).mean,
        "win by staying": program.query("wins", do={"switch": 0}).mean,
        "win by switching, having chosen 0 and seen 2 opened": program.query(
            "wins", given=seen, do={"switch": 1}
        ).mean,
        "the same with a careless host who shows no prize": careless_host.query(
            "wins", given=no_prize, do={"switch": 1}
        ).mean,
        "would have won by switching, having stayed and lost": program.query(
            "wins", evidence={"switch": 0, "wins": 0}, do={"switch": 1}
        ).mean,
    }


if __name__ == "__main__":
    for name, value in answers().items():
        print(f"{name}: {value:.3f}")
