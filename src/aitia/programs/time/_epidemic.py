"""Epidemics in compartments (Kermack and McKendrick 1927): SIR and SEIR with groups, measures and a reporting delay.

Each group g of N_g people has susceptible, exposed, infectious and removed ones. The force of infection on group g is
λ_g = β m(t) Σ_h C_gh I_h / N_h, where C_gh is how many people of group h one of group g meets in a day, m(t) is what
measures leave of transmission, and β = R0 γ / ρ(C), ρ the largest eigenvalue, so that R0 is the mean number that one
infects at the start when nothing is done (Diekmann, Heesterbeek and Metz 1990; C_gh N_g = C_hg N_h for contacts that
are mutual, which makes ρ of N_g C_gh / N_h the same).

Three forms of the same program: days with binomial numbers of people (chain-binomial: Reed and Frost; `simulate`), the
same days with expected numbers (`expected`), and an ordinary differential equation (`solve`, by Diffrax).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

from aitia.programs._errors import ProgramError, QueryError
from aitia.programs._precision import double
from aitia.programs._random import seed_key


class State(NamedTuple):
    """People in each compartment, by group: arrays of shape (groups,); `infected` counts all infections so far."""

    susceptible: jax.Array
    exposed: jax.Array
    infectious: jax.Array
    removed: jax.Array
    infected: jax.Array


class Rates(NamedTuple):
    """What an epidemic runs on; scalars that may be drawn.

    Attributes:
        reproduction: R0, how many one infects at the start when nothing is done.
        infectious_days: the mean days that one is infectious, 1/γ.
        latent_days: the mean days from infection to being infectious, 1/σ; ignored by SIR.
        seeds: how many are infectious at the start, spread over the groups as people are.
    """

    reproduction: Any
    infectious_days: Any
    latent_days: Any = 1.0
    seeds: Any = 1.0


class Measure(ABC):
    """Something that changes transmission over time."""

    @abstractmethod
    def factor(self, day: jax.Array, state: State, people: jax.Array) -> jax.Array:
        """What is left of transmission, a scalar or shape (groups,)."""

    @property
    @abstractmethod
    def text(self) -> str:
        """The measure in words."""

    @property
    def jumps(self) -> tuple[Any, ...]:
        """The days at which it changes at once (an ODE solver stops there)."""
        return ()


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Masks(Measure):
    """Transmission times `left` from one day to another.

    Args:
        start: the first day.
        left: what is left of transmission: 0.6 where masks prevent 40% of it.
        stop: the day it ends; infinity for no end.
    """

    start: Any
    left: Any
    stop: Any = np.inf

    def factor(self, day, state, people):
        return jnp.where((day >= self.start) & (day < self.stop), self.left, 1.0)

    @property
    def text(self) -> str:
        until = f" to {float(self.stop):g}" if np.isfinite(float(self.stop)) else ""
        return f"transmission times {float(self.left):.3g} from day {float(self.start):g}{until}"

    @property
    def jumps(self) -> tuple[Any, ...]:
        return (self.start, self.stop)


@partial(jax.tree_util.register_dataclass, data_fields=[], meta_fields=["rule", "words"])
@dataclass(frozen=True)
class Reaction(Measure):
    """A policy that reacts: transmission times what a rule gives from the share of people infectious today.

    Args:
        rule: from prevalence (a scalar in [0, 1]) to a factor; it is traced, so write ``jnp.where``, not ``if``.
        words: the policy in words.
    """

    rule: Callable[[Any], Any]
    words: str = "a policy that reacts to prevalence"

    def factor(self, day, state, people):
        return self.rule(state.infectious.sum() / people.sum())

    @property
    def text(self) -> str:
        return self.words


class Course(NamedTuple):
    """An epidemic day by day.

    Attributes:
        susceptible: people, shape (..., days + 1, groups), the first at the start.
        exposed: as `susceptible`.
        infectious: as `susceptible`.
        removed: as `susceptible`.
        infections: new infections of each day, shape (..., days, groups).
    """

    susceptible: Any
    exposed: Any
    infectious: Any
    removed: Any
    infections: Any


@dataclass(frozen=True, eq=False)
class Epidemic:
    """A population in which an infection spreads.

    Args:
        people: the number of people, or of each group.
        contacts: how many people of group h one of group g meets in a day, shape (groups, groups); None mixes all
            people alike.
        latent: whether the infected are first exposed (SEIR), or infectious at once (SIR).
        groups: the groups' names.

    Raises:
        ProgramError: the numbers are no population, or the matrix is not of its shape.

    Example:
        >>> town = Epidemic(10_000)
        >>> course = town.expected(Rates(2.0, infectious_days=4, latent_days=3, seeds=10), days=400, steps=20)
        >>> float(round(course.removed[-1].sum() / 10_000, 2))  # the final size of R0 = 2 is 0.797
        0.8
    """

    people: Any
    contacts: Any = None
    latent: bool = True
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        people = np.atleast_1d(np.asarray(self.people, dtype=float))
        if people.ndim != 1 or not (people > 0).all() or not np.isfinite(people).all():
            raise ProgramError(
                f"{self.people!r} is no number of people.", "Give a positive number for each group."
            )
        k = len(people)
        matrix = np.outer(np.ones(k), people / people.sum()) if self.contacts is None else np.asarray(
            self.contacts, dtype=float
        )  # fmt: skip
        if matrix.shape != (k, k):
            raise ProgramError(
                f"The contacts have the shape {matrix.shape}; there are {k} groups.",
                f"Give a {k} by {k} matrix.",
            )
        if not (matrix >= 0).all() or not matrix.any():
            raise ProgramError(
                "The contacts hold a negative number, or none at all.", "Give mean numbers per day."
            )
        object.__setattr__(self, "people", people)
        object.__setattr__(self, "contacts", matrix)
        if self.groups and len(self.groups) != k:
            raise ProgramError(f"There are {len(self.groups)} names of {k} groups.", "Give one name each.")
        object.__setattr__(self, "groups", tuple(self.groups) or tuple(f"group {i}" for i in range(k)))
        # New infections in group g per infectious of group h: N_g C_gh / N_h.
        largest = np.abs(np.linalg.eigvals(people[:, None] * matrix / people[None, :])).max()
        object.__setattr__(self, "_largest", float(largest))

    def start(self, rates: Rates) -> State:
        """The state at the start."""
        people = jnp.asarray(self.people)
        seeds = rates.seeds * people / people.sum()
        zero = jnp.zeros_like(people)
        return State(people - seeds, zero, seeds, zero, zero)

    def force(self, day: Any, state: State, rates: Rates, measures: Sequence[Measure]) -> jax.Array:
        """The force of infection on each group: the rate at which a susceptible person is infected."""
        people = jnp.asarray(self.people)
        left = jnp.ones(())
        for each in measures:
            left = left * each.factor(day, state, people)
        beta = rates.reproduction / rates.infectious_days / self._largest  # pyright: ignore[reportAttributeAccessIssue]
        return beta * left * (jnp.asarray(self.contacts) @ (state.infectious / people))

    def _day(
        self, state: State, day: Any, rates: Rates, measures: Sequence[Measure], steps: int, draw
    ) -> State:
        """One day in `steps` parts; `draw(people, probability, number of the part)` are those who move on."""
        part = 1.0 / steps

        def move(state: State, i: Any) -> tuple[State, None]:
            now = day + i * part
            infected = draw(
                state.susceptible, -jnp.expm1(-part * self.force(now, state, rates, measures)), 3 * i
            )
            out = draw(
                state.infectious, jnp.broadcast_to(-jnp.expm1(-part / rates.infectious_days), infected.shape), 3 * i + 1
            )  # fmt: skip
            if self.latent:
                ripe = draw(
                    state.exposed, jnp.broadcast_to(-jnp.expm1(-part / rates.latent_days), infected.shape), 3 * i + 2
                )  # fmt: skip
            else:
                ripe = infected
            return (
                State(
                    state.susceptible - infected,
                    state.exposed + infected - ripe,
                    state.infectious + ripe - out,
                    state.removed + out,
                    state.infected + infected,
                ),
                None,
            )

        return jax.lax.scan(move, state, jnp.arange(steps))[0]

    def _days(
        self, start: State, rates: Rates, days: int, measures: Sequence[Measure], steps: int, draw_on: Any
    ) -> Course:
        def body(state, day):
            after = self._day(state, day, rates, measures, steps, draw_on(day))
            return after, (after, after.infected - state.infected)

        _, (path, infections) = jax.lax.scan(body, start, jnp.arange(days))
        whole = jax.tree.map(lambda first, rest: jnp.concatenate([first[None], rest]), start, path)
        return Course(whole.susceptible, whole.exposed, whole.infectious, whole.removed, infections)

    def expected_course(
        self, rates: Rates, days: int, measures: Sequence[Measure] = (), steps: int = 1
    ) -> Course:
        """Like `expected`, inside JAX code: no checks, traced."""
        return self._days(
            self.start(rates),
            rates,
            days,
            measures,
            steps,
            lambda day: lambda people, share, i: people * share,
        )

    @double
    def expected(
        self, rates: Rates, days: int, measures: Sequence[Measure] = (), *, steps: int = 1
    ) -> Course:
        """The days with expected numbers of people in place of drawn ones.

        In a part of a day of length d the share 1 - exp(-λ d) of the susceptible is infected, and so on.

        Args:
            rates: what it runs on.
            days: how many days.
            measures: what is done.
            steps: parts of a day; with more of them it comes to the ODE. One whole day a part spreads faster: those who
                recover within it infect for all of it (a final size of 0.86 in place of 0.80 at R0 = 2).

        Raises:
            QueryError: a measure starts outside of the days; a rate is not positive.
        """
        rates = self._checked(rates, days, measures)
        found = _expected(self, days, steps, rates, tuple(measures))
        return jax.tree.map(np.asarray, found)

    @double
    def simulate(
        self,
        rates: Rates,
        days: int,
        measures: Sequence[Measure] = (),
        *,
        draws: int = 100,
        steps: int = 1,
        seed: int = 0,
    ) -> Course:
        """The chain-binomial epidemic: whole people, each moves on by chance; shape (draws, days, groups).

        Under other measures the same seed gives courses that are right in law but not coupled person by person: for
        what would have happened in one epidemic, use `Outbreak`.

        Args:
            rates: what it runs on; the seeds of each group are rounded.
            days: how many days.
            measures: what is done.
            draws: how many epidemics.
            steps: parts of a day.
            seed: the seed.
        """
        rates = self._checked(rates, days, measures)
        keys = jax.random.split(seed_key(seed, "epidemic"), draws)
        return jax.tree.map(np.asarray, _simulate(self, days, steps, rates, tuple(measures), keys))

    def solve_course(
        self, rates: Rates, days: int, measures: Sequence[Measure] = (), tolerance: float = 1e-8
    ) -> Course:
        """Like `solve`, inside JAX code: no checks, traced."""
        import diffrax

        def slope(day, state: State, args):
            infected = self.force(day, state, rates, measures) * state.susceptible
            ripe = state.exposed / rates.latent_days if self.latent else infected
            out = state.infectious / rates.infectious_days
            return State(-infected, infected - ripe, ripe - out, out, infected)

        jumps = [jnp.asarray(at, float) for each in measures for at in each.jumps]
        controller: Any = diffrax.PIDController(rtol=tolerance, atol=tolerance * float(np.sum(self.people)))
        if jumps:
            # The solver steps exactly onto the days when a measure begins or ends.
            at = jnp.sort(jnp.clip(jnp.stack(jumps), -1.0, days + 1.0))
            controller = diffrax.ClipStepSizeController(controller, jump_ts=at)
        found = diffrax.diffeqsolve(
            diffrax.ODETerm(slope),
            diffrax.Dopri8() if tolerance < 1e-9 else diffrax.Dopri5(),
            0.0,
            float(days),
            None,
            self.start(rates),
            saveat=diffrax.SaveAt(ts=jnp.arange(days + 1.0)),
            stepsize_controller=controller,
            max_steps=16_384,
        )
        path: Any = found.ys
        return Course(
            path.susceptible, path.exposed, path.infectious, path.removed, jnp.diff(path.infected, axis=0)
        )

    @double
    def solve(
        self, rates: Rates, days: int, measures: Sequence[Measure] = (), *, tolerance: float = 1e-8
    ) -> Course:
        """The epidemic as an ordinary differential equation, by an adaptive Runge-Kutta method (Diffrax).

        Args:
            rates: what it runs on; each a scalar, or of shape (trajectories,) for many at once.
            days: how many days.
            measures: what is done; their numbers may have shape (trajectories,) too.
            tolerance: relative tolerance of a step, and absolute tolerance as a share of all people.

        Returns:
            The course; with a leading axis where rates or measures have one.
        """
        rates = self._checked(rates, days, measures)
        batch = {np.shape(leaf) for leaf in jax.tree.leaves((rates, tuple(measures)))} - {()}
        if len(batch) > 1 or any(len(shape) != 1 for shape in batch):
            raise QueryError(
                f"Rates and measures have the shapes {sorted(batch)}.",
                "Give scalars, or arrays of one length.",
            )
        if not batch:
            return jax.tree.map(np.asarray, _solve(self, days, tolerance, rates, tuple(measures)))
        ((count,),) = batch
        whole = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (count,)), (rates, tuple(measures)))
        return jax.tree.map(np.asarray, _solve_many(self, days, tolerance, *whole))

    def _checked(self, rates: Rates, days: int, measures: Sequence[Measure]) -> Rates:
        if days < 1:
            raise QueryError(f"An epidemic of {days} days is none.", "Give a whole number of 1 or more.")
        for name, value in zip(Rates._fields, rates):
            if not (np.asarray(value) > 0).all() or not np.isfinite(np.asarray(value)).all():
                raise QueryError(
                    f"The rate {name} is {value}; it must be positive.", "Give a positive number."
                )
        if (np.asarray(rates.seeds) >= np.sum(self.people)).any():
            raise QueryError("All people are infectious at the start.", "Give fewer seeds.")
        for each in measures:
            if isinstance(each, Masks):
                if (np.asarray(each.start) >= days).any() or (np.asarray(each.start) < 0).any():
                    raise QueryError(
                        f"A measure starts on day {np.max(each.start):g}, and the days are 0 to {days - 1}.",
                        "Ask for more days, or start it earlier.",
                    )
                if (np.asarray(each.left) < 0).any():
                    raise QueryError("What a measure leaves of transmission is negative.", "Give 0 or more.")
        return Rates(*(jnp.asarray(value, float) for value in rates))


@partial(jax.jit, static_argnums=(0, 1, 2))
def _expected(epidemic: Epidemic, days: int, steps: int, rates: Rates, measures) -> Course:
    return epidemic.expected_course(rates, days, measures, steps)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _simulate(epidemic: Epidemic, days: int, steps: int, rates: Rates, measures, keys) -> Course:
    begin = epidemic.start(rates)
    seeds = jnp.round(begin.infectious)
    # Too few to give every group its share: all of them are in the largest one.
    largest = jnp.arange(len(seeds)) == jnp.argmax(jnp.asarray(epidemic.people))
    seeds = jnp.where(seeds.sum() == 0, largest * jnp.maximum(jnp.round(rates.seeds), 1.0), seeds)
    begin = begin._replace(infectious=seeds, susceptible=jnp.asarray(epidemic.people) - seeds)

    def one(key):
        def draw_on(day):
            own = jax.random.fold_in(key, day)

            def draw(people, share, i):
                return (
                    dist.Binomial(people.astype(int), share).sample(jax.random.fold_in(own, i)).astype(float)
                )

            return draw

        return epidemic._days(begin, rates, days, measures, steps, draw_on)

    return jax.vmap(one)(keys)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _solve(epidemic: Epidemic, days: int, tolerance: float, rates: Rates, measures) -> Course:
    return epidemic.solve_course(rates, days, measures, tolerance)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _solve_many(epidemic: Epidemic, days: int, tolerance: float, rates: Rates, measures) -> Course:
    return jax.vmap(lambda own, done: epidemic.solve_course(own, days, done, tolerance))(rates, measures)


def final_size(reproduction: float, start: float = 0.0) -> float:
    """The share of people that an epidemic infects in the end: z = 1 - (1 - start) exp(-R0 (z)).

    Kermack and McKendrick (1927) for one group without measures, `start` the share infectious at the start.

    Example:
        >>> round(final_size(2.0), 4)
        0.7968
    """
    from aitia.core import optimize

    def gap(z: float) -> float:
        return 1 - (1 - start) * np.exp(-reproduction * z) - z

    if reproduction <= 1 and start == 0:
        return 0.0
    found: Any = optimize.brentq(gap, 1e-12 if start else 1e-6, 1.0)
    return float(found)
