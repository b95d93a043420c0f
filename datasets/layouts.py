"""What a folder of annotated pictures holds: its layout, found out by looking.

:func:`find_layout` is the one way in. Whatever the files are like, a :class:`Layout`
comes out: names of images, for each a picture and what its annotation says, and the
splits that the set comes in.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from common.errors import InputError, counted, file_error, with_lines
from datasets.gathered import LAYOUTS, Files
from datasets.objects import Stated, shown_name
from datasets.voc_lists import Listed, VocFolder, lists_of


class Layout(Protocol):
    """A set of annotated images, whatever its files are like.

    Attributes:
        folder: of the set.
        kind: how it was read, for people.
        notes: what is worth a line, and no error.
    """

    folder: Path
    kind: str
    notes: list[str]

    def splits(self, class_name: str) -> list[str]:
        """Return the names of the splits that can be asked for."""

    def listed(self, split: str, class_name: str) -> list[Listed]:
        """Return the images of a split; of all of them where it is empty."""

    def picture(self, name: str) -> Path:
        """Return the path of an image's pixels."""

    def has_picture(self, name: str) -> bool:
        """Tell whether the image's pixels are there: annotations may come alone."""

    def stated(self, name: str) -> Stated:
        """Return what an image's annotation says."""


@dataclass(frozen=True)
class Survey:
    """What annotations hold, counted.

    Attributes:
        objects: of each class, how many.
        spelling: of each class, as it stands in the first file.
        labels: of each image, VOC's label for each class that it holds.
        bad: of each annotation that cannot be read, the line that says why.
        nameless: a line for each object without a class that could be read.
    """

    objects: Counter[str] = field(default_factory=Counter)
    spelling: dict[str, str] = field(default_factory=dict)
    labels: dict[str, dict[str, int]] = field(default_factory=dict)
    bad: dict[str, str] = field(default_factory=dict)
    nameless: dict[str, list[str]] = field(default_factory=dict)

    @property
    def classes(self) -> str:
        """The classes and how many objects each has, for people."""
        most = self.objects.most_common(12)
        words = [f"{shown_name(self.spelling[name])} ({count})" for name, count in most]
        more = len(self.objects) - len(most)
        return ", ".join(words) + (f" and {more} more" if more else "") or "none"

    def lines(self, names: Iterable[str]) -> list[str]:
        """Return what is wrong with the annotations of some images, a line each."""
        found = []
        for name in names:
            found += [self.bad[name]] if name in self.bad else []
            found += self.nameless.get(name, [])
        return found


def survey(layout: Layout, names: Iterable[str]) -> Survey:
    """Read annotations, and count what they hold.

    Args:
        layout: the set.
        names: of its images.
    """
    found = Survey()
    for name in names:
        try:
            stated = layout.stated(name)
        except InputError as error:
            found.bad[name] = str(error)
            continue
        classes = Counter(one.class_name for one in stated.objects)
        if "" in classes:
            found.nameless[name] = [
                f"{one.where}{one.problem or ': there is no name of a class'}"
                for one in stated.objects
                if not one.class_name
            ]
            del classes[""]
        found.objects.update(classes)
        for one in stated.objects:
            if one.class_name:
                found.spelling.setdefault(one.class_name, one.name)
        found.labels[name] = {item: stated.label(item) for item in classes}
    return found


def describe(layout: Layout, count: int, parts: str, found: Survey) -> str:
    """Return what was found in a folder and how it was read, as one line.

    Args:
        layout: what was found.
        count: of images.
        parts: which of the set's parts they are, empty for all.
        found: what their annotations hold; nothing where lists said enough.
    """
    words = [f"{layout.folder}: {layout.kind}", counted(count, "image") + parts]
    if found.objects:
        words.append(f"classes: {found.classes}")
    return ", ".join(words)


def find_layout(folder: Path | str) -> Layout:
    """Find out what a folder holds.

    Args:
        folder: the one that holds the set, or one above it that holds no other.

    Raises:
        InputError: there is no such folder, it holds several sets or none, or what
            says how it is to be read is damaged.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise file_error(folder, "there is no such folder", "a set of annotated images")
    with_lists = _with_lists(folder)
    if len(with_lists) > 1:
        several = ", ".join(str(one.relative_to(folder)) for one in with_lists)
        raise file_error(folder, f"holds several sets: {several}", "one of them")
    if with_lists:
        return VocFolder(with_lists[0])
    files = Files(folder)
    for read in LAYOUTS:
        layout = read(files)
        if layout is not None:
            return layout
    error = file_error(
        folder,
        f"holds {counted(len(files.pictures), 'picture')}, and no annotations that are"
        " known",
        "a set in the layout of PASCAL VOC, COCO, YOLO or CVAT (docs/data.md)",
    )
    raise with_lines(str(error), files.almost)


def _with_lists(folder: Path) -> list[Path]:
    """Return the folder itself if it has VOC's lists, else those up to two below."""
    if lists_of(folder):
        return [folder]
    below = sorted(path for path in folder.glob("*/") if path.is_dir())
    below = [path for path in below if not path.name.startswith(".")]
    found = [path for path in below if lists_of(path)]
    return found or [
        path
        for parent in below
        for path in sorted(parent.glob("*/"))
        if path.is_dir() and lists_of(path)
    ]
