"""People's edits of sentence pairs (Kaushik, Hovy and Lipton 2020), beside the edits that explanations suggest."""

import re
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pair_words import word_concepts
from scipy import sparse

from aitia.networks import Beam, Inventory, Quantile, record
from aitia.networks.edits import Overlap, WordEditor, answers_of, effects_from_weights, suggest_edits
from aitia.networks.refutation import Subject

SNLI = Path(__file__).parents[4] / "shared/data/networks/snli"
LABELS = ("entailment", "neutral", "contradiction")
SIDES = ("premise", "hypothesis")
OVERLAP = "every word of the hypothesis is in the premise"


def words_of(sentence):
    """Lower-case words; "isn't" becomes "is not", as the tokenised file has it in two parts."""
    return tuple(re.findall(r"[a-z0-9]+", sentence.lower().replace("n't", " not").replace("'s", "")))


@dataclass(frozen=True)
class Pair:
    premise: tuple[str, ...]
    hypothesis: tuple[str, ...]
    label: int


@dataclass(frozen=True)
class Revision:
    """What a person made of one sentence of a pair so that it has another label."""

    row: int
    side: str
    pair: Pair
    put_in: frozenset[str]
    taken_out: frozenset[str]

    @property
    def size(self):
        """How many words were put in and taken out."""
        return len((self.put_in | self.taken_out) - {OVERLAP})


def held(pair, side):
    """The concepts that a sentence has: its words, and `OVERLAP`."""
    within = side == "hypothesis" and set(pair.hypothesis) <= set(pair.premise)
    return {*getattr(pair, side), *([OVERLAP] if within else [])}


def snli_dev():
    lines = (SNLI / "snli_1.0_dev.tok").read_text(encoding="utf-8").splitlines()
    labels = [
        line.split(",")[0]
        for line in (SNLI / "6_snli_1.0_dev.csv").read_text(encoding="utf-8").splitlines()[1:]
    ]
    return [
        Pair(words_of(one), words_of(two), LABELS.index(label))
        for one, two, label in zip(lines[::2], lines[1::2], labels, strict=True)
        if label in LABELS
    ]


def table(name):
    lines = (SNLI / "cf_nli" / name).read_text(encoding="utf-8").splitlines()[1:]
    return [
        Pair(words_of(one), words_of(two), LABELS.index(label))
        for one, two, label in (line.split("\t") for line in lines)
    ]


def people():
    """The originals, and for each of their sentences the two revisions, towards the two other labels.

    Rows line up: revisions 4i to 4i + 3 are of original i. Which sentence was changed is read off the words; where both
    were, or none, or where the two revisions of a sentence do not have the two other labels, they are left out.
    """
    originals, revised = table("original_train.tsv"), table("revised_combined_train.tsv")
    assert len(revised) == 4 * len(originals)
    couples = []
    for row, original in enumerate(originals):
        by_side = {side: [] for side in SIDES}
        for pair in revised[4 * row : 4 * row + 4]:
            changed = [side for side in SIDES if getattr(pair, side) != getattr(original, side)]
            if len(changed) == 1:
                old, new = (held(each, changed[0]) for each in (original, pair))
                by_side[changed[0]].append(
                    Revision(row, changed[0], pair, frozenset(new - old), frozenset(old - new))
                )
        couples += [
            tuple(two)
            for two in by_side.values()
            if len({original.label, *(r.pair.label for r in two)}) == len(two) + 1 == 3
        ]
    return originals, couples


class Encoder:
    """Which words the premise holds, the hypothesis, both, and the hypothesis alone; and how many of its own it has."""

    def __init__(self, pairs, least):
        count = Counter(word for pair in pairs for word in {*pair.premise, *pair.hypothesis})
        self.place = {word: at for at, word in enumerate(sorted(w for w in count if count[w] >= least))}

    def __call__(self, premises, hypotheses):
        return self.rows(premises, hypotheses).toarray()

    def rows(self, premises, hypotheses):
        size = len(self.place)
        rows, columns, values = [], [], []
        for row, (premise, hypothesis) in enumerate(zip(premises, hypotheses, strict=True)):
            one, two = set(premise), set(hypothesis)
            for part, words in enumerate((one, two, two & one, two - one)):
                found = [part * size + self.place[word] for word in words if word in self.place]
                rows += [row] * len(found)
                columns += found
                values += [1.0] * len(found)
            own = len(two - one)
            rows += [row] * 4
            columns += range(4 * size, 4 * size + 4)
            values += [float(own == 0), float(own == 1), own / 5, len(two) / 10]
        return sparse.csr_matrix(
            (values, (rows, columns)), shape=(len(premises), 4 * size + 4), dtype=np.float32
        )

    def of(self, pairs):
        return self.rows(*sentences(pairs))


