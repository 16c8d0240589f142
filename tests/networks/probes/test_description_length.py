"""Online coding: a closed form, known truth, and the ordering of the paper."""

from __future__ import annotations

from math import lgamma, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_t

from aitia.networks import Control, LeastSquaresProbe, Logistic, Perceptron, ProbeError, description_length
from aitia.networks.probes._gaussian_code import Cells, gaussian_bits, predictions
from aitia.networks.probes._rows import Rows
from aitia.networks.probes._target import read
from aitia.statistics import Moments


@pytest.mark.parametrize("ones", [1, 7, 15])
def test_units_that_say_nothing_give_laplaces_code(ones):
    # Coded one by one with a constant unit, the code is the rule of succession's: log2((n + 1) binomial(n, ones)) bits,
    # whatever the order.
    rows = 30
    label = np.arange(rows) < ones
    each = tuple((np.arange(rows) + 1) / rows)
    expected = (log(rows + 1) + lgamma(rows + 1) - lgamma(ones + 1) - lgamma(rows - ones + 1)) / log(2)
    for seed in (0, 1):
        found = description_length(
            np.ones((rows, 1)), {"label": label}, portions=each, penalty=1.0, seed=seed
        )[0]
        assert found.bits == pytest.approx(expected, rel=1e-6)
    assert found.uniform_bits == rows
    assert found.without_layer == pytest.approx(expected)


def test_one_portion_is_the_uniform_code():
    draws = np.random.default_rng(0)
    label = draws.integers(4, size=100)
    found = description_length(draws.normal(size=(100, 2)), {"label": label}, portions=(1.0,))[0]
    assert found.bits == pytest.approx(200) and found.compression == pytest.approx(1)


def test_the_code_nears_the_entropy_of_the_label_given_the_layer():
    # P(y = 1 | x) = 1 / (1 + exp(-2 x)): the bits a row are the conditional entropy, and beside it what learning 2
    # parameters costs, about log2(n) (Rissanen), and the first portion.
    draws = np.random.default_rng(1)
    layer = draws.normal(size=(4000, 1))
    chance = 1 / (1 + np.exp(-2 * layer[:, 0]))
    label = draws.random(4000) < chance
    ideal = -np.log2(np.where(label, chance, 1 - chance))
    found = description_length(layer, {"label": label}, penalty=1e-6, orders=3)[0]
    assert ideal.sum() < found.bits < ideal.sum() + 3 * np.log2(4000)
    assert found.by_portion.sum() == pytest.approx(found.bits)
    assert found.by_portion[-1] == pytest.approx(ideal.sum() / 2, rel=0.05)


def test_control_tasks_take_more_bits_and_clear_layers_fewer():
    # The ordering of tables 2 and 3 of Voita and Titov (2020): the property compresses more than its control task, and
    # a layer that says it clearly more than one that says it under noise.
    draws = np.random.default_rng(2)
    types = draws.integers(60, size=1500)
    label = draws.integers(3, size=1500)
    code = draws.normal(size=(60, 6))[types]
    centre = 3 * np.eye(3)[label]
    layers = {
        "clear": np.column_stack([code, centre + draws.normal(size=(1500, 3))]),
        "dim": np.column_stack([code, centre + 3 * draws.normal(size=(1500, 3))]),
    }
    found = description_length(layers, {"label": label}, control=Control(types, draws=2))
    clear, dim = found
    assert clear.control is not None and clear.control_compression is not None
    assert clear.compression > 1.5 * dim.compression
    assert clear.bits < 0.6 * clear.control
    assert "times fewer" in clear.sentence and "clear" in repr(found)
    assert "<table>" in found._repr_html_()
    assert found.table()["bits"].tolist() == [clear.bits, dim.bits]


def test_rows_come_in_random_order_and_orders_are_averaged():
    # Sorted by class, the second half would be sent by a probe that has seen the first class alone.
    label, layer = np.arange(300) >= 150, np.ones((300, 1))
    one, two, three = (
        description_length(layer, label, portions=(0.1, 0.5, 1.0), orders=orders)[0] for orders in (1, 2, 3)
    )
    assert one.bits < 1.1 * 300
    assert len({one.bits, two.bits, three.bits}) == 3


