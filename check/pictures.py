"""Pictures that are the same, told by their bytes."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from common.files import sha256_of


def same_pictures(paths: Iterable[Path]) -> list[list[int]]:
    """Return groups of places, two or more each, whose files hold the same bytes."""
    by_size = defaultdict(list)
    for place, path in enumerate(paths):
        by_size[path.stat().st_size].append((place, path))
    groups = defaultdict(list)
    for alike in by_size.values():
        if len(alike) > 1:  # most files are told apart by their length alone
            for place, path in alike:
                groups[sha256_of(path)].append(place)
    return [group for group in groups.values() if len(group) > 1]
