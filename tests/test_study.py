"""A study: immutable steps, each the same as the function it stands for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from aitia import Effect, Study, examples, identify
from aitia.core import AssumptionKey, Status
from aitia.estimation import RegressionAdjustment, Sample
from aitia.graphs import Graph
from aitia.identification import Contrast, NotIdentified
from aitia.refutation import Case, EValue, PlaceboTreatment, Verdict, battery
from aitia.study import NodeWithoutColumn, NotYet, UnknownMethod, estimator_named

STONES = examples.load("kidney_stones")
QUESTION = Effect("treatment", "success", Contrast("open", "percutaneous"))


def stones(**more) -> Study:
    return Study(STONES.table(), QUESTION, STONES.graph, **more)


def test_steps_leave_the_study_before_them_alone():
    start = stones()
    identified = start.identify()
    estimated = identified.estimate("stratification")
    refuted = estimated.refute((EValue(),))
    assert start.identification is None and identified.findings.estimate is None
    assert estimated.refutations == () and len(refuted.refutations) == 1
    assert refuted.result is estimated.result
    with pytest.raises(AttributeError):
        start.seed = 3  # type: ignore[misc]


def test_each_step_is_the_function_it_stands_for():
    study = (
        stones(seed=4).estimate(RegressionAdjustment()).refute((PlaceboTreatment(replicates=10), EValue()))
    )
    table, graph = STONES.table(), Graph.parse(STONES.graph)
    estimand = identify(graph, QUESTION)
    sample = Sample.draw(table, estimand, seed=4)
    estimate = RegressionAdjustment().estimate(estimand, sample, seed=4)
    tried = battery(Case(estimate, sample, graph, table), (PlaceboTreatment(replicates=10), EValue()), seed=4)
    assert study.estimand == estimand
    assert (study.result.value, study.result.std_error) == (estimate.value, estimate.std_error)
    assert [each.observed for each in study.refutations] == [each.observed for each in tried]


def test_the_known_answer_of_the_stones():
    study = stones().estimate("stratification")
    # Charig et al. 1986, standardised over the size of the stone.
    assert round(study.result.value, 4) == 0.0537
    assert study.estimand.adjustment == ("size",)


def test_the_ledger_joins_all_stages():
    study = stones(clusters=None).estimate().refute((EValue(), PlaceboTreatment(replicates=10)))
    keys = [each.key for each in study.ledger]
    assert AssumptionKey.NO_UNMEASURED_CONFOUNDING in keys and AssumptionKey.INDEPENDENT_ROWS in keys
    assert study.ledger[AssumptionKey.NO_UNMEASURED_CONFOUNDING].status is Status.BOUNDED


def test_not_identified_is_carried_and_not_raised(tmp_path: Path):
    study = Study(STONES.table(), QUESTION, "treatment -> success; treatment <-> success").identify()
    assert isinstance(study.identification, NotIdentified)
    assert "cannot tell the effect" in study.answer and study.to_dict()["estimate"] is None
    study.report(tmp_path / "report.html")
    assert "cannot say" in (tmp_path / "report.html").read_text(encoding="utf-8")
    with pytest.raises(NotYet, match="not identified"):
        study.estimate()


def test_steps_that_come_too_early_say_what_comes_first():
    with pytest.raises(NotYet, match="not identified yet"):
        _ = stones().estimand
    with pytest.raises(NotYet, match="no estimate yet"):
        stones().identify().also()
    assert stones().refute((EValue(),)).refutations, "refute runs what it stands on"


def test_others_beside_the_answer():
    study = stones().estimate("stratification").also("regression adjustment", "plug-in", "stratification")
    methods = [each.method for each in study.beside]
    assert len(methods) == len(set(methods)) >= 1
    assert study.result.method not in methods
    assert all(each.estimand is study.result.estimand for each in study.beside)
    quick = stones().estimate("stratification").also()
    assert len(quick.beside) >= 2 and quick.findings.refused == ()
    # Standardised over one binary column, every one of them estimates the same number.
    assert all(each.value == pytest.approx(study.result.value, abs=0.02) for each in quick.beside)


def test_one_that_cannot_answer_is_told_and_stops_nothing():
    study = stones().estimate("stratification").also("two-stage least squares", "regression adjustment")
    assert len(study.beside) == 1
    [(name, why)] = study.findings.refused
    assert "adjustment" in why and name


@pytest.mark.parametrize("name", ["regression adjustment", "Regression-Adjustment", "regression_adjustment"])
def test_estimators_by_name(name: str):
    assert isinstance(estimator_named(name), RegressionAdjustment)


def test_a_misspelt_estimator_names_the_nearest():
    with pytest.raises(UnknownMethod, match="Did you mean"):
        estimator_named("regresion adjustment")


def test_a_node_without_a_column():
    with pytest.raises(NodeWithoutColumn, match="'sise'"):
        Study(STONES.table(), QUESTION, STONES.graph.replace("size", "sise")).identify()


def test_seeds():
    def observed(seed: int) -> list[str]:
        study = stones(seed=seed).estimate("regression adjustment")
        return [each.observed for each in study.refute((PlaceboTreatment(replicates=10),)).refutations]

    assert observed(1) == observed(1) != observed(2)


def test_to_dict_is_strict_json():
    study = stones().estimate().refute(replicates=10)
    assert json.loads(json.dumps(study.to_dict(), allow_nan=False))["answer"] == study.answer


def test_it_shows_itself():
    study = stones().estimate("stratification").refute((EValue(),))
    assert "What is the effect of treatment on success?" in repr(study)
    assert "<table>" in study._repr_html_() and "<script" not in study._repr_html_()


def test_the_whole_battery_on_a_true_graph():
    """Rows made by the graph that is believed: the interval covers, and nothing is broken (each refuter errs in 1%)."""
    random = np.random.default_rng(11)
    n = 2000
    z = random.normal(size=n)
    t = (random.random(n) < 1 / (1 + np.exp(-z))).astype(float)
    y = t + z + random.normal(size=n)
    study = Study({"t": t, "y": y, "z": z}, Effect("t", "y"), "z -> t; z -> y; t -> y")
    study = study.estimate("regression adjustment").refute(replicates=30)
    low, high = study.result.interval
    assert low < 1 < high
    assert [each.name for each in study.refutations if each.verdict is Verdict.BROKEN] == []
