"""What follows from what was counted and measured: sentences, each with its reason."""

from collections.abc import Iterator, Sequence

from check.boxes import FAST_MOVES, MOVES, BoxFacts, Reach
from check.keypoints import KeypointFacts
from check.times import Times, about
from common.errors import counted
from datasets.splits import TEST, TRAINVAL
from glimpse_rnn.data import note_of_side

PAPER_STEPS = 50 * 900 * 10
"""Steps of the paper's training: epochs, images of VOC 2012, steps in a search."""

FEW_IMAGES = 100
"""To train on: with fewer an agent mostly learns them by heart."""

FEW_TESTED = 30
"""With fewer test images chance alone moves a score by several points."""

STRONGEST_OVER_FAST = 51 / 6
"""Minutes of glimpse_rnn's preset ``strongest`` over those of ``fast``, both for 990
photographs (:mod:`glimpse_rnn.presets`)."""

WORTH = 0.05
"""Share of the objects that makes a setting worth its time."""


def box_advice(
    facts: BoxFacts, times: Sequence[Times], shared: Sequence[str] = ()
) -> Iterator[str]:
    """Yield what to train with, and what to expect.

    Args:
        facts: of the set.
        times: of the presets; may be empty.
        shared: names of pictures that are both to train and to test on.
    """
    yield from _preset_advice(facts, times)
    yield from _reach_advice(facts)
    several = sum(n for count, n in facts.per_image.items() if count > 1)
    share = several / sum(facts.per_image.values())
    if share > 0.2:
        yield (
            f"{share:.0%} of the images hold several objects: a test looks for the"
            " first alone, with --only_first_object 0 for the others too"
        )
    yield from _test_advice(facts.images.get(TEST, 0), shared)


def _preset_advice(facts: BoxFacts, times: Sequence[Times]) -> Iterator[str]:
    trained = facts.images.get(TRAINVAL, 0)
    if not trained:
        yield "no image to train on"
        return
    steps = 50 * 10 * trained
    took = {one.preset: f", {about(one.training_seconds)} here" for one in times}
    fast, paper = took.get("fast", ""), took.get("paper", "")
    if steps < PAPER_STEPS / 2:
        yield (
            f"--preset fast fits{fast}: the published learning rate is made for"
            f" {PAPER_STEPS:,} steps, and its 50 epochs of"
            f" {counted(trained, 'image')} have {steps:,} at most"
        )
    else:
        yield (
            f"--preset fast fits{fast}: it learns soonest; 520 photographs of"
            " aeroplanes gave an AP of 0.994, the centre without looking 0.942"
        )
        yield (
            f"--preset paper fits as well{paper}: for scores beside the paper's;"
            f" {trained} images have enough steps for its learning rate, and what it"
            " reaches was not measured"
        )
    if trained < FEW_IMAGES:
        yield (
            f"few to train on ({counted(trained, 'image')}): an agent may learn them by"
            " heart; some hundred are better"
        )


def _reach_advice(facts: BoxFacts) -> Iterator[str]:
    wide, narrow = facts.reach
    fast = FAST_MOVES
    if wide.greedy[0] > 0.2:
        yield (
            f"{wide.greedy[0]:.0%} of the objects fill their image: they are found"
            " without a movement, so compare scores with the random agent's"
        )
    if narrow.greedy[fast] > wide.greedy[fast] + WORTH:
        yield (
            f"--scale_subregion 0.5 reaches {narrow.greedy[fast]:.0%} of the objects in"
            f" {fast} movements, 3/4 {wide.greedy[fast]:.0%}: they are small"
        )
    best = max(facts.reach, key=lambda one: one.greedy[MOVES])
    if best.greedy[MOVES] > _best_at(facts.reach, fast) + WORTH:
        yield (
            f"--number_of_steps {MOVES + 1} reaches {best.greedy[MOVES]:.0%} of the"
            f" objects, the preset's {fast + 1} {_best_at(facts.reach, fast):.0%}"
        )
    if best.greedy[MOVES] < 0.5:
        yield (
            f"{1 - best.greedy[MOVES]:.0%} of the objects are out of reach: the"
            f" hierarchy's regions fit none of them by half (median side"
            f" {facts.median_side:.0%} of the image's); cut images into parts"
        )


def _best_at(reach: Sequence[Reach], moves: int) -> float:
    return max(one.greedy[moves] for one in reach)


def keypoint_advice(
    facts: KeypointFacts, times: Sequence[Times], keypoint: str, image_size: int
) -> Iterator[str]:
    """Yield what to train with, and what to expect.

    Args:
        facts: of the set.
        times: of the presets; may be empty.
        keypoint: its name; empty where it has none.
        image_size: side of the canvases in pixels.
    """
    if not facts.images["train"] or not facts.images["test"]:
        missing = "train" if not facts.images["train"] else "test"
        yield f"no image to {missing} on: give some in the column or file of that split"
    yield from _keypoint_presets(times)
    if 0 < facts.images["train"] < 3 * FEW_IMAGES:
        yield (
            f"few to train on ({counted(facts.images['train'], 'image')}): --scale 0.2"
            " --shift 0.2 --colour 0.2 vary them"
        )
    yield from note_of_side(keypoint)
    if facts.constant.get("0.10", 0) > 50:
        yield (
            f"the mean place alone finds {facts.constant['0.10']:.0f} % within 0.10:"
            " keypoints lie so close together that there is little to learn"
        )
    tenth = 0.1 * facts.normalisers_of_height.median * image_size
    if tenth < 2:
        yield (
            f"a distance of 0.10 is {tenth:.1f} pixels of the canvas, too few to aim"
            f" at: --image_size {2 * image_size}, or crop the pictures"
        )
    shared = [", ".join(names) for names in facts.shared]
    yield from _test_advice(facts.images["test"], shared)


def _keypoint_presets(times: Sequence[Times]) -> Iterator[str]:
    """Yield what speaks for each preset, and its time."""
    seconds = {one.preset: one.training_seconds for one in times}
    if "fast" in seconds:
        strongest = about(STRONGEST_OVER_FAST * seconds["fast"])
        yield (
            f"--preset fast, {about(seconds['fast'])} here: it learns soonest; 990"
            " photographs of door handles gave 67 % within 0.10"
        )
        yield (
            f"--preset strongest, {strongest} by its factor of"
            f" {STRONGEST_OVER_FAST:.1f}, not measured here: it finds most, 85 % of the"
            " same; it stands on VGG-16, and wants a processor with bfloat16"
        )
    if "paper" in seconds:
        yield (
            f"--preset paper, {about(seconds['paper'])} here: for rates beside the"
            " paper's; its model had 74 % of the same after 270 epochs, not these 140"
        )


def _test_advice(tested: int, shared: Sequence[str]) -> Iterator[str]:
    if shared:
        yield (
            f"{counted(len(shared), 'picture')} to train on and to test on, such"
            f" as {shared[0]}: scores will be too good"
        )
    if 0 < tested < FEW_TESTED:
        images = counted(tested, "image")
        yield f"{images} to test on: scores will move by chance alone"
