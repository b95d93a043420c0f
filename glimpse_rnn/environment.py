"""Glimpses of an image as a Gymnasium environment, for agents from elsewhere.

Importing this registers an id, which Gymnasium can do by itself::

    gymnasium.make("glimpse_rnn.environment:VisualSearch/GlimpseCars-v0")

Keywords are those of :func:`make_cars`. Nothing is written twice: glimpses are those of
:class:`glimpse_rnn.sensor.GlimpseSensor`, rewards those of
:data:`glimpse_rnn.losses.REWARDS`, Δ is
:func:`glimpse_rnn.metrics.normalised_distances`.
"""

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.error import InvalidAction, ResetNeeded

from common.errors import InputError
from common.images import outline
from datasets.keypoints import KeypointSet
from glimpse_rnn.config import SIZES
from glimpse_rnn.data import open_keypoints
from glimpse_rnn.metrics import normalised_distances

WINDOW_COLOUR, KEYPOINT_COLOUR = (255, 208, 0), (53, 208, 79)
"""RGB of what :meth:`GlimpseEnvironment.render` outlines."""

Observation = dict[str, np.ndarray]


class GlimpseEnvironment(gymnasium.Env[Observation, np.ndarray]):
    """One episode is one rollout over an image: some glimpses, then the prediction.

    Actions are locations, float32 (2,), row and column, −1 and 1 are the image's edges.
    :meth:`reset` takes the first glimpse, at a random location as in the paper; each of
    the next ``glimpses`` − 1 actions takes one more. The action after them says where
    the keypoint is. It terminates the episode and earns the reward of its Δ, 0 to 1;
    the others earn 0.

    Observations are a dictionary of ``glimpse``, the crops around the location looked
    at, float32 (bandwidth, bandwidth, levels · channels) in [0, 1], the finest level's
    channels first; and ``location``, float32 (2,). A glimpse alone does not say what
    was seen before: an agent needs a memory.

    The ``info`` of both :meth:`reset` and :meth:`step` says

    - ``image``: name of the image;
    - ``glimpses_left``: how many are still to be taken before the prediction;
    - ``distance``: Δ, had the location looked at been the prediction.

    Args:
        images: such as :func:`glimpse_rnn.data.open_keypoints` opens; at least one.
        glimpses: in an episode.
        bandwidth: side that each crop is resized to, in pixels.
        radius: half the side of the finest crop, in pixels of the canvas.
        levels: crops in a glimpse, each twice as wide as the last.
        reward: one of :data:`glimpse_rnn.losses.REWARDS`.
        render_mode: ``rgb_array``, or None to draw nothing.
        shuffle: whether each pass over the images has an order of its own, drawn from
            ``np_random``, instead of that of ``images``.

    Raises:
        ValueError: a setting is none of those that there are, or too small.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 2}

    def __init__(
        self,
        images: KeypointSet,
        glimpses: int = 8,
        bandwidth: int = SIZES["door_handle"]["bandwidth"],
        radius: int = SIZES["door_handle"]["radius"],
        levels: int = 3,
        reward: str = "exponential",
        render_mode: str | None = None,
        shuffle: bool = False,
    ):
        # All stand on Keras, which takes seconds to load.
        from common.backend import keras
        from glimpse_rnn.losses import REWARDS
        from glimpse_rnn.sensor import GlimpseSensor

        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f"render_mode is {render_mode!r}; expected rgb_array")
        if reward not in REWARDS:
            raise ValueError(
                f"reward is {reward!r}; expected one of {', '.join(REWARDS)}"
            )
        if min(glimpses, len(images)) < 1:
            raise ValueError(
                f"{glimpses} glimpses, {len(images)} images; expected one at least"
            )
        channels = images.canvas_shape[2]
        crops = bandwidth, bandwidth, levels * channels
        self.action_space = spaces.Box(-1, 1, (2,), np.float32)
        # gymnasium 1.4 declares Dict as a space of spaces, not of observations.
        self.observation_space = spaces.Dict(  # type: ignore[assignment]
            glimpse=spaces.Box(0, 1, crops, np.float32),
            location=spaces.Box(-1, 1, (2,), np.float32),
        )
        self.render_mode = render_mode
        self._images, self._glimpses, self._shuffle = images, glimpses, shuffle
        self._sensor = GlimpseSensor(bandwidth, radius, levels)
        self._reward, self._to_numpy = REWARDS[reward], keras.ops.convert_to_numpy
        self._order: list[int] = []
        self._number: int | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin with the next image, and take the first glimpse.

        Args:
            seed: begins anew: same seed, same images and first locations.
            options: ``image``, an index or a name, takes that image out of turn. Others
                are not looked at.

        Returns:
            The first observation and its info.

        Raises:
            InputError: there is no image of that index or name; a file is bad.
        """
        super().reset(seed=seed)
        self._number = None  # should reading fail, the old rollout is over all the same
        if seed is not None:
            self._order = []
        image = (options or {}).get("image")
        number = self._next_number() if image is None else self._number_of(image)
        canvas, self._target = self._images[number]
        self._sums = self._sensor.prepare(canvas[None])
        self._taken, self._done = 0, False
        self._look(self.np_random.uniform(-1, 1, 2).astype(np.float32))
        self._number = number
        return self._observation(), self._info()

    def step(
        self, action: np.ndarray
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Take a glimpse at ``action``, or after the last one predict it.

        Returns:
            Observation, reward, whether it was the prediction, False, and the info.

        Raises:
            ResetNeeded: the rollout is over, or none was begun.
            InvalidAction: it is no location in the image.
        """
        self._begun()
        if self._done:
            raise ResetNeeded("the rollout is over; reset() begins the next one")
        if not self.action_space.contains(action):
            raise InvalidAction(
                f"action is {action!r}; expected float32 (2,) between -1 and 1"
            )
        self._done = self._taken == self._glimpses
        self._look(np.array(action))
        info = self._info()
        squared = np.array([info["distance"] ** 2], np.float32)
        reward = float(self._to_numpy(self._reward(squared))[0]) if self._done else 0.0
        return self._observation(), reward, self._done, False, info

    def render(self) -> np.ndarray | None:
        """Draw the image, the windows of the present glimpse and the keypoint.

        Returns:
            uint8 (height, width, 3) at the image's own size, RGB, with the crops
            outlined in yellow and the keypoint in a small green box; None where no
            ``render_mode`` was asked for.

        Raises:
            ResetNeeded: no rollout was begun.
        """
        number = self._begun()
        if self.render_mode is None:
            gymnasium.logger.warn("render() draws only with render_mode='rgb_array'")
            return None
        canvas = self._images.picture(number).copy()
        windows = self._sensor.windows(self._images.canvas_shape[0])
        for window in windows:
            _outline_around(canvas, self._location, window, WINDOW_COLOUR)
        small = np.array([0.04, 0.04])
        _outline_around(canvas, self._target[:2], small, KEYPOINT_COLOUR)
        return canvas

    def _begun(self) -> int:
        """Return the number of the image."""
        if self._number is None:
            raise ResetNeeded("no rollout was begun; call reset() first")
        return self._number

    def _look(self, location: np.ndarray) -> None:
        """Take a glimpse at a location, float32 (2,)."""
        self._location = location
        crops = self._to_numpy(self._sensor.glimpse(self._sums, location[None]))
        # Means are floats: that of white may come out above 1 in the last bit.
        self._glimpse = np.clip(crops[0], 0, 1)
        self._taken = min(self._taken + 1, self._glimpses)

    def _observation(self) -> Observation:
        return {"glimpse": self._glimpse, "location": self._location.copy()}

    def _info(self) -> dict[str, Any]:
        (distance,) = normalised_distances(self._location[None], self._target[None])
        return {
            "image": self._images.names[self._begun()],
            "glimpses_left": self._glimpses - self._taken,
            "distance": float(distance),
        }

    def _next_number(self) -> int:
        """Return the index of the next image, in this pass's order or in a new one."""
        if not self._order:
            count = len(self._images)
            order = self.np_random.permutation(count) if self._shuffle else range(count)
            self._order = list(map(int, order))[::-1]
        return self._order.pop()

    def _number_of(self, image: int | str) -> int:
        """Return the index of an image given by it or by its name."""
        names = self._images.names
        number = names.index(image) if image in names else image
        if not isinstance(number, (int, np.integer)) or not 0 <= number < len(names):
            raise InputError(
                f"there is no image {image!r}; expected a name or an index below"
                f" {len(names)}"
            )
        return int(number)


def _outline_around(
    canvas: np.ndarray,
    location: np.ndarray,
    window: np.ndarray,
    colour: tuple[int, int, int],
) -> None:
    """Outline a window as far as it lies in the picture.

    Args:
        canvas: uint8 (height, width, 3).
        location: of its middle, in [−1, 1].
        window: (height, width), shares of the picture.
        colour: RGB.
    """
    size = np.array(canvas.shape[:2])
    middle = (np.asarray(location, float) + 1) / 2
    first = np.clip((middle - window / 2) * size, 0, size - 1).astype(int)
    last = np.clip((middle + window / 2) * size, first + 1, size).astype(int)
    (ymin, xmin), (ymax, xmax) = first.tolist(), last.tolist()
    outline(canvas, (ymin, xmin, ymax, xmax), colour)


def make_environment(
    path_data: Path | str,
    split: str = "train",
    image_size: int = SIZES["door_handle"]["image_size"],
    cache_gb: float = 2.0,
    skip_bad: int = 0,
    **kwargs: Any,
) -> GlimpseEnvironment:
    """Return the environment of a set of images with a keypoint each.

    Args:
        path_data: the set; see :func:`glimpse_rnn.data.open_keypoints`.
        split: ``train`` or ``test``.
        image_size: side of the canvases in pixels.
        cache_gb: how much memory decoded canvases may take up, in 10⁹ bytes.
        skip_bad: 1 passes over images that cannot be read, 0 raises.
        **kwargs: as of :class:`GlimpseEnvironment`.

    Raises:
        InputError: there is no such set, or nothing is in this split.
    """
    images = open_keypoints(path_data, split, image_size, cache_gb, skip_bad)
    return GlimpseEnvironment(images, **kwargs)


def make_cars(
    path_cars: Path | str | None = None,
    train: int | None = None,
    test: int | None = None,
    **kwargs: Any,
) -> GlimpseEnvironment:
    """Return the environment of drawn cars, which are drawn first if need be.

    Args:
        path_cars: where they lie; None is ``drawn/cars``.
        train: pictures to train on; None is as many as
            :mod:`datasets.drawn.cars` draws.
        test: pictures to test on, likewise.
        **kwargs: as of :func:`make_environment`, without ``path_data``.
    """
    from datasets.drawn.cars import ensure_cars  # where nobody has data, alone

    folder = None if path_cars is None else Path(path_cars)
    asked: dict[str, Any] = {"folder": folder, "train": train, "test": test}
    drawn = ensure_cars(**{k: value for k, value in asked.items() if value is not None})
    return make_environment(drawn, **kwargs)


gymnasium.register(
    "VisualSearch/GlimpseCars-v0",
    make_cars,
    kwargs={"shuffle": True},
)
