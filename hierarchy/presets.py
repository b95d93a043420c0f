"""Presets of the detectors: settings under a name, which further flags override.

``--preset NAME`` chooses one in training. ``config.json`` remembers it, and a test
takes from there what it shares with training. Times are of 2 cores without a GPU.
"""

from typing import Any

Preset = dict[str, Any]
"""Fields of the settings that are not the paper's, by name."""

PAPER: Preset = {}
"""``python image_zooms/train.py -n 0 --preset paper --two_databases 1``

At most 37 hours (pool45_crops 27) for the 900 images with an aeroplane of VOC 2007 and
2012, 50 times each. Settings are the published ones. What they reach on VOC has not
been measured here.
"""

FAST: Preset = {
    # Searches end sooner.
    "number_of_steps": 6,
    # What is learnt of a region holds for the mirrored one too.
    "flip_states": 1,
    # Every reward of a region is known in training; with no discount it is all that
    # there is to learn, and each region teaches the values of all actions.
    "gamma": 0.0,
    "counterfactual_rewards": 1,
    # With ±1 all movements that raise the IoU would be worth the same.
    "reward": "graded",
    # Descriptors have an L2 norm of about 1,400: Adam's steps are made to fit.
    "descriptor_scale": 0.05,
    "learning_rate": 1e-4,
    "decay_epochs": 3,
    "epochs": 3,
    "epsilon": 0.8,
    "epsilon_step": 0.35,
    "batch_size": 32,
    "buffer_experience_replay": 2500,
    "learning_starts": 64,
    "flip": 1,
}
"""``python image_zooms/train.py -n 0 --preset fast --path_voc caltech_aeroplanes``

15 minutes for 520 images. On 119 others AP is 0.994 ± 0.010 (three seeds), recall the
same; the centre without looking has 0.942 and chance 0.18. Made for a few hundred
images. RESULTS.md says how the settings were chosen.
"""

DEMO: Preset = FAST | {"epochs": 1, "decay_epochs": 1, "epsilon": 0.5}
"""``python image_zooms/train.py -n 0 --preset demo --path_voc drawn/planes``

3 to 6 minutes for 484 drawn images, each seen once: what ``make demo`` runs. On 44
others AP is 0.660 ± 0.029, recall 0.727 ± 0.023 (three seeds); the best that the
hierarchy allows is 0.750, chance 0.016. pool45_crops has 0.536 and 0.705 (one seed).
"""

PRESETS: dict[str, Preset] = {"paper": PAPER, "fast": FAST, "demo": DEMO}
"""What ``--preset`` can choose."""
