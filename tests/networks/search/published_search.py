"""The published beam search, plainly: from the description in the paper and of its code's order, in NumPy."""

from collections import Counter

import numpy as np

from aitia.networks import And, Concept, Formula, Neighbors, Not, Or


class Entry:
    """A formula as the published code has it: compared by identity, so that the same text may come twice."""

    def __init__(self, formula: Formula, mask: np.ndarray, words: int) -> None:
        self.formula, self.mask, self.words = formula, mask, words


def sentences(masks, names, unit, length, width=10, neighbors=None, penalty=1.0, least_firing=0):
    """Formula and score for a unit over sentence pairs."""
    if unit.sum() < max(1, least_firing):
        return None, 0.0

    def scored(entry):
        union = np.int64((entry.mask | unit).sum()) + np.finfo(np.float32).tiny
        return penalty ** (entry.words - 1) * ((entry.mask & unit).sum() / union)

    leaves = [Entry(Concept(name), mask, 1) for name, mask in zip(names, masks, strict=True)]
    formulas, grow_by = {}, []
    for leaf, name in zip(leaves, names, strict=True):
        formulas[leaf] = scored(leaf)
        grow_by += [leaf] * int(formulas[leaf] > 0)
        if neighbors:
            others = tuple(each for each in neighbors.get(name, ()) if each in names)
            joined = np.any([leaf.mask, *(masks[list(names).index(each)] for each in others)], axis=0)
            around = Entry(Neighbors(name, others), joined, 2)
            formulas[around] = scored(around)
            grow_by += [leaf] * int(formulas[around] > 0)
    return _grown(formulas, grow_by, scored, length, width)


def pictures(masks, names, unit, length, width=5, candidates=None, penalty=1.0):
    """Formula and score for a unit over pictures."""

    def scored(entry):
        both = np.int64((entry.mask & unit).sum())
        iou = both / (np.int64(entry.mask.sum()) + np.int64(unit.sum()) - both + 1e-10)
        return penalty ** (entry.words - 1) * iou

    leaves = [Entry(Concept(name), mask, 1) for name, mask in zip(names, masks, strict=True)]
    positive = Counter({leaf: scored(leaf) for leaf in leaves if scored(leaf) > 0})
    if not positive:
        return None, 0.0
    grow_by = leaves if candidates is None else [leaf for leaf, _ in positive.most_common(candidates)]
    return _grown(dict(positive.most_common(width)), grow_by, scored, length, width)


def _grown(formulas, grow_by, scored, length, width):
    formulas = dict(Counter(formulas).most_common(width))
    for _ in range(length - 1):
        new = {}
        for old in formulas:
            for leaf in grow_by:
                words = old.words + leaf.words
                for entry in (
                    Entry(Or(old.formula, leaf.formula), old.mask | leaf.mask, words),
                    Entry(And(old.formula, leaf.formula), old.mask & leaf.mask, words),
                    Entry(And(old.formula, Not(leaf.formula)), old.mask & ~leaf.mask, words + 1),
                ):
                    new[entry] = scored(entry)
        formulas = dict(Counter(formulas | new).most_common(width))
    best, score = Counter(formulas).most_common(1)[0]
    return (best.formula, score) if score > 0 else (None, 0.0)


def apart(masks, names, unit, length, width, silent=False, negations=False, penalty=1.0):
    """Not published: one formula of those with equal counts is kept, and NOT may come first or after OR."""
    if not unit.any():
        return None, 0.0
    fires = int(unit.sum())

    def entry(formula, mask, words):
        both, size = int((mask & unit).sum()), int(mask.sum())
        score = penalty**words * (both / (size + fires - both)) if both else 0.0
        return score, (size, both), Entry(formula, mask, words)

    def kept(beam, new):
        score, counts, _ = new
        for at, (other, held, _) in enumerate(beam):
            if held == counts:
                if other >= score:
                    return beam
                beam = beam[:at] + beam[at + 1 :]
                break
        at = sum(other >= score for other, _, _ in beam)
        return [*beam[:at], new, *beam[at:]][:width]

    leaves = [Entry(Concept(name), mask, 0) for name, mask in zip(names, masks, strict=True)]
    beam = []
    for leaf in leaves:
        new = [entry(leaf.formula, leaf.mask, 0)]
        if negations:
            new.append(entry(Not(leaf.formula), ~leaf.mask, 1))
        for each in new:
            if each[0] > 0 or not silent:
                beam = kept(beam, each)
    grow_by = [leaf for leaf in leaves if silent or (leaf.mask & unit).any()]
    for _ in range(length - 1):
        grown = []
        for old in beam:
            grown = kept(grown, old)
        for _, _, old in beam:
            for leaf in grow_by:
                f, g, c = old.formula, leaf.formula, old.words + 1
                new = [
                    entry(Or(f, g), old.mask | leaf.mask, c),
                    entry(And(f, g), old.mask & leaf.mask, c),
                    entry(And(f, Not(g)), old.mask & ~leaf.mask, c + 1),
                ]
                if negations:
                    new.append(entry(Or(f, Not(g)), old.mask | ~leaf.mask, c + 1))
                for each in new:
                    grown = kept(grown, each)
        beam = grown
    score, _, best = beam[0] if beam else (0.0, (0, 0), Entry(None, unit, 0))
    return (best.formula, score) if score > 0 else (None, 0.0)
