"""Every source gives the same table; every broken one a named error."""

import csv as written
import datetime
import gzip
import json
import os
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

from aitia.data import (
    ColumnNotFound,
    Csv,
    Design,
    DuplicateColumns,
    EmptyData,
    Kind,
    KindMismatch,
    Missing,
    Query,
    SchemaMismatch,
    Table,
    TextInNumberColumn,
    UnreadableFile,
    read,
)
from aitia.data._fingerprint import content_digest
from aitia.data._source import ParquetSource, spool

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data" / "effects"
HOSTILE = "x\"'; drop table t; --\n<script>alert('&')</script>`{y}` %s"


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "age": [31.5, 45.25, None, 60.0, 52.75, 40.0],
            "visits": [0, 3, 2, 7, 1, 3],
            "sex": ["f", "m", "f", None, "m", "f"],
            "region": ["south", "north", "west", "north", "south", "west"],
            "insured": [True, False, True, True, False, True],
            "since": [datetime.date(2020, 1, day) for day in (1, 3, 9, 27, 2, 4)],
            HOSTILE: [1.0, 2.0, 4.0, 8.0, 16.0, 32.0],
            "é Ünïcode": [5, 4, 3, 2, 1, 0],
        }
    )


def arrow() -> pa.Table:
    return pa.Table.from_pandas(frame(), preserve_index=False).replace_schema_metadata()


def connection_with_table() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    source = arrow()
    connection.register("source", source)
    connection.execute("create table held as select * from source")
    connection.unregister("source")
    return connection


def parquet(folder: Path) -> Path:
    path = folder / "rows.parquet"
    pq.write_table(arrow(), path, row_group_size=4)
    return path


def csv(folder: Path) -> Path:
    path = folder / "rows.csv"
    frame().to_csv(path, index=False)
    return path


def csv_gz(folder: Path) -> Path:
    path = folder / "rows.csv.gz"
    path.write_bytes(gzip.compress(csv(folder).read_bytes()))
    return path


def csv_semicolon(folder: Path) -> Path:
    path = folder / "rows.csv"
    frame().to_csv(path, index=False, sep=";", decimal=",")
    return path


def json_lines(folder: Path) -> Path:
    path = folder / "rows.jsonl"
    rows = arrow().to_pylist()
    path.write_text("\n".join(json.dumps(row, default=str) for row in rows), encoding="utf-8")
    return path


def folder_of_parquet(folder: Path) -> Path:
    for i in range(3):
        pq.write_table(arrow().slice(2 * i, 2), folder / f"part-{i}.parquet")
    (folder / "_SUCCESS").write_text("")
    return folder


def glob_of_csv(folder: Path) -> str:
    for i in range(3):
        frame().iloc[2 * i : 2 * i + 2].to_csv(folder / f"part-{i}.csv", index=False)
    return str(folder / "part-*.csv")


def exact(columns) -> list:
    """The columns without what rounding may change in the last digit."""
    return [replace(column, mean=None, std=None) for column in columns]