def test_control_bits_are_the_mean_of_the_tasks():
    draws = np.random.default_rng(12)
    types, layer = draws.integers(9, size=200), draws.normal(size=(200, 2))
    for values in (draws.random(200) < 0.4, draws.normal(size=200)):
        control = Control(types, draws=3)
        found = description_length(layer, {"l": values}, control=control, precision=0.05)[0]
        tasks = {each.name: each.values for each in control.tasks(read("l", values), Rows(200), seed=0)}
        # The steps of numbers go from the target's lowest to its highest, which control tasks may not reach.
        alone = [each.bits for each in description_length(layer, tasks, precision=0.05)]
        assert found.control == pytest.approx(np.mean(alone), rel=1e-9 if values.dtype == bool else 0.02)
        assert abs(found.control - min(alone)) > 0.001 * found.control


def test_a_class_that_a_portion_lacks_can_be_sent():
    label = np.array([0] * 80 + [1] * 2 + [2] * 18)
    found = description_length(np.arange(100.0)[:, None], {"label": label}, portions=(0.02, 0.1, 1.0))[0]
    assert np.isfinite(found.bits)


def test_perceptrons_code_what_linear_probes_cannot():
    draws = np.random.default_rng(3)
    layer = draws.normal(size=(800, 2))
    either = (layer[:, 0] > 0) ^ (layer[:, 1] > 0)
    portions = (0.1, 0.3, 1.0)
    linear = description_length(layer, {"either": either}, portions=portions)[0]
    curved = description_length(layer, {"either": either}, portions=portions, method=Perceptron(16))[0]
    assert linear.compression < 1.05 < 1.5 < curved.compression


# -- numbers --------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 12), st.floats(0.01, 100.0))
def test_predictions_one_by_one_are_the_joint_density_of_conjugate_regression(seed, units, prior):
    # The chain rule: one after another, the predictions' densities multiply to the density of all rows given the
    # first, a multivariate t of shape 1 + zz'/k.
    draws = np.random.default_rng(seed)
    rows = 9
    z, y, error = draws.normal(size=(rows, units)), draws.normal(size=rows), 0.3
    total = 0.0
    for at in range(1, rows):
        before = Moments.of(np.column_stack([z[:at], y[:at]]))
        (found,) = predictions(before, z[at : at + 1], [prior], np.array([error]))
        total += float(found.log_density(y[at : at + 1])[0, 0])
    # What a flat level leaves are differences from the first row.
    differences = np.column_stack([-np.ones(rows - 1), np.eye(rows - 1)])
    shape = error**2 * differences @ (np.eye(rows) + z @ z.T / prior) @ differences.T
    joint = multivariate_t(np.zeros(rows - 1), shape, df=1).logpdf(differences @ y)
    assert total == pytest.approx(joint, abs=1e-7)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.integers(0, 6), st.integers(1, 20), st.floats(0.02, 3.0))
def test_what_all_values_of_a_row_are_sent_with_adds_up_to_no_more_than_one(seed, units, rows, precision):
    # Kraft's inequality: else it is no code.
    draws = np.random.default_rng(seed)
    z, y = draws.normal(size=(rows + 1, units)), 3 * draws.normal(size=rows)
    cells = Cells.of(np.append(y, [-5.0, 5.0]), precision)
    steps = cells.low + precision * np.arange(cells.count)
    assert np.allclose(cells.rounded(steps), steps)
    before = Moments.of(np.column_stack([z[:-1], cells.rounded(y)]))
    priors = [0.1, 10.0, np.inf] if units else [np.inf]
    (found,) = predictions(before, z[-1:], priors, np.array([precision]))
    mass = sum(float(found.chances(np.array([each]), precision)[0]) for each in steps)
    assert 0 < mass <= 1 + 1e-3  # narrow steps take the density of their middle


