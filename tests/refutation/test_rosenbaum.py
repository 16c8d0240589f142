import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from worlds import linear, study

from aitia.refutation import RosenbaumBounds, mcnemar_bounds, signed_rank_bounds

# Morton et al. 1982: blood lead of 33 children of workers exposed to lead, and of matched controls (as
# printed in Rosenbaum 2002, table 4.1).
EXPOSED = [
    38,
    23,
    41,
    18,
    37,
    36,
    23,
    62,
    31,
    34,
    24,
    14,
    21,
    17,
    16,
    20,
    15,
    10,
    45,
    39,
    22,
    35,
    49,
    48,
    44,
    35,
    43,
]
EXPOSED += [39, 34, 13, 73, 25, 27]
CONTROL = [
    16,
    18,
    18,
    24,
    19,
    11,
    10,
    15,
    16,
    18,
    18,
    13,
    19,
    10,
    16,
    16,
    24,
    13,
    9,
    14,
    21,
    19,
    7,
    18,
    19,
    12,
    11,
]
CONTROL += [22, 25, 16, 13, 11, 13]


@pytest.mark.parametrize(
    ("gamma", "printed"), [(2, 0.0018), (3, 0.0136), (4, 0.0388), (4.25, 0.0468), (5, 0.0740)]
)
def test_lead_in_children_reproduces_the_published_bounds(gamma, printed):
    # Rosenbaum 2002, Observational Studies, table 4.2.
    differences = np.array(EXPOSED, float) - np.array(CONTROL, float)
    assert signed_rank_bounds(differences, gamma)[1] == pytest.approx(printed, abs=5e-5)


def test_signed_ranks_against_all_assignments():
    # The exact bound: the distribution of the statistic when every pair is positive with chance Gamma / (1 +
    # Gamma).
    differences = np.array([1.0, 2.0, 3.0, 4.5, 5.0, 7.0, -0.5, 8.0, 9.0, 2.5, 6.0, -1.5])
    ranks = stats.rankdata(np.abs(differences))
    observed = ranks[differences > 0].sum()
    gamma = 1.5
    chance = gamma / (1 + gamma)
    exact = sum(
        np.prod(np.where(signs, chance, 1 - chance))
        for signs in itertools.product([True, False], repeat=len(ranks))
        if ranks[list(signs)].sum() >= observed
    )
    # The normal approximation on twelve pairs is good to about a hundredth.
    assert signed_rank_bounds(differences, gamma)[1] == pytest.approx(exact, abs=0.012)


@pytest.mark.parametrize(("gamma", "printed"), [(4, 0.0036), (5, 0.03), (6, 0.1)])
def test_smoking_and_lung_cancer(gamma, printed):
    # Hammond 1964 in Rosenbaum 2002, section 4.3.2: 122 discordant pairs, the smoker died in 110. The book's
    # figures are the normal approximation with continuity correction; ours are exact.
    chance = gamma / (1 + gamma)
    approximate = stats.norm.sf((109.5 - 122 * chance) / np.sqrt(122 * chance * (1 - chance)))
    assert approximate == pytest.approx(printed, abs=0.005 if gamma > 4 else 5e-4)
    low, high = mcnemar_bounds(110, 12, gamma)
    assert high == pytest.approx(stats.binom.sf(109, 122, chance), rel=1e-9)
    assert low == pytest.approx(stats.binom.sf(109, 122, 1 - chance), rel=1e-6, abs=1e-300)


@settings(max_examples=50)
@given(st.lists(st.floats(-5, 5).filter(lambda x: abs(x) > 1e-6), min_size=5, max_size=40))
def test_bounds_widen_with_gamma_and_meet_without_bias(values):
    differences = np.array(values)
    low, high = signed_rank_bounds(differences, 1.0)
    assert low == pytest.approx(high)
    previous = low, high
    for gamma in (1.5, 3.0, 10.0):
        low, high = signed_rank_bounds(differences, gamma)
        assert low <= previous[0] + 1e-12 and high >= previous[1] - 1e-12
        previous = low, high


def test_pairs_are_made_within_a_caliper_and_used_once():
    from aitia.refutation._linear import logistic
    from aitia.refutation._rosenbaum import _pairs

    for seed, shift in ((0, 0.0), (1, 1.5), (2, -1.5)):
        random = np.random.default_rng(seed)
        x = random.normal(size=(600, 2))
        t = (random.random(600) < 1 / (1 + np.exp(-x[:, 0] - shift))).astype(float)
        case = study(x, t, x[:, 0] + t + random.normal(size=600))
        treated, control = _pairs(case, 0, 10_000)
        assert (t[treated] == 1).all() and (t[control] == 0).all()
        assert len(set(treated)) == len(treated) == len(set(control))
        p = logistic(x, t)
        score = np.log(p / (1 - p))
        assert np.abs(score[treated] - score[control]).max() <= 0.2 * score.std() + 1e-9
        assert len(treated) > 0.5 * min(t.sum(), 600 - t.sum())


def test_a_clear_effect_survives_bias_and_none_does_not():
    found = RosenbaumBounds().refute(linear(np.random.default_rng(2), n=2000))
    assert found.verdict.value == "survived" and found.margin is not None and found.margin > 1.5
    assert (np.diff(found.details["p_upper"]) >= -1e-12).all()
    random = np.random.default_rng(3)
    x = random.normal(size=(500, 1))
    t = (random.random(500) < 0.5).astype(float)
    nothing = RosenbaumBounds().refute(study(x, t, random.normal(size=500)))
    assert nothing.verdict.value == "inconclusive" and nothing.bounds
