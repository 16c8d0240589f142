"""The page of a layer's units: whole, escaped, without links, with masks where they are."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.networks import Activations, Beam, Inventory, Quantile, explain
from aitia.networks.concepts import from_texts
from aitia.report import NeuronFindings, neuron_page, neuron_table, write_neuron_report
from aitia.report._neuron_pictures import as_images, outline

EVIL = "<b>sea & 'sky'</b>"


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.ids = [], []

    def handle_starttag(self, tag, attributes):
        self.ids += [value for name, value in attributes if name == "id"]
        if tag not in {"meta", "link", "br", "input", "image", "path", "use"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in {"image", "path", "use"}:
            return
        assert self.open and self.open[-1] == tag, (tag, self.open[-3:])
        self.open.pop()


def of_images():
    random = np.random.default_rng(0)
    images = random.random((30, 3, 8, 8)).astype(np.float32)
    masks = np.stack([images[:, at] > 0.7 for at in range(3)])
    inventory = Inventory.from_masks(masks, ["red", EVIL, "blue"], categories=["colour", "colour", "tone"])
    activations = Activations(np.stack([images[:, 0], images[:, 1] - images[:, 2]], axis=1), "relu3")
    found = explain(activations, inventory, search=Beam(2), binarise=Quantile(0.1), null=19)
    return NeuronFindings(found, images=images, labels=np.arange(30) % 2, classes=("cat", "dog"), title=EVIL)


def test_the_page_is_whole_and_escaped():
    page = neuron_page(of_images())
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert len(tags.ids) == len(set(tags.ids))
    assert "<b>sea" not in page and "&lt;b&gt;sea" in page
    assert "<script" not in page
    links = re.findall(r'(?:href|src)="([^"]*)"', page)
    assert links and all(each.startswith(("#", "data:")) for each in links)
    for anchor in re.findall(r'href="#(u\d+)"', page):
        assert anchor in tags.ids


def test_units_stand_with_their_numbers_and_their_inputs():
    findings = of_images()
    page = neuron_page(findings)
    for each in findings.explanations:
        assert f"{each.overlap.intersection_over_union:.3f}" in page
    assert page.count('class="input"') == 12
    assert page.count("data:image/png;base64,") == 12
    assert "class: cat" in page
    # The best unit comes first, and sorting by number puts unit 0 first.
    best = max(findings.explanations, key=lambda each: each.score)
    assert re.search(r'<details class="unit"><summary>Unit (\d+)', page)[1] == str(best.unit)
    ranks = {
        int(unit): int(rank)
        for rank, unit in re.findall(
            r'<tr style="[^"]*--unit:(\d+)[^"]*"><td[^>]*><a href="#u\d+">(\d+)', page
        )
    }
    assert ranks == {0: 0, 1: 1}


def test_words_that_the_formula_names_are_marked():
    texts = {"premise": [["a", "dog", "runs"], ["a", "cat"]] * 20, "hypothesis": [["dog"], ["dog"]] * 20}
    activations = Activations(np.array([[1.0], [-1.0]] * 20))
    found = explain(activations, from_texts(texts), search=Beam(1), null=0)
    assert str(found[0].formula) == '"dog" in premise'
    page = neuron_page(NeuronFindings(found, texts=texts))
    assert '<mark class="holds">dog</mark>' in page and ">hypothesis:</span> dog</p>" in page


def test_a_null_of_another_search_is_said_on_the_page_and_in_the_terminal():
    masks = np.random.default_rng(0).random((4, 200)) < 0.4
    found = explain(
        masks[:1].T * 1.0, Inventory.from_masks(masks, list("abcd")), null=19, null_search=Beam(2)
    )
    said = found.null_sentence
    assert "compares the best that beam search (length 2, width 10) finds" in said and "exact search" in said
    page = html.unescape(neuron_page(NeuronFindings(found)))
    assert said in page and "says how often the same search" not in page
    assert "of the inputs (activation above" in page
    assert any(said in str(each) for each in neuron_table(found))


def test_what_is_absent_is_left_out():
    found = explain(
        np.array([[1.0], [-1.0]] * 20), Inventory.from_masks(np.eye(40, dtype=bool)[:3], list("abc")), null=0
    )
    page = neuron_page(NeuronFindings(found))
    for words in ("Null p", "Matters", "Verdict", "Edits that follow", "95% interval", 'class="inputs'):
        assert words not in page.split("</style>")[1], words
    assert neuron_table(found)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 7), st.integers(1, 7))
def test_outlines_are_the_edges_between_inside_and_outside(seed, height, width):
    mask = np.random.default_rng(seed).random((height, width)) < 0.5
    edges = set()
    for down, across in np.argwhere(mask):
        edges ^= {("h", down, across), ("h", down + 1, across), ("v", across, down), ("v", across + 1, down)}
    drawn = set()
    for column, row, way, size in re.findall(r"M(\d+) (\d+)([hv])(\d+)", outline(mask)):
        for step in range(int(size)):
            key = ("h", int(row), int(column) + step) if way == "h" else ("v", int(column), int(row) + step)
            assert key not in drawn
            drawn.add(key)
    assert drawn == {
        tuple(int(each) if not isinstance(each, str) else each for each in edge) for edge in edges
    }


def test_images_of_every_form():
    assert as_images(np.zeros((2, 4, 5))).shape == (2, 4, 5, 3)
    assert as_images(np.zeros((2, 1, 4, 5))).shape == (2, 4, 5, 3)
    assert as_images(np.zeros((2, 4, 5, 3), dtype=np.uint8)).shape == (2, 4, 5, 3)
    assert as_images(np.array([[[-1.0, 3.0]]])).tolist() == [[[[0] * 3, [255] * 3]]]
    assert as_images(np.array([[[0.0, 0.5]]]))[0, 0, 1].tolist() == [128] * 3


def test_the_page_is_written(tmp_path):
    path = write_neuron_report(of_images(), tmp_path / "page.html")
    assert path.read_text().startswith("<!DOCTYPE html>")
    with pytest.raises(Exception, match="written"):
        write_neuron_report(of_images(), tmp_path / "no" / "page.html")
