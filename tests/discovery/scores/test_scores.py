"""Scores: equal for equivalent DAGs, decomposable, right on tiny tables, and won by the truth as rows grow."""

import math
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from aitia.discovery import DiscoveryError, Observations
from aitia.discovery.scores import (
    BDeu,
    DiscreteBIC,
    ExtendedBIC,
    GaussianBIC,
    MixedBIC,
    RandomFeatureScore,
    default_score,
    why_default_score,
)


def numbers(seed, n, p=4):
    random = np.random.default_rng(seed)
    values = random.normal(size=(n, p)) @ (np.eye(p) + np.triu(random.normal(size=(p, p)), 1))
    return Observations.of_values("abcdefgh"[:p], values)


def categories(seed, n, p=4):
    random = np.random.default_rng(seed)
    sizes = random.integers(2, 4, p)
    codes = np.zeros((n, p))
    for i in range(p):
        codes[:, i] = (
            random.integers(0, 3, n) * (random.random(n) < 0.6) + codes[:, :i].sum(axis=1)
        ) % sizes[i]
    return Observations.of_values("abcdefgh"[:p], codes, [True] * p, [tuple(range(size)) for size in sizes])


def both(seed, n, p=4):
    discrete = categories(seed, n, p)
    values = discrete.values.copy()
    random = np.random.default_rng(seed + 1)
    for i in range(0, p, 2):
        values[:, i] = values @ random.normal(size=p) + random.normal(size=n)
    return Observations.of_values(discrete.names, values, [i % 2 == 1 for i in range(p)])


EQUIVALENT = [
    (GaussianBIC(), numbers),
    (GaussianBIC(discount=2.0), numbers),
    (ExtendedBIC(), numbers),
    (DiscreteBIC(), categories),
    (BDeu(), categories),
    (BDeu(sample=1.0), categories),
    (MixedBIC(), both),
    (MixedBIC(), categories),
]


def named(value):
    return value.name if hasattr(value, "name") else getattr(value, "__name__", str(value))


def random_dag(random, p):
    order = random.permutation(p)
    parents = [set() for _ in range(p)]
    for late in range(p):
        for early in range(late):
            if random.random() < 0.5:
                parents[order[late]].add(int(order[early]))
    return parents


def covered_edge(parents):
    """An edge a -> b with pa(b) = pa(a) and a: its reversal gives an equivalent DAG (Chickering 1995, lemma 1)."""
    for b, above in enumerate(parents):
        for a in above:
            if above - {a} == parents[a]:
                return a, b
    return None


@pytest.mark.parametrize(("score", "world"), EQUIVALENT, ids=named)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_equal_for_markov_equivalent_dags(score, world, seed):
    scorer = score.on(world(seed % 7, 60 + seed % 300))
    parents = random_dag(np.random.default_rng(seed), 4)
    edge = covered_edge(parents)
    if edge is None:
        return
    a, b = edge
    turned = [set(above) for above in parents]
    turned[b].discard(a)
    turned[a].add(b)
    assert scorer.total(turned) == pytest.approx(scorer.total(parents), rel=1e-9, abs=1e-7)


@pytest.mark.parametrize(("score", "world"), [*EQUIVALENT, (RandomFeatureScore(), numbers)], ids=named)
def test_blind_to_the_order_of_columns(score, world):
    data = world(3, 150)
    turned = data.subset(data.names[::-1])
    first, second = score.on(data), score.on(turned)
    for node, above in ((0, (1, 2)), (3, (0,)), (1, ())):
        gain = first.local(node, above) - first.local(node)
        again = second.local(3 - node, [3 - j for j in above]) - second.local(3 - node)
        assert again == pytest.approx(gain, rel=1e-6, abs=1e-7)


def test_total_is_the_sum_of_local_scores_remembered_by_sets():
    scorer = BDeu().on(categories(1, 100))
    parents = [(), (0,), (0, 1), (2,)]
    assert scorer.total(parents) == sum(scorer.local(i, above) for i, above in enumerate(parents))
    assert scorer.calls == 4
    assert scorer.local(2, [1, 0]) == scorer.local(2, (0, 1)) and scorer.calls == 4


TINY = np.array([[0, 0], [0, 1], [1, 1], [1, 1], [2, 0]])


