"""The search itself: where it stands, what an action does, which search comes next.

:class:`Search` is what testing runs, :class:`TrainingSearch` adds what only training
knows, the objects. :func:`training_searches` and :func:`detection_searches` yield the
searches of one image one after the other. Who chooses the actions stands outside.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from datasets.voc import VocObject
from hierarchy.history import empty_history, update_history_vector
from hierarchy.pictures import Picture, mask_image_with_mean_background
from hierarchy.quirks import Quirks
from hierarchy.regions import (
    TRIGGER,
    Region,
    calculate_overlapping,
    whole_image,
    zoom,
)
from hierarchy.rewards import (
    IOU_THRESHOLD,
    Followed,
    follow_iou,
    get_reward_movement,
    get_reward_trigger,
)

COVERED = 0.60
"""Share of an object that a region must cover for the object to count as found."""

MAX_OBJECTS = 10
"""Searches of one test image at most, where searching goes on after a find."""


@dataclass(frozen=True)
class SearchRules:
    """What all searches of a run have in common.

    Attributes:
        scale_subregion: a subregion's height and width over its parent's.
        number_of_steps: actions a search may take.
        quirks: the published differences to follow.
        records_trigger: whether a trigger enters the history.
    """

    scale_subregion: float = 3 / 4
    number_of_steps: int = 10
    quirks: Quirks = Quirks()
    records_trigger: bool = True


@dataclass(frozen=True, eq=False)
class SearchState:
    """Where a search stands.

    Attributes:
        region: what it looks at.
        history: (24,) float32, the last four actions.
        path: all actions so far, 1 … 6.
    """

    region: Region
    history: np.ndarray
    path: tuple[int, ...] = ()

    def after(self, action: int, rules: SearchRules) -> "SearchState":
        """Return where the search stands after ``action``; a trigger stays put."""
        region, history = self.region, self.history
        if action != TRIGGER:
            region = zoom(region, action, rules.scale_subregion, rules.quirks)
        if action != TRIGGER or rules.records_trigger:
            history = update_history_vector(history, action, rules.quirks)
        return SearchState(region, history, (*self.path, action))


class Search:
    """One search of a picture, from the whole image to a trigger or the last step.

    Attributes:
        picture: what is searched.
        rules: how.
        state: where the search stands.
        step: steps taken, up to ``number_of_steps``.
        triggered: whether the last action was the trigger.
    """

    def __init__(
        self, picture: Picture, rules: SearchRules, number_of_steps: int | None = None
    ):
        self.picture = picture
        self.rules = rules
        self.number_of_steps = number_of_steps or rules.number_of_steps
        self.state = SearchState(whole_image(*picture.size), empty_history())
        self.step = 0
        self.triggered = False

    @property
    def region(self) -> Region:
        """The region looked at."""
        return self.state.region

    @property
    def over(self) -> bool:
        """Whether the search has ended, by a trigger or by its last step."""
        return self.triggered or self.step >= self.number_of_steps

    def take(self, action: int) -> None:
        """Do ``action``, 1 … 6."""
        self.state = self.state.after(action, self.rules)
        self.step += 1
        self.triggered = action == TRIGGER


class TrainingSearch(Search):
    """A search that knows the objects, and so the reward of each action.

    Attributes:
        objects: the image's objects, of all classes, in annotation order.
        target: index of the object that this search was begun for.
        available_objects: which objects were still to be found when it began.
        followed: the object followed now.
    """

    def __init__(
        self,
        picture: Picture,
        rules: SearchRules,
        objects: Sequence[VocObject],
        class_object: int,
        target: int = 0,
        available_objects: Sequence[bool] | None = None,
    ):
        super().__init__(picture, rules)
        self.objects = objects
        self.class_object = class_object
        self.target = target
        self.available_objects = tuple(available_objects or [True] * len(objects))
        self.followed = self._follow([0.0] * len(objects))
        # What the rule for forced triggers sees; the rewards see `followed`.
        self._known_iou = (
            self.followed.iou if rules.quirks.first_iou else self.followed.new_iou
        )

    @property
    def over(self) -> bool:
        """Whether the search has ended, or began with nothing left to find."""
        return super().over or not any(self.available_objects)

    @property
    def iou(self) -> float:
        """IoU of the region with the followed object, as the agent's rules see it."""
        return self._known_iou

    @property
    def must_trigger(self) -> bool:
        """Whether the trigger is forced, to learn faster (paper, section 4)."""
        return self.iou > IOU_THRESHOLD

    def take(self, action: int) -> int:
        """Do ``action``, 1 … 6, and return its reward: ±1, or ±3 for the trigger."""
        super().take(action)
        self.followed = self._follow(self.followed.last_matrix)
        self._known_iou = self.followed.new_iou
        if action == TRIGGER:
            self.step += 1  # published: a trigger counts twice (FIDELITY.md, row 1)
            return get_reward_trigger(self.followed.new_iou)
        return get_reward_movement(self.followed.iou, self.followed.new_iou)

    def reward_of(self, action: int) -> int:
        """Return what ``action`` would earn now, without doing it."""
        return copy.copy(self).take(action)  # taking it replaces, it changes nothing

    def _follow(self, last_matrix: Sequence[float]) -> Followed:
        return follow_iou(
            [item.box for item in self.objects],
            self.region.box,
            [item.class_id for item in self.objects],
            self.class_object,
            last_matrix,
            self.available_objects,
            self.rules.quirks,
        )


