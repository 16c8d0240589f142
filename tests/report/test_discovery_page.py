"""The HTML page of a discovery: one file that loads and runs nothing, whatever the columns are called."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_page import HOSTILE, Page

from aitia.discovery import Discovery, FisherZ, Knowledge, Latent, Observations, stability
from aitia.discovery.constraint import FCI, PC
from aitia.graphs import Graph
from aitia.report import CannotWrite, discovery_page, discovery_table, write_discovery_report
from aitia.report import console as rich_console

CHROMIUM = shutil.which("chromium")


def chain(names: list[str], rows: int = 400, strength: float = 0.7) -> Observations:
    random = np.random.default_rng(0)
    values = random.normal(size=(rows, len(names)))
    for j in range(1, len(names)):
        values[:, j] += strength * values[:, j - 1]
    return Observations.of_values(names, np.asfortranarray(values))


@pytest.fixture(scope="module")
def found() -> Discovery:
    return PC(FisherZ()).run(
        chain(["a", "b", "c", "d"]), Knowledge(tiers=[["a"], ["b", "c"]], exogenous=["a"])
    )


def test_the_page_holds_what_was_found(found: Discovery):
    how_sure = stability(found.algorithm, chain(["a", "b", "c", "d"]), 20, knowledge=found.knowledge, found=found,
                         show_progress=False)  # fmt: skip
    text = discovery_page(found, how_sure, title="My study", source="chain.csv", fingerprint="abc123")
    page = Page(text)
    said = " ".join(page.text)
    for words in (
        "My study", "Which graphs fit chain.csv?", "PC joins 3 pairs", "How sure each edge is", "a -> b",
        "What the graph stands on", "What decided each pair", "What was known beforehand", "1: a; 2: b and c",
        "Caused by nothing here: a", "abc123", "Over 20 bootstrap replicates", "PC(test=FisherZ()",
    ):  # fmt: skip
        assert words in said, words
    assert page.tags["svg"] >= 2 and page.open == []
    assert 'stroke-width="3.8"' in text, "an edge in all replicates has the widest line"


def test_without_stability_it_leaves_that_out(found: Discovery):
    text = discovery_page(found)
    assert "How sure" not in text and "Which graphs fit the data?" in text


def test_nothing_is_loaded_and_nothing_runs(found: Discovery):
    page = Page(discovery_page(found))
    assert not {"script", "iframe", "object", "link rel=stylesheet"} & set(page.tags)
    for tag, name, value in page.attributes:
        assert not name.startswith("on")
        if name in ("href", "src", "xlink:href"):
            assert value.startswith("#") or value == "data:,", (tag, name, value)


def test_hostile_names_stay_names():
    names = [*HOSTILE, "a" * 200]
    data = chain(names)
    found = FCI(FisherZ()).run(data, Knowledge(exogenous=names[:1], required=[(names[0], names[1])]))
    found = replace(
        found,
        warnings=tuple(HOSTILE),
        latents=(Latent(HOSTILE[0], (HOSTILE[1],), HOSTILE[2]),),
        details={HOSTILE[0]: 1.5},
        order=tuple(names),
    )
    how_sure = stability(FCI(FisherZ()), data, 3, knowledge=found.knowledge, found=found, show_progress=False)
    text = discovery_page(found, how_sure, title=HOSTILE[0], source=HOSTILE[1])
    page = Page(text)
    assert "script" not in page.tags and "img" not in page.tags and page.open == []
    assert "{{ 7 * 7 }}" in " ".join(page.text)
    assert all(not name.startswith("on") for _, name, _ in page.attributes)
    with rich_console().capture() as captured:
        pass
    assert captured.get() == "" and len(discovery_table(found, how_sure)) > 5


def test_many_nodes_are_scrolled_and_too_many_told():
    wide = PC(FisherZ()).run(chain([f"measured_{i:02d}" for i in range(50)], 300))
    text = discovery_page(wide)
    assert 'class="graph wide broad"' in text
    crowd = Graph.build([f"v{i}" for i in range(200)])
    assert "too many to draw" in discovery_page(replace(wide, graph=crowd))


def test_an_empty_graph_has_a_page(found: Discovery):
    graph = Graph.build(["a", "b"])
    text = discovery_page(Discovery(graph, found.algorithm))
    assert "PC joins 0 pairs of 2 variables, no edge" in text and Page(text).open == []


def test_writing_is_whole_or_not_at_all(found: Discovery, tmp_path: Path):
    path = write_discovery_report(tmp_path / "page.html", found)
    assert path.read_text().endswith("</html>") or path.read_text().endswith("</html>\n")
    with pytest.raises(CannotWrite):
        write_discovery_report(tmp_path / "none" / "page.html", found)


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_browser_finds_no_fault(found: Discovery, tmp_path: Path):
    how_sure = stability(found.algorithm, chain(["a", "b", "c", "d"]), 5, knowledge=found.knowledge, found=found,
                         show_progress=False)  # fmt: skip
    path = write_discovery_report(tmp_path / "page.html", found, how_sure)
    assert CHROMIUM is not None
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom", str(path)],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "How sure each edge is" in done.stdout
    assert not re.findall(r"CONSOLE.*", done.stderr)
