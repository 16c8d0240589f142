"""Columns become numbers: by kind, by policy, block by block."""

import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.data import (
    Codes,
    ColumnNotFound,
    ConstantColumn,
    Design,
    EmptyData,
    KindMismatch,
    Missing,
    MissingValues,
    NonFiniteValues,
    Numeric,
    OneHot,
    Predicate,
    Table,
    TextInNumberColumn,
    TooManyLevels,
    UnknownLevel,
    UnsupportedColumn,
    read,
)

HOSTILE = "x\"'; drop table t; --\n<script>alert('&')</script>`{y}` %s"


def table(**changes) -> Table:
    columns = {
        "age": [31.0, 45.0, 60.0, 52.0, 28.0],
        "region": ["west", "north", "south", "north", "west"],
        "sex": ["m", "f", "f", "m", "f"],
        "insured": [True, False, True, True, False],
        "arm": [1, 3, 2, 1, 3],
        "since": [datetime.date(2024, 2, day) for day in (3, 1, 29, 2, 1)],
    }
    return read({**columns, **changes})


class TestByKind:
    def test_numbers_stay_as_they_are(self):
        design = Design.build(table(), ["age", "arm"])
        assert design.names == ("age", "arm")
        np.testing.assert_array_equal(design.matrix(), [[31, 1], [45, 3], [60, 2], [52, 1], [28, 3]])
        assert design.matrix().flags.f_contiguous
        assert design.matrix().dtype == np.float64

    def test_categories_are_one_hot_without_the_first_sorted_level(self):
        design = Design.build(table(), ["age", "region", "sex"])
        assert design.names == ("age", "region[south]", "region[west]", "sex[m]")
        assert design.groups == {"age": (0,), "region": (1, 2), "sex": (3,)}
        assert design.terms == ((0,), (1, 2), (3,))
        np.testing.assert_array_equal(
            design.matrix()[:, 1:], [[0, 1, 1], [0, 0, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]]
        )
        assert any("against the baseline north" in each.what for each in design.decisions)

    def test_another_baseline(self):
        assert Design.build(table(), OneHot("region", baseline="west")).names == (
            "region[north]",
            "region[south]",
        )
        with pytest.raises(UnknownLevel, match=r"no value 'eest'.*\n.*Did you mean 'west'"):
            Design.build(table(), OneHot("region", baseline="eest"))

    def test_numbers_set_to_categorical(self):
        design = Design.build(table().with_kinds(arm="categorical"), "arm")
        assert design.names == ("arm[2]", "arm[3]")
        np.testing.assert_array_equal(design.matrix(), [[0, 0], [0, 1], [1, 0], [0, 0], [0, 1]])

    def test_booleans_and_dates(self):
        design = Design.build(table(), ["insured", "since"])
        np.testing.assert_array_equal(design.matrix(), [[1, 2], [0, 0], [1, 28], [1, 1], [0, 0]])
        assert any("days since 2024-02-01" in each.what for each in design.decisions)

    def test_times_of_day_count(self):
        moments = [datetime.datetime(2024, 1, 1, 6), datetime.datetime(2024, 1, 2, 18)]
        np.testing.assert_array_equal(Design.build(read({"t": moments}), "t").matrix(), [[0], [1.5]])

    @pytest.mark.parametrize(
        "kind", [pa.int8(), pa.uint64(), pa.float32(), pa.float16(), pa.decimal128(9, 2)]
    )
    def test_every_type_of_number(self, kind):
        values = (
            pa.array([1, 2, 3]).cast(pa.float64()).cast(kind)
            if kind != pa.float16()
            else pa.array(np.array([1, 2, 3], np.float16))
        )
        np.testing.assert_array_equal(
            Design.build(read(pa.table({"x": values})), "x").matrix(), [[1], [2], [3]]
        )

    @pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())])
    def test_every_type_of_text(self, kind):
        values = pa.array(["b", "a", None, "c"]).cast(kind)
        design = Design.build(read(pa.table({"x": values})), "x", missing="indicator")
        assert design.names == ("x[b]", "x[c]", "x[missing]")
        np.testing.assert_allclose(design.matrix(), [[1, 0, 0], [0, 0, 0], [1 / 3, 1 / 3, 1], [0, 1, 0]])

    def test_hostile_names_come_through(self):
        design = Design.build(read({HOSTILE: ["a", "b"], "y": [1.0, 2.0]}), [HOSTILE, "y"])
        assert design.names == (f"{HOSTILE}[b]", "y")
        page = read({HOSTILE: ["<b>", "c"]}).describe()._repr_html_()
        assert "<script>" not in page and "<b>" not in page
        assert "\n<" not in str(read({HOSTILE: ["a", "b"]}).describe())


