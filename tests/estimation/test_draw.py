"""From a table to a sample: coding, what is left out, and every bad input."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from linear_cases import FORMULA, adjusted

from aitia.data import ColumnNotFound, MissingValues, read
from aitia.estimation import (
    BadWeights,
    LevelNotFound,
    NoInstrument,
    OutcomeNotNumeric,
    RegressionAdjustment,
    Sample,
    TreatmentConstant,
    TreatmentDetermined,
    TreatmentKind,
    TwoStageLeastSquares,
    _sample,
)
from aitia.identification import Contrast, ControlledDirect, Effect, Estimand, Population, Rule, subgroup
from aitia.statistics import TooFewRows


def table(n: int = 120, **more: object) -> dict[str, object]:
    rng = np.random.default_rng(0)
    age = rng.normal(50, 10, n)
    region = np.array(["north", "south", "west"])[rng.integers(0, 3, n)]
    took = rng.random(n) < 1 / (1 + np.exp(-(age - 50) / 10))
    columns: dict[str, object] = {
        "drug": np.where(took, "new", "old"),
        "age": age,
        "region": region,
        "cured": age / 10 + took + rng.normal(size=n),
        "dose": age / 10 + rng.normal(size=n),
        "arm": np.array(["a", "b", "c"])[rng.integers(0, 3, n)],
        "lottery": rng.integers(0, 2, n),
        "weight": rng.uniform(0.5, 2, n),
        "clinic": np.array([f"c{j}" for j in rng.integers(0, 12, n)]),
        "answer": np.where(rng.random(n) < 0.5, "no", "yes"),
        "constant": np.ones(n),
        "half": age / 2 + 3,
    }
    return columns | more


def estimand(
    treatment: str = "drug",
    outcome: str = "cured",
    adjustment: tuple[str, ...] = ("age", "region"),
    contrast: Contrast | None = None,
    population: Population | None = None,
    rule: Rule = Rule.ADJUSTMENT,
    instruments: tuple[str, ...] = (),
) -> Estimand:
    question = Effect(treatment, outcome, contrast, population or adjusted().question.population)  # type: ignore[union-attr]
    return Estimand(question, rule, FORMULA, adjustment, instruments=instruments)


def said(sample: Sample) -> str:
    return "; ".join(f"{each.what} ({each.why})" for each in sample.decisions)


# -- coding ------------------------------------------------------------------------------------------------------


def test_text_treatment_by_its_contrast() -> None:
    data = table()
    sample = Sample.draw(read(data), estimand(contrast=Contrast("old", "new")))
    assert sample.treatment_kind is TreatmentKind.BINARY
    assert sample.treatment_levels == ("new", "old") and sample.contrast == (1.0, 0.0)
    np.testing.assert_array_equal(sample.treatment, np.asarray(data["drug"]) == "old")
    assert sample.contrast_levels == ("old", "new")
    assert "compared drug = old (treated) with drug = new (control)" in said(sample)
    other = Sample.draw(read(data), estimand(contrast=Contrast("new", "old")))
    assert RegressionAdjustment().estimate(estimand(), sample).value == pytest.approx(
        -RegressionAdjustment().estimate(estimand(), other).value
    )


def test_the_default_contrast_is_last_against_first() -> None:
    sample = Sample.draw(read(table()), estimand())
    assert sample.treatment_levels == ("new", "old")
    assert "the last and the first value in sorted order" in said(sample)


def test_several_levels_are_all_kept() -> None:
    data = table()
    sample = Sample.draw(read(data), estimand("arm", contrast=Contrast("c", "a")))
    assert sample.treatment_kind is TreatmentKind.CATEGORICAL
    assert sample.treatment_levels == ("a", "b", "c") and sample.contrast == (2.0, 0.0)
    assert sample.arm_moments().count.tolist() == [
        int((np.asarray(data["arm"]) == each).sum()) for each in "abc"
    ]
    assert len(RegressionAdjustment().estimate(estimand("arm"), sample).profile.points) == 3  # type: ignore[union-attr]


def test_numbers_are_doses_and_text_contrasts_are_read() -> None:
    sample = Sample.draw(read(table()), estimand("dose"), contrast=Contrast("7", "2.5"))
    assert sample.treatment_kind is TreatmentKind.CONTINUOUS and sample.contrast == (7.0, 2.5)
    binary = Sample.draw(read(table()), estimand("lottery"), contrast=Contrast("0", "1"))
    assert binary.treatment_levels == (1, 0)


def test_categorical_covariates_are_one_hot_with_a_stated_baseline() -> None:
    sample = Sample.draw(read(table()), estimand())
    assert sample.covariate_names == ("age", "region[south]", "region[west]")
    assert dict(sample.covariate_groups) == {"age": (0,), "region": (1, 2)}
    assert "baseline north" in said(sample)


def test_text_outcomes_of_two_values_are_coded_and_said() -> None:
    data = table()
    sample = Sample.draw(read(data), estimand(outcome="answer"))
    np.testing.assert_array_equal(sample.outcome, np.asarray(data["answer"]) == "yes")
    assert "coded the outcome answer as 1 for yes and 0 for no" in said(sample)


def test_a_formula_says_how_covariates_enter() -> None:
    sample = Sample.draw(read(table()), estimand(), formula="~ age + I(age ** 2) + region")
    assert sample.covariates.shape[1] == 4
    np.testing.assert_allclose(sample.covariates[:, 1], sample.covariates[:, 0] ** 2)


def test_a_subgroup_is_a_mask() -> None:
    asked = estimand(population=subgroup("age > 50 and region = 'north'", "age", "region"))
    data = table()
    sample = Sample.draw(read(data), asked)
    expected = (np.asarray(data["age"]) > 50) & (np.asarray(data["region"]) == "north")
    np.testing.assert_array_equal(sample.population, expected)
    assert sample.arm_moments().subgroup.count.sum() == expected.sum()  # type: ignore[union-attr]
    np.testing.assert_allclose(sample.arm_moments().pool()[2][0], np.asarray(data["age"]).mean(), rtol=1e-12)


def test_held_mediators_are_coded_like_their_columns() -> None:
    question = ControlledDirect("drug", "cured", ("region", "lottery"), ("west", 1))
    asked = Estimand(question, Rule.MEDIATION, FORMULA, ("age",), ("region", "lottery"))
    sample = Sample.draw(read(table()), asked)
    assert sample.mediator_names == ("region[south]", "region[west]", "lottery")
    assert sample.mediator_levels.tolist() == [0, 1, 1]  # type: ignore[union-attr]


def test_missing_values() -> None:
    data = table()
    age = np.asarray(data["age"]).copy()
    age[:7] = np.nan
    with pytest.raises(MissingValues, match="age"):
        Sample.draw(read(data | {"age": age}), estimand())
    sample = Sample.draw(read(data | {"age": age}), estimand(), missing="complete_cases")
    assert sample.n == 113 and "left out 7 of 120 rows" in said(sample)
    assert len(Sample.draw(read(data | {"age": age}), estimand(), missing="indicator").covariate_names) == 4


# -- columns that say nothing new --------------------------------------------------------------------------------


def test_constant_duplicated_and_collinear_columns_are_named_and_left_out() -> None:
    data = table()
    both = np.asarray(data["age"]) + np.asarray(data["dose"])
    asked = estimand(adjustment=("age", "constant", "half", "dose", "both"))
    sample = Sample.draw(read(data | {"both": both}), asked)
    assert sample.covariate_names == ("age", "dose")
    assert "left out constant" in said(sample)
    assert "left out half (it is age over again, rescaled)" in said(sample)
    assert "left out both (it is a linear combination of age, dose)" in said(sample)
    noticed = [each.sentence for each in sample.diagnostics]
    assert any("half" in each for each in noticed)
    fewer = Sample.draw(read(data), estimand(adjustment=("age", "dose")))
    one, other = (RegressionAdjustment().estimate(estimand(), each) for each in (sample, fewer))
    assert (one.value, one.std_error) == pytest.approx((other.value, other.std_error), rel=1e-12)


def test_an_instrument_explained_by_covariates_is_left_out() -> None:
    asked = estimand("dose", rule=Rule.INSTRUMENT, adjustment=("age",), instruments=("half", "lottery"))
    sample = Sample.draw(read(table()), asked)
    assert sample.instrument_names == ("lottery",)
    assert np.isfinite(TwoStageLeastSquares().estimate(asked, sample).value)
    none = estimand("dose", rule=Rule.INSTRUMENT, adjustment=("age",), instruments=("half",))
    with pytest.raises(NoInstrument, match="half varies beyond what the covariates explain"):
        Sample.draw(read(table()), none)


def test_a_constant_outcome_is_a_decision() -> None:
    sample = Sample.draw(read(table()), estimand(outcome="constant"))
    assert "kept the outcome constant" in said(sample)
    assert RegressionAdjustment().estimate(estimand(), sample).value == 0


# -- bad input ---------------------------------------------------------------------------------------------------

BAD: Mapping[str, tuple[dict[str, object], dict[str, object], type[Exception], str]] = {
    "treatment not in the data": ({"treatment": "drugs"}, {}, ColumnNotFound, "Did you mean 'drug'"),
    "outcome not in the data": ({"outcome": "cure"}, {}, ColumnNotFound, "Did you mean 'cured'"),
    "covariate not in the data": ({"adjustment": ("agee",)}, {}, ColumnNotFound, "Did you mean 'age'"),
    "treatment of one value": (
        {"treatment": "constant"},
        {},
        TreatmentConstant,
        "same value, 1.0, in all rows",
    ),
    "level not in the data": (
        {"contrast": Contrast("neww", "old")},
        {},
        LevelNotFound,
        "no value 'neww'.\n  Did you mean 'new'",
    ),
    "a level against itself": ({"contrast": Contrast("new", "new")}, {}, LevelNotFound, "with itself"),
    "a dose that is text": (
        {"treatment": "dose", "contrast": Contrast("high", "low")},
        {},
        LevelNotFound,
        "'high'",
    ),
    "outcome of many texts": ({"outcome": "clinic"}, {}, OutcomeNotNumeric, "text of 12 values"),
    "treatment determined": (
        {"treatment": "lottery", "adjustment": ("age", "twin")},
        {},
        TreatmentDetermined,
        "exact linear combination of twin",
    ),
    "no such weights": ({}, {"weights": "wieght"}, ColumnNotFound, "Did you mean 'weight'"),
    "negative weights": ({}, {"weights": "negative"}, BadWeights, "goes down to -1"),
    "weights all zero": ({}, {"weights": "zero"}, BadWeights, "All weights"),
    "text weights": ({}, {"weights": "region"}, BadWeights, "must be numbers"),
    "empty subgroup": ({"population": subgroup("age > 900", "age")}, {}, TooFewRows, "No row satisfies"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_has_a_named_error(case: str) -> None:
    changes, options, error, words = BAD[case]
    data = table()
    data |= {
        "twin": 3 - 2 * np.asarray(data["lottery"]),
        "negative": np.r_[-1.0, np.ones(119)],
        "zero": np.zeros(120),
    }
    with pytest.raises(error) as caught:
        Sample.draw(read(data), estimand(**changes), **options)  # type: ignore[arg-type]
    assert words in str(caught.value)


def test_a_level_lost_to_missing_values_is_an_error() -> None:
    data = table()
    age = np.where(np.asarray(data["drug"]) == "new", np.nan, np.asarray(data["age"]))
    with pytest.raises(TreatmentConstant, match="'old', in all rows used"):
        Sample.draw(read(data | {"age": age}), estimand(), missing="complete_cases")


def test_too_few_rows() -> None:
    data = {name: np.asarray(column)[:6] for name, column in table().items()}
    with pytest.raises(TooFewRows, match="There are 6 rows for"):
        Sample.draw(read(data), estimand(adjustment=("age", "dose", "lottery", "weight")))


HOSTILE = ('a"b', "x'); DROP TABLE t; --", "<script>alert(1)</script>", "line\nbreak", "age -> y", "[weird]")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_column_names_come_through(name: str) -> None:
    data = table()
    data[name] = data.pop("age")
    asked = estimand(adjustment=(name, "region"))
    sample = Sample.draw(read(data), asked)
    assert sample.covariate_names[0] == name
    plain = Sample.draw(read(table()), estimand())
    assert RegressionAdjustment().estimate(asked, sample).value == pytest.approx(
        RegressionAdjustment().estimate(estimand(), plain).value
    )


# -- rows that stay on disk --------------------------------------------------------------------------------------


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sample, "LARGEST_IN_MEMORY", 1000)


@pytest.mark.usefixtures("small_memory")
@pytest.mark.parametrize("treatment", ["drug", "arm", "dose"])
def test_streaming_gives_the_same_answers_and_loads_nothing(tmp_path: Path, treatment: str) -> None:
    path = tmp_path / "rows.parquet"
    pd.DataFrame(table(3000)).to_parquet(path, row_group_size=700)
    asked = estimand(
        treatment,
        adjustment=("age", "region", "half", "lottery"),
        population=None if treatment == "dose" else subgroup("age > 45", "age"),
    )
    options = {"weights": "weight", "clusters": "clinic", "seed": 3}
    streamed = Sample.draw(read(path), asked, **options)
    loaded = Sample.draw(read(table(3000)), asked, **options)
    assert loaded.loaded and not streamed.loaded
    assert (
        streamed.covariate_names
        == loaded.covariate_names
        == ("age", "region[south]", "region[west]", "lottery")
    )
    for estimator in (RegressionAdjustment(), RegressionAdjustment(interactions=False)):
        one, other = estimator.estimate(asked, streamed), estimator.estimate(asked, loaded)
        assert other.value == pytest.approx(one.value, rel=1e-9)
        assert other.std_error == pytest.approx(one.std_error, rel=1e-9)
        assert other.degrees_of_freedom == one.degrees_of_freedom == 11
        np.testing.assert_allclose(one.influence, other.influence, rtol=1e-6, atol=1e-9)
    blocks = [each.grouped_moments(20).grouped for each in (streamed, loaded)]
    np.testing.assert_allclose(blocks[0].crosses, blocks[1].crosses, rtol=1e-8, atol=1e-6)
    assert "not loaded" in repr(streamed) and not streamed.loaded
    np.testing.assert_array_equal(streamed.covariates, loaded.covariates)
    assert streamed.loaded
    np.testing.assert_array_equal(streamed.clusters, loaded.clusters)


@pytest.mark.usefixtures("small_memory")
def test_a_streaming_sample_can_be_replaced_cut_and_pickled(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pd.DataFrame(table(500)).to_parquet(path)
    sample = Sample.draw(read(path), estimand())
    placebo = sample.replace(treatment=1 - sample.treatment)
    assert placebo.loaded and placebo.n == 500
    again = pickle.loads(pickle.dumps(Sample.draw(read(path), estimand())))
    assert RegressionAdjustment().estimate(estimand(), again).value == pytest.approx(
        -RegressionAdjustment().estimate(estimand(), placebo).value
    )
    assert sample.rows(np.array([3, 3, 1])).outcome.tolist() == sample.outcome[[3, 3, 1]].tolist()


def test_a_changed_sample_forgets_the_sums_of_the_old_one() -> None:
    sample = Sample.draw(read(table()), estimand())
    before = sample.arm_moments()
    changed = sample.replace(outcome=sample.outcome + 1)
    column = before.columns.y
    np.testing.assert_allclose(changed.arm_moments().mean[:, column], before.mean[:, column] + 1)


def test_moments_of_a_sample_are_those_of_its_rows() -> None:
    sample = Sample.draw(read(table()), estimand("arm"), weights="weight", seed=1)
    block = np.column_stack([sample.covariates, sample.outcome, sample.treatment])
    w = sample.weights
    mean = w @ block / w.sum()
    moments = sample.moments()
    np.testing.assert_allclose(moments.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(moments.cross, ((block - mean).T * w) @ (block - mean), rtol=1e-9, atol=1e-9)
    blocks = sample.grouped_moments(7)
    codes = sample.block_codes(7)
    np.testing.assert_allclose(
        blocks.sums(np.eye(7)).weight[:, 2],
        [w[(codes == b) & (sample.treatment == 2)].sum() for b in range(7)],
    )
