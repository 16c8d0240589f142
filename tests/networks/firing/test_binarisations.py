"""Binarisations: thresholds are exact, masks are the naive comparison, what is odd is said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from aitia.networks import Above, ActivationError, Activations, Clusters, Layout, Quantile
from aitia.networks.firing import _compare, _quantile, _values


def masks(firing) -> np.ndarray:
    return firing.layout.unpack(firing.words)


VALUES = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 90), st.integers(1, 4), st.integers(1, 5)),
    elements=st.integers(-4, 4).map(float),  # few values, so that ties are common
)


@settings(deadline=None, max_examples=60)
@given(VALUES, st.floats(0.01, 0.99), st.data())
def test_quantile_is_the_order_statistic_of_the_positions_that_exist(values, share, data):
    inputs, units, tokens = values.shape
    lengths = np.array(data.draw(st.lists(st.integers(0, tokens), min_size=inputs, max_size=inputs)))
    if not lengths.sum():
        lengths[0] = tokens
    exists = np.arange(tokens) < lengths[:, None]
    values[~exists[:, None].repeat(units, axis=1)] = np.nan  # what pads a sequence is never looked at
    firing = Quantile(share).fire(Activations(values, lengths=lengths))
    for unit in range(units):
        counted = np.sort(values[:, unit][exists].astype(float))[::-1]
        assert firing.low[unit] == counted[int(np.floor(share * len(counted) + 1e-9))]
        assert np.array_equal(masks(firing)[unit], (values[:, unit] > firing.low[unit]) & exists)
        assert firing.size[unit] <= share * len(counted) + 1e-6


def test_quantile_of_distinct_values_fires_at_exactly_the_share():
    values = np.random.default_rng(0).permutation(20_000).reshape(1_000, 1, 20).astype(float)
    for share in (0.005, 0.29, 0.5, 0.9):
        assert Quantile(share).fire(Activations(values)).size == [round(share * 20_000)]
    # 0.29 * 100 is 28.999999999999996 in double precision.
    assert Quantile(0.29).fire(Activations(np.arange(100.0)[:, None])).size == [29]


def test_quantile_over_many_blocks_is_that_over_one(monkeypatch):
    values = np.random.default_rng(1).normal(size=(1_000, 7, 3)).astype(np.float32)
    whole = Quantile(0.3).fire(Activations(values))
    for module in (_values, _quantile, _compare):
        monkeypatch.setattr(module, "BUDGET", 700)
    parts = Quantile(0.3).fire(Activations(values))
    assert np.array_equal(whole.low, parts.low) and np.array_equal(whole.words, parts.words)


def test_quantile_reads_a_memory_map(tmp_path):
    values = np.random.default_rng(2).normal(size=(500, 3, 4, 4)).astype(np.float32)
    np.save(tmp_path / "values.npy", values)
    mapped = np.load(tmp_path / "values.npy", mmap_mode="r")
    layout = Layout(500, (9, 9))
    ours, theirs = (Quantile(0.05).fire(Activations(each), layout) for each in (mapped, values))
    assert np.array_equal(ours.words, theirs.words)


@settings(deadline=None, max_examples=30)
@given(VALUES, st.floats(-3, 3))
def test_above_is_the_naive_comparison(values, threshold):
    firing = Above(threshold).fire(Activations(values))
    assert np.array_equal(masks(firing), (values.astype(float) > threshold).transpose(1, 0, 2))


@pytest.mark.parametrize(("small", "large"), [((7, 7), (112, 112)), ((5, 3), (12, 20)), ((16, 16), (9, 7))])
def test_maps_are_resized_as_pil_does(small, large):
    image = pytest.importorskip("PIL.Image")
    values = np.random.default_rng(3).normal(size=(70, 3, *small)).astype(np.float32)
    firing = Quantile(0.1).fire(Activations(values), Layout(70, large))
    resized = np.array(
        [
            [
                np.asarray(image.fromarray(each).resize(large[::-1], image.Resampling.BILINEAR))
                for each in unit
            ]
            for unit in values.transpose(1, 0, 2, 3)
        ]
    )
    expected = resized > firing.low[:, None, None, None]
    # PIL mixes in single precision: only values within its rounding of the threshold may differ.
    near = np.abs(resized - firing.low[:, None, None, None]) < 1e-5
    assert np.array_equal(masks(firing)[~near], expected[~near])
    assert expected.any() and near.mean() < 1e-3


def test_maps_are_upsampled_as_torch_does():
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(4).normal(size=(3, 2, 6, 5))
    firing = Above(0.2).fire(Activations(values), Layout(3, (13, 17)))
    resized = torch.nn.functional.interpolate(
        torch.from_numpy(values), size=(13, 17), mode="bilinear", align_corners=False
    ).numpy()
    assert np.array_equal(masks(firing), (resized > 0.2).transpose(1, 0, 2, 3))


def test_flat_maps_do_not_fire_at_their_own_value_by_rounding():
    values = np.full((1, 1, 3, 3), 0.1, dtype=np.float32)
    values[0, 0, 0, 0] = 5.0
    firing = Above(float(np.float32(0.1))).fire(Activations(values), Layout(1, (10, 10)))
    reached = masks(firing)[0, 0]
    assert reached[:4, :4].any() and not reached[5:].any() and not reached[:, 5:].any()


@settings(deadline=None, max_examples=40)
@given(VALUES, st.integers(1, 6))
def test_ranges_are_disjoint_and_cover_the_positive_activations(values, ranges):
    firing = Clusters(ranges).fire(Activations(values))
    for unit in range(values.shape[1]):
        own = [place for place, other in enumerate(firing.units) if other == unit]
        assert np.array_equal(masks(firing)[own].sum(axis=0), (values[:, unit] > 0).astype(int))
        assert len(own) == min(ranges, max(1, len(np.unique(values[:, unit][values[:, unit] > 0]))))
        for place in own:
            inside = (values[:, unit] > firing.low[place]) & (values[:, unit] <= firing.high[place])
            assert np.array_equal(masks(firing)[place], inside)


@pytest.mark.parametrize("count", [300, 5_000])
def test_ranges_have_no_larger_sum_of_squares_than_scikit_learn_finds(count):
    from sklearn.cluster import KMeans

    values = np.abs(np.random.default_rng(5).standard_t(4, size=(count, 1)))
    firing = Clusters(5).fire(Activations(values))
    within = [values[mask] for mask in masks(firing)]
    ours = sum(float(((each - each.mean()) ** 2).sum()) for each in within)
    theirs = KMeans(5, n_init=10, random_state=0).fit(values).inertia_
    assert len(within) == 5
    # Exact for up to 1,000 distinct values; beyond, a local optimum started at the best of 1,000 quantiles.
    assert ours <= theirs * (1 + (1e-9 if count <= 1_000 else 1e-3))
    # And no value would be nearer to the mean of another range: where Lloyd's iterations stay.
    means = np.array([each.mean() for each in within])
    for place, each in enumerate(within):
        assert (np.abs(each - means).argmin(axis=1) == place).all()


def test_upsampled_ranges_are_disjoint_too():
    values = np.random.default_rng(6).normal(size=(40, 2, 4, 4))
    layout = Layout(40, (9, 11))
    firing = Clusters(3).fire(Activations(values), layout)
    above = masks(Above(0.0).fire(Activations(values), layout))
    for unit in range(2):
        own = [place for place, other in enumerate(firing.units) if other == unit]
        assert np.array_equal(masks(firing)[own].sum(axis=0), above[unit].astype(int))


def test_units_that_never_or_always_fire_are_named():
    values = np.array([[-1.0, 1.0, 1.0], [-2.0, 2.0, -1.0]])
    said = [each.what for each in Above().fire(Activations(values, units=(4, 8, 9))).decisions]
    assert said == ["1 of 3 units never fires: 4", "1 of 3 units always fires: 8"]
    few = Clusters(3).fire(Activations(values))
    assert [each.what for each in few.decisions] == [
        "3 of 3 units have fewer than 3 ranges: 0, 1, 2",
        "1 of 4 units never fires: 0",
    ]


@pytest.mark.parametrize("rule", [Above(), Quantile(0.5), Clusters(2)])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_pointed_at(rule, bad):
    values = np.ones((3, 2, 4))
    values[2, 1, 3] = bad
    with pytest.raises(ActivationError) as caught:
        rule.fire(Activations(values, units=(5, 6)))
    assert caught.value.problem == f"The activation of unit 6 at input 2, position 3 is {bad}."
    # Beyond the input's length nothing is looked at.
    rule.fire(Activations(values, lengths=np.array([4, 4, 3])))


def test_values_too_large_to_add_up_are_still_numbers():
    assert Above().fire(Activations(np.full((4, 1), 1.7e308))).size == [4]


def test_concepts_at_other_inputs_or_positions_are_refused():
    maps = Activations(np.ones((3, 2, 4, 4)))
    with pytest.raises(
        ActivationError, match="The layer was recorded at 3 inputs; the concepts are known at 4"
    ):
        Above().fire(maps, Layout(4, (8, 8)))
    with pytest.raises(ActivationError, match=r"values of shape \(4, 4\) .* positions of shape \(\)"):
        Above().fire(maps, Layout(3))
    tokens = Activations(np.ones((2, 1, 5)), lengths=np.array([5, 3]))
    with pytest.raises(ActivationError, match="Input 1 has 3 positions in the layer and 4 for the concepts"):
        Above().fire(tokens, Layout(2, (5,), np.array([5, 4])))
    assert Above().fire(tokens, Layout(2, (5,))).size == [8]


@pytest.mark.parametrize(
    "make", [lambda: Quantile(0.0), lambda: Quantile(1.0), lambda: Above(np.inf), lambda: Clusters(0)]
)
def test_settings_that_mean_nothing_are_refused(make):
    with pytest.raises(ActivationError):
        make()
