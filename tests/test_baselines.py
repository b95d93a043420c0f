import itertools
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import zoom

from datasets.voc import VocSet
from hierarchy.actions import CENTRE, PAPER_ACTIONS, TRIGGER
from hierarchy.baselines import (
    AgentPolicy,
    CentrePolicy,
    RandomPolicy,
    UpperBoundPolicy,
)
from hierarchy.encoder import StateEncoder
from hierarchy.evaluation import Evaluator, run_batch, run_policy
from hierarchy.images import SearchImage
from hierarchy.metrics import GroundTruth, best_iou
from hierarchy.quirks import Quirks
from hierarchy.regions import whole_image
from hierarchy.search import SearchSpec

SHARED_DATA = Path(
    os.environ.get("SHARED_DATA", Path(__file__).parents[2] / "shared" / "data")
)


def blank(height, width):
    return SearchImage("blank", np.zeros((height, width, 3), np.uint8))


def search(policy, height=100, width=100, only_first_object=True, **rules):
    return list(
        run_policy(blank(height, width), policy, SearchSpec(**rules), only_first_object)
    )


class Fixed:
    """Network or features that are always the same."""

    size = 2

    def __init__(self, values):
        self.values = np.array(values, np.float32)

    def predict_on_batch(self, states):
        assert states.shape[1:] == (2 + 24,)
        return np.repeat(self.values[None], len(states), axis=0)

    def __call__(self, images, regions):
        return np.zeros((len(regions), 2), np.float32)


def test_the_agent_acts_on_the_largest_q_value_and_is_ranked_by_the_trigger():
    policy = AgentPolicy(Fixed([0, 1, 9, 2, 3, 4]), Fixed([]), StateEncoder(2))
    looks = search(policy, number_of_steps=3)
    assert [look.output.action for look in looks] == [3, 3, 3]
    assert [look.output.score for look in looks] == [4, 4, 4]
    assert [look.path for look in looks] == [(), (3,), (3, 3)]


def test_a_trigger_ends_the_search():
    looks = search(AgentPolicy(Fixed([0, 1, 2, 2, 3, 4]), Fixed([]), StateEncoder(2)))
    assert len(looks) == 1 and looks[0].output.action == TRIGGER


def test_random_actions_are_uniform_and_follow_the_generator():
    def actions(seed):
        policy = RandomPolicy(np.random.default_rng(seed))
        return [look.output.action for _ in range(400) for look in search(policy)]

    one = actions(0)
    counts = np.bincount(one, minlength=7)[1:] / len(one)
    assert np.abs(counts - 1 / 6).max() < 0.03
    assert one == actions(0) != actions(1)


def test_the_centre_is_taken_without_looking():
    looks = search(CentrePolicy())
    assert [look.output.action for look in looks] == [CENTRE, TRIGGER]
    assert [look.output.score for look in looks] == [0, 1]
    assert looks[1].region == zoom(looks[0].region, CENTRE, 3 / 4)


BOX = st.tuples(
    st.integers(0, 60), st.integers(0, 60), st.integers(5, 40), st.integers(5, 40)
).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(BOX, min_size=1, max_size=3))
def test_the_upper_bound_climbs_to_a_region_that_no_subregion_beats(boxes):
    looks = search(UpperBoundPolicy(boxes))
    ious = [best_iou(look.region.box, boxes) for look in looks]
    assert ious == sorted(ious) and len(set(ious)) == len(ious)
    assert looks[-1].output.action == TRIGGER
    assert looks[-1].output.score == ious[-1]
    assert all(look.output.score < 0 for look in looks[:-1])
    if len(looks) < 10:
        children = [
            zoom(looks[-1].region, action, 3 / 4).box for action in PAPER_ACTIONS.moves
        ]
        assert max(best_iou(child, boxes) for child in children) <= ious[-1]


def test_the_upper_bound_finds_what_lies_on_the_hierarchy():
    for path in itertools.product(PAPER_ACTIONS.moves, repeat=3):
        region = whole_image(200, 300)
        for action in path:
            region = zoom(region, action, 3 / 4)
        looks = search(UpperBoundPolicy([region.box]), 200, 300)
        assert best_iou(looks[-1].region.box, [region.box]) > 0.5


