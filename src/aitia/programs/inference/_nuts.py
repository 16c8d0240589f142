"""The No-U-Turn sampler (Hoffman and Gelman 2014), by NumPyro."""

from __future__ import annotations

import time
from dataclasses import dataclass

import jax
from numpyro import infer

from aitia.programs._random import seed_key
from aitia.programs.inference._engine import Drawn, Engine
from aitia.programs.inference._posterior import Posterior


@dataclass(frozen=True)
class NUTS(Engine):
    """Hamiltonian Monte Carlo that chooses its own path length.

    Args:
        draws: draws kept, of each chain.
        chains: chains, each from a start of its own.
        warmup: draws thrown away first, while the step size and the mass matrix adapt.
        target_acceptance: the acceptance rate that the step size is adapted to.
    """

    draws: int = 500
    chains: int = 4
    warmup: int = 500
    target_acceptance: float = 0.8

    @property
    def description(self) -> str:
        return f"NUTS, {self.chains} chains of {self.draws:,} draws"

    def draw(self, posterior: Posterior, *, seed: int, show_progress: bool | None = None) -> Drawn:
        start = time.perf_counter()
        kernel = infer.NUTS(
            potential_fn=lambda point: -posterior.log_density(point),
            target_accept_prob=self.target_acceptance,
        )
        sampler = infer.MCMC(
            kernel,
            num_warmup=self.warmup,
            num_samples=self.draws,
            num_chains=self.chains,
            chain_method="vectorized",
            progress_bar=False,
        )
        keys = jax.random.split(seed_key(seed, "start"), self.chains)
        points = jax.vmap(posterior.initial)(keys)
        if self.chains == 1:
            points = jax.tree.map(lambda each: each[0], points)
        sampler.run(seed_key(seed, "nuts"), init_params=points)
        return Drawn(sampler.get_samples(), seconds={"run": time.perf_counter() - start})
