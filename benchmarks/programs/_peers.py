"""The peers, each as its documentation calls it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from _problems import NODES, Linear, hierarchical, linear

CHAINS, DRAWS, WARMUP = 4, 500, 500
ACTED, TO = 2, 1.0


def timed(work: Callable[[], Any], repeats: int = 5) -> tuple[Any, float, float]:
    """What the work returned, the seconds of its first call and the median of later ones."""
    start = time.perf_counter()
    answer = work()
    first = time.perf_counter() - start
    later = []
    for _ in range(repeats):
        start = time.perf_counter()
        answer = work()
        later.append(time.perf_counter() - start)
    return answer, first, float(np.median(later))


def sampled(draws: dict[str, np.ndarray], compile_seconds: float, run_seconds: float, error: float) -> dict:
    """A sampler's row: the smallest bulk effective sample size over parameters, and that a second.

    Args:
        draws: shape (chains, draws, ...) by parameter.
        compile_seconds: until the first draw.
        run_seconds: warm-up and draws.
        error: of the posterior mean, against what is known.
    """
    import arviz

    sizes = arviz.ess(arviz.from_dict(draws))
    least = min(float(sizes[name].min()) for name in draws)
    return {
        "compile": compile_seconds,
        "run": run_seconds,
        "effective_a_second": least / run_seconds,
        "error": error,
    }


def against_least_squares(problem: Linear, means: np.ndarray) -> float:
    """The largest distance of intercepts and coefficients from the flat-prior posterior's mean, in its deviations."""
    estimate, error = problem.least_squares()
    return float(np.nanmax(np.abs(means - estimate) / error))


# (a) fit


def fit_linear_numpyro(rows: int) -> dict:
    """NumPyro's NUTS on the row-wise likelihood."""
    import jax
    import jax.numpy as jnp
    import numpyro
    import numpyro.distributions as dist
    from numpyro import infer

    numpyro.enable_x64()
    problem = linear(rows)
    values = jnp.asarray(problem.values)

    def model():
        for j, parents in enumerate(problem.parents):
            weights = numpyro.sample(f"w{j}", dist.Normal(0, 10).expand([len(parents) + 1]).to_event(1))
            scale = numpyro.sample(f"s{j}", dist.HalfNormal(5))
            mean = weights[0] + values[:, list(parents)] @ weights[1:]
            numpyro.sample(f"x{j}", dist.Normal(mean, scale), obs=values[:, j])

    sampler = infer.MCMC(
        infer.NUTS(model),
        num_warmup=WARMUP,
        num_samples=DRAWS,
        num_chains=CHAINS,
        chain_method="vectorized",
        progress_bar=False,
    )
    start = time.perf_counter()
    sampler.run(jax.random.PRNGKey(0))
    first = time.perf_counter() - start
    start = time.perf_counter()
    sampler.run(jax.random.PRNGKey(1))
    jax.block_until_ready(sampler.get_samples())
    run = time.perf_counter() - start
    draws = {name: np.asarray(each) for name, each in sampler.get_samples(group_by_chain=True).items()}
    return sampled(draws, max(first - run, 0.0), run, _error_of_weights(problem, draws))


def _error_of_weights(problem: Linear, draws: dict[str, np.ndarray]) -> float:
    means = np.zeros((NODES, NODES + 1))
    for j, parents in enumerate(problem.parents):
        means[j, [0, *(k + 1 for k in parents)]] = draws[f"w{j}"].mean(axis=(0, 1))
    return against_least_squares(problem, means)


def _pymc_linear(problem: Linear):
    import pymc

    with pymc.Model() as model:
        for j, parents in enumerate(problem.parents):
            weights = pymc.Normal(f"w{j}", 0, 10, shape=len(parents) + 1)
            scale = pymc.HalfNormal(f"s{j}", 5)
            mean = weights[0]
            if parents:
                mean = mean + problem.values[:, list(parents)] @ weights[1:]
            pymc.Normal(f"x{j}", mean, scale, observed=problem.values[:, j])
    return model


def fit_linear_pymc(rows: int) -> dict:
    """PyMC's own NUTS; two processes for two cores, as it chooses."""
    problem = linear(rows)
    draws, compiled, run = _by_pymc(_pymc_linear(problem))
    return sampled(draws, compiled, run, _error_of_weights(problem, draws))


