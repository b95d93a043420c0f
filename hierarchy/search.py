"""The search itself: where it stands, what an action does, which search comes next.

:class:`Search` is what testing runs, :class:`TrainingSearch` adds what only training
knows, the objects. :func:`training_searches` and :func:`detection_searches` yield the
searches of one image one after the other; :mod:`hierarchy.walk` steps through them. Who
chooses the actions stands outside.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from datasets.voc import VocObject
from hierarchy.actions import PAPER_ACTIONS, ActionSet
from hierarchy.history import HISTORY_LENGTH, empty_history, update_history_vector
from hierarchy.images import MEAN_RGB, SearchImage, mask_image_with_mean_background
from hierarchy.quirks import Quirks
from hierarchy.regions import Region, calculate_overlapping, whole_image
from hierarchy.rewards import (
    TRIGGER_IOU,
    RewardFn,
    StepOutcome,
    Target,
    follow_iou,
    iou_sign_reward,
)

MIN_COVERAGE = 0.60
"""Share of an object that a region must cover for the object to count as found."""

MAX_OBJECTS = 10
"""Searches of one test image at most, where searching goes on after a find."""


@dataclass(frozen=True)
class SearchSpec:
    """What all searches of a run have in common.

    Attributes:
        scale_subregion: a subregion's height and width over its parent's.
        number_of_steps: actions that a search may take.
        quirks: the published differences to follow.
        actions: those the agent has.
        history_length: actions that the history holds.
        reward: of each step of training.
        fill_colour: RGB in 0 … 255 that found objects are masked with.
        records_trigger: whether a trigger enters the history.
    """

    scale_subregion: float = 3 / 4
    number_of_steps: int = 10
    quirks: Quirks = Quirks()
    actions: ActionSet = PAPER_ACTIONS
    history_length: int = HISTORY_LENGTH
    reward: RewardFn = iou_sign_reward
    fill_colour: tuple[int, int, int] = MEAN_RGB
    records_trigger: bool = True


@dataclass(frozen=True, eq=False)
class SearchState:
    """Where a search stands.

    Attributes:
        region: what it looks at.
        history: float32 zeros and ones, the last actions; (24,) in the paper.
        path: numbers of all actions so far.
    """

    region: Region
    history: np.ndarray
    path: tuple[int, ...] = ()

    def after(self, action: int, spec: SearchSpec) -> "SearchState":
        """Return where the search stands after ``action``; a trigger stays put."""
        actions, quirks = spec.actions, spec.quirks
        region = actions.apply(action, self.region, spec.scale_subregion, quirks)
        history = self.history
        if action != actions.trigger or spec.records_trigger:
            history = update_history_vector(history, action, quirks, actions)
        return SearchState(region, history, (*self.path, action))


class Search:
    """One search of an image, from the whole of it to a trigger or the last step.

    Args:
        image: what is searched.
        spec: how.
        number_of_steps: actions that it may take; those of ``spec`` if left out.

    Attributes:
        image, spec, number_of_steps: as given.
        state: where the search stands.
        steps_taken: steps of its limit that are used up.
        triggered: whether the last action was the trigger.
    """

    def __init__(
        self, image: SearchImage, spec: SearchSpec, number_of_steps: int | None = None
    ):
        self.image = image
        self.spec = spec
        self.number_of_steps = number_of_steps or spec.number_of_steps
        history = empty_history(spec.history_length, spec.actions)
        self.state = SearchState(whole_image(*image.size), history)
        self.steps_taken = 0
        self.triggered = False

    @property
    def region(self) -> Region:
        """The region looked at."""
        return self.state.region

    @property
    def done(self) -> bool:
        """Whether the search has ended, by a trigger or by its last step."""
        return self.triggered or self.steps_taken >= self.number_of_steps

    def step(self, action: int) -> float | None:
        """Do an action, given by its number; a test knows no reward.

        Raises:
            ValueError: there is no such action.
        """
        self.state = self.state.after(action, self.spec)
        self.steps_taken += 1
        self.triggered = action == self.spec.actions.trigger
        return None


class TrainingSearch(Search):
    """A search that knows the objects, and so the reward of each action.

    Attributes:
        objects: the image's objects, of all classes, in annotation order.
        object_index: index of the object that this search was begun for.
        available_objects: which objects were still to be found when it began.
        target: the object followed now.
    """

    def __init__(
        self,
        image: SearchImage,
        spec: SearchSpec,
        objects: Sequence[VocObject],
        class_object: str,
        object_index: int = 0,
        available_objects: Sequence[bool] | None = None,
    ):
        super().__init__(image, spec)
        self.objects = objects
        self.class_object = class_object
        self.object_index = object_index
        self.available_objects = tuple(available_objects or [True] * len(objects))
        self.target = self._follow([0.0] * len(objects))
        # What the rule for forced triggers sees; the rewards see `target`.
        first_iou = spec.quirks.first_iou
        self._known_iou = self.target.previous_iou if first_iou else self.target.iou
        self._largest_rise: float | None = None

    @property
    def done(self) -> bool:
        """Whether the search has ended, or began with nothing left to find."""
        return super().done or not any(self.available_objects)

    @property
    def iou(self) -> float:
        """IoU of the region with the followed object, as the agent's rules see it."""
        return self._known_iou

    @property
    def trigger_is_forced(self) -> bool:
        """Whether the trigger is forced, to learn faster (paper, section 4)."""
        return self.iou > TRIGGER_IOU

    def step(self, action: int) -> float:
        """Do an action, given by its number, and return its reward.

        With ``leaked_minibatch`` a search may outlive its trigger, which then has used
        up two steps of the limit (FIDELITY.md).

        Raises:
            ValueError: there is no such action.
        """
        before, largest_rise = self.region.box, self._find_largest_rise()
        super().step(action)
        self._largest_rise = None
        self.target = self._follow(self.target.ious)
        self._known_iou = self.target.iou
        if self.triggered and self.spec.quirks.leaked_minibatch:
            self.steps_taken += 1
        outcome = StepOutcome(
            self.triggered,
            before,
            self.region.box,
            self.objects[self.target.index].box,
            self.target.previous_iou,
            self.target.iou,
            largest_rise,
        )
        return self.spec.reward(outcome)

    def reward_of(self, action: int) -> float:
        """Return what an action would earn now, without doing it."""
        self._find_largest_rise()  # once for all actions
        return copy.copy(self).step(action)  # a step replaces, it changes nothing

    def _find_largest_rise(self) -> float:
        """Return how much the best movement would raise the IoU now."""
        if self._largest_rise is None:
            targets = []
            for action in self.spec.actions.moves:
                ahead = copy.copy(self)
                Search.step(ahead, action)
                targets.append(ahead._follow(self.target.ious))
            self._largest_rise = max(one.iou - one.previous_iou for one in targets)
        return self._largest_rise

    def _follow(self, previous_ious: Sequence[float]) -> Target:
        return follow_iou(
            [item.box for item in self.objects],
            self.region.box,
            [item.class_name for item in self.objects],
            self.class_object,
            previous_ious,
            self.available_objects,
            self.spec.quirks,
        )


