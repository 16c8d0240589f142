"""The bundled course: every example runs, and its answers are those worked out apart from the library."""

from __future__ import annotations

import itertools
import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, optimize, stats

COURSE = Path(__file__).parents[3] / "examples" / "programs"


def answers(name: str) -> dict[str, float]:
    return runpy.run_path(str(COURSE / f"{name}.py"))["answers"]()


def test_tutoring():
    # Pearl, Glymour and Jewell 2016, section 4.2.3; seeing: E[Y | H=2] = 2 cov(Y, H) / var(H), var(H) = 1.25.
    got = answers("tutoring")
    assert list(got.values()) == pytest.approx([1.90, 0.8, 2 * (0.4 * 1.25 + 0.7 * 0.5) / 1.25], abs=1e-9)


def test_firing_squad():
    # Pearl 2009, section 7.1.2, with p = 0.7 and q = 0.1: P(dead had A not fired | dead) = p / (1 - (1-p)(1-q)).
    assert list(answers("firing_squad").values()) == pytest.approx([0.7 / 0.73, 1.0, 0.0, 1.0], abs=1e-12)


def test_monty_hall():
    # vos Savant 1990; Rosenthal 2008 for the careless host.
    assert list(answers("monty_hall").values()) == pytest.approx([2 / 3, 1 / 3, 2 / 3, 1 / 2, 1.0], abs=1e-6)


def test_kidney_stones():
    # Charig et al. 1986; standardised: 357/700 small, 343/700 large.
    success = np.array([[81 / 87, 234 / 270], [192 / 263, 55 / 80]])
    small = 357 / 700
    done = small * success[0] + (1 - small) * success[1]
    got = answers("kidney_stones")
    # Failing with percutaneous has rank above 55/80 under the threshold form; open succeeds up to 192/263.
    would = (192 / 263 - 55 / 80) / (1 - 55 / 80)
    expected = [273 / 350, 289 / 350, *done, done[0] - done[1], would]
    assert list(got.values()) == pytest.approx(expected, abs=1e-6)


def test_transport():
    # Every joint value of the network, summed.
    uni = np.array([[0.25, 0.36], [0.28, 0.30], [0.12, 0.10]])
    own, big = np.array([0.04, 0.08]), np.array([0.75, 0.80])
    train = np.array([[0.42, 0.24], [0.36, 0.21]])
    joint = {}
    for a, s, e, o, r in itertools.product(range(3), range(2), range(2), range(2), range(2)):
        p = [0.3, 0.5, 0.2][a] * [0.6, 0.4][s] * (uni[a, s] if e else 1 - uni[a, s])
        joint[a, s, e, o, r] = (
            p * (own[e] if o else 1 - own[e]),
            (big[e] if r else 1 - big[e]),
        )

    def total(keep, town=None, work=None):
        top = bottom = 0.0
        for (_, s, _, o, r), (p, q) in joint.items():
            if not keep(s, r):
                continue
            weight = p * q
            where, how = (r if town is None else town), (o if work is None else work)
            top += weight * train[how, where]
            bottom += weight
        return top / bottom

    got = list(answers("transport").values())
    expected = [
        total(lambda s, r: r == 0),
        total(lambda s, r: True, town=0),
        total(lambda s, r: True, work=1),
        total(lambda s, r: s == 1),
    ]
    # The example's tables are made when it is imported, where JAX keeps seven digits.
    assert got[:4] == pytest.approx(expected, abs=1e-7)


def test_transport_counterfactual_is_that_of_gumbel_max():
    # Drawn here from the definition: argmax of log p + Gumbel, kept where it says car in the big town.
    random = np.random.default_rng(0)
    gumbel = random.gumbel(size=(400_000, 3))
    big = np.argmax(np.log([0.58, 0.24, 0.18]) + gumbel, axis=1)
    small = np.argmax(np.log([0.48, 0.42, 0.10]) + gumbel, axis=1)
    expected = (small[big == 0] == 1).mean()
    # Both sides are shares of more than 50,000 draws: five standard errors of their difference are below 0.01.
    assert list(answers("transport").values())[4] == pytest.approx(expected, abs=0.01)


