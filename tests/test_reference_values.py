"""Published numbers, through the public API. The rows are those of the page docs/reference-values.md.

Figures that were recalled from a paper are tested like the others: all of them agree with the arithmetic.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from aitia.core import Status
from aitia.estimation import AIPW, RegressionAdjustment

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import reference_values  # noqa: E402
from reference import SECTIONS, SURVEYS, Row, catheters  # noqa: E402
from reference.row import Found  # noqa: E402

ROWS = [pytest.param(row, id=f"{section.title}: {row.what}") for section in SECTIONS for row in section.rows]


def skip_without_files(row: Row) -> None:
    if row.missing:
        pytest.skip(f"needs {', '.join(row.missing)} of ../shared/data/effects")


@pytest.mark.parametrize("row", ROWS)
def test_row(row: Row):
    skip_without_files(row)
    if "visits" in row.how:
        pytest.importorskip("statsmodels")
    found = row.ours()
    assert row.holds(found), f"published {row.published}, ours {row.shown(found)}, by {row.how}"


def test_what_agreement_means():
    digits = Row("", "-8,497.5", lambda: Found(0), "")
    assert digits.holds(Found(-8497.54)) and not digits.holds(Found(-8497.56))
    assert not digits.holds(Found(float("nan")))
    interval = Row("", "4.0", lambda: Found(0), "", agrees="interval")
    assert interval.holds(Found(5, (3.9, 6))) and not interval.holds(Found(5, (4.1, 6)))
    assert not interval.holds(Found(4))
    near = Row("", "1550", lambda: Found(0), "", agrees=721.0)
    assert near.holds(Found(2270)) and not near.holds(Found(2272)) and not near.holds(Found(float("nan")))


def test_recorded_rows_that_may_differ_say_why():
    for section in SECTIONS:
        for row in section.rows:
            assert row.agrees in ("digits", "interval") or row.differs, row.what


def test_the_page_has_every_row():
    """Every row with its published number; ours too where it owes the same digits."""
    lines = reference_values.PAGE.read_text(encoding="utf-8").splitlines()
    lines = lines[: lines.index(f"## {SURVEYS[0].title}")]
    expected = []
    for section in SECTIONS:
        expected.append(f"## {section.title}")
        for row in section.rows:
            ours = f"{row.published} |" if row.agrees == "digits" else ""
            expected.append(f"| {row.what} | {row.published} | {ours}")
    # In the same order, and no row besides.
    shown = [
        each for each in lines if each.startswith(("## ", "| ")) and not each.startswith(("| |", "| ---"))
    ]
    assert len(shown) == len(expected)
    for line, begin in zip(shown, expected):
        assert line.startswith(begin), (
            f"{line}\nThe page is out of date: run python tools/reference_values.py"
        )


@pytest.mark.parametrize("survey", SURVEYS, ids=lambda each: each.title)
def test_the_page_has_every_survey_as_it_is(survey):
    if survey.missing:
        pytest.skip(f"needs {', '.join(survey.missing)} of ../shared/data/effects")
    lines = reference_values.PAGE.read_text(encoding="utf-8").splitlines()
    made = reference_values.table(survey)
    first = lines.index(f"## {survey.title}") + 4
    assert lines[first : first + len(made)] == made, "Out of date: run python tools/reference_values.py"


@pytest.mark.skipif(
    not (reference_values.EFFECTS / catheters.RHC).exists(),
    reason="needs rhc_hbiostat.csv of ../shared/data/effects",
)
def test_right_heart_catheterisation_from_table_to_report(tmp_path: Path):
    """5,735 patients, 49 covariates of all kinds: every stage runs, and the answer has the published sign."""
    study = catheters.catheter_study().identify().estimate(RegressionAdjustment())
    raw = catheters.catheter_study(adjusted=False).estimate().result
    # Connors et al. 1996: catheters go with higher mortality, by less once patients alike are compared.
    assert 0 < study.result.interval[0] < study.result.value < raw.value
    assert study.result.n == 5735 and len(study.estimand.adjustment) == 49
    study = study.refute(replicates=10, show_progress=False)
    answered = {each.name for each in study.refutations if each.attempted}
    assert {"placebo treatment", "overlap", "balance", "omitted-variable sensitivity", "E-value"} <= answered
    assert any(each.status is not Status.UNTESTED for each in study.ledger)
    page = tmp_path / "catheters.html"
    study.report(page)
    assert "catheter" in page.read_text(encoding="utf-8")
    # The default, which follows curves, lies within two standard errors of the linear one.
    default = catheters.catheter_study().estimate(AIPW()).result
    assert default.interval[0] > 0
    assert abs(default.value - study.result.value) < 2 * np.hypot(default.std_error, study.result.std_error)
