"""The detectors' numbers under every backend; glimpse_rnn's: test_glimpse_model.py.

What is compared is computed from weights and inputs that every backend is handed, with
nothing left to chance: backends draw random numbers in ways of their own.
"""

import numpy as np
import pytest
from backends import skip_unless_another, under_both

from hierarchy.q_network import get_q_network
from weights.vgg16 import DESCRIPTOR_SIZE

pytestmark = pytest.mark.slow

STATE_SIZE = 40
BATCH = 12

DESCRIBE = """
import sys
import keras
import numpy as np
from hierarchy.actions import PAPER_ACTIONS
from hierarchy.images import SearchImage
from hierarchy.regions import whole_image
from {detector}.config import TrainSettings
from {detector}.features import make_features
given, output, trunk = sys.argv[1:]
picture = SearchImage("noise", np.load(given)["pixels"])
region = whole_image(*picture.size)
regions = [region, PAPER_ACTIONS.apply(1, region, 0.75)]
regions.append(PAPER_ACTIONS.apply(5, PAPER_ACTIONS.apply(4, region, 0.75), 0.75))
found = {}
for on_device, where in enumerate(("host", "device")):
    extract = make_features(TrainSettings(path_vgg=trunk, on_device=on_device))
    descriptors = extract([picture] * len(regions), regions)
    found[where] = keras.ops.convert_to_numpy(descriptors)
np.savez(output, **found)
"""

LEARN = """
import sys
import keras
import numpy as np
from hierarchy.learner import QLearner
from hierarchy.replay import Transitions
arrays = dict(np.load(sys.argv[1]))
batch = Transitions(*(arrays[name] for name in Transitions._fields))
size = batch.states.shape[1]
scaled = {"learning_rate": 1e-3, "dropout": 0.0, "descriptor_scale": 0.5}
learner = QLearner(size, size - 24, **scaled)
network = learner.network
network.set_weights([arrays[f"weight_{i}"] for i in range(len(network.weights))])
before = learner.q_values(list(batch.states))
loss = learner.update(batch)
# Momentum first: after one update it is a tenth of the gradient.
moments = [keras.ops.convert_to_numpy(m) for m in learner.optimizer.state_variables[2:]]
gradients = {f"gradient_{i}": 10 * m for i, m in enumerate(moments[::2])}
# Adam's first step is the learning rate long, of noise's sign where there is next to
# no gradient: such steps count for little.
steps = {
    f"step_{i}": (weight - arrays[f"weight_{i}"])
    * np.clip(np.abs(gradient) / 1e-5, 0, 1)
    for i, (weight, gradient) in enumerate(
        zip(network.get_weights(), gradients.values(), strict=True)
    )
}
np.savez(sys.argv[2], q_values=before, loss=loss, **gradients, **steps)
"""


@pytest.fixture(params=["tensorflow", "jax", "torch"])
def other(request):
    """A backend that is installed and not the one that the tests run under."""
    skip_unless_another(request.param)
    return request.param


def agree(program, other, tmp_path, given, *arguments):
    """Return a program's results under both backends once they are found equal."""
    ours, theirs = under_both(program, other, tmp_path, given, *arguments)
    for name in ours:
        scale = max(1, np.abs(ours[name]).max())
        difference = np.abs(ours[name] - theirs[name]).max()
        assert difference <= 1e-4 * scale, name
    return ours


@pytest.mark.parametrize("detector", ["image_zooms", "pool45_crops"])
def test_descriptors(detector, other, tmp_path, imagenet_trunk):
    given = tmp_path / "given.npz"
    random = np.random.default_rng(0)
    np.savez(given, pixels=random.integers(0, 256, (150, 200, 3), np.uint8))
    program = DESCRIBE.replace("{detector}", detector)
    found = agree(program, other, tmp_path, given, imagenet_trunk)
    for descriptors in found.values():
        assert descriptors.shape == (3, DESCRIPTOR_SIZE)
        assert all(row.std() > 0 for row in descriptors)


def test_q_values_and_one_update(other, tmp_path):
    random = np.random.default_rng(0)
    network = get_q_network(state_size=STATE_SIZE)
    weights = {
        f"weight_{i}": 10 * weight + np.float32(0.01)
        for i, weight in enumerate(network.get_weights())
    }
    known = np.where(random.random((BATCH, 6)) < 0.3, 1, np.nan)
    given = tmp_path / "given.npz"
    np.savez(
        given,
        states=random.random((BATCH, STATE_SIZE), np.float32),
        actions=random.integers(1, 7, BATCH).astype(np.int32),
        rewards=random.choice([-3, -1, 1, 3], BATCH).astype(np.float32),
        next_states=random.random((BATCH, STATE_SIZE), np.float32),
        discounts=random.choice([0, 0.9], BATCH).astype(np.float32),
        counterfactual_rewards=known.astype(np.float32),
        **weights,
    )
    after = agree(LEARN, other, tmp_path, given)
    moved = max(np.abs(after[f"step_{i}"]).max() for i in range(len(weights)))
    assert moved > 5e-4  # of a learning rate of 1e-3: it did learn
