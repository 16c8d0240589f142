"""Kidney stones: the size of the stone decides the treatment and the success (Charig et al. 1986).

Percutaneous treatment succeeds more often among the treated as they came, open surgery if it is given to anybody:
Simpson's paradox, as seeing against doing. The tables hold the study's own counts.
"""

import jax.numpy as jnp
import numpyro.distributions as dist

from aitia.programs import Program

# Successes and patients by size (small, large) and treatment (open, percutaneous).
SUCCESSES = jnp.array([[81, 234], [192, 55]])
PATIENTS = jnp.array([[87, 270], [263, 80]])


def size():
    """The stone's size."""
    return dist.Categorical(PATIENTS.sum(axis=1) / PATIENTS.sum())


def treatment(size):
    """What the doctors chose."""
    return dist.Categorical(PATIENTS[size] / PATIENTS[size].sum())


def success(size, treatment):
    """Whether the treatment succeeded."""
    return dist.Bernoulli(SUCCESSES[size, treatment] / PATIENTS[size, treatment])


program = Program(
    [size, treatment, success],
    levels={"size": ("small", "large"), "treatment": ("open", "percutaneous")},
)


def answers() -> dict[str, float]:
    """What the example teaches, by name."""
    return {
        "success seen with open surgery": program.query("success", given={"treatment": "open"}).mean,
        "success seen with percutaneous": program.query("success", given={"treatment": "percutaneous"}).mean,
        "success if all get open surgery": program.query("success", do={"treatment": "open"}).mean,
        "success if all get percutaneous": program.query("success", do={"treatment": "percutaneous"}).mean,
        "open surgery against percutaneous": program.contrast(
            "success", do={"treatment": "open"}, versus={"treatment": "percutaneous"}
        ).mean,
        "would have succeeded with open surgery, percutaneous having failed on a large stone": program.query(
            "success",
            evidence={"size": "large", "treatment": "percutaneous", "success": 0},
            do={"treatment": "open"},
        ).mean,
    }


if __name__ == "__main__":
    for name, value in answers().items():
        print(f"{name}: {value:.3f}")