def test_bdeu_is_the_closed_form_on_a_tiny_table():
    data = Observations.of_values("ab", TINY.astype(float), [True, True])
    lgamma, s = math.lgamma, 3.0
    # b given a: q = 3, r = 2; counts (1, 1), (0, 2), (1, 0).
    expected = 0.0
    for cells in ((1, 1), (0, 2), (1, 0)):
        expected += lgamma(s / 3) - lgamma(s / 3 + sum(cells))
        expected += sum(lgamma(s / 6 + cell) - lgamma(s / 6) for cell in cells)
    assert BDeu(sample=3.0).on(data).local(1, [0]) == pytest.approx(expected, abs=1e-12)


def test_bdeu_is_the_probability_of_the_rows_one_after_another():
    # The marginal likelihood is a product of predictive chances: Polya's urn.
    data = categories(2, 25, 2)
    s, r, q = 4.0, data.sizes[1], data.sizes[0]
    seen = np.full((q, r), s / (q * r))
    expected = 0.0
    for a, b in data.codes:
        expected += math.log(seen[a, b] / seen[a].sum())
        seen[a, b] += 1
    assert BDeu(sample=s).on(data).local(1, [0]) == pytest.approx(expected, rel=1e-10)


def test_discrete_bic_is_the_closed_form_on_a_tiny_table():
    data = Observations.of_values("ab", TINY.astype(float), [True, True])
    expected = 2 * math.log(1 / 2) - 0.5 * math.log(5) * 3
    assert DiscreteBIC().on(data).local(1, [0]) == pytest.approx(expected)
    expected = special.xlogy(2, 2 / 5) + special.xlogy(3, 3 / 5) - 0.5 * math.log(5)
    assert DiscreteBIC().on(data).local(1) == pytest.approx(expected)


def test_half_of_g2_is_the_gain_in_likelihood():
    from aitia.discovery.independence import GSquared

    data = categories(4, 300)
    scorer = DiscreteBIC(discount=0.0).on(data)
    gain = scorer.local(0, [1, 2]) - scorer.local(0, [2])
    assert 2 * gain == pytest.approx(GSquared(thin=0).on(data).result(0, 1, [2]).statistic)


def test_mixed_bic_meets_its_two_neighbours():
    data = numbers(5, 200)
    mixed, gaussian = MixedBIC().on(data), GaussianBIC().on(data)
    for node, above in ((0, (1,)), (3, (0, 2)), (2, (0, 1, 3))):
        expected = gaussian.local(node, above) - gaussian.local(node)
        assert mixed.local(node, above) - mixed.local(node) == pytest.approx(expected, abs=1e-5)
    data = categories(5, 200)
    for node, above in ((0, ()), (0, (1,)), (3, (0, 2))):
        assert MixedBIC().on(data).local(node, above) == pytest.approx(
            DiscreteBIC().on(data).local(node, above), abs=1e-8
        )


def test_extended_bic_charges_for_the_number_of_variables():
    data = numbers(6, 200)
    price = GaussianBIC().on(data).local(0, [1, 2]) - ExtendedBIC(gamma=0.5).on(data).local(0, [1, 2])
    assert price == pytest.approx(2 * math.log(4))
    assert ExtendedBIC(gamma=0.0).on(data).local(0, [1, 2]) == GaussianBIC().on(data).local(0, [1, 2])


def test_compiled_terms_say_what_the_scorer_says():
    from aitia.discovery._contingency import local_score

    data = categories(7, 300)
    for score in (BDeu(), DiscreteBIC()):
        scorer = score.on(data)
        terms = scorer.discrete
        again = local_score(
            terms.rows.codes,
            terms.rows.weights,
            terms.rows.sizes,
            2,
            np.array([3, 0]),
            terms.sample,
            terms.strength,
        )
        assert again == pytest.approx(scorer.local(2, [0, 3]), rel=1e-12)
    assert GaussianBIC().on(numbers(1, 50)).discrete is None


def curved_world(random, n):
    a, b, c = random.normal(size=(3, n))
    return np.column_stack([a, b, c, a**2 + np.sin(2 * b) + 0.5 * random.normal(size=n)]), [False] * 4


def linear_world(random, n):
    a, b, c = random.normal(size=(3, n))
    return np.column_stack([a, b, c, 0.4 * a - 0.4 * b + random.normal(size=n)]), [False] * 4


