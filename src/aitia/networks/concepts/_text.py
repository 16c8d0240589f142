"""Concepts of texts: words, parts of speech, places, and how much two sentences share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from aitia.core import Decision, many
from aitia.networks._errors import ConceptError
from aitia.networks._layout import Layout
from aitia.networks.concepts._inventory import Inventory

# What the published code for sentence pairs leaves out.
COMMON = ("a", "an", "the", "of", ".", ",")
OVERLAPS = (0.25, 0.5, 0.75)

Sentences = Sequence[Sequence[str]]


def from_texts(
    texts: Mapping[str, Sentences],
    *,
    most_common: int | None = 2000,
    tags: Mapping[str, Sentences] | None = None,
    overlaps: Sequence[float] | None = None,
    first_words: int = 0,
    without: Iterable[str] = COMMON,
) -> Inventory:
    """Concepts of whole inputs that consist of one or several sentences, such as a premise and a hypothesis.

    For each role r: ``"dog" in r`` where the sentence has the word (its name has the quotes, and a formula is written
    ``"dog" in premise AND NOT "not" in hypothesis``); ``tag NN in r`` where one of its words has the part of speech;
    ``"dog" as word 1 in r`` where its first word is that. For two roles ``overlap above 25%`` where
    |both| / (|only the first| + |only the second|) > 0.25, over the sets of the words of the two sentences.

    Args:
        texts: for each role its sentences as lists of words, one for each input.
        most_common: how many of the words, the most common of all roles together, become concepts (in every role);
            None for all.
        tags: for each role the parts of speech of its words, in the same shape.
        overlaps: above which overlaps of two sentences there is a concept; None for 25%, 50% and 75% where there are
            two roles, () for none.
        first_words: of so many places, from the first, there are concepts as well.
        without: words that become no concept.

    Returns:
        Concepts over inputs, with categories ``"word in premise"``, ``"tag in premise"``, ``"overlap"``, and each
        concept's word or tag as its parent.

    Raises:
        ConceptError: roles of different count, tags that do not fit the words, overlaps of other than two roles.

    Source:
        Mu and Andreas 2020, section 4 and the code published with it (2,000 words, both sentences, tags, overlaps).

    Example:
        >>> from aitia.networks.concepts import from_texts
        >>> inventory = from_texts({"premise": [["dogs", "run"]], "hypothesis": [["dogs", "sleep"]]})
        >>> inventory.names[:2], inventory.names[-3:]
        (('"dogs" in premise', '"run" in premise'), ('overlap above 25%', 'overlap above 50%', 'overlap above 75%'))
        >>> inventory.support  # 1 word in both, 2 in one alone: 0.5 is above 25% only
        array([1, 1, 0, 1, 0, 1, 1, 0, 0])
    """
    count = _checked(texts, tags)
    roles = list(texts)
    found: list[tuple[str, str, str, np.ndarray]] = []
    skipped = set(without)
    counts = Counter(
        word for each in texts.values() for words in each for word in words if word not in skipped
    )
    kept = [word for word, _ in counts.most_common(most_common)]
    for role in roles:
        found += _present(texts[role], kept, role, "word", "")
        if tags is not None and role in tags:
            every = sorted({tag for each in tags[role] for tag in each})
            found += _present(tags[role], every, role, "tag", "tag ")
        for place in range(first_words):
            there = [words[place : place + 1] for words in texts[role]]
            named = _present(there, kept, role, f"word {place + 1}", "", f"as word {place + 1} ")
            found += [each for each in named if each[3].any()]
    found += _overlaps(texts, overlaps)
    decisions = []
    if len(kept) < len(counts):
        decisions.append(
            Decision(
                f"kept the {len(kept):,} most common of {many(len(counts), 'word')}",
                f"most_common={most_common}; the rarest kept comes {counts[kept[-1]]:,} times"
                if kept
                else "",
            )
        )
    layout = Layout(count)
    return Inventory(
        layout,
        tuple(each[0] for each in found),
        np.stack([layout.pack(each[3]) for each in found])
        if found
        else np.zeros((0, layout.words), np.uint64),
        tuple(each[1] for each in found),
        {each[0]: each[2] for each in found},
        decisions=tuple(decisions),
    )


def from_tokens(
    sentences: Sentences,
    *,
    most_common: int | None = 2000,
    tags: Sentences | None = None,
    without: Iterable[str] = COMMON,
) -> Inventory:
    """Concepts of each token of a text, for layers that have a value for each token.

    ``"dog"`` holds at the tokens that are that word, ``"tag NN"`` at those with that part of speech, ``"first"`` and
    ``"last"`` at the ends of sentences.

    Args:
        sentences: the words of each input.
        most_common: how many words, the most common, become concepts; None for all.
        tags: the parts of speech of the words.
        without: words that become no concept.

    Returns:
        Concepts over (inputs, tokens); tokens past the end of a shorter sentence do not exist.

    Raises:
        ConceptError: no words, or tags that do not fit the words.

    Example:
        >>> from aitia.networks.concepts import from_tokens
        >>> inventory = from_tokens([["dogs", "chase", "dogs"], ["cats", "sleep"]])
        >>> inventory.layout.total, inventory.support[inventory.place["dogs"]]
        (5, np.int64(2))
    """
    _checked({"text": sentences}, None if tags is None else {"text": tags})
    lengths = np.array([len(each) for each in sentences])
    layout = Layout(len(sentences), (max(1, int(lengths.max())),), lengths)
    skipped = set(without)
    counts = Counter(word for words in sentences for word in words if word not in skipped)
    kept = [word for word, _ in counts.most_common(most_common)]
    found: list[tuple[str, str, np.ndarray]] = []
    found += _at_tokens(sentences, kept, layout, "word", "")
    if tags is not None:
        found += _at_tokens(tags, sorted({tag for each in tags for tag in each}), layout, "tag", "tag ")
    places = np.arange(layout.shape[0])
    edges = (("first", places == np.zeros_like(lengths)[:, None]), ("last", places == lengths[:, None] - 1))
    taken = {name for name, *_ in found}
    for name, mask in edges:
        found.append(
            (name if name not in taken else f"{name} token", "place", layout.pack(mask) & layout.valid)
        )
    return Inventory(
        layout,
        tuple(name for name, *_ in found),
        np.stack([words for *_, words in found]),
        tuple(category for _, category, _ in found),
    )


def _checked(texts: Mapping[str, Sentences], tags: Mapping[str, Sentences] | None) -> int:
    """How many inputs there are, where all fit each other."""
    counts = {role: len(each) for role, each in texts.items()}
    if not counts or len(set(counts.values())) > 1 or not min(counts.values()):
        said = ", ".join(f"{role} {n:,}" for role, n in counts.items()) or "none"
        raise ConceptError(
            f"Roles have texts of different count, or none: {said}.", "Give one text for each input."
        )
    for role, each in texts.items():
        if each and isinstance(each[0], str):
            raise ConceptError(
                f"The texts of {role!r} are not cut into words.", "Give lists of words: text.lower().split()."
            )
        given = (tags or {}).get(role)
        if given is None:
            continue
        for row, (words, marks) in enumerate(zip(each, given, strict=False)):
            if len(words) != len(marks):
                raise ConceptError(
                    f"Input {row} has {many(len(words), 'word')} and {many(len(marks), 'tag')} in {role!r}.",
                    "Tag the words that are given.",
                )
        if len(given) != len(each):
            raise ConceptError(
                f"{len(given):,} inputs of {role!r} have tags, of {len(each):,}.", "Tag every input."
            )
    return next(iter(counts.values()))


def _present(
    sentences: Iterable[Sequence[str]], words: Sequence[str], role: str, kind: str, prefix: str, at: str = ""
) -> list[tuple[str, str, str, np.ndarray]]:
    """For each word where it is in the sentence: name, category, the word itself, mask."""
    place = {word: row for row, word in enumerate(words)}
    sentences = list(sentences)
    masks = np.zeros((len(words), len(sentences)), dtype=bool)
    for row, each in enumerate(sentences):
        masks[[place[word] for word in set(each) if word in place], row] = True
    return [
        (f"{_said(prefix, word)} {at}in {role}", f"{kind} in {role}", f"{prefix}{word}", mask)
        for word, mask in zip(words, masks, strict=True)
    ]


def _said(prefix: str, word: str) -> str:
    """A word in quotes, so that ``NOT "not" in hypothesis`` can be read; a tag after its prefix."""
    return f"{prefix}{word}" if prefix else f'"{word}"'


def _at_tokens(
    sentences: Sentences, words: Sequence[str], layout: Layout, kind: str, prefix: str
) -> list[tuple[str, str, np.ndarray]]:
    place = {word: row for row, word in enumerate(words)}
    numbers = np.full((layout.inputs, *layout.shape), -1)
    for row, each in enumerate(sentences):
        numbers[row, : len(each)] = [place.get(word, -1) for word in each]
    return [(f"{prefix}{word}", kind, layout.pack(numbers == row)) for word, row in place.items()]


def _overlaps(
    texts: Mapping[str, Sentences], overlaps: Sequence[float] | None
) -> list[tuple[str, str, str, np.ndarray]]:
    wanted = (OVERLAPS if len(texts) == 2 else ()) if overlaps is None else overlaps
    if not wanted:
        return []
    if len(texts) != 2:
        raise ConceptError(f"Overlap is of two texts; came {len(texts)}.", "Give two roles, or overlaps=().")
    first, second = texts.values()
    share = np.empty(len(first))
    for row, (one, other) in enumerate(zip(first, second, strict=True)):
        one, other = set(one), set(other)
        apart = len(one ^ other)
        share[row] = len(one & other) / apart if apart else (np.inf if one else 0.0)
    return [(f"overlap above {each:.0%}", "overlap", "overlap", share > each) for each in wanted]
