"""The recorded published program, field by field, through the code that users run."""

import hashlib
from types import SimpleNamespace

import numpy as np
import pytest
from toy import toy_parts

from datasets.voc import VocObject, class_name
from hierarchy.agent import ActionOutput
from hierarchy.features import FeatureExtractor
from hierarchy.images import (
    PUBLISHED_MEAN,
    SearchImage,
    mask_image_with_mean_background,
)
from hierarchy.quirks import Quirks
from hierarchy.regions import area
from hierarchy.replay import ReplayMemory
from hierarchy.search import SearchSpec, detection_searches, training_searches
from hierarchy.train import run_epoch

PUBLISHED = Quirks.published()


def spec_of(run):
    return SearchSpec(
        run["scale_subregion"],
        run["number_of_steps"],
        PUBLISHED,
        fill_colour=PUBLISHED_MEAN,
    )


def picture_of(run, index, image):
    random = np.random.RandomState(run["image_seed_base"] + index)
    size = (image["height"], image["width"], 3)
    return SearchImage(str(index), random.randint(0, 256, size).astype("uint8"))


def objects_of(image):
    return tuple(
        VocObject(class_name(number), (ymin, xmin, ymax, xmax), difficult=False)
        for number, xmin, xmax, ymin, ymax in image["objects"]
    )


def crop_of(region):
    ymin, xmin, ymax, xmax = region.crop
    return [ymin, xmin, ymax - ymin, xmax - xmin]


def start_of(index, search):
    return {
        "image": index,
        "epoch": 0,
        "object": search.object_index,
        "followed": search.target.index,
        "iou": search.iou,
        "available": [int(flag) for flag in search.available_objects],
        "not_finished": int(any(search.available_objects)),
        "image_sum": int(search.image.pixels.sum()),
    }


def step_of(search, action, reward):
    return {
        "step": search.steps_taken,
        "action": action,
        "window": list(search.region.window),
        "crop": crop_of(search.region),
        "iou": pytest.approx(search.iou, abs=1e-12),
        "reward": reward,
        "followed": search.target.index,
        "history": search.state.history.astype(int).tolist(),
        "mask_pixels": area(search.region.box),
    }


def replay_episode(search, recorded_steps):
    steps = []
    for recorded in recorded_steps:
        assert not search.done
        if search.trigger_is_forced:
            assert recorded["action"] == 6
        reward = search.step(recorded["action"])
        steps.append(step_of(search, recorded["action"], reward))
    assert search.done
    return steps


def test_training_searches_are_the_published_ones(golden):
    for run in golden("train_traces")["runs"]:
        episodes = iter(run["episodes"])
        for index, image in enumerate(run["images"]):
            for search in training_searches(
                picture_of(run, index, image),
                objects_of(image),
                class_name(run["class_object"]),
                spec_of(run),
            ):
                recorded = dict(next(episodes))
                recorded_steps = recorded.pop("steps")
                assert start_of(index, search) == recorded
                assert recorded_steps == replay_episode(search, recorded_steps)
        assert next(episodes, None) is None


def test_detection_searches_are_the_published_ones(golden):
    for run in golden("search_traces")["runs"]:
        for index, image in enumerate(run["images"]):
            recorded = iter(image["steps"])
            step, last = 0, None
            for search in detection_searches(
                picture_of(run, index, image),
                spec_of(run),
                bool(run["only_first_object"]),
            ):
                while not search.done:
                    last = next(recorded)
                    search.step(last["action"])
                    step += 1
                    check_search_step(search, step, last)
            assert next(recorded, None) is None
            if last["search_over"]:
                assert search.triggered


def check_search_step(search, step, recorded):
    """A trigger is recorded as the program left it: back at the masked image."""
    region, pixels = search.region, search.image.crop(search.region)
    window = list(region.window)
    if search.triggered:
        window[:2] = [0.0, 0.0]
        masked = mask_image_with_mean_background(
            region.box, search.image, PUBLISHED_MEAN
        )
        pixels = masked.pixels
    digest = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
    found = {
        "step": step,
        "window": window,
        "crop": list(pixels.shape[:2]),
        "crop_sha": digest[:16],
        "mask_pixels": area(region.box),
        "history": search.state.history.astype(int).tolist(),
        "episode_over": int(search.triggered),
    }
    assert found == {name: recorded[name] for name in found}


class Numbering(FeatureExtractor):
    """Makes of a region how many have been asked for."""

    size = 1

    def __init__(self):
        self.count = 0

    def __call__(self, images, regions):
        self.count += 1
        return np.full((len(regions), 1), self.count, np.float32)


class Script:
    """Agent and random generator that do what was recorded."""

    def __init__(self, steps):
        self.steps = steps
        self.now = 0
        self.state_before = None

    def act(self, states, epsilon):
        recorded = self.steps[self.now]["stored"]
        assert [state[0] for state in states] == [recorded[0]]
        return [ActionOutput(recorded[1])]

    def choice(self, size, batch_size, replace):
        assert (size, replace) == (self.steps[self.now]["replay_size"], False)
        sampled = self.steps[self.now]["sampled"]
        assert len(sampled) == batch_size
        return np.array(sampled)

    def update(self, batch):
        self.updated = int(batch.next_states[-1][0])
        return 0.0


def stored(transitions, slot):
    state, action, reward, next_state, *_ = (array[slot] for array in transitions)
    return [int(state[0]), int(action), int(reward), int(next_state[0])]


def test_training_loop_stores_samples_and_leaks_as_published(golden):
    for run in golden("replay_traces")["runs"]:
        script = Script(run["steps"])
        memory = ReplayMemory(run["buffer_experience_replay"], 25, first_slot=1)
        parts = toy_parts(
            script,
            Numbering(),
            memory,
            spec_of(run),
            sampling=script,
            class_object=run["class_object"],
            batch_size=run["batch_size"],
        )
        images = [
            SimpleNamespace(
                key=str(index),
                pixels=np.zeros((image["height"], image["width"], 3), np.uint8),
                objects=objects_of(image),
            )
            for index, image in enumerate(run["images"])
        ]
        moves = [step for episode in run["episodes"] for step in episode["steps"]]
        for step in run_epoch(parts, images, epsilon=1.0):
            check_replay_step(script, memory, step, moves)
        assert script.now == len(run["steps"]) == len(moves)
        final = [stored(memory.transitions, slot) for slot in range(memory.size)]
        assert final == run["final_replay"]


def check_replay_step(script, memory, step, moves):
    recorded, move = script.steps[script.now], moves[script.now]
    assert memory.size == recorded["replay_size"]
    assert recorded["stored"] in [
        stored(memory.transitions, slot) for slot in range(memory.size)
    ]
    if recorded["sampled"] is not None:
        assert script.updated == recorded["state_after"]
        assert step.search.triggered == (recorded["action_after"] == 6)
    assert step_of(step.search, step.action, step.reward) == move
    script.now += 1
