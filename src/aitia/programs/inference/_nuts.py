"""The No-U-Turn sampler (Hoffman and Gelman 2014), by NumPyro's kernel."""

from __future__ import annotations

import math
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import jax
import numpy as np
from numpyro.infer.hmc import hmc

from aitia.core import progress
from aitia.programs._errors import FitError
from aitia.programs._fitted import Diagnostic
from aitia.programs._random import seed_key
from aitia.programs.inference._compiled import Density, density, starting_points
from aitia.programs.inference._convergence import energy_fraction
from aitia.programs.inference._engine import Drawn, Engine
from aitia.programs.inference._posterior import Posterior

MOST_DENSE = 60
"""Blocks of at most so many numbers get a mass matrix with correlations."""

SIDE_BY_SIDE = 20_000
"""Up to so many log densities an evaluation, chains advance in one vectorised step; above, each on a thread."""


@dataclass(frozen=True)
class NUTS(Engine):
    """Hamiltonian Monte Carlo that chooses its own path length.

    Args:
        draws: draws kept, of each chain.
        chains: chains, each from a start of its own.
        warmup: draws thrown away first, while the step size and the mass matrix adapt.
        target_acceptance: the acceptance rate that the step size is adapted to.
        most_doublings: a path has at most 2 to this power steps.

    Raises:
        FitError: a number of draws or chains below what the diagnostics need.
    """

    minds_centring: ClassVar[bool] = True

    draws: int = 500
    chains: int = 4
    warmup: int = 500
    target_acceptance: float = 0.8
    most_doublings: int = 10

    def __post_init__(self) -> None:
        if self.draws < 4 or self.chains < 1 or self.warmup < 1 or not 0 < self.target_acceptance < 1:
            raise FitError(
                f"NUTS cannot run with {self!r}.",
                "Ask for at least 4 draws, 1 chain, 1 draw of warm-up, and an acceptance rate between 0 and 1.",
            )

    @property
    def description(self) -> str:
        return f"NUTS, {self.chains} chains of {self.draws:,} draws"

    def draw(self, posterior: Posterior, *, seed: int, show_progress: bool | None = None) -> Drawn:
        started = time.perf_counter()
        whole = density(posterior.vector_log_density, posterior.size)
        starts = starting_points(posterior, whole, seed, self.chains)
        keys = jax.random.split(seed_key(seed, "nuts"), self.chains)
        blocks = _blocks(posterior)
        together = posterior.cost <= SIDE_BY_SIDE or self.chains == 1
        first = (keys, starts) if together else (keys[0], starts[0])

        def make():
            begin, advance, step = self._kernel(whole, blocks, together)
            begin = jax.jit(begin).lower(whole.data, *first).compile()
            state = begin(whole.data, *first)
            return begin, jax.jit(advance).lower(whole.data, state).compile(), step

        shape = tuple(tuple(block.tolist()) for block in blocks)
        begin, advance, step = whole.code.build((self, shape, together), make)
        state = begin(whole.data, *first)
        compiled = time.perf_counter()
        rounds = (self.warmup + self.draws) // step

        def run(state, bar):
            kept = []
            for each in range(rounds):
                state, out = advance(whole.data, state)
                jax.block_until_ready(state)
                if each * step >= self.warmup:
                    kept.append(jax.tree.map(np.asarray, out))
                bar.advance(step)
            return jax.tree.map(lambda *parts: np.concatenate(parts, axis=1 if together else 0), *kept)

        with progress("sampling", rounds * step * (1 if together else self.chains), show_progress) as bar:
            if together:
                found = run(state, bar)
                if self.chains == 1:
                    found = jax.tree.map(lambda each: each.reshape(1, *each.shape[1:]), found)
            else:

                def chain(place):
                    with jax.enable_x64(True):
                        return run(begin(whole.data, keys[place], starts[place]), bar)

                with ThreadPoolExecutor(min(self.chains, os.cpu_count() or 1)) as pool:
                    found = jax.tree.map(lambda *parts: np.stack(parts), *pool.map(chain, range(self.chains)))
        draws = found["draws"].reshape(-1, posterior.size)
        return Drawn(
            jax.vmap(posterior.unravel)(draws),
            self._read(found),
            {"compile": compiled - started, "run": time.perf_counter() - compiled},
            details={
                "divergences": float(found["diverging"].sum()),
                "steps": float(found["steps"].sum()),
                "log density": -found["potential"],
            },
            chains=self.chains,
        )

    def _kernel(self, whole: Density, blocks: tuple[np.ndarray, ...], together: bool):
        """Three things: from a key and a start to a chain's state; so many steps of it; how many steps that is."""
        order = np.argsort(np.concatenate(blocks))
        names = [f"{j:06d}" for j in range(len(blocks))]
        dense = [(name,) for name, block in zip(names, blocks) if 1 < len(block) <= MOST_DENSE]

        def join(z):
            return jax.numpy.concatenate([z[name] for name in names])[order]

        initialise, sample = hmc(
            potential_fn_gen=lambda data: lambda z: -whole.function(data, join(z)), algo="NUTS"
        )

        def begin(data, key, start):
            z = {name: start[block] for name, block in zip(names, blocks)}
            return initialise(
                z,
                num_warmup=self.warmup,
                target_accept_prob=self.target_acceptance,
                max_tree_depth=self.most_doublings,
                dense_mass=dense,  # pyright: ignore[reportArgumentType] (a list of blocks is documented)
                model_args=(data,),
                rng_key=key,
            )

        step = math.gcd(self.warmup, self.draws)
        step = max(each for each in range(1, min(step, 100) + 1) if step % each == 0)

        def advance(data, state):
            def one(state, _):
                state = sample(state, (data,))
                out = {
                    "draws": join(state.z),
                    "potential": state.potential_energy,
                    "energy": state.energy,
                    "diverging": state.diverging,
                    "steps": state.num_steps,
                }
                return state, out

            return jax.lax.scan(one, state, length=step)

        if together:
            return jax.vmap(begin, (None, 0, 0)), jax.vmap(advance, (None, 0)), step
        return begin, advance, step

    def _read(self, found) -> tuple[Diagnostic, ...]:
        total = self.chains * self.draws
        diverging, deep = (
            int(found["diverging"].sum()),
            int((found["steps"] >= 2**self.most_doublings - 1).sum()),
        )
        fraction = float(energy_fraction(found["energy"]).min())
        rate = f"{diverging:,} of {total:,}"
        return (
            Diagnostic(
                "divergences",
                diverging,
                diverging == 0,
                "No path diverged."
                if diverging == 0
                else f"{rate} paths diverged: some region of the posterior is too steep for the sampler, and the "
                f"draws miss part of it. Raise target_acceptance to {max(0.95, self.target_acceptance):.2f} or "
                "more, choose the other centring (NonCentred() or Centred()), or tighten the priors of spreads.",
            ),
            Diagnostic(
                "E-BFMI",
                fraction,
                fraction > 0.3,
                f"The energy moves freely (fraction {fraction:.2f})."
                if fraction > 0.3
                else f"The energy moves slowly (fraction {fraction:.2f}, below 0.3): tails are explored badly. Choose "
                "the other centring, or priors with lighter tails.",
            ),
            Diagnostic(
                "longest paths",
                deep,
                deep <= 0.05 * total,
                f"{deep:,} of {total:,} paths ran to their longest."
                + (
                    ""
                    if deep <= 0.05 * total
                    else " Sampling is slow: standardise the columns, or raise the warm-up."
                ),
            ),
        )


def _blocks(posterior: Posterior) -> tuple[np.ndarray, ...]:
    """The posterior's blocks, those that are too large for correlations put together as one."""
    if posterior.size <= MOST_DENSE:
        return (np.arange(posterior.size),)  # one matrix compiles faster than several
    small = [block for block in posterior.block_indices if 0 < len(block) <= MOST_DENSE]
    large = [block for block in posterior.block_indices if len(block) > MOST_DENSE]
    return (*small, *((np.concatenate(large),) if large else ()))
