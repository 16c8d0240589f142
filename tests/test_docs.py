"""The documentation runs: every Python block, page by page, and what it prints is what the page shows."""

from __future__ import annotations

import ast
import contextlib
import doctest
import importlib
import importlib.util
import io
import os
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

# A ```python block, and the ```text block right after it, if there is one: what the code prints.
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\s*^```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
# A block that begins so runs only where the package is installed.
NEEDS = re.compile(r"# needs (\w+)")
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


def blocks(page: Path) -> list[tuple[int, str, str | None]]:
    text = page.read_text(encoding="utf-8")
    return [(text[: m.start()].count("\n") + 2, m[1], m[2]) for m in BLOCK.finditer(text)]


@pytest.mark.parametrize(
    "page", [p for p in PAGES if blocks(p)], ids=lambda page: str(page.relative_to(ROOT))
)
def test_page_runs_as_shown(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    checker = doctest.OutputChecker()
    names: dict[str, object] = {"__name__": "__main__"}
    for line, code, shown in blocks(page):
        needed = NEEDS.match(code)
        if needed and importlib.util.find_spec(needed[1]) is None:
            continue
        printed = io.StringIO()
        # Blank lines keep the line numbers of a traceback those of the page.
        compiled = compile("\n" * (line - 1) + code, str(page), "exec")
        with contextlib.redirect_stdout(printed):
            exec(compiled, names)
        if shown is not None:
            same = checker.check_output(
                shown, printed.getvalue(), doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            )
            assert same, (
                f"{page.name}, line {line}: the page shows\n{shown}\nbut the code prints\n{printed.getvalue()}"
            )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    missing = [
        link for link in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()
    ]
    assert not missing, f"{page.name} links to {missing}{os.linesep}"


# The site loads no script that draws formulas, and docstrings are Markdown: neither is drawn.
UNDRAWN = re.compile(r":[a-z]+:`|^ *\.\. [a-z]+::|\\\[ |\\\( ", re.MULTILINE)
# "Source: a book,", gone on further in: taken for a box of which the book is the title.
FURTHER_IN = re.compile(r"^[A-Z][\w ]{0,30}: \S.*\n +\S", re.MULTILINE)


def docstrings(path: Path) -> list[str]:
    found = [
        ast.get_docstring(each)
        for each in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(each, ast.Module | ast.ClassDef | ast.FunctionDef)
    ]
    return [text for text in found if text]


def test_docstrings_and_pages_hold_no_markup_that_the_site_does_not_draw():
    texts = {page: [re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)] for page in PAGES}
    modules = sorted((ROOT / "src").rglob("*.py"))
    assert len(modules) > 300
    shown = [
        f"{path.relative_to(ROOT)}: {found[0]!r}"
        for path, several in [*texts.items(), *((path, docstrings(path)) for path in modules)]
        for pattern in ([UNDRAWN, FURTHER_IN] if path.suffix == ".py" else [UNDRAWN])
        for found in map(pattern.search, several)
        if found
    ]
    assert not shown, "\n".join(shown)


def test_methods_page_is_what_the_script_makes():
    import methods_page

    assert methods_page.PAGE.read_text(encoding="utf-8") == methods_page.page(), (
        "docs/methods.md is out of date: run python tools/methods_page.py"
    )


def test_reference_pages_are_what_the_script_makes():
    import reference_pages

    for path, text in reference_pages.pages().items():
        assert path.read_text(encoding="utf-8") == text, (
            f"{path.relative_to(ROOT)} is out of date: run python tools/reference_pages.py"
        )


def test_reference_has_every_room_and_what_the_rooms_offer():
    import reference_pages

    rooms = {each.parent.name for each in (ROOT / "src" / "aitia").glob("*/__init__.py")}
    top = {each.split(".")[0] for each in reference_pages.ROOMS}
    assert top == rooms - {"cli"} | {"study"}
    named = reference_pages.public(importlib.import_module("aitia.identification"))
    assert {"Effect", "Question", "identify"} <= set(named)
    assert not {"annotations", "Any", "np"} & set(named)
    undocumented = [
        f"{room}.{name}"
        for room in reference_pages.ROOMS
        for name, thing in reference_pages.public(importlib.import_module(f"aitia.{room}")).items()
        if callable(thing) and not reference_pages.summary(thing)
    ]
    assert not undocumented
