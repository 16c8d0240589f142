"""Tests in bulk give, sign included, what single tests give, also where columns are nearly collinear."""

import numpy as np
import pytest

from aitia.discovery import FisherZ, Observations, lagged
from aitia.discovery.series._links import LinkTester


def made(noise):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3)).cumsum(axis=0)
    x[:, 2] = x[:, 0] - x[:, 1] + noise * rng.normal(size=300)
    wide = lagged(Observations.of_values(["a", "b", "c"], x), 2)
    return FisherZ().on(wide), LinkTester(FisherZ().on(wide), ["a", "b", "c"], 2)


@pytest.mark.parametrize("noise", [1.0, 1e-7])
@pytest.mark.parametrize("size", range(5))
def test_a_round_is_its_single_tests(noise, size):
    single, links = made(noise)
    candidates = [(i, lag) for lag in (1, 2) for i in range(3)]
    head = candidates[: size + 1]
    for node, test in zip(candidates, links.strongest_first(candidates, 1, size)):
        given = [other for other in head if other != node][:size]
        wanted = single.result(links.column(node), 1, [links.column(other) for other in given])
        assert set(test.given) == set(given)
        assert test.p_value == pytest.approx(wanted.p_value, rel=1e-5, abs=1e-12)
        assert np.sign(test.value) == np.sign(wanted.statistic)
        assert links.test(node, 1, given).value == pytest.approx(test.value, rel=1e-5, abs=1e-9)


def test_a_link_within_a_step_is_one_test_whichever_end_comes_first():
    _, links = made(1.0)
    one, other = links.test((0, 0), 1, [(2, 1)]), links.test((1, 0), 0, [(2, 1)])
    assert one == other and links.tests == 1
