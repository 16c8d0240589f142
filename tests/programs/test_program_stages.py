"""A program's graph in the other rooms: identification, refutation, drawing, with data that the program made."""

from __future__ import annotations

import numpyro.distributions as dist
import pytest

from aitia import Study
from aitia.graphs import draw
from aitia.identification import Effect, Estimand, NotIdentified, Rule, identify
from aitia.programs import Program
from aitia.refutation import Case, GraphFalsification, ImpliedIndependences, Verdict

QUESTION = Effect("dose", "health")


@pytest.fixture(scope="module")
def program():
    return Program(
        {
            "age": dist.Normal(0, 1),
            "taste": dist.Normal(0, 1),
            "dose": lambda age: dist.Normal(0.8 * age, 1),
            "level": lambda dose, taste: dist.Normal(0.9 * dose + 0.7 * taste, 1),
            "health": lambda level, age: dist.Normal(1.5 * level - age, 1),
        }
    )


@pytest.fixture(scope="module")
def study(program):
    return Study(program.simulate(4_000, seed=2), QUESTION, program.graph)


def test_identification_and_estimation(program, study):
    estimate = study.identify().estimate().result
    assert study.identify().estimand.adjustment  # there is confounding by age
    truth = (
        program.query("health", do={"dose": 1.0}, draws=2_000).mean
        - program.query("health", do={"dose": 0.0}, draws=2_000).mean
    )
    assert truth == pytest.approx(1.35)  # common random numbers: the noise cancels
    assert abs(estimate.value - truth) < 5 * estimate.std_error


def test_latent_nodes(program):
    measured = identify(program.graph_with(latent=["taste"]), QUESTION)
    assert isinstance(measured, Estimand) and measured.rule is Rule.ADJUSTMENT
    # Without age the front door through the level stays open; without both there is nothing.
    front = identify(program.graph_with(latent=["age", "taste"]), QUESTION)
    assert isinstance(front, Estimand) and front.rule is Rule.FRONT_DOOR
    assert isinstance(identify(program.graph_with(latent=["age", "taste", "level"]), QUESTION), NotIdentified)


def test_the_programs_own_data_keep_its_promises_and_another_graph_breaks_them(study, program):
    done = study.identify().estimate()
    case = Case(done.result, done._drawn(), program.graph, study.table)
    assert ImpliedIndependences().refute(case).verdict is Verdict.SURVIVED
    assert GraphFalsification().refute(case).verdict is Verdict.SURVIVED
    wrong = program.with_mechanism("health", lambda age: dist.Normal(age, 1), other_parents=True).graph
    broken = ImpliedIndependences().refute(Case(case.estimate, case.sample, wrong, study.table))
    assert broken.verdict is Verdict.BROKEN


def test_drawing(program):
    figure = draw(program.graph_with(latent=["taste"]), treatment="dose", outcome="health")
    shown = {text.get_text() for text in figure.axes[0].texts}
    assert set(program.nodes) <= shown and "latent" in shown