def sentences(pairs):
    return [pair.premise for pair in pairs], [pair.hypothesis for pair in pairs]


def trained(pairs, least, units=128, seed=0):
    """A perceptron with one hidden layer on `Encoder`'s columns, stopped early (eight passes)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    encoder = Encoder(pairs, least)
    model = MLPClassifier((units,), alpha=1.0, max_iter=8, tol=0.0, n_iter_no_change=99, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(encoder.of(pairs), [pair.label for pair in pairs])
    return model, encoder


def suggested(model, encoder, pairs, least, length=3, firing=None):
    """For each label and sentence the words to put in and to take out, best first; and what their names mean."""
    premises, hypotheses = sentences(pairs)
    names, masks, categories, concepts = word_concepts(premises, hypotheses, least)
    known = [concepts[name].word in encoder.place for name in names]
    names, masks, categories = (
        [each for each, k in zip(x, known, strict=True) if k] for x in (names, masks, categories)
    )
    names.append("overlap")
    masks.append(np.array([set(two) <= set(one) for one, two in zip(premises, hypotheses, strict=True)]))
    categories.append("overlap")
    concepts["overlap"] = Overlap()
    inventory = Inventory.from_masks(np.array(masks), names, categories=categories)
    inputs = encoder(premises, hypotheses)
    activations = record(model, "hidden 1", inputs, show_progress=False)
    firing = (firing or Quantile(0.1)).fire(activations)
    found = Beam(length).explain(firing, inventory, show_progress=False)
    answers, logits = answers_of(
        Subject(model, "hidden 1", inputs, np.array([p.label for p in pairs]), LABELS)
    )
    effects = effects_from_weights(model.coefs_[1], activations, found)
    ranked = {}
    for label in range(len(LABELS)):
        edits = suggest_edits(
            found, label, firing=firing, inventory=inventory, effects=effects, answers=answers, logits=logits,
            classes=LABELS, replacing=False, most=10**6,
        )  # fmt: skip
        for side in SIDES:
            ranked[label, side] = [
                each for each in edits if concepts[each.put_in or each.taken_out].sentence == side
            ]
    return ranked, concepts


def words_named(ranked, concepts, most=20):
    """For each label and sentence, the words that the first suggestions put in, and those that they take out."""
    return {
        key: tuple(
            {
                word
                for each in edits[:most]
                if getattr(each, kind)
                for word in concepts[getattr(each, kind)].words or (OVERLAP,)
            }
            for kind in ("put_in", "taken_out")
        )
        for key, edits in ranked.items()
    }


def words_of_regression(model, encoder, pairs, least, most=20):
    """As `words_named`, from a ridge regression of the model's logits on words, without units or formulas."""
    from sklearn.linear_model import Ridge

    premises, hypotheses = sentences(pairs)
    names, masks, _, concepts = word_concepts(premises, hypotheses, least)
    _, logits = record(
        model, "hidden 1", encoder(premises, hypotheses), units=[0], outputs=True, show_progress=False
    )
    weights = Ridge(0.002 * len(pairs)).fit(np.array(masks, dtype=float).T, logits).coef_
    found = {}
    for label in range(3):
        gain = weights[label] - np.delete(weights, label, axis=0).mean(axis=0)
        for side in SIDES:
            own = [at for at in np.argsort(-np.abs(gain)) if concepts[names[at]].sentence == side][:most]
            found[label, side] = tuple(
                {concepts[names[at]].word for at in own if (gain[at] > 0) == put_in}
                for put_in in (True, False)
            )
    return found


def words_of_people(couples, most=20):
    """As `words_named`, from people's edits themselves: the words that most distinguish the edits towards a label.

    By the difference of counts between edits towards it and their couples, in standard deviations.
    """
    found = {}
    for side in SIDES:
        counts = {label: (Counter(), Counter()) for label in range(3)}
        for two in couples:
            for at, each in enumerate(two):
                if each.side == side:
                    counts[each.pair.label][0].update(_changes(each))
                    counts[each.pair.label][1].update(_changes(two[1 - at]))
        for label, (own, other) in counts.items():
            best = sorted(
                own, key=lambda each: ((other[each] - own[each]) / (own[each] + other[each]) ** 0.5, each)
            )
            found[label, side] = tuple({w for way, w in best[:most] if way == kind} for kind in ("in", "out"))
    return found


def _changes(revision):
    return [("in", word) for word in revision.put_in] + [("out", word) for word in revision.taken_out]


