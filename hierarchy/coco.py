"""What a test found, in the files that COCO's evaluators read.

``detections.json`` is a list in COCO's results format, ``ground_truth.json`` the images
and objects that its ids belong to. Source: https://cocodataset.org/#format-data and
#format-results. Ids count from 1: to ``pycocotools`` an object of id 0 is none.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from common.boxes import Box
from hierarchy.metrics import Detection, GroundTruth
from hierarchy.regions import area

CATEGORY_ID = 1
"""The one class that a detector searches for, whatever its number in VOC."""


def image_id(number: int) -> int:
    """Return the id of an image, given its number in the test from 0."""
    return number + 1


def image_entry(number: int, file_name: str, size: tuple[int, int]) -> dict[str, Any]:
    """Return what ``images`` says of an image.

    Args:
        number: of the image in the test, from 0.
        file_name: without its folder.
        size: (height, width) in pixels.
    """
    height, width = size
    return {
        "id": image_id(number),
        "file_name": file_name,
        "height": height,
        "width": width,
    }


def results_of(detections: Iterable[Detection]) -> list[dict[str, Any]]:
    """Return detections in COCO's results format.

    Returns:
        Of each ``image_id``, ``category_id``, ``bbox``, [x, y, width, height] in pixels
        from the upper left corner, and ``score``.
    """
    return [
        {
            "image_id": image_id(detection.image),
            "category_id": CATEGORY_ID,
            "bbox": _bbox(detection.box),
            "score": detection.score,
        }
        for detection in detections
    ]


def ground_truth_of(
    images: Sequence[dict[str, Any]], truths: Sequence[GroundTruth], class_name: str
) -> dict[str, Any]:
    """Return images and objects in COCO's format.

    Difficult objects are ``iscrowd``, the one way in which COCO's evaluators ignore an
    object; ``ignore``, which some datasets write, they overwrite.

    Args:
        images: an :func:`image_entry` each.
        truths: of each image.
        class_name: of the objects.
    """
    objects = [
        (image["id"], box, is_difficult)
        for image, truth in zip(images, truths, strict=True)
        for box, is_difficult in zip(truth.boxes, truth.difficult, strict=True)
    ]
    return {
        "images": list(images),
        "categories": [{"id": CATEGORY_ID, "name": class_name}],
        "annotations": [
            {
                "id": number,
                "image_id": image,
                "category_id": CATEGORY_ID,
                "bbox": _bbox(box),
                "area": area(box),
                "iscrowd": int(is_difficult),
            }
            for number, (image, box, is_difficult) in enumerate(objects, 1)
        ],
    }


def _bbox(box: Box) -> list[int]:
    ymin, xmin, ymax, xmax = box
    return [xmin, ymin, xmax - xmin, ymax - ymin]