class TestCodes:
    def test_positions_in_sorted_or_given_order(self):
        design = Design.build(table(), [Codes("region"), Codes("arm", (3, 1, 2)), Codes("insured")])
        np.testing.assert_array_equal(design.matrix().T, [[2, 0, 1, 0, 2], [1, 0, 2, 1, 0], [1, 0, 1, 1, 0]])
        assert design.levels == {
            "region": ("north", "south", "west"),
            "arm": (3, 1, 2),
            "insured": (False, True),
        }

    def test_levels_written_as_text(self):
        design = Design.build(table(), [Codes("arm", ("1", "2", "3")), Codes("insured", ("False", "True"))])
        assert design.levels == {"arm": (1, 2, 3), "insured": (False, True)}

    def test_other_values(self):
        with pytest.raises(UnknownLevel, match="also holds south"):
            Design.build(table(), Codes("region", ("north", "west")))
        design = Design.build(table(), [Codes("region", ("north", "west"), drop_others=True), "age"])
        np.testing.assert_array_equal(design.matrix(), [[1, 31], [0, 45], [0, 52], [1, 28]])
        assert design.n_rows == 4
        assert design.decisions[0].what == "left out 1 of 5 rows whose region is none of north, west"

    def test_many_clusters(self):
        ids = [f"id {i}" for i in range(5000)]
        design = Design.build(read({"id": ids + ids}), Codes("id"))
        np.testing.assert_array_equal(design.matrix()[:5000], design.matrix()[5000:])
        assert len(np.unique(design.matrix())) == 5000
        numbers = Design.build(read({"id": np.arange(5000) * 7}), Codes("id"))
        np.testing.assert_array_equal(numbers.matrix()[:, 0], np.arange(5000))

    def test_a_constant_treatment_stays(self):
        design = Design.build(table(t=[1, 1, 1, 1, 1]), [Codes("t"), Numeric("t", required=True), "age"])
        assert design.names == ("t", "t", "age")


class TestConstants:
    def test_are_left_out_and_said(self):
        design = Design.build(
            table(one=[7.0] * 5, same=["a"] * 5, day=[datetime.date(2020, 1, 1)] * 5),
            ["one", "age", "same", "day"],
        )
        assert design.names == ("age",)
        assert design.terms == ((), (0,), (), ())
        said = " ".join(each.what for each in design.decisions)
        assert "one" in said and "same" in said and "day" in said

    def test_stay_on_request(self):
        assert Design.build(table(one=[7.0] * 5), ["one", "age"], drop_constant=False).names == ("one", "age")

    def test_in_the_rows_left(self):
        holes = table(
            only=["a", "a", "b", "a", "a"], gap=[1.0, 2.0, None, 4.0, 5.0], flat=[1.0, 1.0, 2.0, 1.0, 1.0]
        )
        design = Design.build(holes, ["only", "gap", "flat"], missing="complete_cases")
        assert design.names == ("gap",)

    def test_a_baseline_that_no_row_left_has(self):
        holes = table(gap=[1.0, None, 3.0, None, 5.0])
        design = Design.build(holes, ["region", "gap"], missing="complete_cases")
        # North, the first level, is gone: without a new baseline the columns would add up to one.
        assert design.names == ("region[west]", "gap")

    def test_of_a_formula(self):
        assert Design.build(table(one=[7.0] * 5), "~ one + age + I(age * 0)").names == ("age",)


