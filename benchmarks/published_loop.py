"""How the published programs spend a training step, rebuilt to be timed.

One sample at a time: each of the 100 experiences of a batch asks the network twice,
then the batch is fitted. One number at a time: pool45_crops pools each channel of each
cell by itself. Nothing of it is used for training here.
"""

import keras
import numpy as np

from hierarchy.actions import TRIGGER
from hierarchy.encoder import StateEncoder
from hierarchy.learner import DROPOUT
from hierarchy.q_network import get_q_network
from hierarchy.replay import Transitions
from weights.vgg16 import DESCRIPTOR_SIZE


def published_q_network() -> keras.Model:
    """Return the Q-network with its dropout inside, compiled to be fitted."""
    first, second, last = get_q_network(StateEncoder(DESCRIPTOR_SIZE).state_size).layers
    network = keras.Sequential(
        [
            first,
            keras.layers.Dropout(DROPOUT),
            second,
            keras.layers.Dropout(DROPOUT),
            last,
        ]
    )
    network.compile(loss="mse", optimizer=keras.optimizers.Adam(1e-6))
    return network


def published_update(
    network: keras.Model, batch: Transitions, gamma: float = 0.90
) -> None:
    """Make targets sample by sample, then fit them once."""
    targets = []
    for state, action, reward, next_state, *_ in zip(*batch, strict=True):
        target = network.predict(state[None], batch_size=1, verbose=0)[0]
        next_q = network.predict(next_state[None], batch_size=1, verbose=0)[0]
        value = reward if action == TRIGGER else reward + gamma * next_q.max()
        target[action - 1] = value
        targets.append(target)
    network.fit(
        batch.states, np.stack(targets), batch_size=len(targets), epochs=1, verbose=0
    )


def published_pooling(roi: np.ndarray) -> np.ndarray:
    """Max-pool a region of interest, number by number.

    Args:
        roi: (channels, rows, columns), at least 7 rows and 7 columns.

    Returns:
        float64 (7, 7, channels).
    """
    channels, rows, columns = roi.shape
    pooled = np.zeros((7, 7, channels))
    for channel in range(channels):
        for row in range(7):
            top, bottom = _seventh(rows, row)
            for column in range(7):
                left, right = _seventh(columns, column)
                cell = roi[channel, top:bottom, left:right]
                pooled[row, column, channel] = np.amax(cell)
    return pooled


def _seventh(size: int, number: int) -> tuple[int, int]:
    """Return where a cell begins and ends; the last one takes the rest."""
    step = size // 7
    return number * step, size if number == 6 else (number + 1) * step
