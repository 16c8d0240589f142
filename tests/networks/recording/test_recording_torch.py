"""Recording PyTorch modules: exact, and nothing is left behind."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.networks import ActivationError, Layer, LayerError, NetworkError, record

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn


def whole_numbers(module, seed=0):
    """Small whole weights: all sums are exact in float32, whatever their order."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for each in module.parameters():
            each.copy_(torch.randint(-2, 3, each.shape, generator=generator).float())
    return module


def convolution():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 5)
    )


class Recurrent(nn.Module):
    def __init__(self, batch_first=True, layers=1):
        super().__init__()
        self.embedding = nn.Embedding(11, 3)
        self.lstm = nn.LSTM(3, 4, batch_first=batch_first, num_layers=layers)
        self.linear = nn.Linear(4, 2)

    def forward(self, tokens):
        inner = self.embedding(tokens if self.lstm.batch_first else tokens.T)
        _, (hidden, _) = self.lstm(inner)
        return self.linear(hidden[-1])


class Packed(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 3)
        self.lstm = nn.LSTM(3, 4, batch_first=True)

    def forward(self, tokens):
        lengths = (tokens != 0).sum(dim=1)
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embedding(tokens), lengths, batch_first=True, enforce_sorted=False
        )
        _, (hidden, _) = self.lstm(packed)
        return hidden[-1]


