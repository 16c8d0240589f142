"""The method finds shortcuts that were planted in sentence pairs."""

import os

import numpy as np
import pytest
from pair_words import bag_of, editor_of, pair_concepts, tokens

from aitia.networks import Above, Beam, Quantile, Stages, examples, record
from aitia.networks.edits import answers_of, effects_from_weights, suggest_edits, try_edits
from aitia.networks.refutation import Subject

SLOW = os.environ.get("AITIA_SLOW") == "1"


def suggested(subject, inventory, activations, weights, class_, search, most=12, binarise=None):
    firing = (binarise or Above()).fire(activations)
    found = search.explain(firing, inventory, show_progress=False)
    answers, _ = answers_of(subject)
    return suggest_edits(
        found,
        class_,
        firing=firing,
        inventory=inventory,
        effects=effects_from_weights(weights, activations, found),
        answers=answers,
        classes=subject.classes,
        most=most,
        replacing=False,
    )


def test_units_that_are_known_detectors_give_their_shortcut_first():
    """Three units: negation, women, overlap, each read straight off the words; the logits are linear in them."""
    pairs = examples.draw_pairs(1200, seed=3)
    inventory, concepts = pair_concepts(pairs)
    encode, place = bag_of(pairs)
    cues = [
        [place[w] for w in concepts[name].words if w in place] for name in ("a negation", "about a woman")
    ]
    weights = np.array([[0.0, 0.0, 3.0], [0.0, 0.0, 2.0], [4.0, 0.0, 0.0]])
    model = Stages({
        "hidden": lambda x: np.column_stack([*(x[:, cue].max(axis=1) for cue in cues), x[:, -1]]),
        "logits": lambda h: h @ weights + [0.0, 1.0, 0.0],
    })  # fmt: skip
    inputs = encode(pairs.premises, pairs.hypotheses)
    subject = Subject(model, "hidden", inputs, pairs.labels, examples.LABELS)
    activations = record(model, "hidden", inputs)
    editor = editor_of(pairs, concepts, encode)
    against = suggested(subject, inventory, activations, weights, "contradiction", Beam(1))
    # Overlap tells of entailment, so that to take it out counts most against it; then come the cues of contradiction.
    actions = [each.action for each in against]
    assert (
        actions[:2] == ["take out 'overlap'", "put in 'a negation'"] and "put in 'about a woman'" in actions
    )
    tried = {each.edit.action: each for each in try_edits(subject, against, editor)}
    negation = tried["put in 'a negation'"]
    assert negation.share == 1.0 and negation.p_value < 1e-10
    # A random word takes the overlap away, which is the other half of the way to contradiction.
    assert negation.random_share < 0.5
    assert tried["put in 'about a woman'"].p_value < 1e-6
    follows = suggested(subject, inventory, activations, weights, "entailment", Beam(1))
    assert follows[0].action == "put in 'overlap'"
    overlap = try_edits(subject, follows[:1], editor)[0]
    assert overlap.share > 0.5 and overlap.random_share < 0.2 and overlap.p_value < 1e-10


def test_a_small_trained_network_gives_its_shortcuts_away():
    """A perceptron on words of the hypothesis, trained in seconds on pairs with all shortcuts planted."""
    from sklearn.neural_network import MLPClassifier

    shortcuts = examples.Shortcuts(overlap=0.9, negation=0.9, gender=0.9)
    train, pairs = examples.draw_pairs(3000, 0, shortcuts=shortcuts), examples.draw_pairs(1500, 1)
    encode, _ = bag_of(train)
    inputs = encode(pairs.premises, pairs.hypotheses)
    model = MLPClassifier((24,), max_iter=40, random_state=0, tol=0.02)
    model.fit(encode(train.premises, train.hypotheses), train.labels)
    inventory, concepts = pair_concepts(pairs)
    subject = Subject(model, "hidden 1", inputs, pairs.labels, examples.LABELS)
    activations = record(model, "hidden 1", inputs)
    weights = model.coefs_[1]
    editor = editor_of(pairs, concepts, encode)
    against = suggested(subject, inventory, activations, weights, "contradiction", Beam(3))
    # Predictions rank edits; trying them tells which work, and these are the cues that were planted.
    working = {each.edit.action: each for each in try_edits(subject, against, editor).working}
    assert {"put in 'a negation'", "put in 'about a woman'", "take out 'overlap'"} <= set(working)
    assert {*list(working)[:2]} == {"put in 'a negation'", "take out 'overlap'"}
    assert working["put in 'a negation'"].difference.low > 0.3
    follows = suggested(subject, inventory, activations, weights, "entailment", Beam(3))
    working = {each.edit.action: each for each in try_edits(subject, follows, editor).working}
    assert (
        list(working)[:2] == ["put in 'overlap'", "take out 'a negation'"]
        and "take out 'about a woman'" in working
    )
    assert working["put in 'overlap'"].share > 0.9


@pytest.mark.slow
@pytest.mark.skipif(not SLOW, reason="trains the shipped network; set AITIA_SLOW=1")
def test_the_shipped_network_gives_its_shortcuts_away():
    network = examples.pair_network(show_progress=False)
    pairs = network.data
    inventory, concepts = pair_concepts(pairs)
    activations = record(network.model, network.layer, network.inputs)
    weights = network.model.mlp.logits.weight.detach().numpy().T
    editor = editor_of(pairs, concepts, tokens)
    for class_, cues in (("contradiction", ("negation", "woman")), ("entailment", ("overlap",))):
        edits = suggested(network, inventory, activations, weights, class_, Beam(3), 20, Quantile(0.1))
        tried = try_edits(network, edits, editor)
        for cue in cues:
            assert any(cue in each.edit.put_in and each.difference.low > 0 for each in tried.working), cue
