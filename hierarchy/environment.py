"""The detectors' search as a Gymnasium environment, for agents from elsewhere.

Importing this registers two ids, which Gymnasium can do by itself::

    gymnasium.make("hierarchy.environment:VisualSearch/Planes-v0")
    gymnasium.make("hierarchy.environment:VisualSearch/VOC-v0", path_voc="VOC2012")
    gymnasium.make_vec("hierarchy.environment:VisualSearch/Planes-v0", num_envs=4)

Keywords are those of :func:`make_planes` and :func:`make_environment`. Nothing of the
search is written twice: episodes are the searches that training walks through
(:func:`hierarchy.walk.walk`), a step is :meth:`hierarchy.search.TrainingSearch.step`.
"""

import operator
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.error import InvalidAction, ResetNeeded

from common.errors import InputError
from common.images import outline
from datasets.voc import VocObject, VocSet, class_name
from hierarchy.config import VOC2012
from hierarchy.images import SearchImage, resize
from hierarchy.search import SearchSpec, TrainingSearch, training_searches
from hierarchy.walk import Slot, walk

# Those of report.searches, whose strips take matplotlib and too long per step.
REGION_COLOUR = (255, 176, 0)
OBJECT_COLOUR = (255, 62, 165)

Observation = dict[str, np.ndarray]


class AnnotatedImage(Protocol):
    """What an image must offer; :class:`datasets.voc.VocImage` does."""

    @property
    def key(self) -> str:
        """Identity among the images."""

    @property
    def pixels(self) -> np.ndarray:
        """Pixels, uint8 (height, width, 3), RGB, 0 to 255; not written to."""

    @property
    def objects(self) -> Sequence[VocObject]:
        """All objects, of every class, in annotation order."""


