import pytest

from hierarchy.quirks import Quirks
from hierarchy.rewards import (
    StepOutcome,
    follow_iou,
    get_reward_movement,
    get_reward_trigger,
    graded_reward,
    iou_sign_reward,
)

PLANE, CAR = "aeroplane", "car"
LEFT, RIGHT = (0, 0, 10, 10), (0, 90, 10, 100)


@pytest.mark.parametrize(
    ("iou", "new_iou", "reward"), [(0.2, 0.3, 1), (0.3, 0.2, -1), (0.3, 0.3, -1)]
)
def test_a_movement_pays_if_the_iou_rises(iou, new_iou, reward):
    assert get_reward_movement(iou, new_iou) == reward


@pytest.mark.parametrize(("iou", "reward"), [(0.51, 3), (0.5, -3), (0, -3)])
def test_a_trigger_pays_over_one_half(iou, reward):
    assert get_reward_trigger(iou) == reward


def follow(
    region, classes=(PLANE, PLANE), available=(True, True), last=(0.1, 0.2), **rows
):
    return follow_iou(
        [LEFT, RIGHT], region, classes, PLANE, last, available, Quirks(**rows)
    )


def test_the_object_with_the_largest_iou_is_followed():
    target = follow((0, 50, 10, 100))
    assert (target.index, target.previous_iou, target.iou) == (1, 0.2, 0.2)
    assert target.ious == (0, 0.2)


def test_found_objects_and_other_classes_are_never_followed():
    assert follow(RIGHT, available=(True, False)).index == 0
    assert follow(RIGHT, classes=(PLANE, CAR)).index == 0
    with pytest.raises(ValueError, match="no object of class aeroplane is left"):
        follow(RIGHT, classes=(PLANE, CAR), available=(False, True))


def test_with_no_overlap_the_first_object_is_followed():
    assert follow((40, 40, 50, 50)).index == 0


def test_row_exhausted_targets_follows_another_class():
    target = follow(
        LEFT, classes=(PLANE, CAR), available=(False, True), exhausted_targets=True
    )
    assert (target.index, target.iou) == (1, 0)
    # With every IoU at 0, another class that stands first in the annotation wins.
    rows = {"exhausted_targets": True}
    assert follow((40, 40, 50, 50), classes=(CAR, PLANE), **rows).index == 0
    assert follow((40, 40, 50, 50), classes=(CAR, PLANE)).index == 1


def outcome(**changes):
    given = {
        "is_trigger": False,
        "previous_region": (0, 0, 100, 100),
        "region": (0, 0, 75, 75),
        "target": LEFT,
        "previous_iou": 0.2,
        "iou": 0.3,
        "largest_rise": 0.4,
    }
    return StepOutcome(**given | changes)


def test_graded_a_movement_earns_its_share_of_the_largest_rise():
    assert graded_reward(outcome()) == pytest.approx(0.25)
    assert graded_reward(outcome(iou=0.6)) == pytest.approx(1)
    assert graded_reward(outcome(iou=0.2)) == -1
    assert graded_reward(outcome(iou=0.1, largest_rise=-0.1)) == -1
    assert graded_reward(outcome(is_trigger=True, iou=0.6)) == 3
    assert graded_reward(outcome(is_trigger=True)) == -3
    assert iou_sign_reward(outcome()) == 1
