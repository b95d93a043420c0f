"""Presets of the glimpse regressor: settings under a name, which flags override.

``--preset NAME`` chooses one in training. ``config.json`` remembers it, and a test
builds the same network. Times are of 2 cores without a GPU; detection rates in % are at
0.02, 0.04, 0.06, 0.08 and 0.10 of the car's height, of the mean of 8 sampled runs.

The learning rate falls by updates, not by epochs: ``decay_steps`` of ``fast`` and
``strongest`` are made for 990 images, those of ``demo`` for 486.
"""

from typing import Any

Preset = dict[str, Any]
"""Fields of the settings that are not the paper's, by name."""

PAPER: Preset = {}
"""``python glimpse_rnn/train.py -n 0 --preset paper --path_data door_handles``

About 20 minutes for 990 photographs, which is computed: 140 epochs at the 8 ms an image
that ``benchmarks`` measured. The paper's best model; what it reaches by these settings
has not been measured. With batches of 32, a rate that falls faster and jittered images,
270 epochs in 32 to 60 minutes, 300 others have 13 / 36 / 55 / 67 / 74 (three seeds,
1,100 photographs), and a constant place 0 / 0 / 1 / 2 / 3.
"""

_BETTER: Preset = {
    "cell": "gru",
    # Where in a glimpse something lies is kept.
    "pooling": "none",
    "prediction_offset": 1,
    "batch_size": 32,
    "decay": 0.9,
}
"""What all others have in common."""

_PREDICTED: Preset = {"location": "predicted", "supervision": "every"}
"""Looks where the keypoint is predicted to be; nothing is left to REINFORCE."""

_HALF: Preset = {"image_size": 128, "bandwidth": 30, "radius": 15}
"""Half the paper's resolution: a quarter of the time."""

FAST: Preset = _BETTER | _PREDICTED | _HALF | {"epochs": 45, "decay_steps": 60}
"""``python glimpse_rnn/train.py -n 0 --preset fast --path_data door_handles``

6 minutes for 990 photographs, beside other work. 300 others have 11 / 30 / 45 / 57 / 67
(one seed), and a constant place 0 / 0 / 1 / 2 / 3.
"""

STRONGEST: Preset = (
    _BETTER
    | _PREDICTED
    | {
        "glimpse_network": "vgg16",
        "vgg_blocks": 3,
        # Four levels of 32, 64, 128 and 256 pixels; the last one is the whole canvas.
        "levels": 4,
        "bandwidth": 32,
        "radius": 16,
        "glimpses": 4,
        "location_std": 0.08,
        "scale": 0.2,
        "stretch": 0.1,
        "shift": 0.1,
        "colour": 0.2,
        "epochs": 160,
        "decay_steps": 176,
        "keep_best": 1,
        "convolution_dtype": "bfloat16",
    }
)
"""``python glimpse_rnn/train.py -n 0 --preset strongest --path_data door_handles``

51 minutes for 990 photographs where the processor knows bfloat16; elsewhere
``--convolution_dtype float32`` is faster. 300 others have 23 / 58 / 71 / 81 / 85 (one
seed), with the mean of the last 10 epochs' weights (``python -m glimpse_rnn.average
--last 10``) over a VGG-16 that was fine-tuned for edges. RESULTS.md has the comparison.
"""

DEMO: Preset = _BETTER | _HALF | {"epochs": 60, "decay_steps": 45, "keep_best": 1}
"""``python glimpse_rnn/train.py -n 0 --preset demo --path_data drawn/cars``

3 minutes for 540 drawn cars: what ``make demo MODEL=glimpse_rnn`` runs. 150 others have
7 / 23 / 34 / 41 / 51 (one seed), and a constant place 0 / 0 / 1 / 1 / 3.
"""

PRESETS: dict[str, Preset] = {
    "paper": PAPER,
    "fast": FAST,
    "strongest": STRONGEST,
    "demo": DEMO,
}
"""What ``--preset`` can choose."""
