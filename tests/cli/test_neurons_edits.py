"""Edits of a user's own model: the file's editor, or what follows from texts, images and tables; and why none do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.cli._main import run
from aitia.cli._model_editor import column_of_each, editor_for
from aitia.networks import Inventory
from aitia.networks.concepts import from_table, from_texts
from aitia.networks.edits import ColumnEditor, Edit, RegionEditor, WordEditor

# Two units: one fires at "not", one where column 2 is above 0; each decides an output.
TABLE = """
import numpy as np
from aitia.networks import Stages
from aitia.networks.concepts import from_table

inputs = np.random.default_rng(0).normal(size=(300, 4))
concepts = from_table({"age": inputs[:, 0], "size": inputs[:, 2]}, bins=2)
model = Stages({"h": lambda x: np.maximum(x[:, [0, 2]], 0), "out": lambda h: h @ np.array([[0, 3.0], [2.0, 0]])})
layer = "h"
labels = model(inputs).argmax(axis=1)
classes = ("low", "high")
"""
WORDS = """
import numpy as np
from aitia.networks import Stages
from aitia.networks.concepts import from_texts

vocabulary = ("<pad>", "a", "dog", "cat", "is", "not", "here", "there", "now")
draws = np.random.default_rng(0)
inputs = np.zeros((200, 8), dtype=np.int64)
for row in range(200):
    words = [1, draws.integers(2, 4), 4, *([5] if draws.random() < 0.5 else []), draws.integers(6, 8)]
    inputs[row, :len(words)] = words
texts = {"text": [[vocabulary[at] for at in row if at] for row in inputs]}
concepts = from_texts(texts, without=())
layer = "h"
model = Stages({
    "h": lambda x: np.stack([(x == 5).any(axis=1), (x == 2).any(axis=1)], axis=1).astype(float),
    "out": lambda h: h @ np.array([[0.0, 4.0], [0.5, 0.0]]) + [1.0, 0.0],
})
labels = model(inputs).argmax(axis=1)
classes = ("yes", "no")
"""


def page_of(tmp_path, text, *options):
    (tmp_path / "model.py").write_text(text)
    page = tmp_path / "page.html"
    code = run(
        ["neurons", str(tmp_path / "model.py"), "--length", "1", "--null", "19", "--out", str(page), *options]
    )
    assert code == 0
    return page.read_text().split("</style>", 1)[1]


def test_columns_of_a_table_are_edited(tmp_path):
    page = page_of(tmp_path, TABLE)
    assert 'id="edits"' in page and "edits were made on" in page and "size" in page
    assert (
        "By formulas" in page
        and "By regression" in page
        and "Measured" in page
        and "rank correlation" in page
    )


def test_words_of_texts_are_edited_by_the_vocabulary(tmp_path):
    page = page_of(tmp_path, WORDS)
    assert "put in &#34;not&#34; in text" in page and "take out &#34;not&#34; in text" in page


def test_the_files_own_editor_comes_first(tmp_path):
    own = """