def fit_linear_nutpie(rows: int) -> dict:
    """nutpie on the same PyMC model."""
    problem = linear(rows)
    draws, compiled, run = _by_nutpie(_pymc_linear(problem))
    return sampled(draws, compiled, run, _error_of_weights(problem, draws))


def _by_pymc(model) -> tuple[dict[str, np.ndarray], float, float]:
    import pymc

    start = time.perf_counter()
    with model:
        pymc.sample(2, tune=2, chains=1, progressbar=False, random_seed=0, compute_convergence_checks=False)
        first = time.perf_counter() - start
        start = time.perf_counter()
        trace = pymc.sample(
            DRAWS,
            tune=WARMUP,
            chains=CHAINS,
            cores=2,
            progressbar=False,
            random_seed=1,
            compute_convergence_checks=False,
        )
        run = time.perf_counter() - start
    return {name: np.asarray(each) for name, each in trace.posterior.items()}, first, run


def _by_nutpie(model) -> tuple[dict[str, np.ndarray], float, float]:
    import nutpie

    start = time.perf_counter()
    compiled = nutpie.compile_pymc_model(model)
    nutpie.sample(compiled, draws=2, tune=2, chains=1, seed=0, progress_bar=False)
    first = time.perf_counter() - start
    start = time.perf_counter()
    trace = nutpie.sample(compiled, draws=DRAWS, tune=WARMUP, chains=CHAINS, seed=1, progress_bar=False)
    run = time.perf_counter() - start
    return {name: np.asarray(each) for name, each in trace.posterior.items()}, first, run


# (a) what if, what would have been


def posterior_draws(problem: Linear, draws: int = 200) -> np.ndarray:
    """Intercepts and coefficients from the flat-prior posterior, shape (draws, 8, 9): the same for every library."""
    estimate, error = problem.least_squares()
    random = np.random.default_rng(7)
    return estimate + np.nan_to_num(error) * random.normal(size=(draws, NODES, NODES + 1))


def exact_counterfactuals(problem: Linear, weights: np.ndarray) -> np.ndarray:
    """x7 of every row under do(x2 = 1), by draws: each node moves by its coefficients times its parents' moves."""
    moved = np.zeros((len(weights), len(problem.values), NODES))
    moved[:, :, ACTED] = TO - problem.values[:, ACTED]
    for j in range(ACTED + 1, NODES):
        moved[:, :, j] = np.einsum("drk,dk->dr", moved, weights[:, j, 1:])
    return problem.values[:, -1] + moved[:, :, -1]


def exact_do(weights: np.ndarray) -> np.ndarray:
    """The mean of x7 after do(x2 = 1), by draws."""
    mean = np.zeros((len(weights), NODES))
    for j in range(NODES):
        mean[:, j] = weights[:, j, 0] + np.einsum("dk,dk->d", mean, weights[:, j, 1:])
        if j == ACTED:
            mean[:, j] = TO
    return mean[:, -1]


def _chirho_model(problem: Linear, weights: np.ndarray, rows: int):
    import pyro
    import pyro.distributions as dist
    import torch

    torch.set_default_dtype(torch.float64)
    numbers = torch.as_tensor(weights)[:, :, :, None]

    def model():
        nodes: list = []
        for j, parents in enumerate(problem.parents):
            mean = numbers[:, j, 0] + torch.zeros(len(weights), rows)
            for k in parents:
                mean = mean + numbers[:, j, k + 1] * nodes[k]
            nodes.append(pyro.sample(f"x{j}", dist.Normal(mean, 1.0)))
        return nodes[-1]

    return model


def counterfactuals_linear_chirho(rows: int) -> dict:
    """ChiRho's multi-world query: condition on the rows, do(x2 = 1), gather the acted world."""
    import torch
    from chirho.counterfactual.handlers import MultiWorldCounterfactual
    from chirho.indexed.ops import IndexSet, gather
    from chirho.interventional.handlers import do
    from chirho.observational.handlers import condition

    problem = linear(rows)
    weights = posterior_draws(problem)
    model = _chirho_model(problem, weights, rows)
    seen = {name: torch.as_tensor(problem.values[:, j]) for j, name in enumerate(problem.names)}

    def work() -> np.ndarray:
        action = do(actions={f"x{ACTED}": torch.tensor(TO)})
        rows_seen = condition(data={name: each.expand(len(weights), -1) for name, each in seen.items()})
        with torch.no_grad(), MultiWorldCounterfactual(), action, rows_seen:
            acted = gather(model(), IndexSet(**{f"x{ACTED}": {1}}))
        return acted.squeeze().numpy()

    got, first, run = timed(work, 3)
    wrong = np.abs(got - exact_counterfactuals(problem, weights)).max()
    return {"compile": 0.0, "run": run, "first": first, "error": float(wrong)}


