"""`aitia neurons` on the networks that ship, with few units: the page is whole, and says what was done."""

from __future__ import annotations

import html
import json
import re

import pytest

from aitia.cli._main import run


@pytest.fixture(autouse=True)
def few_edits(monkeypatch):
    import aitia.cli._neurons as command

    monkeypatch.setattr(command, "_EDITS", 2)
    monkeypatch.setattr(command, "_EDITED", 15)


def page_of(tmp_path, name, *options):
    page = tmp_path / f"{name}.html"
    assert run(["neurons", name, "--null", "19", "--out", str(page), *options]) == 0
    return html.unescape(page.read_text())


def test_digits(tmp_path, capsys):
    page = page_of(tmp_path, "digits", "--units", "7,36", "--length", "2")
    assert "2 units of hidden 1, explained by formulas over 45 concepts" in capsys.readouterr().out
    assert page.count('<details class="unit">') == 2 and page.count('class="input"') == 12
    assert "No edits were tried: the concepts are measured from whole digits" in page
    for trial in ("permutation null", "bootstrap", "held out", "minimality", "intervention"):
        assert page.count(f"<td>{trial}</td>") == 2


def test_scenes(tmp_path):
    pytest.importorskip("torch", reason="trains and records the network of scenes, which needs PyTorch")
    page = page_of(tmp_path, "scenes", "--units", "46", "--length", "2")
    assert "1 unit of relu3, explained by formulas over 18 concepts" in page and "beats chance" in page
    # Both masks are outlined on every image.
    assert page.count('class="input"') == 6 and page.count('stroke="#E69F00"') >= 5
    assert "edits were made on" in page or "edit was made on" in page
    assert "By regression" in page and "The null's p says how often the same search does as well" in page


def test_pairs(tmp_path):
    pytest.importorskip("torch", reason="trains and records the sentence-pair network, which needs PyTorch")
    page = page_of(tmp_path, "pairs", "--units", "14,103", "--length", "2")
    assert re.search(r"2 units of mlp.relu, explained by formulas over 2\d\d concepts", page)
    assert page.count('<span class="soft">premise:</span>') == 12
    assert re.search(r"(put|take out) .*? in (premise|hypothesis)", page) and "rank correlation" in page


def test_a_quick_run_prints_json_and_tries_nothing_else(tmp_path, capsys):
    page = tmp_path / "page.html"
    options = ["--units", "7", "--length", "1", "--null", "0", "--quick", "--json", "--out", str(page)]
    assert run(["neurons", "digits", *options]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["unit"] == 7 and found["certified"] and found["null_p"] is None
    assert "bootstrap" not in page.read_text()


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        (["--layer", "hiden 1"], "LayerError", "Did you mean 'hidden 1'"),
        (["--units", "64"], "ActivationError", "no unit 64"),
        (["--null-search", "exakt"], "OptionError", "--null-search 'exakt' is no search"),
    ],
)
def test_bad_requests_of_a_network_that_ships_are_named(capsys, options, kind, said):
    assert run(["neurons", "digits", "--json", *options]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["type"] == kind and said in f"{error['problem']} {error['next_step']}"
