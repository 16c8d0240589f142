from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nuisance_cases import confounded, sample

from aitia.estimation import BadFolds, TooFewRows
from aitia.estimation._crossfit import arrange, assign_folds, in_threads


@given(st.integers(2, 6), st.lists(st.integers(0, 2), min_size=12, max_size=80), st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_folds_are_balanced_within_strata(folds, strata, seed):
    codes = np.array(strata)
    assigned = assign_folds(len(codes), folds, seed, strata=codes)
    assert np.ptp(np.bincount(assigned, minlength=folds)) <= 1
    for level in np.unique(codes):
        assert np.ptp(np.bincount(assigned[codes == level], minlength=folds)) <= 1


@given(st.lists(st.integers(0, 9), min_size=30, max_size=90), st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_clusters_stay_whole(clusters, seed):
    codes = np.array([*clusters, *range(10)])
    assigned = assign_folds(len(codes), 3, seed, clusters=codes)
    for cluster in np.unique(codes):
        assert len(np.unique(assigned[codes == cluster])) == 1
    assert len(np.unique(assigned)) == 3


def test_folds_depend_on_the_seed_and_the_repetition():
    first = assign_folds(100, 5, 1)
    assert (first == assign_folds(100, 5, 1)).all()
    assert (first != assign_folds(100, 5, 2)).any()
    assert (first != assign_folds(100, 5, 1, repeat=1)).any()


def test_arranged_cells_are_slices_of_the_rows():
    x, t, y = confounded(203, 0)
    arranged = arrange(sample(x, t, y), 5, 0)
    for fold in range(5):
        for arm in range(2):
            assert (arranged.arm[arranged.cell(fold, arm)] == arm).all()
        outside = arranged.training(fold)
        assert len(outside) == 203 - (arranged.fold(fold).stop - arranged.fold(fold).start)
        assert not np.isin(np.arange(arranged.fold(fold).start, arranged.fold(fold).stop), outside).any()
    assert np.array_equal(arranged.restore(arranged.y), y)
    assert np.array_equal(arranged.restore(arranged.x), x)
    covered = np.concatenate([np.arange(rows.start, rows.stop) for _, _, rows in arranged.blocks()])
    assert np.array_equal(covered, np.arange(203))


def test_threads_keep_the_order_and_pass_errors_on():
    assert in_threads(lambda each: each**2, range(50)) == [each**2 for each in range(50)]
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda each: 1 / each, [1, 0, 2])


def test_named_errors():
    x, t, y = confounded(60, 0)
    with pytest.raises(TooFewRows, match="at least 70 rows"):
        arrange(sample(x, t, y), 70, 0)
    with pytest.raises(BadFolds, match="at least 2 folds; 1 came"):
        arrange(sample(x, t, y), 1, 0)
    with pytest.raises(BadFolds, match=r"one for each of the 60 rows; shape \(3,\) came"):
        arrange(sample(x, t, y), np.arange(3), 0)
    with pytest.raises(BadFolds, match="no row with t = 0"):
        arrange(sample(x, t, y), t.astype(int), 0)
    with pytest.raises(TooFewRows, match="needs at least 5 of them; there are 3"):
        arrange(sample(x, t, y, clusters=np.arange(60) % 3), 5, 0)
