"""Bootstrap intervals, against SciPy's."""

import numpy as np
import pytest
from scipy import stats

from common.bootstrap import (
    CONFIDENCE,
    interval,
    resample_counts,
    resampled_means,
)


@pytest.mark.parametrize("items", [1, 2, 37])
def test_a_mean_has_scipys_interval(items):
    values = np.random.default_rng(1).random(items)
    counts = resample_counts(np.random.default_rng(5), items, 400)
    ours = interval(resampled_means(counts, values))
    if items == 1:  # SciPy refuses one
        assert ours == pytest.approx([values[0]] * 2)
        return
    theirs = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=400,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(5),
    ).confidence_interval
    assert ours == pytest.approx(list(theirs), abs=1e-12)


def test_intervals_of_arrays_are_those_of_each_number():
    scores = np.random.default_rng(0).random((50, 3, 2))
    pairs = interval(scores)
    for row in range(3):
        for column in range(2):
            assert pairs[row][column] == interval(scores[:, row, column])
    assert interval(scores, 2) == np.round(pairs, 2).tolist()


def test_the_same_seed_draws_the_same_images():
    first, again, other = (
        resample_counts(np.random.default_rng(seed), 20, 5) for seed in (1, 1, 2)
    )
    assert (first == again).all() and (first != other).any()
    assert first.shape == (5, 20) and (first.sum(axis=1) == 20).all()
