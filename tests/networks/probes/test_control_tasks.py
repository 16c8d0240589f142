"""Control tasks, untrained weights and nonlinear probes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from aitia.networks import Control, Logistic, NetworkError, Perceptron, ProbeError, probe, record, untrained
from aitia.networks.probes._rows import Rows
from aitia.networks.probes._target import Target, read


def words(rows: int, types: int, seed: int = 0):
    """Rows of a type each, and a layer that says which."""
    draws = np.random.default_rng(seed)
    of_row = draws.integers(types, size=rows)
    one_hot = (of_row[:, None] == np.arange(types)).astype(float)
    return of_row, one_hot, draws


def test_every_row_of_a_type_has_its_label_and_labels_have_the_targets_frequencies():
    draws = np.random.default_rng(0)
    types = draws.integers(400, size=6000)
    target = read("part", np.array(["noun", "verb", "other"])[draws.choice(3, p=[0.6, 0.3, 0.1], size=6000)])
    tasks = Control(types, draws=5).tasks(target, Rows(6000), seed=1)
    assert len({each.values.tobytes() for each in tasks}) == 5
    counts = np.zeros(3)
    for task in tasks:
        assert all(len(set(task.values[types == each])) == 1 for each in range(400))
        counts += np.bincount([task.values[types == each][0] for each in range(400)], minlength=3)
    # 2,000 labels: a share's standard error is at most sqrt(0.25 / 2000) = 0.011.
    np.testing.assert_allclose(counts / 2000, np.bincount(target.values) / 6000, atol=4 * 0.011)


def test_control_tasks_vary_or_are_refused():
    target = read("t", np.arange(20) % 3 == 0)
    # Of two types with a third of ones, 5 of 9 draws give both the same label: those are drawn again.
    tasks = Control(np.arange(20) % 2, draws=12).tasks(target, Rows(20), seed=0)
    assert all(np.ptp(each.values) > 0 for each in tasks)
    rare = read("t", np.arange(5000) == 7)
    with pytest.raises(ProbeError, match="All 2 types got the same label of 't' in 100 draws"):
        Control(np.arange(5000) % 2).tasks(rare, Rows(5000), seed=0)


def test_untrained_layers_are_found_by_name():
    draws = np.random.default_rng(5)
    label = draws.random(200) < 0.5
    says, silent = label[:, None] + 0.1 * draws.normal(size=(200, 2)), draws.normal(size=(200, 2))
    found = probe({"a": says, "b": silent}, {"l": label}, untrained={"b": silent, "a": says})
    for layer in ("a", "b"):
        assert found[layer, "l"].untrained == found[layer, "l"].quality


def test_a_layer_that_names_the_type_is_good_at_control_tasks_and_not_selective():
    types, one_hot, draws = words(1500, 12)
    label = draws.random(12)[types] < 0.5
    found = probe(one_hot, {"label": label}, control=Control(types), penalty=1e-4)[0]
    assert found.quality.value == 1.0
    assert found.control is not None and found.control.value == 1.0
    assert found.selectivity == 0.0


def test_a_layer_that_carries_the_property_alone_is_selective():
    types, _, draws = words(1500, 12)
    property_ = draws.random(1500) < 0.5
    layer = np.column_stack([property_ + 0.1 * draws.normal(size=1500), draws.normal(size=1500)])
    found = probe(layer, {"label": property_}, control=Control(types, draws=8), penalty=1e-3)[0]
    assert found.control is not None
    # Nothing to learn types from: the best is each task's larger class, on average over tasks at most about 0.7.
    assert found.quality.value == 1.0 and found.control.value < 0.8
    assert found.selectivity == pytest.approx(1.0 - found.control.value)
    assert "selectivity" in found.sentence


def test_the_perceptron_is_less_selective_than_the_linear_probe():
    # The finding of Hewitt and Liang (2019): types are no linear function of the layer, but a perceptron learns them.
    types, _, draws = words(1200, 30, seed=2)
    code = draws.normal(size=(30, 3))[types]
    property_ = draws.random(1200) < 0.5
    layer = np.column_stack([code, 2.0 * property_ - 1 + 0.3 * draws.normal(size=1200)])
    control = Control(types, draws=2)
    linear = probe(layer, {"p": property_}, control=control, folds=3)[0]
    curved = probe(layer, {"p": property_}, method=Perceptron(32), control=control, folds=3)[0]
    assert linear.selectivity is not None and curved.selectivity is not None
    assert min(linear.quality.value, curved.quality.value) > 0.97
    assert linear.selectivity > curved.selectivity + 0.1


def test_the_perceptron_reads_what_no_linear_probe_does():
    draws = np.random.default_rng(1)
    layer = draws.normal(size=(600, 2))
    either = (layer[:, 0] > 0) ^ (layer[:, 1] > 0)
    product = layer[:, 0] * layer[:, 1]
    targets = {"either": either, "product": 50 * product + 300}  # numbers of any place and scale
    linear = probe(layer, targets, folds=3)
    curved = probe(layer, targets, method=Perceptron(16), folds=3)
    assert linear["layer", "either"].quality.value < 0.6 < 0.93 < curved["layer", "either"].quality.value
    assert linear["layer", "product"].quality.value < 0.1 < 0.9 < curved["layer", "product"].quality.value
    again = probe(layer, targets, method=Perceptron(16), folds=3)
    np.testing.assert_array_equal(curved.values, again.values)


def test_logistic_probes_are_those_of_scikit_learn():
    draws = np.random.default_rng(2)
    layer = draws.normal(size=(240, 5)) * [1, 10, 0.1, 1, 1] + 3
    label = np.digitize(layer[:, 0] + draws.normal(size=240), [2.5, 3.5])
    codes = np.arange(240) % 4
    found = probe(
        layer, {"label": label}, method=Logistic(tolerance=1e-8), penalty=0.01, folds=codes, predictions=True
    )[0]
    expected = np.empty((240, 3))
    for fold in range(4):
        train = codes != fold
        model = make_pipeline(
            StandardScaler(), LogisticRegression(C=1 / (0.01 * 180), tol=1e-8, max_iter=1000)
        )
        expected[~train] = model.fit(layer[train], label[train]).predict_proba(layer[~train])
    assert found.predictions is not None
    np.testing.assert_allclose(found.predictions, expected, atol=1e-6)
    assert found.coefficients is not None and found.coefficients.shape == (5, 3)
    with pytest.raises(ProbeError, match="is numbers"):
        probe(layer, layer[:, 0], method=Logistic())
    with pytest.raises(ProbeError, match="takes one penalty"):
        probe(layer, label, method=Logistic(), penalty=(0.1, 1.0))
    slow = probe(layer, {"label": label}, method=Logistic(iterations=2), folds=codes)
    assert slow.warnings == ("In layer the probe of label did not converge in 2 steps.",)


def test_controls_that_say_nothing():
    with pytest.raises(ProbeError, match="none comes twice"):
        Control(np.arange(20))
    with pytest.raises(ProbeError, match="needs two"):
        Control(np.zeros(20, int))
    with pytest.raises(ProbeError, match="0 control tasks"):
        Control(np.arange(20) % 3, draws=0)
    target = Target("t", np.array([0, 1] * 10), ("a", "b"))
    with pytest.raises(ProbeError, match=r"types of the control has shape \(30,\)"):
        Control(np.arange(30) % 3).tasks(target, Rows(20), 0)


def test_untrained_weights_stand_beside_trained_ones():
    draws = np.random.default_rng(3)
    inputs = draws.normal(size=(500, 10))
    label = (inputs[:, 0] > 0) ^ (inputs[:, 1] > 0)
    model = MLPClassifier((24,), max_iter=1500, random_state=0, solver="lbfgs").fit(inputs, label)
    before = [each.copy() for each in model.coefs_]
    fresh = untrained(model, seed=4)
    trained_layer, fresh_layer = (record(each, "hidden 1", inputs) for each in (model, fresh))
    found = probe(trained_layer, {"either": label}, untrained=fresh_layer)[0]
    assert found.gained is not None and found.gained > 0.15
    alone = probe(fresh_layer, {"either": label})[0].quality
    assert found.untrained == alone
    assert all((old == new).all() for old, new in zip(before, model.coefs_, strict=True))
    assert all((old != new).all() for old, new in zip(model.intercepts_, fresh.intercepts_, strict=True))
    again = untrained(model, seed=4)
    assert (again.coefs_[0] == fresh.coefs_[0]).all()
    bound = np.sqrt(6 / 34)  # Glorot and Bengio 2010: 10 inputs, 24 units
    assert 0.95 * bound < np.abs(fresh.coefs_[0]).max() <= bound
    with pytest.raises(ProbeError, match="untrained weights have layers"):
        probe({"a": trained_layer, "b": trained_layer}, {"either": label}, untrained={"a": trained_layer})
    with pytest.raises(ProbeError, match="with untrained weights has 400 inputs"):
        probe(inputs, {"either": label}, untrained=inputs[:400])
    with pytest.raises(NetworkError, match="no weights"):
        untrained("model")


def test_untrained_modules_of_pytorch():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.BatchNorm1d(5), torch.nn.LSTM(5, 3))
    model[1](torch.randn(20, 5) + 3)
    state = torch.random.get_rng_state()
    fresh, again, other = untrained(model, 1), untrained(model, 1), untrained(model, 2)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(fresh[0].weight, again[0].weight)
    assert not torch.equal(fresh[0].weight, other[0].weight)
    for name, each in model.named_parameters():
        if not name.startswith("1."):
            assert not torch.equal(each, dict(fresh.named_parameters())[name]), name
    assert float(model[1].running_mean.mean()) > 0.1 and not fresh[1].running_mean.any()
    bare = torch.nn.Sequential(torch.nn.Linear(2, 2))
    bare[0].extra = torch.nn.ParameterList([torch.nn.Parameter(torch.ones(2))])
    with pytest.raises(NetworkError, match=r"'0\.extra' holds parameters"):
        untrained(bare)
