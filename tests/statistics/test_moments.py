"""The laws of the hub: any shards in any order, whole minus part, numerics about a distant mean, weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from aitia.core import AitiaError
from aitia.statistics import (
    BadBlock,
    DifferentVariables,
    GroupedMoments,
    Moments,
    NonFiniteRows,
    TooFewRows,
    UnknownVariable,
    accumulate,
)
from aitia.statistics._accumulate import _sums_of_few, _sums_of_many, in_order

RELATIVE = 1e-10


@st.composite
def blocks(draw, least=1, most=40):
    """Rows whose columns have means and scales of very different sizes, with weights."""
    rows, k = draw(st.integers(least, most)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    mean = 10.0 ** rng.uniform(-3, 6, k) * rng.choice([-1, 0, 1], k)
    scale = 10.0 ** rng.uniform(-3, 3, k)
    block = mean + scale * rng.normal(size=(rows, k))
    weights = rng.choice([0.0, 0.3, 1.0, 7.0], rows) if draw(st.booleans()) else None
    return block, weights


def weights_of(weights, rows):
    return None if weights is None else weights[rows]


def assert_same(left: Moments, right: Moments, tolerance=RELATIVE, size: Moments | None = None) -> None:
    """Equal relative to the size of the numbers that a correct answer may round.

    A mean may be off by its own rounding; a cross-product c_ij by the tolerance times sqrt(c_ii c_jj).
    """
    size = right if size is None else size
    assert left.names == right.names and left.count == right.count
    assert left.weight == pytest.approx(right.weight, rel=tolerance, abs=1e-12 * size.weight)
    spread = np.sqrt(np.diagonal(size.cross))
    grain = np.finfo(float).eps * np.abs(size.mean)
    if right.weight:
        slack = tolerance * (np.abs(size.mean) + spread / np.sqrt(size.weight)) * (size.weight / right.weight)
        np.testing.assert_array_less(np.abs(left.mean - right.mean), slack + grain + 1e-300)
    spread = spread + grain * np.sqrt(size.weight)
    np.testing.assert_array_less(
        np.abs(left.cross - right.cross), tolerance * np.outer(spread, spread) + 1e-300
    )


@given(blocks(least=3), st.integers(0, 1000))
@settings(deadline=None, max_examples=60)
def test_merge_is_associative_and_commutative(case, cut):
    block, weights = case
    first, second = sorted((1 + cut % (len(block) - 2), 1 + cut // 7 % (len(block) - 1)))
    a, b, c = (
        Moments.of(block[at], weights=weights_of(weights, at))
        for at in (slice(0, first), slice(first, second), slice(second, None))
    )
    assert_same((a + b) + c, a + (b + c))
    assert_same(a + b, b + a)
    assert_same(sum([a, b, c]), Moments.of(block, weights=weights))


@given(blocks(least=2), st.integers(1, 1000))
@settings(deadline=None, max_examples=60)
def test_whole_minus_part_is_the_rest(case, cut):
    block, weights = case
    cut = 1 + cut % (len(block) - 1)
    whole = Moments.of(block, weights=weights)
    part = Moments.of(block[:cut], weights=weights_of(weights, slice(0, cut)))
    rest = Moments.of(block[cut:], weights=weights_of(weights, slice(cut, None)))
    # Subtraction rounds relative to the whole, so the whole is what the tolerance is relative to.
    assert_same(whole - part, rest, size=whole)


@given(blocks(least=2), st.integers(1, 6), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_any_shards_in_any_order_give_the_same(case, shards, random):
    block, weights = case
    rows = list(range(len(block)))
    random.shuffle(rows)
    pieces = [np.array(rows[s::shards], int) for s in range(shards)]
    random.shuffle(pieces)
    merged = sum(Moments.of(block[at], weights=weights_of(weights, at)) for at in pieces)
    assert_same(merged, Moments.of(block, weights=weights))


@given(blocks(), st.integers(1, 5), st.integers(1, 7), st.integers(0, 2**31))
@settings(deadline=None, max_examples=60)
def test_accumulated_groups_are_the_moments_of_their_rows(case, n_groups, cuts, seed):
    block, weights = case
    groups = np.random.default_rng(seed).integers(0, n_groups, len(block))
    stream = np.array_split(block, cuts)
    names = [f"x{j}" for j in range(block.shape[1])]
    grouped = accumulate(stream, names, groups=groups, n_groups=n_groups, weights=weights)
    for g in range(n_groups):
        at = groups == g
        assert_same(grouped[g], Moments.of(block[at], weights=weights_of(weights, at)))
    assert_same(grouped.total(), Moments.of(block, weights=weights))
    assert_same(accumulate(stream, names, weights=weights).total(), Moments.of(block, weights=weights))


@given(
    st.integers(0, 2**31),
    st.integers(1, 70),
    st.lists(st.integers(1, 60), min_size=1, max_size=6),
    st.booleans(),
)
@settings(deadline=None, max_examples=40)
def test_groups_are_summed_one_by_one_or_all_at_once_alike(seed, k, sizes, weighted):
    # Which of the two is used depends on speed alone.
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(sum(sizes), k)) * rng.lognormal(size=k) + 100 * rng.normal(size=k)
    weights = rng.choice([0.0, 0.5, 2.0], size=len(rows)) if weighted else None
    starts = np.cumsum([0, *sizes[:-1]])
    many = _sums_of_many(rows.copy(), weights, starts)
    few = _sums_of_few(rows.copy(), weights, starts)
    for one, other in zip(many[:3], few[:3], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)
    scale = np.abs(rows).max(axis=0)
    np.testing.assert_allclose(many[4] / scale / scale[:, None], few[4] / scale / scale[:, None], atol=1e-11)


@pytest.mark.parametrize("k", [3, 40])
def test_chunks_of_large_groups_of_few_and_many_variables(k):
    # Sizes on either side of what decides how groups are summed, and several chunks.
    rng = np.random.default_rng(11)
    block = rng.normal(size=(60_000, k)) + 10
    for n_groups in (3, 150, 20_000):
        groups = rng.integers(0, n_groups, len(block))
        found = accumulate([block], [f"x{j}" for j in range(k)], groups=groups, n_groups=n_groups)
        for g in (0, n_groups - 1):
            assert_same(found[g], Moments.of(block[groups == g]))


@given(blocks(least=4), st.integers(0, 2**31))
@settings(deadline=None, max_examples=40)
def test_multiplicities_repeat_rows(case, seed):
    block, weights = case
    rng = np.random.default_rng(seed)
    groups, times = rng.integers(0, 4, len(block)), rng.integers(0, 4, (3, 4))
    names = [f"x{j}" for j in range(block.shape[1])]
    grouped = accumulate([block], names, groups=groups, n_groups=4, weights=weights)
    for replicate, multiplicity in zip(grouped.sums(times), times):
        at = np.repeat(np.arange(len(block)), multiplicity[groups])
        assert_same(replicate, Moments.of(block[at], weights=weights_of(weights, at)))
    for g, rest in enumerate(grouped.leave_each_out()):
        assert_same(rest, grouped.leave_out(g))
        assert_same(rest, grouped.total() - grouped[g], size=grouped.total())


@given(blocks(least=2))
@settings(deadline=None, max_examples=40)
def test_linear_maps_commute_with_reading_the_rows(case):
    block, weights = case
    k = block.shape[1]
    matrix = np.random.default_rng(k).normal(size=(2, k))
    offset = np.array([3.0, -1.0])
    mapped = Moments.of(block, weights=weights).transform(matrix, ["u", "v"], offset)
    # A combination of columns rounds relative to the largest of them.
    assert_same(
        mapped,
        Moments.of(block @ matrix.T + offset, ["u", "v"], weights),
        size=_bound(block, weights, matrix),
    )


def _bound(block, weights, matrix):
    size = Moments.of(block, weights=weights)
    spread = np.abs(matrix) @ np.sqrt(np.diagonal(size.cross)) + 1e-5 * (
        np.abs(matrix) @ np.abs(size.mean) + 3
    ) * np.sqrt(size.weight)
    return Moments(
        ("u", "v"), size.count, size.weight, np.abs(matrix) @ np.abs(size.mean) + 3, np.outer(spread, spread)
    )


def test_distant_mean_keeps_its_variance():
    # The values themselves are stored to 1e-7; what is asked is the variance of the stored values.
    rng = np.random.default_rng(4)
    column = 1e9 + 1e-3 * rng.normal(size=200_000)
    exact = np.var(column - 1e9, ddof=1)
    shards = np.array_split(column[:, None], 37)
    groups = rng.integers(0, 11, len(column))
    answers = {
        "one block": Moments.of(column[:, None]).variance[0],
        "merged": sum(Moments.of(shard) for shard in shards).variance[0],
        "streamed": accumulate(shards, ["x"]).total().variance[0],
        "groups": accumulate(shards, ["x"], groups=groups, n_groups=11).total().variance[0],
        "rest": (Moments.of(column[:, None]) - Moments.of(column[:50_000, None])).variance[0]
        / np.var(column[50_000:] - 1e9, ddof=1)
        * exact,
    }
    for how, variance in answers.items():
        assert variance == pytest.approx(exact, rel=1e-6, abs=0), how


def test_replicates_of_distant_groups_keep_their_digits():
    # At 1e9 the grain of float64 is 1.2e-7: a replicate centred at its rounded mean would be wrong by 1e-4.
    column = 1e9 + 1e-5 * np.random.default_rng(4).normal(size=(20_000, 1))
    groups = np.arange(20_000) % 8
    grouped = accumulate([column], ["x"], groups=groups, n_groups=8)
    for g, rest in enumerate(grouped.leave_each_out()):
        assert rest.variance[0] == pytest.approx(np.var(column[groups != g] - 1e9, ddof=1), rel=1e-9, abs=0)


def test_unrepresentative_first_block_costs_nothing():
    rng = np.random.default_rng(5)
    far = 1e9 + 1e-3 * rng.normal(size=(50_000, 1))
    grouped = accumulate(
        [np.zeros((10, 1)), far], ["x"], groups=np.r_[np.zeros(10, int), np.ones(50_000, int)], n_groups=2
    )
    assert grouped[1].variance[0] == pytest.approx(np.var(far - 1e9, ddof=1), rel=1e-6, abs=0)


def test_against_numpy():
    rng = np.random.default_rng(6)
    block = rng.normal(size=(1000, 5)) @ rng.normal(size=(5, 5)) + 3
    moments = Moments.of(block)
    np.testing.assert_allclose(moments.covariance, np.cov(block.T), rtol=1e-12)
    np.testing.assert_allclose(moments.correlation, np.corrcoef(block.T), rtol=1e-12)
    raw = np.column_stack([np.ones(1000), block])
    np.testing.assert_allclose(moments.raw(), raw.T @ raw, rtol=1e-12)
    weights = rng.integers(0, 4, 1000)
    repeated = np.repeat(block, weights, axis=0)
    weighted = Moments.of(block, weights=weights)
    np.testing.assert_allclose(weighted.cross, Moments.of(repeated).cross, rtol=1e-12)
    assert weighted.weight == len(repeated) and weighted.count == np.count_nonzero(weights)
    # The covariance treats weights as relative: aweights, as numpy calls them, with n / (n - 1) for 1 / (1 - 1/n).
    relative = np.cov(block.T, aweights=weights, bias=True) * weighted.count / (weighted.count - 1)
    np.testing.assert_allclose(weighted.covariance, relative, rtol=1e-12)


def test_large_blocks_are_read_in_pieces():
    rng = np.random.default_rng(7)
    block = rng.normal(size=(200_000, 3)) + np.array([0, 1e6, -5])
    weights = rng.random(200_000)
    assert_same(
        Moments.of(block, weights=weights),
        sum(Moments.of(block[at], weights=weights[at]) for at in np.array_split(np.arange(200_000), 50)),
    )


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("n_groups", [1, 7, 30_000])
def test_threads_do_not_change_a_bit(order, n_groups):
    rng = np.random.default_rng(8)
    block = np.asarray(rng.normal(size=(300_000, 6)), order=order)
    groups, weights = rng.integers(0, n_groups, len(block)), rng.random(len(block))
    alone, *crowds = (
        accumulate(
            np.array_split(block, 3),
            list("abcdef"),
            groups=groups,
            n_groups=n_groups,
            weights=weights,
            threads=t,
        )
        for t in (1, 2, 5)
    )
    for crowd in crowds:
        assert (alone.crosses == crowd.crosses).all() and (alone.means == crowd.means).all()
    sizes = np.bincount(groups, weights, n_groups)
    np.testing.assert_allclose(alone.weights, sizes, rtol=1e-12)
    at = groups == 3 % n_groups
    assert_same(alone[3 % n_groups], Moments.of(block[at], list("abcdef"), weights[at]))


def test_linear_algebra_gets_its_threads_back():
    def threads():
        return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}

    broken = np.random.default_rng(0).normal(size=(200_000, 8))
    broken[150_000, 0] = np.nan
    with threadpool_limits(3, user_api="blas"):
        with pytest.raises(NonFiniteRows):
            accumulate([broken], list("abcdefgh"), threads=2)
        assert threads() == {3}
        # Two passes at once, of which the first to begin is the first to end.
        first, second = (in_order(range(9), abs, threads=2) for _ in range(2))
        assert (next(first), next(second), threads()) == (0, 0, {1})
        first.close()
        assert threads() == {1}
        second.close()
        assert threads() == {3}


def test_groups_constant_within_have_no_variance():
    arm = np.repeat([0, 1], 5000)
    block = np.column_stack([arm, np.random.default_rng(9).normal(size=10_000)])
    by_arm = accumulate([block], ["t", "y"], groups=arm, n_groups=2)
    assert (by_arm.crosses[:, 0, 0] == 0).all() and by_arm[1].is_constant().tolist() == [True, False]


def test_functions_of_a_block_give_groups_and_weights():
    block = np.arange(20.0).reshape(10, 2)
    grouped = accumulate(
        np.array_split(block, 3),
        ["x", "y"],
        groups=lambda rows, start: np.arange(start, start + len(rows)) % 2,
        n_groups=2,
        weights=lambda rows, start: rows[:, 0],
    )
    assert_same(grouped[1], Moments.of(block[1::2], ["x", "y"], block[1::2, 0]))


def test_subset_and_merged_groups():
    rng = np.random.default_rng(10)
    block, groups = rng.normal(size=(100, 3)), rng.integers(0, 6, 100)
    grouped = accumulate([block], ["a", "b", "c"], groups=groups, n_groups=6)
    arms = grouped.subset(["c", "a"]).merged(np.array([0, 0, 0, 1, 1, 1]), 2)
    assert_same(arms[1], Moments.of(block[groups >= 3][:, [2, 0]], ["c", "a"]))
    assert_same((grouped + grouped).total(), Moments.of(np.vstack([block, block]), ["a", "b", "c"]))
    assert_same(GroupedMoments.stack(list(grouped)).total(), grouped.total())
    assert_same(grouped.select(groups=np.array([2, 3])).total(), grouped[2] + grouped[3])
    assert len(grouped) == 6 and "6 groups, 100 rows" in repr(grouped)


def test_no_rows():
    nothing = Moments.zero(["a"])
    assert (nothing + nothing).weight == 0
    some = Moments.of(np.array([[1.0], [2.0]]), ["a"])
    assert_same(nothing + some, some)
    assert_same(some - some, nothing)
    with pytest.raises(TooFewRows, match="needs two rows"):
        _ = nothing.covariance
    assert accumulate([], ["a"], n_groups=3).total().count == 0
    assert accumulate([np.empty((0, 1))], ["a"]).total().count == 0


@pytest.mark.parametrize("n_groups", [1, 3])
@pytest.mark.parametrize(("value", "told"), [(np.nan, "nan"), (-np.inf, "-inf"), (1e200, "1e\\+200")])
def test_values_that_are_not_finite_are_located(value, told, n_groups):
    rows = np.ones((100_000, 2))
    rows[70_001, 1] = value
    rows[70_005, 1] = value
    groups = np.zeros(100_000, int) if n_groups > 1 else None
    with pytest.raises(
        NonFiniteRows, match=f"'income'.*{told} in row 70,002, {told} in row 70,006"
    ) as caught:
        accumulate(np.array_split(rows, 5), ["age", "income"], groups=groups, n_groups=n_groups)
    assert caught.value.column == "income" and caught.value.rows == (70_001, 70_005)
    with pytest.raises(NonFiniteRows, match="row 70,002"):
        Moments.of(rows, ["age", "income"])


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Moments.of(np.ones(3)), "shape \\(rows, variables\\)"),
        (lambda: Moments.of(np.ones((2, 2)), ["a"]), "2 columns for 1 names"),
        (lambda: Moments.of(np.ones((2, 2)), ["a", "a"]), "\\['a'\\] stand for more than one"),
        (lambda: Moments.of(np.array([["x", "y"]])), "must hold numbers"),
        (lambda: Moments.of(np.ones((2, 1)), weights=np.array([1.0, -1.0])), "row 2 has -1.0"),
        (lambda: Moments.of(np.ones((2, 1)), weights=np.ones(3)), "shape \\(2,\\)"),
        (lambda: accumulate([np.ones((2, 1))], ["a"], groups=np.array([0, 3]), n_groups=2), "lie in 0..1"),
        (lambda: accumulate([np.ones((2, 1))], ["a"], groups=np.array([0.0, 1.0]), n_groups=2), "integers"),
        (
            lambda: accumulate([np.ones((2, 1))], ["a"], groups=np.array([0]), n_groups=2),
            "more rows than the 1",
        ),
        (lambda: accumulate([np.ones((2, 1))], ["a"], weights=np.ones(5)), "5 weights for 2 rows"),
        (lambda: Moments.of(np.ones((1, 1))) - Moments.of(np.ones((2, 1))), "cannot be taken"),
        (lambda: GroupedMoments.zero(["a"], 2) + GroupedMoments.zero(["a"], 3), "2 and 3 groups"),
        (lambda: GroupedMoments.zero(["a"], 2).sums(np.ones((1, 3))), "\\(replicates, 2\\)"),
        (lambda: Moments.zero(["a"]).transform(np.ones((1, 2)), ["b"]), "shape \\(1, 1\\)"),
    ],
)
def test_bad_input_is_named(make, told):
    with pytest.raises(BadBlock, match=told):
        make()


def test_names_are_checked():
    some = Moments.of(np.ones((2, 2)), ["age", "income"])
    with pytest.raises(UnknownVariable, match="Did you mean 'income'"):
        some.subset(["incme"])
    with pytest.raises(UnknownVariable, match="Did you mean 'age'"):
        GroupedMoments.zero(["age"], 2).subset(["agee"])
    with pytest.raises(DifferentVariables, match="age, income"):
        _ = some + some.subset(["income", "age"])
    assert issubclass(UnknownVariable, AitiaError)
    assert repr(some) == "Moments(age, income; 2 rows, weight 2)"
