"""Write docs/reference-values.md: published numbers beside ours.

    python tools/reference_values.py

It needs the public files of ../shared/data/effects and ../shared/data/discovery beside the repository. Without them it
says so and leaves the page as it is.
"""

from __future__ import annotations

import sys
from pathlib import Path

from reference import EFFECTS, SECTIONS, SURVEYS, Row, Survey

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference-values.md"

HEAD = """---
hide: [toc]
---

# Reference values

Published numbers beside ours, from public files; at the end, how well discovery does on known networks.
`python tools/reference_values.py` makes this page, and
`tests/test_reference_values.py` tests every row by the same functions. Both need the files, which are not part of the
project.

Ours is rounded to the digits that were printed. In the last column *digits* means that they are all the same, and
*interval* that our 95% interval holds the number. Otherwise it says how far apart the
two may be, and why. Such rows move a little whenever learners or folds change.
"""


def agreement(row: Row) -> str:
    """How the two numbers agree, in words."""
    if row.agrees in ("digits", "interval"):
        return str(row.agrees)
    if row.agrees == "shown":
        return f"not tested: {row.differs}"
    return f"within {row.agrees:.3g}: {row.differs}"


def table(survey: Survey) -> list[str]:
    """The lines of a survey, computed anew."""
    rule = ["---", "---", *("---:" for _ in survey.head[2:])]
    return [f"| {' | '.join(line)} |" for line in (survey.head, rule, *survey.lines())]


def page() -> str:
    """The page, computed anew."""
    lines = [HEAD]
    for section in SECTIONS:
        lines += [f"## {section.title}", "", section.about, ""]
        lines += ["| | published | ours | by | agreement |", "| --- | ---: | ---: | --- | --- |"]
        lines += [
            f"| {row.what} | {row.published} | {row.shown(row.ours())} | {row.how} | {agreement(row)} |"
            for row in section.rows
        ]
        lines.append("")
    for survey in SURVEYS:
        lines += [f"## {survey.title}", "", survey.about, "", *table(survey), ""]
    return "\n".join(lines)


def main() -> int:
    """Write the page; 1 where files are missing."""
    missing = sorted(
        {each for section in SECTIONS for row in section.rows for each in row.missing}
        | {each for survey in SURVEYS for each in survey.missing}
    )
    if missing:
        print(f"Not written: {', '.join(missing)} not found in {EFFECTS}.", file=sys.stderr)
        return 1
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