SOURCES = {
    "pandas": lambda _: frame(),
    "pandas with object text": lambda _: frame().astype({"sex": object}),
    "pandas with categories": lambda _: frame().astype({"region": "category", "sex": "category"}),
    "polars": lambda _: pl.from_arrow(arrow()),
    "polars lazy": lambda _: pl.from_arrow(arrow()).lazy(),
    "arrow": lambda _: arrow(),
    "arrow in chunks": lambda _: pa.concat_tables([arrow().slice(0, 1), arrow().slice(1)]),
    "arrow batch": lambda _: arrow().combine_chunks().to_batches()[0],
    "arrow reader": lambda _: arrow().to_reader(2),
    "arrow data set": lambda folder: pads.dataset(parquet(folder)),
    "dict": lambda _: {name: arrow()[name].to_pylist() for name in arrow().column_names},
    "duckdb relation": lambda _: connection_with_table().table("held"),
    "duckdb query": lambda _: Query("select * from held", connection_with_table()),
    "parquet": parquet,
    "csv": csv,
    "csv, compressed": csv_gz,
    "csv, semicolons and decimal commas": csv_semicolon,
    "csv with options": lambda folder: Csv(csv(folder), delimiter=",", decimal="."),
    "json lines": json_lines,
    "folder of parquet": folder_of_parquet,
    "glob of csv": glob_of_csv,
    "table": lambda _: read(frame()),
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())
def test_the_same_table_through_any_source(source, tmp_path):
    expected = read(frame())
    table = read(source(tmp_path))
    assert table.n_rows == 6
    assert table.names == tuple(frame().columns)
    assert exact(table.columns) == exact(expected.columns)
    # Batches end elsewhere, so sums round elsewhere.
    spreads = [[(c.mean or 0.0, c.std or 0.0) for c in each.columns] for each in (table, expected)]
    np.testing.assert_allclose(spreads[0], spreads[1], rtol=1e-14)
    assert table.kinds == {
        "age": Kind.CONTINUOUS,
        "visits": Kind.COUNT,
        "sex": Kind.BINARY,
        "region": Kind.CATEGORICAL,
        "insured": Kind.BINARY,
        "since": Kind.DATE,
        HOSTILE: Kind.COUNT,
        "é Ünïcode": Kind.COUNT,
    }
    assert table.column("age").n_missing == 1
    assert table.column("age").mean == pytest.approx(frame()["age"].mean())
    assert table.column("age").std == pytest.approx(frame()["age"].std())
    assert table.describe().rows() == expected.describe().rows()
    for policy in (Missing.COMPLETE_CASES, Missing.INDICATOR, Missing.MEAN):
        design = Design.build(table, table.names, missing=policy)
        reference = Design.build(expected, expected.names, missing=policy)
        assert design.names == reference.names
        np.testing.assert_allclose(design.matrix(), reference.matrix(), rtol=1e-14)


def test_stata_gives_the_same_table(tmp_path):
    path = tmp_path / "rows.dta"
    written = frame().drop(columns=["since", HOSTILE, "é Ünïcode"])
    written["region"] = written["region"].astype("category")
    written["insured"] = written["insured"].astype("int8")
    written["sex"] = written["sex"].fillna("")
    written.to_stata(path, write_index=False)
    table = read(path)
    expected = read(frame())
    for name in ("age", "visits", "sex", "region"):
        assert exact([table.column(name)]) == exact([expected.column(name)])


def test_stata_with_partly_labelled_values_keeps_the_numbers(tmp_path):
    path = tmp_path / "rows.dta"
    pd.DataFrame({"rank": [1, 2, 3]}).to_stata(
        path, write_index=False, value_labels={"rank": {1: "low", 2: "mid"}}
    )
    table = read(path)
    assert table.column("rank").kind is Kind.COUNT
    assert "numbers of labelled columns" in table.decisions[0].what


def test_narwhals_brings_other_frames(tmp_path):
    narwhals = pytest.importorskip("narwhals")
    assert read(narwhals.from_native(pl.DataFrame({"a": [1, 2]}))).names == ("a",)


def test_numpy_numbers_are_not_copied():
    values = np.arange(10.0)
    (batch,) = read({"x": values}).batches()
    assert np.shares_memory(batch.column(0).to_numpy(), values)


@pytest.mark.parametrize("policy", ["memory", "file"])
def test_a_stream_is_kept_in_memory_or_in_a_file_that_goes_away(policy):
    table = pa.table({"x": np.arange(1000.0), "t": ["a", "b"] * 500})
    source = spool(table.schema, table.to_batches(100), limit=10**6 if policy == "memory" else 2000)
    assert source.in_memory is (policy == "memory")
    assert pa.Table.from_batches(source.batches(["t", "x"], 77)).equals(table.select(["t", "x"]))
    assert source.n_rows == 1000
    if isinstance(source, ParquetSource):
        (path,) = source.paths
        assert path.exists()
        del source
        assert not path.exists()


def test_a_spool_that_fails_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    batch = pa.RecordBatch.from_pydict({"x": np.arange(1000.0)})

    def broken():
        yield batch
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        spool(batch.schema, broken(), limit=10)
    assert os.listdir(tmp_path) == []


def test_leaving_a_parquet_stream_early_stops_its_thread(tmp_path):
    import threading

    pq.write_table(pa.table({"x": np.arange(100_000.0)}), tmp_path / "x.parquet", row_group_size=1000)
    stream = read(tmp_path / "x.parquet").batches(["x"], 100)
    next(stream)
    stream.close()
    assert not [each for each in threading.enumerate() if each.name == "aitia-read-ahead"]