class TestMissing:
    def holes(self) -> Table:
        return table(
            age=[31.0, None, 60.0, float("nan"), 29.0], region=["west", None, "south", "north", "west"]
        )

    def test_stop_names_columns_and_counts(self):
        with pytest.raises(MissingValues) as caught:
            Design.build(self.holes(), ["age", "region", "arm"])
        assert "age (2 of 5 rows), region (1 of 5 rows)" in str(caught.value)
        for policy in ("complete_cases", "indicator", "mean"):
            assert policy in caught.value.next_step

    def test_columns_not_chosen_do_not_matter(self):
        assert Design.build(self.holes(), ["arm", "sex"]).n_rows == 5

    def test_complete_cases(self):
        design = Design.build(self.holes(), ["age", "region", "arm"], missing=Missing.COMPLETE_CASES)
        assert design.n_rows == 3
        np.testing.assert_array_equal(design.matrix(), [[31, 1, 1], [60, 0, 2], [29, 1, 3]])
        assert design.decisions[0].what.startswith(
            "left out 2 of 5 rows with missing values: age (2 of 5 rows)"
        )

    def test_mean(self):
        design = Design.build(self.holes(), ["age", "region"], missing="mean")
        np.testing.assert_allclose(
            design.matrix(), [[31, 0, 1], [40, 0.25, 0.5], [60, 1, 0], [40, 0, 0], [29, 0, 1]]
        )
        assert "filled missing values with their means" in design.decisions[0].what

    def test_indicator(self):
        design = Design.build(self.holes(), ["age", "region"], missing="indicator")
        assert design.names == ("age", "age[missing]", "region[south]", "region[west]", "region[missing]")
        assert design.groups == {"age": (0, 1), "region": (2, 3, 4)}
        np.testing.assert_array_equal(design.matrix()[:, [1, 4]].T, [[0, 1, 0, 1, 0], [0, 1, 0, 0, 0]])

    def test_dates_and_booleans_are_filled(self):
        day = datetime.date(2024, 1, 1)
        holes = table(
            since=[day, None, day + datetime.timedelta(4), None, None],
            insured=[True, None, False, True, None],
        )
        design = Design.build(holes, ["since", "insured"], missing="mean")
        np.testing.assert_allclose(design.matrix(), [[0, 1], [2, 2 / 3], [4, 0], [2, 1], [2, 2 / 3]])

    @pytest.mark.parametrize("term", [Codes("region"), Numeric("age", required=True), Predicate("age > 30")])
    @pytest.mark.parametrize("policy", ["mean", "indicator"])
    def test_required_columns_are_never_filled(self, term, policy):
        with pytest.raises(MissingValues, match="never filled in"):
            Design.build(self.holes(), term, missing=policy)
        assert Design.build(self.holes(), term, missing="complete_cases").n_rows < 5

    def test_no_row_left(self):
        with pytest.raises(EmptyData, match="No row has a value"):
            Design.build(read({"a": [1.0, None], "b": [None, 1.0]}), ["a", "b"], missing="complete_cases")

    def test_every_value_missing(self):
        with pytest.raises(MissingValues, match="Every value of the column 'a' is missing"):
            Design.build(read({"a": [None, None], "b": [1, 2]}), "a", missing="mean")

    def test_an_unknown_policy(self):
        with pytest.raises(KindMismatch, match="Did you mean 'mean'"):
            Design.build(table(), "age", missing="meen")

    def test_formulas_are_filled_too(self):
        design = Design.build(self.holes(), "~ age + region", missing="indicator")
        assert design.names == ("age", "region[T.south]", "region[T.west]", "age[missing]", "region[missing]")
        assert design.matrix()[1, 0] == 40


class TestBadColumns:
    def test_infinite_values(self):
        with pytest.raises(
            NonFiniteValues, match=r"'age' holds 2 infinite values: row 2 \(inf\), row 4 \(-inf\)"
        ):
            Design.build(table(age=[1.0, np.inf, 2.0, -np.inf, np.nan]), "age", missing="mean")
        with pytest.raises(NonFiniteValues, match=r"row 3 \(inf\)"):
            Design.build(table(age=pa.array([1.0, None, np.inf, 2.0, 3.0])), "age", missing="mean")

    def test_text_used_as_numbers(self):
        with pytest.raises(TextInNumberColumn, match=r"row 1 \('west'\)"):
            Design.build(table(), Numeric("region"))

    def test_text_numbers_set_to_continuous(self):
        texts = read({"x": ["1", "2.5", "4"]}, kinds={"x": "continuous"})
        np.testing.assert_array_equal(Design.build(texts, "x").matrix(), [[1], [2.5], [4]])

    def test_too_many_levels(self):
        names = read({"name": [f"n{i}" for i in range(150)] * 2})
        with pytest.raises(TooManyLevels, match="'name' has 150 levels"):
            Design.build(names, "name")
        assert len(Design.build(names.with_kinds(name="categorical"), "name").names) == 149
        with pytest.raises(TooManyLevels, match="more than 1,000 levels"):
            Design.build(
                read({"name": [f"n{i}" for i in range(3000)]}, kinds={"name": "categorical"}), "name"
            )

    def test_kinds_that_cannot_be(self):
        with pytest.raises(KindMismatch, match="set to binary but has 3 distinct values"):
            table().with_kinds(arm="binary").column("arm")
        with pytest.raises(KindMismatch, match="set to date"):
            table().with_kinds(arm="date").column("arm")
        with pytest.raises(KindMismatch, match="holds dates"):
            table().with_kinds(since="count").column("since")

    def test_lists(self):
        lists = read({"x": pa.array([[1], [2]])})
        assert "cannot enter a model" in lists.column("x").note
        with pytest.raises(UnsupportedColumn, match="list<item: int64>"):
            Design.build(lists, "x")

    def test_names(self):
        with pytest.raises(ColumnNotFound, match="Did you mean 'age'"):
            Design.build(table(), ["agee"])
        with pytest.raises(EmptyData, match="at least one column"):
            Design.build(table(), [])
        with pytest.raises(ConstantColumn, match="No levels"):
            Design.build(table(), Codes("arm", ()))


