"""The recorded published program, field by field, through the code that users run."""

import hashlib
from types import SimpleNamespace

import numpy as np
import pytest

from datasets.voc import VocObject
from hierarchy.agent import Choice
from hierarchy.pictures import Picture, mask_image_with_mean_background
from hierarchy.quirks import Quirks
from hierarchy.regions import area
from hierarchy.replay import ReplayMemory
from hierarchy.search import SearchRules, detection_searches, training_searches
from hierarchy.training import Trainer

PUBLISHED = Quirks.published()


def rules_of(run):
    return SearchRules(run["scale_subregion"], run["number_of_steps"], PUBLISHED)


def picture_of(run, index, image):
    random = np.random.RandomState(run["image_seed_base"] + index)
    size = (image["height"], image["width"], 3)
    return Picture(str(index), random.randint(0, 256, size).astype("uint8"))


def objects_of(image):
    return tuple(
        VocObject(class_id, (ymin, xmin, ymax, xmax), difficult=False)
        for class_id, xmin, xmax, ymin, ymax in image["objects"]
    )


def crop_of(region):
    ymin, xmin, ymax, xmax = region.crop
    return [ymin, xmin, ymax - ymin, xmax - xmin]


def start_of(index, search):
    return {
        "image": index,
        "epoch": 0,
        "object": search.target,
        "followed": search.followed.index,
        "iou": search.iou,
        "available": [int(flag) for flag in search.available_objects],
        "not_finished": int(any(search.available_objects)),
        "image_sum": int(search.picture.pixels.sum()),
    }


def step_of(search, action, reward):
    return {
        "step": search.step,
        "action": action,
        "window": list(search.region.window),
        "crop": crop_of(search.region),
        "iou": pytest.approx(search.iou, abs=1e-12),
        "reward": reward,
        "followed": search.followed.index,
        "history": search.state.history.astype(int).tolist(),
        "mask_pixels": area(search.region.box),
    }


def replay_episode(search, recorded_steps):
    steps = []
    for recorded in recorded_steps:
        assert not search.over
        if search.must_trigger:
            assert recorded["action"] == 6
        reward = search.take(recorded["action"])
        steps.append(step_of(search, recorded["action"], reward))
    assert search.over
    return steps


def test_training_searches_are_the_published_ones(golden):
    for run in golden("train_traces")["runs"]:
        episodes = iter(run["episodes"])
        for index, image in enumerate(run["images"]):
            for search in training_searches(
                picture_of(run, index, image),
                objects_of(image),
                run["class_object"],
                rules_of(run),
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
                rules_of(run),
                bool(run["only_first_object"]),
            ):
                while not search.over:
                    last = next(recorded)
                    search.take(last["action"])
                    step += 1
                    check_search_step(search, step, last)
            assert next(recorded, None) is None
            if last["search_over"]:
                assert search.triggered


def check_search_step(search, step, recorded):
    """A trigger is recorded as the program left it: back at the painted image."""
    region, pixels = search.region, search.picture.crop(search.region)
    window = list(region.window)
    if search.triggered:
        window[:2] = [0.0, 0.0]
        painted = mask_image_with_mean_background(region.box, search.picture, PUBLISHED)
        pixels = painted.pixels
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


class Numbering:
    """Describes a region by how many descriptors have been asked for."""

    def __init__(self):
        self.count = 0

    def describe(self, pictures, regions):
        self.count += 1
        return np.full((len(regions), 1), self.count, np.float32)


class Script:
    """Agent and random generator that do what was recorded."""

    def __init__(self, steps):
        self.steps = steps
        self.now = 0
        self.state_before = None

    def choose(self, states, epsilon):
        recorded = self.steps[self.now]["stored"]
        assert [state[0] for state in states] == [recorded[0]]
        return [Choice(recorded[1])]

    def choice(self, size, batch_size, replace):
        assert (size, replace) == (self.steps[self.now]["replay_size"], False)
        sampled = self.steps[self.now]["sampled"]
        assert len(sampled) == batch_size
        return np.array(sampled)

    def update(self, batch):
        self.updated = int(batch.next_states[-1][0])
        return 0.0


def stored(experiences, slot):
    state, action, reward, next_state, _ = (array[slot] for array in experiences)
    return [int(state[0]), int(action), int(reward), int(next_state[0])]


def test_training_loop_stores_samples_and_leaks_as_published(golden):
    for run in golden("replay_traces")["runs"]:
        script = Script(run["steps"])
        memory = ReplayMemory(run["buffer_experience_replay"], 25, first_slot=1)
        trainer = Trainer(
            script,
            Numbering(),
            memory,
            rules_of(run),
            run["class_object"],
            run["batch_size"],
            script,
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
        for step in trainer.epoch(images, epsilon=1.0):
            check_replay_step(script, memory, step, moves)
        assert script.now == len(run["steps"]) == len(moves)
        final = [stored(memory.experiences, slot) for slot in range(memory.size)]
        assert final == run["final_replay"]


def check_replay_step(script, memory, step, moves):
    recorded, move = script.steps[script.now], moves[script.now]
    assert memory.size == recorded["replay_size"]
    assert recorded["stored"] in [
        stored(memory.experiences, slot) for slot in range(memory.size)
    ]
    if recorded["sampled"] is not None:
        assert script.updated == recorded["state_after"]
        assert step.search.triggered == (recorded["action_after"] == 6)
    assert step_of(step.search, step.action, step.reward) == move
    script.now += 1