def test_the_code_of_linear_gaussian_numbers_has_rissanens_length():
    # n log2(s sqrt(2 pi e) / precision) for the noise as it fell out, + (slopes + 2)/2 log2 n for slopes, level and
    # noise, + log2 n for the uniform row that is mixed in, up to a constant (2 bits on average, with a standard
    # deviation of 3 over data). The first ten rows are sent uniformly.
    draws = np.random.default_rng(5)
    rows, slopes, precision = 3000, 3, 0.02
    layer = draws.normal(size=(rows, slopes))
    noise = 0.5 * draws.normal(size=rows)
    numbers = layer @ np.array([1.0, -2.0, 0.5]) + 7 + noise
    left = noise - noise.mean()
    left -= layer @ np.linalg.lstsq(layer - layer.mean(0), left, rcond=None)[0]
    ideal = rows * np.log2(left.std() * np.sqrt(2 * np.pi * np.e) / precision)
    ends = np.unique(np.concatenate([np.arange(10, 100), np.geomspace(100, rows, 250).astype(int)]))
    portions = tuple(ends / rows)
    found = description_length(layer, numbers, precision=precision, portions=portions, orders=4)[0]
    start = found.portions[0] * (np.log2(found.values) - ideal / rows)
    learnt = found.bits - ideal - start
    assert learnt == pytest.approx((slopes + 4) / 2 * np.log2(rows / 10), abs=7)
    # Without the layer the numbers are normal with the variance of all.
    plain = rows * np.log2(numbers.std() * np.sqrt(2 * np.pi * np.e) / precision)
    assert found.without_layer == pytest.approx(plain, abs=40)
    assert found.uniform_bits == pytest.approx(rows * np.log2(np.ptp(numbers) / precision + 1), rel=1e-3)


def test_halving_the_precision_adds_a_bit_a_row_and_saves_the_same():
    draws = np.random.default_rng(6)
    layer = draws.normal(size=(1500, 2))
    numbers = layer[:, 0] + 0.3 * draws.normal(size=1500)
    coarse, fine = (
        description_length({"a": layer}, {"size": numbers}, precision={"size": each})[0]
        for each in (0.02, 0.01)
    )
    assert fine.bits - coarse.bits == pytest.approx(1500, abs=15)
    assert fine.without_layer - coarse.without_layer == pytest.approx(1500, abs=15)
    assert fine.saved == pytest.approx(coarse.saved, abs=15)
    several = description_length(
        {"a": layer}, {"other": numbers**2, "size": numbers}, precision={"other": 0.5, "size": 0.02}
    )
    assert (several[0].precision, several[1].precision) == (0.5, 0.02)
    assert several[1].bits == pytest.approx(coarse.bits)
    # Half of log2(variance over what is left) a row, less what learning takes in the first portions.
    assert coarse.saved == pytest.approx(750 * np.log2(1.09 / 0.09), rel=0.06)
    assert fine.compression < coarse.compression
    assert "precision of 0.02" in coarse.sentence and "without the layer" in coarse.sentence


def test_numbers_of_one_step_have_one_code():
    draws = np.random.default_rng(11)
    layer, steps = draws.normal(size=(200, 2)), draws.integers(0, 9, size=200).astype(float)
    within = steps + 0.4 * draws.uniform(-1, 1, size=200) * (steps > 0) * (steps < 8)
    one, other = (description_length(layer, each, precision=1.0)[0] for each in (steps, within))
    assert one.bits == other.bits and one.values == other.values == 9


def test_a_layer_of_noise_costs_at_most_the_choice_among_priors():
    # No slopes is one of eight priors: log2(8) = 3 bits one by one; each of few portions may cost as much again.
    draws = np.random.default_rng(7)
    layer, numbers = draws.normal(size=(400, 300)), draws.normal(size=400)
    found = description_length(layer, numbers, portions=(0.1, 0.2, 0.4, 1.0))[0]
    assert found.bits < found.without_layer + 4 * 3
    assert "a hundredth of the standard deviation" in description_length(layer, numbers).decisions[0].why


