"""A trained glimpse regressor for Python programs: load a run's folder, locate.

    from glimpse_rnn import Locator

    found = Locator.load("models_glimpse_rnn").locate("car.jpg")
    print(found.keypoint, found.glimpses)

``test.py --images`` runs the same code. Keras is not loaded before a model is. More is
in docs/python.md.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
from PIL import Image

from common.devices import start_keras
from common.epochs import EpochFiles
from common.pictures import Picture, is_picture, open_pictures
from common.run import compare_with_training, folder_of, trained_weights
from common.settings import typed
from datasets.keypoints import squash
from glimpse_rnn.config import STEM, ModelSettings, TestSettings, training_of

if TYPE_CHECKING:
    from glimpse_rnn.model import GlimpseRegressor
    from report.glimpses import Rollout

Point = tuple[float, float]
"""(y, x) in pixels from the upper left corner; the middle of the first pixel is at
0.5, and a point may lie outside of the picture."""


@dataclass(frozen=True, eq=False)
class LocateResult:
    """Where a regressor sees the keypoint in a picture.

    Attributes:
        name: the picture's path, or ``picture 0`` and so on.
        height: of the picture in pixels.
        width: of the picture in pixels.
        keypoint: (y, x) in pixels, after the last glimpse.
        glimpses: (y, x) in pixels of the glimpses' centres, in order.
        predictions: (y, x) in pixels after each glimpse; the last is the keypoint.
            Without ``supervision every`` only that one was trained.
        rollout: what was seen, as it is drawn.
        canvas: uint8 (S, S, C), the picture as the network takes it.
        outputs: what :meth:`glimpse_rnn.model.GlimpseRegressor.trace` returned of it.
    """

    name: str
    height: int
    width: int
    keypoint: Point
    glimpses: tuple[Point, ...]
    predictions: tuple[Point, ...]
    rollout: "Rollout" = field(repr=False)
    canvas: np.ndarray = field(repr=False)
    outputs: dict[str, np.ndarray] = field(repr=False)

    def draw(self, file: Path | str | None = None) -> Image.Image:
        """Return the trajectory, and what each glimpse saw.

        Args:
            file: where to write it as well: .png, .jpg or .webp.

        Raises:
            InputError: the file cannot be written, or has another suffix.
        """
        # matplotlib takes a second to load, and most programs draw nothing.
        from report.canvas import to_image
        from report.glimpses import rollout_picture

        return to_image(rollout_picture(self.rollout), file)


class Locator:
    """A trained glimpse regressor that locates its keypoint; :meth:`load` makes one.

    Args:
        settings: of a test.
        weights: the network's file.

    Attributes:
        settings: as given.
        weights: as given.
        trunk: which VGG-16 looks at glimpses, ready for JSON; None if none does.
        model: the network.

    Raises:
        InputError: the model was trained with others, or the file is damaged.
    """

    def __init__(self, settings: TestSettings, weights: Path):
        self.settings, self.weights = settings, weights
        self.trunk = training_of(folder_of(settings))["identity"].get("trunk")
        compare_with_training(weights, settings.architecture() | {"trunk": self.trunk})
        self.model = load_model(settings, weights)

    @classmethod
    def load(
        cls, folder: Path | str, epoch: int | None = None, **settings: Any
    ) -> Self:
        """Load a trained model, as its ``config.json`` says that it was trained.

        Args:
            folder: that training wrote to, its ``path_model``.
            epoch: which, counted from 0; the newest if left out.
            **settings: flags of ``test.py``, such as ``model_name="model_best"`` or
                ``seed=1``, of the place of the first glimpse.

        Raises:
            InputError: a setting cannot be used, or there is no such model.
        """
        if epoch is not None:
            settings["model_name"] = f"{STEM}_epoch_{epoch}"
        given = typed(TestSettings, settings | {"path_model": folder})
        chosen = TestSettings.for_model(**given)
        chosen.check()
        weights = weights_of(chosen)
        with start_keras(chosen):
            import glimpse_rnn.evaluation  # noqa: F401  with which Keras is loaded
        chosen.check_names()
        return cls(chosen, weights)

    @overload
    def locate(  # type: ignore[overload-overlap]  # a text is iterable too
        self, pictures: Picture, skipped: list[str] | None = None
    ) -> LocateResult: ...

    @overload
    def locate(
        self, pictures: Iterable[Picture], skipped: list[str] | None = None
    ) -> Iterator[LocateResult]: ...

    def locate(
        self, pictures: Any, skipped: list[str] | None = None
    ) -> LocateResult | Iterator[LocateResult]:
        """Locate the keypoint in one picture, or in several one after the other.

        The first glimpse is at the same place in all of them, the next ones where the
        policy's mean is.

        Args:
            pictures: a file's path, a Pillow image or a uint8 array (height, width, 3)
                in RGB, 0 to 255; or a list of such.
            skipped: takes a line for each picture of a list that cannot be used, which
                is then left out.

        Returns:
            Of one picture where the keypoint is; of a list an iterator over that, in
            order, which looks as it is asked.

        Raises:
            InputError: a picture cannot be used; one line that says which and why.
        """
        if not is_picture(pictures):
            opened = open_pictures(pictures, skipped=skipped)
            return (self._result(name, pixels) for name, pixels in opened)
        ((name, pixels),) = open_pictures([pictures])
        return self._result(name, pixels)

    def _result(self, name: str, picture: np.ndarray) -> LocateResult:
        from glimpse_rnn.evaluation import to_pixels, trace
        from report.glimpses import Rollout

        model = self.model
        canvas = squash(picture, model.image_size, model.channels)
        outputs = trace(model, canvas[None], "mean", self.settings.seed)
        locations, predictions = outputs["locations"][0], outputs["predictions"][0]
        rollout = Rollout(
            picture,
            locations,
            outputs["prediction"][0],
            None,
            None,
            model.windows,
            model.glimpse_images(canvas, locations),
            Path(name).name,
        )

        def point(location: np.ndarray) -> Point:
            y, x = to_pixels(rollout, location)
            return y, x

        return LocateResult(
            name,
            picture.shape[0],
            picture.shape[1],
            point(rollout.prediction),
            tuple(point(location) for location in locations),
            tuple(point(prediction) for prediction in predictions),
            rollout,
            canvas,
            outputs,
        )


def weights_of(settings: TestSettings) -> Path:
    """Return the file of the network that settings ask for.

    Raises:
        InputError: it is not there; lists the epochs that are.
    """
    training_of(folder_of(settings))
    files = EpochFiles(settings.path_model, STEM, ())
    return trained_weights(settings, files, "python glimpse_rnn/train.py -n 0")


def load_model(settings: ModelSettings, weights: Path) -> "GlimpseRegressor":
    """Build a model and read its weights, VGG-16's blocks among them.

    Raises:
        InputError: the file is damaged, or of a model with other settings.
    """
    from glimpse_rnn.checkpoint import load_weights
    from glimpse_rnn.model import get_model

    model = get_model(settings)
    load_weights(model, weights)
    return model
