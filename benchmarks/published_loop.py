"""How the published program spends a training step, rebuilt to be timed.

One sample at a time: each of the 100 experiences of a batch asks the network twice,
then the batch is fitted. Nothing of it is used for training here.
"""

import keras
import numpy as np

from hierarchy.q_network import DROPOUT, get_q_network
from hierarchy.regions import TRIGGER
from hierarchy.replay import Experiences


def published_q_network() -> keras.Model:
    """Return the Q-network with its dropout inside, compiled to be fitted."""
    first, second, last = get_q_network().layers
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
    network: keras.Model, batch: Experiences, gamma: float = 0.90
) -> None:
    """Make targets sample by sample, then fit them once."""
    targets = []
    for state, action, reward, next_state, _ in zip(*batch, strict=True):
        target = network.predict(state[None], batch_size=1, verbose=0)[0]
        next_q = network.predict(next_state[None], batch_size=1, verbose=0)[0]
        value = reward if action == TRIGGER else reward + gamma * next_q.max()
        target[action - 1] = value
        targets.append(target)
    network.fit(
        batch.states, np.stack(targets), batch_size=len(targets), epochs=1, verbose=0
    )
