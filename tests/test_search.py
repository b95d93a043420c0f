"""Training and detection searches without the published program's faults."""

import numpy as np
import pytest

from datasets.voc import VocObject
from hierarchy.actions import CENTRE, PAPER_ACTIONS, TRIGGER, UP_LEFT
from hierarchy.images import MEAN_RGB, SearchImage
from hierarchy.quirks import Quirks
from hierarchy.regions import calculate_iou, whole_image
from hierarchy.rewards import graded_reward
from hierarchy.search import (
    MAX_OBJECTS,
    SearchSpec,
    detection_searches,
    training_searches,
)

PLANE, CAR = "aeroplane", "car"
SMALL, FAR = (10, 10, 30, 30), (70, 70, 95, 95)


def picture():
    return SearchImage("one", np.zeros((100, 100, 3), np.uint8))


def objects(*boxes, classes=None):
    classes = classes or [PLANE] * len(boxes)
    return [
        VocObject(name, box, False) for name, box in zip(classes, boxes, strict=True)
    ]


def searches(items, **spec):
    return training_searches(picture(), items, PLANE, SearchSpec(**spec))


def test_there_is_a_search_for_each_object_of_the_class():
    items = objects(SMALL, (40, 0, 50, 10), FAR, classes=[PLANE, CAR, PLANE])
    found = []
    for search in searches(items, number_of_steps=2):
        found.append(search.object_index)
        while not search.done:
            search.step(UP_LEFT)
    assert found == [0, 2]


def test_a_search_ends_with_its_last_step():
    (search,) = searches(objects(SMALL), number_of_steps=3)
    steps = 0
    while not search.done:
        search.step(CENTRE)
        steps += 1
    assert steps == 3 and not search.triggered


def test_rewards_follow_the_iou_with_the_object():
    (search,) = searches(objects(SMALL))
    assert search.step(UP_LEFT) == 1
    assert search.step(UP_LEFT) == 1
    assert search.step(TRIGGER) == -3
    assert search.triggered and search.done


def test_a_trigger_is_forced_over_one_half_also_at_once():
    (search,) = searches(objects((0, 0, 80, 80)))
    assert search.trigger_is_forced
    assert search.step(TRIGGER) == 3


def test_row_first_iou_never_forces_the_first_step():
    spec = {"quirks": Quirks(first_iou=True)}
    (search,) = searches(objects((0, 0, 80, 80)), **spec)
    assert not search.trigger_is_forced
    assert search.step(UP_LEFT) == 1  # the reward knows the true IoU
    assert search.trigger_is_forced
    (search,) = searches(objects((0, 0, 80, 80)))
    assert search.trigger_is_forced


def test_the_ground_truth_of_a_found_object_is_masked():
    seen = []
    for search in searches(objects(SMALL, FAR)):
        seen.append(search.image)
        search.step(UP_LEFT)
        search.step(UP_LEFT)
        search.step(TRIGGER)
    assert not seen[0].pixels.any()
    assert seen[1].masked == (SMALL,)
    assert (seen[1].pixels[10:30, 10:30] == MEAN_RGB).all()
    assert seen[1].pixels.any(axis=2).sum() == 400


def test_without_a_trigger_nothing_is_masked():
    for search in searches(objects(SMALL, FAR), number_of_steps=1):
        assert search.image.masked == ()
        search.step(UP_LEFT)


def test_an_object_covered_by_the_triggered_region_is_not_searched_again():
    both = objects(SMALL, (15, 15, 28, 28))
    assert len([s.step(TRIGGER) for s in searches(both)]) == 1
    apart = searches(objects(SMALL, FAR))
    first = next(apart)
    first.step(UP_LEFT)
    first.step(TRIGGER)
    assert next(apart).available_objects == (False, True)


def test_row_exhausted_targets_goes_on_with_nothing_left():
    quirks = Quirks(exhausted_targets=True)
    items = objects(SMALL, (15, 15, 28, 28), classes=[PLANE, PLANE])
    found = []
    for search in searches(items, quirks=quirks):
        found.append(search.done)
        if not search.done:
            search.step(TRIGGER)
    assert found == [False, True]


def test_a_trigger_is_one_step_and_with_its_quirk_two():
    for quirks, steps in ((Quirks(), 1), (Quirks(leaked_minibatch=True), 2)):
        (search,) = searches(objects(SMALL), quirks=quirks)
        search.step(TRIGGER)
        assert search.steps_taken == steps


def detections(actions, only_first_object=False, **spec):
    """Run searches on a script; return (masked before, actions taken) of each."""
    script, found = iter(actions), []
    for search in detection_searches(picture(), SearchSpec(**spec), only_first_object):
        taken = []
        while not search.done:
            taken.append(next(script))
            search.step(taken[-1])
        found.append((search.image.masked, taken))
    return found


def test_only_the_first_object_takes_one_search():
    assert detections([1, 6, 1, 6], only_first_object=True) == [((), [1, 6])]


def test_searching_on_paints_over_the_detected_region():
    region = PAPER_ACTIONS.apply(UP_LEFT, whole_image(100, 100), 3 / 4).box
    found = detections([1, 6, 5, 5, 5], number_of_steps=3)
    assert found == [((), [1, 6]), ((region,), [5, 5, 5])]


def test_searching_on_stops_when_the_whole_image_is_found():
    assert detections([1, 6, 6, 1, 1]) == [
        ((), [1, 6]),
        (((0, 0, 75, 75),), [6]),
    ]


def test_searching_on_has_an_end():
    assert len(detections([1, 6] * 50)) == MAX_OBJECTS


def test_row_shared_steps_gives_all_searches_one_limit():
    spec = {"number_of_steps": 5, "quirks": Quirks(shared_steps=True)}
    assert [taken for _, taken in detections([1, 6] + [5] * 9, **spec)] == [
        [1, 6],
        [5, 5, 5],
    ]
    own = {"number_of_steps": 5}
    assert [taken for _, taken in detections([1, 6] + [5] * 9, **own)] == [
        [1, 6],
        [5, 5, 5, 5, 5],
    ]
    # A trigger at once ends the image's first search only.
    assert len(detections([6, 1, 1], **spec)) == 1
    assert len(detections([1, 6, 6, 6, 6], **spec)) == 4
    assert len(detections([1, 6, 6, 6, 6], **own)) == 2


def test_actions_that_do_not_exist_are_refused():
    (search,) = searches(objects(SMALL))
    with pytest.raises(ValueError, match="expected 1 to 6"):
        search.step(7)


def test_graded_rewards_tell_the_best_movement():
    items = objects((20, 20, 80, 80))
    (search,) = searches(items, reward=graded_reward)
    earned = {action: search.reward_of(action) for action in PAPER_ACTIONS.moves}
    ious = {}
    for action in PAPER_ACTIONS.moves:
        box = PAPER_ACTIONS.apply(action, search.region, 3 / 4).box
        ious[action] = calculate_iou(box, items[0].box)
    before = calculate_iou(search.region.box, items[0].box)
    for action, iou in ious.items():
        share = (iou - before) / (max(ious.values()) - before)
        assert earned[action] == pytest.approx(share if iou > before else -1)
    assert earned[CENTRE] == 1 and search.step(CENTRE) == search.step(CENTRE) == 1
    assert search.reward_of(CENTRE) == -1  # too far in by now
