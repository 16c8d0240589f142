"""A program from a graph and data: what is chosen, why, and what is refused."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from aitia.data import read
from aitia.programs import FitError, Program, ProgramError
from aitia.programs.mechanisms import (
    ConditionalFlow,
    GeneralisedLinear,
    Linear,
    Marginal,
    NegativeBinomial,
    Poisson,
    Root,
    Spline,
    Table,
    TreeEnsemble,
)


@pytest.fixture(scope="module")
def data():
    random = np.random.default_rng(0)
    n = 400
    x = random.normal(3, 2, n)
    region = random.choice(["north", "south", "west"], n)
    bent = 3 * np.sin(x) + 0.5 * random.normal(size=n)
    straight = 2 * x + (region == "south") + random.normal(size=n)
    visits = random.negative_binomial(2, 2 / (2 + np.exp(0.5 + 0.2 * x)))
    return {"x": x, "region": region, "bent": bent, "straight": straight, "visits": visits}


GRAPH = "x -> bent; x -> straight; region -> straight; x -> visits"


@pytest.fixture(scope="module")
def program(data) -> Any:
    region = {"region": 3}
    tried = {
        "x": [Root()],
        "bent": [Linear("x"), Spline("x")],
        "straight": [Linear("x", "region", categorical=region), Spline("x", "region", categorical=region)],
        "visits": [
            GeneralisedLinear("x", family=Poisson()),
            GeneralisedLinear("x", family=NegativeBinomial()),
            Linear("x"),
        ],
    }
    return Program.from_graph(GRAPH, data, tried)


def test_the_family_that_made_the_data_is_chosen_and_why_is_said(program):
    kinds = {node: type(each) for node, each in program.mechanisms.items()}
    assert kinds == {
        "x": Root, "region": Table, "bent": Spline, "straight": Linear, "visits": GeneralisedLinear
    }  # fmt: skip
    assert isinstance(program.mechanisms["visits"].family, NegativeBinomial)
    choices = program.choices
    bent = choices.of("bent")
    assert bent[1].chosen
    assert bent[1].reason.startswith("It has the best held-out score")
    # The curve's noise has spread 0.5, the line's residual sqrt(4.5 + 0.25): log(2.2 / 0.5) = 1.5 a row.
    assert bent[1].score - bent[0].score > 1.0
    assert "a row behind the best, with a standard error of" in bent[0].reason
    assert [each.chosen for each in choices.of("straight")] == [True, False]
    # Densities are never compared with probabilities.
    assert "It gives densities" in choices.of("visits")[2].reason
    assert choices.of("visits")[2].score is None
    assert "held-out rows, in 5 folds of 400 rows" in str(choices)
    assert choices.chosen("region").reason == "It is the only candidate."


def test_the_scores_estimate_the_law_s_own_score(program):
    # bent is sin plus normal noise of spread 0.5: its mean log density is -log(0.5 sqrt(2 pi e)).
    best = -0.5 * np.log(2 * np.pi * np.e * 0.25)
    chosen = program.choices.chosen("bent")
    # Four standard errors, and what twelve weights learned from 320 rows cost (12 / 640).
    assert best - 0.1 - 4 * chosen.standard_error < chosen.score < best + 4 * chosen.standard_error


def test_the_program_has_the_graph_and_the_levels_and_answers(program, data):
    program.check_graph(GRAPH)
    assert program.levels["region"] == ("north", "south", "west")
    assert program.facts["visits"].discrete
    assert not program.facts["bent"].discrete
    swapped = program.with_mechanism("bent", TreeEnsemble("x"))
    assert type(swapped.mechanisms["bent"]) is TreeEnsemble


def test_a_parent_without_data_leaves_one_default_that_is_not_scored(data):
    program: Any = Program.from_graph(
        "U [latent]; U -> x; U -> visits", {"x": data["x"], "visits": data["visits"]}
    )
    assert program.choices.chosen("x").candidate == "normal, linear in U"
    assert program.choices.chosen("x").score is None
    assert "Its parent 'U' has no data" in program.choices.chosen("x").reason
    assert program.mechanisms["U"].description == "standard normal"


def test_the_defaults_of_a_number_without_parents(data):
    bimodal = np.concatenate([data["x"], data["x"] + 30])
    program = Program.from_graph("waiting", {"waiting": bimodal})
    assert type(program.mechanisms["waiting"]) is Marginal
    assert program.query("waiting", draws=20_000).mean == pytest.approx(bimodal.mean(), abs=1.0)


@pytest.mark.slow
@pytest.mark.skipif(os.environ.get("AITIA_SLOW") != "1", reason="a full-size study; set AITIA_SLOW=1")
@pytest.mark.parametrize("seed", range(3))
def test_the_defaults_find_a_flow_where_noise_changes_its_shape(seed):
    random = np.random.default_rng(seed)
    x = random.normal(size=1_500)
    y = np.where(random.random(1_500) < 0.5, 1, -1) * (2 + np.abs(x)) + 0.5 * random.normal(size=1_500)
    program = Program.from_graph("x -> y", {"x": x, "y": y}, seed=seed)
    assert type(program.mechanisms["y"]) is ConditionalFlow


def test_what_a_program_cannot_be_made_of_is_refused(data):
    with pytest.raises(ProgramError, match=r"1 bidirected edge \(bent <-> visits\)") as raised:
        Program.from_graph("x -> bent; bent <-> visits", data)
    assert "U [latent]" in raised.value.next_step
    with pytest.raises(FitError, match="no column for the node 'benr'"):
        Program.from_graph("x -> benr", data)
    with pytest.raises(ProgramError, match="in the graph its parents are x"):
        Program.from_graph("x -> bent", data, {"bent": [Linear("region")]})
    with pytest.raises(ProgramError, match="candidates for 'bend', which is no node"):
        Program.from_graph("x -> bent", data, {"bend": [Linear("x")]})
    with pytest.raises(ProgramError, match="which is no mechanism"):
        Program.from_graph("x -> bent", data, {"bent": ["linear"]})  # pyright: ignore[reportArgumentType]
    with pytest.raises(FitError, match="same value in all rows"):
        Program.from_graph("x -> bent", {**data, "x": np.ones(400)})
    with pytest.raises(FitError, match="Values are missing"):
        Program.from_graph("x -> bent", {**data, "x": np.where(data["x"] > 5, np.nan, data["x"])})
    with pytest.raises(FitError, match="has the shape"):
        Program.from_graph("x -> bent", {**data, "x": np.ones((400, 2))})
    with pytest.raises(ProgramError, match="two folds"):
        Program.from_graph("x -> bent", data, folds=1)
    with pytest.raises(FitError, match="No candidate for 'x' could be fitted"):
        Program.from_graph("x", read({"x": data["x"]}), {"x": [Root(Poisson())]})
