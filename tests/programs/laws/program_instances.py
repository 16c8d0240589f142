"""The table of programs on which every law is tried. A new kind of program joins by adding a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

from aitia.programs import Program, above, noise, parameter
from aitia.programs._events import at_most
from aitia.programs._fitted import Fitted, prior_draws


@dataclass(frozen=True, eq=False)
class Instance:
    """A program and what to ask of it.

    Args:
        program: the program.
        root: a node without parents, and a value of it.
        outcome: the node asked for.
        first: an action on one node.
        second: an action on another node.
        fact: evidence that is possible, the first action's node among it.
        split: two events, one of which holds for every unit.
        fitted: the program with draws of its parameters.
    """

    program: Program
    root: tuple[str, Any]
    outcome: str
    first: tuple[str, Any]
    second: tuple[str, Any]
    fact: Mapping[str, Any]
    split: tuple[Mapping[str, Any], Mapping[str, Any]]
    fitted: Fitted = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fitted", prior_draws(self.program, draws=2, seed=3))


def over(node: str, bound: float) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return {node: above(bound)}, {node: at_most(bound)}


def normal(scale: float = 1.0):
    return noise(dist.Normal(0.0, scale))


def chain() -> Instance:
    def X(*, own=normal()):
        return own

    def H(X, *, own=normal()):
        return 0.5 * X + own

    def Y(X, H, *, own=normal()):
        return 0.7 * X + 0.4 * H + own

    fact = {"X": 0.5, "H": 1.0, "Y": 1.5}
    return Instance(Program([X, H, Y]), ("X", 1.0), "Y", ("H", 2.0), ("X", -1.0), fact, over("Y", 0.3))


def fork() -> Instance:
    def z():
        return dist.Normal(1.0, 2.0)

    def x(z):
        return dist.Normal(-z, 1.0)

    def y(z, x):
        return dist.Normal(2 * z + x, 0.5)

    return Instance(
        Program([z, x, y]), ("z", 0.5), "y", ("x", 1.0), ("z", 0.0), {"x": 0.5, "y": 2.0}, over("x", -1.0)
    )


def collider() -> Instance:
    def left():
        return dist.Normal(0.0, 1.0)

    def right():
        return dist.Normal(1.0, 1.0)

    def total(left, right):
        return left + 2 * right

    def report(total, *, slip=normal(0.3), drift=noise(dist.Normal(0.1, 0.2))):
        return total + slip - drift

    fact = {"left": 0.2, "total": 1.0}
    return Instance(
        Program([left, right, total, report]), ("left", 1.0), "report", ("left", 2.0), ("right", 0.0), fact,
        over("report", 2.0),
    )  # fmt: skip


def confounded() -> Instance:
    def hidden():
        return dist.Normal(0.0, 1.0)

    def x(hidden):
        return dist.Normal(hidden, 1.0)

    def y(x, hidden):
        return dist.Normal(x - 2 * hidden, 1.0)

    return Instance(
        Program([hidden, x, y]), ("hidden", 1.0), "y", ("x", 1.0), ("hidden", 0.0), {"x": 1.0, "y": 0.0},
        over("y", 0.0),
    )  # fmt: skip


def learned() -> Instance:
    def x(*, centre=parameter(dist.Normal(0, 1))):
        return dist.Normal(centre, 1.0)

    def m(x, *, slope=parameter(dist.Normal(1, 0.5)), spread=parameter(dist.HalfNormal(1))):
        return dist.Normal(slope * x, spread)

    def y(x, m, *, a=parameter(dist.Normal(0, 1)), b=parameter(dist.Normal(0, 1))):
        return dist.Normal(a * x + b * m, 1.0)

    return Instance(
        Program([x, m, y]), ("x", 1.0), "y", ("m", 1.0), ("x", 0.0), {"m": 0.5, "y": 0.5}, over("m", 0.0)
    )


def vectors() -> Instance:
    def pair():
        return dist.MultivariateNormal(jnp.zeros(2), jnp.array([[1.0, 0.5], [0.5, 2.0]]))

    def x(pair):
        return dist.Normal(pair[0] - pair[1], 1.0)

    def y(pair, x):
        return dist.Normal(pair @ jnp.array([1.0, 2.0]) + x, 1.0)

    return Instance(
        Program([pair, x, y]), ("pair", np.array([1.0, -1.0])), "y", ("x", 0.5), ("pair", np.array([0.0, 1.0])),
        {"x": 1.0, "y": 0.0}, over("x", 0.2),
    )  # fmt: skip


def kidney_stones() -> Instance:
    def size():
        return dist.Bernoulli(0.49)

    def treatment(size):
        return dist.Bernoulli(jnp.where(size == 1, 0.767, 0.244))

    def success(size, treatment):
        return dist.Bernoulli(jnp.array([[0.867, 0.931], [0.688, 0.730]])[size, treatment])

    return Instance(
        Program([size, treatment, success]), ("size", 1), "success", ("treatment", 1), ("size", 0),
        {"treatment": 1, "success": 1}, ({"success": 1}, {"success": 0}),
    )  # fmt: skip


def monty_hall() -> Instance:
    def car():
        return dist.Categorical(jnp.ones(3) / 3)

    def pick():
        return dist.Categorical(jnp.ones(3) / 3)

    def opened(car, pick):
        doors = jnp.arange(3)
        open_to = jnp.where((doors == car) | (doors == pick), 0.0, 1.0)
        return dist.Categorical(open_to / open_to.sum())

    def stay_wins(car, pick):
        return jnp.where(car == pick, 1, 0)

    return Instance(
        Program([car, pick, opened, stay_wins]), ("pick", 0), "stay_wins", ("pick", 0), ("car", 2),
        {"pick": 0, "opened": 2}, ({"opened": 0}, {"opened": {1, 2}}),
    )  # fmt: skip


def firing_squad() -> Instance:
    def order():
        return dist.Bernoulli(0.5)

    def nervous():
        return dist.Bernoulli(0.2)

    def first(order, nervous):
        return jnp.maximum(order, nervous)

    def second(order):
        return order

    def dead(first, second):
        return jnp.maximum(first, second)

    return Instance(
        Program([order, nervous, first, second, dead]), ("order", 1), "dead", ("first", 1), ("second", 0),
        {"first": 1, "dead": 1}, ({"dead": 1}, {"dead": 0}),
    )  # fmt: skip


def levels() -> Instance:
    def u():
        return dist.Bernoulli(0.3)

    def kind(u):
        return dist.Categorical(jnp.array([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]])[u])

    def grade(kind, u):
        return dist.Binomial(3, 0.2 + 0.2 * kind + 0.1 * u)

    return Instance(
        Program([u, kind, grade]), ("u", 1), "grade", ("kind", 2), ("u", 0), {"kind": 2, "grade": 1},
        over("grade", 1),
    )  # fmt: skip


def learned_rates() -> Instance:
    def arm(*, share=parameter(dist.Beta(2, 2))):
        return dist.Bernoulli(share)

    def event(arm, *, rates=parameter(dist.Beta(2 * jnp.ones(2), 2.0).to_event(1))):
        return dist.Bernoulli(rates[arm])

    def cost(event, arm):
        return 10 * event + 3 * arm

    return Instance(
        Program([arm, event, cost]), ("arm", 1), "cost", ("arm", 1), ("event", 0), {"arm": 1, "event": 1},
        ({"event": 1}, {"event": 0}),
    )  # fmt: skip


def mixed() -> Instance:
    def t():
        return dist.Bernoulli(0.4)

    def x(t):
        return dist.Normal(1.0 * t, 1.0)

    def y(t, x):
        return dist.Bernoulli(logits=x - t)

    return Instance(
        Program([t, x, y]), ("t", 1), "y", ("x", 0.5), ("t", 0), {"t": 1, "x": 0.5, "y": 1}, over("x", 0.5)
    )


def counts() -> Instance:
    def dose():
        return dist.Normal(0.0, 0.5)

    def visits(dose):
        return dist.Poisson(jnp.exp(0.5 + dose))

    def cost(visits, *, own=normal(0.5)):
        return 2.0 * visits + own

    return Instance(
        Program([dose, visits, cost]), ("dose", 0.3), "cost", ("dose", 0.5), ("visits", 2),
        {"dose": 0.5, "visits": 3}, over("visits", 1),
    )  # fmt: skip


def nonlinear() -> Instance:
    def x():
        return dist.Gamma(2.0, 1.0)

    def m(x, *, own=normal(0.5)):
        return jnp.tanh(x) + own

    def y(x, m):
        return dist.LogNormal(0.3 * x * m, 0.4)

    return Instance(
        Program([x, m, y]),
        ("x", 1.5),
        "y",
        ("m", 1.0),
        ("x", 0.5),
        {"x": 1.0, "m": 1.0, "y": 2.0},
        over("m", 0.8),
    )


def drawn_class() -> Instance:
    def kind():
        return dist.Categorical(jnp.array([0.5, 0.3, 0.2]))

    def measure(kind):
        return dist.Normal(jnp.array([0.0, 1.0, 3.0])[kind], 0.7)

    def action(kind, measure):
        return dist.Categorical(logits=jnp.array([0.0, 0.5, -0.5]) * measure + 0.1 * kind)

    return Instance(
        Program([kind, measure, action]), ("kind", 1), "action", ("measure", 1.0), ("kind", 0),
        {"measure": 1.0, "action": 1}, over("measure", 0.7),
    )  # fmt: skip


def front_door() -> Instance:
    def hidden():
        return dist.Bernoulli(0.4)

    def smoking(hidden):
        return dist.Bernoulli(0.2 + 0.5 * hidden)

    def tar(smoking):
        return dist.Bernoulli(0.1 + 0.7 * smoking)

    def cancer(tar, hidden):
        return dist.Bernoulli(0.05 + 0.3 * tar + 0.4 * hidden)

    return Instance(
        Program([hidden, smoking, tar, cancer]), ("hidden", 1), "cancer", ("smoking", 1), ("tar", 0),
        {"smoking": 1, "cancer": 1}, ({"tar": 1}, {"tar": 0}),
    )  # fmt: skip


MAKERS = (
    chain, fork, collider, confounded, learned, vectors, kidney_stones, monty_hall, firing_squad, levels,
    learned_rates, mixed, counts, nonlinear, drawn_class, front_door,
)  # fmt: skip
INSTANCES: dict[str, Instance] = {make.__name__: make() for make in MAKERS}
