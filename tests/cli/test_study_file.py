"""STUDY.toml: what a good one means, and the named error of every bad one."""

from __future__ import annotations

from pathlib import Path

import pytest

from aitia.cli._study_file import SCHEMA, StudyFileError, read_study_file

GOOD = """
title = "Kidney stones"
data = "stones.csv"
graph = "size -> treatment; size -> success; treatment -> success"
seed = 3
report = "out/report.html"

[question]
treatment = "treatment"
outcome = "success"
contrast = ["open", "percutaneous"]

[columns]
size = "categorical"

[rows]
missing = "complete_cases"

[estimate]
method = "aipw"
beside = ["ipw"]
level = 0.9

[refute]
replicates = 50
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "STUDY.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file_means_what_it_says(tmp_path: Path):
    study = read_study_file(written(tmp_path, GOOD))
    assert study.data == str(tmp_path / "stones.csv")
    assert study.report == str(tmp_path / "out" / "report.html")
    assert study.graph.startswith("size -> treatment")
    assert study.question.contrast == ("open", "percutaneous")
    assert (study.rows.missing, study.estimate.level, study.refute.replicates, study.seed) == (
        "complete_cases",
        0.9,
        50,
        3,
    )
    assert study.columns == {"size": "categorical"}


def test_defaults(tmp_path: Path):
    text = 'data = "d.csv"\ngraph = "g.txt"\n[question]\ntreatment = "t"\noutcome = "y"\n'
    study = read_study_file(written(tmp_path, text))
    assert (study.rows.missing, study.estimate.method, study.refute.replicates) == ("stop", None, 100)
    assert study.graph == "g.txt", "a graph that is no file stays text"
    (tmp_path / "g.txt").write_text("t -> y")
    assert read_study_file(tmp_path / "STUDY.toml").graph == str(tmp_path / "g.txt")


@pytest.mark.parametrize(
    ("old", "new", "problem", "next_step"),
    [
        (
            'treatment = "treatment"',
            'treatmnt = "treatment"',
            "line 9: the key 'treatmnt' in [question] is unknown.",
            "Did you mean 'treatment'?",
        ),
        ("[estimate]", "[estimat]", "line 19: the key 'estimat' is an unknown table.", "Did you mean 'estimate'?"),
        ("seed = 3", 'seed = "3"', "line 5: the key 'seed' holds text; it has to be a whole number", ""),
        ("seed = 3", "seed = -3", "it has to be a whole number of at least 0", ""),
        ("seed = 3", "seed = true", "line 5: the key 'seed' holds true or false", ""),
        ("seed = 3", 'treatment = "t"', "line 5: the key 'treatment' stands at", "It belongs under [question]."),
        ("level = 0.9", 'level = "0.9"', "line 22: the key 'level' in [estimate] holds text", ""),
        ('beside = ["ipw"]', 'beside = ["ipw", 3]', "line 21: the key 'beside' in [estimate] holds a list", ""),
        ('contrast = ["open", "percutaneous"]', 'contrast = ["open"]', "has 1 values", 'Write contrast = ['),
        ('data = "stones.csv"', "", "does not say 'data'", 'Add data = "..."'),
        ('outcome = "success"', "", "does not say 'outcome' in [question]", "Add a table [question]"),
        ('outcome = "success"', 'outcome = "success"\nkind = "natural"', "is no kind of question", "natural-direct"),
        ('outcome = "success"', 'outcome = "success"\nkind = "natural-direct"', "needs mediators", "mediators"),
        ('size = "categorical"', "size = 3", "the key 'size' in [columns] holds a whole number", ""),
        ("replicates = 50", "replicates = 0", "line 25: the key 'replicates' in [refute] is 0", "skip = true"),
        ("[rows]", "rows = 1", "in [columns]", ""),
        ("seed = 3", "seed = ", "is not valid TOML: Invalid value (at line 5, column 8)", "quotes"),
    ],
)  # fmt: skip
def test_every_mistake_is_named_with_its_line(
    old: str, new: str, problem: str, next_step: str, tmp_path: Path
):
    assert old in GOOD
    with pytest.raises(StudyFileError) as caught:
        read_study_file(written(tmp_path, GOOD.replace(old, new)))
    assert problem in caught.value.problem
    assert next_step in caught.value.next_step


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(StudyFileError, match=r"nowhere\.toml could not be read: No such file or directory"):
        read_study_file(tmp_path / "nowhere.toml")


def test_a_file_that_is_not_text(tmp_path: Path):
    (tmp_path / "STUDY.toml").write_bytes(b"\xff\xfe\x00data")
    with pytest.raises(StudyFileError, match="UTF-8 text"):
        read_study_file(tmp_path / "STUDY.toml")


def test_the_documentation_names_every_key():
    page = Path(__file__).parents[2] / "docs" / "command-line.md"
    if not page.exists():
        pytest.skip("the page is not part of this checkout")
    text = page.read_text(encoding="utf-8")
    missing = [f"{table}.{key}" for table, keys in SCHEMA.items() for key in keys if f"`{key}`" not in text]
    assert not missing


def test_a_misspelt_key_at_the_top_is_found_in_the_table_it_belongs_to(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text('data = "d.csv"\ngraph = "a -> b"\ntreatmnt = "a"\n')
    with pytest.raises(StudyFileError) as caught:
        read_study_file(file)
    assert "line 3: the key 'treatmnt' is unknown." in str(caught.value)
    assert "Did you mean 'treatment'? It belongs under [question]." in str(caught.value)