def discrete_world(random, n):
    a, b, c = random.integers(0, 2, (3, n))
    d = random.random(n) < 0.2 + 0.25 * a + 0.3 * b
    return np.column_stack([a, b, c, d]).astype(float), [True] * 4


def mixed_world(random, n):
    a, c = random.integers(0, 3, (2, n))
    b = random.normal(size=n)
    return np.column_stack([a, b, c, 0.4 * a - 0.5 * b + random.normal(size=n)]), [True, False, True, False]


@pytest.mark.parametrize(
    ("score", "world", "n"),
    [
        (GaussianBIC(), linear_world, 1000),
        (ExtendedBIC(), linear_world, 1000),
        (DiscreteBIC(), discrete_world, 2000),
        (BDeu(), discrete_world, 2000),
        (MixedBIC(), mixed_world, 2000),
        (RandomFeatureScore(), curved_world, 500),
        (RandomFeatureScore(), mixed_world, 1000),
    ],
    ids=named,
)
def test_the_true_parents_win(score, world, n):
    wins = 0
    for seed in range(10):
        values, discrete = world(np.random.default_rng(seed), n)
        scorer = score.on(Observations.of_values("abcd", values, discrete))
        sets = [each for size in range(4) for each in combinations(range(3), size)]
        wins += max(sets, key=lambda each: scorer.local(3, each)) == (0, 1)
    assert wins >= 9  # measured: 10 for each


def test_an_independent_parent_costs():
    for score, world in product((RandomFeatureScore(),), (linear_world, mixed_world)):
        values, discrete = world(np.random.default_rng(1), 500)
        scorer = score.on(Observations.of_values("abcd", values, discrete))
        assert scorer.local(3, [0, 1, 2]) < scorer.local(3, [0, 1])


def test_scores_say_that_they_do_not_fit():
    mixed = both(1, 50)
    with pytest.raises(DiscoveryError, match="BDeu counts categories, but 'a' holds numbers"):
        BDeu().on(mixed)
    with pytest.raises(DiscoveryError, match="positive equivalent sample size, but it is 0"):
        BDeu(sample=0).on(categories(1, 50))
    holed = categories(1, 50).values.copy()
    holed[3, 2] = np.nan
    data = Observations.of_values("abcd", holed, [True] * 4)
    for score in (BDeu(), DiscreteBIC(), MixedBIC(), RandomFeatureScore()):
        with pytest.raises(DiscoveryError, match="reads complete rows, but 'c' has no value in 1 of 50 rows"):
            score.on(data)


@pytest.mark.parametrize("price", [math.nan, math.inf, -1.0])
def test_a_price_that_is_none_is_refused(price):
    # A search over scores that compare with nothing (NaN) would never end.
    cases = [(GaussianBIC, numbers), (DiscreteBIC, categories), (MixedBIC, both)]
    for score, data in cases:
        with pytest.raises(DiscoveryError, match=f"0 or more, but came {price!r}"):
            score(discount=price).on(data(1, 50))
    with pytest.raises(DiscoveryError, match=f"0 or more, but came {price!r}"):
        RandomFeatureScore(discount=price).on(both(1, 50))
    with pytest.raises(DiscoveryError, match="gamma is between 0 and 1, but came"):
        ExtendedBIC(gamma=price).on(numbers(1, 50))
    with pytest.raises(DiscoveryError, match="positive equivalent sample size"):
        BDeu(sample=price).on(categories(1, 50))


def test_defaults_fit_the_kinds():
    assert isinstance(default_score(numbers(1, 50)), ExtendedBIC)
    assert isinstance(default_score(categories(1, 50)), DiscreteBIC)
    assert isinstance(default_score(both(1, 50)), MixedBIC)
    assert why_default_score(both(1, 50)) == (
        "Numbers and categories together: BIC of conditional Gaussian models."
    )


def test_the_default_for_numbers_does_not_drown_in_false_edges():
    # Pure noise, more columns than rows: plain BIC joins hundreds of the 1,225 pairs.
    from aitia.discovery import BOSS

    rows = np.random.default_rng(0).normal(size=(30, 50))
    data = Observations.of_values([f"v{i}" for i in range(50)], rows)
    found = BOSS(default_score(data)).run(data, allow_determined=True)
    plain = BOSS(GaussianBIC()).run(data, allow_determined=True)
    assert len(found.graph.edges) <= 10 < 200 < len(plain.graph.edges)
