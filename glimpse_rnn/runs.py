"""From what the model did to what is drawn of it."""

import keras
import numpy as np

from glimpse_rnn.keypoints import KeypointSet
from glimpse_rnn.model import GlimpseRegressor
from glimpse_rnn.visualization import Run


def run_on(
    model: GlimpseRegressor,
    images: KeypointSet,
    index: int,
    did: dict[str, np.ndarray],
    distance: float,
    canvas: np.ndarray | None,
) -> Run:
    """Return one image's run, ready to be drawn.

    Args:
        model: which ran.
        images: the set.
        index: of the image in it.
        did: ``locations`` (T, 2) and ``prediction`` (2,) on that image.
        distance: its Δ.
        canvas: uint8 (S, S, C) for what each glimpse sees; None leaves that out.
    """
    return Run(
        images.picture(index),
        did["locations"],
        did["prediction"],
        images.targets[index, :2],
        distance,
        model_windows(model),
        None if canvas is None else seen(model, canvas, did["locations"]),
        images.names[index],
    )


def model_windows(model: GlimpseRegressor) -> np.ndarray:
    """Return the windows' sizes as shares of the canvas: float (levels, 2)."""
    settings = model.settings
    sides = 2 * settings.radius * 2.0 ** np.arange(settings.levels)
    return np.repeat(sides[:, None] / settings.image_size, 2, axis=1)


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