def training_searches(
    image: SearchImage,
    objects: Sequence[VocObject],
    class_object: str,
    spec: SearchSpec,
) -> Iterator[TrainingSearch]:
    """Yield the searches that a training image gives, one for each of its objects.

    The caller runs each search to its end before it asks for the next. After a trigger
    the *ground truth* of the followed object is masked. Objects that the triggered
    region covers by more than 0.60 are not searched any more, and neither is the object
    followed last.

    Args:
        image: as it is.
        objects: its objects of all classes, in annotation order.
        class_object: name of the class to search for.
        spec: how to search.
    """
    available = [True] * len(objects)
    previous: TrainingSearch | None = None
    for number, item in enumerate(objects):
        if item.class_name != class_object:
            continue
        if previous is not None and previous.triggered:
            _dismiss_covered(available, objects, previous.region)
        if not spec.quirks.exhausted_targets and not any(
            left and objects[index].class_name == class_object
            for index, left in enumerate(available)
        ):
            return
        search = TrainingSearch(image, spec, objects, class_object, number, available)
        yield search
        followed = search.target.index
        if search.triggered:
            image = mask_image_with_mean_background(
                objects[followed].box, image, spec.fill_colour
            )
        available[followed] = False
        previous = search


def _dismiss_covered(
    available: list[bool], objects: Sequence[VocObject], region: Region
) -> None:
    """Take out the objects of which ``region`` covers enough to have found them."""
    for index, item in enumerate(objects):
        if calculate_overlapping(region.box, item.box) > MIN_COVERAGE:
            available[index] = False


def detection_searches(
    image: SearchImage, spec: SearchSpec, only_first_object: bool = True
) -> Iterator[Search]:
    """Yield the searches of an image whose objects are not known.

    The caller runs each search to its end before it asks for the next, which looks at
    the image with the *detected* region masked. The last one is the first that ends
    without a trigger, or with one on the whole image.

    Source: published testing program; FIDELITY.md row shared_steps.

    Args:
        image: as it is.
        spec: how to search.
        only_first_object: whether one search is all, as in the paper.
    """
    steps_left = spec.number_of_steps
    for number in range(MAX_OBJECTS):
        search = Search(image, spec, steps_left)
        yield search
        if only_first_object or not search.triggered:
            return
        at_once = search.state.path == (spec.actions.trigger,) and (
            number == 0 or not spec.quirks.shared_steps
        )
        if spec.quirks.shared_steps:
            steps_left -= search.steps_taken
        if at_once or steps_left <= 0:
            return
        image = mask_image_with_mean_background(
            search.region.box, image, spec.fill_colour
        )