class Shared(nn.Module):
    """Calls one layer twice, another never, and takes two inputs."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(3, 4)
        self.unused = nn.Linear(3, 4)
        self.pair = nn.Identity()
        self.linear = nn.Linear(8, 2)

    def forward(self, first, second, extra=None):
        u, v = self.encoder(first), self.encoder(second)
        self.pair((u, v))
        return self.linear(torch.cat([u, v], dim=1))


IMAGES = torch.randint(-3, 4, (23, 3, 8, 8), generator=torch.Generator().manual_seed(1)).float()


@given(st.integers(1, 30), st.permutations(range(23)))
@settings(deadline=None, max_examples=15)
def test_order_and_batch_size_change_no_bit(batch, order):
    # Whole numbers, so that this holds bitwise; with others matrix products of different size differ in last digits.
    model = whole_numbers(convolution())
    layers = ["0", "1", "4"]
    expected = record(model, layers, IMAGES, batch=23)
    found = record(model, layers, IMAGES[list(order)], batch=batch)
    for each in layers:
        np.testing.assert_array_equal(found[each].values, expected[each].values[list(order)])


def test_order_and_batch_size_with_real_weights():
    torch.manual_seed(0)
    model = convolution()
    images = torch.randn(40, 3, 8, 8)
    order = torch.randperm(40)
    expected = record(model, "4", images, batch=40).values
    found = record(model, "4", images[order], batch=7).values
    # 36 products of order 1 in float32: a few units in the last place.
    np.testing.assert_allclose(found, expected[order], rtol=0, atol=1e-5)


def test_values_are_those_of_the_modules():
    model = whole_numbers(convolution())
    found, logits = record(model, ["0", "1"], IMAGES, outputs=True, batch=10)
    with torch.no_grad():
        inner = model[0](IMAGES)
        np.testing.assert_array_equal(found["0"].values, inner.numpy())  # not what the ReLU wrote over it
        np.testing.assert_array_equal(found["1"].values, inner.clamp(min=0).numpy())
        np.testing.assert_array_equal(logits, model(IMAGES).numpy())
    assert found["0"].values.min() < 0
    assert found["0"].positions == (6, 6) and found["0"].layer == "0"


def test_units_chosen_keep_their_numbers():
    model = whole_numbers(convolution())
    found = record(model, "0", IMAGES, units=[3, 1])
    np.testing.assert_array_equal(found.values, record(model, "0", IMAGES).values[:, [3, 1]])
    assert found.units == (3, 1)


@pytest.mark.parametrize("batch_first", [True, False])
def test_parts_of_an_lstm(batch_first):
    torch.manual_seed(1)
    model = Recurrent(batch_first).eval()
    tokens = torch.randint(0, 11, (9, 5))
    with torch.no_grad():
        given = model.embedding(tokens if batch_first else tokens.T)
        output, (hidden, cell) = model.lstm(given)
    output = output if batch_first else output.transpose(0, 1)
    every = record(model, "lstm", tokens, batch=4)
    assert every.values.shape == (9, 4, 5)
    np.testing.assert_allclose(every.values, output.transpose(1, 2), atol=1e-6)
    for layer, expected in ((Layer("lstm", (1, 0)), hidden[0]), (Layer("lstm", (1, 1)), cell[0])):
        np.testing.assert_allclose(record(model, layer, tokens, batch=4).values, expected, atol=1e-6)
    assert list(record(model, [Layer("lstm", (1, 0)), "lstm"], tokens)) == ["lstm[1][0]", "lstm"]


def test_layers_of_a_deep_lstm_are_positions():
    model = Recurrent(layers=2)
    assert record(model, Layer("lstm", (1, 0)), torch.randint(0, 11, (9, 5))).values.shape == (9, 4, 2)


def test_packed_sequences_know_their_lengths(tmp_path):
    torch.manual_seed(2)
    model = Packed()
    tokens = torch.randint(1, 11, (10, 6))
    lengths = np.array([6, 2, 3, 1, 4, 5, 2, 2, 3, 1])
    tokens[torch.arange(6) >= torch.as_tensor(lengths)[:, None]] = 0
    # Batches whose longest sequences differ are padded to the longest of all.
    for to in (None, tmp_path):
        found = record(model, "lstm", tokens, batch=2, to=to)
        assert found.values.shape == (10, 4, 6)
        np.testing.assert_array_equal(found.lengths, lengths)
        alone = [record(model, "lstm", tokens[i : i + 1, : lengths[i]]).values[0] for i in range(10)]
        for row, length in enumerate(lengths):
            np.testing.assert_allclose(found.values[row, :, :length], alone[row], atol=1e-6)
            assert not found.values[row, :, length:].any()


def test_axis_of_the_units():
    one = nn.Sequential(nn.Conv1d(2, 5, 3), nn.ReLU())
    signal = torch.randn(4, 2, 9)
    assert record(one, "0", signal).values.shape == (4, 5, 7)
    assert record(one, Layer("1", axis=1), signal).values.shape == (4, 5, 7)
    last = nn.Sequential(nn.LayerNorm(3))
    assert record(last, Layer("0", axis=-1), torch.randn(4, 8, 6, 3)).values.shape == (4, 3, 8, 6)
    with pytest.raises(LayerError, match="axis 4 cannot be"):
        record(last, Layer("0", axis=4), torch.randn(4, 8, 6, 3))


def test_a_layer_called_twice_needs_the_call():
    model = Shared()
    first, second = torch.randn(6, 3), torch.randn(6, 3)
    with pytest.raises(LayerError, match="calls layer 'encoder' 2 times"):
        record(model, "encoder", (first, second))
    with torch.no_grad():
        for call, given_ in enumerate((first, second)):
            found = record(model, Layer("encoder", call=call), (first, second), batch=2)
            np.testing.assert_allclose(found.values, model.encoder(given_), atol=1e-6)
    with pytest.raises(LayerError, match="does not call layer 'unused'"):
        record(model, "unused", (first, second))
    with pytest.raises(LayerError, match=r"several tensors: a tuple of \(\[0\] a tensor of shape"):
        record(model, "pair", (first, second))
    with pytest.raises(LayerError, match="has no part 2"):
        record(model, Layer("pair", 2), (first, second))
    assert record(model, Layer("pair", 1), (first, second)).values.shape == (6, 4)


def snapshot(model):
    return (
        [each.training for each in model.modules()],
        [each.clone() for each in model.state_dict().values()],
        [each.requires_grad for each in model.parameters()],
        [each.grad for each in model.parameters()],
        [(len(each._forward_hooks), len(each._forward_pre_hooks)) for each in model.modules()],
    )


def assert_same(model, before):
    after = snapshot(model)
    assert after[0] == before[0] and after[2:] == before[2:]
    assert all(torch.equal(a, b) for a, b in zip(after[1], before[1], strict=True))


def test_the_model_is_left_as_it_was():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    model.train()
    model[2].eval()
    model[0].weight.requires_grad_(False)
    before = snapshot(model)
    inputs = torch.randn(30, 3)
    found = record(model, "2", inputs, batch=8)
    assert_same(model, before)
    # In evaluation mode: no dropout, and a batch's statistics are not used.
    np.testing.assert_allclose(found.values, record(model, "2", inputs, batch=30).values, atol=1e-6)
    assert "from training into evaluation mode" in found.decisions[0].what
    assert record(model.eval(), "2", inputs).decisions == ()


class Breaks(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 4)

    def forward(self, inputs):
        inner = self.linear(inputs)
        if inputs[0, 0] > 5:
            raise RuntimeError("a stack of PyTorch")
        return inner


def test_the_model_is_left_as_it_was_after_an_exception(tmp_path):
    model = Breaks().train()
    before = snapshot(model)
    inputs = torch.zeros(10, 3)
    inputs[8] = 9
    with pytest.raises(NetworkError, match="could not be run on a batch of shape"):
        record(model, "linear", inputs, batch=2, outputs=True, to=tmp_path)
    assert_same(model, before)
    assert list(tmp_path.iterdir()) == []


def test_no_more_is_run_than_is_needed():
    count = 0

    class Counts(nn.Module):
        def forward(self, inputs):
            nonlocal count
            count += 1
            return inputs

    model = nn.Sequential(nn.Linear(3, 4), Counts())
    record(model, "0", torch.randn(12, 3), batch=3)
    assert count == 1  # the first batch runs whole, to see how often the layer is called
    record(model, "0", torch.randn(12, 3), batch=3, outputs=True)
    assert count == 5


@pytest.mark.parametrize("layers", ["0", ["0", "4"]])
def test_memory_mapped_values_are_the_same(tmp_path, layers):
    model = whole_numbers(convolution())
    expected = record(model, layers, IMAGES, outputs=True, batch=6)
    found = record(model, layers, IMAGES, outputs=True, batch=6, to=tmp_path / "new")
    pairs = (
        [(found[0], expected[0])]
        if isinstance(layers, str)
        else [(found[0][k], expected[0][k]) for k in layers]
    )
    for ours, theirs in pairs:
        assert isinstance(ours.values, np.memmap) and ours.values.flags.c_contiguous
        np.testing.assert_array_equal(ours.values, theirs.values)
    np.testing.assert_array_equal(found[1], expected[1])
    assert not [each for each in (tmp_path / "new").iterdir() if each.suffix != ".npy"]


def test_every_way_to_give_inputs():
    from torch.utils.data import DataLoader, IterableDataset, TensorDataset

    model = whole_numbers(convolution())
    expected = record(model, "1", IMAGES).values
    labels = torch.arange(23)

    class Stream(IterableDataset):
        def __iter__(self):
            return iter(IMAGES)

    given_ = {
        "array": IMAGES.numpy(),
        "double": IMAGES.numpy().astype(np.float64),
        "tuple": (IMAGES,),
        "names": {"input": IMAGES},
        "batches": [IMAGES[:5], IMAGES[5:6], IMAGES[6:]],
        "generator": (IMAGES[i : i + 9] for i in range(0, 23, 9)),
        "loader": DataLoader(TensorDataset(IMAGES, labels), batch_size=4),
        "loader of unknown length": DataLoader(Stream(), batch_size=4),
        "read-only": np.broadcast_to(IMAGES.numpy(), IMAGES.shape),
        "not contiguous": np.asfortranarray(IMAGES.numpy()),
    }
    for what, inputs in given_.items():
        np.testing.assert_array_equal(record(model, "1", inputs, batch=6).values, expected, err_msg=what)
    with pytest.raises(NetworkError, match="random order"):
        record(model, "1", DataLoader(TensorDataset(IMAGES), batch_size=4, shuffle=True))


def test_a_loader_for_a_model_of_two_inputs():
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(0)
    model = Shared()
    first, second, labels = torch.randn(6, 3), torch.randn(6, 3), torch.arange(6)
    loader = DataLoader(TensorDataset(first, second, labels), batch_size=4)
    layer = Layer("encoder", call=1)
    # Of three tensors the two that forward needs.
    np.testing.assert_allclose(
        record(model, layer, loader).values, record(model, layer, (first, second)).values, atol=1e-6
    )


def test_half_precision_and_bfloat():
    for kind, expected in (
        (torch.float16, np.float16),
        (torch.bfloat16, np.float32),
        (torch.float64, np.float64),
    ):
        model = nn.Sequential(nn.Linear(3, 4)).to(kind)
        found = record(model, "0", np.ones((2, 3), dtype=np.float32))
        assert found.values.dtype == expected


def test_errors_name_what_is_wrong():
    model = convolution()
    with pytest.raises(LayerError, match=r"no layer 'o'.*\n.*Available: 0, 1, 2"):
        record(model, "o", IMAGES)
    with pytest.raises(LayerError, match="There is no unit 4: the layer has 4, 0 to 3"):
        record(model, "0", IMAGES, units=[1, 4])
    with pytest.raises(LayerError, match="No layer was asked for"):
        record(model, [], IMAGES)
    with pytest.raises(NetworkError, match="batch=0"):
        record(model, "0", IMAGES, batch=0)
    with pytest.raises(NetworkError, match="There are no inputs"):
        record(model, "0", IMAGES[:0])
    with pytest.raises(NetworkError, match=r"could not be run on a batch of shape \(23, 3, 2, 2\)"):
        record(model, "0", IMAGES[:, :, :2, :2])
    with pytest.raises(NetworkError, match="Expected tensors or arrays"):
        record(model, "0", "a file")
    with pytest.raises(NetworkError, match=r"differ in count: part 0 has 6, part 1 has 5"):
        record(Shared(), "linear", (torch.randn(6, 3), torch.randn(5, 3)))
    with pytest.raises(NetworkError, match="on the device 'meta'"):
        record(nn.Sequential(nn.Linear(2, 2, device="meta")), "0", torch.ones(1, 2))
    with pytest.raises(ActivationError, match="gives 46 rows for 23 inputs"):
        record(nn.Sequential(nn.Flatten(), nn.Unflatten(1, (2, 96)), nn.Flatten(0, 1)), "2", IMAGES)
    with pytest.raises(NetworkError, match="of type dict cannot be recorded"):
        record({}, "0", IMAGES)


def test_nan_is_named():
    model = whole_numbers(convolution())
    images = IMAGES.clone()
    images[17, 2, 7, 7] = float("nan")
    with pytest.raises(ActivationError, match="Layer '0' gives NaN: unit 0 at input 17, and 4 units"):
        record(model, "0", images, batch=5)
    images[17] = float("inf")  # infinite values of both signs are no NaN
    assert np.isinf(record(nn.Sequential(nn.Hardtanh(-np.inf, np.inf)), "0", images).values).any()


def test_lengths_given():
    model = Recurrent()
    tokens = torch.randint(0, 11, (4, 5))
    found = record(model, "lstm", tokens, lengths=np.array([5, 1, 2, 3]))
    assert found.lengths.tolist() == [5, 1, 2, 3]
    for wrong, layer in (
        ([5, 1], "lstm"),
        ([9, 1, 1, 1], "lstm"),
        ([5, 1, 2, 3], "linear"),
        ([0.5] * 4, "lstm"),
    ):
        with pytest.raises(ActivationError, match=r"[Ll]engths"):
            record(model, layer, tokens, lengths=np.array(wrong))
