"""Interventions: they do what they say, and the model is afterwards as it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.networks import (
    Layer,
    LayerError,
    NetworkError,
    ablate,
    intervene,
    mean_ablate,
    patch_from,
    record,
    scale,
    set_to,
)

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn


def convolution(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(144, 5)
    ).eval()


class Recurrent(nn.Module):
    def __init__(self, packed=False):
        super().__init__()
        self.packed = packed
        self.embedding = nn.Embedding(11, 3)
        self.lstm = nn.LSTM(3, 4, batch_first=True)
        self.linear = nn.Linear(4, 2)

    def forward(self, tokens):
        inner = self.embedding(tokens)
        if self.packed:
            lengths = (tokens != 0).sum(dim=1)
            inner = nn.utils.rnn.pack_padded_sequence(inner, lengths, batch_first=True, enforce_sorted=False)
            output, _ = self.lstm(inner)
            output, _ = nn.utils.rnn.pad_packed_sequence(output, batch_first=True)
        else:
            output, _ = self.lstm(inner)
        return self.linear(output.sum(dim=1))


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(3, 4)

    def forward(self, first, second):
        return torch.cat([self.encoder(first), self.encoder(second)], dim=1)


IMAGES = torch.randn(7, 3, 8, 8, generator=torch.Generator().manual_seed(3))


def outputs(model, *inputs):
    with torch.no_grad():
        return model(*inputs)


def hooks(model):
    return sum(len(each._forward_hooks) + len(each._forward_pre_hooks) for each in model.modules())


@given(st.sets(st.integers(0, 3), min_size=1), st.sampled_from(["0", "1", "2"]))
@settings(deadline=None, max_examples=10)
def test_what_changes_nothing(units, layer):
    model = convolution()
    before = outputs(model, IMAGES)
    for action in (scale(1.0), patch_from(IMAGES), scale(1.0, where=np.zeros((6, 6), dtype=bool))):
        with intervene(model, layer, dict.fromkeys(units, action)):
            assert torch.equal(outputs(model, IMAGES), before)
    with intervene(model, layer, dict.fromkeys(units, ablate(where=np.zeros((6, 6), dtype=bool)))):
        assert torch.equal(outputs(model, IMAGES), before)


@given(st.integers(0, 3), st.sampled_from(["0", "1", "2"]))
@settings(deadline=None, max_examples=10)
def test_afterwards_the_model_is_bitwise_as_it_was(unit, layer):
    model = convolution()
    before = outputs(model, IMAGES)
    with intervene(model, layer, {unit: ablate()}):
        inside = outputs(model, IMAGES)
        assert record(model, layer, IMAGES).values[:, unit].max() == 0
    assert not torch.equal(inside, before)
    assert torch.equal(outputs(model, IMAGES), before)
    assert hooks(model) == 0


def test_every_action_on_maps():
    model = convolution()
    plain = record(model, "2", IMAGES).values
    others = torch.randn(7, 3, 8, 8, generator=torch.Generator().manual_seed(4))
    there = record(model, "2", others).values
    half = np.zeros((6, 6), dtype=bool)
    half[:3] = True
    some = np.zeros((7, 6, 6), dtype=bool)
    some[2] = True
    by_input = np.arange(7.0)
    expected = {
        0: (ablate(), np.zeros((7, 6, 6))),
        1: (set_to(2.5, where=half), np.where(half, 2.5, plain[:, 1])),
        2: (scale(-3.0, where=some), np.where(some, -3 * plain[:, 2], plain[:, 2])),
        3: (patch_from(others), there[:, 3]),
    }
    with intervene(model, "2", {unit: action for unit, (action, _) in expected.items()}) as made:
        found = record(model, "2", IMAGES, batch=2).values  # rows are matched batch by batch
        logits = outputs(model, IMAGES)
    assert made.sentence == "Units 0, 1, 2 and 3 of layer '2' are set."
    for unit, (_, values) in expected.items():
        np.testing.assert_allclose(found[:, unit], values, atol=1e-6)
    # What follows the layer follows the values set.
    np.testing.assert_allclose(logits, outputs(model[3:], torch.as_tensor(found)), atol=1e-5)
    more = {
        0: (patch_from(others[:1]), np.broadcast_to(there[:1, 0], (7, 6, 6))),
        1: (set_to(by_input), np.broadcast_to(by_input[:, None, None], (7, 6, 6))),
        2: (mean_ablate(others), np.full((7, 6, 6), there[:, 2].mean())),
        3: (mean_ablate(others, each_position=True), np.broadcast_to(there[:, 3].mean(axis=0), (7, 6, 6))),
    }
    with intervene(model, "2", {unit: action for unit, (action, _) in more.items()}, batch=3):
        found = record(model, "2", IMAGES, batch=4).values
    for unit, (_, values) in more.items():
        np.testing.assert_allclose(found[:, unit], values, atol=1e-6)


@pytest.mark.parametrize("packed", [False, True])
def test_sequences(packed):
    torch.manual_seed(0)
    model = Recurrent(packed).eval()
    tokens = torch.randint(1, 11, (6, 5))
    tokens[2, 3:] = 0
    plain = record(model, "lstm", tokens).values
    third = np.arange(5) == 2
    with intervene(model, "lstm", {1: ablate(where=third), 3: scale(2.0)}):
        found = record(model, "lstm", tokens).values
        logits = outputs(model, tokens)
    expected = plain.copy()
    expected[:, 1, 2] = 0
    expected[:, 3] *= 2
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(logits, outputs(model.linear, torch.as_tensor(expected).sum(dim=2)), atol=1e-5)


def test_parts_of_a_tuple():
    torch.manual_seed(0)
    model = Recurrent().eval()
    tokens = torch.randint(1, 11, (6, 5))
    before = outputs(model, tokens)
    # Nothing of the output is made of the last cell state: a unit without a path to it changes nothing.
    for part in ((1, 0), (1, 1)):
        with intervene(model, Layer("lstm", part), {0: patch_from(tokens.flip(0)), 1: set_to(7.0)}):
            assert record(model, Layer("lstm", part), tokens).values[:, 1].min() == 7
            assert torch.equal(outputs(model, tokens), before)


def test_one_call_of_a_layer_called_twice():
    model = Twice().eval()
    first, second = torch.randn(5, 3), torch.randn(5, 3)
    before = outputs(model, first, second)
    with intervene(model, Layer("encoder", call=1), {2: ablate()}):
        one = outputs(model, first, second)
    assert torch.equal(one[:, :4], before[:, :4]) and one[:, 6].abs().max() == 0
    with intervene(model, "encoder", {2: ablate()}):
        both = outputs(model, first, second)
    assert both[:, [2, 6]].abs().max() == 0
    # Each call gets the values it had at the other inputs.
    with intervene(model, "encoder", {0: patch_from((second, first))}):
        crossed = outputs(model, first, second)
    np.testing.assert_allclose(crossed[:, [0, 4]], before[:, [4, 0]], atol=1e-6)


def test_interventions_nest():
    model = convolution()
    before = outputs(model, IMAGES)
    with intervene(model, "0", {0: ablate()}):
        outer = outputs(model, IMAGES)
        with intervene(model, "2", {1: set_to(1.0)}), intervene(model, "0", {0: set_to(5.0)}):
            # The inner one on the same unit wins.
            assert record(model, "0", IMAGES).values[:, 0].min() == 5
            assert record(model, "2", IMAGES).values[:, 1].max() == 1
        assert torch.equal(outputs(model, IMAGES), outer)
    assert torch.equal(outputs(model, IMAGES), before)
    # Two on different units of a layer are one on both.
    with intervene(model, "2", {0: ablate()}), intervene(model, "2", {1: scale(2.0)}):
        nested = outputs(model, IMAGES)
    with intervene(model, "2", {0: ablate(), 1: scale(2.0)}):
        assert torch.equal(outputs(model, IMAGES), nested)


def test_the_model_is_as_it_was_after_exceptions():
    model = convolution().train()
    model[1].eval()
    modes = [each.training for each in model.modules()]
    before = {name: each.clone() for name, each in model.state_dict().items()}
    with intervene(model, "0", {0: ablate()}) as made:
        assert not model.training and "from training" in made.decisions[0].what
        with pytest.raises(ZeroDivisionError), intervene(model, "2", {1: ablate()}):
            raise ZeroDivisionError
        assert not model.training
    with pytest.raises(NetworkError), intervene(model, "0", {0: patch_from("a file")}):
        pass
    with pytest.raises(LayerError), intervene(model, "2", {0: patch_from(IMAGES), 4: patch_from(IMAGES)}):
        pass
    assert hooks(model) == 0 and [each.training for each in model.modules()] == modes
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())


def test_gradients_stop_at_units_that_are_set():
    model = nn.Sequential(nn.Linear(3, 2, bias=False), nn.Linear(2, 1, bias=False))
    inputs = torch.ones(1, 3)
    with intervene(model, "0", {0: ablate(), 1: scale(2.0)}):
        model(inputs).sum().backward()
    gradient = model[0].weight.grad
    assert gradient[0].abs().max() == 0
    np.testing.assert_allclose(gradient[1], 2 * model[1].weight.detach()[0, 1].expand(3), rtol=1e-6)


def test_errors_name_what_is_wrong():
    model = convolution()
    wrong = [
        (("3x", {0: ablate()}), LayerError, "no layer '3x'"),
        (("0", {4: ablate()}), LayerError, "no unit 4: the layer has 4, 0 to 3"),
        (("0", {-1: ablate()}), LayerError, "A unit is a number from 0; came -1"),
        (("0", {0: 0.0}), NetworkError, "What is done to unit 0 is no action: 0.0"),
        (("0", {0: ablate}), NetworkError, "What is done to unit 0 is no action"),
        (("0", [0]), NetworkError, "Expected what is done by the number of the unit; came list"),
    ]
    for arguments, kind, message in wrong:
        with pytest.raises(kind, match=message), intervene(model, *arguments):
            pass
    at_run = [
        ("2", {9: ablate()}, LayerError, "no unit 9"),
        ("2", {0: patch_from(IMAGES[:3])}, NetworkError, "given for 3 inputs, but the model is run on 7"),
        ("2", {0: set_to(np.ones(3))}, NetworkError, "The value set is given for 3 inputs"),
        (
            "2",
            {0: ablate(where=np.ones(5, dtype=bool))},
            NetworkError,
            r"booleans of the unit's positions \(6, 6\)",
        ),
        ("2", {0: ablate(where=np.ones((6, 6)))}, NetworkError, "came float64 of shape"),
        ("4", {0: set_to(np.ones((7, 6)))}, NetworkError, "does not fit the unit's positions"),
        ("2", {0: set_to(np.ones((7, 6)))}, NetworkError, "does not fit the unit's positions"),
        ("2", {0: set_to(np.ones((7, 3, 6)))}, NetworkError, "does not fit the unit's positions"),
    ]
    for layer, actions, kind, message in at_run:
        with pytest.raises(kind, match=message), intervene(model, layer, actions):
            outputs(model, IMAGES)
        with pytest.raises(kind, match=message), intervene(model, layer, actions):
            record(model, layer, IMAGES, batch=2)
    assert hooks(model) == 0


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: set_to(float("nan")), "A value must be finite numbers; came nan"),
        (lambda: set_to(np.array([1.0, np.inf])), r"came float64 of shape \(2,\)"),
        (lambda: set_to(np.array("high")), "A value must be finite numbers; came array"),
        (lambda: scale(float("inf")), "A factor must be finite numbers; came inf"),
        (lambda: scale(np.ones(3)), "A factor is one number"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_values_that_are_no_numbers_are_named(make, said):
    with pytest.raises(NetworkError, match=said):
        make()
