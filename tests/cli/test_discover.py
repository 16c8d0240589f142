"""``aitia discover`` as other programs and people call it."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from aitia.cli._main import run
from aitia.discovery import Knowledge
from aitia.graphs import Graph

SACHS = Path(__file__).parents[2] / ".." / "shared" / "data" / "discovery" / "sachs"


@pytest.fixture(scope="module")
def rain(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two causes of one thing, which causes another: a graph whose every direction data settle."""
    random = np.random.default_rng(0)
    rain, sprinkler = random.normal(size=(2, 800))
    wet = 0.8 * rain + 0.8 * sprinkler + random.normal(size=800)
    slip = wet + random.normal(size=800)
    path = tmp_path_factory.mktemp("rain") / "rain.csv"
    rows = "\n".join(",".join(f"{each:.6f}" for each in row) for row in zip(rain, sprinkler, wet, slip))
    path.write_text(f"rain,sprinkler,wet,slip\n{rows}\n")
    return str(path)


TRUTH = Graph.parse("rain -> wet; sprinkler -> wet; wet -> slip; [cpdag]")


def answered(capsys: pytest.CaptureFixture[str], arguments: list[str], code: int = 0) -> dict:
    """Run a command, check its exit code and that standard output is one JSON object."""
    got = run(arguments)
    printed = capsys.readouterr()
    assert got == code, printed
    assert printed.out.count("\n") == 1 and printed.err == ""
    return json.loads(printed.out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_the_fixed_shape(rain: str, capsys: pytest.CaptureFixture[str]):
    held = answered(capsys, ["discover", rain, "--algorithm", "pc", "--alpha", "0.01", "--json"])
    assert held["graph"]["kind"] == "cpdag"
    assert sorted(held["graph"]["edges"]) == [
        ["rain", "tail", "arrow", "wet"],
        ["sprinkler", "tail", "arrow", "wet"],
        ["wet", "tail", "arrow", "slip"],
    ]
    assert type(held["tests"]) is int and held["tests"] > 5
    assert type(held["seconds"]) is float and held["seconds"] > 0
    assert held["algorithm"]["options"]["alpha"] == 0.01 and held["stability"] is None


@pytest.mark.parametrize("suffix", ["dot", "gml", "txt", "gv", "dagitty"])
@pytest.mark.parametrize("algorithm", ["pc", "fci"])
def test_a_graph_file_reads_back_as_the_same_graph(
    rain: str, suffix: str, algorithm: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / f"graph.{suffix}"
    # Without slip nothing is settled but by the level; with the third column alone both kinds leave ends open.
    columns = ["--columns", "rain, wet, slip"] if algorithm == "pc" else []
    held = answered(capsys, ["discover", rain, "-a", algorithm, "--out", str(path), "--json", *columns])
    read = Graph.read(path)
    made = [[edge.a, edge.mark_a.value, edge.mark_b.value, edge.b] for edge in read.edges]
    assert sorted(made) == sorted(held["graph"]["edges"])
    assert read.kind.value == held["graph"]["kind"] and held["out"] == str(path)
    marks = {mark for edge in made for mark in edge[1:3]}
    assert marks == ({"tail"} if algorithm == "pc" else {"tail", "arrow", "circle"})


def test_knowledge_is_honoured(rain: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "known.toml"
    file.write_text(Knowledge(tiers=[["rain"], ["wet"], ["slip"]]).to_toml())
    arguments = [
        "discover",
        rain,
        "-a",
        "pc",
        "--columns",
        "rain,wet,slip",
        "--knowledge",
        str(file),
        "--json",
    ]
    held = answered(capsys, arguments)
    assert sorted(held["graph"]["edges"]) == [
        ["rain", "tail", "arrow", "wet"],
        ["wet", "tail", "arrow", "slip"],
    ]
    assert held["knowledge"]["tiers"] == [["rain"], ["wet"], ["slip"]]
    file.write_text('exogenus = ["rain"]\n')
    held = answered(capsys, arguments, 2)
    assert held["error"]["type"] == "KnowledgeError" and "line 1" in held["error"]["problem"]
    assert "Did you mean 'exogenous'?" in held["error"]["next_step"]


def test_stability_and_seed(rain: str, capsys: pytest.CaptureFixture[str]):
    arguments = ["discover", rain, "-a", "pc", "--stability", "20", "--json", "--seed"]
    one, again, other = (answered(capsys, [*arguments, seed])["stability"] for seed in ("1", "1", "2"))
    assert one["replicates"] == 20 and one["consensus"]["kind"] == "cpdag"
    assert one["edges"] == again["edges"] != other["edges"]
    assert {each["found"] for each in one["edges"]} >= {"rain -> wet", "wet -> slip"}


def test_kinds_of_all_columns_and_of_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    random = np.random.default_rng(0)
    a = random.integers(0, 3, 600)
    b = (a + (random.random(600) < 0.3)) % 3
    path = tmp_path / "codes.csv"
    path.write_text(
        "a,b,c\n" + "\n".join(f"{x},{y},{z}" for x, y, z in zip(a, b, random.integers(0, 3, 600)))
    )
    discrete = answered(capsys, ["discover", str(path), "-a", "pc", "--kind", "discrete", "--json"])
    continuous = answered(capsys, ["discover", str(path), "-a", "pc", "--kind", "continuous", "--json"])
    assert "GSquared" in discrete["algorithm"]["options"]["test"]
    assert "FisherZ" in continuous["algorithm"]["options"]["test"]
    assert discrete["graph"]["edges"] == [["a", "tail", "tail", "b"]]
    mixed = answered(
        capsys, ["discover", str(path), "-a", "pc", "--kind", "discrete", "--kind", "c=continuous", "--json"]
    )
    assert mixed["algorithm"]["options"]["test"] not in ("FisherZ()", "GSquared()")
    held = answered(capsys, ["discover", str(path), "--kind", "discret", "--json"], 2)
    assert "Did you mean 'discrete'?" in held["error"]["next_step"]


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (["--algorithm", "pcc"], "DiscoveryError", "Did you mean 'pc'"),
        (["--columns", "rain,wett"], "ColumnNotFound", "wet"),
        (["--out", "graph.png"], "OptionError", ".gml"),
        (["--out", "nowhere/graph.dot", "-a", "pc"], "CannotWrite", "the folder must exist"),
        (["--report", "nowhere/page.html", "-a", "pc"], "CannotWrite", "the folder must exist"),
        (["--alpha", "2", "-a", "pc"], "DiscoveryError", "0.01"),
        (["--missing", "guess"], "DiscoveryError", "complete_cases"),
        (["--knowledge", "none.toml"], "KnowledgeError", "Check the path"),
    ],
)
def test_what_is_wrong_is_named(
    rain: str, arguments: list[str], kind: str, words: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    held = answered(capsys, ["discover", rain, "--json", *arguments], 5 if kind == "CannotWrite" else 2)
    assert held["error"]["type"] == kind, held
    assert words in held["error"]["next_step"]
    assert not list(tmp_path.iterdir())


def test_a_time_series_out_of_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    random = np.random.default_rng(0)
    x, y = np.zeros(300), np.zeros(300)
    for t in range(1, 300):
        x[t] = 0.5 * x[t - 1] + random.normal()
        y[t] = 0.7 * x[t - 1] + random.normal()
    path = tmp_path / "series.csv"
    lines = [f"{t + 0.5},{x[t]:.6f},{y[t]:.6f}" for t in random.permutation(300)]
    path.write_text("t,x,y\n" + "\n".join(lines))
    arguments = ["discover", str(path), "-a", "pcmci+", "--max-lag", "1", "--json"]
    held = answered(capsys, [*arguments, "--time", "t", "--stability", "5"])
    assert ["x.lag1", "tail", "arrow", "y"] in held["graph"]["edges"]
    assert held["algorithm"]["options"]["max_lag"] == 1 and "t" not in held["graph"]["nodes"]
    assert "consecutive rows" in held["stability"]["resampled"]
    unordered = answered(capsys, arguments)
    assert ["x.lag1", "tail", "arrow", "y"] not in unordered["graph"]["edges"]


def test_an_option_that_the_algorithm_lacks_is_reported(rain: str, capsys: pytest.CaptureFixture[str]):
    held = answered(capsys, ["discover", rain, "-a", "pc", "--penalty", "2", "--json"])
    assert held["decisions"][0] == {"what": "passed over --penalty", "why": "pc has no such option"}


def test_what_a_person_sees(
    rain: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("COLUMNS", "100")
    out, page = tmp_path / "rain.dot", tmp_path / "rain.html"
    assert (
        run(["discover", rain, "-a", "pc", "--stability", "20", "--out", str(out), "--report", str(page)])
        == 0
    )
    printed = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "PC joins 3 pairs of 4 variables, every direction settled" in printed
    assert "rain -> wet" in printed and "In replicates" in printed
    assert "Over 20 bootstrap replicates" in printed and "It stands on" in printed
    assert f"aitia effect {rain} -t rain -y wet --graph {out}" in printed
    assert Graph.read(out) == TRUTH
    assert page.read_text().startswith("<!DOCTYPE html>") and "rain -&gt; wet" in page.read_text()
    assert run(["discover", rain, "-a", "pc"]) == 0
    assert "Write the graph with --out graph.dot" in re.sub(r"\s+", " ", capsys.readouterr().out)


def test_the_next_step_works(rain: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "rain.txt"
    run(["discover", rain, "-a", "pc", "--out", str(out)])
    capsys.readouterr()
    # A CPDAG without an open end: the effect has one formula.
    text = Graph.read(out).to_text().replace("[cpdag]", "")
    held = answered(capsys, ["effect", rain, "-t", "rain", "-y", "wet", "-g", text, "--json", "--no-refute"])
    assert abs(held["estimate"]["value"] - 0.8) < 0.15


def test_the_next_step_names_columns_only_and_quotes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 400))
    table = tmp_path / "odd.csv"
    head = ['"say ""hi"""', "$HOME", "the end"]
    rows = np.column_stack([a, b, a + b + random.normal(size=400)])
    table.write_text(
        "\n".join([",".join(head), *(",".join(map(str, row)) for row in rows)]), encoding="utf-8"
    )
    out = tmp_path / "odd.dot"
    assert run(["discover", str(table), "-a", "pc", "--out", str(out)]) == 0
    printed = capsys.readouterr().out.replace("\n", " ")
    asked = shlex.split(printed[printed.index("aitia effect") :])
    assert asked[asked.index("-t") + 1] in ('say "hi"', "$HOME") and asked[asked.index("-y") + 1] == "the end"
    held = answered(capsys, [*asked[1:], "--no-refute", "--json"])
    assert abs(held["estimate"]["value"] - 1) < 0.2
    # Lags are no columns of the table.
    assert run(["discover", str(table), "-a", "pcmci", "--max-lag", "1", "--out", str(out)]) == 0
    assert "lag1 -y" not in capsys.readouterr().out.replace("\n", " ")


@pytest.mark.skipif(not SACHS.exists(), reason="the protein data of Sachs et al. are not here")
def test_sachs_proteins(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    page = tmp_path / "sachs.html"
    data = os.fspath(SACHS / "sachs.2005.continuous.txt")
    held = answered(
        capsys,
        ["discover", data, "-a", "pc", "--stability", "50", "--report", str(page), "--out",
         str(tmp_path / "sachs.dot"), "--json"],
    )  # fmt: skip
    joined = {frozenset((edge[0], edge[3])) for edge in held["graph"]["edges"]}
    # Edges of the published network that every analysis of these data finds (Sachs et al. 2005, figure 3).
    assert {
        frozenset(pair) for pair in (("raf", "mek"), ("erk", "akt"), ("plc", "pip2"), ("plc", "pip3"))
    } <= joined
    assert held["rows"] == 7466 and Graph.read(tmp_path / "sachs.dot").kind.value == "cpdag"
    shares = {frozenset((each["a"], each["b"])): each["adjacent"] for each in held["stability"]["edges"]}
    assert shares[frozenset(("raf", "mek"))] > 0.9
    assert "<svg" in page.read_text()
    known = os.fspath(SACHS / "sachs.2005.knowledge.txt")
    held = answered(capsys, ["discover", data, "-a", "pc", "--knowledge", known, "--json"])
    required = Knowledge.read(known).required
    assert all([a, "tail", "arrow", b] in held["graph"]["edges"] for a, b in required)
