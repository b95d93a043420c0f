"""Pictures that can be read, and files found by their name without the suffix."""

import os
import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path, PurePath

from common.errors import InputError, file_error
from common.images import IMAGE_SUFFIXES
from datasets.voc_annotations import file_inside


def folded(text: str) -> str:
    """Return what spellings of a file's name have in common on all systems."""
    return unicodedata.normalize("NFC", text).casefold()


def unreadable(read: Callable[[int], object], numbers: Iterable[int]) -> dict[int, str]:
    """Return why pictures cannot be used, by their numbers; each is read once.

    Args:
        read: decodes a picture; raises InputError where it cannot.
        numbers: of the pictures.
    """
    found = {}
    for number in numbers:
        try:
            read(number)
        except InputError as error:
            found[number] = str(error)
    return found


class FilesByStem:
    """The files of a folder that end in some suffixes, by their names without.

    Capitals of the suffix never count. Those of the name do where two files differ in
    nothing else. A folder is listed when its first file is asked for.

    Args:
        folder: where the files lie.
        suffixes: in small letters; where several fit, the first is taken.
        what: the kind of file, for the error.
    """

    def __init__(self, folder: Path, suffixes: Sequence[str], what: str):
        self._folder, self._suffixes, self._what = folder, suffixes, what
        self._listed: dict[str, dict[str, str]] = {}

    def find(self, name: str) -> Path:
        """Return the file of a name, which may have folders before it.

        Raises:
            InputError: there is none, or the name leads out of the folder.
        """
        path = file_inside(self._folder, name, self._suffixes[0])
        if os.path.isfile(path):
            return path
        files = self._files_of(os.path.dirname(name))
        stem = os.path.basename(name)
        found = files.get(stem) or files.get(folded(stem))
        if found is None:
            # Twelve suffixes would bury the name.
            shown = ", ".join(self._suffixes[:3])
            more = " or another of its kind" if len(self._suffixes) > 3 else ""
            expected = f"{self._what} ending in {shown}{more}"
            raise file_error(path, "there is no such file", expected)
        return path.with_name(found)

    def has(self, name: str) -> bool:
        """Tell whether there is a file of a name that is one below the folder."""
        if os.path.isfile(self._folder / f"{name}{self._suffixes[0]}"):
            return True
        files, stem = self._files_of(os.path.dirname(name)), os.path.basename(name)
        return stem in files or folded(stem) in files

    def _files_of(self, below: str) -> dict[str, str]:
        """Return a subfolder's files by name, and by what its spellings share."""
        if below not in self._listed:
            try:
                names = os.listdir(self._folder / below)
            except OSError:
                names = []
            self._listed[below] = _by_stem(names, self._suffixes)
        return self._listed[below]


def _by_stem(names: Sequence[str], suffixes: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    ranked = []
    for name in names:
        stem, suffix = os.path.splitext(name)
        if suffix.lower() in suffixes and not name.startswith("."):
            ranked.append((suffixes.index(suffix.lower()), name, stem))
    for key in (str, folded):
        for _, name, stem in sorted(ranked):
            found.setdefault(key(stem), name)
    return found


def pictures_in(folder: Path) -> FilesByStem:
    """Return the pictures of a folder, of all kinds that programs read."""
    return FilesByStem(folder, IMAGE_SUFFIXES, "an image")


class PictureIndex:
    """Pictures anywhere below a folder, found for what annotates them.

    Args:
        root: the folder.
        pictures: paths of the pictures, below it.
        word: what two folders of one split have in common, by a folder's name.
    """

    def __init__(
        self,
        root: Path,
        pictures: Sequence[Path],
        word: Callable[[str], str | None],
    ):
        self._root, self._word = root, word
        self._by_name: dict[str, list[Path]] = {}
        self._by_stem: dict[str, list[Path]] = {}
        for path in pictures:
            self._by_name.setdefault(folded(path.name), []).append(path)
            self._by_stem.setdefault(folded(path.stem), []).append(path)

    def of_stem(self, stem: str, annotation: Path) -> Path | None:
        """Return the picture called so that lies nearest to its annotation."""
        found = self._by_stem.get(folded(stem), [])
        exact = {path for path in found if path.stem == stem}
        return self._nearest(found, exact, annotation, ())

    def of_name(self, name: str, annotation: Path) -> Path | None:
        """Return the picture that a file names, with or without folders before it."""
        parts = PurePath(name.replace("\\", "/")).parts
        if not parts:
            return None
        found = self._by_name.get(folded(parts[-1]), [])
        exact = {path for path in found if path.name == parts[-1]}
        return self._nearest(found, exact, annotation, parts[:-1])

    def _nearest(
        self,
        found: Sequence[Path],
        exact: Collection[Path],
        annotation: Path,
        folders: Sequence[str],
    ) -> Path | None:
        """Return the picture that shares most with where its annotation is.

        Of those that share as much, an exact one is called so in capitals too.

        Raises:
            InputError: two share as much.
        """
        if len(found) < 2:
            return found[0] if found else None

        def nearness(path: Path) -> tuple[int, ...]:
            *shared, depth = self._nearness(path, annotation, folders)
            return *shared, path in exact, depth

        ranked = sorted(found, key=nearness)
        best, next_best = ranked[-1], ranked[-2]
        if nearness(best) == nearness(next_best):
            raise file_error(
                annotation, f"its picture could be {next_best} or {best}", "one of them"
            )
        return best

    def _nearness(
        self, path: Path, annotation: Path, folders: Sequence[str]
    ) -> tuple[int, ...]:
        own = path.relative_to(self._root).parts[:-1]
        there = annotation.relative_to(self._root).parts[:-1]
        named = 0
        for one, other in zip(reversed(own), reversed(folders), strict=False):
            if folded(one) != folded(other):
                break
            named += 1
        words = {self._word(one) for one in own} - {None}
        shared = len(words & ({self._word(one) for one in there} - {None}))
        before = 0
        for one, other in zip(own, there, strict=False):
            if one != other:
                break
            before += 1
        return named, int(own == there), shared, before, -len(own)
