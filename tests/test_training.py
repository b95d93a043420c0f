from types import SimpleNamespace

import numpy as np
from toy import Counting, toy_parts

from datasets.voc import VocObject
from hierarchy.actions import DOWN_RIGHT, TRIGGER, UP_LEFT
from hierarchy.agent import ActionOutput
from hierarchy.features import FeatureExtractor
from hierarchy.quirks import Quirks
from hierarchy.replay import ReplayMemory
from hierarchy.search import SearchSpec
from hierarchy.train import run_epoch


class Scripted:
    """Does what it is told, and remembers what it was shown."""

    def __init__(self, actions):
        self.actions = iter(actions)
        self.states, self.batches = [], []

    def act(self, states, epsilon):
        self.states += [int(state[0]) for state in states]
        return [ActionOutput(next(self.actions)) for _ in states]

    def update(self, batch):
        self.batches.append(batch)
        return 0.5


class Newest:
    """Samples the slots it is told to."""

    def __init__(self, *slots):
        self.slots = slots

    def choice(self, size, count, replace):
        return np.array(self.slots[:count])


def run(
    actions, quirks=Quirks(), capacity=2, sampled=(0,), images=1, steps=4, **options
):
    """Train on images with one small plane each; return all that took part."""
    agent, memory = Scripted(actions), ReplayMemory(capacity, 25)
    parts = toy_parts(
        agent,
        Counting(),
        memory,
        SearchSpec(number_of_steps=steps, quirks=quirks),
        Newest(*sampled),
        batch_size=len(sampled),
        **options,
    )
    pixels = np.zeros((100, 100, 3), np.uint8)
    objects = (VocObject("aeroplane", (80, 80, 90, 90), False),)
    pictures = [
        SimpleNamespace(key=str(number), pixels=pixels, objects=objects)
        for number in range(images)
    ]
    return list(run_epoch(parts, pictures, epsilon=0.0)), agent, memory


def transitions(memory):
    held = memory.transitions
    return [
        (int(state[0]), int(next_state[0]))
        for state, next_state in zip(held.states, held.next_states, strict=True)
    ]


def test_each_state_is_the_next_state_of_the_step_before():
    _, agent, memory = run([UP_LEFT] * 4, capacity=10)
    assert agent.states == [1, 2, 3, 4]
    assert transitions(memory) == [(1, 2), (2, 3), (3, 4), (4, 5)]


def test_one_update_a_step_once_the_memory_is_full():
    steps, agent, _ = run([UP_LEFT] * 8, capacity=3, images=2)
    assert [step.loss for step in steps] == [None] * 3 + [0.5] * 5
    assert len(agent.batches) == 5


def test_steps_tell_what_happened():
    steps, _, _ = run([UP_LEFT, TRIGGER, UP_LEFT, TRIGGER], images=2)
    assert [step.image for step in steps] == [0, 0, 1, 1]
    assert [step.action for step in steps] == [UP_LEFT, TRIGGER] * 2
    assert [step.reward for step in steps] == [-1, -3] * 2
    assert [step.is_last for step in steps] == [False, True] * 2
    assert steps[0].region.box == (0, 0, 100, 100)
    assert steps[1].region.box == (0, 0, 75, 75)
    assert all(step.q_values is None for step in steps)


def test_learning_may_start_before_the_memory_is_full():
    steps, agent, _ = run([UP_LEFT] * 4, capacity=10, learning_starts=2)
    assert [step.loss for step in steps] == [None, None, 0.5, 0.5]
    assert len(agent.batches) == 2


def test_several_updates_may_follow_a_step():
    steps, agent, _ = run([UP_LEFT] * 4, updates_per_step=3)
    assert [step.loss for step in steps] == [None, None, 0.5, 0.5]
    assert len(agent.batches) == 6


def test_what_a_trigger_would_have_earned_may_be_remembered_too():
    _, agent, memory = run([UP_LEFT, TRIGGER], capacity=10, counterfactual_rewards=1)
    assert agent.states == [1, 2]
    known = memory.transitions.counterfactual_rewards
    assert np.isnan(known[:, : TRIGGER - 1]).all()
    assert known[:, TRIGGER - 1].tolist() == [-3, -3]


def test_what_every_action_would_have_earned_may_be_remembered_too():
    # The object lies down right: that movement alone and the centre's come nearer.
    _, _, memory = run([DOWN_RIGHT] * 4, capacity=10, counterfactual_rewards=1, gamma=0)
    known = memory.transitions.counterfactual_rewards
    assert known[0].tolist() == [-1, -1, -1, 1, -1, -3]
    taken = known[np.arange(4), memory.transitions.actions - 1]
    assert (taken == memory.transitions.rewards).all()
    _, _, memory = run([UP_LEFT] * 4, capacity=10)
    assert np.isnan(memory.transitions.counterfactual_rewards).all()


def test_the_end_of_a_search_is_described_only_if_its_value_counts():
    _, _, memory = run([UP_LEFT] * 8, capacity=10, images=2, gamma=0)
    assert transitions(memory) == [(1, 2), (2, 3), (3, 4), (4, 4)] + [
        (5, 6),
        (6, 7),
        (7, 8),
        (8, 8),
    ]
    quirks = Quirks(leaked_minibatch=True)
    _, _, memory = run([UP_LEFT] * 4, quirks, capacity=10, gamma=0)
    assert transitions(memory)[-1] == (4, 5)


