"""The paper's comparisons in one process, as the notebooks make them."""

import pytest

from datasets.drawn.digits import draw_digits
from datasets.keypoints import KeypointSet
from datasets.mnist import DigitSource
from glimpse_rnn.config import TrainSettings
from glimpse_rnn.evaluation import predict
from glimpse_rnn.metrics import THRESHOLDS, detection_rate, normalised_distances
from studies.glimpses import OWN_STUDIES, STUDIES
from studies.glimpses_in_memory import train_studies, with_flags

pytestmark = pytest.mark.slow

BASE = TrainSettings(
    task="mnist_centroid", epochs=1, batch_size=8, glimpses=2, state_size=8, seed=4
)


def test_each_variant_is_trained_once_and_measured_on_others():
    digits = KeypointSet(DigitSource(draw_digits(40, seed=1), 60, seed=1))
    images, others = digits[:16], digits[16:]
    studies = {
        "objective": {"l1": {"loss": "l1"}, "l2": {"loss": "l2"}},
        "policy": {"learned": {}, "random": {"location": "random"}},
    }
    tables, models = train_studies(studies, BASE, images, others)
    assert len(models) == 3  # l1 is learned
    assert [row[:3] for row in tables["policy"]] == [
        ("policy", "learned", 4),
        ("policy", "random", 4),
    ]
    assert tables["objective"][0][3:] == tables["policy"][0][3:]
    seen, targets = others.arrays()
    model = models[with_flags(BASE, {"loss": "l2"})]
    distances = normalised_distances(predict(model, seen), targets)
    expected = [detection_rate(distances, threshold) for threshold in THRESHOLDS]
    assert tables["objective"][1][3:] == pytest.approx(expected)


def test_all_arms_are_settings():
    for variants in (STUDIES | OWN_STUDIES).values():
        for flags in variants.values():
            changed = with_flags(BASE, flags)
            changed.check()
            for name, value in flags.items():
                assert str(getattr(changed, name)) == value
                assert type(getattr(changed, name)) is type(getattr(BASE, name))
