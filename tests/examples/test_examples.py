"""The bundled examples hold the published counts, and their answers follow from their rows."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

from aitia import examples
from aitia.core import MissingExtra
from aitia.data import Design, OneHot
from aitia.graphs import Graph

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data" / "effects"


def rows(name: str):
    return examples.load(name).table().head(10**6).to_pandas()


@pytest.mark.parametrize("name", examples.names())
def test_every_example_is_whole(name):
    example = examples.load(name)
    assert example.name == name
    table = example.table()
    assert set(example.columns) == set(table.names)
    assert {example.treatment, example.outcome, *example.mediators} <= set(table.names)
    graph = Graph.parse(example.graph)
    assert set(graph.nodes) - graph.latent <= set(table.names)
    assert example.clusters is None or example.clusters in table.names
    treatment = table.column(example.treatment)
    assert not treatment.levels or set(example.contrast or ()) == set(treatment.levels)
    assert table.fingerprint == example.table().fingerprint
    assert all(column.n_missing == 0 for column in table.columns)
    assert repr(example).count("\n") == 0


def test_a_misspelt_name():
    with pytest.raises(examples.ExampleNotFound, match=r"Did you mean 'kidney_stones'"):
        examples.load("kidney_stone")


def test_kidney_stones():
    frame = rows("kidney_stones")
    answers = examples.kidney_stones.answers
    assert list(frame.columns) == ["treatment", "size", "success"]
    # Charig et al. 1986: success rates .7800 (open) and .8257 (percutaneous) overall,
    # .8325 and .7789 standardised over size.
    overall = frame.groupby("treatment")["success"].mean()
    assert overall["open"] == pytest.approx(0.7800, abs=5e-5)
    assert overall["percutaneous"] == pytest.approx(0.8257, abs=5e-5)
    within = frame.groupby(["treatment", "size"])["success"].mean().unstack()
    standardised = within @ frame["size"].value_counts(normalize=True)[within.columns]
    assert standardised["open"] == pytest.approx(0.8325, abs=5e-5)
    assert standardised["percutaneous"] == pytest.approx(0.7789, abs=5e-5)
    assert answers["raw"].value == pytest.approx(overall["open"] - overall["percutaneous"], abs=1e-12)
    assert answers["effect"].value == pytest.approx(
        standardised["open"] - standardised["percutaneous"], abs=1e-12
    )
    assert answers["effect"].value == pytest.approx(0.0537, abs=5e-5)


def test_berkeley_admissions():
    frame = rows("berkeley_admissions")
    answers = examples.berkeley_admissions.answers
    assert len(frame) == 4526
    # Bickel et al. 1975: .4452 of the men and .3035 of the women admitted.
    overall = frame.groupby("sex")["admitted"].mean()
    assert overall["male"] == pytest.approx(0.4452, abs=5e-5)
    assert overall["female"] == pytest.approx(0.3035, abs=5e-5)
    within = frame.groupby(["sex", "department"])["admitted"].mean().unstack()
    standardised = within @ frame["department"].value_counts(normalize=True)[within.columns]
    assert answers["raw"].value == pytest.approx(overall["male"] - overall["female"], abs=1e-12)
    assert answers["effect"].value == pytest.approx(standardised["male"] - standardised["female"], abs=1e-12)
    assert answers["effect"].value == pytest.approx(-0.0426, abs=5e-5)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared public files are not here")
def test_berkeley_admissions_against_the_published_table():
    frame = rows("berkeley_admissions")
    with (SHARED / "datasets_UCBAdmissions.csv").open(newline="") as file:
        published = list(csv.DictReader(file))
    assert len(published) == 24
    for cell in published:
        chosen = (
            (frame["sex"] == cell["Gender"].lower())
            & (frame["department"] == cell["Dept"])
            & (frame["admitted"] == (cell["Admit"] == "Admitted"))
        )
        assert chosen.sum() == int(cell["Freq"])


@pytest.mark.skipif(not SHARED.exists(), reason="the shared public files are not here")
def test_kidney_stones_against_the_published_table():
    frame = rows("kidney_stones").replace({"percutaneous": "pcnl"})
    with (SHARED / "kidney_stones.csv").open(newline="") as file:
        for cell in csv.DictReader(file):
            chosen = frame[(frame["treatment"] == cell["surgery"]) & (frame["size"] == cell["stone_size"])]
            assert (chosen["success"] == 1).sum() == int(cell["success"])
            assert (chosen["success"] == 0).sum() == int(cell["failure"])


def test_cholesterol_recovers_its_truth():
    example = examples.cholesterol
    design = Design.build(example.table(), ["cholesterol", "exercise", "age"]).matrix()
    y, x = design[:, 0], np.column_stack([np.ones(len(design)), design[:, 1:]])
    slope = np.linalg.lstsq(x, y)[0]
    residual = y - x @ slope
    error = np.sqrt(np.linalg.inv(x.T @ x)[1, 1] * residual @ residual / (len(y) - 3))
    # Four standard errors: one seed in 16,000 would fail.
    assert abs(slope[1] - example.answers["effect"].value) < 4 * error
    raw = np.cov(y, x[:, 1])
    # The raw slope is over ten on the other side of zero; its own standard error is about 0.17.
    assert raw[0, 1] / raw[1, 1] == pytest.approx(example.answers["raw"].value, abs=4 * 0.17)
    assert example.answers["raw"].value > 0 > example.answers["effect"].value
    assert (design[:, 1] >= 0).all()


class TestRandHie:
    def test_rows_are_those_of_the_file(self):
        randhie = pytest.importorskip("statsmodels.datasets.randhie")
        data = randhie.load_pandas().data
        frame = rows("rand_hie")
        assert len(frame) == len(data) == 20_190
        np.testing.assert_array_equal(frame["visits"], data["mdvis"])
        np.testing.assert_allclose(np.log1p(frame["coinsurance"]), data["lncoins"], atol=1e-5)
        free = (data["lncoins"] == 0) & (data["idp"] == 0)
        np.testing.assert_array_equal(frame["free_care"] == 1, free)
        assert set(frame.loc[free, "plan"]) == {"free"}

    def test_coinsurance_0_is_not_free_care_alone(self):
        frame = rows("rand_hie")
        mixed = frame[(frame["coinsurance"] == 0) & (frame["free_care"] == 0)]
        assert set(mixed["plan"]) == {"individual deductible"}
        assert f"{len(mixed):,} person-years" in examples.rand_hie.notes
        # Their visits are those of a paying plan, not of the free one.
        means = frame.groupby("plan")["visits"].mean()
        assert mixed["visits"].mean() < means["25%"] < means["free"]

    def test_the_order_of_plans_is_the_published_one_where_it_is(self):
        means = rows("rand_hie").groupby("plan")["visits"].mean()
        assert means["free"] > means["25%"] > means["50%"] > means["95%"]
        published = {
            name.removeprefix("published "): each.value for name, each in examples.rand_hie.answers.items()
        }
        assert set(published) == set(means.index)
        # The file is a subset: every mean of its own lies below the published one.
        assert all(means[plan] < value for plan, value in published.items())

    def test_without_statsmodels(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "statsmodels.datasets", None)
        with pytest.raises(MissingExtra, match=r"aitia\[examples\]"):
            examples.rand_hie.table()

    def test_plans_enter_one_hot(self):
        design = Design.build(examples.rand_hie.table(), OneHot("plan", baseline="free"))
        assert design.names == ("plan[25%]", "plan[50%]", "plan[95%]", "plan[individual deductible]")


def test_rand_persons_have_the_years_they_enrolled_for():
    """Enrolment was for three or five years (Manning et al. 1987): most runs have so many rows, and share a plan."""
    pytest.importorskip("statsmodels")
    frame = rows("rand_hie")
    years = frame.groupby("person").size()
    assert years.isin([3, 5]).mean() > 0.75
    assert (frame.groupby("person")["plan"].nunique() == 1).all()


def test_coffee_and_sleep():
    frame = rows("coffee_and_sleep")
    answers = examples.coffee_and_sleep.answers

    def slope(*adjusted):
        design = np.column_stack([np.ones(len(frame)), frame[["coffee", *adjusted]]])
        inverse = np.linalg.inv(design.T @ design)
        fitted = inverse @ design.T @ frame["sleep"].to_numpy()
        noise = frame["sleep"] - design @ fitted
        return fitted[1], np.sqrt(inverse[1, 1] * noise.var())

    for adjusted, key in (((), "raw"), (("workload",), "effect"), (("stress", "exercise"), "effect")):
        value, error = slope(*adjusted)
        assert abs(value - answers[key].value) < 3.5 * error
    assert answers["raw"].value < answers["effect"].value - 0.1
