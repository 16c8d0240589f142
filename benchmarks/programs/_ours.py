"""Ours, called as the documentation calls it."""

from __future__ import annotations

import time

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from _peers import (
    ACTED,
    CHAINS,
    DRAWS,
    TO,
    WARMUP,
    _error_of_effect,
    _error_of_weights,
    epidemic_error,
    exact_counterfactuals,
    exact_do,
    posterior_draws,
    rates,
    sampled,
    timed,
)
from _problems import NODES, Linear, hierarchical, linear

from aitia.programs import Fitted, FunctionMechanism, Program, parameter
from aitia.programs.inference import NUTS


def program_of(problem: Linear) -> Program:
    """The linear program with priors as the peers have them."""
    return Program({f"x{j}": _node(parents) for j, parents in enumerate(problem.parents)})


def _node(parents: tuple[int, ...]) -> FunctionMechanism:
    names = [f"x{k}" for k in parents]
    wide = dist.Normal(0, 10).expand([len(parents) + 1]).to_event(1)
    space = {"jnp": jnp, "dist": dist, "w": parameter(wide), "s": parameter(dist.HalfNormal(5))}
    # A mechanism's signature names its parents, and these are made by a loop.
    mean = " + ".join(["w[0]", *(f"w[{i + 1}] * {name}" for i, name in enumerate(names))])
    text = f"def node({', '.join([*names, '*'])}, w=w, s=s):\n    return dist.Normal({mean}, s)\n"
    exec(text, space)
    return FunctionMechanism(space["node"])


def _chains(draws: np.ndarray) -> np.ndarray:
    return draws.reshape(CHAINS, DRAWS, *draws.shape[1:])


def fit_linear(rows: int) -> dict:
    """NUTS on what suffices of the rows."""
    problem = linear(rows)
    program = program_of(problem)
    data = dict(zip(problem.names, problem.values.T))
    engine = NUTS(draws=DRAWS, chains=CHAINS, warmup=WARMUP)
    start = time.perf_counter()
    program.fit(data, engine, seed=0, show_progress=False)
    first = time.perf_counter() - start
    start = time.perf_counter()
    fitted = program.fit(data, engine, seed=1, show_progress=False)
    run = time.perf_counter() - start
    draws = {}
    for j in range(NODES):
        own = fitted.parameters[f"x{j}"]
        draws[f"w{j}"], draws[f"s{j}"] = _chains(own["w"]), _chains(own["s"])
    return sampled(draws, max(first - run, 0.0), run, _error_of_weights(problem, draws))


def _known(problem: Linear) -> tuple[Fitted, np.ndarray]:
    """The program with the posterior draws that every library is given."""
    weights = posterior_draws(problem)
    parameters = {}
    for j, parents in enumerate(problem.parents):
        at = [0, *(k + 1 for k in parents)]
        parameters[f"x{j}"] = {"w": weights[:, j, at], "s": np.ones(len(weights))}
    return Fitted(program_of(problem), parameters, "given"), weights


def do_linear(rows: int) -> dict:
    """The mean after an intervention, by draw of the parameters."""
    problem = linear(rows)
    fitted, weights = _known(problem)

    def work() -> np.ndarray:
        answer = fitted.query(f"x{NODES - 1}", do={f"x{ACTED}": TO}, draws=len(weights) * 100)
        return np.asarray(answer.mean_by_draw)

    got, first, run = timed(work)
    error = float(np.abs(got - exact_do(weights)).max())
    return {"compile": max(first - run, 0.0), "run": run, "error": error}


def counterfactuals_linear(rows: int) -> dict:
    """Abduction, action, prediction for every row and draw."""
    problem = linear(rows)
    fitted, weights = _known(problem)
    data = dict(zip(problem.names, problem.values.T))

    def work() -> np.ndarray:
        return fitted.counterfactuals(data, do={f"x{ACTED}": TO}, of=f"x{NODES - 1}").values

    got, first, run = timed(work)
    error = float(np.abs(np.asarray(got) - exact_counterfactuals(problem, weights)).max())
    return {"compile": max(first - run, 0.0), "run": run, "error": error}


def treated():
    """Half of the rows are treated."""
    return dist.Bernoulli(0.5)


def outcome(
    treated,
    *,
    base=parameter(dist.Normal(0, 2)),
    effect=parameter(dist.Normal(0, 2)),
    spread=parameter(dist.HalfNormal(1).expand([2]).to_event(1)),
    own_base=parameter(lambda base, spread: dist.Normal(base, spread[0]), per="group"),
    own_effect=parameter(lambda effect, spread: dist.Normal(effect, spread[1]), per="group"),
):
    """A binary outcome whose level and effect vary by group."""
    return dist.Bernoulli(logits=own_base + own_effect * treated)


def fit_hierarchical(rows: int) -> dict:
    """NUTS on the counts of each group and arm."""
    problem = hierarchical(rows)
    program = Program([treated, outcome])
    data = {"treated": problem.treated, "outcome": problem.outcome, "group": problem.group}
    engine = NUTS(draws=DRAWS, chains=CHAINS, warmup=WARMUP)
    start = time.perf_counter()
    program.fit(data, engine, seed=0, show_progress=False)
    first = time.perf_counter() - start
    start = time.perf_counter()
    fitted = program.fit(data, engine, seed=1, show_progress=False)
    run = time.perf_counter() - start
    own = fitted.parameters["outcome"]
    draws = {name: _chains(own[name]) for name in ("base", "effect", "spread")}
    return sampled(draws, max(first - run, 0.0), run, _error_of_effect(problem, draws["effect"]))


def epidemic(trajectories: int) -> dict:
    """The ODE, all trajectories as one batch, at ChiRho's relative tolerance."""
    from aitia.programs.time import Epidemic, Masks, Rates

    beta, sigma, gamma = rates(trajectories)
    asked = Rates(beta / gamma, 1 / gamma, 1 / sigma, np.full(trajectories, 0.001))
    people = Epidemic(1.0)

    def work() -> np.ndarray:
        return people.solve(asked, 199, [Masks(40.0, 0.5)], tolerance=1e-7).susceptible

    got, first, run = timed(work)
    return {
        "compile": max(first - run, 0.0),
        "run": run,
        "error": epidemic_error(np.asarray(got)[:, -1].ravel()),
    }


def digits(images: int) -> dict:
    """The flow of examples/programs/digits.py: its training, and counterfactual images there and back."""
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "programs"))
    import digits as example

    from aitia.programs.deep import counterfactual

    data = example.load()
    start = time.perf_counter()
    program = example.program(example.flow(), data.training)
    training = time.perf_counter() - start
    record = program.mechanisms["image"].record
    units = {name: column[:images] for name, column in data.training.items()}
    other = np.random.default_rng(0).permutation(units["thickness"])

    def work():
        return counterfactual(program, units, {"thickness": other})

    acted, first, run = timed(work)
    back = counterfactual(program, acted, {"thickness": units["thickness"]})
    # Grey levels are whole numbers: what the round trip loses is the noise within a level, drawn anew.
    worst = float(np.abs(np.asarray(back["image"]) - units["image"]).mean())
    null = counterfactual(program, units, {"thickness": units["thickness"]})
    error = float(np.abs(np.asarray(null["image"]) - units["image"]).max())
    note = (
        f"trained in {training:.0f} s to {record.held_out_nats:.1f} nats held out an image; there and back "
        f"{worst:.2f} of 16 grey levels on average"
    )
    return {"compile": max(first - run, 0.0), "run": run, "error": error, "note": note}