def do_linear_chirho(rows: int) -> dict:
    """ChiRho's do on the same model, averaged over as many units as there are rows."""
    import torch
    from chirho.interventional.handlers import do

    problem = linear(rows)
    weights = posterior_draws(problem)
    model = _chirho_model(problem, weights, rows)

    def work() -> np.ndarray:
        with torch.no_grad(), do(actions={f"x{ACTED}": torch.tensor(TO)}):
            return model().mean(dim=-1).numpy()

    got, first, run = timed(work, 3)
    return {"compile": 0.0, "run": run, "first": first, "error": float(np.abs(got - exact_do(weights)).max())}


def counterfactuals_linear_dowhy_gcm(rows: int) -> dict:
    """dowhy.gcm's counterfactual samples: one fit, no posterior; its seconds are for one draw of the parameters."""
    import networkx
    import pandas as pd
    from dowhy import gcm

    problem = linear(rows)
    frame = pd.DataFrame(problem.values, columns=problem.names)
    graph = networkx.DiGraph(
        [(f"x{k}", f"x{j}") for j, parents in enumerate(problem.parents) for k in parents]
    )
    model = gcm.InvertibleStructuralCausalModel(graph)
    for j, parents in enumerate(problem.parents):
        own = (
            gcm.AdditiveNoiseModel(gcm.ml.create_linear_regressor())
            if parents
            else gcm.EmpiricalDistribution()
        )
        model.set_causal_mechanism(f"x{j}", own)
    gcm.config.disable_progress_bars()
    gcm.fit(model, frame)

    def work() -> np.ndarray:
        made = gcm.counterfactual_samples(model, {f"x{ACTED}": lambda _: TO}, observed_data=frame)
        return made[f"x{NODES - 1}"].to_numpy()

    got, first, run = timed(work, 3)
    estimate, _ = problem.least_squares()
    wrong = np.abs(got - exact_counterfactuals(problem, estimate[None])[0]).max()
    return {
        "compile": 0.0,
        "run": run,
        "first": first,
        "error": float(wrong),
        "note": "one draw of the parameters",
    }


# (b) groups


def fit_hierarchical_numpyro(rows: int) -> dict:
    """NumPyro's NUTS, not centred."""
    import jax
    import jax.numpy as jnp
    import numpyro
    import numpyro.distributions as dist
    from numpyro import infer

    numpyro.enable_x64()
    problem = hierarchical(rows)
    group, treated, outcome = (
        jnp.asarray(each) for each in (problem.group, problem.treated, problem.outcome)
    )

    def model():
        base = numpyro.sample("base", dist.Normal(0, 2))
        effect = numpyro.sample("effect", dist.Normal(0, 2))
        spread = numpyro.sample("spread", dist.HalfNormal(1).expand([2]).to_event(1))
        raw = numpyro.sample("raw", dist.Normal(0, 1).expand([2, problem.groups]).to_event(2))
        logits = base + spread[0] * raw[0, group] + (effect + spread[1] * raw[1, group]) * treated
        numpyro.sample("y", dist.Bernoulli(logits=logits), obs=outcome)

    sampler = infer.MCMC(
        infer.NUTS(model),
        num_warmup=WARMUP,
        num_samples=DRAWS,
        num_chains=CHAINS,
        chain_method="vectorized",
        progress_bar=False,
    )
    start = time.perf_counter()
    sampler.run(jax.random.PRNGKey(0))
    jax.block_until_ready(sampler.get_samples())
    run = time.perf_counter() - start
    draws = {name: np.asarray(each) for name, each in sampler.get_samples(group_by_chain=True).items()}
    return sampled(draws, 0.0, run, _error_of_effect(problem, draws["effect"]))


def _error_of_effect(problem, effect: np.ndarray) -> float:
    """The distance of the average effect from the truth, 0.7, in posterior deviations."""
    return float(abs(effect.mean() - 0.7) / effect.std())