class AnnotatedImages(Protocol):
    """A sequence of them; a list or a :class:`datasets.voc.VocSet` is one."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> AnnotatedImage: ...

    def __iter__(self) -> Iterator[AnnotatedImage]: ...


class SearchEnvironment(gymnasium.Env[Observation, np.int64]):
    """One episode is one search for one object, from the whole image on.

    Action a is number a + 1 of ``spec.actions``: with the paper's, 0 to 4 zoom (up
    left, up right, down left, down right, centre) and 5 is the trigger. A trigger
    terminates the episode, the last of ``spec.number_of_steps`` steps truncates it.

    Observations are a dictionary of ``image``, the region's pixels resized as a network
    gets to see them, uint8 (height, width, 3), RGB, 0 to 255; and ``history``, the last
    actions one-hot, float32, (24,) with the paper's. Rewards are those of
    ``spec.reward``: in the paper ±1 for moves and ±3 for the trigger.

    The ``info`` of both :meth:`reset` and :meth:`step` says

    - ``region``: box looked at, (ymin, xmin, ymax, xmax) in pixels of the image;
    - ``followed``: index of the followed object among the image's objects;
    - ``iou``: IoU of the two, in [0, 1];
    - ``image``: key of the image;
    - ``path``: all actions so far under their published numbers, 1 to 6;
    - ``action_forced``: whether the paper's training would now take the trigger,
      whatever the agent prefers; here the agent is left free.

    Episodes go on from one another: after a search that ended with a trigger, the next
    one of the same image has the object found masked; when an image has no more
    searches, the next image follows, and after the last one the first. A search left
    before its end counts as one that ended without a trigger.

    Args:
        images: the training images, such as a ``VocSet``; one is read when its first
            search begins. Those without an object of the class are passed over, as are
            those that a ``VocSet`` with ``skip_bad`` cannot read.
        class_object: number or name of the class to search for.
        spec: how to search.
        observation_size: (height, width) of the observed pixels.
        render_mode: ``rgb_array``, or None to draw nothing.
        shuffle: whether each pass over the images has an order of its own, drawn from
            ``np_random``, instead of that of ``images``.

    Raises:
        InputError: there is no such class.
        ValueError: the render mode is unknown, or searches would have no step.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 2}

    def __init__(
        self,
        images: AnnotatedImages,
        class_object: int | str = 1,
        spec: SearchSpec = SearchSpec(),
        observation_size: tuple[int, int] = (224, 224),
        render_mode: str | None = None,
        shuffle: bool = False,
    ):
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f"render_mode is {render_mode!r}; expected rgb_array")
        if spec.number_of_steps < 1:
            raise ValueError(
                f"number_of_steps is {spec.number_of_steps}; expected at least 1"
            )
        history_size = spec.history_length * len(spec.actions)
        self.action_space = spaces.Discrete(len(spec.actions))
        # gymnasium 1.4 declares Dict as a space of spaces, not of observations.
        self.observation_space = spaces.Dict(  # type: ignore[assignment]
            image=spaces.Box(0, 255, (*observation_size, 3), np.uint8),
            history=spaces.Box(0, 1, (history_size,), np.float32),
        )
        self.render_mode = render_mode
        self._class_object = class_name(class_object)
        self._spec = spec
        self._observation_size = observation_size
        self._episodes = _Episodes(images, self._class_object, spec, shuffle)
        self._search: TrainingSearch | None = None

    @property
    def search(self) -> TrainingSearch:
        """The search as it stands, for wrappers that make observations of their own.

        Raises:
            ResetNeeded: no search was begun.
        """
        if self._search is None:
            raise ResetNeeded("no search was begun; call reset() first")
        return self._search

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin the next search.

        Args:
            seed: begins anew: same seed, same episodes. With ``shuffle`` the order of
                the images is drawn from it.
            options: ``image``, an index or a key, begins with the first search of that
                image, unmasked, and goes on from there. Others are not looked at.

        Returns:
            The first observation and its info.

        Raises:
            InputError: no image, or not the one asked for, holds an object of the
                class; there is no image of that index or key; a file is bad.
        """
        super().reset(seed=seed)
        self._search = None  # should reading fail, the old search is over all the same
        if seed is not None:
            self._episodes.begin(self.np_random)
        image = (options or {}).get("image")
        self._search = self._episodes.next_search(self.np_random, image)
        return self._observation(self._search), self._info(self._search)

    def step(
        self, action: int | np.integer
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Do ``action``, 0 to 5.

        Returns:
            Observation, reward, whether it was the trigger, whether it was a move and
            the last step, and the info.

        Raises:
            ResetNeeded: the search is over, or none was begun.
            InvalidAction: there is no such action.
        """
        search = self.search
        if search.done:
            raise ResetNeeded("the search is over; reset() begins the next one")
        if not self.action_space.contains(action):
            raise InvalidAction(
                f"action is {action!r}; expected an integer, 0 to"
                f" {len(self._spec.actions) - 1}"
            )
        reward = float(search.step(int(action) + 1))
        truncated = search.done and not search.triggered
        observation, info = self._observation(search), self._info(search)
        return observation, reward, search.triggered, truncated, info

    def render(self) -> np.ndarray | None:
        """Draw the image as searched, the objects of the class and the region.

        Returns:
            uint8 (height, width, 3) at the image's own size, RGB, with the class's
            objects outlined in pink and the region over them in amber; None where no
            ``render_mode`` was asked for.

        Raises:
            ResetNeeded: no search was begun.
        """
        search = self.search
        if self.render_mode is None:
            gymnasium.logger.warn("render() draws only with render_mode='rgb_array'")
            return None
        canvas = search.image.pixels.copy()
        for item in search.objects:
            if item.class_name == self._class_object:
                outline(canvas, item.box, OBJECT_COLOUR)
        outline(canvas, search.region.box, REGION_COLOUR)
        return canvas

    def _observation(self, search: TrainingSearch) -> Observation:
        # Copies both, as callers keep observations and may write to them.
        crop = search.image.crop(search.region)
        return {
            "image": resize(crop, *self._observation_size),
            "history": search.state.history.copy(),
        }

    def _info(self, search: TrainingSearch) -> dict[str, Any]:
        return {
            "region": search.region.box,
            "followed": search.target.index,
            "iou": search.target.iou,
            "image": search.image.name,
            "path": search.state.path,
            "action_forced": search.trigger_is_forced and not search.done,
        }


