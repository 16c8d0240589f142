"""The shipped sentence-pair network: each planted shortcut is named by a formula, and works as an edit."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="trains and records the sentence-pair network, which needs PyTorch")

from aitia.cli._model_file import read_network
from aitia.networks import Quantile, explain, record
from aitia.networks.edits import answers_of, measured_effects, suggest_edits, try_edits
from aitia.networks.examples import LABELS
from aitia.networks.refutation import Subject, Verdict

# Each cue, the concept that a formula has to name, and the label that the cue tells of in training.
PLANTED = {
    "negation": ("a negation in hypothesis", "contradiction"),
    "gender": ("a woman in hypothesis", "contradiction"),
    "overlap": ("no word of its own in hypothesis", "entailment"),
}


@pytest.fixture(scope="module")
def found():
    network = read_network("pairs", None, None, None, 0)
    activations = record(network.model, network.layer, network.inputs, show_progress=False)
    named = [concept for concept, _ in PLANTED.values()]
    every = explain(activations, network.inventory, binarise=Quantile(0.1), null=0, show_progress=False)
    # The null and the effects are made for the best two units that name each.
    units = []
    for concept in named:
        those = [each for each in every if concept in each.formula.concepts]
        assert those, f"no formula names {concept}"
        units += [each.unit for each in sorted(those, key=lambda each: -each.score)[:2]]
    units = sorted(set(units))
    explained = explain(
        activations,
        network.inventory,
        binarise=Quantile(0.1),
        units=units,
        null=39,
        seed=1,
        show_progress=False,
    )
    subject = Subject(network.model, network.layer, network.inputs, network.labels, LABELS)
    effects = measured_effects(subject, explained.explanations, explained.firing, show_progress=False)
    return network, subject, explained, effects


@pytest.mark.parametrize("cue", PLANTED)
def test_a_planted_shortcut_is_named_beats_chance_and_works(found, cue):
    network, subject, explained, effects = found
    concept, label = PLANTED[cue]
    # A unit names it, and its explanation, found by exact search, is more than the same search finds by chance.
    naming = [at for at, each in enumerate(explained) if concept in each.formula.concepts]
    assert any(explained.null[at].verdict is Verdict.SURVIVED for at in naming)
    assert all(explained.null[at].details["same search"] for at in naming)
    # The edit that puts it in follows from these units for some class, and turns more answers than random edits do.
    answers, logits = answers_of(subject)
    edits = [
        edit
        for class_ in LABELS
        for edit in suggest_edits(
            explained.explanations, class_, firing=explained.firing, inventory=explained.inventory, effects=effects,
            answers=answers, logits=logits, classes=LABELS, replacing=False, most=200,
        )
        if concept in (edit.put_in, edit.taken_out)
    ]  # fmt: skip
    tried = try_edits(subject, edits, network.editor, most=50, seed=0, show_progress=False)
    working = [each for each in tried.working if each.difference.low > 0]
    # Putting it in turns answers to its label, or taking it out turns them away from it.
    assert any((each.edit.put_in == concept) == (each.edit.class_name == label) for each in working), tried


def test_the_concepts_of_the_corpus_hold_where_the_words_are(found):
    network, *_ = found
    from aitia.networks.examples import draw_pairs

    pairs = draw_pairs(300, 5)
    inventory = pairs.inventory()
    held = dict(zip(inventory.names, inventory.layout.unpack(inventory.words), strict=True))
    for cue, (concept, _) in PLANTED.items():
        assert np.array_equal(held[concept], pairs.cues[cue])
    assert np.array_equal(
        held["a man in premise"], [bool({*pairs.groups["a man"]} & {*p}) for p in pairs.premises]
    )
    # All of them can be edited, but for overlaps in between.
    unknown = [name for name in network.inventory.names if name not in network.editor.concepts]
    assert unknown == [f"overlap above {share}%" for share in (25, 50, 75)]
