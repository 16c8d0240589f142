"""Concepts of texts: words by sentence, parts of speech, places, overlaps; tokens."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.networks import ConceptError
from aitia.networks.concepts import from_texts, from_tokens

WORDS = st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=8)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=12))
def test_words_and_overlaps_equal_the_definition(pairs):
    first, second = [one for one, _ in pairs], [other for _, other in pairs]
    inventory = from_texts({"premise": first, "hypothesis": second}, without=())
    for role, sentences in (("premise", first), ("hypothesis", second)):
        for word in "abcdefg":
            name = f'"{word}" in {role}'
            if name in inventory.place:
                held = inventory.layout.unpack(inventory.words_of(name))
                assert held.tolist() == [word in each for each in sentences]
    # Mu and Andreas's code: len(both) / (len(only first) + len(only second) + 1e-5), above 0.25, 0.5 and 0.75.
    for threshold in (0.25, 0.5, 0.75):
        held = inventory.layout.unpack(inventory.words_of(f"overlap above {threshold:.0%}"))
        published = []
        for one, other in pairs:
            one, other = set(one), set(other)
            published.append(len(one & other) / (len(one - other) + len(other - one) + 1e-5) > threshold)
        assert held.tolist() == published


def test_tags_places_and_the_most_common_words():
    texts = {"text": [["the", "dog", "runs"], ["dog", "sleeps"], ["cat", "runs"]]}
    tags = {"text": [["DT", "NN", "VB"], ["NN", "VB"], ["NN", "VB"]]}
    inventory = from_texts(texts, tags=tags, most_common=2, first_words=1)
    assert inventory.names == (
        '"dog" in text', '"runs" in text', "tag DT in text", "tag NN in text", "tag VB in text",
        '"dog" as word 1 in text',
    )  # fmt: skip
    assert inventory.support.tolist() == [2, 2, 1, 3, 3, 1]
    assert inventory.parents['"dog" in text'] == "dog"
    assert "kept the 2 most common of 4 words" in inventory.decisions[0].what


def test_tokens_hold_at_their_places_only():
    sentences = [["a", "b", "a"], ["b"], ["c", "a"]]
    inventory = from_tokens(sentences, without=())
    held = inventory.layout.unpack(inventory.words)
    for name, mask in zip(inventory.names[:3], held, strict=False):
        expected = [[at < len(each) and each[at] == name for at in range(3)] for each in sentences]
        assert mask.tolist() == expected
    assert inventory.layout.total == 6
    assert inventory.support[inventory.place["first"]] == inventory.support[inventory.place["last"]] == 3


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: from_texts({"a": [["x"]], "b": []}), "different count"),
        (lambda: from_texts({"a": ["not cut"]}), "not cut into words"),
        (lambda: from_texts({"a": [["x", "y"]]}, tags={"a": [["N"]]}), "2 words and 1 tag in"),
        (lambda: from_texts({"a": [["x"]]}, overlaps=[0.5]), "Overlap is of two texts"),
        (lambda: from_tokens(["whole sentence"]), "not cut into words"),
    ],
)
def test_bad_texts_are_named(make, said):
    with pytest.raises(ConceptError, match=said):
        make()
