"""The published graphs: rule, formula and witness as the literature has them, and each of them computed."""

from __future__ import annotations

import pytest
from causal_oracle import Model
from published import PUBLISHED, Published
from test_general import check_interventional
from test_hedge import check_hedge
from test_oracle import truth, value

from aitia.core import stream
from aitia.identification import Effect, Estimand, Hedge, Interventional, NotIdentified, Rule, identify

NONPARAMETRIC = [rule for rule in Rule if rule is not Rule.INSTRUMENT]


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row.name)
def test_known_answer(row: Published):
    found = identify(row.graph, row.question, rules=NONPARAMETRIC)
    assert found.identified == (row.rule is not None)
    if isinstance(found, NotIdentified):
        assert type(found.witness).__name__ == row.witness
        assert found.sentence and found.suggestions
        if isinstance(row.question, Effect):
            assert isinstance(found.witness, Hedge)
            check_hedge(row.graph, row.question.treatment, row.question.outcome, found.witness)
        return
    assert found.rule is row.rule
    assert found.adjustment == row.adjustment
    if row.formula:
        assert found.text() == row.formula
    if row.general:
        assert identify(row.graph, row.question, rules=[Rule.GENERAL]).text() == row.general
    model = Model(row.graph, stream(0, "published", row.name))
    question = row.question
    if isinstance(question, Interventional):
        check_interventional(model, question.outcomes, question.treatments, question.given, found.expression)
    else:
        assert value(found, model) == pytest.approx(truth(question, model), abs=1e-9)


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row.name)
def test_results_print(row: Published):
    found = identify(row.graph, row.question)
    assert found.question.treatment in repr(found)
    assert "<table>" in found._repr_html_()
    if isinstance(found, Estimand):
        assert found.latex().count("{") == found.latex().count("}")
        assert set(found.variables) <= set(row.graph.observed)
        assert all(each.statement and each.source for each in found.assumptions)