@dataclass(frozen=True)
class Agreement:
    """How often edits do what is suggested towards their label, and towards their sibling's label.

    Each edit is compared with both lists and each list with both edits of a couple, so that neither long edits (those
    towards entailment are the longest) nor lists of frequent words look better than they are.

    Args:
        own: the share of edits that put in or take out a word suggested towards their label.
        exchanged: the same after the labels of the two couples are exchanged.
        p_value: one-sided: how likely so large a sum is where the labels of each couple are exchanged at random.
        couples: how many.
        error: the standard error of the difference, over couples.
    """

    own: float
    exchanged: float
    p_value: float
    couples: int
    error: float

    @property
    def difference(self):
        return self.own - self.exchanged


def agreement(couples, words, labels=None, draws=9999):
    """Of couples of couples, with their labels or with others of `labels` (by premise and hypothesis)."""
    own, other, sums = [], [], []
    for two in couples:
        given = [each.pair.label if labels is None else labels[each.pair] for each in two]
        if given[0] == given[1]:
            continue
        hits = [[_does(each, words[label, each.side]) for label in given] for each in two]
        own += [hits[0][0], hits[1][1]]
        other += [hits[0][1], hits[1][0]]
        sums.append(sum(own[-2:]) - sum(other[-2:]))
    told = np.array([each for each in sums if each])
    signs = np.random.default_rng(0).choice(np.array([-1, 1], dtype=np.int8), size=(draws, len(told)))
    p_value = (1 + int((signs @ told >= told.sum()).sum())) / (draws + 1)
    error = float(np.std(sums) / 2 / np.sqrt(len(sums)))
    return Agreement(float(np.mean(own)), float(np.mean(other)), p_value, len(sums), error)


def _does(revision, words):
    put_in, taken_out = words
    return bool(revision.put_in & put_in) or bool(revision.taken_out & taken_out)


def edited(originals, rows, edits, concepts, budget, seed=0):
    """Pairs with up to `budget` suggested edits each, best first, and beside them as many matched random edits.

    Returns:
        Premises and hypotheses with suggested edits, and with random edits, in the order of rows.
    """
    random = np.random.default_rng(seed)
    ours, other = [[list(x) for x in sentences([originals[r] for r in rows])] for _ in range(2)]
    left, other_left = np.array(budget), np.array(budget)
    for edit in edits:
        for chain, remains, which in ((ours, left, "inputs"), (other, other_left, "matched")):
            editor = WordEditor(chain[0], chain[1], concepts, lambda one, two: (one, two))
            where = np.flatnonzero((remains > 0) & editor.candidates(edit))
            made = editor.edited(edit, where, random)
            if len(made.rows):
                for place, one, two in zip(made.rows, *getattr(made, which), strict=True):
                    chain[0][place], chain[1][place] = list(one), list(two)
                remains[made.rows] -= 1
        if not (left > 0).any() and not (other_left > 0).any():
            break
    return ours, other


def flips(model, encoder, originals, couples, ranked, concepts, sides=SIDES, seed=0):
    """How often edits turn the model's answer to the label they are made for, where it was another.

    Returns:
        By sentence, booleans over people's edits: "people"; "sibling" (the same person's edit of the same sentence
        towards the other label); "one" suggested edit and "one random"; "word" and "word random" (without `Overlap`,
        which may delete several words); "as many" words as the person put in and took out, and "as many random". And
        the "label" of each.
    """
    before = model.predict(encoder.of(originals))
    found = {}
    for side in sides:
        parts = []
        for label in range(3):
            tries = [
                (each, two[1 - at])
                for two in couples
                for at, each in enumerate(two)
                if each.side == side and each.pair.label == label and before[each.row] != label
            ]
            rows = [each.row for each, _ in tries]
            suggestions = ranked[label, side]
            single = [each for each in suggestions if concepts[each.put_in or each.taken_out].words != ()]
            plans = {
                "one": (suggestions, [1] * len(rows)),
                "word": (single, [1] * len(rows)),
                "as many": (single, [each.size for each, _ in tries]),
            }
            turned = {
                "label": np.full(len(rows), label),
                "people": model.predict(encoder.of([each.pair for each, _ in tries])) == label,
                "sibling": model.predict(encoder.of([other.pair for _, other in tries])) == label,
            }
            for name, (edits, budget) in plans.items():
                ours, other = edited(originals, rows, edits, concepts, budget, seed)
                turned[name] = model.predict(encoder.rows(*ours)) == label
                turned[f"{name} random"] = model.predict(encoder.rows(*other)) == label
            parts.append(turned)
        found[side] = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    return found
