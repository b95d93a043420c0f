"""Actions: a table of what each is called, and what it does to the region.

Numbers, the width of the history and of the Q-network's output, and what strips show
follow from the table. An action is added by a longer table::

    ACTION_SETS["zoom out"] = ActionSet(
        *PAPER_ACTIONS, Action("zoom out", "⊖", zoom_out, mirrored="zoom out")
    )

and chosen by ``--actions "zoom out"``; see ``docs/extending.md``.
"""

from collections.abc import Callable
from dataclasses import dataclass

from hierarchy.quirks import Quirks
from hierarchy.regions import Region, subregion

Move = Callable[[Region, float, Quirks], Region]
"""From a region, ``scale_subregion`` and the published differences to follow, makes the
region that is looked at next."""


@dataclass(frozen=True)
class Action:
    """Something that the agent can do.

    Attributes:
        name: what it is called.
        glyph: a sign for it, one that the font DejaVu Sans has.
        move: makes the next region; None for the trigger, which ends a search.
        mirrored: name of the action that it is in a mirrored image; only
            ``--flip_states 1`` needs to know.
    """

    name: str
    glyph: str
    move: Move | None = None
    mirrored: str = ""


class ActionSet(tuple[Action, ...]):
    """The actions of an agent, numbered from 1 in their order.

    Args:
        *actions: one trigger, one movement or more; names differ.

    Raises:
        ValueError: they are not.
    """

    def __new__(cls, *actions: Action) -> "ActionSet":
        """Number the actions."""
        triggers = [action for action in actions if action.move is None]
        names = {action.name for action in actions}
        if len(triggers) != 1 or len(actions) < 2 or len(names) != len(actions):
            raise ValueError(
                "actions: expected one trigger, movements beside it, and a name of its"
                f" own for each, not {[action.name for action in actions]}"
            )
        return super().__new__(cls, actions)

    @property
    def numbers(self) -> range:
        """Numbers of all actions."""
        return range(1, len(self) + 1)

    @property
    def trigger(self) -> int:
        """Number of the trigger."""
        return next(n for n in self.numbers if self.of(n).move is None)

    @property
    def moves(self) -> tuple[int, ...]:
        """Numbers of the movements."""
        return tuple(n for n in self.numbers if n != self.trigger)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all actions, in the order of their numbers."""
        return tuple(action.name for action in self)

    def of(self, number: int) -> Action:
        """Return the action of a number.

        Raises:
            ValueError: there is none.
        """
        if number not in self.numbers:
            raise ValueError(f"action {number}: expected 1 to {len(self)}")
        return self[number - 1]

    def apply(
        self,
        number: int,
        region: Region,
        scale_subregion: float,
        quirks: Quirks = Quirks(),
    ) -> Region:
        """Return the region after an action; the trigger leaves it as it is.

        Args:
            number: of the action.
            region: before it.
            scale_subregion: a subregion's height and width over its parent's.
            quirks: the published differences to follow.

        Raises:
            ValueError: there is no such action.
        """
        move = self.of(number).move
        return region if move is None else move(region, scale_subregion, quirks)


def zoom_to(down: float, right: float) -> Move:
    """Make the movement to a subregion.

    Args:
        down: where it lies: 0 at the top, 1/2 in the middle, 1 at the bottom.
        right: 0 at the left, 1/2 in the middle, 1 at the right.
    """

    def move(region: Region, scale_subregion: float, quirks: Quirks) -> Region:
        return subregion(region, (down, right), scale_subregion, quirks)

    return move


PAPER_ACTIONS = ActionSet(
    Action("up left", "↖", zoom_to(0, 0), "up right"),
    Action("up right", "↗", zoom_to(0, 1), "up left"),
    Action("down left", "↙", zoom_to(1, 0), "down right"),
    Action("down right", "↘", zoom_to(1, 1), "down left"),
    Action("centre", "⊙", zoom_to(1 / 2, 1 / 2), "centre"),
    Action("trigger", "✓", None, "trigger"),
)
"""Five ways to zoom, and the trigger (paper, section 3.1)."""

UP_LEFT, UP_RIGHT, DOWN_LEFT, DOWN_RIGHT, CENTRE, TRIGGER = PAPER_ACTIONS.numbers
"""The paper's actions under their published numbers."""

ACTION_SETS: dict[str, ActionSet] = {"paper": PAPER_ACTIONS}
"""What ``--actions`` can choose."""
