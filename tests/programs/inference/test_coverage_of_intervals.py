"""Intervals hold the truth as often as they say, over programs drawn from their own priors."""

from __future__ import annotations

import os

import numpy as np
import numpyro.distributions as dist
import pytest

from aitia.programs import NUTS, SVI, FullRank, Laplace, MaximumLikelihood, Program, parameter

FULL = bool(os.environ.get("AITIA_SLOW"))
ROWS = 60


def dose():
    return dist.Normal(0, 1)


def reply(
    dose,
    *,
    base=parameter(dist.Normal(0.0, 1.0)),
    slope=parameter(dist.Normal(0.0, 1.0)),
    spread=parameter(dist.LogNormal(0.0, 0.3)),
):
    return dist.Normal(base + slope * dose, spread)


PROGRAM = Program([dose, reply])
# What an engine can do with a draw costs; the compiled code serves every repetition.
ENGINES = {
    "NUTS": (NUTS(draws=150, warmup=100), 12, 300),
    "Laplace": (Laplace(draws=400, starts=1), 25, 1_000),
    "SVI": (SVI(FullRank(), steps=600, draws=400), 12, 200),
    "maximum likelihood": (MaximumLikelihood(draws=400, starts=1), 25, 1_000),
}


@pytest.mark.parametrize("name", ENGINES)
def test_half_of_the_intervals_of_a_half_hold_the_truth(name: str):
    # A 50% interval tells an overconfident engine soonest: 3 parameters a repetition, nearly independent.
    engine, few, many = ENGINES[name]
    repetitions = many if FULL else few
    generator = np.random.default_rng(7)
    ranks = []
    for seed in range(repetitions):
        truth = {
            "base": generator.normal(),
            "slope": generator.normal(),
            "spread": np.exp(0.3 * generator.normal()),
        }
        x = generator.normal(size=ROWS)
        y = truth["base"] + truth["slope"] * x + truth["spread"] * generator.normal(size=ROWS)
        own = PROGRAM.fit({"dose": x, "reply": y}, engine, seed=seed, show_progress=False).parameters["reply"]
        ranks += [(own[each] < value).mean() for each, value in truth.items()]
    inside = np.abs(np.asarray(ranks) - 0.5) < 0.25
    # Four standard errors of a share of a half; maximum likelihood divides by n, which costs under 0.02 here.
    slack = 4 * 0.5 / np.sqrt(len(inside)) + (0.02 if name == "maximum likelihood" else 0.0)
    assert inside.mean() == pytest.approx(0.5, abs=slack)
    # And nowhere far outside: a truth in a tail of 1 in 10,000 is not seen in so few.
    tails = np.minimum(ranks, 1 - np.asarray(ranks))
    assert np.mean(tails < 0.01) < 0.02 + 4 * np.sqrt(0.02 / len(ranks))
