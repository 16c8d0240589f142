"""Masks that are memory-mapped stay in their file, and say the same as those in memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.networks import Above, Activations, Beam, ConceptError, Exact, Inventory, polysemanticity
from aitia.networks.concepts import join
from aitia.networks.concepts._gathered import Gathered, in_file


def both(folder, seed, concepts, inputs, shape, prefix="c"):
    """The same inventory in memory and in a file."""
    draws = np.random.default_rng(seed)
    masks = draws.random((concepts, inputs, *shape)) < draws.random((concepts, *[1] * (1 + len(shape)))) * 0.6
    memory = Inventory.from_masks(masks, [f"{prefix}{place}" for place in range(concepts)])
    path = folder / f"{prefix}{seed}.npy"
    np.save(path, memory.words)
    return memory, Inventory(memory.layout, memory.names, np.load(path, mmap_mode="r"))


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_what_is_chosen_joined_and_drawn_is_the_same(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("masks")
    shape = data.draw(st.sampled_from([(), (9,), (11, 13)]))
    inputs, seed = data.draw(st.integers(1, 12)), data.draw(st.integers(0, 99))
    memory, filed = both(folder, seed, 5, inputs, shape)
    others = both(folder, seed + 100, 3, inputs, shape, "d")
    for step in data.draw(
        st.lists(st.sampled_from(["only", "enough", "join", "inputs"]), min_size=1, max_size=5)
    ):
        if step == "only":
            names = data.draw(st.lists(st.sampled_from(memory.names), unique=True, min_size=1))
            memory, filed = memory.only(names), filed.only(names)
        elif step == "enough":
            least = data.draw(st.integers(0, int(memory.support.max())))
            memory, filed = memory.enough(least), filed.enough(least)
        elif step == "join" and memory.layout.inputs == inputs and not set(memory.names) & {"d0", "d1", "d2"}:
            memory, filed = join(memory, others[0]), join(filed, others[data.draw(st.integers(0, 1))])
        elif step == "inputs":
            chosen = np.array(
                data.draw(st.lists(st.integers(0, memory.layout.inputs - 1), min_size=1, max_size=12))
            )
            memory, filed = memory.of_inputs(chosen), filed.of_inputs(chosen)
    assert filed.names == memory.names
    assert [each.what for each in filed.decisions] == [each.what for each in memory.decisions]
    words = filed.words
    assert words.shape == memory.words.shape and words.dtype == np.uint64 and len(words) == len(memory)
    np.testing.assert_array_equal(np.asarray(words), memory.words)
    np.testing.assert_array_equal([*words], memory.words)
    for each in (filed, memory):
        np.testing.assert_array_equal(each.support, np.bitwise_count(memory.words).sum(axis=1))
    rows = data.draw(st.lists(st.integers(0, len(memory) - 1), max_size=6))
    start = data.draw(st.integers(0, memory.layout.words))
    span = slice(start, start + data.draw(st.integers(0, 6)))
    for at in (
        (slice(None), span),
        (np.array(rows, dtype=int), span),
        (slice(1, 3), slice(None)),
        (slice(None), 0),
        (0, span),
        np.array(rows, dtype=int),
        -1,
        np.arange(len(memory)) % 2 == 0,
    ):
        np.testing.assert_array_equal(words[at], memory.words[at], err_msg=str(at))
    np.testing.assert_array_equal(words & memory.layout.valid, memory.words)


@pytest.mark.parametrize("shape", [(), (40, 40)])
def test_searches_read_masks_in_files(tmp_path, shape):
    memory, filed = both(tmp_path, 1, 12, 30, shape)
    other = both(tmp_path, 2, 4, 30, shape, "d")
    memory, filed = join(memory, other[0]).enough(2), join(filed, other[1]).enough(2)
    memory, filed = memory.only(memory.names[::-1]), filed.only(filed.names[::-1])
    assert isinstance(filed.words, Gathered)
    draws = np.random.default_rng(0)
    units = Activations(draws.normal(size=(30, 3, *shape)))
    firing = Above(0.5).fire(units, memory.layout)
    for search in (Beam(3), Exact(2)):
        for one, same in zip(search.explain(firing, memory), search.explain(firing, filed), strict=True):
            assert str(one.formula) == str(same.formula) and one.score == same.score
    first, again = polysemanticity(firing, memory), polysemanticity(firing, filed)
    assert first.counts.tolist() == again.counts.tolist()
    assert repr(memory.describe()) == repr(filed.describe())


def test_consecutive_concepts_of_a_file_are_a_view_and_memory_stays_in_memory(tmp_path):
    memory, filed = both(tmp_path, 3, 6, 20, (10, 10))
    assert isinstance(filed.only(["c2", "c3", "c4"]).words, np.memmap)
    assert isinstance(filed.only(["c4", "c1"]).words, Gathered)
    assert not in_file(memory.only(["c4", "c1"]).words) and in_file(filed.of_inputs(np.arange(3)).words)
    assert join(filed).words is filed.words


def test_memory_does_not_grow_with_the_file(tmp_path):
    def peak(inputs):
        path = tmp_path / f"{inputs}.npy"
        layout_words = inputs * 4  # 16 x 16 positions
        words = np.lib.format.open_memmap(path, "w+", np.uint64, (40, layout_words))
        words[::2] = np.uint64(0x0F0F)
        words.flush()
        from aitia.networks import Layout

        filed = Inventory(
            Layout(inputs, (16, 16)), tuple(f"c{place}" for place in range(40)), np.load(path, mmap_mode="r")
        )
        other = Inventory(
            filed.layout, tuple(f"d{place}" for place in range(40)), np.load(path, mmap_mode="r")
        )
        tracemalloc.start()
        kept = join(filed.only(filed.names[::-1]), other).enough(1).of_inputs(np.arange(0, inputs, 2))
        assert len(kept) == 40 and kept.words.shape == (40, layout_words // 2)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most, 40 * layout_words * 8

    (small, small_file), (large, large_file) = peak(2_000), peak(20_000)
    # What grows is one mask that is counted at a time, and one number a word: an 80th and a 20th of the two files.
    assert large_file - small_file == 23_040_000
    assert large - small < 0.12 * (large_file - small_file)


def test_a_concept_that_is_not_there_is_named():
    with pytest.raises(ConceptError, match=r"no concept 'watr'.*\n.*'water'"):
        Inventory.from_masks(np.ones((1, 3), bool), ["water"]).only(["watr"])
