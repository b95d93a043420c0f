"""A search and a trajectory as they go on, out of the page of a test."""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from common.boxes import Box
from common.errors import InputError, file_error
from figures.figure import Made, Runs
from report.canvas import save_animation
from report.glimpses import Rollout, rollout_stages
from report.page import FILE, read_page
from report.searches import Frame, search_stages

STEP, END = 1.1, 3.0
"""Seconds that a step is shown for, and the last one."""
TILE = 88
"""Side of a glimpse's crop in pixels."""


@dataclass(frozen=True)
class Animation(Runs):
    """Settings of an animation."""

    image: str = ""
    """Name of the image, as the pages have it; the first one if left out."""


def search(settings: Animation) -> Made:
    """A detector's search, step by step, animated, from report.html of a test."""
    data, item = _item_of(settings, "search")
    picture = _picture(data, item)
    image = data["images"][item["image"]]
    scales = np.divide(picture.shape[:2], (image["height"], image["width"]))

    def scaled(box: Any) -> Box:
        values = np.array(box, float).reshape(2, 2) * scales
        ymin, xmin, ymax, xmax = values.round().astype(int).ravel().tolist()
        return ymin, xmin, max(ymax, ymin + 1), max(xmax, xmin + 1)

    for ymin, xmin, ymax, xmax in map(scaled, item["masked"]):
        picture[ymin:ymax, xmin:xmax] = list(bytes.fromhex(data["fill"][1:]))
    frames = []
    for step in item["steps"]:
        ymin, xmin, ymax, xmax = region = scaled(step["box"])
        is_trigger = step["action"] == data["trigger"]
        frames.append(
            Frame(
                picture,
                region,
                picture[ymin:ymax, xmin:xmax],
                step["action"],
                tuple(map(scaled, item["boxes"] or ())),
                outcome=item["outcome"] if is_trigger else "",
                q_values=np.array(step["q"], float) if "q" in step else None,
                iou=step.get("iou"),
            )
        )
    actions = [SimpleNamespace(**action) for action in data["actions"]]
    rows = [
        (item["name"], number, actions[step["action"] - 1].name, *step["box"])
        for number, step in enumerate(item["steps"], 1)
    ]
    stages = search_stages(frames, actions, item["name"])
    return Made(rows, partial(_animate, stages), suffix=".webp")


def trajectory(settings: Animation) -> Made:
    """Glimpses, one by one, animated, from report.html of a test."""
    data, item = _item_of(settings, "rollout")
    picture, own = _picture(data, item), item["own"]
    locations, predictions = (
        np.array(own[name], float) * 2 - 1 for name in ("locations", "predictions")
    )
    windows = np.array(data["windows"], float)
    distances = own["distances"]
    rollout = Rollout(
        picture,
        locations,
        predictions[-1],
        np.array(item["truth"]) * 2 - 1 if item["truth"] else None,
        distances[-1] if distances else None,
        windows,
        np.array([[_crop(picture, at, w) for w in windows] for at in locations]),
        item["name"],
    )
    rows = [
        (item["name"], number, *place, *predicted)
        for number, (place, predicted) in enumerate(
            zip(own["locations"], own["predictions"], strict=True), 1
        )
    ]
    stages = rollout_stages(rollout, predictions, distances)
    return Made(rows, partial(_animate, stages), suffix=".webp")


def _animate(stages: list[np.ndarray], path: Path) -> None:
    save_animation(stages, path, [STEP] * (len(stages) - 1) + [END])


def _item_of(
    settings: Animation, kind: str
) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """Return the data of a page, and what it says of the image that is meant.

    Raises:
        InputError: there is no such page, or the image is in none with its picture.
    """
    if not settings.runs:
        raise InputError(f"runs: none was named; expected folders with {FILE}")
    names: list[str] = []
    for path in (one / FILE if one.is_dir() else one for one in settings.runs):
        data = read_page(path)
        if data["kind"] != kind:
            found = f"is the page of a {data['kind']}"
            raise file_error(path, found, f"that of a {kind}")
        for item in data["items"]:
            if "image" in item and settings.image in ("", item["name"]):
                return data, item
            names.append(item["name"])
    shown = ", ".join(names[:5])
    raise InputError(f"image is {settings.image!r}; expected one of {shown}, …")


def _picture(data: Mapping[str, Any], item: Mapping[str, Any]) -> np.ndarray:
    """Return an item's picture as the page holds it: uint8 (h, w, 3)."""
    source = data["images"][item["image"]]["source"]
    file = io.BytesIO(base64.b64decode(source.partition(",")[2]))
    with Image.open(file, formats=("WEBP",)) as image:
        return np.array(image.convert("RGB"))


def _crop(picture: np.ndarray, location: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Return what lies in a window, black outside of the picture: uint8 (b, b, 3)."""
    size = np.array(picture.shape[:2])
    middle, half = (location + 1) / 2 * size, sides * size / 2
    (top, left), (bottom, right) = middle - half, middle + half
    image = Image.fromarray(picture)
    part = image.crop((round(left), round(top), round(right), round(bottom)))
    return np.asarray(part.resize((TILE, TILE), Image.Resampling.BICUBIC))