def test_batches_are_at_most_as_long_as_asked_and_in_order(tmp_path):
    table = read(parquet(tmp_path))
    sizes = [batch.num_rows for batch in table.batches(["visits"], rows=4)]
    assert max(sizes) <= 4
    assert sum(sizes) == 6
    values = [value for batch in table.batches(["visits"], rows=4) for value in batch.column(0).to_pylist()]
    assert values == frame()["visits"].tolist()


def test_select_head_and_repr():
    table = read(frame()).select(["visits", "age"])
    assert table.names == ("visits", "age")
    assert table.head(2).to_pydict() == {"visits": [0, 3], "age": [31.5, 45.25]}
    assert repr(table) == "Table(pandas frame: 6 rows, 2 columns, in memory)"
    with pytest.raises(ColumnNotFound):
        table.column("sex")
    assert read(frame()).head(100).num_rows == 6


class TestFingerprint:
    def test_depends_on_values_names_and_types_only(self):
        base = read(arrow()).fingerprint
        assert read(pa.concat_tables([arrow().slice(0, 1), arrow().slice(1)])).fingerprint == base
        assert len(base) == 64
        assert read(arrow()).fingerprint_of == "schema and content"
        for changed in (
            arrow().rename_columns([*arrow().column_names[:-1], "other"]),
            arrow().slice(1),
            arrow().take([1, 0, 2, 3, 4, 5]),
            arrow().drop_columns(["sex"]),
        ):
            assert read(changed).fingerprint != base

    def test_of_a_position_of_a_null(self):
        assert read({"x": [1.0, None, 2.0]}).fingerprint != read({"x": [1.0, 2.0, None]}).fingerprint

    def test_does_not_depend_on_where_batches_end(self):
        def digest(*values):
            batches = [pa.RecordBatch.from_pydict({"x": pa.array(each, pa.int64())}) for each in values]
            return content_digest(batches[0].schema, batches)

        assert digest([1, None, 2], [None, 3]) == digest([1], [None, 2, None, 3])
        assert digest([1, 2, None], [3, 4, None]) != digest([1, 2, None], [3, None, 4])
        # With positions counted within a batch, these two would pass for the same.
        assert digest([1, None, 2], [3, None, 4]) != digest([1, None, None], [2, 3, 4])
        assert digest([1, 2, 3, None]) != digest([None, 1, 2, 3])

    def test_of_a_file_is_that_of_its_bytes(self, tmp_path):
        path = csv(tmp_path)
        first = read(path)
        assert first.fingerprint_of == "the bytes of the file"
        before = first.fingerprint
        path.write_text(path.read_text(encoding="utf-8").replace("31.5", "31.6"), encoding="utf-8")
        assert read(path).fingerprint != before

    def test_of_a_large_file_is_that_of_its_description(self, tmp_path, monkeypatch):
        monkeypatch.setattr("aitia.data._fingerprint.HASH_LIMIT", 10)
        table = read(parquet(tmp_path))
        before = table.fingerprint
        assert "row-group statistics" in table.fingerprint_of
        os.utime(tmp_path / "rows.parquet", ns=(1, 1))
        assert read(tmp_path / "rows.parquet").fingerprint != before


