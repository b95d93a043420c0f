"""Reads a whole HDF5 file in a process of its own, which may crash or hang over it.

    python -P hdf5_guard.py LIMIT FILE [MEMBER]

It prints what is wrong with the file, in one line, and nothing if all of it was read.
:mod:`common.hdf5` starts it and tells from how it ends what became of it. It stands on
h5py alone: a start takes a quarter of a second.

LIMIT is the seconds after which it ends by itself, MEMBER the name of the HDF5 file
where FILE is a ZIP archive.
"""

import faulthandler
import io
import os
import signal
import sys
import zipfile
from pathlib import Path
from typing import Any

_BLOCK = 1 << 24
"""Bytes of a dataset that are read at once."""

_PR_SET_PDEATHSIG = 1


def fault_of(path: Path, member: str = "") -> str:
    """Read all links, attributes and arrays of an HDF5 file.

    Whatever a damaged file causes in the HDF5 library happens here: errors, a crash of
    this process, or no return.

    Args:
        path: the file, or an archive.
        member: name of the HDF5 file in the archive; empty if there is no archive.

    Returns:
        The error's class and what it says, in one line; empty if there is none.
    """
    import h5py

    source: Any = path
    try:
        if member:
            with zipfile.ZipFile(path) as archive:
                source = io.BytesIO(archive.read(member))
        with h5py.File(source, "r") as file:
            # h5py stumbles over errors in what it calls: names first.
            elsewhere = file.visititems_links(_name_if_external)
            if elsewhere:
                raise ValueError(f"{elsewhere} lies in another file")
            names: list[str] = []
            file.visit(names.append)
            for name in ("/", *names):
                _read(file[name])
    # h5py has no error class of its own, and a damaged file may cause any.
    except Exception as error:
        # A SystemError is h5py's stumbling over the error before.
        first = isinstance(error, SystemError) and error.__context__
        cause = first or error
        return " ".join(f"{type(cause).__name__}: {cause}".split())
    return ""


def _name_if_external(name: str, link: Any) -> str | None:
    """Return the name of a link into another file, which nobody has looked at."""
    import h5py

    return name if isinstance(link, h5py.ExternalLink) else None


def _read(item: Any) -> None:
    """Read an object's attributes and, of a dataset, its array, block by block."""
    import h5py

    for name in item.attrs:
        item.attrs[name]
    if not isinstance(item, h5py.Dataset):
        return
    if item.external or item.is_virtual:
        raise ValueError(f"{item.name} lies in another file")
    if not item.shape:
        item[()]
        return
    row = max(item.nbytes // max(len(item), 1), 1)
    rows = max(_BLOCK // row, 1)
    # Of an array that was never written there are no bytes to read.
    end = len(item) if item.id.get_storage_size() else min(rows, 1)
    for start in range(0, end, rows):
        item[start : start + rows]


def end_in_time(limit: float) -> None:
    """See to it that this process outlives neither its use nor the one that waits.

    A thread of Python's cannot: HDF5 holds Python's lock while it hangs. Where the
    system cannot tell that the other process is gone, this one ends by the limit.

    Args:
        limit: in seconds.
    """
    faulthandler.dump_traceback_later(limit, exit=True, file=open(os.devnull, "w"))
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(limit: str, path: str, member: str = "") -> None:
    """Read a file, and print what is wrong with it."""
    end_in_time(float(limit))
    print(fault_of(Path(path), member), end="")


if __name__ == "__main__":
    main(*sys.argv[1:])
