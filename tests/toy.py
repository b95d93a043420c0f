"""The parts of a training, with toys in place of agent, network and features."""

import numpy as np

from hierarchy.actions import PAPER_ACTIONS
from hierarchy.config import TrainSettings
from hierarchy.encoder import StateEncoder
from hierarchy.features import FeatureExtractor
from hierarchy.quirks import Quirks
from hierarchy.search import SearchSpec
from hierarchy.train import Parts


def toy_parts(agent, extract, memory, spec=SearchSpec(), sampling=None, **settings):
    """Put toys together; ``agent`` acts, and learns too if it has ``update``."""
    settings = {"class_object": 1, **settings}
    encoder = StateEncoder(
        extract.size, spec.history_length, num_actions=len(spec.actions)
    )
    return Parts(
        TrainSettings(**settings),
        spec,
        extract,
        encoder,
        agent,
        agent,
        memory,
        sampling,
        {},
    )


class Counting(FeatureExtractor):
    """Makes of each region a number of its own."""

    size = 1

    def __init__(self):
        self.count = 0

    def __call__(self, images, regions):
        numbers = np.arange(self.count + 1, self.count + 1 + len(regions))
        self.count += len(regions)
        return numbers[:, None].astype(np.float32)


def zoom(region, action, scale_subregion, quirks=Quirks()):
    """Return where a movement of the paper's leads."""
    return PAPER_ACTIONS.apply(action, region, scale_subregion, quirks)