class TestCsv:
    def write(self, folder, text, name="x.csv", encoding="utf-8"):
        path = folder / name
        path.write_bytes(text.encode(encoding))
        return path

    def test_yes_and_no_stay_words(self, tmp_path):
        table = read(self.write(tmp_path, "a,b,c,d\nYes,t,true,1\nNo,f,False,0\n"))
        assert table.column("a").levels == ("No", "Yes")
        assert table.column("b").levels == ("f", "t")
        assert table.column("c").levels == (False, True)
        assert table.column("d").levels == (0, 1)

    def test_names_that_differ_in_case_are_two_columns(self, tmp_path):
        assert read(self.write(tmp_path, "a,A\n1,2\n")).names == ("a", "A")

    def test_a_comment_sign_is_text(self, tmp_path):
        assert read(self.write(tmp_path, "a,b\n#1,2\nx,3\n")).n_rows == 2

    def test_what_stands_for_missing(self, tmp_path):
        text = "a,b\n1,x\nNA,\n.,NaN\nN/A,y\n"
        table = read(self.write(tmp_path, text))
        assert [column.n_missing for column in table.columns] == [3, 2]
        table = read(Csv(self.write(tmp_path, "a\n1\n-9\n3\n"), missing=("-9",)))
        assert table.column("a").n_missing == 1

    def test_a_blank_line_in_a_single_column_file(self, tmp_path):
        assert read(self.write(tmp_path, "a\n1\n2\n")).n_rows == 2

    def test_a_late_value_decides_the_type(self, tmp_path):
        rows = "\n".join(["1"] * 50_000 + ["1.5"])
        assert read(self.write(tmp_path, f"a\n{rows}\n")).column("a").maximum == 1.5

    def test_byte_order_mark_and_windows_line_ends(self, tmp_path):
        table = read(self.write(tmp_path, "\ufeffa,b\r\n1,2\r\n"))
        assert table.names == ("a", "b")
        assert table.n_rows == 1

    def test_blank_header_names(self, tmp_path):
        assert read(self.write(tmp_path, '"",b\n1,2\n')).names == ("column1", "b")

    @pytest.mark.parametrize("name", ["a[1].csv", "it's.csv", "star*.csv", "q?.csv", "semi;colon.csv"])
    def test_hostile_file_names(self, tmp_path, name):
        self.write(tmp_path, "a\n9\n", "a1.csv")
        assert read(self.write(tmp_path, "a\n1\n", name)).column("a").maximum == 1

    def test_decimal_comma_is_recognised_and_said(self, tmp_path):
        table = read(self.write(tmp_path, "a;b\n1,5;x\n2;y\n"))
        assert table.column("a").mean == 1.75
        assert "decimal comma" in table.decisions[0].what

    def test_too_few_fields(self, tmp_path):
        with pytest.raises(UnreadableFile, match=r"x\.csv, line 3: 3 fields were expected, .* and 2 came"):
            read(self.write(tmp_path, "a,b,c\n1,2,3\n1,2\n"))

    def test_too_many_fields(self, tmp_path):
        with pytest.raises(
            UnreadableFile, match="line 4: 2 fields were expected, as in the header, and 3 came"
        ):
            read(self.write(tmp_path, "a,b\n1,2\n1,2\n1,2,3\n"))

    def test_changed_number_of_fields_far_down(self, tmp_path):
        rows = "\n".join(["1,2"] * 100_000)
        with pytest.raises(UnreadableFile, match="line 100,002: 2 fields were expected"):
            read(self.write(tmp_path, f"a,b\n{rows}\n1,2,3\n"))

    def test_an_open_quote(self, tmp_path):
        with pytest.raises(UnreadableFile, match=r"line \d"):
            read(self.write(tmp_path, 'a,b\n1,"x\n2,3\n'))

    def test_another_encoding(self, tmp_path):
        path = self.write(tmp_path, "a,b\n1,é\n2,ü\n", encoding="latin-1")
        with pytest.raises(UnreadableFile, match="not text in the encoding utf-8") as caught:
            read(path)
        assert 'encoding="latin-1"' in caught.value.next_step
        assert read(Csv(path, encoding="latin-1")).column("b").levels == ("é", "ü")

    def test_an_empty_file(self, tmp_path):
        with pytest.raises(EmptyData, match="is empty"):
            read(self.write(tmp_path, ""))

    def test_a_header_without_rows(self, tmp_path):
        table = read(self.write(tmp_path, "a,b\n"))
        with pytest.raises(EmptyData, match="has no rows"):
            table.column("a")

    def test_duplicate_names(self, tmp_path):
        with pytest.raises(DuplicateColumns, match="'a'"):
            read(self.write(tmp_path, "a,b,a\n1,2,3\n"))

    def test_text_in_a_number_column(self, tmp_path):
        table = read(self.write(tmp_path, "dose\n1\n2.5\nhigh\n4\nlow\n"))
        assert table.column("dose").note == "numbers with text among them"
        with pytest.raises(TextInNumberColumn, match=r"row 3 \('high'\), row 5 \('low'\)"):
            Design.build(table, "dose")
        assert Design.build(table.with_kinds(dose="categorical"), "dose").matrix().shape == (5, 4)

    def test_files_of_a_folder_that_do_not_agree(self, tmp_path):
        self.write(tmp_path, "a,b\n1,2\n", "1.csv")
        self.write(tmp_path, "a,c\n1,2\n", "2.csv")
        with pytest.raises(
            SchemaMismatch,
            match=r"2\.csv does not have the columns of .*1\.csv: it lacks 'b' and also has 'c'",
        ):
            read(tmp_path)

    def test_columns_in_another_order_do_not_agree(self, tmp_path):
        self.write(tmp_path, "a,b\n1,2\n", "1.csv")
        self.write(tmp_path, "b,a\n1,2\n", "2.csv")
        with pytest.raises(SchemaMismatch, match="another order"):
            read(tmp_path)

    def test_text_in_a_later_file(self, tmp_path):
        self.write(tmp_path, "a\n" + "1\n" * 10, "1.csv")
        self.write(tmp_path, "a\nx\n", "2.csv")
        with pytest.raises(TextInNumberColumn, match=r"'a' holds numbers, but also .*'x'"):
            Design.build(read(tmp_path), "a")


