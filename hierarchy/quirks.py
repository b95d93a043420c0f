"""The published program's differences from its paper, as switches.

One field for each row of FIDELITY.md, under the row's name. All are off by default,
which gives the paper; ``Quirks.published()`` is the published program.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields

from common.errors import InputError


@dataclass(frozen=True)
class Quirks:
    """Which rows of FIDELITY.md behave as in the published program."""

    leaked_minibatch: bool = False
    """After an update the search goes on from the last sampled experience."""
    stale_state: bool = False
    """While the memory fills, transitions are stored from the search's first state."""
    centre_offset: bool = False
    """The centre region's x-offset is computed from the height."""
    corner_offset: bool = False
    """Offsets are new size / (4 · scale), which fits a scale of 3/4 only."""
    first_iou: bool = False
    """A trigger is never forced before the first step."""
    epsilon: bool = False
    """ε is lowered by subtraction past 0.1 and begins at 1 at each start."""
    exhausted_targets: bool = False
    """With no object of the class left, an object of another class is followed."""
    nested_truncation: bool = False
    """Pixels are cut from the previous crop, with bounds truncated at each level."""
    history_trigger: bool = False
    """The history loses the trigger: while a slot is free, and when it moves up."""
    channel_order: bool = False
    """Images enter the trunk upside down, in RGB, with means off three rows only."""
    mask_colour: bool = False
    """Found objects are masked with the means in BGR order, truncated."""
    layout: bool = False
    """Pooled features: upsampled descriptors are flattened channel, row, column."""
    widened_regions: bool = False
    """Pooled features: regions under 7 cells are widened instead of upsampled."""
    pool45_history: bool = False
    """The same detector: training does not record the trigger in the history."""
    pool45_masking: bool = False
    """The same detector: training keeps the feature maps after masking an object."""
    one_based_boxes: bool = False
    """Corners counted from 1 are taken as bounds counted from 0."""
    first_slot: bool = False
    """The first experience that replaces another goes to the memory's second slot."""
    shared_steps: bool = False
    """All searches of a test image share one limit of steps."""

    @classmethod
    def published(cls) -> "Quirks":
        """Return the published program: every row on."""
        return cls(**{field.name: True for field in fields(cls)})

    @classmethod
    def parse(cls, names: Iterable[str]) -> "Quirks":
        """Return the rows that a command line names.

        Args:
            names: row names, or ``published`` for all of them.

        Raises:
            InputError: a name is none of them.
        """
        names = list(names)
        if "published" in names:
            return cls.published()
        known = [field.name for field in fields(cls)]
        for name in names:
            if name not in known:
                raise InputError(
                    f"quirks: there is no row {name!r} in FIDELITY.md; expected"
                    f" published or some of {', '.join(known)}"
                )
        return cls(**dict.fromkeys(names, True))

    def names(self) -> list[str]:
        """Return the names of the rows that are on, in the order of FIDELITY.md."""
        return [field.name for field in fields(self) if getattr(self, field.name)]
