"""scikit-learn's perceptrons and functions of arrays, recorded and set; and that PyTorch is not loaded for them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from aitia.networks import (
    LayerError,
    NetworkError,
    Stages,
    ablate,
    ablation_effects,
    intervene,
    patch_from,
    record,
    scale,
    set_to,
)

RNG = np.random.default_rng(5)
INPUTS = RNG.normal(size=(60, 4))
LABELS = (INPUTS[:, 0] + INPUTS[:, 1] ** 2 > 0.5).astype(int) + (INPUTS[:, 2] > 1)


def classifier(activation="relu", labels=LABELS):
    return MLPClassifier((7, 5), activation=activation, max_iter=300, tol=1e-2, random_state=0).fit(
        INPUTS, labels
    )


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
def test_layers_and_outputs_are_those_of_the_estimator(activation):
    model = classifier(activation)
    found, logits = record(model, ["hidden 1", "hidden 2"], INPUTS, outputs=True, batch=17)
    act = {"relu": lambda x: np.maximum(x, 0), "tanh": np.tanh, "logistic": expit, "identity": lambda x: x}[
        activation
    ]
    first = act(INPUTS @ model.coefs_[0] + model.intercepts_[0])
    np.testing.assert_allclose(found["hidden 1"].values, first, atol=1e-12)
    np.testing.assert_allclose(
        found["hidden 2"].values, act(first @ model.coefs_[1] + model.intercepts_[1]), atol=1e-12
    )
    np.testing.assert_allclose(softmax(logits, axis=1), model.predict_proba(INPUTS), atol=1e-12)


def test_two_classes_a_regressor_and_a_pipeline():
    binary = classifier(labels=LABELS > 0)
    _, logits = record(binary, "hidden 1", INPUTS, outputs=True)
    np.testing.assert_allclose(expit(logits[:, 0]), binary.predict_proba(INPUTS)[:, 1], atol=1e-12)
    regressor = MLPRegressor(hidden_layer_sizes=(6,), max_iter=400, tol=1e-2, random_state=0).fit(
        INPUTS, INPUTS[:, 0]
    )
    _, values = record(regressor, "hidden 1", INPUTS, outputs=True)
    np.testing.assert_allclose(values[:, 0], regressor.predict(INPUTS), atol=1e-12)
    pipe = make_pipeline(StandardScaler(), MLPClassifier((6,), max_iter=300, tol=1e-2, random_state=0))
    pipe.fit(10 * INPUTS + 3, LABELS)
    _, logits = record(pipe, "hidden 1", 10 * INPUTS + 3, outputs=True, batch=7)
    np.testing.assert_allclose(softmax(logits, axis=1), pipe.predict_proba(10 * INPUTS + 3), atol=1e-12)
    with intervene(pipe, "hidden 1", dict.fromkeys(range(6), ablate())):
        assert len(np.unique(pipe.predict(10 * INPUTS + 3))) == 1  # nothing but the intercepts is left


def test_interventions_reach_the_estimators_own_predictions():
    model = classifier()
    before = model.predict_proba(INPUTS)
    state = set(vars(model))
    with intervene(model, "hidden 2", {0: set_to(2.0), 3: scale(0.5)}):
        inside = model.predict_proba(INPUTS)
        with intervene(model, "hidden 1", {1: ablate(), 2: patch_from(INPUTS[::-1])}):
            nested = model.predict_proba(INPUTS)
            assert not record(model, "hidden 1", INPUTS, batch=9).values[:, 1].any()
        np.testing.assert_array_equal(model.predict_proba(INPUTS), inside)
    np.testing.assert_array_equal(model.predict_proba(INPUTS), before)
    assert set(vars(model)) == state
    hidden = record(model, "hidden 2", INPUTS).values
    hidden[:, 0], hidden[:, 3] = 2.0, 0.5 * hidden[:, 3]
    np.testing.assert_allclose(
        inside, softmax(hidden @ model.coefs_[2] + model.intercepts_[2], axis=1), atol=1e-12
    )
    first = record(model, "hidden 1", INPUTS).values
    first[:, 1], first[:, 2] = 0, first[::-1, 2].copy()
    hidden = np.maximum(first @ model.coefs_[1] + model.intercepts_[1], 0)
    hidden[:, 0], hidden[:, 3] = 2.0, 0.5 * hidden[:, 3]
    np.testing.assert_allclose(
        nested, softmax(hidden @ model.coefs_[2] + model.intercepts_[2], axis=1), atol=1e-12
    )


def test_an_estimator_is_as_it_was_after_an_exception():
    model = classifier()
    before = model.predict_proba(INPUTS)
    with pytest.raises(ZeroDivisionError), intervene(model, "hidden 1", {0: ablate()}):
        raise ZeroDivisionError
    np.testing.assert_array_equal(model.predict_proba(INPUTS), before)


def test_effects_are_those_of_predictions():
    model = classifier()
    logits = record(model, "hidden 1", INPUTS, outputs=True)[1]
    found = ablation_effects(model, "hidden 1", None, INPUTS, batch=11)
    for unit in range(7):
        with intervene(model, "hidden 1", {unit: ablate()}):
            after = record(model, "hidden 1", INPUTS, outputs=True)[1]
        np.testing.assert_allclose(found.on_outputs[unit], (after - logits).mean(axis=0), atol=1e-12)


def test_order_and_batch_size_of_whole_numbers_change_no_bit(tmp_path):
    weights = RNG.integers(-3, 4, size=(4, 6)).astype(float)
    model = Stages(
        {"hidden": lambda x: np.maximum(x @ weights, 0), "sum": lambda h: h.sum(axis=1, keepdims=True)}
    )
    inputs = RNG.integers(-9, 10, size=(31, 4)).astype(float)
    expected = record(model, "hidden", inputs).values
    order = RNG.permutation(31)
    for batch in (1, 7, 31, 100):
        found = record(model, "hidden", inputs[order], batch=batch, to=tmp_path)
        np.testing.assert_array_equal(found.values, expected[order])
    np.testing.assert_array_equal(record(model, "hidden", [inputs[:4], inputs[4:]]).values, expected)


def test_functions_that_keep_what_they_give_are_safe():
    kept = np.ones((3, 2))
    model = Stages({"kept": lambda x: kept, "sum": lambda h: h.sum(axis=1, keepdims=True)})
    with intervene(model, "kept", {0: ablate()}):
        np.testing.assert_array_equal(model(np.zeros((3, 1))), np.ones((3, 1)))
    assert kept.all()


def test_errors_name_what_is_wrong():
    model = classifier()
    with pytest.raises(LayerError, match=r"no layer 'hidden 3'.*\n.*Available: hidden 1, hidden 2"):
        record(model, "hidden 3", INPUTS)
    with (
        pytest.raises(LayerError, match="no unit 7: the layer has 7"),
        intervene(model, "hidden 1", {7: ablate()}),
    ):
        pass
    with pytest.raises(NetworkError, match="fitted on 4 columns; came inputs of shape"):
        record(model, "hidden 1", INPUTS[:, :3])
    with pytest.raises(NetworkError, match="The MLPClassifier is not fitted"):
        record(MLPClassifier(), "hidden 1", INPUTS)
    with pytest.raises(NetworkError, match="A StandardScaler has no layers of units"):
        record(StandardScaler(), "hidden 1", INPUTS)
    with pytest.raises(NetworkError, match="of type function cannot be recorded"):
        record(lambda x: x, "hidden 1", INPUTS)
    with pytest.raises(NetworkError, match="functions of arrays"):
        Stages({})
    with pytest.raises(NetworkError, match="rows differ in length"):
        record(Stages({"a": lambda x: x}), "a", [[1.0], [1.0, 2.0]])
    with pytest.raises(NetworkError, match="Expected an array of numbers"):
        record(Stages({"a": lambda x: x}), "a", np.array([["word"]]))


def test_without_torch():
    """All of the above where PyTorch cannot be imported."""
    code = """
import sys
class Absent:
    def find_spec(self, name, *rest):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.meta_path.insert(0, Absent())
import numpy as np
from sklearn.neural_network import MLPRegressor
from aitia.core import MissingExtra
from aitia.networks import ablate, ablation_effects, examples, intervene, record
x = np.random.default_rng(0).normal(size=(50, 3))
model = MLPRegressor(hidden_layer_sizes=(4,), max_iter=500, tol=1e-2).fit(x, x[:, 0])
assert record(model, "hidden 1", x).values.shape == (50, 4)
with intervene(model, "hidden 1", {0: ablate()}):
    model.predict(x)
ablation_effects(model, "hidden 1", None, x)
for build in (examples.scene_network, examples.pair_network, examples.digit_convolution, examples.resnet20):
    try:
        build()
    except MissingExtra as error:
        assert 'pip install "aitia[networks]"' in str(error)
    else:
        raise AssertionError(build)
print("done")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "done", done.stderr
