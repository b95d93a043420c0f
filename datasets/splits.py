"""Which images of a set a program trains on, and which it tests on.

A set that comes in parts keeps them. One that is all of a piece is drawn into two: see
:func:`draw_held_out`.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.errors import file_error

TRAINVAL, TEST, ALL = "trainval", "test", "all"

HELD_OUT = 0.2
"""Share of the images that a draw holds out for the test."""

_SPLIT = re.compile(
    r"(train|val|test|trainval|training|valid|validation|testing)(?:_?\d{4})?"
)
_SHORT = {"training": "train", "valid": "val", "validation": "val", "testing": "test"}


def split_of(word: str) -> str | None:
    """Return the split that a folder or a list is called after, None if none.

    ``train``, ``val``, ``test`` and ``trainval``, also written ``Training``, ``valid``
    or ``val2017``.
    """
    match = _SPLIT.fullmatch(word.lower())
    return _SHORT.get(match[1], match[1]) if match else None


def split_in(name: str) -> str | None:
    """Return the split that one word of a file's name says: ``instances_val2017``."""
    words = map(split_of, re.split(r"[^a-z]+", name.lower()))
    return next((word for word in words if word), None)


@dataclass(frozen=True)
class Choice:
    """The parts of a set that serve what was asked for.

    Attributes:
        parts: names of splits; their images are taken one part after the other.
        title: what they are called, for people.
        is_pool: all that there is, for training and test alike: a draw has to divide
            it.
    """

    parts: tuple[str, ...]
    title: str
    is_pool: bool = False


def choose(asked: str, splits: Sequence[str], where: Path | str) -> Choice:
    """Choose the parts of a set that serve for what was asked for.

    ===========================  =====================  ==================
    the set has                  ``trainval`` is        ``test`` is
    ===========================  =====================  ==================
    a split called so            that split             that split
    train, val and test          train and val          test
    train and test               train                  test
    train and val                train                  val
    train alone, or one split    all but what is held   what is held out
    of another name, or none     out
    ===========================  =====================  ==================

    Args:
        asked: ``trainval``, ``test``, the name of a split, or ``all``.
        splits: those that the set has.
        where: the set, for the error.

    Raises:
        InputError: nothing serves.
    """
    known = {split_of(name) or name: name for name in reversed(splits)}
    if asked in splits:
        return Choice((asked,), asked)
    if asked in known:
        return Choice((known[asked],), known[asked])
    if asked == ALL:
        return Choice(tuple(splits), ALL)
    if asked in (TRAINVAL, TEST):
        if not splits:
            return Choice((), asked, is_pool=True)
        if len(splits) == 1 and not {TRAINVAL, TEST, "val"} & known.keys():
            return Choice((splits[0],), splits[0], is_pool=True)
        parts = _parts(asked, known)
        if parts:
            return Choice(parts, " and ".join(parts))
    there = ", ".join(splits) or "none"
    raise file_error(
        where,
        f"there is no set {asked}",
        f"image_set to be one of {there}, or {ALL}",
    )


def _parts(asked: str, known: dict[str, str]) -> tuple[str, ...]:
    """Return the splits that stand in for one that is not there."""
    if asked == TEST:
        stands_in = "val" in known and TRAINVAL not in known
        return (known["val"],) if stands_in else ()
    names = ("train", "val") if TEST in known else ("train",)
    return tuple(known[name] for name in names if name in known and "train" in known)


def draw_held_out(names: Iterable[str], seed: int) -> list[str]:
    """Draw the images that a set without splits holds out for its test.

    Args:
        names: of all annotated images; their order does not count.
        seed: of the draw.

    Returns:
        The names of :data:`HELD_OUT` of them, at least one of two, sorted.
    """
    ordered = sorted(names)
    count = min(max(round(HELD_OUT * len(ordered)), 1), len(ordered) - 1)
    picked = np.random.default_rng(seed).permutation(len(ordered))[: max(count, 0)]
    return sorted(ordered[index] for index in picked)


def share_of(names: Sequence[str], asked: str, held_out: Collection[str]) -> list[str]:
    """Return the images of a pool that training or a test takes.

    Args:
        names: of the pool.
        asked: ``trainval`` or ``test``.
        held_out: names of those that are held out.
    """
    wanted = set(held_out)
    return [name for name in names if (name in wanted) is (asked == TEST)]
