"""NUTS as nutpie runs it: compiled in Rust, with a mass matrix from gradients as well as draws."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

import jax
import numpy as np

from aitia.programs._errors import FitError
from aitia.programs._fitted import Diagnostic
from aitia.programs._random import seed_key
from aitia.programs.inference._compiled import density, starting_points
from aitia.programs.inference._engine import Drawn, Engine
from aitia.programs.inference._posterior import Posterior


@dataclass(frozen=True)
class Nutpie(Engine):
    """The No-U-Turn sampler of the package nutpie, which is not installed with aitia.

    It adapts its mass matrix to draws and gradients (Seyboldt, Carlson and Carpenter 2024) and runs chains on threads.

    Args:
        draws: draws kept, of each chain.
        chains: chains.
        warmup: draws thrown away first.
        target_acceptance: the acceptance rate that the step size is adapted to.
    """

    minds_centring: ClassVar[bool] = True

    draws: int = 500
    chains: int = 4
    warmup: int = 400
    target_acceptance: float = 0.8

    @property
    def description(self) -> str:
        return f"NUTS by nutpie, {self.chains} chains of {self.draws:,} draws"

    def draw(self, posterior: Posterior, *, seed: int, show_progress: bool | None = None) -> Drawn:
        try:
            import nutpie
            from nutpie.compiled_pyfunc import from_pyfunc
        except ModuleNotFoundError as error:
            raise FitError(
                "This engine needs the package 'nutpie', which is not installed.",
                "Install it with: pip install nutpie; or fit with NUTS().",
            ) from error
        started = time.perf_counter()
        whole = density(posterior.vector_log_density, posterior.size)
        starts = starting_points(posterior, whole, seed, self.chains)
        size = posterior.size
        both = jax.jit(jax.value_and_grad(whole.function, argnums=1))
        both = both.lower(whole.data, jax.ShapeDtypeStruct((size,), np.float64)).compile()
        compiled = time.perf_counter()

        def log_density(vector):
            with jax.enable_x64(True):  # nutpie calls from threads of its own
                value, gradient = both(whole.data, vector)
                return float(value), np.asarray(gradient)

        def start(which):
            return starts[int(which) % len(starts)]

        model = from_pyfunc(
            size,
            lambda: log_density,
            lambda *seeds: lambda vector: {"point": np.asarray(vector, dtype=np.float64)},
            [np.dtype(np.float64)],
            [(size,)],
            ["point"],
            make_initial_point_fn=start,
        )
        found = nutpie.sample(
            model,
            draws=self.draws,
            tune=self.warmup,
            chains=self.chains,
            seed=int(np.asarray(jax.random.bits(seed_key(seed, "nutpie"), dtype=np.uint32))),
            progress_bar=bool(show_progress),
            target_accept=self.target_acceptance,
        )
        draws = np.asarray(found.posterior["point"]).reshape(-1, size)
        diverging = int(np.asarray(found.sample_stats["diverging"]).sum())
        total = self.chains * self.draws
        return Drawn(
            jax.vmap(posterior.unravel)(draws),
            (
                Diagnostic(
                    "divergences",
                    diverging,
                    diverging == 0,
                    "No path diverged."
                    if not diverging
                    else f"{diverging:,} of {total:,} paths diverged: the draws miss part of the posterior. Raise "
                    "target_acceptance, or choose the other centring (NonCentred() or Centred()).",
                ),
            ),
            {"compile": compiled - started, "run": time.perf_counter() - compiled},
            chains=self.chains,
        )