class TestBadFiles:
    def test_no_such_file(self, tmp_path):
        (tmp_path / "stones.csv").write_text("a\n1\n")
        with pytest.raises(UnreadableFile, match=r"Did you mean 'stones.csv'\?"):
            read(tmp_path / "stone.csv")

    def test_no_such_folder(self, tmp_path):
        with pytest.raises(UnreadableFile, match="There is no folder"):
            read(tmp_path / "nowhere" / "stone.csv")

    def test_a_pattern_without_matches(self, tmp_path):
        with pytest.raises(UnreadableFile, match="No file matches"):
            read(str(tmp_path / "*.csv"))

    def test_an_empty_folder(self, tmp_path):
        with pytest.raises(UnreadableFile, match="holds no files"):
            read(tmp_path)

    def test_an_unknown_ending(self, tmp_path):
        (tmp_path / "x.xyz").write_text("a\n1\n")
        with pytest.raises(UnreadableFile, match="does not say its format"):
            read(tmp_path / "x.xyz")
        assert read(tmp_path / "x.xyz", format="csv").names == ("a",)
        with pytest.raises(UnreadableFile, match="Did you mean 'csv'"):
            read(tmp_path / "x.xyz", format="csvv")

    def test_several_formats(self, tmp_path):
        csv(tmp_path), parquet(tmp_path)
        with pytest.raises(SchemaMismatch, match=r"rows\.csv \(csv\), .*rows\.parquet \(parquet\)"):
            read(tmp_path)

    @pytest.mark.parametrize("kept", [0.3, 0.9, 0.99])
    def test_truncated_parquet(self, tmp_path, kept):
        path = parquet(tmp_path)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
        with pytest.raises(UnreadableFile, match=r"rows\.parquet could not be read"):
            read(path)

    def test_parquet_damaged_in_the_middle(self, tmp_path):
        path = tmp_path / "x.parquet"
        pq.write_table(
            pa.table({"x": np.random.default_rng(0).normal(size=10_000)}), path, compression="gzip"
        )
        content = bytearray(path.read_bytes())
        content[100:4000] = bytes(3900)
        path.write_bytes(content)
        with pytest.raises(UnreadableFile, match=r"x\.parquet could not be read"):
            read(path).column("x")

    def test_parquet_of_other_types(self, tmp_path):
        pq.write_table(pa.table({"a": [1]}), tmp_path / "1.parquet")
        pq.write_table(pa.table({"a": ["x"]}), tmp_path / "2.parquet")
        with pytest.raises(
            SchemaMismatch, match=r"2\.parquet stores the column 'a' as string, .*1\.parquet as int64"
        ):
            read(tmp_path)

    def test_empty_parquet_file(self, tmp_path):
        (tmp_path / "x.parquet").write_bytes(b"")
        with pytest.raises(EmptyData, match="is empty"):
            read(tmp_path / "x.parquet")

    def test_broken_json_names_the_line(self, tmp_path):
        (tmp_path / "x.jsonl").write_text('{"a": 1}\n{"a": 2}\n{"a": \n')
        with pytest.raises(UnreadableFile, match=r"x\.jsonl"):
            read(tmp_path / "x.jsonl")

    def test_truncated_stata(self, tmp_path):
        path = tmp_path / "x.dta"
        pd.DataFrame({"a": np.arange(1000.0)}).to_stata(path, write_index=False)
        path.write_bytes(path.read_bytes()[:300])
        with pytest.raises(UnreadableFile, match=r"x\.dta could not be read"):
            read(path)
        path.write_bytes(b"not stata")
        with pytest.raises(UnreadableFile, match=r"x\.dta could not be read"):
            read(path)