def test_the_upper_bound_searches_on_for_what_is_left():
    boxes = [(0, 0, 40, 40), (60, 60, 100, 100)]
    looks = search(UpperBoundPolicy(boxes), only_first_object=False)
    found = [k.region.box for k in looks if k.output.action == TRIGGER]
    for box in boxes:
        assert max(best_iou(box, [other]) for other in found) > 0.5
    assert len({look.number for look in looks}) == 3  # the third finds nothing


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="no real data at hand")
@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (Quirks(), (158, 93)),
        (Quirks(one_based_boxes=True), (155, 91)),
        (Quirks.published(), (154, 90)),
    ],
)
def test_the_ceiling_on_voc_2007_is_the_one_measured_elsewhere(rows, expected):
    """Images found of 204, at 3/4 and 2/4; with boxes read the published way the
    numbers are those of an independent program."""
    folder = SHARED_DATA / "voc2007_aeroplane_annotations"
    images = VocSet.open(
        folder, "test", "aeroplane", one_based_boxes=rows.one_based_boxes
    )
    assert len(images) == 204
    found = [0, 0]
    for index in range(len(images)):
        annotation = images.annotation(index)
        boxes = [
            item.box for item in annotation.objects if item.class_name == "aeroplane"
        ]
        for number, scale in enumerate((3 / 4, 2 / 4)):
            looks = search(
                UpperBoundPolicy(boxes),
                *annotation.size,
                scale_subregion=scale,
                quirks=rows,
            )
            found[number] += best_iou(looks[-1].region.box, boxes) > 0.5
    assert tuple(found) == expected


def test_a_tally_counts_finds_triggers_and_regions():
    box = (0, 0, 50, 50)
    tally = Evaluator()
    tally.add(GroundTruth((box,), (False,)), search(UpperBoundPolicy([box])), 1.0)
    tally.add(
        GroundTruth((box,), (False,)), search(UpperBoundPolicy([(90, 90, 99, 99)])), 1.0
    )
    results = tally.results()
    first = search(UpperBoundPolicy([box]))
    hit = [best_iou(k.region.box, [box]) > 0.5 for k in first].index(True) + 1
    assert results["regions_per_object"] == hit
    assert results["regions_per_object_histogram"] == [0] * (hit - 1) + [1]
    assert results["paper"] == {"ap": 0.5, "recall": 0.5}
    assert results["triggers_over_half"] == 0.5
    assert results["triggers"] == 2
    assert results["seconds_per_image"] == 1.0


def test_several_pictures_are_searched_in_lockstep():
    """Each as it would be alone, and one pass decides on all."""

    class ByPlace:
        def __init__(self):
            self.passes = []

        def predict_on_batch(self, states):
            self.passes.append(len(states))
            return np.stack([np.roll(np.arange(6.0), int(s[0])) for s in states])

        def __call__(self, images, regions):
            places = zip(images, regions, strict=True)
            return np.array([[int(p.name) + r.box[2]] for p, r in places], np.float32)

    pictures = [
        SearchImage(str(n), np.zeros((90 + n, 80, 3), np.uint8)) for n in range(5)
    ]
    rules = SearchSpec(number_of_steps=5)
    alone = [
        [(look.region, look.output.action) for look in run_policy(p, policy, rules)]
        for p in pictures
        for policy in [AgentPolicy(ByPlace(), ByPlace(), StateEncoder(1))]
    ]
    assert len({len(looks) for looks in alone}) > 1
    network = ByPlace()
    policy = AgentPolicy(network, ByPlace(), StateEncoder(1))
    together = [[] for _ in pictures]
    for index, look in run_batch(pictures, policy, rules):
        together[index].append((look.region, look.output.action))
    assert together == alone
    assert network.passes[0] == 8  # five, filled up to a power of two
    assert len(network.passes) == max(map(len, alone))
