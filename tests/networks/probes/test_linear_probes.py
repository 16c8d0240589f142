"""Linear probes from moments: against scikit-learn, laws, closed forms, known truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from sklearn.metrics import balanced_accuracy_score, r2_score, roc_auc_score
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from aitia.networks import Activations, Inventory, LeastSquaresProbe, ProbeError, probe
from aitia.networks._errors import ActivationError
from aitia.networks.probes import _rows
from aitia.networks.probes._least_squares import moments_by_fold, solutions
from aitia.networks.probes._method import Folds
from aitia.networks.probes._rows import LayerRows, Rows

FEW = settings(max_examples=20, deadline=None)


def draw(rows: int, units: int, seed: int = 0):
    draws = np.random.default_rng(seed)
    layer = draws.normal(size=(rows, units)) * draws.lognormal(size=units) + 10 * draws.normal(size=units)
    numbers = (layer - layer.mean(0)) / layer.std(0) @ draws.normal(size=units) + draws.normal(size=rows)
    return layer, numbers, KFoldCodes(rows, seed)


def KFoldCodes(rows: int, seed: int) -> np.ndarray:
    codes = np.empty(rows, int)
    for fold, (_, test) in enumerate(KFold(5, shuffle=True, random_state=seed).split(np.zeros(rows))):
        codes[test] = fold
    return codes


def by_scikit_learn(layer, columns, codes, penalty, standardise=True):
    """Held-out predictions of Ridge, refitted without each fold."""
    out = np.empty_like(columns, dtype=float)
    for fold in np.unique(codes):
        train = codes != fold
        model = make_pipeline(
            StandardScaler(with_std=standardise), Ridge(alpha=penalty * train.sum(), solver="svd")
        ).fit(layer[train], columns[train])
        out[~train] = model.predict(layer[~train]).reshape(out[~train].shape)
    return out


@pytest.mark.parametrize("standardise", [True, False])
@pytest.mark.parametrize(("rows", "units"), [(200, 12), (60, 90)])
def test_predictions_are_those_of_ridge_refitted_without_each_fold(rows, units, standardise):
    layer, numbers, codes = draw(rows, units)
    found = probe(
        layer,
        {"y": numbers},
        method=LeastSquaresProbe(standardise),
        penalty=0.02,
        folds=codes,
        predictions=True,
    )[0]
    expected = by_scikit_learn(layer, numbers, codes, 0.02, standardise)
    assert found.predictions is not None
    np.testing.assert_allclose(found.predictions[:, 0], expected, rtol=1e-8, atol=1e-8)
    assert found.quality.r_squared == pytest.approx(r2_score(numbers, expected), abs=1e-8)


def test_the_penalty_is_chosen_without_the_fold_that_judges_it():
    layer, numbers, codes = draw(120, 40, seed=1)
    # So noisy that the best penalty is a large one, while within the rows fitted to the smallest is best.
    numbers = numbers + 12 * np.random.default_rng(0).normal(size=120)
    penalties = (1e-3, 1e-1, 1.0, 10.0)
    expected = np.empty(len(numbers))
    for fold in range(5):
        train = codes != fold
        errors = [
            ((by_scikit_learn(layer[train], numbers[train], codes[train], each) - numbers[train]) ** 2).sum()
            for each in penalties
        ]
        best = penalties[int(np.argmin(errors))]
        model = make_pipeline(StandardScaler(), Ridge(alpha=best * train.sum())).fit(
            layer[train], numbers[train]
        )
        expected[~train] = model.predict(layer[~train])
    found = probe(layer, {"y": numbers}, penalty=penalties, folds=codes, predictions=True)[0]
    assert found.predictions is not None
    np.testing.assert_allclose(found.predictions[:, 0], expected, rtol=1e-8, atol=1e-8)
    # The fit to all rows: the penalty of least squared error over all folds.
    errors = [((by_scikit_learn(layer, numbers, codes, each) - numbers) ** 2).sum() for each in penalties]
    assert found.penalty == penalties[int(np.argmin(errors))]
    model = make_pipeline(StandardScaler(), Ridge(alpha=found.penalty * 120)).fit(layer, numbers)
    assert found.coefficients is not None and found.intercepts is not None
    np.testing.assert_allclose(
        layer @ found.coefficients[:, 0] + found.intercepts[0], model.predict(layer), rtol=1e-8, atol=1e-8
    )


@pytest.mark.parametrize("seed", [9, 11, 13])
def test_the_last_penalty_is_that_of_least_error_with_one_fold_held_out(seed):
    # Data for which fits without two folds, which choose for a fold, would choose another.
    draws = np.random.default_rng(seed)
    layer = draws.normal(size=(60, 20))
    numbers = 0.3 * layer @ draws.normal(size=20) + 2 * draws.normal(size=60)
    codes, penalties = np.arange(60) % 5, LeastSquaresProbe.penalties
    errors = [((by_scikit_learn(layer, numbers, codes, each) - numbers) ** 2).sum() for each in penalties]
    assert probe(layer, numbers, folds=codes)[0].penalty == penalties[int(np.argmin(errors))]


def test_classes_are_judged_as_scikit_learn_judges_them():
    layer, numbers, codes = draw(300, 8, seed=2)
    three = np.digitize(numbers, np.quantile(numbers, [0.2, 0.6]))
    two = numbers > np.quantile(numbers, 0.7)
    found = probe(layer, {"three": three, "two": two}, penalty=0.01, folds=codes)
    scores = by_scikit_learn(layer, (three[:, None] == np.arange(3)).astype(float), codes, 0.01)
    quality = found["layer", "three"].quality
    assert quality.accuracy == pytest.approx((scores.argmax(1) == three).mean())
    assert quality.balanced_accuracy == pytest.approx(balanced_accuracy_score(three, scores.argmax(1)))
    one = by_scikit_learn(layer, two.astype(float), codes, 0.01)
    areas = [roc_auc_score(two[codes == fold], one[codes == fold]) for fold in range(5)]
    assert found["layer", "two"].quality.area_under_curve == pytest.approx(np.mean(areas))
    assert found["layer", "two"].quality.accuracy == pytest.approx(((one > 0.5) == two).mean())
    assert found["layer", "two"].chance == pytest.approx(0.7, abs=0.01)


@FEW
@given(st.integers(0, 10_000), st.integers(3, 9))
def test_scale_place_and_order_of_units_do_not_matter(seed, units):
    layer, numbers, codes = draw(80, units, seed)
    draws = np.random.default_rng(seed)
    order, scale, shift = draws.permutation(units), draws.lognormal(size=units), draws.normal(size=units)
    before = probe(layer, {"y": numbers}, folds=codes)[0]
    after = probe((layer * scale + shift)[:, order], {"y": numbers}, folds=codes)[0]
    assert before.coefficients is not None and after.coefficients is not None
    assert after.quality.r_squared == pytest.approx(before.quality.r_squared, abs=1e-8)
    assert after.penalty == before.penalty
    np.testing.assert_allclose(
        after.coefficients[:, 0], (before.coefficients[:, 0] / scale)[order], rtol=1e-6, atol=1e-9
    )


@FEW
@given(st.integers(0, 10_000), st.integers(1, 59))
def test_moments_of_shards_merge_to_those_of_the_whole(seed, cut):
    layer, numbers, codes = draw(60, 4, seed)

    def of(part: slice):
        rows = LayerRows("layer", Activations(layer[part]), Rows(len(layer[part])))
        return moments_by_fold(rows, numbers[part, None], Folds(codes[part], 5))

    merged = (of(slice(0, cut)) + of(slice(cut, 60))).total()
    for penalty, (b, a), (c, d) in zip(
        (0.0, 0.1),
        solutions(merged, 4, (0.0, 0.1), True),
        solutions(of(slice(0, 60)).total(), 4, (0.0, 0.1), True),
        strict=True,
    ):
        np.testing.assert_allclose(b, c, rtol=1e-9, atol=1e-9, err_msg=str(penalty))
        np.testing.assert_allclose(a, d, rtol=1e-9, atol=1e-8)


def test_blocks_do_not_matter(monkeypatch):
    layer, numbers, codes = draw(150, 6)
    whole = probe(layer, {"y": numbers, "c": numbers > 0}, folds=codes)
    monkeypatch.setattr(_rows, "_BLOCK", 40)
    cut = probe(layer.astype(np.float64), {"y": numbers, "c": numbers > 0}, folds=codes)
    np.testing.assert_allclose(cut.values, whole.values, rtol=1e-10)


def test_targets_do_not_depend_on_their_company(monkeypatch):
    layer, numbers, codes = draw(150, 2)
    columns = {f"t{place}": np.roll(numbers, place) for place in range(7)}
    monkeypatch.setattr("aitia.networks.probes._least_squares._COLUMNS", 3)  # three passes
    together, alone = probe(layer, columns, folds=codes), probe(layer, {"t3": columns["t3"]}, folds=codes)
    assert together["layer", "t3"].quality.value == pytest.approx(alone[0].quality.value, abs=1e-12)
    assert together.targets == tuple(columns)


def test_orthogonal_units_have_the_closed_form():
    # Units of mean 0, variance 1 and no covariance: every slope is its covariance with the target / (1 + penalty).
    signs = np.array(np.meshgrid(*[[-1.0, 1.0]] * 4)).reshape(4, -1).T
    layer = np.tile(signs, (10, 1))
    numbers = layer @ np.array([3.0, 0.0, -1.0, 0.5]) + 7
    found = probe(layer, {"y": numbers}, penalty=0.25, folds=np.repeat(np.arange(10), 16))[0]
    assert found.coefficients is not None and found.intercepts is not None
    np.testing.assert_allclose(found.coefficients[:, 0], np.array([3.0, 0.0, -1.0, 0.5]) / 1.25, atol=1e-12)
    assert found.intercepts[0] == pytest.approx(7)
    # What is left of each part is its share (penalty / (1 + penalty))^2: R^2 = 1 - (0.25 / 1.25)^2.
    assert found.quality.r_squared == pytest.approx(1 - 0.2**2)


def test_known_truth():
    # y = x'b + e with variances 1 and 1: the best R^2 is 1/2, and estimating 10 slopes from 3,200 rows costs 10/3200/2.
    # The standard deviation of R^2 is about 2 sqrt(R2) (1 - R2) / sqrt(n) = 0.011 at n = 4,000 (Wishart 1931).
    draws = np.random.default_rng(3)
    layer = draws.normal(size=(4000, 10))
    numbers = layer @ np.full(10, 10**-0.5) + draws.normal(size=4000)
    found = probe(layer, {"y": numbers, "nothing": draws.normal(size=4000)})
    assert found["layer", "y"].quality.value == pytest.approx(0.5, abs=4 * 0.011)
    assert -0.01 < found["layer", "nothing"].quality.value < 0.003


def test_noise_is_not_made_signal_by_choosing_the_penalty():
    # 60 rows, 100 units of noise: the mean held-out R^2 over 40 targets must not be above 0 (its standard deviation per
    # target is about 0.05, so 0.03 is over three standard errors of the mean).
    draws = np.random.default_rng(4)
    found = probe(draws.normal(size=(60, 100)), draws.normal(size=(60, 40)))
    assert found.values.mean() < 0.03
    assert any("penalty alone" in each.what for each in found.decisions)


def test_concepts_at_positions_are_rows_and_share_their_inputs_fold():
    draws = np.random.default_rng(5)
    masks = draws.random((2, 40, 6)) < 0.4
    lengths = draws.integers(3, 7, size=40)
    inventory = Inventory.from_masks(masks, ["noun", "verb"], lengths=lengths)
    values = np.stack([masks[0] + 0.1 * draws.normal(size=(40, 6)), draws.normal(size=(40, 6))], axis=1)
    values[:, :, 5][lengths < 6] = np.nan  # behind the end
    found = probe(Activations(values, "tokens", lengths=lengths), inventory, predictions=True)
    assert found.rows == lengths.sum()
    assert found["tokens", "noun"].quality.value > 0.99
    assert found["tokens", "verb"].quality.value < 0.75
    averaged = probe(Activations(values, "tokens", lengths=lengths), {"many": lengths > 5})
    assert averaged.rows == 40 and any("averaged" in each.what for each in averaged.decisions)


def test_sequences_are_averaged_over_the_positions_that_they_have():
    draws = np.random.default_rng(6)
    values, lengths = draws.normal(size=(20, 3, 5)), draws.integers(1, 6, size=20)
    rows = LayerRows("tokens", Activations(values, "tokens", lengths=lengths), Rows(20))
    expected = [values[each, :, : lengths[each]].mean(axis=1) for each in range(20)]
    np.testing.assert_allclose(rows.whole(), expected, rtol=1e-12)


def test_constant_and_redundant_units_count_for_nothing():
    layer, numbers, codes = draw(100, 3)
    wide = np.column_stack([layer, np.full(100, 7.1), layer[:, 0]])
    for penalty in (0.0, 1e-2):
        found = probe(wide, {"y": numbers}, penalty=penalty, folds=codes)[0]
        assert found.coefficients is not None
        assert found.coefficients[3, 0] == 0
        assert np.isfinite(found.coefficients).all()
    assert found.quality.value == pytest.approx(
        probe(layer, {"y": numbers}, penalty=1e-2, folds=codes)[0].quality.value, abs=0.01
    )


def test_the_same_seed_gives_the_same_answer():
    layer, numbers, _ = draw(100, 5)
    first, again, other = (probe(layer, {"y": numbers}, seed=seed)[0].quality for seed in (3, 3, 4))
    assert first == again != other


def test_without_accuracy_there_is_the_r_squared_alone():
    layer, numbers, codes = draw(100, 5)
    fast = probe(layer, {"c": numbers > 0}, folds=codes, accuracy=False)[0]
    full = probe(layer, {"c": numbers > 0}, folds=codes)[0]
    assert fast.quality.accuracy is None and fast.measure == "R²" and fast.chance == 0
    assert fast.quality.r_squared == full.quality.r_squared


LAYER, NUMBERS, _ = draw(50, 4)
HOLE = np.where(np.arange(50) == 9, np.nan, NUMBERS)
MISSING = np.array(["a", "b", None] + ["a"] * 47, dtype=object)


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ({"flat": np.full(50, 2.5)}, "'flat' is .*2.5.* at every input"),
        ({"flat": np.ones(50, bool)}, "'flat' is True at every input"),
        (
            {"rare": np.arange(50) < 3},
            "class True of the target 'rare' is at 3 inputs, fewer than the 5 folds",
        ),
        ({"hole": HOLE}, "'hole' is nan at row 9"),
        ({"missing": MISSING}, "'missing' has no class at row 2"),
        ({"short": np.zeros(49)}, r"'short' has shape \(49,\) for activations of 50 inputs"),
        ({"complex": NUMBERS * 1j}, "of type complex128"),
        ({}, "no target"),
        (Inventory.from_masks(np.zeros((2, 50), bool), ["a", "b"]), "None of the 2 concepts"),
    ],
)
def test_targets_that_cannot_be_probed_for(targets, words):
    with pytest.raises(ProbeError, match=words):
        probe(LAYER, targets)


def test_settings_that_make_no_sense():
    with pytest.raises(ProbeError, match="Penalties must be finite"):
        probe(LAYER, NUMBERS, penalty=-1.0)
    with pytest.raises(ProbeError, match="2 folds of 50 inputs"):
        probe(LAYER, NUMBERS, folds=2)
    with pytest.raises(ProbeError, match="51 folds"):
        probe(LAYER, NUMBERS, folds=51)
    with pytest.raises(ActivationError, match=r"Unit 2 of layer is nan at input 7"):
        probe(np.where((np.arange(50) == 7)[:, None] & (np.arange(4) == 2), np.nan, LAYER), NUMBERS)
    with pytest.raises(ActivationError, match="different inputs: a 50, b 49"):
        probe({"a": LAYER, "b": LAYER[1:]}, NUMBERS)
    with pytest.raises(ProbeError, match="No layer 'b' was probed"):
        probe({"a": LAYER}, NUMBERS)["b", "target"]


def test_rare_concepts_of_an_inventory_are_set_aside_and_named():
    masks = np.stack([NUMBERS > 0, np.arange(50) < 2, np.ones(50, bool)])
    found = probe(LAYER, Inventory.from_masks(masks, ["often", "rare", "always"]))
    assert found.targets == ("often",)
    assert any("rare" in each.what and "always" in each.what for each in found.decisions)
