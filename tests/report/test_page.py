"""The HTML report: one file that loads and runs nothing, whatever the columns are called."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_findings import findings_of, refused

from aitia.graphs import Graph
from aitia.identification import Effect
from aitia.report import html_page, html_summary, write_report

HOSTILE = [
    "\"><script>alert('x')</script>",
    "'; DROP TABLE rows; --",
    "<img src=x onerror=alert(1)>",
    "two\nlines\ttab",
    "{{ 7 * 7 }}{% raw %}",
    "$\\alpha_1$ & -- ]]> -->",
    "日本語 العربية 🙂",
    "</style></svg></title>",
]


class Page(HTMLParser):
    """What a browser would make of a page: its tags, attributes and text."""

    void = frozenset({"meta", "link", "br", "img", "input", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes <{self.open[-1:]}>"
        self.open.pop()

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def harmless(text: str) -> Page:
    """Parse a page and check that it is whole, loads nothing and runs nothing."""
    page = Page(text)
    assert page.open == [], f"left open: {page.open}"
    assert page.tags["script"] == page.tags["iframe"] == page.tags["img"] == page.tags["object"] == 0
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), f"<{tag}> would run {name}={value!r}"
        if name in ("href", "src", "xlink:href", "action", "data"):
            assert value.startswith("#") or value == "data:,", f"<{tag} {name}={value!r}> leads outside"
        if name == "style":
            assert "url(" not in value.replace("url(#", ""), value
    ids = Counter(value for _, name, value in page.attributes if name == "id")
    assert max(ids.values()) == 1, f"repeated ids: {[each for each, n in ids.items() if n > 1][:5]}"
    targets = {
        value[1:] for _, name, value in page.attributes if name in ("href", "xlink:href") and value[0] == "#"
    }
    targets |= set(re.findall(r"url\(#([^)]*)\)", text))
    assert targets <= set(ids), f"links to nothing: {sorted(targets - set(ids))[:5]}"
    return page


def test_the_page_says_everything():
    page = harmless(html_page(findings_of(title="A title")))
    for words in (
        "A title",
        "What is the effect of t on y?",
        "Setting t to open instead of closed raises the mean of y by 0.500",
        "What the answer stands on",
        "Nothing unmeasured moves both.",
        "Identified by adjustment , adjusting for z.",
        "E[y | t, z]",
        "matching on z",
        "ipw could not answer: No overlap in z.",
        "dropped 2 rows with a missing z",
        "Look at z.",
        "4 survived, 1 bounded",
        "Fingerprint of the data",
        "numpy",
        "identify 0.01 s",
    ):
        assert words in page.words, words
    # graph, forest, profile, overlap, balance, replicates, leave one out, sensitivity
    assert page.tags["figure"] == 8


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_ever_text(name: str):
    names = {"t": f"t{name}", "y": f"y{name}", "z": f"z{name}"}
    page = harmless(html_page(findings_of(names, title=name)))
    said = "".join(each if each.isprintable() else repr(each)[1:-1] for each in name)
    assert " ".join(f"effect of t{said} on y{said}".split()) in page.words
    assert "49" not in page.words.split()


@settings(max_examples=6, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_any_name_at_all_is_only_ever_text(name: str):
    harmless(html_page(findings_of({"z": f"z{name}", "y": f"y{name}"})))


def test_not_identified_gets_a_page_too():
    bow = Graph.parse("t -> y; t <-> y")
    findings = findings_of(
        question=Effect("t", "y"),
        graph=bow,
        identification=refused(),
        estimate=None,
        beside=(),
        refused=(),
        refutations=(),
    )
    page = harmless(html_page(findings))
    assert "t and y share an unmeasured cause." in page.words and "Find an instrument." in page.words


def test_before_any_stage_there_is_a_page():
    page = harmless(
        html_page(findings_of(identification=None, estimate=None, beside=(), refused=(), refutations=()))
    )
    assert "Nothing is known yet" in page.words


def test_a_large_graph_is_drawn_where_it_matters():
    names = [f"v{i}" for i in range(200)]
    graph = Graph.build(
        ["t", "y", "z", *names], directed=[("z", "t"), ("z", "y"), ("t", "y"), *((n, "y") for n in names)]
    )
    page = harmless(html_page(findings_of(graph=graph)))
    assert "The graph has 203 nodes" in page.words


def test_the_same_findings_give_the_same_page():
    assert html_page(findings_of()) == html_page(findings_of())


def test_the_summary_for_notebooks_is_escaped():
    page = Page(html_summary(findings_of({"t": HOSTILE[0]})))
    assert page.tags["script"] == 0 and HOSTILE[0] in page.words


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def chromium(tmp_path: Path):
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")

    def open_page(page: Path, *flags: str) -> subprocess.CompletedProcess[str]:
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *flags, page.as_uri()]
        return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)

    return open_page


@pytest.mark.parametrize("name", ["plain", *HOSTILE[:3], "a_very_long_name_without_any_space_" * 8])
def test_in_a_browser_nothing_complains_and_a_phone_need_not_scroll_sideways(
    name: str, chromium, tmp_path: Path
):
    page = tmp_path / "report.html"
    write_report(findings_of({"t": f"t{name}", "y": f"y{name}", "z": f"z{name}"}), page)
    seen = chromium(page, "--enable-logging=stderr", "--v=0", "--virtual-time-budget=2000", "--dump-dom")
    assert "CONSOLE" not in seen.stderr, seen.stderr
    # A frame as wide as a phone measures the page: a page that may run no script cannot measure itself.
    frame = tmp_path / "frame.html"
    frame.write_text(
        "<iframe src='report.html' width=390 height=800 style='border:0' onload=\"document.body.append("
        "'width=' + this.contentDocument.documentElement.scrollWidth + ';')\"></iframe>"
    )
    measured = chromium(frame, "--allow-file-access-from-files", "--virtual-time-budget=3000", "--dump-dom")
    [width] = re.findall(r"width=(\d+);", measured.stdout)
    assert int(width) <= 390


def test_the_browser_would_notice(chromium, tmp_path: Path):
    """The checks above can fail: a script that throws is heard, a wide block is measured."""
    page = tmp_path / "report.html"
    page.write_text(
        "<meta name=viewport content='width=device-width'><div style='width:700px'>x</div><script>boom()</script>"
    )
    seen = chromium(page, "--enable-logging=stderr", "--v=0", "--virtual-time-budget=2000", "--dump-dom")
    assert "CONSOLE" in seen.stderr