def test_row_stale_state():
    actions = [UP_LEFT] * 4
    _, agent, memory = run(actions, Quirks(stale_state=True), capacity=10)
    assert agent.states == [1, 1, 1, 1]
    assert transitions(memory) == [(1, 2), (1, 3), (1, 4), (1, 5)]
    _, agent, memory = run(actions, Quirks(), capacity=10)
    assert agent.states == [1, 2, 3, 4]
    assert transitions(memory) == [(1, 2), (2, 3), (3, 4), (4, 5)]


def test_row_leaked_minibatch():
    quirks = Quirks(leaked_minibatch=True)
    # The third step's update samples slot 1, a movement: state 3 is gone on from.
    _, agent, _ = run([UP_LEFT] * 4, quirks, capacity=2, sampled=(1,))
    assert agent.states == [1, 2, 3, 3]
    _, agent, _ = run([UP_LEFT] * 4, Quirks(), capacity=2, sampled=(1,))
    assert agent.states == [1, 2, 3, 4]
    # A search that triggered goes on if the sampled experience did not trigger …
    actions = [UP_LEFT, UP_LEFT, TRIGGER, UP_LEFT, UP_LEFT]
    steps, _, _ = run(actions, quirks, sampled=(1,), steps=6)
    assert [step.action for step in steps] == actions  # the trigger took two of six
    steps, _, _ = run(actions, Quirks(), sampled=(1,), steps=6)
    assert [step.action for step in steps] == actions[:3]
    # … and one that moved ends if the sampled experience did.
    steps, _, _ = run(
        [UP_LEFT, TRIGGER, UP_LEFT], quirks, capacity=2, sampled=(1,), images=2
    )
    assert [step.is_last for step in steps] == [False, True, True]


# Several searches in lockstep


class ByImage:
    """Does with each image what was written down for it."""

    def __init__(self, scripts):
        self.scripts = [iter(script) for script in scripts]
        self.asked, self.updates = [], 0

    def act(self, states, epsilon):
        self.asked.append(len(states))
        images = [int(state[0]) for state in states]
        return [ActionOutput(next(self.scripts[image])) for image in images]

    def update(self, batch):
        self.updates += 1
        return 0.0


class Shown(FeatureExtractor):
    """Makes of a region its image and where it is."""

    size = 5

    def __init__(self):
        self.batches = []

    def __call__(self, images, regions):
        self.batches.append(len(regions))
        views = zip(images, regions, strict=True)
        values = [[int(image.name), *region.box] for image, region in views]
        return np.array(values, np.float32)


SCRIPTS = [
    [UP_LEFT, DOWN_RIGHT, TRIGGER],
    [TRIGGER],
    [DOWN_RIGHT] * 4,
    [UP_LEFT, TRIGGER],
    [DOWN_RIGHT, DOWN_RIGHT, TRIGGER],
]


def in_lockstep(num_searches, **options):
    agent, extract = ByImage(SCRIPTS), Shown()
    memory = ReplayMemory(100, 5 + 24)
    parts = toy_parts(
        agent,
        extract,
        memory,
        SearchSpec(number_of_steps=4),
        np.random.default_rng(0),
        batch_size=2,
        learning_starts=2,
        num_searches=num_searches,
        **options,
    )
    pixels = np.zeros((100, 100, 3), np.uint8)
    objects = (VocObject("aeroplane", (80, 80, 90, 90), False),)
    images = [
        SimpleNamespace(key=str(number), pixels=pixels, objects=objects)
        for number in range(len(SCRIPTS))
    ]
    return list(run_epoch(parts, images, 0.0)), agent, extract, memory


def by_image(steps, memory):
    """Return each image's steps and experiences, in their order."""
    found = {}
    for slot, step in enumerate(steps):
        experience = tuple(array[slot].tobytes() for array in memory.transitions)
        told = step.region, step.action, step.reward, step.iou, step.is_last
        found.setdefault(step.image, []).append((told, experience))
    return found


def test_searches_in_lockstep_experience_what_they_would_one_by_one():
    steps, agent, _, memory = in_lockstep(1)
    expected = by_image(steps, memory)
    assert [step.image for step in steps] == sorted(step.image for step in steps)
    assert agent.asked == [1] * len(steps)
    for num_searches in (2, 3, 5, 9):
        together, agent, extract, memory = in_lockstep(num_searches)
        assert by_image(together, memory) == expected
        assert agent.updates == len(steps) - 2  # as many as there were steps
        assert max(extract.batches) == max(agent.asked) == min(num_searches, 5)


def test_a_lane_that_is_done_takes_the_next_image():
    steps, agent, _, _ = in_lockstep(2)
    assert [step.image for step in steps[:4]] == [0, 1, 0, 2]
    assert agent.asked[:5] == [2] * 5  # one is forced to trigger then


def test_the_order_of_chance_and_learning_is_that_of_the_steps():
    first, second = (in_lockstep(3)[0] for _ in range(2))
    assert [s.loss for s in first] == [s.loss for s in second]
    assert [s.image for s in first] == [s.image for s in second]