class TestBlocks:
    @pytest.mark.parametrize("rows", [1, 2, 3, 5, 100])
    def test_have_the_size_asked_for(self, rows):
        design = Design.build(table(), ["age", "region"])
        blocks = list(design.blocks(rows))
        assert [len(block) for block in blocks[:-1]] == [rows] * (len(blocks) - 1)
        assert sum(map(len, blocks)) == 5
        assert all(block.flags.f_contiguous for block in blocks)
        np.testing.assert_array_equal(np.vstack(blocks), design.matrix())

    @settings(max_examples=40, deadline=None)
    @given(
        n=st.integers(1, 60),
        cuts=st.lists(st.integers(0, 60), max_size=6),
        rows=st.integers(1, 70),
        seed=st.integers(0, 10**6),
        policy=st.sampled_from(["complete_cases", "mean", "indicator"]),
    )
    def test_law_cutting_the_source_changes_nothing(self, n, cuts, rows, seed, policy):
        random = np.random.default_rng(seed)
        x = np.where(random.random(n) < 0.3, np.nan, random.integers(0, 5, n))
        x[0] = 1.0
        text = pa.array(
            [None if random.random() < 0.2 else "abc"[random.integers(3)] for _ in range(n - 1)] + ["a"]
        )
        whole = pa.table({"x": x, "z": random.normal(size=n), "text": text})
        edges = [0, *sorted(min(cut, n) for cut in cuts), n]
        # Without combining: the source keeps these cuts.
        pieces = pa.concat_tables([whole.slice(a, b - a) for a, b in pairwise(edges)])
        try:
            reference = Design.build(read(whole), ["x", "z", "text"], missing=policy)
        except EmptyData:
            with pytest.raises(EmptyData):
                Design.build(read(pieces.to_reader(7)), ["x", "z", "text"], missing=policy)
            return
        design = Design.build(read(pieces.to_reader(7)), ["x", "z", "text"], missing=policy)
        assert design.names == reference.names
        assert design.decisions == reference.decisions
        expected = reference.matrix()
        np.testing.assert_allclose(
            np.vstack([*design.blocks(rows), np.empty((0, len(design.names)))]), expected, rtol=1e-13
        )

    def test_a_large_matrix_is_mapped_to_a_file_that_goes_away(self, monkeypatch):
        monkeypatch.setattr("aitia.data._design.MATRIX_LIMIT", 10)
        design = Design.build(table(), ["age", "arm"])
        matrix = design.matrix()
        assert isinstance(matrix, np.memmap)
        assert matrix.filename is not None
        path = Path(matrix.filename)
        assert path.exists()
        np.testing.assert_array_equal(matrix[:, 0], [31, 45, 60, 52, 28])
        del matrix
        assert not path.exists()

    def test_blocks_are_the_callers_to_keep(self):
        design = Design.build(table(), "age")
        first, *_ = blocks = list(design.blocks(2))
        first[:] = 0
        assert blocks[1][0, 0] == 60
        assert design.matrix()[0, 0] == 31


class TestFormula:
    def test_agrees_with_formulaic_over_the_whole_frame(self):
        formulaic = pytest.importorskip("formulaic")
        random = np.random.default_rng(0)
        frame = pd.DataFrame(
            {
                "age": random.uniform(20, 70, 500),
                "income": random.lognormal(size=500),
                "g": random.choice(list("xyz"), 500),
            }
        )
        text = "~ age + bs(income, df=4) + C(g) + scale(age):g + log(income) + poly(age, 2)"
        expected = formulaic.model_matrix(text, frame)
        design = Design.build(read(frame), text)
        assert design.names == tuple(expected.columns[1:])
        np.testing.assert_allclose(design.matrix(), expected.to_numpy()[:, 1:], rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(np.vstack(list(design.blocks(37))), design.matrix())
        assert design.groups["g"] == tuple(
            i for i, name in enumerate(design.names) if "C(g)" in name or ":g" in name
        )

    def test_beside_other_terms(self):
        design = Design.build(table(), [Codes("sex"), "~ age + region", "arm"])
        assert design.names == ("sex", "age", "region[T.south]", "region[T.west]", "arm")
        assert design.terms == ((0,), (1, 2, 3), (4,))

    def test_hostile_names_in_backticks(self):
        design = Design.build(read({"a b; '<i>": [1.0, 2.0, 4.0]}), "~ `a b; '<i>` + log(`a b; '<i>`)")
        np.testing.assert_allclose(design.matrix(), [[1, 0], [2, np.log(2)], [4, np.log(4)]])

    def test_a_numeric_category(self):
        assert Design.build(table().with_kinds(arm="categorical"), "~ arm").names == ("arm[T.2]", "arm[T.3]")
