"""The No-U-Turn sampler (Hoffman and Gelman 2014): chains that ask for gradients, and who answers them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import ClassVar

import jax
import numpy as np

from aitia.core import progress, stream
from aitia.programs._errors import FitError
from aitia.programs._fitted import Diagnostic
from aitia.programs.inference._compiled import Density, density, starting_points
from aitia.programs.inference._convergence import energy_fraction
from aitia.programs.inference._engine import Drawn, Engine
from aitia.programs.inference._posterior import Posterior
from aitia.programs.inference._scaling import Scaling, scaling_of
from aitia.programs.inference._trajectory import Chain

SIDE_BY_SIDE = 20_000
"""Up to so many log densities an evaluation, one call answers all chains; above, each has a thread."""


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
        together = posterior.cost <= SIDE_BY_SIDE and self.chains > 1
        if together:
            whole.values_and_gradients(starts)
        compiled = time.perf_counter()
        scaling, centre = scaling_of(posterior, whole, starts[0])
        chains = [
            Chain(
                _nearer(start, centre, scaling, whole, stream(seed, "nearer", number)),
                scaling,
                stream(seed, "nuts", number),
                self.draws,
                self.warmup,
                self.target_acceptance,
                self.most_doublings,
            )
            for number, start in enumerate(starts)
        ]
        total = self.chains * (self.warmup + self.draws)
        # A step that is far too long leaves the range of numbers; the path is refused and the step shortened.
        with progress("sampling", total, show_progress) as bar, np.errstate(over="ignore", invalid="ignore"):
            if together:
                _answer_all(chains, whole.values_and_gradients, bar.advance)
            else:
                stop = Event()

                def evaluate(point: np.ndarray) -> tuple[float, np.ndarray]:
                    if stop.is_set():
                        raise CancelledError
                    return whole.value_and_gradient(point)

                def alone(chain: Chain) -> None:
                    with jax.enable_x64(True), np.errstate(over="ignore", invalid="ignore"):
                        _answer_one(chain, evaluate, bar.advance)

                with ThreadPoolExecutor(min(self.chains, os.cpu_count() or 1)) as pool:
                    try:
                        list(pool.map(alone, chains))
                    except BaseException:  # Ctrl-C too: no chain is waited for to its end
                        stop.set()
                        raise
        found = {name: np.stack([chain.found[name] for chain in chains]) for name in chains[0].found}
        draws = found["draws"].reshape(-1, posterior.size)
        return Drawn(
            jax.vmap(posterior.unravel)(draws),
            self._read(found),
            {"compile": compiled - started, "run": time.perf_counter() - compiled},
            details={
                "divergences": float(found["diverging"].sum()),
                "steps": float(found["steps"].sum()),
                "log density": found["log density"],
            },
            chains=self.chains,
        )

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


def _answer_one(
    chain: Chain, evaluate: Callable[[np.ndarray], tuple[float, np.ndarray]], advance: Callable[[float], None]
) -> None:
    """Runs a chain to its end."""
    asking = chain.run()
    told, point = 0, next(asking)
    while True:
        try:
            point = asking.send(evaluate(point))
        except StopIteration:
            break
        finally:
            if chain.done >= told + 10:
                advance(chain.done - told)
                told = chain.done


def _answer_all(
    chains: list[Chain],
    evaluate: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    advance: Callable[[float], None],
) -> None:
    """Runs the chains to their ends, a point of each answered in one call."""
    asking = {place: chain.run() for place, chain in enumerate(chains)}
    points = np.stack([next(each) for each in asking.values()])
    told = 0
    while asking:
        values, gradients = evaluate(points)
        for place, each in list(asking.items()):
            try:
                points[place] = each.send((float(values[place]), gradients[place]))
            except StopIteration:  # its place is evaluated on, to keep the shape
                del asking[place]
        done = sum(chain.done for chain in chains)
        if done >= told + 10 * len(chains):
            advance(done - told)
            told = done


def _nearer(
    start: np.ndarray, centre: np.ndarray, scaling: Scaling, whole: Density, generator: np.random.Generator
) -> np.ndarray:
    """A start about the mode, where there is one, wider than the posterior by half.

    From a draw of the prior a million rows are thousands of standard deviations away, and the windows of the warm-up
    would learn the scale of the journey. Chains still start apart, so that R-hat can tell.
    """
    about = centre + 1.5 * scaling.forward(generator.standard_normal(len(start)))
    about = np.where(np.isnan(about), start, about)
    return about if np.isfinite(whole.value_and_gradient(about)[0]) else start