def _pymc_hierarchical(problem):
    import pymc

    with pymc.Model() as model:
        base, effect = pymc.Normal("base", 0, 2), pymc.Normal("effect", 0, 2)
        spread = pymc.HalfNormal("spread", 1, shape=2)
        raw = pymc.Normal("raw", 0, 1, shape=(2, problem.groups))
        slope = effect + spread[1] * raw[1]
        logits = base + spread[0] * raw[0][problem.group] + slope[problem.group] * problem.treated
        pymc.Bernoulli("y", logit_p=logits, observed=problem.outcome)
    return model


def fit_hierarchical_pymc(rows: int) -> dict:
    """PyMC's own NUTS."""
    problem = hierarchical(rows)
    draws, compiled, run = _by_pymc(_pymc_hierarchical(problem))
    return sampled(draws, compiled, run, _error_of_effect(problem, draws["effect"]))


def fit_hierarchical_nutpie(rows: int) -> dict:
    """nutpie on the same PyMC model."""
    problem = hierarchical(rows)
    draws, compiled, run = _by_nutpie(_pymc_hierarchical(problem))
    return sampled(draws, compiled, run, _error_of_effect(problem, draws["effect"]))


# (c) an epidemic


def epidemic_chirho(trajectories: int) -> dict:
    """ChiRho's dynamical simulation, all trajectories as one batch: contacts fall by half from day 40."""
    import torch
    from chirho.dynamical.handlers import LogTrajectory, StaticIntervention
    from chirho.dynamical.handlers.solver import TorchDiffEq
    from chirho.dynamical.ops import simulate

    torch.set_default_dtype(torch.float64)
    beta, sigma, gamma = (torch.as_tensor(each) for each in rates(trajectories))

    def dynamics(state):
        infect = state["contact"] * beta * state["S"] * state["I"]
        return {
            "S": -infect,
            "E": infect - sigma * state["E"],
            "I": sigma * state["E"] - gamma * state["I"],
            "R": gamma * state["I"],
            "contact": torch.zeros_like(state["contact"]),
        }

    ones = torch.ones(trajectories)
    start = {"S": 0.999 * ones, "E": 0 * ones, "I": 0.001 * ones, "R": 0 * ones, "contact": ones}

    days = torch.arange(1.0, 200.0)
    _mend_chirho()

    def work() -> np.ndarray:
        change = StaticIntervention(time=torch.tensor(40.0), intervention={"contact": 0.5 * ones})
        with torch.no_grad(), LogTrajectory(times=days) as log, TorchDiffEq(rtol=1e-6, atol=1e-9), change:
            simulate(dynamics, start, torch.tensor(0.0), torch.tensor(199.5))
        return log.trajectory["S"].numpy()

    got, first, run = timed(work, 3)
    return {"compile": 0.0, "run": run, "first": first, "error": epidemic_error(got[..., -1])}


def _mend_chirho() -> None:
    """ChiRho 0.3.0 adds a shape to a tuple that holds an ellipsis, which newer torch refuses; a tuple does."""
    import inspect

    from chirho.dynamical.internals.backends import torchdiffeq

    text = inspect.getsource(torchdiffeq._batched_odeint).replace("+ yt_.shape[", "+ tuple(yt_.shape)[")
    exec(text, vars(torchdiffeq))


def rates(trajectories: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Transmission, incubation and recovery a day, by trajectory."""
    random = np.random.default_rng(3)
    return (
        random.uniform(0.3, 0.6, trajectories),
        random.uniform(0.15, 0.3, trajectories),
        random.uniform(0.1, 0.2, trajectories),
    )


def epidemic_error(susceptible: np.ndarray) -> float:
    """The largest error of the susceptible share on day 199 over 20 trajectories, against SciPy at 1e-11."""
    from scipy.integrate import solve_ivp

    worst = 0.0
    for i, (beta, sigma, gamma) in enumerate(zip(*rates(len(susceptible)))):
        if i >= 20:
            break
        state = np.array([0.999, 0.0, 0.001, 0.0])
        for begin, end, contact in ((0, 40, 1.0), (40, 199, 0.5)):

            def flow(_, y, beta=beta, sigma=sigma, gamma=gamma, contact=contact):
                infect = contact * beta * y[0] * y[2]
                return [-infect, infect - sigma * y[1], sigma * y[1] - gamma * y[2], gamma * y[2]]

            state = solve_ivp(flow, (begin, end), state, rtol=1e-11, atol=1e-13).y[:, -1]
        worst = max(worst, abs(state[0] - float(np.ravel(susceptible)[i])))
    return worst