def test_soccer_trade():
    def over_form(value, weight=lambda form: 1.0):
        at = lambda f: integrate.quad(lambda form: f(form) * stats.norm.pdf(form), -9, 9)[0]  # noqa: E731
        return at(lambda form: value(form) * weight(form)) / at(weight)

    sells = lambda form: 1 / (1 + np.exp(1.5 * form))  # noqa: E731
    rate = lambda form, sold: np.exp(3.2 + 0.25 * form - 0.2 * sold)  # noqa: E731
    seen = over_form(lambda f: rate(f, 1), sells) - over_form(lambda f: rate(f, 0), lambda f: 1 - sells(f))
    done = over_form(lambda f: rate(f, 1) - rate(f, 0))
    # The ranks that give 14 goals after the sale, spread over the counts that they give without it.
    low, high = stats.poisson.cdf([13, 14], rate(-1.0, 1))
    counts = np.arange(200)
    cut = np.clip(stats.poisson.cdf(np.concatenate([[-1], counts]), rate(-1.0, 0)), low, high)
    kept = (counts * np.diff(cut)).sum() / (high - low)
    got = list(answers("soccer_trade").values())
    # Goals vary by about 8 among teams: with 1e5 draws, weighted by 0.5 on average, four standard errors are 0.2;
    # under common random numbers a difference varies by about 2.
    assert got[0] == pytest.approx(seen, abs=0.25)
    assert got[1] == pytest.approx(done, abs=0.05)
    assert got[2] == pytest.approx(kept, abs=0.02)


def test_property_search():
    # (I - B)^-1 gives every node as a mixture of the noises; the rest is the conditional normal.
    coefficients = np.zeros((4, 4))
    coefficients[2, :2] = 0.8, 0.6
    coefficients[3, :3] = 0.9, 0.5, -0.4
    mix = np.linalg.inv(np.eye(4) - coefficients)
    noise = np.diag([1, 1, 0.25, 0.36])
    covariance = mix @ noise @ mix.T
    seen = covariance[3, 2] / covariance[2, 2]
    known, value = [1, 2, 3], np.array([0.0, 1.0, 0.5])
    own = noise @ mix.T[:, known] @ np.linalg.solve(covariance[np.ix_(known, known)], value)
    rent = 0.8 * own[0] + 0.6 * 2 + own[2]
    satisfied = 0.9 * own[0] + 0.5 * 2 - 0.4 * rent + own[3]
    assert list(answers("property_search").values()) == pytest.approx(
        [seen, -0.4, own[0], satisfied], abs=1e-9
    )


def test_epidemic_with_masks():
    def final_size(reproduction: float) -> float:
        # All but ten people start susceptible: s = (1 - i0) exp(-R (1 - s)).
        return 1 - optimize.brentq(lambda s: s - (1 - 1e-5) * np.exp(-reproduction * (1 - s)), 1e-9, 1 - 1e-4)

    def late() -> float:
        state = np.array([1e6 - 10, 0.0, 10.0])
        for begin, end, left in ((0, 60, 1.0), (60, 400, 0.6)):

            def slope(_, y, left=left):
                infected = left * 2.5 / 5.0 * y[0] * y[2] / 1e6
                return [-infected, infected - y[1] / 3.0, y[1] / 3.0 - y[2] / 5.0]

            state = integrate.solve_ivp(slope, (begin, end), state, rtol=1e-10, atol=1e-6).y[:, -1]
        return 1 - state[0] / 1e6

    expected = [final_size(2.5), final_size(1.5), late()]
    # The equation is that of an epidemic that has ended; what is left to come after day 400 is below 1e-4.
    got = list(answers("epidemic_masks").values())
    assert got[:3] == pytest.approx(expected, abs=2e-4)
    assert got[2] == pytest.approx(expected[2], abs=1e-6)
    assert got[3] == got[2] - got[1]
