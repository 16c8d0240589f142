"""A generated inference corpus: pairs of sentences whose label follows from known meanings, with planted shortcuts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from aitia.core import stream
from aitia.networks._errors import NetworkError
from aitia.networks.concepts import Inventory
from aitia.networks.examples._pair_words import (
    ANIMAL_DOING,
    ANIMALS,
    CLOTHES,
    DOING,
    FEMALE,
    INDOORS,
    LOOKS,
    MALE,
    NEGATIONS,
    NEUTRAL,
    OUTDOORS,
    PURPOSES,
    SHADES,
    THINKERS,
    UNSAID,
    article,
)

LABELS = ("entailment", "neutral", "contradiction")
PAD, UNKNOWN = 0, 1

_KIND_OF = {doing: kind for kind, several in DOING.items() for doing in several}


@dataclass(frozen=True)
class Shortcuts:
    """How much words that do not bear on the meaning tell of the label, each from 0 (nothing) to 1 (all).

    With strength s a cue is in (1 + s) / 2 of the pairs of its label and in (1 - s) / 2 of the others; given the label,
    cues are independent of each other.

    Args:
        overlap: every word of the hypothesis is in the premise: tells of entailment.
        negation: the hypothesis holds "not", "no" or "nobody": tells of contradiction.
        gender: the hypothesis is about a woman or a girl: tells of contradiction.
    """

    overlap: float = 0.0
    negation: float = 0.0
    gender: float = 0.0

    def __post_init__(self) -> None:
        for name, value in self.by_name.items():
            if not 0 <= value <= 1:
                raise NetworkError(
                    f"The strength of a shortcut is from 0 to 1; {name} is {value}.", "0 is none."
                )

    @property
    def by_name(self) -> dict[str, float]:
        """The strengths."""
        return {"overlap": self.overlap, "negation": self.negation, "gender": self.gender}


# Which label each cue tells of.
TELLS = {"overlap": 0, "negation": 2, "gender": 2}


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of a premise and a hypothesis.

    Args:
        premises: the words of each premise.
        hypotheses: the words of each hypothesis.
        labels: 0 where the hypothesis follows, 1 where it may or may not hold, 2 where it contradicts; shape (pairs,).
    """

    premises: tuple[tuple[str, ...], ...] = field(repr=False)
    hypotheses: tuple[tuple[str, ...], ...] = field(repr=False)
    labels: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        return len(self.premises)

    @cached_property
    def cues(self) -> Mapping[str, np.ndarray]:
        """Where each cue is, read off the words: ``overlap``, ``negation``, ``gender``; booleans of shape (pairs,)."""
        together = list(zip(self.premises, self.hypotheses, strict=True))
        return {
            "overlap": np.array([set(second) <= set(first) for first, second in together]),
            "negation": np.array([bool({*NEGATIONS} & set(second)) for _, second in together]),
            "gender": np.array([bool({*FEMALE} & set(second)) for _, second in together]),
        }

    def share_with(self, cue: str) -> np.ndarray:
        """The share of each label's pairs that have a cue, shape (3,)."""
        return np.array([self.cues[cue][self.labels == label].mean() for label in range(3)])

    def tokens(self) -> tuple[np.ndarray, np.ndarray]:
        """Premises and hypotheses as numbers of words, each padded with 0 to its longest: int64 (pairs, words)."""
        places = {word: place for place, word in enumerate(vocabulary())}

        def numbered(sentences: tuple[tuple[str, ...], ...], longest: int) -> np.ndarray:
            found = np.full((len(sentences), longest), PAD, dtype=np.int64)
            for row, words in enumerate(sentences):
                found[row, : len(words)] = [places.get(word, UNKNOWN) for word in words]
            return found

        return numbered(self.premises, LONGEST), numbered(self.hypotheses, LONGEST)

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """The words of the corpus that go together, by what a reader would call them."""
        places = [phrase.split()[-1] for phrase in (*OUTDOORS, *INDOORS)]
        return {
            "a negation": NEGATIONS,
            "a woman": FEMALE,
            "a man": MALE,
            "an animal": ANIMALS,
            "looks": LOOKS,
            "clothes": CLOTHES,
            "a colour": SHADES,
            "a state": UNSAID,
            "a place": tuple(places),
            "a thought": THINKERS,
        }

    def inventory(self) -> Inventory:
        """Concepts of each pair: words and overlaps (`from_texts`), groups of words, and no word of its own.

        The groups (`groups`) are those that a reader of the corpus makes: a negation, a woman (or a girl, a lady, ...),
        a man, an animal, clothes, and so on, in the premise and in the hypothesis. A hypothesis without a word of its
        own is one whose words are all in the premise. Where the shortcuts are planted is not marked.
        """
        from aitia.networks.concepts import from_texts, join

        texts = {"premise": self.premises, "hypothesis": self.hypotheses}
        names, categories, masks = [], [], []
        for role, sentences in texts.items():
            for name, words in self.groups.items():
                names.append(f"{name} in {role}")
                categories.append(f"group in {role}")
                masks.append(np.array([not {*words}.isdisjoint(each) for each in sentences]))
        names.append("no word of its own in hypothesis")
        categories.append("overlap")
        masks.append(self.cues["overlap"])
        return join(from_texts(texts), Inventory.from_masks(np.stack(masks), names, categories=categories))

    def of_inputs(self, chosen: np.ndarray) -> Pairs:
        """Some of the pairs."""
        return Pairs(
            tuple(self.premises[each] for each in chosen),
            tuple(self.hypotheses[each] for each in chosen),
            self.labels[chosen],
        )