from aitia.networks.edits import Column, ColumnEditor
editor = ColumnEditor(inputs, {"size > median": Column(2, 1.0, -1.0)}, {"size > median": inputs[:, 2] > 0})
"""
    page = page_of(tmp_path, TABLE + own)
    assert "No edits were tried: none that can be made follows from the formulas." in page


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TABLE + "\neditor = 3", "editor is a int, not an Editor. Write editor = ..."),
        (TABLE + "\nlabels = None", "without labels it is not known what the outputs mean. Write labels = ..."),
        (WORDS + "\nvocabulary = None", "Write a function encode(texts) in the file"),
        (WORDS + "\ntexts['other'] = texts['text']",
         "the roles of the texts are text, other, not premise and hypothesis"),
        (WORDS + "\nfrom aitia.networks import Inventory\n"
         "concepts = Inventory.from_masks(concepts.layout.unpack(concepts.words), concepts.names)",
         "no concept is a word of the texts. Make the concepts with aitia.networks.concepts.from_texts"),
        (TABLE + "\nfrom aitia.networks import Inventory\n"
         "concepts = Inventory.from_masks([(inputs[:, 0] > 0) ^ (inputs[:, 1] > 0)], ['odd'])",
         "no concept is a range of one column"),
    ],
)  # fmt: skip
def test_why_there_are_no_edits_is_said_on_the_page(tmp_path, text, said):
    import html

    assert said in html.unescape(page_of(tmp_path, text))


def test_arrays_alone_have_no_edits_and_the_page_says_why(tmp_path):
    masks = np.random.default_rng(0).random((3, 200)) < 0.4
    np.savez(
        tmp_path / "both.npz", activations=masks[:1].T * 1.0, masks=masks, names=np.array(["a", "b", "c"])
    )
    assert run(["neurons", str(tmp_path / "both.npz"), "--out", str(tmp_path / "p.html")]) == 0
    assert "they need the model, not only what was recorded" in (tmp_path / "p.html").read_text()


def test_images_with_concepts_of_their_pixels_are_edited_by_region():
    images = np.random.default_rng(0).random((12, 3, 6, 6)).astype(np.float32)
    pixels = Inventory.from_masks(images[None, :, 0] > 0.5, ["red"])
    editor, why = editor_for({}, images, pixels, None)
    assert isinstance(editor, RegionEditor) and not why
    editor, why = editor_for({}, images, Inventory.from_masks(images[None, :, 0, 0, 0] > 0.5, ["red"]), None)
    assert editor is None and "Write editor = ..." in why


def test_pairs_are_edited_with_the_files_encode():
    texts = {"premise": [["a", "dog"], ["a", "cat"]], "hypothesis": [["no", "dog"], ["a", "cat"]]}
    held = {"encode": lambda one, two: (list(one), list(two))}
    editor, why = editor_for(held, ("x", "y"), from_texts(texts), texts)
    assert isinstance(editor, WordEditor) and not why
    edit = Edit("", '"no" in hypothesis', 0, "", 0.0, 0)
    made = editor.edited(edit, np.array([0]), np.random.default_rng(0))
    assert made.inputs == ([["a", "dog"]], [["dog"]])
    premise = Edit('"cat" in premise', '"dog" in premise', 0, "", 0.0, 0)
    assert editor.candidates(premise).tolist() == [True, False]


def test_words_become_numbers_again_and_grow_where_need_be():
    inputs = np.array([[1, 2, 0], [3, 1, 2]])
    vocabulary = ["<pad>", "a", "b", "c"]
    texts = {"text": [["a", "b"], ["c", "a", "b"]]}
    editor, _ = editor_for({"vocabulary": vocabulary}, inputs, from_texts(texts, without=()), texts)
    assert isinstance(editor, WordEditor)
    assert editor.encode([()], [["b", "a"]]).tolist() == [[2, 1, 0]]
    assert editor.encode([()], [["b", "a", "c", "c"]]).tolist() == [[2, 1, 3, 3]]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(2, 5))
def test_a_range_of_a_column_is_known_by_its_values(seed, bins):
    """Of tables with few different values: whatever is found is a range that the column's values decide."""
    random = np.random.default_rng(seed)
    rows = random.integers(0, 5, (30, 3)).astype(float)
    inventory = from_table({f"x{at}": rows[:, at] for at in range(3)}, bins=bins)
    holds = inventory.layout.unpack(inventory.words)
    odd = np.concatenate([holds, random.random((4, 30)) < 0.5])
    found = column_of_each(rows, odd)
    # All concepts of the table's ranges are found, in a column that tells them.
    assert set(range(len(holds))) <= set(found)
    for at, column in found.items():
        values, inside = rows[:, column.place], odd[at]
        low, high = values[inside].min(), values[inside].max()
        assert np.array_equal((values >= low) & (values <= high), inside)
        assert column.inside in values[inside] and column.outside in values[~inside]
    editor, why = editor_for({}, rows, inventory, None)
    assert isinstance(editor, ColumnEditor) and not why and set(editor.concepts) == set(inventory.names)
