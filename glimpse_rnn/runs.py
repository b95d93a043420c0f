"""From what the model did to what is drawn and written of it."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from common.progress import rounded
from datasets.keypoints import KeypointSet
from glimpse_rnn.evaluation import trace
from glimpse_rnn.metrics import normalised_distances
from glimpse_rnn.model import GlimpseRegressor
from report.canvas import save_picture
from report.glimpses import Rollout


def run_on(
    model: GlimpseRegressor,
    images: KeypointSet,
    index: int,
    did: dict[str, np.ndarray],
    distance: float,
    canvas: np.ndarray | None,
) -> Rollout:
    """Return one image's run, ready to be drawn.

    Args:
        model: which ran.
        images: the set.
        index: of the image in it.
        did: ``locations`` (T, 2) and ``prediction`` (2,) on that image.
        distance: its Δ.
        canvas: uint8 (S, S, C) for what each glimpse sees; None leaves that out.
    """
    return Rollout(
        images.picture(index),
        did["locations"],
        did["prediction"],
        images.targets[index, :2],
        distance,
        model_windows(model),
        None if canvas is None else seen(model, canvas, did["locations"]),
        images.names[index],
    )


def run_of(model: GlimpseRegressor, images: KeypointSet, index: int) -> Rollout:
    """Run the mean policy on one image, and return that with all that was seen.

    Args:
        model: to run.
        images: the set.
        index: of the image in it.
    """
    canvas, target = images[index]
    did = {name: values[0] for name, values in trace(model, canvas[None]).items()}
    distances = normalised_distances(did["prediction"][None], target[None])
    return run_on(model, images, index, did, float(distances[0]), canvas)


def model_windows(model: GlimpseRegressor) -> np.ndarray:
    """Return the windows' sizes as shares of the canvas: float (levels, 2)."""
    return model.sensor.windows(model.settings.image_size)


def seen(
    model: GlimpseRegressor, canvas: np.ndarray, locations: np.ndarray
) -> np.ndarray:
    """Return what the network saw of one image: uint8 (T, levels, b, b, 3) RGB.

    Args:
        model: whose sensor it is.
        canvas: uint8 (S, S, C).
        locations: float (T, 2).
    """
    settings = model.settings
    canvases = np.repeat(canvas[None], len(locations), axis=0)
    glimpses = model.glimpse(canvases, locations)
    side, channels = settings.bandwidth, canvas.shape[-1]
    shape = len(locations), side, side, settings.levels, channels
    pixels = keras.ops.convert_to_numpy(glimpses).reshape(shape)
    pixels = np.clip(np.rint(255 * pixels), 0, 255).astype(np.uint8)
    pixels = pixels.transpose(0, 3, 1, 2, 4)
    return pixels if channels == 3 else np.repeat(pixels, 3, axis=-1)


def in_pixels(run: Rollout, location: np.ndarray) -> list[float]:
    """Return (row, column) in pixels of the run's picture.

    Pixels count from the upper left corner, the middle of the first pixel at 0.5.

    Args:
        run: whose picture it is.
        location: float (2,) in [−1, 1].
    """
    side = np.array(run.picture.shape[:2])
    return [rounded(float(at)) for at in (np.asarray(location, float) + 1) / 2 * side]


def write_case(run: Rollout, path: Path, folder: Path) -> dict[str, Any]:
    """Write a run's picture, and return what a result says of the run.

    Args:
        run: on an image whose keypoint is known.
        path: the picture's file, a JPEG, for a PNG may be made smaller.
        folder: of the result, which names files from there on.

    Returns:
        ``name`` of the image, ``image``, its copy, ``distance``, and in pixels of it
        (row, column) of ``truth``, ``prediction`` and of each glimpse,
        ``trajectory``.
    """
    save_picture(run.picture, path)
    return {
        "name": run.name,
        "image": path.relative_to(folder).as_posix(),
        "distance": rounded(run.distance),
        "truth": in_pixels(run, run.truth),
        "prediction": in_pixels(run, run.prediction),
        "trajectory": [in_pixels(run, location) for location in run.locations],
    }