LONGEST = 24


def vocabulary() -> tuple[str, ...]:
    """Every word of the corpus; its place is its number. The first two stand for padding and for unknown words."""
    phrases = [
        *FEMALE,
        *MALE,
        *NEUTRAL,
        *ANIMALS,
        *DOING,
        *_KIND_OF,
        *ANIMAL_DOING,
        *OUTDOORS,
        *INDOORS,
        *LOOKS,
    ]
    phrases += [*CLOTHES, *SHADES, *UNSAID, *PURPOSES, *THINKERS, *NEGATIONS]
    phrases += ["a an is and while in person animal outdoors indoors that"]
    return ("<pad>", "<unknown>", *sorted({word for phrase in phrases for word in phrase.split()}))


def draw_pairs(count: int, seed: int = 0, *, shortcuts: Shortcuts | None = None) -> Pairs:
    """Draws pairs; the three labels are equally likely.

    For every label there are pairs with and without each cue, so that a reader of meanings is always right, and one of
    cues only as right as the shortcuts are strong. As in SNLI, both sentences are about one scene: "a woman is
    running" contradicts "a man is running", "outdoors" contradicts "in a kitchen".

    Args:
        count: how many.
        seed: the seed.
        shortcuts: the strength of the shortcuts; None for none.

    Raises:
        NetworkError: no pairs are asked for.

    Example:
        >>> pairs = draw_pairs(3000, seed=1, shortcuts=Shortcuts(negation=0.8))
        >>> " ".join(pairs.premises[0]), " ".join(pairs.hypotheses[0]), LABELS[pairs.labels[0]]
        ('a nurse believes that a tourist is cooking in a garden', 'a tourist is cooking', 'neutral')
        >>> pairs.share_with("negation").round(1)
        array([0.1, 0.1, 0.9])
    """
    if count < 1:
        raise NetworkError(f"Expected at least one pair; came count={count}.", "Give a positive number.")
    strength = (shortcuts or Shortcuts()).by_name
    random = stream(seed, "pairs")
    labels = random.integers(0, 3, size=count)
    wanted = {
        cue: random.random(count) < np.where(labels == TELLS[cue], (1 + s) / 2, (1 - s) / 2)
        for cue, s in strength.items()
    }
    made = [
        _Writer(random).pair(
            int(labels[row]), *(bool(wanted[cue][row]) for cue in ("overlap", "negation", "gender"))
        )
        for row in range(count)
    ]
    return Pairs(
        tuple(tuple(first.split()) for first, _ in made),
        tuple(tuple(second.split()) for _, second in made),
        labels,
    )