class TestBadFrames:
    def test_duplicate_columns(self):
        doubled = pd.DataFrame([[1, 2]], columns=["a", "a"])
        with pytest.raises(DuplicateColumns, match="'a'"):
            read(doubled)
        with pytest.raises(DuplicateColumns, match="'a'"):
            read(pa.table([[1], [2]], names=["a", "a"]))
        with pytest.raises(DuplicateColumns, match="'1'"):
            read(pd.DataFrame([[1, 2]], columns=[1, "1"]))

    def test_numbers_and_text_in_one_column(self):
        mixed = pd.DataFrame({"dose": pd.Series([1, 2, "three", 4], dtype=object)})
        with pytest.raises(
            TextInNumberColumn, match=r"'dose' holds numbers, but also text: row 3 \('three'\)"
        ):
            read(mixed)
        assert read(mixed, kinds={"dose": "categorical"}).column("dose").levels == ("1", "2", "4", "three")
        with pytest.raises(TextInNumberColumn, match=r"row 3 \('three'\)"):
            read({"dose": [1, 2, "three", 4]})

    def test_lengths_differ(self):
        with pytest.raises(SchemaMismatch, match="most have 3 rows, but 'b' has 2"):
            read({"a": [1, 2, 3], "b": [1, 2], "c": [1, 2, 3]})

    def test_a_single_value_and_a_matrix(self):
        with pytest.raises(SchemaMismatch, match="single value"):
            read({"a": 3})
        with pytest.raises(SchemaMismatch, match=r"shape \(2, 2\)"):
            read({"a": np.eye(2)})

    def test_nothing(self):
        with pytest.raises(EmptyData, match="no columns"):
            read({})
        with pytest.raises(EmptyData, match="no columns"):
            read(pd.DataFrame())
        with pytest.raises(EmptyData, match="no rows"):
            read({"a": []}).column("a")

    def test_something_else(self):
        with pytest.raises(UnreadableFile, match=r"cannot be read from a builtins\.int"):
            read(3)

    def test_a_wrong_query(self):
        with pytest.raises(UnreadableFile, match="query failed"):
            read(Query("selec 1"))

    def test_unknown_columns_and_kinds(self):
        with pytest.raises(ColumnNotFound, match=r"There is no column 'agee' .*\n.*Did you mean 'age'\?"):
            read(frame(), kinds={"agee": "count"})
        with pytest.raises(KindMismatch, match="Did you mean 'binary'"):
            read(frame(), kinds={"age": "binaryy"})
        with pytest.raises(ColumnNotFound, match="Did you mean 'region'"):
            read(frame()).column("regin")
        with pytest.raises(ColumnNotFound):
            next(read(frame()).batches(["nope"]))


@pytest.mark.skipif(not SHARED.exists(), reason="the shared public files are not here")
class TestPublicFiles:
    def test_the_right_heart_catheterisation_file(self):
        table = read(SHARED / "rhc_hbiostat.csv")
        assert table.n_rows == 5735
        assert table.column("death").levels == ("No", "Yes")
        assert table.column("cat2").n_missing == 4535

    def test_semicolons_and_decimal_commas(self):
        table = read(SHARED / "njmin3.csv")
        reference = pd.read_csv(SHARED / "njmin3.csv", sep=";", decimal=",")
        assert table.column("fte").mean == pytest.approx(reference["fte"].mean(), rel=1e-12)
        assert table.column("fte").n_missing == int(reference["fte"].isna().sum())

    @pytest.mark.parametrize(
        "name", ["wooldridge_card", "darfur", "MatchIt_lalonde", "causaldata_cps_mixtape"]
    )
    def test_moments_agree_with_pandas(self, name):
        table = read(SHARED / f"{name}.csv")
        reference = pd.read_csv(SHARED / f"{name}.csv")
        for column in table.columns:
            if column.mean is not None:
                assert column.mean == pytest.approx(reference[column.name].mean(), rel=1e-10)
                assert column.std == pytest.approx(reference[column.name].std(), rel=1e-10)


def test_table_of_is_read():
    assert Table.of({"a": [1, 2]}).n_rows == 2


@pytest.mark.parametrize("name", ["two\nlines, quoted", "a; b -> c", "x'; DROP TABLE t; --", "a|b\tc"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_separators_and_line_breaks_inside_names(name: str, ending: str, tmp_path: Path):
    path = tmp_path / "rows.csv"
    with path.open("w", newline="") as file:
        out = written.writer(file, lineterminator=ending)
        out.writerow([f"t{name}", f"y{name}"])
        out.writerows([i % 3, i / 2] for i in range(40))
    table = read(path)
    assert table.names == (f"t{name}", f"y{name}")
    assert table.column(f"y{name}").maximum == 19.5