def test_evidence_finds_the_prior_that_few_rows_need():
    # 60 rows before and 100 units that all matter: with the prior of the truth (unit variance of noise and signal:
    # k = 100) the code is no more than some bits shorter than with all priors mixed, and much shorter than the worst.
    draws = np.random.default_rng(8)
    layer = draws.normal(size=(500, 100))
    numbers = layer @ draws.normal(size=100) / 10 + 0.3 * draws.normal(size=500)
    cells, ends = Cells.of(numbers, 0.02), np.array([60, 120, 240, 500])
    orders = [np.arange(500)]

    def bits(*penalties):
        return gaussian_bits(layer, [numbers], [cells], orders, ends, penalties).sum()

    single = [bits(each) for each in LeastSquaresProbe.penalties]
    assert bits(*LeastSquaresProbe.penalties) < min(single) + 25 < max(single) - 200


def test_classes_and_numbers_go_together_and_controls_take_more():
    draws = np.random.default_rng(9)
    types = draws.integers(30, size=900)
    number = draws.normal(size=900)
    layer = np.column_stack([number + 0.1 * draws.normal(size=900), draws.normal(size=(900, 4))])
    found = description_length(layer, {"n": number, "up": number > 0}, control=Control(types, draws=2))
    assert found.method == "logistic probe and a linear probe by least squares"
    n, up = found
    assert n.control is not None and up.control is not None
    assert n.bits + 1500 < n.control and up.bits < 0.5 * up.control
    assert n.precision == pytest.approx(number.std() / 100) and up.precision is None
    assert up.values == 2 and n.values == pytest.approx(np.ptp(number) / n.precision + 1, abs=1)
    assert up.without_layer == pytest.approx(900, abs=20)
    alone = description_length(layer, {"n": number})[0]
    assert alone.bits == pytest.approx(n.bits)
    with pytest.raises(ProbeError, match="gives no probabilities of classes"):
        description_length(layer, {"n": number, "up": number > 0}, method=LeastSquaresProbe())


def test_numbers_with_outliers_and_copies_of_units_can_be_sent():
    draws = np.random.default_rng(10)
    layer = draws.normal(size=(300, 2))
    wide = np.column_stack([layer, layer, np.ones(300)])
    numbers = layer[:, 0].copy()
    numbers[17] = 1e4
    found = description_length(wide, numbers, precision=0.01)[0]
    assert np.isfinite(found.bits) and found.bits < found.uniform_bits
    exact = description_length(wide, layer[:, 0] * 2, precision=0.01)[0]
    assert exact.bits < 0.25 * exact.without_layer


def test_what_cannot_be_coded():
    layer = np.random.default_rng(0).normal(size=(40, 2))
    with pytest.raises(ProbeError, match="is numbers, for which the logistic probe gives no probabilities"):
        description_length(layer, layer[:, 0], method=Logistic())
    for precision in (0.0, -1.0, np.nan):
        with pytest.raises(ProbeError, match="precision must be above 0"):
            description_length(layer, layer[:, 0], precision=precision)
    with pytest.raises(ProbeError, match="To a precision of 100 all values of 'target' are the same"):
        description_length(layer, layer[:, 0], precision=100)
    with pytest.raises(ProbeError, match=r"no precision for the target 'size'(.|\n)*'sise'"):
        description_length(layer, {"size": layer[:, 0]}, precision={"sise": 1.0})
    with pytest.raises(ProbeError, match="Without a penalty"):
        description_length(layer, layer[:, 0], penalty=0.0)
    with pytest.raises(ProbeError, match="gives no probabilities of classes"):
        description_length(layer, layer[:, 0] > 0, method=LeastSquaresProbe(), penalty=0.1)
    with pytest.raises(ProbeError, match="Portions must grow"):
        description_length(layer, layer[:, 0] > 0, portions=(0.5, 0.2, 1.0))
    with pytest.raises(ProbeError, match="0 orders"):
        description_length(layer, layer[:, 0] > 0, orders=0)