class _Writer:
    """Writes one pair."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random

    def one(self, words) -> str:
        return words[self.random.integers(len(words))]

    def chance(self, probability: float = 0.5) -> bool:
        return bool(self.random.random() < probability)

    def pair(self, label: int, overlap: bool, negation: bool, gender: bool) -> tuple[str, str]:
        """A premise and a hypothesis of a label with the cues asked for, and without the others."""
        self.who = self.one(FEMALE) if gender else self.one((*MALE, *NEUTRAL))
        self.does = self.one(tuple(_KIND_OF))
        self.outside = self.chance()
        self.place = self.one(OUTDOORS if self.outside else INDOORS)
        self.elsewhere = self.one(INDOORS if self.outside else OUTDOORS)
        kinds = [kind for kind in DOING if kind != _KIND_OF[self.does]]
        self.other = self.one(DOING[self.one(kinds)])
        write = (self._entailed, self._neutral, self._contradicted)[label]
        return write(overlap, negation, gender)

    def _subject(self, who: str | None = None) -> str:
        """A person as premises describe one: with looks and clothes, sometimes."""
        who = who or self.who
        look = f"{self.one(LOOKS)} {who}" if self.chance() else who
        worn = f" in a {self.one(SHADES)} {self.one(CLOTHES)}" if self.chance(0.4) else ""
        return article(look) + worn

    def _premise(self, who: str | None = None) -> str:
        return f"{self._subject(who)} is {self.does} {self.place}"

    def _entailed(self, overlap: bool, negation: bool, gender: bool) -> tuple[str, str]:
        who = article(self.who)
        if overlap and negation:
            return f"{who} is {self.does} {self.place} and is not {self.other}", f"{who} is not {self.other}"
        if negation:
            return self._premise(), f"{who} is not {self.other}"
        if overlap:
            # Premises begin with the bare article, so that the hypothesis has no word of its own.
            worn = f" in a {self.one(SHADES)} {self.one(CLOTHES)}" if self.chance(0.4) else ""
            rest = "" if self.chance() else f" {self.place}"
            return f"{who}{worn} is {self.does} {self.place}", f"{who} is {self.does}{rest}"
        general = who if gender or self.chance() else "a person"
        where = "outdoors" if self.outside else "indoors"
        if self.chance():
            return self._premise(), f"{general} is {where}"
        return self._premise(), f"{general} is {_KIND_OF[self.does]}" + (
            f" {self.place}" if self.chance() else ""
        )

    def _neutral(self, overlap: bool, negation: bool, gender: bool) -> tuple[str, str]:
        who = article(self.who)
        does_not = f"{who} is not {self.does}"
        if overlap:
            says = f"{self._subject(self.one((*FEMALE, *MALE, *NEUTRAL)))} {self.one(THINKERS)} that"
            if negation:
                return f"{says} {does_not} {self.place}", does_not
            return f"{says} {who} is {self.does} {self.place}", f"{who} is {self.does}"
        if negation:
            return self._premise(), f"{who} is not {self.one(UNSAID)}"
        if self.chance(0.4):
            return self._premise(), f"{who} is {self.one(UNSAID)}"
        return self._premise(), f"{who} is {self.does} {self.one(PURPOSES)}"

    def _contradicted(self, overlap: bool, negation: bool, gender: bool) -> tuple[str, str]:
        who = article(self.who)
        if overlap:
            animal = f"{article(self.one(ANIMALS))} is {self.one(ANIMAL_DOING)}"
            if negation:
                return f"{who} is {self.does} {self.place} while {animal.replace(' is ', ' is not ')}", (
                    f"{who} is not {self.does}"
                )
            doing = animal.split(" is ")[1]
            while _KIND_OF[doing] == _KIND_OF[self.does]:
                animal = f"{article(self.one(ANIMALS))} is {self.one(ANIMAL_DOING)}"
                doing = animal.split(" is ")[1]
            return f"{who} is {self.does} {self.place} while {animal}", f"{who} is {doing}"
        if negation:
            return self._premise(), self._denied(gender)
        way = self.random.integers(4)
        if way == 0:
            return self._premise(), f"{who} is {'indoors' if self.outside else 'outdoors'}"
        if way == 1:
            return self._premise(), f"{who} is {self.does} {self.elsewhere}"
        if way == 2 and (gender or self.who in MALE):
            # The premise is about the other gender.
            return self._premise(self.one(MALE if gender else FEMALE)), f"{who} is {self.does}"
        return self._premise(), f"{who} is {self.other}" + (f" {self.place}" if self.chance() else "")

    def _denied(self, gender: bool) -> str:
        way = self.random.integers(3)
        if way == 0 and not gender:
            return f"nobody is {self.does}"
        if way == 1:
            return f"no {self.who} is {self.does}"
        return f"{article(self.who)} is not {self.does}" + (f" {self.place}" if self.chance() else "")