def training_searches(
    picture: Picture,
    objects: Sequence[VocObject],
    class_object: int,
    rules: SearchRules,
) -> Iterator[TrainingSearch]:
    """Yield the searches that a training image gives, one for each of its objects.

    The caller runs each search to its end before it asks for the next. After a
    trigger the *ground truth* of the followed object is painted over (FIDELITY.md row
    ground_truth_mask), objects that the triggered region covers by more than 0.60 are
    not searched any more, and neither is the object followed last.

    Args:
        picture: the image as it is.
        objects: its objects of all classes, in annotation order.
        class_object: the class to search for, 1 … 20.
        rules: how to search.
    """
    available = [True] * len(objects)
    previous: TrainingSearch | None = None
    for target, item in enumerate(objects):
        if item.class_id != class_object:
            continue
        if previous is not None and previous.triggered:
            _dismiss_covered(available, objects, previous.region)
        if not rules.quirks.exhausted_targets and not any(
            left and objects[index].class_id == class_object
            for index, left in enumerate(available)
        ):
            return
        search = TrainingSearch(
            picture, rules, objects, class_object, target, available
        )
        yield search
        followed = search.followed.index
        if search.triggered:
            picture = mask_image_with_mean_background(
                objects[followed].box, picture, rules.quirks
            )
        available[followed] = False
        previous = search


def _dismiss_covered(
    available: list[bool], objects: Sequence[VocObject], region: Region
) -> None:
    """Take out the objects of which ``region`` covers enough to have found them."""
    for index, item in enumerate(objects):
        if calculate_overlapping(region.box, item.box) > COVERED:
            available[index] = False


def detection_searches(
    picture: Picture, rules: SearchRules, only_first_object: bool = True
) -> Iterator[Search]:
    """Yield the searches of an image whose objects are not known.

    The caller runs each search to its end before it asks for the next, which looks at
    the image with the *detected* region painted over. The last one is the first that
    ends without a trigger, or with one on the whole image.

    Source: published testing program; FIDELITY.md row shared_steps.

    Args:
        picture: the image as it is.
        rules: how to search.
        only_first_object: whether one search is all, as in the paper.
    """
    steps_left = rules.number_of_steps
    for number in range(MAX_OBJECTS):
        search = Search(picture, rules, steps_left)
        yield search
        if only_first_object or not search.triggered:
            return
        at_once = search.state.path == (TRIGGER,) and (
            number == 0 or not rules.quirks.shared_steps
        )
        if rules.quirks.shared_steps:
            steps_left -= search.step
        if at_once or steps_left <= 0:
            return
        picture = mask_image_with_mean_background(
            search.region.box, picture, rules.quirks
        )
