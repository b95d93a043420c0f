import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hierarchy.metrics import Curve, Detection, GroundTruth, paper_curve, voc_curve

BOX, ELSEWHERE = (0, 0, 10, 10), (50, 50, 60, 60)


def detection(image, box=BOX, score=0.0):
    return Detection(image, box, score)


@st.composite
def cases(draw):
    """Images with objects on a small grid, so that hits happen, and detections."""
    corner, side = st.integers(0, 6), st.integers(2, 8)

    def box():
        y, x, h, w = draw(st.tuples(corner, corner, side, side))
        return y, x, y + h, x + w

    truths = []
    for _ in range(draw(st.integers(1, 4))):
        boxes = tuple(box() for _ in range(draw(st.integers(1, 3))))
        flags = tuple(draw(st.booleans()) for _ in boxes)
        truths.append(GroundTruth(boxes, flags))
    count = draw(st.integers(0, 15))
    scores = draw(st.permutations(range(count)))
    detections = [
        Detection(draw(st.integers(0, len(truths) - 1)), box(), float(score))
        for score in scores
    ]
    return detections, truths


def overlap(one, other):
    """IoU by counting pixels."""
    grids = []
    for ymin, xmin, ymax, xmax in (one, other):
        grid = np.zeros((20, 20), bool)
        grid[ymin:ymax, xmin:xmax] = True
        grids.append(grid)
    return (grids[0] & grids[1]).sum() / (grids[0] | grids[1]).sum()


def points_by_threshold(detections, judge, positives):
    """Recall and precision at every threshold, each counted from nothing."""
    points = []
    for threshold in sorted({d.score for d in detections}, reverse=True):
        kept = [d for d in detections if d.score >= threshold]
        hits, misses = judge(kept)
        if hits + misses:
            points.append((hits / max(positives, 1), hits / (hits + misses)))
    return points


def judge_paper(truths):
    def judge(kept):
        hit_images = {
            d.image
            for d in kept
            if max(overlap(d.box, b) for b in truths[d.image].boxes) > 0.5
        }
        return len(hit_images), len(kept) - len(hit_images)

    return judge


def judge_voc(truths):
    def judge(kept):
        found, misses = set(), 0
        for d in sorted(kept, key=lambda d: -d.score):
            truth = truths[d.image]
            ious = [overlap(d.box, box) for box in truth.boxes]
            best = ious.index(max(ious))
            if ious[best] > 0.5:
                if truth.difficult[best]:
                    continue
                if (d.image, best) not in found:
                    found.add((d.image, best))
                    continue
            misses += 1
        return len(found), misses

    return judge


def areas_below(points):
    """Plain, enveloped and 11-point average precision of a list of points."""
    plain = envelope = last = 0.0
    for index, (recall, precision) in enumerate(points):
        plain += (recall - last) * precision
        envelope += (recall - last) * max(p for _, p in points[index:])
        last = recall
    eleven = [
        max((p for r, p in points if r >= tenth / 10 - 1e-12), default=0)
        for tenth in range(11)
    ]
    return plain, envelope, sum(eleven) / 11


def check(curve, points):
    plain, envelope, eleven = areas_below(points)
    assert curve.average_precision == pytest.approx(plain)
    assert curve.ap_area == pytest.approx(envelope)
    assert curve.ap_11_point == pytest.approx(eleven)
    assert curve.max_recall == pytest.approx(points[-1][0] if points else 0)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(cases())
def test_the_paper_protocol_equals_counting_at_every_threshold(case):
    detections, truths = case
    points = points_by_threshold(detections, judge_paper(truths), len(truths))
    check(paper_curve(detections, truths), points)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(cases())
def test_the_voc_protocol_equals_counting_at_every_threshold(case):
    detections, truths = case
    positives = sum(not flag for truth in truths for flag in truth.difficult)
    points = points_by_threshold(detections, judge_voc(truths), positives)
    check(voc_curve(detections, truths), points)


def test_the_paper_counts_an_image_once():
    two = GroundTruth((BOX, ELSEWHERE), (False, False))
    hits = [detection(0, BOX, 2), detection(0, ELSEWHERE, 1)]
    assert paper_curve(hits, [two]).is_true_positive.tolist() == [True, False]
    assert voc_curve(hits, [two]).is_true_positive.tolist() == [True, True]


def test_voc_ignores_difficult_objects():
    truths = [GroundTruth((BOX,), (True,)), GroundTruth((BOX,), (False,))]
    curve = voc_curve([detection(0, BOX, 2), detection(1, BOX, 1)], truths)
    assert curve.is_true_positive.tolist() == [True]
    assert curve.positives == 1


def test_nothing_found_and_nothing_there_are_zero():
    for curve in (Curve(np.zeros(0, bool), 3), Curve(np.zeros(2, bool), 0)):
        assert curve.average_precision == curve.ap_area == curve.ap_11_point == 0
        assert curve.max_recall == 0
