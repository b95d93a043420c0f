"""Settings that are not the paper's: what learns in minutes from a few hundred images.

    python DETECTOR/train.py -n 0 --preset fast
    python DETECTOR/test.py

RESULTS.md says how they were chosen and what they reach.
"""

FAST = {"number_of_steps": 6, "flip_states": 1}
"""Of training and of testing: searches end sooner, and what is learnt of a region holds
for the mirrored one too."""

FAST_TRAINING = {
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
"""Of training alone."""
