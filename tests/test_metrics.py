"""Protocols of judging, each against a second way to count, COCO's against COCO's."""

import contextlib
import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.bootstrap import resample_counts
from hierarchy.coco import ground_truth_of, image_entry, results_of
from hierarchy.evaluation import Evaluator
from hierarchy.metrics import (
    COCO_IOUS,
    Curve,
    Detection,
    GroundTruth,
    coco_rankings,
    is_found_by,
    paper_curve,
    paper_ranking,
    top_ious,
    voc_curve,
    voc_ranking,
)

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
        assert curve.ap_101_point == curve.max_recall == 0


# --- COCO's protocol -----------------------------------------------------------------


def random_test(rng, images, most_detections=8, levels=1000):
    """Images with objects, some difficult, and detections most of which hit one.

    With few ``levels`` of scores many are equal.
    """
    truths, detections = [], []
    for image in range(images):
        boxes = [random_box(rng) for _ in range(rng.integers(4))]
        flags = [bool(rng.random() < 0.3) for _ in boxes]
        truths.append(GroundTruth(tuple(boxes), tuple(flags)))
        for _ in range(rng.integers(most_detections + 1)):
            box = random_box(rng)
            if boxes and rng.random() < 0.8:
                box = moved(boxes[rng.integers(len(boxes))], rng)
            score = float(rng.integers(levels)) / levels
            detections.append(Detection(image, box, score))
    return detections, truths


def random_box(rng):
    ymin, xmin = (int(at) for at in rng.integers(60, size=2))
    height, width = (int(side) for side in rng.integers(4, 40, 2))
    return ymin, xmin, ymin + height, xmin + width


def moved(box, rng):
    ymin, xmin, ymax, xmax = (int(at) for at in np.add(box, rng.integers(-4, 5, 4)))
    return max(ymin, 0), max(xmin, 0), max(ymax, ymin + 1, 1), max(xmax, xmin + 1, 1)


