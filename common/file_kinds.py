"""What kind of file a weight file is, and what a file is that is none.

People save web pages, pointers and pickles under the names of weight files. A file is
told by its first bytes, whatever its name; none is executed, nor unpickled.
"""

import lzma
import struct
import zipfile
import zlib
from pathlib import Path

from common.errors import InputError, file_error

HDF5 = "HDF5"
KERAS = ".keras"
ONNX = "ONNX"

WEIGHTS_MEMBER = "model.weights.h5"
"""The weights inside of a ``.keras`` archive, in HDF5."""

ARCHIVE_ERRORS = (
    *(zipfile.BadZipFile, lzma.LZMAError, struct.error, zlib.error),
    *(ArithmeticError, EOFError, LookupError, OSError, RuntimeError, ValueError),
)
"""What ``zipfile`` raises on damaged archives."""

_HEAD = 512
_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def kind_of(path: Path, expected: str) -> str:
    """Tell the kind of a weight file.

    Args:
        path: the file.
        expected: what should be there, for the error.

    Returns:
        ``HDF5``, ``KERAS`` or ``ONNX``. Whether the file is whole is not looked at.

    Raises:
        InputError: there is no such file, or it is of another kind; the line names
            which.
    """
    if not path.exists():
        raise file_error(path, "no such file", expected)
    if path.is_dir():
        what = "a TensorFlow SavedModel" if _holds_saved_model(path) else "a folder"
        raise file_error(path, f"is {what}", expected)
    if not path.stat().st_size:
        raise file_error(path, "is empty", expected)
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except PermissionError as error:
        raise file_error(path, "permission denied", "a file that may be read") from (
            error
        )
    if is_hdf5(path):
        return HDF5
    if head.startswith(b"PK"):
        return _kind_of_archive(path, expected)
    if is_protobuf(head) and not _is_saved_model(head):
        return ONNX
    raise _other(path, head, expected)


def is_hdf5(path: Path) -> bool:
    """Return whether a file has HDF5's signature where HDF5 looks for it.

    The library is not asked: a damaged file may crash it.
    """
    place = 0
    with open(path, "rb") as file:
        while len(found := file.read(len(_SIGNATURE))) == len(_SIGNATURE):
            if found == _SIGNATURE:
                return True
            place = max(2 * place, 512)
            file.seek(place)
    return False


def is_protobuf(head: bytes) -> bool:
    """Return whether a file may be ONNX: its first field is a number, the version."""
    return len(head) > 2 and head[0] == 0x08 and head[1] < 0x80


def _is_saved_model(head: bytes) -> bool:
    """Tell TensorFlow's graphs, whose version is 1; ONNX's went from 3 upwards."""
    return head[:2] == b"\x08\x01"


def _holds_saved_model(folder: Path) -> bool:
    return (folder / "saved_model.pb").is_file()


def _kind_of_archive(path: Path, expected: str) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except ARCHIVE_ERRORS as error:
        raise file_error(
            path, "is cut short or a damaged archive", f"{expected}, so get it again"
        ) from error
    if WEIGHTS_MEMBER in names:
        return KERAS
    if "model.weights.json" in names:
        raise file_error(path, "is a .keras archive in several parts", expected)
    if any(name.endswith("data.pkl") for name in names):
        raise _pytorch(path, expected)
    arrays = any(name.endswith(".npy") for name in names)
    what = "an archive of NumPy's" if arrays else "a ZIP archive"
    raise file_error(path, f"is {what} without {WEIGHTS_MEMBER}", expected)


def _pytorch(path: Path, expected: str) -> InputError:
    return file_error(
        path,
        "is a PyTorch pickle, which is not opened because it could run code",
        expected,
    )


def _other(path: Path, head: bytes, expected: str) -> InputError:
    """Name what a file is instead of weights."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.decode("utf-16", errors="ignore").encode()
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<!--")):
        return file_error(
            path,
            "is a web page",
            f"{expected}; a download button's target rather than the page around it",
        )
    if text.startswith(b"version https://git-lfs"):
        return file_error(
            path,
            "is a Git LFS pointer, not the file it stands for",
            f"{expected}; git lfs pull gets it",
        )
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return _pytorch(path, expected)
    if is_protobuf(head):
        return file_error(
            path, "is the graph of a TensorFlow SavedModel, without weights", expected
        )
    for what, found in (
        ("a gzip archive", head.startswith(b"\x1f\x8b")),
        ("a tar archive", head[257:262] == b"ustar"),
        ("a NumPy array", head.startswith(b"\x93NUMPY")),
        ("a safetensors file", head[8:10] == b'{"' and head[6:8] == b"\0\0"),
    ):
        if found:
            return file_error(path, f"is {what}", expected)
    return file_error(path, "is no weight file of a known kind", expected)
