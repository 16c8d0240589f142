"""Bad input, from the person's side: each comes out of the command line as a named error or a reported decision."""

from __future__ import annotations

import csv
import errno
import json
import os
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aitia.cli._main import run

GRAPH = "z -> t; z -> y; t -> y"


def rows(n: int = 400, seed: int = 0) -> dict[str, Any]:
    """Columns t (0/1), y, z with an effect of one, and overlap."""
    random = np.random.default_rng(seed)
    z = random.normal(size=n)
    t = (random.random(n) < 1 / (1 + np.exp(-z))).astype(int)
    return {"t": t, "y": t + z + random.normal(size=n), "z": z}


def written(path: Path, columns: dict[str, Any]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(columns)
        out.writerows(zip(*(np.asarray(each, dtype=object) for each in columns.values())))
    return path


class Command:
    """Runs ``aitia effect ... --json`` on columns and gives back what it printed."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys

    def __call__(
        self, data: Path | dict[str, Any], *more: str, graph: str = GRAPH, code: int = 0
    ) -> dict[str, Any]:
        path = data if isinstance(data, Path) else written(self.folder / "rows.csv", data)
        chosen = [] if "--treatment" in more else ["--treatment", "t"]
        chosen += [] if "--outcome" in more else ["--outcome", "y"]
        got = run(["effect", str(path), *chosen, "--graph", graph, "--no-refute", "--json", *more])
        printed = self.capsys.readouterr()
        assert got == code, printed
        assert printed.err == ""
        return json.loads(printed.out)

    def error(self, data: Path | dict[str, Any], *more: str, graph: str = GRAPH) -> tuple[str, str, str]:
        found = self(data, *more, graph=graph, code=2)["error"]
        assert found["next_step"], "an error without a remedy"
        return found["type"], found["problem"], found["next_step"]


@pytest.fixture
def effect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, capsys)


def told(decisions: Sequence[dict[str, str]]) -> str:
    return " ".join(f"{each['what']} ({each['why']})" for each in decisions)


def test_good_input_is_answered(effect: Command):
    low, high = effect(rows())["estimate"]["interval"]
    assert low < 1 < high


def test_a_treatment_that_is_not_in_the_data(effect: Command):
    kind, problem, next_step = effect.error(rows(), "--treatment", "tt", graph="z -> tt; z -> y; tt -> y")
    assert kind == "NodeWithoutColumn" and "'tt'" in problem and "Did you mean 't'?" in next_step


def test_an_outcome_that_is_not_in_the_graph(effect: Command):
    kind, problem, next_step = effect.error(rows(), "--outcome", "yy")
    assert kind == "UnknownNode" and "'yy'" in problem and "Did you mean 'y'?" in next_step


def test_a_treatment_with_one_value(effect: Command):
    kind, problem, _ = effect.error({**rows(), "t": np.ones(400, int)})
    assert kind == "TreatmentConstant" and "t" in problem


def test_no_overlap_says_where(effect: Command):
    random = np.random.default_rng(1)
    z = random.normal(size=400)
    columns = {"t": (z > 0).astype(int), "y": z + random.normal(size=400), "z": z}
    path = written(effect.folder / "rows.csv", columns)
    got = run(["effect", str(path), "-t", "t", "-y", "y", "-g", GRAPH, "--json", "--replicates", "5"])
    held = json.loads(effect.capsys.readouterr().out)
    if got:
        assert held["error"]["type"] == "NoOverlap" and "z" in held["error"]["problem"], held
    else:
        assert any(each["warning"] for each in held["estimate"]["diagnostics"])
        [overlap] = [each for each in held["refutations"] if each["name"] == "overlap"]
        assert overlap["verdict"] == "broken" and " z " in overlap["sentence"], overlap


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("constant", lambda z: np.full(len(z), 3.0), "constant"),
        ("twin", lambda z: z, "z"),
        ("double", lambda z: 2 * z + 1, "z"),
    ],
)
def test_columns_without_news_are_dropped_and_told(name: str, make: Any, said: str, effect: Command):
    columns = rows()
    columns[name] = make(columns["z"])
    held = effect(columns, graph=f"{GRAPH}; {name} -> t; {name} -> y")
    words = told(held["decisions"])
    assert name in words and said in words
    low, high = held["estimate"]["interval"]
    assert low < 1 < high


def test_infinite_values_are_named(effect: Command):
    columns = rows()
    columns["z"][7] = np.inf
    kind, problem, _ = effect.error(columns)
    assert kind == "NonFiniteValues" and "z" in problem


def test_text_in_a_number_column_names_the_first_rows(effect: Command):
    columns = rows()
    values = [f"{each:.3f}" for each in columns["z"]]
    values[5], values[9] = "n.a.", "unknown"
    kind, problem, _ = effect.error({**columns, "z": values})
    assert kind == "TextInNumberColumn" and "n.a." in problem and "z" in problem


def test_missing_values_are_counted_and_the_policies_named(effect: Command):
    columns = rows()
    values = [f"{each:.3f}" for each in columns["z"]]
    values[5] = values[9] = ""
    kind, problem, next_step = effect.error({**columns, "z": values})
    assert kind == "MissingValues" and "z (2 of 400 rows)" in problem
    assert "complete_cases" in next_step and "indicator" in next_step
    held = effect({**columns, "z": values}, "--missing", "complete_cases")
    assert held["estimate"]["n"] == 398 and "2" in told(held["decisions"])
    assert "missingness" in [each["key"] for each in held["assumptions"]]


def test_a_cycle_is_named(effect: Command):
    kind, problem, _ = effect.error(rows(), graph="z -> t; t -> y; y -> z")
    assert kind == "CyclicGraph" and "->" in problem


def test_a_graph_that_is_no_graph_points_at_the_place(effect: Command):
    kind, problem, _ = effect.error(rows(), graph="z -> t; t => y")
    assert kind == "GraphSyntaxError" and "=>" in problem


def test_a_node_without_a_column_has_to_be_marked(effect: Command):
    kind, problem, next_step = effect.error(rows(), graph=GRAPH + "; u -> z")
    assert kind == "NodeWithoutColumn" and "'u'" in problem and "[latent]" in next_step
    assert effect(rows(), graph=GRAPH + "; u -> z; u [latent]")["estimate"]


def test_an_empty_file(effect: Command):
    path = effect.folder / "rows.csv"
    path.write_text("")
    assert effect.error(path)[0] == "EmptyData"
    path.write_text("t,y,z\n")
    assert effect.error(path)[0] == "EmptyData"


def test_a_truncated_parquet_file(effect: Command):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = effect.folder / "rows.parquet"
    pq.write_table(pa.table(rows()), path)
    path.write_bytes(path.read_bytes()[:-200])
    kind, problem, _ = effect.error(path)
    assert kind == "UnreadableFile" and "rows.parquet" in problem


def test_a_csv_whose_number_of_fields_changes(effect: Command):
    path = written(effect.folder / "rows.csv", rows())
    lines = path.read_text().splitlines()
    lines[17] += ",extra"
    path.write_text("\n".join(lines))
    kind, problem, _ = effect.error(path)
    assert kind == "UnreadableFile" and "18" in problem


def test_repeated_column_names(effect: Command):
    path = written(effect.folder / "rows.csv", rows())
    path.write_text(path.read_text().replace("t,y,z", "t,y,t", 1))
    kind, problem, _ = effect.error(path)
    assert kind == "DuplicateColumns" and "'t'" in problem


def test_an_outcome_of_words(effect: Command):
    columns = rows()
    kind, problem, _ = effect.error({**columns, "y": [f"w{i % 3}" for i in range(400)]})
    assert kind == "OutcomeNotNumeric" and "y" in problem


def test_a_contrast_that_the_data_do_not_have(effect: Command):
    columns = rows()
    columns["t"] = np.where(columns["t"] == 1, "open", "closed")
    kind, problem, next_step = effect.error(columns, "--contrast", "opn,closed")
    assert kind == "LevelNotFound" and "opn" in problem and "open" in next_step


def test_negative_weights(effect: Command):
    columns = rows()
    weights = np.ones(400)
    weights[3] = -1
    kind, problem, _ = effect.error({**columns, "w": weights}, "--weights", "w")
    assert kind == "BadWeights" and "w" in problem


HOSTILE = [
    "\"><script>alert('x')</script>",
    "x'; DROP TABLE t; --",
    'two\nlines, "quoted"',
    "[bold]rich[/bold] `code` $math$",
    "-> [latent]; a <-> b",
]


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.handlers: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_column_name_comes_through_the_whole_chain(name: str, effect: Command):
    """Quotes, HTML, SQL, newlines and our own syntax: the same answer as under plain names, and a harmless page."""
    from aitia.graphs import Graph

    columns = rows()
    columns["c"] = np.where(np.arange(400) % 3 == 0, f"a{name}", f"b{name}")
    plain = effect(columns, "--seed", "3", graph=f"{GRAPH}; c -> t; c -> y")
    renamed = {f"{key}{name}": value for key, value in columns.items()}
    t, y, z, c = renamed
    graph = effect.folder / "graph.txt"
    graph.write_text(Graph.build([t, y, z, c], directed=[(z, t), (z, y), (t, y), (c, t), (c, y)]).to_text())
    report = effect.folder / "report.html"
    path = written(effect.folder / "hostile.csv", renamed)
    names = ["--treatment", t, "--outcome", y]
    held = effect(path, *names, "--seed", "3", "--report", str(report), graph=str(graph))
    assert held["estimate"]["value"] == pytest.approx(plain["estimate"]["value"], rel=1e-9)
    assert set(held["estimand"]["adjustment"]) == {z, c}
    page = Tags(report.read_text(encoding="utf-8"))
    assert "script" not in page.tags and page.handlers == []
    # and to the terminal, with refuters
    command = ["effect", str(path), *names, "--graph", str(graph), "--replicates", "10"]
    command += ["--method", "regression-adjustment"]
    assert run(command) == 0
    printed = effect.capsys.readouterr().out
    assert "\x1b" not in printed and "effect of t" in printed


def test_a_full_disk_keeps_the_old_report(effect: Command, monkeypatch: pytest.MonkeyPatch):
    report = effect.folder / "report.html"
    effect(rows(), "--report", str(report))
    old = report.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    held = effect(rows(seed=1), "--report", str(report), code=5)
    assert held["error"]["type"] == "CannotWrite" and "unchanged" in held["error"]["problem"]
    assert report.read_bytes() == old
    assert not list(effect.folder.glob(".report*"))
