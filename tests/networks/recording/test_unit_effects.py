"""Effects of ablating and patching units: closed forms, and the same whichever way they are computed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aitia.networks import (
    Accuracy,
    Layer,
    LayerError,
    Logit,
    LogitDifference,
    LogLoss,
    NetworkError,
    Stages,
    ablation_effects,
    intervene,
    mean_ablate,
    patch_effects,
    scale,
    set_to,
)


def linear(seed=0, units=6, classes=3, inputs=11):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(4, units)), rng.normal(size=(units, classes))
    second[2] = 0  # unit 2 has no path to the output
    model = Stages({"hidden": lambda x: x @ first, "logits": lambda h: h @ second})
    return model, first, second, rng.normal(size=(inputs, 4)), rng.normal(size=(inputs, 4))


def test_closed_form_of_a_linear_network():
    model, first, second, inputs, clean = linear()
    hidden, at_clean = inputs @ first, clean @ first
    found = ablation_effects(model, "hidden", None, inputs, LogitDifference(0, 2), batch=4, by_input=True)
    changes = -hidden.T[:, :, None] * second[:, None, :]  # f(do(h_u = 0)) - f = -h_u w_u
    np.testing.assert_allclose(found.on_outputs_by_input, changes, atol=1e-6)
    np.testing.assert_allclose(found.on_outputs, changes.mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(found.by_input, changes[:, :, 0] - changes[:, :, 2], atol=1e-12)
    np.testing.assert_allclose(found.on_metric, found.by_input.mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(found.outputs, (hidden @ second).mean(axis=0), atol=1e-12)
    patched = patch_effects(model, "hidden", None, clean, inputs, Logit(1), batch=4)
    expected = ((at_clean - hidden).T[:, :, None] * second[:, None, :]).mean(axis=1)
    np.testing.assert_allclose(patched.on_outputs, expected, atol=1e-12)
    # In a linear network the units' shares add up to the whole way.
    assert np.isclose(patched.restored.sum(), 1)
    assert not patched.on_outputs[2].any() and not found.on_outputs[2].any()


def test_other_actions_have_closed_forms():
    model, first, second, inputs, clean = linear()
    hidden = inputs @ first
    mean = (clean @ first).mean(axis=0)
    for action, new in (
        (mean_ablate(clean), np.broadcast_to(mean, hidden.shape)),
        (set_to(2.0), np.full_like(hidden, 2.0)),
        (scale(3.0), 3 * hidden),
        (scale(1.0), hidden),
    ):
        found = ablation_effects(model, "hidden", [5, 1], inputs, action=action)
        expected = ((new - hidden).mean(axis=0)[:, None] * second)[[5, 1]]
        np.testing.assert_allclose(found.on_outputs, expected, atol=1e-12)
        assert found.units == (5, 1) and found.metric is None and found.by_input is None


def test_patching_from_the_same_input_changes_nothing():
    model, _, _, inputs, _ = linear()
    found = patch_effects(model, "hidden", None, inputs, inputs, Logit(0))
    assert not found.on_outputs.any() and np.isnan(found.restored).all()


def test_metrics():
    logits = np.array([[1.0, 3.0, 0.0], [2.0, -1.0, 0.5]])
    labels = np.array([1, 2])
    np.testing.assert_array_equal(Logit(2)(logits), [0.0, 0.5])
    np.testing.assert_array_equal(LogitDifference(1, 0)(logits), [2.0, -3.0])
    np.testing.assert_array_equal(Accuracy(labels)(logits), [1.0, 0.0])
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(LogLoss(labels)(logits), -np.log(shares[[0, 1], labels]))
    one = np.array([[2.0], [-1.0]])
    np.testing.assert_array_equal(Accuracy(np.array([1, 1]))(one), [1.0, 0.0])
    np.testing.assert_allclose(LogLoss(np.array([1, 0]))(one), np.log1p(np.exp([-2.0, -1.0])))


def test_one_number_as_a_metric():
    model, first, second, inputs, _ = linear()
    found = ablation_effects(model, "hidden", None, inputs, lambda outputs: outputs.max())
    before = (inputs @ first @ second).max()
    hidden = inputs @ first
    for unit in range(6):
        cut = hidden.copy()
        cut[:, unit] = 0
        assert np.isclose(found.on_metric[unit], (cut @ second).max() - before)
    assert found.by_input is None and np.isclose(found.metric, before)
    assert f"by {found.on_metric[np.abs(found.on_metric).argmax()]:+.4g}" in found.sentence


def test_where_no_unit_changes_the_metric_that_is_said():
    model, _, _, inputs, _ = linear(units=4)
    found = ablation_effects(model, "hidden", None, inputs, Logit(1))
    unit, output = np.unravel_index(np.abs(found.on_outputs).argmax(), found.on_outputs.shape)
    same = replace(found, on_metric=np.zeros(4))
    assert f"unit {unit} changes an output most: output {output} by" in same.sentence
    assert same.sentence.endswith("None changes the metric.")
    assert "metric" not in replace(found, on_metric=None, metric=None).sentence
    nothing = replace(same, on_outputs=np.zeros_like(found.on_outputs))
    assert nothing.sentence == "None of 4 units of layer 'hidden' changes anything."


def test_effects_are_printed_and_drawn():
    model, _, _, inputs, clean = linear(units=30)
    found = ablation_effects(model, "hidden", None, inputs, Logit(1))
    order = found.most(3)
    assert list(order) == list(np.argsort(-np.abs(found.on_metric), kind="stable")[:3])
    lines = repr(found).splitlines()
    assert lines[0] == found.sentence and f"unit {order[0]} changes the metric most" in found.sentence
    assert lines[1].split() == ["unit", "metric", "output", "0", "output", "1", "output", "2"]
    cells = lines[2].split()
    assert int(cells[0]) == order[0] and len(lines) == 23 and lines[-1] == "  and 10 more units"
    np.testing.assert_allclose(
        [float(each) for each in cells[1:]],
        [found.on_metric[order[0]], *found.on_outputs[order[0]]],
        atol=0.005 * np.abs(found.on_outputs).max(),
    )
    page = found._repr_html_()
    assert page.count("<tr>") == 21 and "and 10 more units" in page
    table = found.table(["a", "b", "c"])
    assert table["unit"].tolist() == list(range(30)) and table["metric"].tolist() == found.on_metric.tolist()
    assert table["output b"].tolist() == found.on_outputs[:, 1].tolist()
    patched = patch_effects(model, "hidden", None, clean, inputs, Logit(1))
    assert f"{patched.restored[patched.most(1)[0]]:.1%}" in repr(patched).splitlines()[2]
    picture, bars = found.figure(["a", "b", "c"]).axes[:2]
    np.testing.assert_array_equal(picture.images[0].get_array(), found.on_outputs)
    assert [each.get_text() for each in picture.get_xticklabels()] == ["a", "b", "c"]
    np.testing.assert_allclose([each.get_width() for each in bars.patches], found.on_metric)
    few = found.figure(most=4).axes[0]
    assert [each.get_text() for each in few.get_yticklabels()] == [str(each) for each in found.most(4)]
    assert few.get_title(loc="left") == "4 of 30 units, largest effects first"
    without = ablation_effects(model, "hidden", [5], inputs)
    output = int(np.abs(without.on_outputs[0]).argmax())
    assert f"Of 1 unit of layer 'hidden', unit 5 changes an output most: output {output}" in without.sentence
    assert len(without.figure().axes) == 2  # the map and its scale
    with pytest.raises(NetworkError, match="2 names were given for 3 outputs"):
        found.figure(["a", "b"])


def test_no_effect_is_said():
    model, _, _, inputs, _ = linear()
    found = ablation_effects(model, "hidden", [2], inputs)
    assert found.sentence == "None of 1 unit of layer 'hidden' changes anything."
    assert "+0" in repr(found) and found.figure().axes


def test_errors_name_what_is_wrong():
    model, _, _, inputs, clean = linear()
    labels = np.zeros(11, dtype=int)
    with pytest.raises(LayerError, match=r"no layer 'hiden'.*\n.*Did you mean 'hidden'"):
        ablation_effects(model, "hiden", None, inputs)
    with pytest.raises(LayerError, match="no unit 6: the layer has 6"):
        ablation_effects(model, "hidden", [6], inputs)
    with pytest.raises(LayerError, match="No unit was asked for"):
        ablation_effects(model, "hidden", [], inputs)
    with pytest.raises(NetworkError, match="is given for 10 inputs, but the model is run on 11"):
        patch_effects(model, "hidden", None, clean[:10], inputs)
    with pytest.raises(NetworkError, match="gone through once only"):
        ablation_effects(model, "hidden", None, iter([inputs]))
    with pytest.raises(NetworkError, match="there is no output 3"):
        ablation_effects(model, "hidden", None, inputs, Logit(3))
    with pytest.raises(NetworkError, match=r"labels of shape \(5,\), but there are 11 inputs"):
        ablation_effects(model, "hidden", None, inputs, Accuracy(labels[:5]))
    with pytest.raises(NetworkError, match="from 0 to 3"):
        ablation_effects(model, "hidden", None, inputs, LogLoss(np.r_[labels[1:], 3]))
    with pytest.raises(NetworkError, match=r"The metric gave shape \(2,\)"):
        ablation_effects(model, "hidden", None, inputs, lambda outputs: outputs[:2, 0])
    maps = Stages({"maps": lambda x: x[:, :, None]})
    with pytest.raises(NetworkError, match="Effects are on outputs of shape"):
        ablation_effects(maps, "maps", None, inputs)


def models():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    nn = torch.nn

    class Around(nn.Module):
        """What follows the layer needs more than the layer."""

        def __init__(self):
            super().__init__()
            self.first, self.second, self.last = nn.Linear(4, 5), nn.Linear(5, 5), nn.Linear(5, 3)

        def forward(self, inputs):
            inner = self.first(inputs).relu()
            return self.last(self.second(inner).relu() + inner)

    class Branches(Around):
        """What cannot be traced: the way depends on the values."""

        def forward(self, inputs):
            inner = self.first(inputs).relu()
            return self.last(self.second(inner if inner.sum() > -1 else -inner).relu() + inner)

    class Twice(Around):
        """The layer is called twice."""

        def forward(self, inputs):
            return self.last(self.second(self.second(self.first(inputs)).relu()))

    torch.manual_seed(0)
    chain = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 5), nn.Linear(5, 3))
    return torch, {
        "a chain": (chain, "3", True),
        "in a chain in a chain": (
            nn.Sequential(nn.Sequential(nn.Linear(4, 5)), nn.ReLU(), nn.Linear(5, 3)),
            "0.0",
            True,
        ),
        "a way around": (Around(), "second", True),
        "a way around, before it": (Around(), "first", True),
        "branches": (Branches(), "second", False),
        "called twice": (Twice(), "second", False),
    }


@pytest.mark.parametrize("what", list(range(6)))
def test_what_follows_the_layer_is_the_same_alone_and_in_full(what):
    torch, all_models = models()
    from aitia.networks.recording._torch import TorchModel
    from aitia.networks.recording._torch_continued import _traced
    from aitia.networks.recording._torch_inputs import Arguments

    name, (model, layer, can) = list(all_models.items())[what]
    model.train()
    inputs = torch.randn(9, 4)
    with torch.no_grad():
        traced = _traced(TorchModel(model.eval()), Layer(layer), Arguments((inputs,)))
    assert (traced is not None) == can, name
    model.train()
    layer_ = Layer(layer, call=1) if name == "called twice" else layer
    found = ablation_effects(model, layer_, None, inputs, action=set_to(0.3), by_input=True, batch=4)
    assert model.training and "from training" in found.decisions[0].what
    with torch.no_grad():
        model.eval()
        before = model(inputs)
        for unit in range(5):
            with intervene(model, layer_, {unit: set_to(0.3)}):
                change = model(inputs) - before
            # float32: sums of a dozen products of order 1
            np.testing.assert_allclose(found.on_outputs_by_input[unit], change, atol=2e-6)


def test_effects_within_an_intervention():
    torch, all_models = models()
    model, layer, _ = all_models["a way around"]
    inputs = torch.randn(9, 4)
    with torch.no_grad(), intervene(model, "first", {0: set_to(1.0)}):
        before = model(inputs)
        found = ablation_effects(model, layer, [3], inputs)
        with intervene(model, layer, {3: set_to(0.0)}):
            after = model(inputs)
    np.testing.assert_allclose(found.on_outputs[0], (after - before).mean(dim=0), atol=2e-6)


def test_one_clean_input_stands_beside_every_corrupted_one():
    model, _, _, inputs, clean = linear()
    labels = np.arange(11) % 3
    found = patch_effects(model, "hidden", None, clean[:1], inputs, LogLoss(labels))
    repeated = patch_effects(model, "hidden", None, np.repeat(clean[:1], 11, axis=0), inputs, LogLoss(labels))
    np.testing.assert_allclose(found.on_metric, repeated.on_metric, atol=1e-12)
    np.testing.assert_allclose(found.restored, repeated.restored, atol=1e-12)
