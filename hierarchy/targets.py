"""Targets: what the Q-value of an action taken is moved towards.

A target is a function of a few lines. One is added by a line of the table, as in
``docs/extending.md``, and chosen by ``--target``.
"""

from collections.abc import Callable
from typing import Any

from keras import ops

TargetFn = Callable[[Any, Any, Any, Any], Any]
"""From ``q_next`` and ``q_next_target`` (n, actions), Q-values of the next states by
the network that learns and by the target network (the same where there is none),
``reward`` (n,) and ``discount`` (n,), 0 after a trigger, makes the targets (n,)."""


def q_learning(q_next: Any, q_next_target: Any, reward: Any, discount: Any) -> Any:
    """Return r + γ · max Q′(s′, ·).

    Source: paper, section 3.3; Mnih et al., arXiv 1312.5602, and with a target network
    Nature 518 (2015).
    """
    check_shapes(q_next, q_next_target, reward, discount)
    return reward + discount * ops.max(q_next_target, axis=1)


def check_shapes(q_next: Any, q_next_target: Any, reward: Any, discount: Any) -> None:
    """Refuse arrays that broadcasting would make something wrong of.

    Raises:
        ValueError: names the shapes.
    """
    ranks = [len(array.shape) for array in (q_next, q_next_target, reward, discount)]
    if ranks != [2, 2, 1, 1] or tuple(q_next.shape) != tuple(q_next_target.shape):
        raise ValueError(
            f"q_next {q_next.shape}, q_next_target {q_next_target.shape}, reward"
            f" {reward.shape}, discount {discount.shape}: expected (n, actions) twice"
            " and (n,) twice"
        )


TARGETS: dict[str, TargetFn] = {"q_learning": q_learning}
"""What ``--target`` can choose."""
