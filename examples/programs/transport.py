"""Transport: who travels by car, by train or otherwise, and what town and work have to do with it.

The network and its tables are the transport survey of Scutari and Denis (2014, chapter 1): age and sex decide
education, education decides work and the size of town, those two decide how people travel. To look at people of small
towns and to move people there give nearly the same here, because education moves work by little: the program says by
how much, and what would have become of one driver.
"""

import jax.numpy as jnp
import numpyro.distributions as dist

from aitia.programs import Program

UNIVERSITY = jnp.array([[0.25, 0.36], [0.28, 0.30], [0.12, 0.10]])  # by age and sex
SELF_EMPLOYED = jnp.array([0.04, 0.08])  # by education
BIG_TOWN = jnp.array([0.75, 0.80])  # by education
TRAVEL = jnp.array([[[0.48, 0.42, 0.10], [0.58, 0.24, 0.18]], [[0.56, 0.36, 0.08], [0.70, 0.21, 0.09]]])


def age():
    """Age, in three classes."""
    return dist.Categorical(jnp.array([0.3, 0.5, 0.2]))


def sex():
    """Sex, as the survey has it."""
    return dist.Categorical(jnp.array([0.6, 0.4]))


def education(age, sex):
    """High school or university."""
    return dist.Bernoulli(UNIVERSITY[age, sex])


def occupation(education):
    """Employed or self-employed."""
    return dist.Bernoulli(SELF_EMPLOYED[education])


def residence(education):
    """A small town or a big one."""
    return dist.Bernoulli(BIG_TOWN[education])


def travel(occupation, residence):
    """The usual means of transport."""
    return dist.Categorical(TRAVEL[occupation, residence])


program = Program(
    [age, sex, education, occupation, residence, travel],
    levels={
        "age": ("young", "adult", "old"),
        "sex": ("M", "F"),
        "education": ("high", "uni"),
        "occupation": ("emp", "self"),
        "residence": ("small", "big"),
        "travel": ("car", "train", "other"),
    },
)


def answers() -> dict[str, float]:
    """What the example teaches, by name."""
    seen = program.query("travel", given={"residence": "small"})
    done = program.query("travel", do={"residence": "small"})
    mover = program.query(
        "travel",
        evidence={"residence": "big", "travel": "car", "occupation": "emp"},
        do={"residence": "small"},
    )
    return {
        "by train, seen in a small town": seen.probability("train"),
        "by train, if all moved to small towns": done.probability("train"),
        "by train, if all became self-employed": program.query(
            "travel", do={"occupation": "self"}
        ).probability("train"),
        "a woman by train": program.query("travel", given={"sex": "F"}).probability("train"),
        "an employed driver of a big town would take the train in a small one": mover.probability("train"),
    }


if __name__ == "__main__":
    for name, value in answers().items():
        print(f"{name}: {value:.4f}")
