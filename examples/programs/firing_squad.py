"""The firing squad: court order C, captain D (the order passed on), riflemen A and B, prisoner dead or alive.

The prisoner is dead. Would he live, had rifleman A not fired? No: B fired too. And if A had fired though the captain
gave no signal, the prisoner would die, and B would not have fired (Pearl 2009, section 1.4.1 and 7.1.2).
"""

import jax.numpy as jnp
import numpyro.distributions as dist

from aitia.programs import Program, noise


def order(*, court=noise(dist.Bernoulli(0.7))):
    """The court orders the execution."""
    return court


def captain(order):
    """The captain signals if the court orders it."""
    return order


def A(captain, *, nerves=noise(dist.Bernoulli(0.1))):
    """Rifleman A fires on the signal, or out of nervousness."""
    return jnp.maximum(captain, nerves)


def B(captain):
    """Rifleman B fires on the signal."""
    return captain


def dead(A, B):
    """The prisoner dies if either fires."""
    return jnp.maximum(A, B)


program = Program([order, captain, A, B, dead])


def answers() -> dict[str, float]:
    """What the example teaches, by name."""
    return {
        # Dead, so the court ordered it or A was nervous: 0.7 / (1 - 0.3 * 0.9) = 0.7 / 0.73.
        "dead had A not fired, the prisoner being dead": program.query(
            "dead", evidence={"dead": 1}, do={"A": 0}
        ).mean,
        "dead had A not fired, both having fired on an order": program.query(
            "dead", evidence={"dead": 1, "order": 1}, do={"A": 0}
        ).mean,
        "B fires though A is made to, no signal given": program.query(
            "B", given={"captain": 0}, do={"A": 1}
        ).mean,
        "dead if A is made to fire, no signal given": program.query(
            "dead", given={"captain": 0}, do={"A": 1}
        ).mean,
    }


if __name__ == "__main__":
    for name, value in answers().items():
        print(f"{name}: {value:.3f}")