def scored_by_coco(detections, truths):
    """AP and recall at each IoU by COCO's own evaluator; None if it defines none."""
    evaluators = pytest.importorskip("pycocotools.cocoeval", reason="the extra dev")
    from pycocotools.coco import COCO

    entries = [image_entry(number, "a", (100, 100)) for number in range(len(truths))]
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO()
        known.dataset = ground_truth_of(entries, truths, "aeroplane")
        known.createIndex()
        found = known.loadRes(results_of(detections))
        evaluator = evaluators.COCOeval(known, found, "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
    precision = evaluator.eval["precision"][:, :, 0, 0, 2]  # all sizes, 100 an image
    recall = evaluator.eval["recall"][:, 0, 0, 2]
    return (None, None) if (recall < 0).any() else (precision.mean(axis=1), recall)


@pytest.mark.parametrize("seed", range(12))
def test_cocos_own_evaluator_says_the_same(seed):
    rng = np.random.default_rng(seed)
    levels = (1000, 6)[seed % 2]  # the second with ties, within and across images
    detections, truths = random_test(rng, 1 + 4 * seed, levels=levels)
    detections.append(Detection(0, BOX, 0.5))  # COCO's evaluator takes no empty list
    # Images in turn, as a test has them: what is equal stays in that order.
    detections.sort(key=lambda detection: detection.image)
    ap, recall = scored_by_coco(detections, truths)
    curves = [ranking.curve for ranking in coco_rankings(detections, truths)]
    if ap is None:
        assert {curve.positives for curve in curves} == {0}
        return
    ours = [curve.ap_101_point for curve in curves]
    np.testing.assert_allclose(ours, ap, atol=1e-9)
    np.testing.assert_allclose([c.max_recall for c in curves], recall, atol=1e-9)
    if seed > 3:
        assert len(set(np.round(ap, 6))) > 3  # they differ from IoU to IoU


def test_coco_looks_at_a_hundred_detections_of_an_image():
    truths = [GroundTruth((BOX,), (False,))] * 2
    many = [Detection(0, ELSEWHERE, 1 + n / 100) for n in range(100)]
    detections = [*many, detection(0, BOX, 0.5), detection(1, BOX, 0.7)]
    ap, recall = scored_by_coco(detections, truths)
    curves = [ranking.curve for ranking in coco_rankings(detections, truths)]
    np.testing.assert_allclose([c.ap_101_point for c in curves], ap, atol=1e-9)
    assert recall.tolist() == [c.max_recall for c in curves] == [0.5] * 10


def test_to_coco_an_iou_of_the_threshold_is_enough():
    truths = [GroundTruth(((0, 0, 10, 10),), (False,))]
    half = [detection(0, (0, 0, 10, 5), 1)]
    first, second, *_ = coco_rankings(half, truths)
    assert (first.curve.ap_101_point, second.curve.ap_101_point) == (1, 0)
    assert voc_curve(half, truths).ap_area == 0
    assert COCO_IOUS[0] == 0.5


# --- accuracy, and recall after some regions -----------------------------------------


def test_accuracy_is_of_the_best_trigger_and_its_area_the_mean_iou():
    truths = [GroundTruth((BOX, ELSEWHERE), (False, True))] * 3
    half, other = (0, 0, 10, 5), (50, 50, 58, 60)
    triggers = [
        detection(0, BOX, 1),
        detection(0, half, 2),
        detection(2, other, 1),
        detection(2, (80, 80, 90, 90), 0),
    ]
    ious = top_ious(triggers, truths)
    assert ious.tolist() == [0.5, 0, 0.8]
    evaluator = Evaluator(truths=truths, triggers=triggers, found_after=[1, 0, 3])
    accuracy = evaluator.results()["accuracy"]
    for iou, rate in zip(accuracy["iou"], accuracy["rate"], strict=True):
        assert rate == pytest.approx(np.mean([one > iou for one in (0.5, 0, 0.8)]))
    assert accuracy["area"] == pytest.approx(1.3 / 3)
    assert np.mean(accuracy["rate"][:-1]) == pytest.approx(1.3 / 3, abs=0.01)


@given(st.lists(st.integers(0, 12), min_size=1), st.integers(1, 10))
def test_recall_after_regions_counts_the_images_found_by_then(found_after, steps):
    evaluator = Evaluator(steps, found_after=found_after)
    evaluator.truths += [GroundTruth((BOX,), (False,))] * len(found_after)
    recall = evaluator.results()["recall_after_regions"]
    shares = [
        sum(0 < after <= most for after in found_after) / len(found_after)
        for most in range(1, steps + 1)
    ]
    assert recall["recall"] == pytest.approx(shares)
    assert recall["area"] == pytest.approx(sum(shares) / steps)
    assert is_found_by([], steps).shape == (0, steps)


# --- intervals -----------------------------------------------------------------------


def drawn_again(detections, truths, row):
    """The test of the images that a row of counts draws, copies as images of their own.

    Scores differ from detection to detection, so that copies rank side by side.
    """
    copies, more = [], []
    for image, count in enumerate(row):
        own = [one for one in detections if one.image == image]
        for _ in range(count):
            more += [replace(one, image=len(copies)) for one in own]
            copies.append(truths[image])
    return more, copies


NAMES = "max_recall average_precision ap_area ap_11_point ap_101_point".split()


@pytest.mark.parametrize("seed", range(6))
def test_resampled_curves_are_those_of_the_images_drawn_again(seed):
    rng = np.random.default_rng(seed)
    detections, truths = random_test(rng, 1 + 3 * seed)
    scores = rng.permutation(len(detections))
    detections = [
        replace(one, score=float(score))
        for one, score in zip(detections, scores, strict=True)
    ]
    counts = resample_counts(rng, len(truths), 12)
    assert counts.sum(axis=1).tolist() == [len(truths)] * 12
    judges = [paper_ranking, voc_ranking]
    judges += [lambda d, t, n=n: coco_rankings(d, t)[n] for n in (0, 4)]
    for judge in judges:
        curves = judge(detections, truths).resampled(counts)
        for number, row in enumerate(counts):
            curve = judge(*drawn_again(detections, truths, row)).curve
            for name in NAMES:
                expected = pytest.approx(getattr(curve, name), abs=1e-12)
                assert getattr(curves, name)[number] == expected, name


def test_intervals_stand_where_the_numbers_do_and_hold_them():
    rng = np.random.default_rng(3)
    detections, truths = random_test(rng, 60)
    evaluator = Evaluator(5, truths, detections, detections)
    evaluator.found_after += rng.integers(0, 7, 60).tolist()
    results = evaluator.results(resample_counts(rng, 60))
    intervals = results["intervals"]
    places = {name: set(part) for name, part in intervals.items()}
    numbers = {name: set(results[name]) - {"iou"} for name in places}
    assert places == numbers
    for name in ("paper", "voc", "coco", "accuracy", "recall_after_regions"):
        for key, pair in intervals[name].items():
            number = results[name][key]
            pairs = list(pair.values()) if key == "ap_by_iou" else pair
            values = list(number.values()) if key == "ap_by_iou" else number
            low, high = np.transpose(pairs)
            assert (low <= values).all() and (values <= high).all()
    low, high = intervals["paper"]["ap"]
    assert 0 < low < high < 1
    assert "intervals" not in evaluator.results()
