"""Bad input from the file to the answer: each is a named error with exit code 2, or said in the result.

Word for word, and for what is not met here: the checks of columns in test_checks.py (ties, thin levels, identifiers,
infinite values, covariances, pairs never seen together); options and misspelt names of the command in
../cli/test_discover.py; knowledge files in test_knowledge_file.py; series in series/test_series_report.py and
series/test_lagged.py; knowledge that the data contradict in constraint/test_pc.py, constraint/test_fci.py and
series/test_pcmci.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aitia.cli._main import run
from aitia.core import AitiaError
from aitia.discovery import (
    BOSS,
    FCI,
    GES,
    PC,
    DirectLiNGAM,
    Discovery,
    FisherZ,
    Knowledge,
    PCMCIPlus,
    TestWise,
    discover,
)


def rows_of(count: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, columns))


def fewer_rows() -> list[list[Any]]:
    return rows_of(20, 30).tolist()


def determined() -> list[list[Any]]:
    return [[a, b, a + 2 * b] for a, b in rows_of(200, 2)]


def constant() -> list[list[Any]]:
    return [[a, b, 1] for a, b in rows_of(200, 2)]


def near_singular() -> list[list[Any]]:
    return [[a, b, a + 1e-4 * c] for a, b, c in rows_of(200, 3)]


def tied() -> list[list[Any]]:
    return [[a, b, max(c, 0.0)] for a, b, c in rows_of(200, 3)]


def apart() -> list[list[Any]]:
    """a and c are never seen in one row."""
    return [[a, b, ""] if i < 100 else ["", b, c] for i, (a, b, c) in enumerate(rows_of(200, 3).tolist())]


def some_missing() -> list[list[Any]]:
    return [[a, b if i % 5 else "", a - b] for i, (a, b) in enumerate(rows_of(200, 2).tolist())]


def text() -> list[list[Any]]:
    return [[a, b, "oops" if i == 150 else c] for i, (a, b, c) in enumerate(rows_of(200, 3).tolist())]


def one_column() -> list[list[Any]]:
    return rows_of(50, 1).tolist()


def walk() -> list[list[Any]]:
    return np.cumsum(rows_of(300, 2), axis=0).tolist()


def clean() -> list[list[Any]]:
    a, b, c = rows_of(200, 3).T
    return np.column_stack([a, a + b, c]).tolist()


def write(folder: Path, rows: list[list[Any]]) -> str:
    path = folder / "data.csv"
    names = [f"v{i}" for i in range(len(rows[0]))] if len(rows[0]) > 3 else "abc"[: len(rows[0])]
    path.write_text("\n".join(",".join(map(str, row)) for row in [names, *rows]) + "\n")
    return str(path)


def told(path: str, *more: str, code: int, capsys: pytest.CaptureFixture[str]) -> dict:
    """What the command answers: one JSON object, nothing on standard error, and this exit code."""
    got = run(["discover", path, "--json", *more])
    printed = capsys.readouterr()
    assert got == code, printed
    assert printed.err == "" and "Traceback" not in printed.out
    return json.loads(printed.out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


DETERMINED = (
    "c is determined by a, b: given these it has nothing left to depend on, which breaks faithfulness."
)


@pytest.mark.parametrize("algorithm", ["pc", "fci", "boss", "ges", "directlingam", "dagma"])
@pytest.mark.parametrize(
    ("rows", "kind", "problem"),
    [
        (determined, "DeterministicRelation", DETERMINED),
        (text, "TextInNumberColumn", "The column 'c' holds numbers, but also text: row 151 ('oops')."),
        (one_column, "DiscoveryError", "Discovery needs two columns that vary, but there is 1."),
        (apart, "MissingValues", "a (100 of 200 rows), c (100 of 200 rows)."),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_what_no_algorithm_takes(rows, kind, problem, algorithm, tmp_path, capsys):
    path = write(tmp_path, rows())
    held = told(path, "-a", algorithm, code=2, capsys=capsys)["error"]
    assert held["type"] == kind and held["problem"].endswith(problem) and held["next_step"]
    with pytest.raises(AitiaError) as error:
        discover(
            path, {"pc": PC(), "fci": FCI(), "boss": BOSS(), "ges": GES()}.get(algorithm, DirectLiNGAM())
        )
    assert type(error.value).__name__ == kind and error.value.problem == held["problem"]


def test_a_person_reads_two_lines_and_no_trace(tmp_path, capsys):
    assert run(["discover", write(tmp_path, determined()), "-a", "pc"]) == 2
    printed = capsys.readouterr()
    said = " ".join((printed.out + printed.err).split())
    assert DETERMINED in said and "Leave out 'c' (or one of the others)" in said and "Traceback" not in said


def test_the_next_step_for_a_determined_column_works(tmp_path):
    found = discover(write(tmp_path, determined()), PC(), allow_determined=True)
    assert DETERMINED in found.warnings
    left = discover(write(tmp_path, determined()), PC(), columns=["a", "b"])
    assert left.graph.nodes == ("a", "b") and not left.warnings


def test_empty_files_and_files_that_are_not_there(tmp_path, capsys):
    path = tmp_path / "data.csv"
    path.write_text("")
    held = told(str(path), code=2, capsys=capsys)["error"]
    assert held["type"] == "EmptyData" and held["problem"].endswith("data.csv is empty.")
    path.write_text("a,b,c\n")
    held = told(str(path), code=2, capsys=capsys)["error"]
    assert held["type"] == "EmptyData" and held["problem"] == "data.csv has no rows."
    held = told(str(tmp_path / "date.csv"), code=2, capsys=capsys)["error"]
    assert held["type"] == "UnreadableFile" and "Did you mean 'data.csv'?" in held["next_step"]


FEW = (
    "There are 20 rows for 30 columns: every column is a linear function of enough others, so only tests given few "
    "variables mean anything."
)
NEAR = "c is nearly a linear function of a ("
TIES = "c holds the value 0 in 52% of the rows looked at: tests and scores for numbers take it as continuous."


@pytest.mark.parametrize("algorithm", ["pc", "fci", "boss", "ges", "grasp", "directlingam"])
@pytest.mark.parametrize(
    ("rows", "said"), [(fewer_rows, FEW), (near_singular, NEAR), (tied, TIES)], ids=["few", "near", "ties"]
)
def test_what_is_said_beside_the_answer(rows, said, algorithm, tmp_path, capsys):
    path = write(tmp_path, rows())
    if rows is fewer_rows and algorithm == "directlingam":
        held = told(path, "-a", algorithm, code=2, capsys=capsys)["error"]
        assert held["type"] == "DiscoveryError"
        assert held["problem"].startswith("20 rows cannot tell how 19 variables act on ")
        return
    held = told(path, "-a", algorithm, code=0, capsys=capsys)
    assert any(each.startswith(said) for each in held["warnings"])
    # Every number of the answer is a number.
    assert all(each["p_value"] is None or 0 <= each["p_value"] <= 1 for each in held["evidence"])
    if rows is fewer_rows and algorithm in ("pc", "fci"):
        assert {"what": "tested sets of at most 16 variables", "why": "20 rows leave no more"} in held[
            "decisions"
        ]


def test_a_constant_column_is_left_out_and_said(tmp_path, capsys):
    held = told(write(tmp_path, constant()), "-a", "pc", code=0, capsys=capsys)
    assert {"what": "left out c", "why": "these columns hold one value only"} in held["decisions"]
    assert held["graph"]["nodes"] == ["a", "b"]


def test_pairs_never_seen_together(tmp_path, capsys):
    path = write(tmp_path, apart())
    held = told(path, "-a", "pc", "--missing", "complete_cases", code=2, capsys=capsys)["error"]
    assert held["type"] == "EmptyData"
    for algorithm in ("pc", "fci"):
        held = told(path, "-a", algorithm, "--missing", "keep", code=2, capsys=capsys)["error"]
        assert held["type"] == "NeverTogether"
        assert held["problem"] == "'a' and 'c' are never seen in the same row."
    held = told(path, "-a", "boss", "--missing", "keep", code=2, capsys=capsys)["error"]
    assert (
        held["problem"] == "This search by boss reads complete rows, but 'a' has no value in 100 of 200 rows."
    )


def test_kept_missing_values_are_read_by_the_test_that_fits(tmp_path, capsys):
    path = write(tmp_path, some_missing())
    held = told(path, "-a", "pc", "--missing", "keep", code=0, capsys=capsys)
    found = discover(path, PC(TestWise(FisherZ())), missing="keep")
    assert isinstance(found, Discovery) and held["rows"] == found.rows == 200
    assert "TestWise" in held["algorithm"]["options"]["test"]
    assert {frozenset((edge[0], edge[3])) for edge in held["graph"]["edges"]} == {
        frozenset((edge.a, edge.b)) for edge in found.graph.edges
    }


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        (
            'required = [["a", "b"]]\nforbidden = [["a", "b"]]\n',
            "The knowledge contradicts itself: a -> b is required, but a -> b is forbidden.",
        ),
        (
            'required = [["a", "b"], ["b", "c"], ["c", "a"]]\n',
            "The required edges make a cycle: a -> b -> c -> a.",
        ),
        (
            'tiers = [["b"], ["a"]]\nrequired = [["a", "b"]]\n',
            "The knowledge contradicts itself: a -> b is required, but a is in tier 2, after b in tier 1.",
        ),
        (
            'exogenous = ["d"]\n',
            "The knowledge names 'd' in exogenous, which is no variable of the data.",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("algorithm", ["pc", "fci", "boss", "ges", "directlingam"])
def test_knowledge_that_cannot_be_true(toml, problem, algorithm, tmp_path, capsys):
    known = tmp_path / "known.toml"
    known.write_text(toml)
    path = write(tmp_path, clean())
    held = told(path, "-a", algorithm, "--knowledge", str(known), code=2, capsys=capsys)["error"]
    assert (held["type"], held["problem"]) == ("KnowledgeError", problem)
    with pytest.raises(AitiaError, match=r"edges make a cycle|contradicts itself|no variable of the data"):
        discover(path, PC(), knowledge=Knowledge.read(known))


def test_a_series_that_wanders(tmp_path, capsys):
    path = write(tmp_path, walk())
    held = told(path, "-a", "pcmci+", "--max-lag", "1", code=0, capsys=capsys)
    assert any(
        each.startswith("a wanders like a random walk") and each.endswith(": take differences.")
        for each in held["warnings"]
    )
    # The same in Python; and no such words of what does not wander.
    assert any("wanders" in each for each in discover(path, PCMCIPlus(max_lag=1)).warnings)
    steps = np.diff(np.array(walk()), axis=0)
    assert not any(
        "wanders" in each
        for each in discover({"a": steps[:, 0], "b": steps[:, 1]}, PCMCIPlus(max_lag=1)).warnings
    )


def test_an_unknown_algorithm(tmp_path, capsys):
    held = told(write(tmp_path, clean()), "-a", "gess", code=2, capsys=capsys)["error"]
    assert held["type"] == "DiscoveryError" and "Did you mean 'ges'?" in held["next_step"]