class _Episodes:
    """The searches of all images, one after the other, without end.

    Args:
        images, class_object, spec, shuffle: as the environment's.
    """

    def __init__(
        self,
        images: AnnotatedImages,
        class_object: str,
        spec: SearchSpec,
        shuffle: bool,
    ):
        self._images = images
        self._class_object = class_object
        self._spec = spec
        self._shuffle = shuffle
        self._order: list[int] = []
        self._position = 0
        self._without: set[int] = set()  # known to give no search: not read again
        self._slots: Iterator[list[Slot]] = iter(())
        self._slot: Slot | None = None

    def begin(self, generator: np.random.Generator) -> None:
        """Go back to before the first image, of a new order if shuffled."""
        self._reorder(generator)
        self._slots = iter(())

    def next_search(
        self, generator: np.random.Generator, image: int | str | None = None
    ) -> TrainingSearch:
        """Return the next search, or the first one of ``image``.

        Raises:
            InputError: there is none, or a file is bad.
        """
        if image is not None:
            self._go_to(image, generator)
        if self._slot is not None:
            self._slot.leave()
        slots = next(self._slots, None)
        if slots is None:  # it never began, or a bad file ended it
            self._walk(self._images_with_objects(generator))
            slots = next(self._slots, None)
        # With exhausted_targets some are done as they begin.
        while slots is not None and slots[0].search.done:
            slots = next(self._slots, None)
        if slots is None:
            raise InputError(
                f"none of the {len(self._images)} images holds an object of class"
                f" {self._class_object}"
            )
        (self._slot,) = slots
        return self._slot.search

    def _walk(self, images: Iterable[AnnotatedImage]) -> None:
        self._slots, self._slot = walk(images, self._searches_of), None

    def _searches_of(self, image: AnnotatedImage) -> Iterator[TrainingSearch]:
        return training_searches(
            SearchImage(image.key, image.pixels),
            image.objects,
            self._class_object,
            self._spec,
        )

    def _images_with_objects(
        self, generator: np.random.Generator
    ) -> Iterator[AnnotatedImage]:
        """Yield the images that may give searches, without end if there are any."""
        while len(self._without) < len(self._images):
            number = self._next_number(generator)
            image = self._read(number)
            if image is not None and any(
                item.class_name == self._class_object for item in image.objects
            ):
                yield image
            else:
                self._without.add(number)

    def _reorder(self, generator: np.random.Generator) -> None:
        count = len(self._images)
        numbers = generator.permutation(count) if self._shuffle else np.arange(count)
        self._order = numbers.tolist()
        self._position = 0

    def _next_number(self, generator: np.random.Generator) -> int:
        """Return the number of the next image that may give searches."""
        while True:
            if self._position == len(self._order):
                self._reorder(generator)
            number = self._order[self._position]
            self._position += 1
            if number not in self._without:
                return number

    def _read(self, number: int) -> AnnotatedImage | None:
        if isinstance(self._images, VocSet):
            return self._images.read(number)  # knows which bad files to pass over
        return self._images[number]

    def _go_to(self, image: int | str, generator: np.random.Generator) -> None:
        """Move on, or back, to ``image`` within the order of this pass."""
        number = self._number_of(image)
        if not self._order:
            self._reorder(generator)
        found = None if number in self._without else self._read(number)
        if found is None or all(
            item.class_name != self._class_object for item in found.objects
        ):
            self._without.add(number)
            raise InputError(
                f"image {image!r} gives no search: no object of class"
                f" {self._class_object} in it could be read"
            )
        self._position = self._order.index(number) + 1
        self._walk(chain([found], self._images_with_objects(generator)))

    def _number_of(self, image: int | str) -> int:
        """Return the number of an image given by its index or its key."""
        count = len(self._images)
        if isinstance(image, str):
            for number, key in enumerate(self._keys()):
                if key == image:
                    return number
        elif 0 <= operator.index(image) < count:
            return operator.index(image)
        raise InputError(
            f"there is no image {image!r}; expected a key or an index below {count}"
        )

    def _keys(self) -> Iterator[str]:
        if isinstance(self._images, VocSet):
            return iter(self._images.keys)  # without reading a file
        return (image.key for image in self._images)


def make_environment(
    path_voc: Path | str = VOC2012,
    image_set: str = "trainval",
    class_object: int | str = 1,
    spec: SearchSpec = SearchSpec(),
    skip_bad: int = 0,
    **kwargs: Any,
) -> SearchEnvironment:
    """Return the environment of a database's images that hold a class.

    Args:
        path_voc: the data set, in any layout that
            :func:`datasets.layouts.find_layout` knows.
        image_set: ``train``, ``val``, ``trainval`` or ``test``.
        class_object: number or name of the class.
        spec: how to search; their quirks also say how annotations are read.
        skip_bad: 1 passes over images that cannot be read, 0 raises.
        **kwargs: as of :class:`SearchEnvironment`.

    Raises:
        InputError: there is no such set, or no image of it holds the class.
    """
    images = VocSet.open(
        path_voc,
        image_set,
        class_object,
        one_based_boxes=spec.quirks.one_based_boxes,
        skip_bad=skip_bad,
    )
    return SearchEnvironment(images, class_object, spec, **kwargs)


def make_planes(
    path_planes: Path | str | None = None,
    trainval: int | None = None,
    test: int | None = None,
    **kwargs: Any,
) -> SearchEnvironment:
    """Return the environment of drawn planes, which are drawn first if need be.

    Args:
        path_planes: where they lie; None is ``drawn/planes``.
        trainval: pictures to train on; None is as many as
            :mod:`datasets.drawn.planes` draws.
        test: pictures to test on, likewise.
        **kwargs: as of :func:`make_environment`, without ``path_voc``.
    """
    from datasets.drawn.planes import ensure_planes  # where nobody has data, alone

    folder = None if path_planes is None else Path(path_planes)
    asked: dict[str, Any] = {"folder": folder, "trainval": trainval, "test": test}
    drawn = ensure_planes(
        **{k: value for k, value in asked.items() if value is not None}
    )
    return make_environment(drawn, **kwargs)


# With an order of their own, environments of a vector are not all at the same image.
gymnasium.register(
    "VisualSearch/Planes-v0",
    make_planes,
    kwargs={"shuffle": True},
)
gymnasium.register(
    "VisualSearch/VOC-v0",
    make_environment,
    kwargs={"shuffle": True},
)
