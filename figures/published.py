"""Numbers of the two papers, most of them read off their figures.

Detectors: Bellver et al. 2016 (arXiv 1611.03718), Figs. 5 to 8; VOC 2007 test, the 204
images with an aeroplane. Points were digitised, good to ±0.005; areas are those under
the digitised curves and are not printed in the paper.

Glimpses: the door handle paper's Table 1, and Singh, Hoiem, Forsyth, *Learning to
Localize Little Landmarks*, CVPR 2016, partly digitised from its figures.
"""

from report.curves import PublishedCurve

DETECTORS = "Bellver et al. 2016"
IMAGES = 204
"""VOC 2007 test images with an aeroplane, which the paper's recall counts."""

_RECALLS = (0.05, 0.10, 0.15, 0.20, 0.25, 0.30)


def _curve(
    figure: int, max_recall: float, area: float, *precisions: float
) -> PublishedCurve:
    points = tuple(zip(_RECALLS, precisions, strict=False))
    return PublishedCurve(figure, points, max_recall, area)


CURVES = {
    "upper bound 3/4": _curve(5, 0.480, 0.37, 1.0, 0.90, 0.86, 0.82, 0.75, 0.71),
    "upper bound 2/4": _curve(5, 0.265, 0.16, 0.95, 0.62, 0.51, 0.42, 0.37),
    "random 3/4": _curve(5, 0.157, 0.016, 0.16, 0.09, 0.08),
    "random 2/4": PublishedCurve(5, ((0.05, 0.04), (0.09, 0.07)), 0.088, 0.004),
    "image_zooms": _curve(6, 0.328, 0.12, 0.53, 0.47, 0.43, 0.30, 0.25, 0.17),
    "pool45_crops": _curve(6, 0.314, 0.06, 0.26, 0.25, 0.23, 0.17, 0.15, 0.04),
    "epoch 50": _curve(7, 0.36, 0.13, 0.57, 0.47, 0.43, 0.30, 0.26, 0.17),
    "epoch 45": _curve(7, 0.40, 0.11, 0.44, 0.33, 0.31, 0.28, 0.20, 0.18),
    "epoch 35": _curve(7, 0.37, 0.05, 0.27, 0.20, 0.21, 0.04, 0.04, 0.05),
}
"""Figs. 5 to 7. Fig. 5 compares the hierarchies, Fig. 7 is image_zooms by epoch."""

REGIONS_PER_OBJECT = (67, 25, 20, 8, 5, 3, 4, 0, 2)
"""Fig. 8: objects found after 1 … 9 regions."""

GLIMPSES = "door handle paper"
DISTANCES = (0.02, 0.04, 0.06, 0.08, 0.10)
"""Normalised distances of Table 1: pixels over the height of the car's box."""
KEYS = tuple(f"{distance:.2f}" for distance in DISTANCES)
"""Names of the distances in files: 0.02 … 0.10."""

DETECTION_RATES = {
    "paper, glimpses": (10, 30, 48, 63, 73),
    "Singh et al., as the paper quotes it": (74, 87, 91, 92, 93),
    "Singh et al., digitised: whole-image regression": (6, 18, 33, 46, 57),
    "Singh et al., digitised: 1 step": (54, 77, 86, 89, 91),
    "Singh et al., digitised: 2 steps": (63, 83, 88, 92, 93),
    "Singh et al., digitised: 3 steps": (74, 87, 91, 93, 94),
    "constant predictor": (0, 0.1, 0.3, 0.7, 1.0),
    "knows facing and box, median position": (2, 8, 17, 25, 35),
}
"""Table 1 and its neighbours: % of test cars within each of the distances."""


def is_same_protocol(images: int, class_name: str) -> bool:
    """Tell whether a test is the paper's: aeroplanes on VOC 2007 test.

    Args:
        images: how many were tested on.
        class_name: what was searched for.
    """
    return images == IMAGES and class_name == "aeroplane"


def curves_of(figure: int) -> dict[str, PublishedCurve]:
    """Return the curves of a figure of the detectors' paper, by name."""
    return {name: curve for name, curve in CURVES.items() if curve.figure == figure}


def images_found(curve: PublishedCurve) -> int:
    """Return how many of the paper's 204 images a curve finds."""
    return round(curve.max_recall * IMAGES)
