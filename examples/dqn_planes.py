"""Stable-Baselines3's DQN learns VisualSearch/Planes-v0, scored as our agents are.

    python -m examples.dqn_planes  # three minutes of processor time; extra `examples`

                            AP (paper)             recall   AP (VOC)
    this DQN                0.351 [0.212, 0.495]   0.523    0.240
    pool45_crops, make demo 0.536                  0.705    0.283
    random agent            0.007 [0.001, 0.021]   0.159    0.012

8,000 steps, seed 0, 44 test images, 95 % intervals by bootstrap over images. The demo
of pool45_crops sees its training images once. It learns from what actions not taken
would have earned, too, and has whole descriptors, not their means over four quarters.
"""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import gymnasium
import numpy as np
import torch
from stable_baselines3 import DQN

from datasets.drawn.planes import DRAWN_PLANES
from hierarchy.baselines import AgentPolicy
from hierarchy.data import test_set
from hierarchy.encoder import StateEncoder, get_states
from hierarchy.rewards import REWARDS
from hierarchy.test import measure
from pool45_crops.config import TestSettings
from pool45_crops.features import make_features

PLANES = "hierarchy.environment:VisualSearch/Planes-v0"
LEARNER = {"gamma": 0, "learning_rate": 3e-4, "batch_size": 64, "train_freq": 1}
LEARNER |= {"exploration_fraction": 0.8, "exploration_final_eps": 0.1, "seed": 0}


def main(steps=8000, planes=DRAWN_PLANES, out=Path("runs/dqn_planes"), **pictures):
    """Train on what pool45_crops sees of regions; a test of ours measures it."""
    settings = TestSettings.of_preset("fast", path_voc_test=planes, flip_states=0)
    settings = replace(settings, path_testing_folder=out)
    features, encoder = make_features(settings), StateEncoder(4 * 512)
    spec = settings.search_spec(features.fill_colour)

    def extract(images, regions):  # of 7×7 cells the means over four quarters
        cells = features(images, regions).reshape(-1, 7, 7, 512)
        corners = [
            cells[:, top:, left:][:, :4, :4] for top in (0, 3) for left in (0, 3)
        ]
        return 0.1 * np.concatenate([part.mean((1, 2)) for part in corners], axis=1)

    def state(_):
        return get_states([env.unwrapped.search], extract, encoder)[0]

    def q_values(states):
        return model.q_net(torch.as_tensor(states)).detach().numpy()

    graded = replace(spec, reward=REWARDS["graded"])  # as the preset's training
    env = gymnasium.make(PLANES, path_planes=planes, spec=graded, **pictures)
    seen = gymnasium.spaces.Box(-np.inf, np.inf, (encoder.state_size,), np.float32)
    states = gymnasium.wrappers.TransformObservation(env, state, seen)
    model = DQN("MlpPolicy", states, buffer_size=steps, **LEARNER).learn(steps)
    agent = AgentPolicy(SimpleNamespace(predict_on_batch=q_values), extract, encoder)
    about = {"detector": "Stable-Baselines3's DQN", "class": "aeroplane"}
    measure(settings, spec, test_set(settings), agent, about)


if __name__ == "__main__":
    main()
