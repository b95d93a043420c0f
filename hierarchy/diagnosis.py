"""What a detector's training sees in its log: why it does not learn.

Pure functions of rows of ``log.csv``; ``docs/logs.md`` explains its columns.
"""

from collections.abc import Sequence
from math import ceil

import numpy as np

from common.diagnosis import (
    Check,
    Finding,
    Row,
    Settings,
    growth_of,
    lower_rate,
    since,
    stretch,
)

FEW = 32
"""Experiences below which no smaller batch makes a training worth its time."""

CONSTANT = 1e-3
"""``feature_spread`` below which features are the same everywhere. Those of
a trained trunk have about 0.9."""

ALIKE = 0.02
"""``q_spread_states`` over ``reward_deviation`` below which Q-values do not depend on
what is seen. New networks have more than ten times as much, but with a small
``descriptor_scale``, of which :data:`UPDATES` updates make more."""

UPDATES = 50
"""Updates in an epoch before which Q-values are not judged."""

AT_ONCE = 0.9
"""Share of searches that trigger on the whole image, of those whose first action the
agent chose. In training that is wrong each time: where it would be right the trigger is
forced."""

SEARCHES = 10
"""Searches whose first action the agent chose, below which they are not judged."""

ONE_ACTION = 0.95
"""Share of one action among those that the agent chose."""

CHOICES = 20
"""Actions that the agent chose, below which they are not judged."""


def nothing_learnt(rows: Sequence[Row], settings: Settings) -> str:
    """Learning did not begin."""
    idle = stretch(rows, lambda row: row["loss"] is None)
    if not idle:
        return ""
    steps = sum(row["steps"] or 0 for row in idle)
    needed = settings["learning_starts"] or settings["buffer_experience_replay"]
    held = idle[-1].get("memory")
    held = min(steps, needed) if held is None else held
    epochs = ceil((needed + 1) / max(steps / len(idle), 1))
    return (
        f"nothing learnt{since(rows, idle)}: the memory holds {held:.0f} of the"
        f" {needed} experiences that learning waits for;"
        f" {_earlier_start(held, needed, settings)},"
        f" {epochs} epochs of this length fill it"
    )


def _earlier_start(held: float, needed: int, settings: Settings) -> str:
    """Return the flags with which learning would have begun, or what it lacks."""
    if held < FEW:
        fast = "" if settings["preset"] == "fast" else ", or --preset fast,"
        return f"more images or more --epochs{fast} are needed"
    batch_size = settings["batch_size"]
    if batch_size < min(held, needed):
        return f"--learning_starts {batch_size} begins earlier"
    smaller = 2 ** max(int(held / 4).bit_length() - 1, 0)
    return f"--batch_size {smaller} --learning_starts {smaller} begin earlier"


def features_constant(rows: Sequence[Row], settings: Settings) -> str:
    """What the network sees is the same everywhere."""
    spread = rows[-1].get("feature_spread")
    if spread is None or spread >= CONSTANT:
        return ""
    return (
        f"the trunk's features are constant (spread {spread:.2g}), so that there is"
        " nothing to tell regions apart by: are its weights those of a trained one?"
    )


def q_values_alike(rows: Sequence[Row], settings: Settings) -> str:
    """Q-values do not depend on what is seen, though the network learns."""
    alike = stretch(rows, _is_alike)
    if not alike:
        return ""
    tip = lower_rate(settings)
    if _is_small(alike[-1], "q_spread_actions"):  # not even these: nothing has moved
        tip = f"--learning_rate {10 * settings['learning_rate']:g}"
    elif settings["descriptor_scale"] == 1:
        tip = "--descriptor_scale 0.05"
    return (
        f"all Q-values alike{since(rows, alike)}, whatever is seen (spread"
        f" {alike[-1]['q_spread_states']:.2g}): try {tip} in a new run"
    )


def _is_alike(row: Row) -> bool:
    learns = (row.get("updates") or 0) >= UPDATES
    return learns and _is_small(row, "q_spread_states")


def _is_small(row: Row, name: str) -> bool:
    """Whether a spread of Q-values is next to nothing beside that of the rewards."""
    spread, rewards = row.get(name), row.get("reward_deviation")
    return spread is not None and spread < ALIKE * (rewards or 0)


def triggers_at_once(rows: Sequence[Row], settings: Settings) -> str:
    """The agent takes the whole image for the object."""
    row = rows[-1]
    share = row.get("first_triggers")
    if share is None or share < AT_ONCE or _chosen(row, "episodes") < SEARCHES:
        return ""
    tip = lower_rate(settings)
    if not settings["counterfactual_rewards"]:
        tip = "--counterfactual_rewards 1, which learns what triggers would earn"
    return (
        f"the agent triggers at once in {100 * share:.0f} % of its searches: try {tip}"
    )


def one_action(rows: Sequence[Row], settings: Settings) -> str:
    """The agent does the same wherever it is, and does badly."""
    row = rows[-1]
    shares = {name: share for name, share in row.items() if name.startswith("greedy_")}
    name, share = max(shares.items(), key=lambda item: item[1] or 0, default=("", None))
    is_good = (row["mean_reward"] or 0) >= 0
    if not share or share < ONE_ACTION or is_good or _chosen(row, "steps") < CHOICES:
        return ""
    action = name.removeprefix("greedy_").replace("_", " ")
    tip = lower_rate(settings)
    if settings["reward"] == "iou_sign":
        tip = "--reward graded, which tells movements apart, in a new run"
    return (
        f"one action in {100 * share:.0f} % of the agent's choices, {action}: try {tip}"
    )


def _chosen(row: Row, name: str) -> float:
    """Return how many steps or searches of an epoch were not begun at random."""
    return (1 - (row["epsilon"] or 0)) * (row[name] or 0)


def loss_grows(rows: Sequence[Row], settings: Settings) -> str:
    """Learning diverges."""
    words = growth_of(rows, "loss")
    return words and f"{words}; try {lower_rate(settings)}"


CHECKS: dict[str, Check] = {
    "nothing_learnt": Check(nothing_learnt),
    "features_constant": Check(
        features_constant, frozenset({"q_values_alike", "one_action"})
    ),
    "loss_grows": Check(loss_grows),
    "q_values_alike": Check(
        q_values_alike, frozenset({"triggers_at_once", "one_action"})
    ),
    "triggers_at_once": Check(triggers_at_once, frozenset({"one_action"})),
    "one_action": Check(one_action),
}
"""What a training looks for at the end of each epoch, causes first."""


def untrained(output_biases: np.ndarray) -> list[Finding]:
    """Return what a Q-network by itself says: whether it is as it was made.

    Biases begin at 0, and the first update moves them.

    Args:
        output_biases: float32 (actions,), of its last layer.
    """
    if output_biases.any():
        return []
    words = "nothing learnt: the weights are those of a new network, never updated"
    return [Finding("nothing_learnt", words)]
